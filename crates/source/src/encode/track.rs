//! The track: takes the coders' frames in order, keeps the near past, feeds the run's muxer.
//!
//! Coders follow one another (another format, another encoder, less load) and so do muxers
//! (another run, other codec parameters); here is the one line in which their frames stand.
//! A coder that was told to end may still give out frames while its successor already does: those
//! wait. Called by the coders' streaming threads and by the engine; one lock, never held over
//! anything that waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::chunks::{MuxerInput, Plan};
use super::codec;
use super::coder::Outlet;
use super::ring::{Ring, Unit};
use crate::clock::{self, SECOND_NS};
use crate::failure::Failure;
use crate::feed::KeySeen;
use crate::inputs::{Input, Inputs, PartNumber};
use crate::session::Run;

/// The last picture is shown at most this long: a device that stalled has no picture to show.
const MAX_HOLD_NS: u64 = SECOND_NS;

/// The track of this process.
pub(super) struct Track {
    state: Mutex<State>,
    plan: Plan,
    /// Frames are kept after they were read.
    keeps: bool,
    inputs: Inputs,
    key_seen: KeySeen,
}

struct State {
    ring: Ring,
    /// The coders, oldest first; only the first one's frames are taken.
    coders: VecDeque<Seated>,
    /// When the newest frame is presented.
    newest: Option<u64>,
    /// The run that is written.
    part: Option<Part>,
}

/// A coder whose frames are expected.
struct Seated {
    number: PartNumber,
    held: Vec<Unit>,
    ended: bool,
}

/// A run at the muxer; all times in ticks.
struct Part {
    /// The muxer's number.
    number: PartNumber,
    /// The run's zero on the clock.
    base: u64,
    /// The first moment of the run that belongs to it.
    from: u64,
    /// Where the run ends, once that is known.
    until: Option<u64>,
    /// The frames are cut there; else the coder is given nothing later, and all its frames belong.
    cuts: bool,
    /// The number of the frame that is read next.
    next: u64,
    muxer: Seat,
    /// What the muxer was begun with.
    caps: Option<gst::Caps>,
    /// Only a key frame can follow.
    wants_key: bool,
    /// When the last frame was presented, in time of the run.
    last: Option<u64>,
    /// How long the last picture lasts when nothing tells, in ticks.
    picture: u64,
    /// The engine was told that all of the run was read.
    told: bool,
    /// It ends when the last coder has.
    closing: bool,
    /// It ends as soon as everything up to here is muxed.
    ending: bool,
}

/// A part's muxer.
enum Seat {
    /// It takes frames.
    Open(MuxerInput),
    /// It drains, and another one will follow it.
    Changing,
    /// It drains, or has drained, and nothing follows.
    Closed,
}

/// What is asked of a track when a run begins.
pub(super) struct Begin {
    /// The muxer's number.
    pub(super) number: PartNumber,
    /// The run.
    pub(super) run: Run,
    /// The muxer.
    pub(super) input: MuxerInput,
    /// The distance of two pictures as the device or the configuration has it, in nanoseconds.
    pub(super) picture_ns: u64,
}

impl Track {
    /// A track that keeps the last `keep_ns`, if any.
    pub(super) fn new(plan: Plan, keep_ns: Option<u64>, inputs: Inputs, key_seen: KeySeen) -> Arc<Self> {
        let keep = keep_ns.map(|keep_ns| clock::to_ticks(keep_ns, plan.scale()));
        let state = State {
            ring: Ring::new(keep),
            coders: VecDeque::new(),
            newest: None,
            part: None,
        };
        Arc::new(Self {
            state: Mutex::new(state),
            plan,
            keeps: keep_ns.is_some(),
            inputs,
            key_seen,
        })
    }

    /// The way in for the frames of a new coder, which follow those of the ones before.
    pub(super) fn seat(self: &Arc<Self>, number: PartNumber) -> Arc<dyn Outlet> {
        self.lock().coders.push_back(Seated {
            number,
            held: Vec::new(),
            ended: false,
        });
        Arc::new(Inlet {
            number,
            track: Arc::clone(self),
        })
    }

