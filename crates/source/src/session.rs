//! What this process is doing, as a pure state machine: events in, actions out.
//!
//! One device is opened once; any number of runs are encoded one after the other; every end goes
//! through a flush. The engine carries the actions out and owns all handles. No I/O, no clock and
//! no GStreamer here: times come in with the events.

use lectern_domain::config::Source;
use lectern_domain::ids::RunId;
use lectern_domain::wire::FailureReason;

use crate::clock::SECOND_NS;
use crate::failure::Failure;

/// How long a device may deliver nothing, after `Open` as well as later, in nanoseconds.
pub(crate) const SILENCE_NS: u64 = 5 * SECOND_NS;
/// How long a stop waits for the last picture or sound before its moment, in nanoseconds.
const TAIL_NS: u64 = SECOND_NS;
/// How long an encoder may take to give out what it holds, in nanoseconds.
const DRAIN_NS: u64 = 3 * SECOND_NS;

/// A run and its zero on the monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Whose chunks these are.
    pub(crate) id: RunId,
    /// `CLOCK_MONOTONIC` at run time zero, in nanoseconds.
    pub(crate) base_ns: u64,
}

/// What this process is doing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Phase {
    /// Nothing is open; only `Open` makes sense.
    Fresh,
    /// The device was asked to start and has not delivered; a run may wait for it.
    Opening {
        /// To be encoded as soon as the device delivers.
        next: Option<Run>,
    },
    /// The device delivers; nothing is encoded.
    Idle,
    /// The device delivers and a run is encoded.
    Encoding {
        /// The run.
        run: Run,
    },
    /// The run's end is known; what was captured before it is still on its way.
    Stopping {
        /// The run that ends.
        run: Run,
        /// The encoder is closed at this moment even if the device delivers nothing any more.
        deadline_ns: u64,
        /// The run asked for meanwhile.
        next: Option<Run>,
    },
    /// The encoder has all its data and gives out the last chunks.
    Draining {
        /// The run that ends.
        run: Run,
        /// The encoder is discarded at this moment if it hangs.
        deadline_ns: u64,
        /// What comes after.
        then: Then,
    },
    /// The last event has been said; the process exits.
    Ended,
}

/// What follows a drained encoder.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Then {
    /// Go on without encoding, or with this run.
    Continue(Option<Run>),
    /// Exit with 0.
    Quit,
    /// Say why and exit with 1.
    Fail(Failure),
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    /// The daemon named the device.
    Open(Box<Source>),
    /// The daemon wants a run encoded.
    Encode(Run),
    /// The daemon wants a key frame.
    KeyFrame,
    /// The daemon ends the run at this time of the run, in nanoseconds.
    StopEncode(u64),
    /// The daemon wants the end, or went away.
    Quit,
    /// The device delivered for the first time; its format for people.
    Delivered(String),
    /// The capture delivered something past the end of the run: nothing more is to come.
    TailReached,
    /// The encoder gave out everything.
    Drained,
    /// The device or its pipeline failed.
    CaptureFailed(Failure),
    /// The encoder's pipeline failed.
    EncoderFailed(Failure),
    /// Time passed. `quiet_ns`: since the device last delivered, or since it was opened.
    Tick {
        /// See above.
        quiet_ns: u64,
    },
}

impl Event {
    /// Its name, for the log.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Open(_) => "open",
            Self::Encode(_) => "encode",
            Self::KeyFrame => "key_frame",
            Self::StopEncode(_) => "stop_encode",
            Self::Quit => "quit",
            Self::Delivered(_) => "delivered",
            Self::TailReached => "tail_reached",
            Self::Drained => "drained",
            Self::CaptureFailed(_) => "capture_failed",
            Self::EncoderFailed(_) => "encoder_failed",
            Self::Tick { .. } => "tick",
        }
    }
}

/// What the engine has to do, in this order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Open the device.
    Open(Box<Source>),
    /// Tell the daemon that the device delivers.
    SayLive(String),
    /// Build an encoder for the run and feed it.
    StartEncoder(Run),
    /// Make the next picture a key frame.
    KeyFrame,
    /// Feed only what was captured before this time of the run, in nanoseconds.
    StopAt(u64),
    /// Feed nothing more and let the encoder drain.
    EndEncoder,
    /// Take the encoder down, whatever it still holds.
    DiscardEncoder,
    /// Tell the daemon that the run is complete.
    SayDrained(RunId),
    /// Tell the daemon why it ends; the last event of all.
    SayFailed(Failure),
    /// Flush what was said, close the device, exit with this code.
    Exit(i32),
}

/// A command that makes no sense now. It is logged and changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// `Open` came twice.
    #[error("the device is open already")]
    AlreadyOpen,
    /// A command that needs a device came before `Open`.
    #[error("no device is open yet")]
    NotOpen,
    /// `Encode` came while a run is encoded.
    #[error("a run is being encoded already")]
    AlreadyEncoding,
    /// `StopEncode` or `KeyFrame` came while nothing is encoded.
    #[error("nothing is being encoded")]
    NotEncoding,
    /// Something came after the end.
    #[error("this source has ended")]
    Ended,
}

