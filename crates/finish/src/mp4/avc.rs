//! H.264 decoder configurations (`avcC`): their parameter sets, and two of them in one.
//!
//! Every picture names its parameter sets by number. Where two encoders used different numbers,
//! one configuration can hold the sets of both, and any player can follow from one piece to the
//! other. Where they used the same numbers for different sets, players that know only the first
//! configuration of a track (most do) need the sets in front of each key frame.

use super::reader::{Cursor, Malformed};

/// An AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AvcConfig<'a> {
    /// Version, profile, compatibility, level.
    head: [u8; 4],
    /// Bytes of the length before each unit: 1, 2 or 4.
    pub(crate) length_bytes: u8,
    sequence: Vec<&'a [u8]>,
    picture: Vec<&'a [u8]>,
    /// What profiles above Main add; equal for all 4:2:0 pictures of 8 bits.
    extension: &'a [u8],
}

/// Sets that one configuration can number.
const MAX_SEQUENCE_SETS: usize = 31;
const MAX_PICTURE_SETS: usize = 255;

impl<'a> AvcConfig<'a> {
    /// Reads the body of an `avcC` box.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(body);
        let head = [cursor.u8()?, cursor.u8()?, cursor.u8()?, cursor.u8()?];
        let length_bytes = (cursor.u8()? & 3) + 1;
        let sequence = (0..cursor.u8()? & 0x1f)
            .map(|_| unit(&mut cursor))
            .collect::<Result<_, _>>()?;
        let picture = (0..cursor.u8()?)
            .map(|_| unit(&mut cursor))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            head,
            length_bytes,
            sequence,
            picture,
            extension: cursor.rest(),
        })
    }

    /// Whether every set of `other` is in this one.
    pub(crate) fn holds(&self, other: &AvcConfig<'_>) -> bool {
        self.length_bytes == other.length_bytes
            && other.sequence.iter().all(|set| self.sequence.contains(set))
            && other.picture.iter().all(|set| self.picture.contains(set))
    }

    /// The body of a configuration with the sets of both; `None` where they use a number twice.
    pub(crate) fn joined(&self, other: &AvcConfig<'_>) -> Option<Vec<u8>> {
        if self.length_bytes != other.length_bytes || self.extension != other.extension {
            return None;
        }
        let sequence = united(&self.sequence, &other.sequence, sequence_number)?;
        let picture = united(&self.picture, &other.picture, picture_number)?;
        if sequence.len() > MAX_SEQUENCE_SETS || picture.len() > MAX_PICTURE_SETS {
            return None;
        }
        let [version, profile, compatible, level] = self.head;
        let [_, other_profile, other_compatible, other_level] = other.head;
        let mut out = vec![
            version,
            // High decodes Main and Baseline as encoders here write it; what both promise holds
            // for both.
            profile.max(other_profile),
            compatible & other_compatible,
            level.max(other_level),
            0xfc | (self.length_bytes - 1),
        ];
        out.push(0xe0 | u8::try_from(sequence.len()).ok()?);
        sequence.iter().try_for_each(|set| put(&mut out, set, 2))?;
        out.push(u8::try_from(picture.len()).ok()?);
        picture.iter().try_for_each(|set| put(&mut out, set, 2))?;
        out.extend_from_slice(self.extension);
        Some(out)
    }

    /// All sets as they stand in front of a key frame, each with its length.
    pub(crate) fn in_band(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for set in self.sequence.iter().chain(&self.picture) {
            // Every set has less than 64 KiB; it was read with a length of 16 bits.
            let _fits = put(&mut out, set, self.length_bytes);
        }
        out
    }
}

fn unit<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], Malformed> {
    let length = cursor.u16()?;
    cursor.take(usize::from(length))
}

fn put(out: &mut Vec<u8>, unit: &[u8], length_bytes: u8) -> Option<()> {
    let length = u32::try_from(unit.len()).ok()?.to_be_bytes();
    out.extend_from_slice(length.get(4 - usize::from(length_bytes.min(4))..)?);
    out.extend_from_slice(unit);
    Some(())
}

