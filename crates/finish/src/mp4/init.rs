//! The header of a CMAF track: clock, decoder configuration, and the defaults of its fragments.
//!
//! Sample entries are kept as the bytes they came in and copied into the finished file, so that
//! nothing is lost that this code does not understand (colour, aspect ratio, a later codec).

use super::aac::{self, AacConfig};
use super::avc::AvcConfig;
use super::builder::Builder;
use super::reader::{Cursor, FourCc, Malformed, child, children, header, require};

/// What a track's samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Video,
    Sound,
}

/// One decoder configuration.
#[derive(Clone, Debug)]
pub(crate) struct SampleEntry {
    /// The whole entry as it stands in `stsd`, with its header.
    pub(crate) raw: Vec<u8>,
    /// What decoding depends on: two encoders with equal `key` share one entry, though creation
    /// time or bit rate may stand differently in the bytes.
    key: Vec<u8>,
    /// Width and height in pixels; 0 for sound.
    pub(crate) size: (u16, u16),
    /// The configuration of AAC sound.
    pub(crate) aac: Option<AacConfig>,
}

/// Header of the entry and the fields before its boxes.
const VISUAL_HEAD: usize = 8 + VISUAL_FIELDS;

impl SampleEntry {
    pub(crate) fn decodes_like(&self, other: &Self) -> bool {
        // Plain AAC has nothing but rate and channels; some encoders add what they do not use.
        let plain = |entry: &Self| entry.aac.clone().filter(|aac| aac.silence.is_some());
        self.key == other.key || (plain(self).is_some() && plain(self) == plain(other))
    }

    /// Whether a decoder set up from this entry decodes what belongs to the other one too.
    pub(crate) fn serves(&self, other: &Self) -> bool {
        let held = || Some(self.avc()?.holds(&other.avc()?));
        self.decodes_like(other) || (self.size == other.size && held() == Some(true))
    }

    /// One entry for both, where a decoder needs no more than one.
    pub(crate) fn joined(&self, other: &Self) -> Option<Self> {
        if self.size != other.size {
            return None;
        }
        let joined = self.avc()?.joined(&other.avc()?)?;
        let (fields, boxes) = self.raw.split_at_checked(VISUAL_HEAD)?;
        let mut builder = Builder::default();
        builder.boxed(b"avc1", |b| {
            b.raw(fields.get(8..).unwrap_or_default());
            for (name, body) in children(boxes).flatten() {
                let body = if name == *b"avcC" { &joined } else { body };
                b.boxed(&name, |b| {
                    b.raw(body);
                });
            }
        });
        let raw = builder.into_bytes();
        let mut key = b"avc1".to_vec();
        key.extend_from_slice(fields.get(8..)?);
        key.extend_from_slice(&joined);
        Some(Self {
            raw,
            key,
            size: self.size,
            aac: None,
        })
    }

    /// What stands in front of a key frame for players that know only a track's first entry.
    pub(crate) fn in_band(&self) -> Vec<u8> {
        self.avc().map(|config| config.in_band()).unwrap_or_default()
    }

    /// `None` for anything but H.264.
    pub(crate) fn avc(&self) -> Option<AvcConfig<'_>> {
        if self.raw.get(4..8)? != b"avc1" {
            return None;
        }
        let config = child(self.raw.get(VISUAL_HEAD..)?, b"avcC").ok()??;
        AvcConfig::parse(config).ok()
    }
}

/// A CMAF header.
#[derive(Clone, Debug)]
pub(crate) struct Init {
    pub(crate) track_id: u32,
    pub(crate) kind: Kind,
    /// Ticks a second; never 0.
    pub(crate) timescale: u32,
    pub(crate) entry: SampleEntry,
    pub(crate) defaults: Defaults,
}

/// What a sample has where its fragment does not say otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) duration: u32,
    pub(crate) size: u32,
    pub(crate) flags: u32,
}

const VISUAL_FIELDS: usize = 78;
const SOUND_FIELDS: usize = 28;

