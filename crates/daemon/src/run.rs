//! Puts the rooms together, runs them, and takes them apart in order.
//!
//! Threads: the main thread runs the conductor, the sources' tasks and the pump (their children
//! die with this thread); `panel` and `deliver` each have a runtime of their own, so that a page
//! or a platform that misbehaves cannot hold up a recording; `spool`, `db` and `finish` block.
//! Their owners are here: each is told to end and joined, the spool last.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use lectern_capture::clock::unix_ms;
use lectern_capture::{Capture, CaptureSettings, Outputs};
use lectern_domain::api::{QueueSummary, Status};
use lectern_domain::config::Config;
use lectern_domain::ids::SourceName;
use lectern_panel::Pictures;
use lectern_store::{Options, Store};
use sd_notify::NotifyState;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tracing::{error, info, warn};

use crate::conductor::{COMMAND_BOUND, Conductor, Inputs, Parts};
use crate::control::Desk;
use crate::courier::Courier;
use crate::finisher::Finisher;
use crate::notify::{self, Vitals};
use crate::pump::Tally;
use crate::{pump, signals, status};

/// From the first signal to the end of the process five seconds may pass. They are shared out:
/// the sources flush the open run (`LEAVE_DRAIN_NS`), then they end, while page and deliveries
/// get their time beside them; the rest is the disk's.
const SOURCES_END_WITHIN: Duration = Duration::from_secs(2);
/// For the last chunks on their way to the spool.
const PUMP_ENDS_WITHIN: Duration = Duration::from_millis(500);
/// Words of drained sources waiting for the conductor: one for each source and run.
const DRAINED_BOUND: usize = 64;

/// The store's part of the configuration.
pub(crate) fn store_options(config: &Config) -> Options {
    Options {
        path: config.storage.path.clone(),
        room: config.room.id.clone(),
        timezone: config.room.timezone.clone(),
        reserve: config.storage.reserve,
        sync_every: config.storage.sync_every,
        segment: config.storage.segment,
    }
}

/// `lectern-source` beside this program.
pub(crate) fn source_program() -> PathBuf {
    let here = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/usr/bin/lecternd"));
    here.with_file_name("lectern-source")
}

/// Runs the daemon until a signal ends it. Blocks.
///
/// # Errors
/// When the spool cannot be opened or no runtime or socket is to be had; a second daemon on the
/// same spool is such a case.
pub(crate) fn run(config: Config) -> Result<()> {
    let config = Arc::new(config);
    info!(version = env!("CARGO_PKG_VERSION"), room = %config.room.id, "daemon starts");
    let (store, spool_events) =
        lectern_store::open(&store_options(&config), unix_ms()).context("the spool could not be opened")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let end = runtime.block_on(serve(config, &store, spool_events));
    drop(runtime);
    if matches!(end, Ok(End::Now)) {
        warn!("daemon was told to stop at once");
        std::process::exit(1);
    }
    store.close();
    info!("daemon ended");
    end.map(drop)
}

enum End {
    InOrder,
    Now,
}