/// Both lists together; `None` where two different sets have one number or none can be read.
fn united<'a>(
    ours: &[&'a [u8]],
    theirs: &[&'a [u8]],
    number: fn(&[u8]) -> Option<u32>,
) -> Option<Vec<&'a [u8]>> {
    let mut out = ours.to_vec();
    for set in theirs {
        if out.contains(set) {
            continue;
        }
        let wanted = number(set)?;
        if out
            .iter()
            .any(|other| number(other).is_none_or(|taken| taken == wanted))
        {
            return None;
        }
        out.push(set);
    }
    Some(out)
}

/// The number of a sequence parameter set: after the unit's header, profile, constraints, level.
fn sequence_number(unit: &[u8]) -> Option<u32> {
    exp_golomb(unit.get(4..)?)
}

/// The number of a picture parameter set.
fn picture_number(unit: &[u8]) -> Option<u32> {
    exp_golomb(unit.get(1..)?)
}

/// The first unsigned Exp-Golomb number of some bits; numbers here have at most 17 of them, and
/// emulation prevention cannot come so early in one that is not damaged.
fn exp_golomb(bytes: &[u8]) -> Option<u32> {
    let bit = |at: usize| bytes.get(at / 8).map(|byte| byte >> (7 - at % 8) & 1);
    let mut zeros = 0;
    while bit(zeros)? == 0 {
        zeros += 1;
        if zeros > 16 {
            return None;
        }
    }
    let mut value = 0_u32;
    for at in zeros..=2 * zeros {
        value = value << 1 | u32::from(bit(at)?);
    }
    Some(value - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A configuration with one set of each kind, which have this number in one bit pattern.
    fn config(sequence: &[u8], picture: &[u8]) -> Vec<u8> {
        let mut out = vec![1, 100, 0, sequence[3], 0xff, 0xe1];
        put(&mut out, sequence, 2).unwrap();
        out.push(1);
        put(&mut out, picture, 2).unwrap();
        out.extend([0xfd, 0xf8, 0xf8, 0]);
        out
    }

    #[test]
    fn numbers_are_read() {
        for (bits, number) in [(0x80, 0), (0x40, 1), (0x60, 2), (0x10, 7), (0x11, 7)] {
            assert_eq!(exp_golomb(&[bits, 0]), Some(number), "{bits:#x}");
        }
        assert_eq!(exp_golomb(&[]), None);
        assert_eq!(exp_golomb(&[0; 4]), None);
    }

    #[test]
    fn sets_of_different_numbers_stand_together_and_of_the_same_do_not() {
        let ours = config(&[0x67, 100, 0, 31, 0x80, 1], &[0x68, 0x80, 1]);
        let other = config(&[0x67, 100, 0, 40, 0x10, 2], &[0x68, 0x10, 2]);
        let clash = config(&[0x67, 100, 0, 31, 0x80, 9], &[0x68, 0x80, 9]);
        let (ours, other, clash) = (
            AvcConfig::parse(&ours).unwrap(),
            AvcConfig::parse(&other).unwrap(),
            AvcConfig::parse(&clash).unwrap(),
        );
        assert_eq!(ours.joined(&clash), None);
        let joined = ours.joined(&other).unwrap();
        let joined = AvcConfig::parse(&joined).unwrap();
        assert!(joined.holds(&ours) && joined.holds(&other) && !joined.holds(&clash));
        assert_eq!(joined.head, [1, 100, 0, 40]);
        assert!(!ours.holds(&other));
    }

    #[test]
    fn sets_in_front_of_a_key_frame_have_their_lengths() {
        let bytes = config(&[0x67, 100, 0, 31, 0x80], &[0x68, 0x80]);
        let config = AvcConfig::parse(&bytes).unwrap();
        assert_eq!(
            config.in_band(),
            [0, 0, 0, 5, 0x67, 100, 0, 31, 0x80, 0, 0, 0, 2, 0x68, 0x80]
        );
    }

    #[test]
    fn damaged_configurations_are_refused() {
        let whole = config(&[0x67, 100, 0, 31, 0x80], &[0x68, 0x80]);
        for cut in 0..whole.len() - 4 {
            assert!(AvcConfig::parse(&whole[..cut]).is_err(), "{cut}");
        }
    }
}
