//! Puts the rooms together, runs them, and takes them apart in order.
//!
//! Threads: the main thread runs the conductor, the sources' tasks and the pump (their children
//! die with this thread); `panel`, `deliver` and `herald` each have a runtime of their own, so that a page
//! or a platform that misbehaves cannot hold up a recording; `spool`, `db` and `finish` block, and
//! so does each `light-NAME` and `button-NAME`.
//! Their owners are here: each is told to end and joined, the spool last.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use lectern_capture::clock::unix_ms;
use lectern_capture::{Capture, CaptureSettings, Outputs};
use lectern_domain::api::Status;
use lectern_domain::config::Config;
use lectern_domain::ids::SourceName;
use lectern_panel::Pictures;
use lectern_store::{Options, Store};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::timeout;
use tracing::{error, info, warn};

use crate::clock::{self, Watch};
use crate::conductor::{COMMAND_BOUND, Conductor, Inputs, Left, Means, Parts};
use crate::control::Desk;
use crate::counts::Counts;
use crate::courier::{Around, Bell, Courier};
use crate::doctor::{Doctor, Patient};
use crate::finisher::Finisher;
use crate::load::Files;
use crate::logs::faults::watch_faults;
use crate::notify::{self, Vitals};
use crate::panel::{Doors, Panel};
use crate::pump::Tally;
use crate::reload::{Launch, Parties, READING_BOUND};
use crate::signals::{Asked, Ear};
use crate::space::{Budget, configured_rate};
use crate::tally::Minder;
use crate::{herald, pump, reload, scribe, signals, status, vigil};

/// From the first signal to the end of the process five seconds may pass. They are shared out:
/// the sources flush the open run (`LEAVE_DRAIN_NS`), then they end, while page and deliveries
/// get their time beside them; the rest is the disk's.
const SOURCES_END_WITHIN: Duration = Duration::from_secs(2);
/// For the last facts on their way to the database.
const SCRIBE_ENDS_WITHIN: Duration = Duration::from_millis(500);
/// For the last chunks on their way to the spool.
const PUMP_ENDS_WITHIN: Duration = Duration::from_millis(500);
/// For the lamps to go out; longer only if a USB device does not answer.
const PODIUM_ENDS_WITHIN: Duration = Duration::from_millis(1_500);
/// For a reading of the configuration that a disk holds. It writes nothing, and is left behind.
const READING_ENDS_WITHIN: Duration = Duration::from_millis(500);
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

/// The sources' part of the configuration. A lecture begins at a whole second, so they keep one
/// second more than the pre-roll.
fn capture_settings(config: &Config) -> CaptureSettings {
    let pre_roll_ns = match config.recording.pre_roll.ns() {
        0 => 0,
        asked_ns => asked_ns.saturating_add(1_000_000_000),
    };
    CaptureSettings { pre_roll_ns }
}

/// `lectern-source` beside this program.
pub(crate) fn source_program() -> PathBuf {
    let here = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/usr/bin/lecternd"));
    here.with_file_name("lectern-source")
}

/// How the daemon ended, in good order.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It was asked to.
    Stopped,
    /// To be executed anew, with these files.
    Again(Files),
}

/// Runs the daemon until a signal ends it, which it notes in `asked`, or until it is to start
/// anew. Blocks. Every thread has ended when it returns, but one that a stalled disk holds while
/// it reads the configuration.
///
/// # Errors
/// When the spool cannot be opened or no runtime or socket is to be had; a second daemon on the
/// same spool is such a case.
pub(crate) fn run(config: Config, launch: &Arc<Launch>, asked: &Asked) -> Result<Ended> {
    let config = Arc::new(config);
    info!(version = env!("CARGO_PKG_VERSION"), room = %config.room.id, "daemon starts");
    let (store, spool_events) =
        lectern_store::open(&store_options(&config), unix_ms()).context("the spool could not be opened")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let end = match runtime.block_on(serve(config, launch, asked, &store, spool_events)) {
        Ok(Served::InOrder { ear, again }) => runtime.block_on(closed(store, ear, again)),
        Ok(Served::Now) => End::Now,
        Err(error) => {
            store.close();
            runtime.shutdown_timeout(READING_ENDS_WITHIN);
            return Err(error);
        }
    };
    match end {
        End::InOrder(ended) => {
            // Dropping it would wait for a disk that stalls; whoever writes has ended before.
            runtime.shutdown_timeout(READING_ENDS_WITHIN);
            info!(again = matches!(ended, Ended::Again(_)), "daemon ended");
            Ok(ended)
        }
        End::Now => {
            warn!("daemon was told to stop at once");
            // Not by a return: dropping the runtime waits for what the signal was not to wait for.
            std::process::exit(1);
        }
    }
}