async fn serve(
    config: Arc<Config>,
    store: &Store,
    spool_events: mpsc::Receiver<lectern_store::SpoolEvent>,
) -> Result<End> {
    let (signals, signal_task) = signals::listen().context("signal handlers could not be installed")?;
    let signal_task = tokio::spawn(signal_task);
    let vitals = Arc::new(Vitals::default());
    vitals.conductor_lives();
    let (db, spool) = (store.db(), store.spool());

    let free_bytes = spool
        .free_space()
        .await
        .context("free space could not be measured")?
        .free_bytes;
    let (free_out, space) = watch::channel(free_bytes);
    let watcher = tokio::spawn(notify::watch(
        Arc::clone(&vitals),
        spool.clone(),
        db.clone(),
        free_out,
    ));

    let settings = CaptureSettings::default();
    let (capture, Outputs { media, changed, .. }) =
        Capture::start(source_program(), &config.sources, settings);
    let (drained_out, drained) = mpsc::channel(DRAINED_BOUND);
    let tally = Tally::default();
    let pump = tokio::spawn(pump::run(media, spool.clone(), drained_out, tally.clone()));

    let (finisher, finish) = Finisher::start(config.recording.picture, Arc::clone(&vitals))
        .context("the finish thread could not be started")?;
    let (courier, courier_events) =
        Courier::start(Arc::clone(&config), db.clone()).context("the deliver thread could not be started")?;

    let (status_out, published) = watch::channel(Arc::new(blank(&config)));
    let (requests_out, requests) = mpsc::channel(COMMAND_BOUND);
    let desk = Desk {
        requests: requests_out,
        status: published,
        levels: capture.levels(),
        pictures: Pictures::new(pictures(&config, &capture)),
        db: db.clone(),
        vitals: Arc::clone(&vitals),
    };
    let parts = Parts {
        config: Arc::clone(&config),
        capture,
        db,
        spool,
        tally,
        finisher,
        courier_wake: courier.wake(),
        status: status_out,
        vitals: Arc::clone(&vitals),
    };
    let mut conductor = Conductor::new(parts, free_bytes);
    conductor.take_up(store.recovery()).await;
    // Whoever asks from now on is told what is: an interrupted lecture goes on already.
    let panel = Panel::start(&config, desk)?;
    notify::tell(NotifyState::Ready);
    info!("daemon is ready");

    let inputs = Inputs {
        requests,
        spool: spool_events,
        drained,
        sources: changed,
        finish,
        courier: courier_events,
        space,
        signals,
    };
    let Ok(parts) = conductor.run(inputs).await else {
        return Ok(End::Now);
    };

    notify::tell(NotifyState::Stopping);
    vitals.leave();
    courier.tell_to_stop();
    panel.tell_to_stop();
    if timeout(SOURCES_END_WITHIN, parts.capture.shutdown())
        .await
        .is_err()
    {
        error!("sources did not end in time");
    }
    drop(timeout(PUMP_ENDS_WITHIN, pump).await);
    panel.close();
    courier.close();
    parts.finisher.close();
    watcher.abort();
    signal_task.abort();
    Ok(End::InOrder)
}

fn pictures(
    config: &Config,
    capture: &Capture,
) -> Vec<(
    SourceName,
    watch::Receiver<Option<Arc<lectern_domain::media::Picture>>>,
)> {
    let video = |name: &SourceName| {
        config
            .sources
            .iter()
            .any(|s| s.name == *name && s.role.is_video())
    };
    capture
        .pictures()
        .into_iter()
        .filter(|(name, _)| video(name))
        .collect()
}

/// What is published before the conductor has looked: nothing is known yet.
fn blank(config: &Config) -> Status {
    status::build(&status::View {
        config,
        session: None,
        reports: &BTreeMap::new(),
        pictures: &[],
        track_bytes: &BTreeMap::new(),
        queue: &QueueSummary::default(),
        free_bytes: 0,
        troubles: &[],
        now_ns: 0,
        now_unix_ms: unix_ms(),
    })
}

/// The panel's thread and how to end it.
struct Panel {
    stop: watch::Sender<bool>,
    thread: std::thread::JoinHandle<()>,
}

impl Panel {
    fn start(config: &Config, desk: Desk) -> Result<Self> {
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
        let listeners = lectern_panel::Listeners {
            socket: Some(socket),
            tcp,
        };
        let (stop, mut stopped) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("panel".to_owned())
            .spawn(move || {
                let until = async move {
                    // An error means that the owner is gone, which is the same.
                    drop(stopped.wait_for(|stop| *stop).await);
                };
                if let Err(error) = runtime.block_on(lectern_panel::serve(listeners, Arc::new(desk), until)) {
                    error!(error = %error, "panel ended");
                }
            })?;
        Ok(Self { stop, thread })
    }

    fn tell_to_stop(&self) {
        self.stop.send_replace(true);
    }

    fn close(self) {
        self.tell_to_stop();
        if self.thread.join().is_err() {
            warn!("panel thread panicked");
        }
    }
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
