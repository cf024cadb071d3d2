//! A camera that every contender can take: a named pipe of raw pictures at their pace.
//!
//! The pictures are made once and lie in memory, so filling the pipe is all that it costs, and
//! that in this process, which nobody counts.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

/// Size and rate.
pub(crate) const SIZE: (usize, usize) = (1280, 720);
/// Bytes of an I420 picture.
pub(crate) const PICTURE: usize = SIZE.0 * SIZE.1 * 3 / 2;
pub(crate) const FPS: u32 = 30;
/// Seconds of pictures; they run to and fro.
const SECONDS: usize = 3;

/// The pictures.
pub(crate) struct Pictures(Arc<Vec<u8>>);

impl Pictures {
    /// A moving test picture with the noise of a small lens.
    pub(crate) fn make() -> Self {
        let source = format!(
            "testsrc2=s={}x{}:r={FPS}:d={SECONDS},noise=alls=6:allf=t",
            SIZE.0, SIZE.1
        );
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "lavfi", "-i", &source])
            .args(["-pix_fmt", "yuv420p", "-f", "rawvideo", "-"])
            .stderr(Stdio::inherit())
            .output()
            .expect("ffmpeg runs");
        assert_eq!(made.stdout.len() % PICTURE, 0, "whole pictures");
        Self(Arc::new(made.stdout))
    }

    /// Begins to fill a new pipe at `path` once somebody reads it.
    pub(crate) fn play(&self, path: &Path) -> Playing {
        mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).expect("a named pipe");
        let ended = Arc::new(AtomicBool::new(false));
        let (pictures, path, end) = (Arc::clone(&self.0), path.to_owned(), Arc::clone(&ended));
        let opened = path.clone();
        let thread = std::thread::spawn(move || fill(&opened, &pictures, &end));
        Playing {
            path,
            ended,
            thread: Some(thread),
        }
    }
}

/// A pipe that is being filled.
pub(crate) struct Playing {
    path: PathBuf,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<u64>>,
}

impl Playing {
    /// Pictures that the reader did not take in time.
    pub(crate) fn stop(mut self) -> u64 {
        self.ended.store(true, Relaxed);
        // Whoever waits for a reader gets one, and whoever waits for room an end of it.
        drop(File::options().read(true).write(true).open(&self.path));
        self.thread.take().unwrap().join().expect("the camera ends")
    }
}

fn fill(path: &Path, pictures: &[u8], ended: &AtomicBool) -> u64 {
    let mut missed = 0;
    while !ended.load(Relaxed) {
        let pipe = File::options().write(true).open(path).expect("the pipe");
        // As much as any user may have; a smaller pipe works as well.
        let _larger = fcntl(&pipe, FcntlArg::F_SETPIPE_SZ(1024 * 1024));
        missed += fill_until_closed(pipe, pictures, ended);
    }
    missed
}

/// Fills the pipe until its reader goes away or the camera is switched off.
fn fill_until_closed(mut pipe: File, pictures: &[u8], ended: &AtomicBool) -> u64 {
    let count = pictures.len() / PICTURE;
    let began = Instant::now();
    let (mut tick, mut missed) = (0u32, 0u64);
    while !ended.load(Relaxed) {
        let due = began + Duration::from_secs(1) * tick / FPS;
        std::thread::park_timeout(due.saturating_duration_since(Instant::now()));
        if Instant::now() < due {
            continue;
        }
        let (round, at) = (tick as usize / count, tick as usize % count);
        let number = if round % 2 == 0 { at } else { count - 1 - at };
        if pipe.write_all(&pictures[number * PICTURE..][..PICTURE]).is_err() {
            break;
        }
        // A reader that took too long has lost what would have come meanwhile.
        let now = u32::try_from(began.elapsed().as_micros() * u128::from(FPS) / 1_000_000).unwrap();
        missed += u64::from(now.saturating_sub(tick + 1));
        tick = now.max(tick + 1);
    }
    missed
}
