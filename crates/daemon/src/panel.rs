//! The thread that serves the page, the API and the control socket, with a runtime of its own.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use lectern_domain::config::{self, Config};
use lectern_panel::Keys;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use crate::control::Desk;
use crate::keys::Lockers;

/// Between two attempts to serve the page.
const RESTS: Duration = Duration::from_secs(1);

/// How often PIN, tokens and certificate are read again: a renewed one needs no restart.
const READ_AGAIN: Duration = Duration::from_secs(60);

/// The open doors, and what opens them from outside. Whoever knocks before they are served waits.
pub(crate) struct Doors {
    listeners: lectern_panel::Listeners,
    lockers: Lockers,
}

impl Doors {
    /// Opens the socket and the port.
    ///
    /// # Errors
    /// When the socket cannot be opened. A port that is taken is none: the command line works
    /// without it.
    pub(crate) fn open(config: &Config) -> Result<Self> {
        let socket = bind_socket(&config.control.socket)?;
        let tcp = config.panel.listen.and_then(|address| match TcpListener::bind(address) {
            Ok(listener) => Some(listener),
            Err(error) => {
                // The page is a convenience; the recording and the command line go on without.
                error!(address = %address, error = %error, "page has no port; free it or change panel.listen");
                None
            }
        });
        if let Some(address) = tcp.as_ref().and_then(|tcp| tcp.local_addr().ok()) {
            info!(page = format!("http://{address}/"), "page is served");
        }
        Ok(Self {
            listeners: lectern_panel::Listeners {
                socket: Some(socket),
                tcp,
            },
            lockers: Lockers::open(config),
        })
    }
}

/// The panel's thread and how to end it. [`Panel::close`] joins it.
pub(crate) struct Panel {
    stop: watch::Sender<bool>,
    thread: std::thread::JoinHandle<()>,
}

impl Panel {
    /// Starts the thread, which serves at these doors. Whoever may come in is as `wanted` says; each
    /// word of it has the files of PIN, tokens and certificate read again.
    ///
    /// # Errors
    /// When the system has no thread or runtime to give.
    pub(crate) fn start(doors: Doors, desk: Desk, wanted: watch::Receiver<config::Panel>) -> Result<Self> {
        let Doors {
            mut listeners,
            lockers,
        } = doors;
        let (stop, stopped) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .thread_name("panel-keys")
            .enable_all()
            .build()?;
        let desk = Arc::new(desk);
        let mut keys = Bunch::new(lockers, wanted);
        let thread = std::thread::Builder::new()
            .name("panel".to_owned())
            .spawn(move || {
                // Without a page and a socket nobody could stop the recording: whatever breaks
                // them, they are served again, and the recording never hears of it.
                while !*stopped.borrow() {
                    serve_panel(&runtime, &mut listeners, &mut keys, &desk, stopped.clone());
                }
                // A disk that stalls may hold a reading of the keys; the end does not wait for it.
                runtime.shutdown_background();
            })?;
        Ok(Self { stop, thread })
    }

    /// Asks the thread to end.
    pub(crate) fn tell_to_stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits for the thread.
    pub(crate) fn close(self) {
        self.tell_to_stop();
        if self.thread.join().is_err() {
            warn!("panel thread panicked");
        }
    }
}

/// The keys of now, and how they are renewed.
struct Bunch {
    lockers: Arc<Lockers>,
    wanted: watch::Receiver<config::Panel>,
    /// What was said last of files that cannot be used.
    faults: Vec<String>,
    now: watch::Sender<Arc<Keys>>,
}

impl Bunch {
    /// Reads them for the first time. Blocks for a few small files.
    fn new(lockers: Lockers, wanted: watch::Receiver<config::Panel>) -> Self {
        let (keys, faults) = lockers.keys();
        complain(&faults);
        Self {
            lockers: Arc::new(lockers),
            wanted,
            faults,
            now: watch::Sender::new(Arc::new(keys)),
        }
    }

