//! Starts GStreamer, which is quick but for one time.
//!
//! The first start after an installation or an update reads every plugin to make an index of
//! them: some seconds, tens of them on a small computer with a cold disk. It must not look like a
//! process that hangs: whoever is killed for it leaves no index behind, and so is the next.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::failure::Failure;
use crate::outbox::{Counts, Outbox};

/// How often a sign of life is given meanwhile, as often as the engine gives it later.
const ALIVE_EVERY: Duration = Duration::from_millis(500);

/// Starts GStreamer and adds the muxer that is linked into this program. Blocks for as long as it
/// takes and tells the daemon that it is alive.
///
/// # Errors
/// The installation is incomplete, or a thread cannot be started.
pub(crate) fn start(outbox: &Outbox) -> Result<(), Failure> {
    // Nothing is ever sent: its end is what ends the thread.
    let (working, over) = sync_channel::<()>(0);
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("starting".into())
            .spawn_scoped(scope, move || {
                while over.recv_timeout(ALIVE_EVERY) == Err(RecvTimeoutError::Timeout) {
                    outbox.alive(Counts::default());
                }
            })
            .map_err(|error| Failure::internal(format!("a thread could not be started: {error}")))?;
        let started = load();
        drop(working);
        started
    })
}

/// The same without a daemon that waits. Blocks for as long as it takes.
///
/// # Errors
/// The installation is incomplete.
pub(crate) fn load() -> Result<(), Failure> {
    gst::init().map_err(|error| Failure::internal(format!("GStreamer did not start: {error}")))?;
    gstfmp4::plugin_register_static()
        .map_err(|error| Failure::internal(format!("the MP4 muxer could not be registered: {error}")))
}
