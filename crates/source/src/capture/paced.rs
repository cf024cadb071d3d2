//! A thread that makes data at its own pace and pushes it into an appsrc.
//!
//! For kinds without a GStreamer source of their own: the test sources and the screen. The
//! thread sleeps until its next moment, or until it is poked or stopped.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock;
use crate::failure::Failure;

/// What the thread is told between two moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Poke,
    Stop,
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The moment came.
    OnTime,
    /// Somebody wants a picture now.
    Poked,
    /// The thread must end.
    Stopped,
}

/// The thread's own side: its alarm clock.
pub(crate) struct Alarm(Receiver<Word>);

impl Alarm {
    /// Sleeps until `at_ns` of the monotonic clock.
    pub(crate) fn wait_until(&self, at_ns: u64) -> Woken {
        let wait = Duration::from_nanos(at_ns.saturating_sub(clock::now_ns()));
        match self.0.recv_timeout(wait) {
            Err(RecvTimeoutError::Timeout) => Woken::OnTime,
            Ok(Word::Poke) => Woken::Poked,
            Ok(Word::Stop) | Err(RecvTimeoutError::Disconnected) => Woken::Stopped,
        }
    }
}

/// The owner's side.
pub(crate) struct Pacer {
    words: SyncSender<Word>,
    thread: JoinHandle<()>,
}

impl Pacer {
    /// Starts the thread `name` with `body`, which returns when its alarm says
    /// [`Woken::Stopped`] or when it has reported why it cannot go on.
    pub(crate) fn start(name: &str, body: impl FnOnce(&Alarm) + Send + 'static) -> Result<Self, Failure> {
        // Two words: a second poke adds nothing to one that waits, and a stop is sent for good.
        let (words, heard) = sync_channel(2);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || body(&Alarm(heard)))
            .map_err(|error| Failure::internal(format!("no thread for {name}: {error}")))?;
        Ok(Self { words, thread })
    }

    /// Wants a picture now. Does not block.
    pub(crate) fn poke(&self) {
        match self.words.try_send(Word::Poke) {
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }

    /// Ends the thread and joins it.
    pub(crate) fn stop(self) {
        let Self { words, thread } = self;
        // A disconnected channel means that it has ended; dropping ours stops one that is full.
        let _heard = words.try_send(Word::Stop);
        drop(words);
        if thread.join().is_err() {
            tracing::error!("a capture thread panicked");
        }
    }
}