type Step = Result<(Phase, Vec<Action>), Refused>;

impl Phase {
    /// The next phase and what to do for it. `now_ns`: the monotonic clock.
    pub(crate) fn step(&self, event: Event, now_ns: u64) -> Step {
        match event {
            Event::Open(source) => self.open(source),
            Event::Encode(run) => self.encode(run),
            Event::KeyFrame => self.key_frame(),
            Event::StopEncode(until_ns) => self.stop_encode(until_ns, now_ns),
            Event::Quit => Ok(self.end(Then::Quit, now_ns)),
            Event::Delivered(format) => Ok(self.delivered(format)),
            Event::TailReached => Ok(self.tail_reached(now_ns)),
            Event::Drained => Ok(self.drained()),
            Event::CaptureFailed(failure) => Ok(self.end(Then::Fail(failure), now_ns)),
            Event::EncoderFailed(failure) => Ok(self.encoder_failed(failure)),
            Event::Tick { quiet_ns } => Ok(self.tick(quiet_ns, now_ns)),
        }
    }

    /// Whether a run is between its first and its last chunk.
    pub(crate) fn has_encoder(&self) -> bool {
        match self {
            Self::Encoding { .. } | Self::Stopping { .. } | Self::Draining { .. } => true,
            Self::Fresh | Self::Opening { .. } | Self::Idle | Self::Ended => false,
        }
    }

    fn open(&self, source: Box<Source>) -> Step {
        match self {
            Self::Fresh => Ok((Self::Opening { next: None }, vec![Action::Open(source)])),
            Self::Opening { .. }
            | Self::Idle
            | Self::Encoding { .. }
            | Self::Stopping { .. }
            | Self::Draining { .. } => Err(Refused::AlreadyOpen),
            Self::Ended => Err(Refused::Ended),
        }
    }

    fn encode(&self, run: Run) -> Step {
        match self {
            Self::Fresh => Err(Refused::NotOpen),
            Self::Opening { next: None } => Ok((Self::Opening { next: Some(run) }, vec![])),
            Self::Idle => Ok((Self::Encoding { run }, vec![Action::StartEncoder(run)])),
            Self::Stopping {
                run: old,
                deadline_ns,
                next: None,
            } => Ok((
                Self::Stopping {
                    run: *old,
                    deadline_ns: *deadline_ns,
                    next: Some(run),
                },
                vec![],
            )),
            Self::Draining {
                run: old,
                deadline_ns,
                then: Then::Continue(None),
            } => {
                let then = Then::Continue(Some(run));
                Ok((
                    Self::Draining {
                        run: *old,
                        deadline_ns: *deadline_ns,
                        then,
                    },
                    vec![],
                ))
            }
            Self::Opening { next: Some(_) }
            | Self::Encoding { .. }
            | Self::Stopping { next: Some(_), .. }
            | Self::Draining {
                then: Then::Continue(Some(_)),
                ..
            } => Err(Refused::AlreadyEncoding),
            Self::Draining {
                then: Then::Quit | Then::Fail(_),
                ..
            }
            | Self::Ended => Err(Refused::Ended),
        }
    }

    fn key_frame(&self) -> Step {
        match self {
            Self::Encoding { .. } => Ok((self.clone(), vec![Action::KeyFrame])),
            Self::Fresh => Err(Refused::NotOpen),
            Self::Opening { .. } | Self::Idle | Self::Stopping { .. } | Self::Draining { .. } => {
                Err(Refused::NotEncoding)
            }
            Self::Ended => Err(Refused::Ended),
        }
    }

    fn stop_encode(&self, until_ns: u64, now_ns: u64) -> Step {
        match self {
            Self::Fresh => Err(Refused::NotOpen),
            Self::Opening { next: Some(run) } => {
                Ok((Self::Opening { next: None }, vec![Action::SayDrained(run.id)]))
            }
            Self::Encoding { run } => {
                let end_ns = run.base_ns.saturating_add(until_ns).max(now_ns);
                let deadline_ns = end_ns.saturating_add(TAIL_NS);
                Ok((
                    Self::Stopping {
                        run: *run,
                        deadline_ns,
                        next: None,
                    },
                    vec![Action::StopAt(until_ns)],
                ))
            }
            // The run that waited for the end of another one never began.
            Self::Stopping {
                run,
                deadline_ns,
                next: Some(next),
            } => Ok((
                Self::Stopping {
                    run: *run,
                    deadline_ns: *deadline_ns,
                    next: None,
                },
                vec![Action::SayDrained(next.id)],
            )),
            Self::Draining {
                run,
                deadline_ns,
                then: Then::Continue(Some(next)),
            } => Ok((
                Self::Draining {
                    run: *run,
                    deadline_ns: *deadline_ns,
                    then: Then::Continue(None),
                },
                vec![Action::SayDrained(next.id)],
            )),
            Self::Opening { next: None }
            | Self::Idle
            | Self::Stopping { next: None, .. }
            | Self::Draining {
                then: Then::Continue(None) | Then::Quit | Then::Fail(_),
                ..
            } => Err(Refused::NotEncoding),
            Self::Ended => Err(Refused::Ended),
        }
    }