    /// Nothing more comes from this coder. The engine calls it for one that failed or hung.
    pub(super) fn coder_ended(&self, number: PartNumber) {
        let mut state = self.lock();
        if let Some(coder) = state.coders.iter_mut().find(|coder| coder.number == number) {
            coder.ended = true;
        }
        while state.coders.front().is_some_and(|coder| coder.ended) {
            state.coders.pop_front();
            let held = state
                .coders
                .front_mut()
                .map(|coder| std::mem::take(&mut coder.held))
                .unwrap_or_default();
            for unit in held {
                self.accept(&mut state, unit);
            }
        }
        self.end_if_dry(&mut state);
    }

    /// Begins a run with the first key frame that is kept or comes at or after its first moment.
    /// Whether there is one already.
    pub(super) fn begin(&self, begin: Begin) -> bool {
        let scale = self.plan.scale();
        let run = begin.run;
        let base = clock::to_ticks(run.base_ns, scale);
        let mut state = self.lock();
        state.part = Some(Part {
            number: begin.number,
            base,
            // Rounded as the frames' own moments are: the first one must not seem too early.
            from: clock::to_ticks(run.base_ns + run.from_ns, scale) - base,
            until: None,
            cuts: false,
            next: state.ring.first(),
            muxer: Seat::Open(begin.input),
            caps: None,
            wants_key: true,
            last: None,
            picture: clock::to_ticks(begin.picture_ns, scale),
            told: false,
            closing: false,
            ending: false,
        });
        self.advance(&mut state);
        state.part.as_ref().is_some_and(|part| part.last.is_some())
    }

    /// Whether the run goes on behind the muxer that has just drained, and needs another.
    pub(super) fn needs_muxer(&self, number: PartNumber) -> bool {
        self.lock()
            .part
            .as_ref()
            .is_some_and(|part| part.number == number && matches!(part.muxer, Seat::Changing))
    }

    /// The next muxer of the run.
    pub(super) fn go_on(&self, number: PartNumber, input: MuxerInput) {
        let mut state = self.lock();
        if let Some(part) = &mut state.part {
            (part.number, part.muxer) = (number, Seat::Open(input));
        }
        self.advance(&mut state);
        if state.part.as_ref().is_some_and(|part| part.ending) {
            self.end_part(&mut state);
        }
        self.end_if_dry(&mut state);
    }

    /// Ends the run at `until_ns`. `cuts`: what comes later is encoded as well and must be left out.
    pub(super) fn stop_at(&self, until_ns: u64, cuts: bool) {
        let mut state = self.lock();
        if let Some(part) = &mut state.part {
            let until_ns = clock::from_ticks(part.base, self.plan.scale()).saturating_add(until_ns);
            part.until = Some(clock::to_ticks(until_ns, self.plan.scale()) - part.base);
            part.cuts = cuts;
        }
        self.advance(&mut state);
    }

    /// Ends the muxer's stream with what has come so far.
    pub(super) fn end(&self) {
        self.end_part(&mut self.lock());
    }

    /// Ends the muxer's stream as soon as every coder has ended.
    pub(super) fn end_with_coders(&self) {
        let mut state = self.lock();
        if let Some(part) = &mut state.part {
            part.closing = true;
        }
        self.end_if_dry(&mut state);
    }

    /// Forgets the run; its muxer is gone.
    pub(super) fn leave(&self) {
        let mut state = self.lock();
        state.part = None;
        state.ring.trim(None);
    }

    fn end_if_dry(&self, state: &mut State) {
        if state.coders.is_empty() && state.part.as_ref().is_some_and(|part| part.closing) {
            self.end_part(state);
        }
    }

    /// Lets the last picture last and ends the stream. The track of a still screen must be as long
    /// as the others.
    fn end_part(&self, state: &mut State) {
        let Some(part) = &mut state.part else { return };
        part.ending = true;
        if matches!(part.muxer, Seat::Changing) {
            // The muxer of what is left is still to come.
            return;
        }
        let Seat::Open(input) = std::mem::replace(&mut part.muxer, Seat::Closed) else {
            return;
        };
        let Some(last) = part.last.filter(|_| part.caps.is_some()) else {
            // Nothing went into it, so nothing will come out.
            self.inputs.put_now(Input::Drained(part.number));
            return;
        };
        let end = part.until.unwrap_or(last + part.picture);
        self.close(input, last, end);
    }

