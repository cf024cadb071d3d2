//! Drives the real `lectern-source` over its pipes, as the daemon would.
//!
//! Every wait has a deadline and names what it waited for. No promise is judged here.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test ends where its machine fails it")]

pub(crate) mod media;
pub(crate) mod servers;

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use lectern_domain::config::{Audio, Encoder, Source, SourceKind, Video};
use lectern_domain::ids::{LectureId, RunId, RunNumber};
use lectern_domain::media::Role;
use lectern_domain::units::Rate;
use lectern_domain::wire::{self, Decoder, Frame, SourceCommand, SourceEvent, WIRE_VERSION};

/// Long enough for a machine that does ten other things.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// An event with the moment of its arrival.
pub(crate) struct Heard {
    pub(crate) at: Instant,
    pub(crate) frame: Frame<SourceEvent>,
}

/// A running source.
pub(crate) struct Driver {
    pub(crate) child: Child,
    stdin: Option<ChildStdin>,
    events: Receiver<Heard>,
    /// All events so far.
    pub(crate) heard: Vec<Heard>,
}

impl Driver {
    /// Starts the program, without opening anything.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts the program with these environment variables.
    pub(crate) fn start_with(environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lectern-source"));
        command.args(["--name", "test"]).envs(environment.iter().copied());
        Self::reading_late(&mut command, Duration::ZERO)
    }

    /// Starts `command` and reads nothing of what it says for this long.
    pub(crate) fn reading_late(command: &mut Command, pause: Duration) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("lectern-source starts");
        let mut stdout = child.stdout.take().expect("stdout is piped");
        let (sender, events) = channel();
        std::thread::spawn(move || {
            #[expect(clippy::disallowed_methods, reason = "a pause is what is asked for")]
            std::thread::sleep(pause);
            let mut decoder = Decoder::default();
            let mut part = vec![0; 65536];
            while let Ok(read) = stdout.read(&mut part) {
                if read == 0 {
                    return;
                }
                decoder.feed(&part[..read]);
                while let Some(frame) = decoder.next_frame().expect("the stream is whole") {
                    if sender
                        .send(Heard {
                            at: Instant::now(),
                            frame,
                        })
                        .is_err()
                    {
                        return;
                    }
                }
            }
        });
        let stdin = child.stdin.take();
        Self {
            child,
            stdin,
            events,
            heard: Vec::new(),
        }
    }

    /// Starts the program and opens `source`.
    pub(crate) fn open(source: Source) -> Self {
        Self::open_with(source, &[])
    }

    /// Starts the program with these environment variables and opens `source`.
    pub(crate) fn open_with(source: Source, environment: &[(&str, &str)]) -> Self {
        Self::open_warm(source, environment, Duration::ZERO)
    }

    /// The same, with so much of the past kept encoded.
    pub(crate) fn open_warm(source: Source, environment: &[(&str, &str)], pre_roll: Duration) -> Self {
        let mut driver = Self::start_with(environment);
        driver.send(&SourceCommand::Open {
            wire: WIRE_VERSION,
            source: Box::new(source),
            pre_roll_ns: u64::try_from(pre_roll.as_nanos()).unwrap(),
            expect: None,
            shun: Vec::new(),
        });
        driver
    }

    pub(crate) fn send(&mut self, command: &SourceCommand) {
        self.send_bytes(&wire::encode(command, &[]));
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        // A child that failed meanwhile is judged by what it said.
        let _gone = self.stdin.as_mut().expect("stdin is open").write_all(bytes);
    }

    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Waits for the first event, among all so far and to come, that `wanted` accepts.
    pub(crate) fn wait(&mut self, what: &str, wanted: impl Fn(&SourceEvent) -> bool) -> usize {
        self.wait_from(0, what, wanted)
    }

    /// As [`Self::wait`], from the event with this index on.
    pub(crate) fn wait_from(
        &mut self,
        from: usize,
        what: &str,
        wanted: impl Fn(&SourceEvent) -> bool,
    ) -> usize {
        let deadline = Instant::now() + PATIENCE;
        let mut next = from;
        loop {
            while let Some(heard) = self.heard.get(next) {
                if wanted(&heard.frame.message) {
                    return next;
                }
                next += 1;
            }
            match self
                .events
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(heard) => self.heard.push(heard),
                Err(error) => panic!("{what} did not come ({error}); heard: {:?}", self.summary()),
            }
        }
    }

    pub(crate) fn wait_live(&mut self) -> String {
        let at = self.wait("live", |event| matches!(event, SourceEvent::Live { .. }));
        match &self.heard[at].frame.message {
            SourceEvent::Live { format, .. } => format.clone(),
            other => unreachable!("{other:?}"),
        }
    }

    /// Waits for the failure and for the exit with 1.
    pub(crate) fn wait_failed(&mut self) -> (wire::FailureReason, String) {
        let at = self.wait("failed", |event| matches!(event, SourceEvent::Failed { .. }));
        let SourceEvent::Failed { reason, message } = self.heard[at].frame.message.clone() else {
            unreachable!()
        };
        assert_eq!(self.wait_exit(), Some(1), "{reason:?} {message}");
        (reason, message)
    }

    /// Waits for the end of the process; its exit code.
    pub(crate) fn wait_exit(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self
                .events
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(heard) => self.heard.push(heard),
                // Its standard output has closed: it is ending.
                Err(RecvTimeoutError::Disconnected) => {
                    return self.child.wait().expect("the child can be waited for").code();
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("lectern-source did not end; heard: {:?}", self.summary())
                }
            }
        }
    }

    pub(crate) fn quit(&mut self) {
        self.send(&SourceCommand::Quit);
        assert_eq!(self.wait_exit(), Some(0));
    }

    /// Begins a run now.
    pub(crate) fn encode(&mut self) -> Run {
        self.encode_from(now_ns(), 0)
    }

    /// Begins a run whose zero is `base_ns` and to which nothing from before `from_ns` belongs.
    pub(crate) fn encode_from(&mut self, base_ns: u64, from_ns: u64) -> Run {
        let run = Run {
            id: run_id(),
            base_ns,
            sent: Instant::now(),
        };
        self.send(&SourceCommand::Encode {
            run: run.id,
            base_ns,
            from_ns,
        });
        run
    }

    /// Ends `run` now; waits until it is complete. Its length in nanoseconds.
    pub(crate) fn stop(&mut self, run: &Run) -> u64 {
        let until_ns = now_ns() - run.base_ns;
        self.send(&SourceCommand::StopEncode { until_ns });
        self.wait_drained(run);
        until_ns
    }

    pub(crate) fn wait_drained(&mut self, run: &Run) {
        let id = run.id;
        self.wait(
            "drained",
            |event| matches!(event, SourceEvent::Drained { run } if *run == id),
        );
    }

    /// Waits for a chunk of `run` that ends at or after this time of the run.
    pub(crate) fn wait_chunk_until(&mut self, run: &Run, end: Duration) -> usize {
        let id = run.id;
        self.wait("a chunk", |event| {
            matches!(event, SourceEvent::Chunk { run, end_ns, .. }
                if *run == id && u128::from(*end_ns) >= end.as_nanos())
        })
    }

    /// What was heard, without the pictures' and levels' noise.
    pub(crate) fn summary(&self) -> Vec<String> {
        self.heard
            .iter()
            .filter(|heard| {
                !matches!(
                    heard.frame.message,
                    SourceEvent::Picture { .. } | SourceEvent::Level { .. }
                )
            })
            .map(|heard| format!("{:?}", heard.frame.message))
            .collect()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended already; either way nothing is left behind.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A run as the daemon knows it.
pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) base_ns: u64,
    pub(crate) sent: Instant,
}