    /// Reads them again and again; says once what cannot be used, and once that it can.
    async fn renew(&mut self) -> Infallible {
        loop {
            tokio::select! {
                () = sleep(READ_AGAIN) => {}
                Ok(()) = self.wanted.changed() => {
                    let panel = self.wanted.borrow_and_update().clone();
                    self.lockers = Arc::new(self.lockers.guarding(panel));
                }
            }
            let lockers = Arc::clone(&self.lockers);
            let Ok((keys, faults)) = tokio::task::spawn_blocking(move || lockers.keys()).await else {
                continue;
            };
            if faults != self.faults {
                complain(&faults);
                if faults.is_empty() {
                    info!("panel's PIN, tokens and certificate were read");
                }
                self.faults = faults;
            }
            self.now.send_replace(Arc::new(keys));
        }
    }
}

fn complain(faults: &[String]) {
    for fault in faults {
        error!(%fault, "a key of the panel was not taken");
    }
}

/// Serves until told to stop, or until something breaks; then it waits a moment. Blocks.
fn serve_panel(
    runtime: &Runtime,
    listeners: &mut lectern_panel::Listeners,
    keys: &mut Bunch,
    desk: &Arc<Desk>,
    stopped: watch::Receiver<bool>,
) {
    let mut stopped_too = stopped.clone();
    let serving = || -> Result<()> {
        let again = lectern_panel::Listeners {
            socket: listeners
                .socket
                .as_ref()
                .map(UnixListener::try_clone)
                .transpose()?,
            tcp: listeners.tcp.as_ref().map(TcpListener::try_clone).transpose()?,
        };
        let until = closed(listeners, stopped);
        let control: Arc<dyn lectern_panel::Control> = Arc::<Desk>::clone(desk);
        runtime.block_on(async {
            let serving = lectern_panel::serve(again, keys.now.subscribe(), control, until);
            tokio::select! {
                served = serving => Ok(served?),
                never = keys.renew() => match never {},
            }
        })
    };
    match catch_unwind(AssertUnwindSafe(serving)) {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error!(
            error = format!("{error:#}"),
            "panel broke down and is served again"
        ),
        Err(_) => error!("panel panicked and is served again"),
    }
    // An error of the wait says that the time is over.
    drop(runtime.block_on(timeout(RESTS, stopped_too.wait_for(|stop| *stop))));
}

/// Waits to be told to stop and closes the doors: whoever knocks while open requests end would find
/// a queue that nobody serves any more, and could not tell whether the command was heard. A program
/// that takes this one's place opens its own.
async fn closed(listeners: &mut lectern_panel::Listeners, mut stopped: watch::Receiver<bool>) {
    // An error means that the owner is gone, which is the same.
    drop(stopped.wait_for(|stop| *stop).await);
    *listeners = lectern_panel::Listeners::default();
}

/// The spool's lock is ours by now, so a socket file that is there belongs to a dead daemon.
fn bind_socket(path: &Path) -> Result<UnixListener> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("control.socket: {} cannot be made", folder.display()))?;
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("control.socket: {} is in the way", path.display()));
        }
        _ => {}
    }
    let listener = UnixListener::bind(path)
        .with_context(|| format!("control.socket: {} cannot be opened", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))
        .with_context(|| format!("control.socket: {} cannot be given to its group", path.display()))?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[tokio::test]
    async fn p1_nobody_is_left_in_the_queue_of_a_door_that_is_told_to_close() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("control.sock");
        let mut listeners = lectern_panel::Listeners {
            socket: Some(bind_socket(&path).unwrap()),
            tcp: None,
        };
        let (stop, stopped) = watch::channel(false);
        assert!(UnixStream::connect(&path).is_ok());
        let close = closed(&mut listeners, stopped);
        stop.send_replace(true);
        close.await;
        let refused = UnixStream::connect(&path).map(drop).map_err(|error| error.kind());
        assert_eq!(
            refused,
            Err(ErrorKind::ConnectionRefused),
            "asked again by the command line"
        );
    }
}