    /// Ends a muxer's stream; its last picture lasts until `end`, within bounds.
    fn close(&self, input: MuxerInput, last: u64, end: u64) {
        if self.plan == Plan::Pictures {
            input.hold_until(end.clamp(last, last + self.max_hold()));
        }
        input.finish();
    }

    fn max_hold(&self) -> u64 {
        clock::to_ticks(MAX_HOLD_NS, self.plan.scale())
    }

    fn take(&self, number: PartNumber, unit: Unit) {
        let mut state = self.lock();
        let first = state.coders.front().map(|coder| coder.number);
        if first == Some(number) {
            self.accept(&mut state, unit);
        } else if let Some(coder) = state.coders.iter_mut().find(|coder| coder.number == number) {
            coder.held.push(unit);
        }
    }

    fn accept(&self, state: &mut State, mut unit: Unit) {
        // A coder that follows another begins on a grid of its own; two frames on one moment would
        // have no order.
        if let Some(newest) = state.newest
            && unit.at <= newest
        {
            unit.at = newest + 1;
        }
        state.newest = Some(unit.at);
        // What is kept must not hold a hardware encoder's few buffers back.
        if let Some(own) = self.keeps.then(|| unit.bytes.copy_deep().ok()).flatten() {
            unit.bytes = own;
        }
        state.ring.push(unit);
        self.advance(state);
        let lost = state.ring.trim(state.part.as_ref().map(|part| part.next));
        if lost > 0 {
            tracing::error!(frames = lost, "the muxer did not follow and frames were lost");
            if let Some(part) = &mut state.part {
                (part.next, part.wants_key) = (state.ring.first(), true);
            }
        }
    }

    /// Muxes what has not been read.
    fn advance(&self, state: &mut State) {
        let Some(part) = &mut state.part else { return };
        while let Some(unit) = state.ring.get(part.next) {
            let Seat::Open(input) = &mut part.muxer else {
                return;
            };
            let Some(at) = unit.at.checked_sub(part.base).filter(|at| *at >= part.from) else {
                part.next += 1;
                continue;
            };
            let past = |until: u64| unit.knows.saturating_sub(part.base) > until;
            if part.cuts && part.until.is_some_and(past) {
                if !std::mem::replace(&mut part.told, true) {
                    self.inputs.put_now(Input::TailReached(part.number));
                }
                return;
            }
            let fits = part
                .caps
                .as_ref()
                .is_some_and(|caps| codec::is_same(caps, &unit.caps));
            // A stream begins with a key frame that is decoded in the run's own time.
            if (part.wants_key || !fits) && (!unit.key || at < unit.ahead) {
                part.next += 1;
                continue;
            }
            if !fits {
                if part.caps.take().is_some() {
                    if let (Seat::Open(input), Some(last)) =
                        (std::mem::replace(&mut part.muxer, Seat::Changing), part.last)
                    {
                        self.close(input, last, at);
                    }
                    return;
                }
                input.begin(&unit.caps);
                part.caps = Some(unit.caps.clone());
            }
            input.push(unit, at);
            if unit.key {
                self.key_seen.set();
            }
            (part.last, part.wants_key) = (Some(at), false);
            part.next += 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way in of one coder.
struct Inlet {
    number: PartNumber,
    track: Arc<Track>,
}

impl Outlet for Inlet {
    fn unit(&self, unit: Unit) {
        self.track.take(self.number, unit);
    }

    fn ended(&self) {
        self.track.coder_ended(self.number);
        self.track.inputs.put_now(Input::CoderEnded(self.number));
    }

    fn failed(&self, failure: Failure) {
        self.track
            .inputs
            .put_now(Input::CoderFailed(self.number, failure));
    }
}
