//! A source process of paper for the tests of the supervisor: speaks the wire, captures nothing.
//!
//! What it does stands in the `gst` fragment of its `[[source]]`, as words: `device=NAME` is the
//! device that it names; `encoder=NAME` notes that encoder when it begins; `breaks-encoder` fails
//! by it until that encoder is shunned; `chunks=N` ends without a word after so many chunks, once
//! in each process; `drains=MS` takes so long to flush. Its picture is one byte: whether somebody
//! looks at it.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use lectern_capture::clock::monotonic_ns;
use lectern_domain::config::SourceKind;
use lectern_domain::fact::FactKind;
use lectern_domain::ids::RunId;
use lectern_domain::wire::{self, Decoder, FailureReason, SourceCommand, SourceEvent, WIRE_VERSION};

/// A chunk is as long as the time between two looks.
const CHUNK: Duration = Duration::from_millis(50);

struct Run {
    id: RunId,
    base_ns: u64,
    reached_ns: u64,
    ends_ns: Option<u64>,
}

struct Puppet {
    device: Option<String>,
    encoder: Option<String>,
    breaks: bool,
    chunks: Option<u32>,
    drain_ns: u64,
    run: Option<Run>,
    next: Option<Run>,
    captured: u64,
}

fn say(event: &SourceEvent, blob: &[u8]) {
    // The end of the reader is the end of the daemon; the commands end then, too.
    drop(std::io::stdout().write_all(&wire::encode(event, blob)));
    drop(std::io::stdout().flush());
}

fn commands() -> Receiver<SourceCommand> {
    let (out, commands) = channel();
    std::thread::spawn(move || {
        let (mut decoder, mut block) = (Decoder::default(), [0; 4096]);
        while let Ok(count @ 1..) = std::io::stdin().read(&mut block) {
            decoder.feed(&block[..count]);
            while let Ok(Some(frame)) = decoder.next_frame() {
                if out.send(frame.message).is_err() {
                    return;
                }
            }
        }
    });
    commands
}

impl Puppet {
    fn open(command: SourceCommand) -> Self {
        let SourceCommand::Open {
            source,
            pre_roll_ns,
            expect,
            shun,
            ..
        } = command
        else {
            panic!("the first command opens");
        };
        let SourceKind::Gst { launch } = &source.kind else {
            panic!("a puppet is told what to do by a fragment");
        };
        let value = |key: &str| {
            launch
                .split_whitespace()
                .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
        };
        let number = |key: &str| value(key).and_then(|text| text.parse::<u32>().ok());
        let device = value("device").map(str::to_owned);
        // What it was told, where the test can read it.
        say(
            &SourceEvent::Live {
                format: format!("expect={expect:?} shun={shun:?} pre_roll_ns={pre_roll_ns}"),
                device: device.clone(),
            },
            &[],
        );
        Self {
            device,
            encoder: value("encoder").map(str::to_owned),
            breaks: launch.contains("breaks-encoder") && shun.is_empty(),
            chunks: number("chunks"),
            drain_ns: u64::from(number("drains").unwrap_or(0)) * 1_000_000,
            run: None,
            next: None,
            captured: 0,
        }
    }

    fn begin(&mut self, run: Run) {
        if let Some(encoder) = &self.encoder {
            say(
                &SourceEvent::Noted {
                    what: FactKind::Encoder,
                    detail: format!("{encoder} of paper"),
                    at_ns: monotonic_ns(),
                },
                &[],
            );
        }
        if self.breaks {
            let message = format!("the encoder of {:?} broke", self.device);
            let reason = FailureReason::Encoder;
            say(&SourceEvent::Failed { reason, message }, &[]);
            std::process::exit(1);
        }
        let codec = "paper".to_owned();
        say(&SourceEvent::Init { run: run.id, codec }, b"init");
        self.run = Some(run);
    }

    fn obey(&mut self, command: &SourceCommand) {
        match command {
            SourceCommand::Encode {
                run,
                base_ns,
                from_ns,
            } => {
                let run = Run {
                    id: *run,
                    base_ns: *base_ns,
                    reached_ns: (*from_ns).max(monotonic_ns() - base_ns),
                    ends_ns: None,
                };
                match &self.run {
                    None => self.begin(run),
                    Some(_) => self.next = Some(run),
                }
            }
            SourceCommand::StopEncode { until_ns } => match self.next.take() {
                Some(next) => say(&SourceEvent::Drained { run: next.id }, &[]),
                None => {
                    if let Some(run) = &mut self.run {
                        run.ends_ns = Some(*until_ns);
                    }
                }
            },
            SourceCommand::Quit => std::process::exit(0),
            SourceCommand::Pictures { often } => say(&SourceEvent::Picture { at_ns: 0 }, &[u8::from(*often)]),
            SourceCommand::KeyFrame | SourceCommand::Open { .. } => {}
        }
    }

    fn look(&mut self) {
        self.captured += 1;
        say(
            &SourceEvent::Alive {
                captured: self.captured,
                dropped: 0,
                shed: 0,
                drift_ppm: None,
                chunks_dropped: 0,
            },
            &[],
        );
        let Some(run) = &mut self.run else { return };
        let now_ns = monotonic_ns() - run.base_ns;
        let end_ns = run.ends_ns.unwrap_or(now_ns).min(now_ns);
        if end_ns > run.reached_ns {
            let chunk = SourceEvent::Chunk {
                run: run.id,
                start_ns: run.reached_ns,
                end_ns,
                key: true,
            };
            say(&chunk, b"chunk");
            run.reached_ns = end_ns;
            if let Some(left) = &mut self.chunks {
                *left -= 1;
                if *left == 0 {
                    std::process::exit(1);
                }
            }
        }
        if run
            .ends_ns
            .is_some_and(|ends_ns| now_ns >= ends_ns + self.drain_ns)
        {
            say(&SourceEvent::Drained { run: run.id }, &[]);
            self.run = None;
            if let Some(next) = self.next.take() {
                self.begin(next);
            }
        }
    }
}

fn main() {
    say(&SourceEvent::Hello { wire: WIRE_VERSION }, &[]);
    let commands = commands();
    let Ok(open) = commands.recv() else { return };
    let mut puppet = Puppet::open(open);
    loop {
        match commands.recv_timeout(CHUNK) {
            Ok(command) => puppet.obey(&command),
            Err(RecvTimeoutError::Timeout) => puppet.look(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
