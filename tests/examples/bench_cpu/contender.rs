//! Who records: Lectern, `gst-launch-1.0`, `ffmpeg`, all with the same encoders and settings.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lectern_tests::things::SOUND_DEVICE;
use lectern_tests::{Room, media, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::camera::{FPS, PICTURE, Playing, SIZE};
use crate::stage::{SCREEN, Stage, rest};

/// Time after the start that is not counted: caches, first key frames, connections.
const SETTLING: Duration = Duration::from_secs(4);

/// One of those who record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Lectern,
    GstLaunch,
    Ffmpeg,
}

/// All of them.
pub(crate) const KINDS: [Kind; 3] = [Kind::Lectern, Kind::GstLaunch, Kind::Ffmpeg];

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lectern => "lectern",
            Self::GstLaunch => "gst-launch",
            Self::Ffmpeg => "ffmpeg",
        }
    }
}

/// One track of a result.
pub(crate) struct Track {
    name: &'static str,
    fps: f64,
    longest_ms: f64,
    pub(crate) kbit_s: f64,
}

impl Track {
    fn read(name: &'static str, path: &Path) -> Self {
        let stream = if name == "microphone" { "a:0" } else { "v:0" };
        let packets = media::packets(path, stream);
        let length = media::length(path, stream).max(0.001);
        let bytes = std::fs::metadata(path).unwrap().len();
        Self {
            name,
            fps: packets.len() as f64 / length,
            longest_ms: media::longest_gap(path, stream) * 1000.0,
            kbit_s: bytes as f64 * 8.0 / 1000.0 / length,
        }
    }

    /// How much of what the device gave is there. A screen gives what changes.
    pub(crate) fn part_of_nominal(&self) -> f64 {
        match self.name {
            "camera" => self.fps / f64::from(FPS),
            _ => 1.0,
        }
    }

    /// Pictures a second, the longest of them, and the rate.
    pub(crate) fn describe(&self) -> String {
        let Self {
            name,
            fps,
            longest_ms,
            kbit_s,
        } = self;
        format!("{name} {fps:.1}/s max {longest_ms:.0} ms {kbit_s:.0} kbit/s")
    }
}

/// A contender at work.
pub(crate) struct Contender {
    running: Running,
    camera: Playing,
    dir: PathBuf,
}

enum Running {
    Ours(Box<Room>, String),
    Child(Child),
}

impl Contender {
    /// Starts it and lets it record.
    pub(crate) fn start(kind: Kind, stage: &Stage) -> Self {
        let dir = stage.path().join(kind.name());
        drop(std::fs::remove_dir_all(&dir));
        std::fs::create_dir_all(&dir).unwrap();
        let pipe = dir.join("camera.pipe");
        let camera = stage.pictures.play(&pipe);
        let running = match kind {
            Kind::Lectern => start_ours(stage, &pipe),
            Kind::GstLaunch => Running::Child(spawn(gst_launch(stage, &pipe, &dir), stage)),
            Kind::Ffmpeg => Running::Child(spawn(ffmpeg(stage, &pipe, &dir), stage)),
        };
        Self { running, camera, dir }
    }

    pub(crate) fn pid(&self) -> u32 {
        match &self.running {
            Running::Ours(room, _) => u32::try_from(room.pid().as_raw()).unwrap(),
            Running::Child(child) => child.id(),
        }
    }

    /// Waits until all three tracks are being written, and a while more.
    pub(crate) fn await_steady(&self) {
        match &self.running {
            Running::Ours(room, _) => room.await_recorded(500),
            Running::Child(_) => until("files that grow", || {
                let size = |name| std::fs::metadata(self.dir.join(name)).map_or(0, |file| file.len());
                ["screen.mp4", "camera.mp4", "microphone.mp4"]
                    .into_iter()
                    .all(|name| size(name) > 4096)
                    .then_some(())
            }),
        }
        rest(SETTLING);
    }

    /// Stops it as a user would, and reads what it made.
    pub(crate) fn finish(self) -> Vec<Track> {
        let files = match self.running {
            Running::Ours(mut room, lecture) => {
                room.lectern(&["stop"]);
                room.await_state(&lecture, "delivered");
                let files = room.delivered();
                let tracks = ["screen", "camera", "microphone"].map(|name| find(&files, name));
                let tracks: Vec<PathBuf> = tracks.into_iter().collect();
                let read = read(&tracks);
                self.camera.stop();
                room.terminate();
                return read;
            }
            Running::Child(mut child) => {
                kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
                until("its end", || child.try_wait().unwrap());
                ["screen", "camera", "microphone"].map(|name| self.dir.join(format!("{name}.mp4")))
            }
        };
        let missed = self.camera.stop();
        if missed > 0 {
            println!("        the camera's pipe was full for {missed} pictures");
        }
        read(&files)
    }
}

fn read(files: &[PathBuf]) -> Vec<Track> {
    ["screen", "camera", "microphone"]
        .into_iter()
        .zip(files)
        .map(|(name, file)| Track::read(name, file))
        .collect()
}