pub(crate) fn run_id() -> RunId {
    RunId {
        lecture: LectureId::random(),
        run: RunNumber(1),
    }
}

/// `CLOCK_MONOTONIC`, which is what the daemon's base is taken from.
pub(crate) fn now_ns() -> u64 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).unwrap();
    u64::try_from(now.tv_sec()).unwrap() * 1_000_000_000 + u64::try_from(now.tv_nsec()).unwrap()
}

/// A picture source of this kind.
pub(crate) fn video_source(
    kind: SourceKind,
    size: Option<(u32, u32)>,
    fps: u32,
    bitrate: Option<Rate>,
) -> Source {
    let video = Video {
        width: size.map(|size| size.0),
        height: size.map(|size| size.1),
        fps,
        bitrate,
        encoder: Encoder::Auto,
    };
    Source {
        name: "test".parse().unwrap(),
        role: Role::Presentation,
        kind,
        required: false,
        spare_for: None,
        serial: None,
        delay_ms: 0,
        video: Some(video),
        audio: None,
    }
}

/// A sound source of this kind.
pub(crate) fn audio_source(kind: SourceKind, channels: u32) -> Source {
    Source {
        name: "test".parse().unwrap(),
        role: Role::Microphone,
        kind,
        required: false,
        spare_for: None,
        serial: None,
        delay_ms: 0,
        video: None,
        audio: Some(Audio {
            channels,
            bitrate: Rate(128_000),
        }),
    }
}

/// The test picture at 640x360 and 30.
pub(crate) fn test_video() -> Source {
    video_source(SourceKind::TestVideo, Some((640, 360)), 30, Some(Rate(1_500_000)))
}

/// The test sound in stereo.
pub(crate) fn test_audio() -> Source {
    audio_source(SourceKind::TestAudio, 2)
}