    fn delivered(&self, format: String) -> (Self, Vec<Action>) {
        match self {
            Self::Opening { next: None } => (Self::Idle, vec![Action::SayLive(format)]),
            Self::Opening { next: Some(run) } => (
                Self::Encoding { run: *run },
                vec![Action::SayLive(format), Action::StartEncoder(*run)],
            ),
            Self::Fresh
            | Self::Idle
            | Self::Encoding { .. }
            | Self::Stopping { .. }
            | Self::Draining { .. }
            | Self::Ended => (self.clone(), vec![]),
        }
    }

    fn tail_reached(&self, now_ns: u64) -> (Self, Vec<Action>) {
        match self {
            Self::Stopping { run, next, .. } => {
                let then = Then::Continue(*next);
                (
                    Self::Draining {
                        run: *run,
                        deadline_ns: now_ns + DRAIN_NS,
                        then,
                    },
                    vec![Action::EndEncoder],
                )
            }
            Self::Fresh
            | Self::Opening { .. }
            | Self::Idle
            | Self::Encoding { .. }
            | Self::Draining { .. }
            | Self::Ended => (self.clone(), vec![]),
        }
    }

    fn drained(&self) -> (Self, Vec<Action>) {
        let Self::Draining { run, then, .. } = self else {
            return (self.clone(), vec![]);
        };
        let mut actions = vec![Action::DiscardEncoder, Action::SayDrained(run.id)];
        let phase = match then {
            Then::Continue(None) => Self::Idle,
            Then::Continue(Some(run)) => {
                actions.push(Action::StartEncoder(*run));
                Self::Encoding { run: *run }
            }
            Then::Quit => {
                actions.push(Action::Exit(0));
                Self::Ended
            }
            Then::Fail(failure) => {
                actions.push(Action::SayFailed(failure.clone()));
                actions.push(Action::Exit(1));
                Self::Ended
            }
        };
        (phase, actions)
    }

    /// The way to the exit: through a drained encoder if there is one.
    fn end(&self, then: Then, now_ns: u64) -> (Self, Vec<Action>) {
        match self {
            Self::Encoding { run } | Self::Stopping { run, .. } => (
                Self::Draining {
                    run: *run,
                    deadline_ns: now_ns + DRAIN_NS,
                    then,
                },
                vec![Action::EndEncoder],
            ),
            Self::Draining {
                run,
                deadline_ns,
                then: before,
            } => {
                // The first reason to end is the true one; a pipeline falls apart in many voices.
                let then = match before {
                    Then::Continue(_) => then,
                    Then::Quit | Then::Fail(_) => before.clone(),
                };
                (
                    Self::Draining {
                        run: *run,
                        deadline_ns: *deadline_ns,
                        then,
                    },
                    vec![],
                )
            }
            Self::Fresh | Self::Opening { .. } | Self::Idle => {
                let actions = match then {
                    Then::Fail(failure) => vec![Action::SayFailed(failure), Action::Exit(1)],
                    Then::Quit | Then::Continue(_) => vec![Action::Exit(0)],
                };
                (Self::Ended, actions)
            }
            Self::Ended => (Self::Ended, vec![]),
        }
    }

    fn encoder_failed(&self, failure: Failure) -> (Self, Vec<Action>) {
        match self {
            Self::Encoding { .. } | Self::Stopping { .. } => (
                Self::Ended,
                vec![
                    Action::DiscardEncoder,
                    Action::SayFailed(failure),
                    Action::Exit(1),
                ],
            ),
            Self::Draining { then, .. } => {
                let failure = match then {
                    Then::Fail(first) => first.clone(),
                    Then::Continue(_) | Then::Quit => failure,
                };
                (
                    Self::Ended,
                    vec![
                        Action::DiscardEncoder,
                        Action::SayFailed(failure),
                        Action::Exit(1),
                    ],
                )
            }
            Self::Fresh | Self::Opening { .. } | Self::Idle | Self::Ended => (self.clone(), vec![]),
        }
    }

    fn tick(&self, quiet_ns: u64, now_ns: u64) -> (Self, Vec<Action>) {
        match self {
            Self::Stopping { deadline_ns, .. } if now_ns >= *deadline_ns => self.tail_reached(now_ns),
            Self::Draining { deadline_ns, .. } if now_ns >= *deadline_ns => self.drained(),
            Self::Opening { .. } | Self::Idle | Self::Encoding { .. } if quiet_ns >= SILENCE_NS => {
                let seconds = SILENCE_NS / SECOND_NS;
                let message = match self {
                    Self::Opening { .. } => format!("no data within {seconds} s of opening it"),
                    _ => format!("no data for {seconds} s"),
                };
                self.end(Then::Fail(Failure::new(FailureReason::Stalled, message)), now_ns)
            }
            Self::Fresh
            | Self::Opening { .. }
            | Self::Idle
            | Self::Encoding { .. }
            | Self::Stopping { .. }
            | Self::Draining { .. }
            | Self::Ended => (self.clone(), vec![]),
        }
    }
}

#[cfg(test)]
mod tests;