/// The file of a delivery of a source.
fn find(dir: &Path, source: &str) -> PathBuf {
    std::fs::read_dir(dir)
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.file_name().unwrap().to_string_lossy().starts_with(source))
        .unwrap_or_else(|| panic!("{} holds no {source}", dir.display()))
}

fn spawn(mut command: Command, stage: &Stage) -> Child {
    command
        .env("PULSE_SERVER", stage.sound.address())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn start_ours(stage: &Stage, pipe: &Path) -> Running {
    let (width, height) = SIZE;
    let mut room = Room::new(&format!(
        r#"
[storage]
path = "{{dir}}/spool"
reserve = "1MiB"

[recording]
undo = "0s"

[panel]
listen = "127.0.0.1:0"

[[source]]
name = "screen"
role = "presentation"
kind = "x11"
display = "{display}"
fps = 15

[[source]]
name = "camera"
role = "presenter"
kind = "gst"
launch = "filesrc location={pipe} blocksize={PICTURE} do-timestamp=true ! rawvideoparse format=i420 width={width} height={height} framerate=30/1"
fps = 30
bitrate = "2500kbit/s"

[[source]]
name = "microphone"
role = "microphone"
kind = "pulse"
device = "{SOUND_DEVICE}"

[[platform]]
name = "share"
kind = "directory"
path = "{{dir}}/platform"
create = true
send = ["tracks"]
"#,
        display = stage.display,
        pipe = pipe.display(),
    ));
    room.env("PULSE_SERVER", stage.sound.address());
    room.env("LECTERN_LOG", "info");
    room.start();
    room.await_sources();
    let lecture = room.lectern(&["start", "--title", "Bench"]);
    Running::Ours(Box::new(room), lecture)
}

/// The first picture comes before there is a clock to stamp it, and the muxer would refuse it.
fn gst_launch(stage: &Stage, pipe: &Path, dir: &Path) -> Command {
    let (width, height) = SIZE;
    let x264 = "x264enc speed-preset=superfast tune=zerolatency bframes=0 threads=1";
    let out = |name: &str| {
        format!(
            "mp4mux fragment-duration=1000 ! filesink location={}/{name}.mp4",
            dir.display()
        )
    };
    let damage = std::env::var("LECTERN_BENCH_DAMAGE").unwrap_or_else(|_| "true".into());
    let line = format!(
        "-e -q \
         ximagesrc display-name={display} use-damage={damage} ! video/x-raw,framerate=15/1 ! queue ! videoconvert ! \
         video/x-raw,format=I420 ! {x264} pass=qual quantizer=23 bitrate=4000 vbv-buf-capacity=2000 key-int-max=30 ! video/x-h264,profile=high ! \
         h264parse ! {screen} \
         filesrc location={pipe} blocksize={PICTURE} do-timestamp=true ! \
         rawvideoparse format=i420 width={width} height={height} framerate=30/1 ! \
         identity drop-buffer-flags=discont ! queue ! \
         {x264} pass=cbr bitrate=2500 vbv-buf-capacity=2000 key-int-max=60 ! video/x-h264,profile=high ! \
         h264parse ! {camera} \
         pulsesrc device={SOUND_DEVICE} ! audio/x-raw,rate=48000,channels=2 ! queue ! audioconvert ! \
         avenc_aac bitrate=128000 ! aacparse ! {microphone}",
        display = stage.display,
        screen = out("screen"),
        pipe = pipe.display(),
        camera = out("camera"),
        microphone = out("microphone"),
    );
    let mut command = Command::new("gst-launch-1.0");
    command.args(line.split_whitespace());
    command
}

/// Its rate of the screen is bounded as that of `x264enc` is without a word.
fn ffmpeg(stage: &Stage, pipe: &Path, dir: &Path) -> Command {
    let x264 =
        "-c:v libx264 -preset superfast -tune zerolatency -profile:v high -bf 0 -threads 1 -pix_fmt yuv420p";
    let out = |name: &str| {
        format!(
            "-movflags +frag_keyframe+empty_moov+default_base_moof {}/{name}.mp4",
            dir.display()
        )
    };
    let line = format!(
        "-v error -nostdin -y \
         -thread_queue_size 64 -f x11grab -framerate 15 -video_size {}x{} -i {display} \
         -thread_queue_size 64 -use_wallclock_as_timestamps 1 -probesize 32 -f rawvideo -pixel_format yuv420p \
         -video_size {}x{} -framerate 30 -i {pipe} \
         -thread_queue_size 64 -f pulse -sample_rate 48000 -channels 2 -i {SOUND_DEVICE} \
         -map 0:v {x264} -crf 23 -maxrate 4000k -bufsize 8000k -g 30 {screen} \
         -map 1:v {x264} -b:v 2500k -maxrate 2500k -bufsize 5000k -g 60 -vsync vfr {camera} \
         -map 2:a -c:a aac -b:a 128k -frag_duration 1000000 {microphone}",
        SCREEN.0,
        SCREEN.1,
        SIZE.0,
        SIZE.1,
        display = stage.display,
        pipe = pipe.display(),
        screen = out("screen"),
        camera = out("camera"),
        microphone = out("microphone"),
    );
    let mut command = Command::new("ffmpeg");
    command.args(line.split_whitespace());
    command
}
