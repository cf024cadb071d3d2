//! What an AAC decoder configuration says, and a frame of silence for it.
//!
//! A hole in a sound track is filled with silent frames, so that nothing after it is heard early
//! by readers that only count frames. They are written here bit by bit; one is 4 or 6 bytes,
//! and no encoder is needed.

use std::ops::RangeInclusive;

use super::reader::{Cursor, Malformed};

/// The decoder's view of an AAC track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AacConfig {
    /// Samples a second.
    pub(crate) rate: u32,
    /// How many channels; 0 for layouts that are described elsewhere.
    pub(crate) channels: u8,
    /// Samples in one frame: 1024, or 960 where the configuration says so.
    pub(crate) frame_len: u32,
    /// A whole silent frame; `None` for layouts that this file cannot write.
    pub(crate) silence: Option<Vec<u8>>,
}

const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];
/// Rates may be written out as well. A hole filled with silence at millions of samples a second
/// would take all memory.
const SENSIBLE_RATES: RangeInclusive<u32> = 7_350..=96_000;
const AAC_LC: u32 = 2;

/// Reads an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1).
pub(crate) fn parse_config(asc: &[u8]) -> Result<AacConfig, Malformed> {
    let mut bits = Bits { bytes: asc, at: 0 };
    let object_type = match bits.read(5)? {
        31 => 32 + bits.read(6)?,
        plain => plain,
    };
    let rate = match bits.read(4)? {
        15 => bits.read(24)?,
        index => *RATES
            .get(index as usize)
            .ok_or(Malformed("the sound's sampling rate is reserved"))?,
    };
    if !SENSIBLE_RATES.contains(&rate) {
        return Err(Malformed("the sound's sampling rate is absurd"));
    }
    let channels = bits.read(4)?;
    if object_type != AAC_LC {
        // SBR and its kin carry a second layer that a bare silent frame lacks.
        return Ok(AacConfig {
            rate,
            channels: channels as u8,
            frame_len: 1024,
            silence: None,
        });
    }
    let frame_len = if bits.read(1)? == 1 { 960 } else { 1024 };
    Ok(AacConfig {
        rate,
        channels: channels as u8,
        frame_len,
        silence: silent_frame(channels),
    })
}

/// A raw_data_block whose spectrum is empty: `max_sfb` 0 leaves no section, scale factor or
/// spectral data to write, at any sampling rate.
fn silent_frame(channels: u32) -> Option<Vec<u8>> {
    const ICS_INFO: [(u32, u32); 5] = [(0, 1), (0, 2), (0, 1), (0, 6), (0, 1)];
    const CHANNEL_TAIL: [(u32, u32); 3] = [(0, 1), (0, 1), (0, 1)];
    const GLOBAL_GAIN: (u32, u32) = (100, 8);
    const END: (u32, u32) = (7, 3);
    let mut out = BitWriter::default();
    match channels {
        1 => {
            out.put(&[(0, 3), (0, 4), GLOBAL_GAIN]);
            out.put(&ICS_INFO);
            out.put(&CHANNEL_TAIL);
        }
        2 => {
            out.put(&[(1, 3), (0, 4), (1, 1)]);
            out.put(&ICS_INFO);
            out.put(&[(0, 2)]);
            for _ in 0..2 {
                out.put(&[GLOBAL_GAIN]);
                out.put(&CHANNEL_TAIL);
            }
        }
        _ => return None,
    }
    out.put(&[END]);
    Some(out.bytes)
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn read(&mut self, count: u32) -> Result<u32, Malformed> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self
                .bytes
                .get(self.at / 8)
                .ok_or(Malformed("the sound's decoder configuration is cut"))?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(value)
    }
}

#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    used: u32,
}

impl BitWriter {
    fn put(&mut self, fields: &[(u32, u32)]) {
        for &(value, width) in fields {
            for bit in (0..width).rev() {
                if self.used.is_multiple_of(8) {
                    self.bytes.push(0);
                }
                if let Some(last) = self.bytes.last_mut() {
                    *last |= ((value >> bit & 1) as u8) << (7 - self.used % 8);
                }
                self.used += 1;
            }
        }
    }
}

/// The DecoderSpecificInfo inside an `esds` box's body.
pub(crate) fn decoder_info(esds: &[u8]) -> Result<&[u8], Malformed> {
    let mut cursor = Cursor::new(esds);
    cursor.version_flags()?;
    let mut es = descriptor(&mut cursor, 3)?;
    es.u16()?;
    let flags = es.u8()?;
    if flags & 0x80 != 0 {
        es.u16()?;
    }
    if flags & 0x40 != 0 {
        let length = es.u8()?;
        es.take(usize::from(length))?;
    }
    if flags & 0x20 != 0 {
        es.u16()?;
    }
    let mut decoder = descriptor(&mut es, 4)?;
    decoder.take(13)?;
    Ok(descriptor(&mut decoder, 5)?.rest())
}

fn descriptor<'a>(cursor: &mut Cursor<'a>, tag: u8) -> Result<Cursor<'a>, Malformed> {
    if cursor.u8()? != tag {
        return Err(Malformed("the sound's descriptors are in an unknown order"));
    }
    let mut length = 0_usize;
    for _ in 0..4 {
        let byte = cursor.u8()?;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    cursor.take(length).map(Cursor::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_configuration_is_read() {
        let config = parse_config(&[0x11, 0x90]).unwrap();
        assert_eq!((config.rate, config.frame_len), (48_000, 1024));
        assert_eq!(config.silence.unwrap().len(), 6);
        let mono = parse_config(&[0x12, 0x08]).unwrap();
        assert_eq!((mono.rate, mono.silence.unwrap().len()), (44_100, 4));
        assert!(parse_config(&[0x11]).is_err());
        assert!(parse_config(&[0x16, 0x90]).is_err(), "reserved rate");
        for (rate, sensible) in [
            (0_u32, false),
            (7_000, false),
            (48_000, true),
            (16_000_000, false),
        ] {
            let bits = 2_u64 << 35 | 15 << 31 | u64::from(rate) << 7 | 2 << 3;
            let written = parse_config(&bits.to_be_bytes()[3..]);
            assert_eq!(written.is_ok(), sensible, "{rate}");
        }
    }

    #[test]
    fn layouts_that_cannot_be_silenced_say_so() {
        assert_eq!(parse_config(&[0x11, 0xb0]).unwrap().silence, None, "5.1");
        assert_eq!(
            parse_config(&[0x2b, 0x11, 0x88, 0x00]).unwrap().silence,
            None,
            "HE-AAC"
        );
    }
}
