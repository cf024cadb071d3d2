//! The two threads' common frame: a name, an owner, and what a panic means.
//!
//! A panic in a storage thread aborts the process on purpose: half-done storage work must not go
//! on, and a restart with recovery is well tested. Answers to callers that went away are no
//! error.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, JoinHandle};

use tokio::sync::oneshot;

/// Starts a named thread; `body` ends it in good order or tells why the process must end.
pub(crate) fn spawn<E: std::fmt::Display>(
    name: &'static str,
    body: impl FnOnce() -> Result<(), E> + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    Builder::new()
        .name(name.to_owned())
        .spawn(move || match catch_unwind(AssertUnwindSafe(body)) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => abort(name, &error.to_string()),
            Err(_) => abort(name, "it panicked"),
        })
}

/// Logs and aborts; the service manager starts the daemon again and recovery runs.
fn abort(thread: &str, reason: &str) -> ! {
    tracing::error!(
        thread,
        reason,
        "a storage thread cannot go on; the process ends so that recovery runs"
    );
    // The log may be gone with the process; standard error is not.
    eprintln!("lecternd: storage thread {thread} cannot go on: {reason}; ending so that recovery runs");
    std::process::abort()
}

/// Answers a caller; one that has gone away does not want to know.
pub(crate) fn answer<T>(reply: oneshot::Sender<T>, value: T) {
    if reply.send(value).is_err() {
        tracing::trace!("a caller went away before its answer");
    }
}
