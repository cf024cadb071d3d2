//! Keeps the machine awake while a lecture is under way: neither idleness nor a closed lid may put
//! it to sleep.
//!
//! The lock is logind's and is held by its own program, `systemd-inhibit`, as long as this task
//! leaves its standard input open. So it ends with the daemon, however that ends, and no bus is
//! spoken here. A machine without logind does not fall asleep by it; that is said once. A shutdown
//! is not held up by the lock: systemd waits until the segments are closed.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use crate::courier::Around;

/// Asked for by name: where it lies differs.
const PROGRAM: &str = "systemd-inhibit";
/// What the machine may not do by itself.
const WHAT: &str = "--what=sleep:idle:handle-lid-switch";
/// After its standard input was closed.
const ENDS_WITHIN: Duration = Duration::from_secs(2);
/// It says one line; whatever it might say more is left out.
const SAID_BYTES: u64 = 4 * 1024;

/// Keeps watch until nobody tells it any more. Dropped, it lets the machine sleep.
pub(crate) async fn keep(mut around: watch::Receiver<Around>) {
    let mut complained = false;
    while around.wait_for(|around| around.recording).await.is_ok() {
        let lost = match lock() {
            Ok(lock) => hold(lock, &mut around).await,
            Err(error) => Some(format!("{PROGRAM} cannot be run: {error}")),
        };
        if let Some(why) = lost {
            if !std::mem::replace(&mut complained, true) {
                warn!(
                    why,
                    "machine cannot be kept awake; it must not be set to sleep by itself during a lecture"
                );
            }
            if over(&mut around).await.is_err() {
                return;
            }
        }
    }
}

fn lock() -> std::io::Result<Child> {
    Command::new(PROGRAM)
        .args([
            WHAT,
            "--mode=block",
            "--who=Lectern",
            "--why=A lecture is being recorded",
        ])
        // Ends when its standard input does, and says back what it reads: it runs under the lock.
        .arg("cat")
        // It would tell systemd of its failures, which listens to the daemon alone.
        .env_remove("NOTIFY_SOCKET")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
}

/// Holds the lock until the lecture is over; says why if it was lost before.
async fn hold(mut lock: Child, around: &mut watch::Receiver<Around>) -> Option<String> {
    // Out of its hands: waiting for the program would close it.
    let mut held_by = lock.stdin.take();
    let mut echo = lock.stdout.take();
    let watched = async {
        if is_held(held_by.as_mut(), echo.as_mut()).await {
            info!("machine is kept awake");
        }
        lock.wait().await
    };
    tokio::select! {
        ended = watched => {
            let mut said = String::new();
            if let Some(stderr) = lock.stderr.take() {
                // What it says is for the log: half of it is better than nothing.
                drop(stderr.take(SAID_BYTES).read_to_string(&mut said).await);
            }
            let ended = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
            Some(format!("{PROGRAM} ended ({ended}): {}", said.trim()))
        }
        _ = over(around) => {
            drop(held_by);
            match timeout(ENDS_WITHIN, lock.wait()).await {
                Ok(_) => info!("machine may sleep again"),
                Err(_) => debug!("lock did not end by itself and is killed"),
            }
            None
        }
    }
}

/// Whether the lock was granted: only then is anybody there to say back what is said.
async fn is_held(into: Option<&mut ChildStdin>, echo: Option<&mut ChildStdout>) -> bool {
    let (Some(into), Some(echo)) = (into, echo) else {
        return false;
    };
    into.write_all(b"?").await.is_ok() && echo.read_u8().await.is_ok()
}

/// Waits until no lecture is under way. An error means that nobody tells it any more.
async fn over(around: &mut watch::Receiver<Around>) -> Result<(), watch::error::RecvError> {
    around.wait_for(|around| !around.recording).await.map(drop)
}