/// Reads the body of a `moov` box: its first picture or sound track.
pub(crate) fn parse(moov: &[u8]) -> Result<Init, Malformed> {
    for item in children(moov) {
        let (name, trak) = item?;
        if name != *b"trak" {
            continue;
        }
        let mdia = require(trak, b"mdia", "a track has no media box")?;
        let mut hdlr = Cursor::new(require(mdia, b"hdlr", "a track does not say what it is")?);
        hdlr.take(8)?;
        let kind = match &hdlr.fourcc()? {
            b"vide" => Kind::Video,
            b"soun" => Kind::Sound,
            _ => continue,
        };
        let track_id = track_id(require(trak, b"tkhd", "a track has no header")?)?;
        let timescale = timescale(require(mdia, b"mdhd", "a track has no clock")?)?;
        let minf = require(mdia, b"minf", "a track has no media information")?;
        let stbl = require(minf, b"stbl", "a track has no sample table")?;
        let entry = entry(require(stbl, b"stsd", "a track has no sample description")?, kind)?;
        let defaults = defaults(moov, track_id)?;
        return Ok(Init {
            track_id,
            kind,
            timescale,
            entry,
            defaults,
        });
    }
    Err(Malformed("the header has neither a picture nor a sound track"))
}

fn track_id(tkhd: &[u8]) -> Result<u32, Malformed> {
    let mut cursor = Cursor::new(tkhd);
    let (version, _) = cursor.version_flags()?;
    cursor.u32_or_u64(version)?;
    cursor.u32_or_u64(version)?;
    cursor.u32()
}

fn timescale(mdhd: &[u8]) -> Result<u32, Malformed> {
    let mut cursor = Cursor::new(mdhd);
    let (version, _) = cursor.version_flags()?;
    cursor.u32_or_u64(version)?;
    cursor.u32_or_u64(version)?;
    match cursor.u32()? {
        0 => Err(Malformed("the track's clock has 0 ticks a second")),
        ticks => Ok(ticks),
    }
}

fn defaults(moov: &[u8], track_id: u32) -> Result<Defaults, Malformed> {
    let Some(mvex) = child(moov, b"mvex")? else {
        return Ok(Defaults::default());
    };
    for item in children(mvex) {
        let (name, body) = item?;
        if name != *b"trex" {
            continue;
        }
        let mut cursor = Cursor::new(body);
        cursor.version_flags()?;
        if cursor.u32()? != track_id {
            continue;
        }
        cursor.u32()?;
        return Ok(Defaults {
            duration: cursor.u32()?,
            size: cursor.u32()?,
            flags: cursor.u32()?,
        });
    }
    Ok(Defaults::default())
}

fn entry(stsd: &[u8], kind: Kind) -> Result<SampleEntry, Malformed> {
    let mut cursor = Cursor::new(stsd);
    cursor.version_flags()?;
    cursor.u32()?;
    let list = cursor.rest();
    let (fourcc, body) = children(list)
        .next()
        .ok_or(Malformed("the track has no decoder configuration"))??;
    // Short headers only: an entry of 4 GiB does not exist, and `raw` must begin with its own size.
    let raw = match header(list) {
        Some((_, size, 8)) if size == body.len() as u64 + 8 => list.get(..body.len() + 8),
        _ => None,
    };
    let raw = raw.ok_or(Malformed("the decoder configuration has an unknown form"))?;
    let mut fields = Cursor::new(body);
    let (head, size) = match kind {
        Kind::Video => {
            let head = fields.take(VISUAL_FIELDS)?;
            let mut dimensions = Cursor::new(head);
            dimensions.take(24)?;
            (head, (dimensions.u16()?, dimensions.u16()?))
        }
        Kind::Sound => (fields.take(SOUND_FIELDS)?, (0, 0)),
    };
    let (config, aac) = config(fields.rest(), fourcc)?;
    let mut key = fourcc.to_vec();
    match config {
        Some(config) => {
            key.extend_from_slice(head);
            key.extend_from_slice(config);
        }
        None => key.extend_from_slice(body),
    }
    Ok(SampleEntry {
        raw: raw.to_vec(),
        key,
        size,
        aac,
    })
}

/// The box that the decoder is set up from, and what it says of AAC.
fn config(boxes: &[u8], fourcc: FourCc) -> Result<(Option<&[u8]>, Option<AacConfig>), Malformed> {
    for item in children(boxes) {
        let (name, body) = item?;
        match &name {
            b"avcC" | b"hvcC" | b"av1C" | b"vpcC" | b"dOps" => return Ok((Some(body), None)),
            b"esds" if fourcc == *b"mp4a" => {
                let info = aac::decoder_info(body)?;
                return Ok((Some(info), Some(aac::parse_config(info)?)));
            }
            _ => {}
        }
    }
    Ok((None, None))
}
