//! The way into the two threads: an awaitable bound in front of a queue that a plain thread can
//! read with a timeout.
//!
//! A tokio channel has no receive with a timeout outside a runtime, and the standard library's
//! bounded channel would block an async caller. So a permit of a semaphore, which is awaited,
//! travels with each message and is given back when the message has been handled: the queue
//! never holds more than `bound` messages from async callers. [`Outbox::send_now`] is for this
//! crate's own threads, whose messages are few by construction (one per closed segment, one wake
//! at a time, one close); it takes no permit and never waits, so the two threads can never wait
//! for each other's queue.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The thread behind the mailbox has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the storage thread has ended; the daemon is shutting down or has failed, see its log")]
pub struct Gone;

struct Parcel<T> {
    message: T,
    permit: Option<OwnedSemaphorePermit>,
}

/// The sending end; clones share the bound.
pub(crate) struct Outbox<T> {
    queue: mpsc::Sender<Parcel<T>>,
    permits: Arc<Semaphore>,
}

impl<T> Clone for Outbox<T> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            permits: Arc::clone(&self.permits),
        }
    }
}

/// The receiving end; owned by one thread.
pub(crate) struct Inbox<T> {
    queue: mpsc::Receiver<Parcel<T>>,
    permits: Arc<Semaphore>,
}

/// A message that holds its permit until it is dropped, that is until it was handled.
pub(crate) struct Received<T> {
    pub(crate) message: T,
    pub(crate) permit: Option<OwnedSemaphorePermit>,
}

/// Makes a mailbox that holds at most `bound` messages of async callers.
pub(crate) fn mailbox<T>(bound: usize) -> (Outbox<T>, Inbox<T>) {
    let (sender, receiver) = mpsc::channel();
    let permits = Arc::new(Semaphore::new(bound));
    (
        Outbox {
            queue: sender,
            permits: Arc::clone(&permits),
        },
        Inbox {
            queue: receiver,
            permits,
        },
    )
}

impl<T> Outbox<T> {
    /// Waits for room, then sends. Messages of one caller arrive in order.
    pub(crate) async fn send(&self, message: T) -> Result<(), Gone> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|_| Gone)?;
        self.queue
            .send(Parcel {
                message,
                permit: Some(permit),
            })
            .map_err(|_| Gone)
    }

    /// Sends without waiting; see the head of this file for who may.
    pub(crate) fn send_now(&self, message: T) -> Result<(), Gone> {
        self.queue
            .send(Parcel {
                message,
                permit: None,
            })
            .map_err(|_| Gone)
    }
}

/// Why [`Inbox::recv_timeout`] returned without a message.
pub(crate) enum Empty {
    /// Nothing came in time.
    TimedOut,
    /// Every sender is gone.
    Gone,
}

impl<T> Inbox<T> {
    /// Blocks until a message comes; `None` when every sender is gone.
    pub(crate) fn recv(&self) -> Option<Received<T>> {
        let parcel = self.queue.recv().ok()?;
        Some(Received {
            message: parcel.message,
            permit: parcel.permit,
        })
    }

    /// Blocks until a message comes or `wait` has passed.
    pub(crate) fn recv_timeout(&self, wait: Duration) -> Result<Received<T>, Empty> {
        match self.queue.recv_timeout(wait) {
            Ok(parcel) => Ok(Received {
                message: parcel.message,
                permit: parcel.permit,
            }),
            Err(RecvTimeoutError::Timeout) => Err(Empty::TimedOut),
            Err(RecvTimeoutError::Disconnected) => Err(Empty::Gone),
        }
    }
}

impl<T> Drop for Inbox<T> {
    fn drop(&mut self) {
        // Wakes the callers that wait for room: nobody will ever make any.
        self.permits.close();
    }
}
