//! The arrows of the session: one function per event, each matching every phase.

use lectern_domain::config::Source;
use lectern_domain::wire::FailureReason;

use super::{Action, BEGINNING_NS, Event, Phase, Refused, Run, SILENCE_NS, Then};
use crate::clock::SECOND_NS;
use crate::failure::Failure;

/// How long a stop waits for the last picture or sound before its moment, in nanoseconds.
pub(super) const TAIL_NS: u64 = SECOND_NS;
/// How long an encoder may take to give out what it holds, in nanoseconds.
pub(super) const DRAIN_NS: u64 = 3 * SECOND_NS;

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
            // With pre-roll something is encoded at any time.
            Self::Opening { .. } | Self::Idle | Self::Encoding { .. } | Self::Stopping { .. } => (
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
            Self::Fresh | Self::Ended => (self.clone(), vec![]),
        }
    }

    fn tick(&self, quiet_ns: u64, now_ns: u64) -> (Self, Vec<Action>) {
        match self {
            Self::Stopping { deadline_ns, .. } if now_ns >= *deadline_ns => self.tail_reached(now_ns),
            Self::Draining { deadline_ns, .. } if now_ns >= *deadline_ns => self.drained(),
            Self::Opening { .. } if quiet_ns >= BEGINNING_NS => {
                let seconds = BEGINNING_NS / SECOND_NS;
                let message = format!("no data within {seconds} s of opening it");
                self.end(Then::Fail(Failure::new(FailureReason::Stalled, message)), now_ns)
            }
            Self::Idle | Self::Encoding { .. } if quiet_ns >= SILENCE_NS => {
                let message = format!("no data for {} ms", SILENCE_NS / 1_000_000);
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
