//! Everything that can happen to the engine, in one bounded channel.
//!
//! Commands come from their own thread and may wait for room. Streaming threads must not wait:
//! the engine may itself be waiting for one of them to end.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use lectern_domain::wire::SourceCommand;

use crate::failure::Failure;

/// The bound of the channel. Commands are few, and each pipeline sends a handful of inputs in its
/// life; only a hung engine can fill it, and then its silence is what the daemon acts upon.
const BOUND: usize = 256;

/// Which coder or muxer of this process an input is from: a late word of an old one means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartNumber(pub(crate) u64);

/// What happened.
#[derive(Debug)]
pub(crate) enum Input {
    /// A command arrived.
    Command(SourceCommand),
    /// The daemon closed our standard input.
    EndOfCommands,
    /// Standard input could not be understood.
    BadCommands(String),
    /// The daemon no longer reads our standard output.
    DaemonGone,
    /// The device delivered for the first time; its format for people.
    Delivered(String),
    /// The device delivers something else from now on; both for people.
    FormChanged {
        /// What it delivered before.
        from: String,
        /// What it delivers now.
        to: String,
    },
    /// Everything of the run has gone through this coder or muxer.
    TailReached(PartNumber),
    /// The muxer gave out everything.
    Drained(PartNumber),
    /// A coder that was ended gave out everything.
    CoderEnded(PartNumber),
    /// A coder failed.
    CoderFailed(PartNumber, Failure),
    /// Encoders were tried; what came of it is on file.
    Probed,
    /// The capture pipeline or its device failed.
    CaptureFailed(Failure),
    /// The muxer failed.
    MuxerFailed(PartNumber, Failure),
}

/// The sending side.
#[derive(Clone, Debug)]
pub(crate) struct Inputs(SyncSender<Input>);

impl Inputs {
    /// The channel, empty.
    pub(crate) fn channel() -> (Self, Receiver<Input>) {
        let (sender, receiver) = sync_channel(BOUND);
        (Self(sender), receiver)
    }

    /// Hands an input over; waits while the channel is full. Not for streaming threads.
    pub(crate) fn put(&self, input: Input) {
        if self.0.send(input).is_err() {
            tracing::debug!("the engine has ended already");
        }
    }

    /// Hands an input over or drops it; never waits.
    pub(crate) fn put_now(&self, input: Input) {
        match self.0.try_send(input) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(input)) => {
                tracing::error!(?input, "the engine hung and an input was lost")
            }
        }
    }
}
