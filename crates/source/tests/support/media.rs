//! Looks at what a source sent: boxes by an own reader, everything else by ffmpeg.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lectern_domain::wire::SourceEvent;

use super::{Driver, Run};

/// A chunk as it was announced.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) key: bool,
    pub(crate) bytes: Vec<u8>,
}

/// One track as it was received.
pub(crate) struct Track {
    pub(crate) codec: String,
    pub(crate) init: Vec<u8>,
    pub(crate) chunks: Vec<Chunk>,
}

impl Track {
    /// Whether a sound at this time, in seconds of the run, can be seen to begin: one that was
    /// under way when the track began seems to begin with it.
    pub(crate) fn begins_before(&self, time: f64) -> bool {
        let length_of_a_beep_s = 0.05;
        time > self.start_ns() as f64 / 1e9 + length_of_a_beep_s
    }

    /// Gathers what belongs to `run`, which has one encoder from its beginning to its end.
    pub(crate) fn gather(driver: &Driver, run: &Run) -> Self {
        let mut tracks = Self::gather_all(driver, run);
        assert_eq!(tracks.len(), 1, "one encoder sends one init segment");
        tracks.remove(0)
    }

    /// Gathers what belongs to `run`: a track for each init segment.
    pub(crate) fn gather_all(driver: &Driver, run: &Run) -> Vec<Self> {
        let mut tracks: Vec<Self> = Vec::new();
        for heard in &driver.heard {
            match &heard.frame.message {
                SourceEvent::Init { run: id, codec } if *id == run.id => tracks.push(Self {
                    codec: codec.clone(),
                    init: heard.frame.blob.clone(),
                    chunks: Vec::new(),
                }),
                SourceEvent::Chunk {
                    run: id,
                    start_ns,
                    end_ns,
                    key,
                } if *id == run.id => {
                    let track = tracks.last_mut().expect("the init segment comes first");
                    track.chunks.push(Chunk {
                        start_ns: *start_ns,
                        end_ns: *end_ns,
                        key: *key,
                        bytes: heard.frame.blob.clone(),
                    });
                }
                _ => {}
            }
        }
        assert!(
            tracks.iter().any(|track| !track.chunks.is_empty()),
            "the run has chunks; heard {:?}",
            driver.summary()
        );
        tracks
    }

    pub(crate) fn end_ns(&self) -> u64 {
        self.chunks.last().expect("a track has chunks").end_ns
    }

    pub(crate) fn start_ns(&self) -> u64 {
        self.chunks.first().expect("a track has chunks").start_ns
    }

    /// Writes init and chunks as one file.
    pub(crate) fn write(&self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        let mut bytes = self.init.clone();
        for chunk in &self.chunks {
            bytes.extend_from_slice(&chunk.bytes);
        }
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Ticks a second, from the init segment.
    pub(crate) fn timescale(&self) -> u64 {
        let mdhd = find(&self.init, &[b"moov", b"trak", b"mdia", b"mdhd"]).expect("an init has mdhd");
        let at = if mdhd[0] == 1 { 20 } else { 12 };
        be(&mdhd[at..at + 4])
    }

    /// Checks that every chunk is one complete moof and mdat whose own times are the announced
    /// ones, that chunks join without a seam, and that announced keys are keys. Returns the
    /// samples' durations in ticks.
    pub(crate) fn check_chunks(&self) -> Vec<u64> {
        let scale = self.timescale();
        let ticks = |ns: u64| u64::try_from(u128::from(ns) * u128::from(scale) / 1_000_000_000).unwrap();
        let mut durations = Vec::new();
        let mut end = None;
        for (number, chunk) in self.chunks.iter().enumerate() {
            let kinds: Vec<[u8; 4]> = boxes(&chunk.bytes).map(|(kind, _)| kind).collect();
            let core: Vec<&[u8; 4]> = kinds.iter().filter(|kind| *kind != b"styp").collect();
            assert_eq!(core, [b"moof", b"mdat"], "chunk {number}");
            let tfdt = find(&chunk.bytes, &[b"moof", b"traf", b"tfdt"]).expect("a moof has tfdt");
            let decode = if tfdt[0] == 1 {
                be(&tfdt[4..12])
            } else {
                be(&tfdt[4..8])
            };
            assert_eq!(
                decode,
                ticks(chunk.start_ns),
                "tfdt of chunk {number} is its start"
            );
            let samples = samples(&chunk.bytes);
            let length: u64 = samples.iter().map(|sample| sample.0).sum();
            assert_eq!(
                decode + length,
                ticks(chunk.end_ns),
                "samples of chunk {number} reach its end"
            );
            assert_eq!(chunk.key, samples[0].1, "key of chunk {number}");
            if let Some(end) = end {
                assert_eq!(decode, end, "chunk {number} begins where the one before ended");
            }
            end = Some(decode + length);
            durations.extend(samples.iter().map(|sample| sample.0));
        }
        assert!(self.chunks[0].key, "a track begins with a key chunk");
        durations
    }
}

/// Duration and key of each sample of a chunk.
fn samples(chunk: &[u8]) -> Vec<(u64, bool)> {
    let tfhd = find(chunk, &[b"moof", b"traf", b"tfhd"]).expect("a traf has tfhd");
    let flags = be(&tfhd[1..4]);
    let mut at = 8;
    let mut default = |bit: u64, size: usize| {
        let present = flags & bit != 0;
        let value = if present && size == 4 {
            be(&tfhd[at..at + 4])
        } else {
            0
        };
        at += if present { size } else { 0 };
        value
    };
    default(0x1, 8);
    default(0x2, 4);
    let duration = default(0x8, 4);
    default(0x10, 4);
    let sample_flags = default(0x20, 4);

    let trun = find(chunk, &[b"moof", b"traf", b"trun"]).expect("a traf has trun");
    let flags = be(&trun[1..4]);
    let count = be(&trun[4..8]);
    let mut at = 8 + if flags & 1 != 0 { 4 } else { 0 };
    let mut first_flags = None;
    if flags & 4 != 0 {
        first_flags = Some(be(&trun[at..at + 4]));
        at += 4;
    }
    (0..count)
        .map(|number| {
            let mut take = |bit: u64, default: u64| {
                if flags & bit == 0 {
                    return default;
                }
                at += 4;
                be(&trun[at - 4..at])
            };
            let duration = take(0x100, duration);
            take(0x200, 0);
            let own = take(0x400, first_flags.filter(|_| number == 0).unwrap_or(sample_flags));
            take(0x800, 0);
            (duration, own & 0x0001_0000 == 0)
        })
        .collect()
}

fn be(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// The boxes of one level: kind and content.
fn boxes(mut rest: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let length = usize::try_from(be(&rest[..4])).unwrap();
        assert!(length >= 8 && length <= rest.len(), "a box is whole");
        let (this, after) = rest.split_at(length);
        rest = after;
        Some((this[4..8].try_into().unwrap(), &this[8..]))
    })
}

