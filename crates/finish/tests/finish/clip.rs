//! Real H.264 and AAC from ffmpeg, taken apart into CMAF chunks that can be put on any run's
//! clock by writing their `tfdt` anew.

use std::collections::HashMap;
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

pub(crate) const MS: u64 = 1_000_000;

/// One `moof` and its `mdat`.
#[derive(Clone)]
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    tfdt_at: usize,
    pub(crate) start_ns: u64,
    pub(crate) key: bool,
}

impl Chunk {
    /// Appends the chunk to a file, `shift_ns` later on the clock of `clip`.
    pub(crate) fn write(&self, clip: &Clip, shift_ns: u64, file: &mut Vec<u8>) {
        let at = file.len() + self.tfdt_at;
        file.extend_from_slice(&self.bytes);
        let old = u64::from_be_bytes(file[at..at + 8].try_into().unwrap());
        let shift = u128::from(shift_ns) * u128::from(clip.timescale) / 1_000_000_000;
        let new = old + u64::try_from(shift).unwrap();
        file[at..at + 8].copy_from_slice(&new.to_be_bytes());
    }
}

/// One encoder's output from time 0.
pub(crate) struct Clip {
    pub(crate) init: Vec<u8>,
    pub(crate) timescale: u64,
    pub(crate) chunks: Vec<Chunk>,
}

/// A white flash on each whole second, in a black picture; a key frame every 200 ms.
pub(crate) fn flashes(size: &str) -> Arc<Clip> {
    video(size, &["-g", "6", "-bf", "0"])
}

/// The same with pictures decoded out of order.
pub(crate) fn reordered() -> Arc<Clip> {
    video("320x180", &["-g", "30", "-bf", "3", "-b_strategy", "0"])
}

fn video(size: &str, options: &[&str]) -> Arc<Clip> {
    let source = format!(
        "color=c=black:s={size}:r=30:d=12,drawbox=w=iw:h=ih:c=white:t=fill:enable='lt(mod(t+0.001,1),0.034)'"
    );
    let mut args = vec![
        "-f", "lavfi", "-i", &source, "-c:v", "libx264", "-preset", "medium",
    ];
    args.extend(options);
    clip(&args)
}

/// 40 ms of a tone on each whole second.
pub(crate) fn beeps() -> Arc<Clip> {
    let source = "aevalsrc='if(lt(mod(t,1),0.04),0.8*sin(2*PI*1000*t),0)':s=48000:d=12";
    clip(&["-f", "lavfi", "-i", source, "-c:a", "aac", "-ac", "2"])
}

/// Encodes once for each list of arguments in a test run.
pub(crate) fn clip(args: &[&str]) -> Arc<Clip> {
    static MADE: OnceLock<Mutex<HashMap<String, Arc<Clip>>>> = OnceLock::new();
    let mut made = MADE
        .get_or_init(Mutex::default)
        .lock()
        .expect("no test panics in here");
    let name = args.join(" ");
    if let Some(clip) = made.get(&name) {
        return Arc::clone(clip);
    }
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin"])
        .args(args)
        .args([
            "-f",
            "mp4",
            "-movflags",
            "+cmaf+empty_moov+default_base_moof+frag_keyframe",
        ])
        .args(["-frag_duration", "200000", "pipe:1"])
        .output()
        .expect("ffmpeg is installed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let clip = Arc::new(take_apart(&output.stdout));
    made.insert(name, Arc::clone(&clip));
    clip
}

fn find(bytes: &[u8], name: &[u8; 4]) -> usize {
    bytes
        .windows(4)
        .position(|window| window == name)
        .expect("the box is there")
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn take_apart(file: &[u8]) -> Clip {
    let mut init = Vec::new();
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut timescale = 0;
    let mut at = 0;
    while at < file.len() {
        let size = u32_at(file, at) as usize;
        let bytes = &file[at..at + size];
        match &bytes[4..8] {
            b"ftyp" => init.extend_from_slice(bytes),
            b"moov" => {
                init.extend_from_slice(bytes);
                timescale = u64::from(u32_at(bytes, find(bytes, b"mdhd") + 16));
            }
            b"moof" => {
                let tfdt_at = find(bytes, b"tfdt") + 8;
                assert_eq!(bytes[tfdt_at - 4], 1, "64-bit tfdt");
                let ticks = u64::from_be_bytes(bytes[tfdt_at..tfdt_at + 8].try_into().unwrap());
                // ffmpeg gives the first sample's flags in the header or in the first run.
                let tfhd = find(bytes, b"tfhd");
                let default = u32_at(bytes, tfhd + 4) & 0x20 != 0;
                let trun = find(bytes, b"trun");
                let first = u32_at(bytes, trun + 4) & 0x4 != 0;
                let flags = if first { u32_at(bytes, trun + 16) } else { 0 };
                assert!(first || default);
                let start_ns = ticks * 1_000_000_000 / timescale;
                chunks.push(Chunk {
                    bytes: bytes.to_vec(),
                    tfdt_at,
                    start_ns,
                    key: flags & 0x1_0000 == 0,
                });
            }
            b"mdat" => chunks
                .last_mut()
                .expect("moof first")
                .bytes
                .extend_from_slice(bytes),
            _ => {}
        }
        at += size;
    }
    Clip {
        init,
        timescale,
        chunks,
    }
}
