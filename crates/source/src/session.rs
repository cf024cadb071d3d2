//! What this process is doing, as a pure state machine: events in, actions out.
//!
//! One device is opened once; any number of runs are encoded one after the other; every end goes
//! through a flush. The engine carries the actions out and owns all handles. No I/O, no clock and
//! no GStreamer here: times come in with the events.

use lectern_domain::config::Source;
use lectern_domain::ids::RunId;

use crate::clock::SECOND_NS;
use crate::failure::Failure;

/// How long a device may take to its first picture or sound, in nanoseconds.
const BEGINNING_NS: u64 = 5 * SECOND_NS;
/// How long a device that has delivered may deliver nothing, in nanoseconds: a camera that keeps
/// its connection and sends nothing is known by this alone. A still screen repeats itself.
const SILENCE_NS: u64 = 5 * SECOND_NS / 2;

/// A run and its zero on the monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Whose chunks these are.
    pub(crate) id: RunId,
    /// `CLOCK_MONOTONIC` at run time zero, in nanoseconds.
    pub(crate) base_ns: u64,
    /// What was captured before this time of the run does not belong to it, in nanoseconds.
    pub(crate) from_ns: u64,
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
    /// The run's muxer gave out everything.
    Drained,
    /// The device or its pipeline failed.
    CaptureFailed(Failure),
    /// No encoder works any more, or the muxer failed.
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

mod step;
#[cfg(test)]
mod tests;