fn find<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    let (first, rest) = path.split_first()?;
    let content = boxes(bytes).find(|(kind, _)| kind == *first)?.1;
    if rest.is_empty() {
        Some(content)
    } else {
        find(content, rest)
    }
}

/// The lines that ffmpeg prints on errors while it decodes all of `file`.
pub(crate) fn decode_errors(file: &Path) -> String {
    let out = Command::new("ffmpeg")
        .args(["-v", "error", "-xerror", "-i"])
        .arg(file)
        .args(["-f", "null", "-"])
        .output()
        .expect("ffmpeg is installed");
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(
        out.status.success() || !text.is_empty(),
        "ffmpeg failed without a word"
    );
    text
}

/// Values that ffprobe prints, one line each.
pub(crate) fn probe(file: &Path, arguments: &[&str]) -> Vec<String> {
    let out = Command::new("ffprobe")
        .args(["-v", "error", "-of", "csv=p=0"])
        .args(arguments)
        .arg(file)
        .output()
        .expect("ffprobe is installed");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout)
        .lines()
        .map(str::to_owned)
        .filter(|line| !line.is_empty())
        .collect()
}

/// Times of the white pictures, in seconds of the run.
pub(crate) fn flashes(file: &Path) -> Vec<f64> {
    let filter = format!("movie={}:si=0,scale=16:16:flags=area,signalstats", file.display());
    let out = Command::new("ffprobe")
        .args(["-v", "error", "-f", "lavfi", "-i", &filter, "-of", "csv=p=0"])
        .args([
            "-show_entries",
            "frame=pts_time:frame_tags=lavfi.signalstats.YAVG",
        ])
        .output()
        .expect("ffprobe is installed");
    let mut before = 255.0;
    let mut times = Vec::new();
    for line in String::from_utf8_lossy(&out.stdout).lines() {
        let numbers: Vec<f64> = line.split(',').filter_map(|field| field.parse().ok()).collect();
        let [time, bright] = numbers[..] else { continue };
        if bright > 190.0 && before <= 190.0 {
            times.push(time);
        }
        before = bright;
    }
    times
}

/// Times at which sound begins after 0.2 s of quiet, in seconds of the run.
pub(crate) fn beeps(file: &Path) -> Vec<f64> {
    // With the track's own stamps and a fixed first one, ffmpeg pads the start: a sample's index
    // is its time.
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-copyts", "-i"])
        .arg(file)
        .args([
            "-map",
            "0:a:0",
            "-af",
            "aresample=48000:async=1:first_pts=0",
            "-ac",
            "1",
            "-f",
            "f32le",
            "-",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("ffmpeg is installed");
    let mut bytes = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut bytes).unwrap();
    assert!(child.wait().unwrap().success());
    let (mut quiet, mut times) = (0u32, Vec::new());
    for (index, four) in bytes.chunks_exact(4).enumerate() {
        let loud = f32::from_le_bytes(four.try_into().unwrap()).abs() > 0.1;
        if loud && quiet > 9_600 {
            times.push(index as f64 / 48_000.0);
        }
        quiet = if loud { 0 } else { quiet + 1 };
    }
    times
}