/// How serving ended.
enum Served {
    /// All but the store has ended; a second signal may still come.
    InOrder { ear: Ear, again: Option<Files> },
    /// The second signal.
    Now,
}

/// How the daemon ends.
enum End {
    InOrder(Ended),
    Now,
}

/// Closes the store beside the runtime, which goes on hearing signals.
async fn closed(store: Store, mut ear: Ear, again: Option<Files>) -> End {
    tokio::select! {
        biased;
        () = ear.now() => End::Now,
        closed = tokio::task::spawn_blocking(move || store.close()) => {
            if closed.is_err() {
                error!("closing the spool broke down; the next start recovers it");
            }
            End::InOrder(again.map_or(Ended::Stopped, Ended::Again))
        }
    }
}

async fn serve(
    config: Arc<Config>,
    launch: &Arc<Launch>,
    asked: &Asked,
    store: &Store,
    spool_events: mpsc::Receiver<lectern_store::SpoolEvent>,
) -> Result<Served> {
    let bell = Arc::new(Bell::default());
    let hangups = Arc::new(Notify::new());
    let counts = Arc::new(Counts::default());
    let (signals, signal_task) = signals::listen(Arc::clone(&bell), Arc::clone(&hangups), asked)
        .context("signal handlers could not be installed")?;
    // Ends with the runtime: a signal may come until then.
    tokio::spawn(signal_task);
    // First of all: without a socket nobody could stop what begins below.
    let doors = Doors::open(&config)?;
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

    let (capture, outputs) = Capture::start(source_program(), &config.sources, capture_settings(&config));
    let Outputs {
        media,
        changed,
        facts,
    } = outputs;
    let (drained_out, drained) = mpsc::channel(DRAINED_BOUND);
    let tally = Tally::default();
    let pump = tokio::spawn(pump::run(media, spool.clone(), drained_out, tally.clone()));

    let (finisher, finish) =
        Finisher::start(Arc::clone(&vitals)).context("the finish thread could not be started")?;
    let known_unix_ms = store.recovery().latest_known_unix_ms.unwrap_or(0);
    let clock = Watch::new(clock::read(), clock::built_unix_ms().max(known_unix_ms));
    let (around_out, around) = watch::channel(Around {
        // Until the conductor has looked: a lecture may go on.
        recording: true,
        clock: clock.trust(),
    });
    let seen = around.clone();
    let (courier, orders, courier_events) = Courier::start(
        Arc::clone(&config),
        db.clone(),
        around,
        Arc::clone(&bell),
        Arc::clone(&counts),
    )
    .await
    .context("the deliver thread could not be started")?;

    let (panel_out, panel_wanted) = watch::channel(config.panel.clone());
    let (readings_out, readings) = mpsc::channel(READING_BOUND);
    // Ends with the runtime, as the signals do.
    tokio::spawn(reload::read_at(
        Arc::clone(&hangups),
        Arc::clone(launch),
        readings_out,
    ));
    let (scribe, scribe_task) = scribe::scribe(db.clone());
    let scribe_task = tokio::spawn(scribe_task);

    let (status_out, published) = watch::channel(Arc::new(blank(&config, free_bytes)));
    // Ends with the conductor, whose status it watches.
    let faults = tokio::spawn(watch_faults(published.clone()));
    let (requests_out, requests) = mpsc::channel(COMMAND_BOUND);
    let podium = Minder::start(
        &config,
        requests_out.clone(),
        published.clone(),
        &capture.levels(),
    );
    let pictures = Pictures::new(pictures(&config, &capture)).shown_to(capture.audience());
    let herald = herald::start(&config, db.clone(), published.clone())
        .context("the herald thread could not be started")?;
    let doctor = Doctor::new(Patient {
        config: Arc::clone(&config),
        prospects: courier.prospects(),
        status: published.clone(),
        levels: capture.levels(),
        pictures: pictures.clone(),
        tester: herald.tester(),
        db: db.clone(),
        program: capture.program(),
    });
    let (report, last_test) = watch::channel(Arc::default());
    let desk = Desk {
        self_test: last_test,
        requests: requests_out,
        status: published,
        levels: capture.levels(),
        pictures,
        db: db.clone(),
        doctor,
        tester: herald.tester(),
        vitals: Arc::clone(&vitals),
        counts: Arc::clone(&counts),
    };
    let parts = Parts {
        self_test: Means {
            prospects: courier.prospects(),
            report,
        },
        config: Arc::clone(&config),
        capture,
        db,
        spool,
        tally,
        finisher,
        bell,
        counts,
        around: around_out,
        uploads: courier.uploads(),
        asker: courier.asker(),
        scribe,
        status: status_out,
        vitals: Arc::clone(&vitals),
        launch: Arc::clone(launch),
        parties: Parties {
            courier: orders,
            panel: panel_out,
            herald: herald.renewer(),
        },
    };
    let mut conductor = Conductor::new(parts, free_bytes, clock);
    conductor.take_up(store.recovery()).await;
    // By now it is known whether a lecture goes on.
    let vigil = tokio::spawn(vigil::keep(seen));
    // Whoever asks from now on is told what is: an interrupted lecture goes on already.
    let panel = Panel::start(doors, desk, panel_wanted)?;
    notify::tell_ready();
    info!("daemon is ready");
    if launch.was_handed_files() {
        // What happened to the disk meanwhile is taken over, waits, or is told, as ever.
        hangups.notify_one();
    }

    let inputs = Inputs {
        requests,
        spool: spool_events,
        drained,
        sources: changed,
        facts,
        finish,
        courier: courier_events,
        space,
        readings,
        signals,
    };
    let Ok(Left {
        parts,
        signals,
        again,
    }) = conductor.run(inputs).await
    else {
        return Ok(Served::Now);
    };
    let mut ear = Ear::new(signals);
    if again.is_some() {
        notify::tell_anew();
    } else {
        notify::tell_stopping();
    }
    vitals.leave();
    courier.tell_to_stop();
    herald.tell_to_stop();
    panel.tell_to_stop();
    let Parts {
        capture,
        finisher,
        scribe,
        ..
    } = parts;
    drop(scribe);
    let ending = async {
        let lamps = tokio::spawn(timeout(PODIUM_ENDS_WITHIN, podium.close()));
        if timeout(SOURCES_END_WITHIN, capture.shutdown()).await.is_err() {
            error!("sources did not end in time");
        }
        drop(timeout(PUMP_ENDS_WITHIN, pump).await);
        drop(timeout(SCRIBE_ENDS_WITHIN, scribe_task).await);
        if !matches!(lamps.await, Ok(Ok(()))) {
            warn!("lights and buttons did not end in time");
        }
        let joined = tokio::task::spawn_blocking(move || {
            panel.close();
            herald.close();
            courier.close();
            finisher.close();
        });
        if joined.await.is_err() {
            error!("a thread could not be joined");
        }
    };
    tokio::select! {
        biased;
        () = ear.now() => return Ok(Served::Now),
        () = ending => {}
    }
    watcher.abort();
    vigil.abort();
    faults.abort();
    Ok(Served::InOrder { ear, again })
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

/// What is published before the conductor has looked: nothing is known but the room on the disk,
/// because a disk of which nothing is known would be told as a full one.
fn blank(config: &Config, free: u64) -> Status {
    let budget = Budget {
        free,
        reserve: config.storage.reserve.bytes(),
        rate: configured_rate(config),
        ..Budget::default()
    };
    status::build(&status::View {
        budget,
        ..status::View::blank(config, &status::Blank::default(), unix_ms())
    })
}
