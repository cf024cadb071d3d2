//! The thread that delivers: one delivery at a time, on a runtime of its own.
//!
//! One flow and not several, because the uplink is shared with classes. Whatever it needs to
//! remember is committed through the [`Journal`] before it acts; this file only decides whose
//! turn it is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use lectern_capture::clock::unix_ms;
use lectern_deliver::{Journal, JournalError, Line, LineRules, Outcome, Progress, Secrets, Still, ask_again};
use lectern_domain::api::DeliveryView;
use lectern_domain::config::Config;
use lectern_domain::delivery::{Commit, DeliveryJob, DeliveryState};
use lectern_domain::ids::{DeliveryId, PlatformName};
use lectern_store::{Db, DueQuery};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use crate::space::Word;

/// Events not yet taken by the conductor; progress is dropped when they lag.
const EVENT_BOUND: usize = 32;
/// The longest sleep with an empty queue: a wake that was missed costs no more than this.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// After a failure of our own: of the database, or of a step that nobody foresaw.
const PAUSE: Duration = Duration::from_secs(5);

/// How long platforms may take to say whether they still have a lecture: a share reads it back.
/// Less than the recording that is left when room begins to be made.
const ASKED_WITHIN: Duration = Duration::from_secs(10 * 60);
/// How long a blocking write of a platform may outlast the end of the daemon.
const SHARE_HANGS: Duration = Duration::from_secs(1);

/// What the thread says.
#[derive(Debug)]
pub(crate) enum CourierEvent {
    /// The delivery on its way; `None` when none is.
    Progress(Option<DeliveryView>),
    /// The queue is another than before.
    Changed,
}

/// The way to the thread. [`Courier::close`] joins it.
pub(crate) struct Courier {
    stop: watch::Sender<bool>,
    wake: Arc<Notify>,
    asker: Asker,
    thread: JoinHandle<()>,
}

/// Asks platforms, on the courier's runtime, beside the delivery that is under way there; cheap
/// to clone.
#[derive(Clone)]
pub(crate) struct Asker {
    config: Arc<Config>,
    line: Arc<Line>,
    runtime: Handle,
    stopped: watch::Receiver<bool>,
}

impl Asker {
    /// Whether the platforms of these done deliveries still have them. Sends and changes nothing;
    /// ends within [`ASKED_WITHIN`], a dead share or not.
    pub(crate) async fn ask(&self, deliveries: Vec<DeliveryJob>) -> Word {
        let (config, line, stopped) = (
            Arc::clone(&self.config),
            Arc::clone(&self.line),
            self.stopped.clone(),
        );
        let mut asking = self.runtime.spawn(async move {
            for job in deliveries {
                let name = job.platform.clone();
                let Some(platform) = config.platforms.iter().find(|p| p.name == name) else {
                    return Word::Silent(format!("{name} is not configured any more."));
                };
                let platform = lectern_deliver::connect(platform, Secrets::from_env(), &line);
                match ask_again(&job, &platform, stopped.clone()).await {
                    Still::Held => {}
                    Still::Denied(why) => return Word::Denied(format!("{name}: {why}")),
                    Still::Silent(why) => return Word::Silent(format!("{name}: {why}")),
                }
            }
            Word::Held
        });
        match timeout(ASKED_WITHIN, &mut asking).await {
            Ok(said) => said.unwrap_or_else(|_| Word::Silent("The recorder is shutting down.".to_owned())),
            Err(_) => {
                asking.abort();
                let minutes = ASKED_WITHIN.as_secs() / 60;
                Word::Silent(format!("No word came within {minutes} minutes."))
            }
        }
    }
}

impl Courier {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread or runtime to give.
    pub(crate) fn start(
        config: Arc<Config>,
        db: Db,
    ) -> std::io::Result<(Self, mpsc::Receiver<CourierEvent>)> {
        let (stop, stopped) = watch::channel(false);
        let wake = Arc::new(Notify::new());
        let (out, events) = mpsc::channel(EVENT_BOUND);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let upload = &config.upload;
        let rules = LineRules {
            rate: upload.rate,
            yields: upload.yields,
            proxy: upload.proxy.clone(),
        };
        let line = Line::new(rules, Vec::new());
        let asker = Asker {
            config: Arc::clone(&config),
            line: Arc::clone(&line),
            runtime: runtime.handle().clone(),
            stopped: stopped.clone(),
        };
        let mut rounds = Rounds {
            config,
            line,
            db,
            stopped,
            wake: Arc::clone(&wake),
            out,
        };
        let thread = std::thread::Builder::new()
            .name("deliver".to_owned())
            .spawn(move || {
                // A platform's answer that nobody foresaw must not end all deliveries.
                while catch_unwind(AssertUnwindSafe(|| runtime.block_on(rounds.run()))).is_err() {
                    error!("delivering broke down; it goes on after a while");
                    runtime.block_on(rounds.rest(PAUSE));
                }
                // A write that hangs in a dead share must not hold up the end of the daemon.
                runtime.shutdown_timeout(SHARE_HANGS);
            })?;
        let courier = Self {
            stop,
            wake,
            asker,
            thread,
        };
        Ok((courier, events))
    }

    /// Rings when a delivery may have become due.
    pub(crate) fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Asks platforms again.
    pub(crate) fn asker(&self) -> Asker {
        self.asker.clone()
    }

    /// Asks the thread to end at its next safe point.
    pub(crate) fn tell_to_stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits for the thread.
    pub(crate) fn close(self) {
        self.tell_to_stop();
        if self.thread.join().is_err() {
            warn!("deliver thread panicked");
        }
    }
}

struct Rounds {
    config: Arc<Config>,
    line: Arc<Line>,
    db: Db,
    stopped: watch::Receiver<bool>,
    wake: Arc<Notify>,
    out: mpsc::Sender<CourierEvent>,
}

struct DbJournal {
    db: Db,
    out: mpsc::Sender<CourierEvent>,
}

#[async_trait]
impl Journal for DbJournal {
    async fn commit(&self, delivery: DeliveryId, commit: Commit) -> Result<(), JournalError> {
        self.db
            .commit_delivery(delivery, commit)
            .await
            .map_err(|error| JournalError(Box::new(error)))?;
        // The conductor reads the queue anew; if it lags, it reads it for the next word.
        drop(self.out.try_send(CourierEvent::Changed));
        Ok(())
    }
}

impl Rounds {
    async fn run(&mut self) {
        let platforms: Vec<PlatformName> = self.config.platforms.iter().map(|p| p.name.clone()).collect();
        // An error means that the owner is gone.
        while !*self.stopped.borrow() && self.stopped.has_changed().is_ok() {
            let query = DueQuery {
                now_unix_ms: unix_ms(),
                platforms: platforms.clone(),
                phone_first: false,
                urgent_only: false,
            };
            match self.db.due_delivery(query).await {
                Ok(Some(job)) => self.deliver(job).await,
                Ok(None) => self.idle().await,
                Err(error) => {
                    error!(error = %error, "due delivery could not be read");
                    self.rest(PAUSE).await;
                }
            }
        }
    }

    async fn deliver(&mut self, job: DeliveryJob) {
        let Some(platform) = self.config.platforms.iter().find(|p| p.name == job.platform) else {
            return;
        };
        let platform = lectern_deliver::connect(platform, Secrets::from_env(), &self.line);
        let journal = DbJournal {
            db: self.db.clone(),
            out: self.out.clone(),
        };
        let out = self.out.clone();
        let blank = active(&job);
        let progress = move |progress: Progress| {
            let view = DeliveryView {
                sent_bytes: progress.sent_bytes,
                ..blank.clone()
            };
            drop(out.try_send(CourierEvent::Progress(Some(view))));
        };
        info!(lecture = %job.lecture, platform = %job.platform, "delivery began");
        let (lecture, name) = (job.lecture, job.platform.clone());
        let courier = lectern_deliver::Courier::default();
        let outcome = courier
            .run(job, &platform, &journal, &progress, self.stopped.clone())
            .await;
        match outcome {
            Ok(Outcome::Done) => info!(%lecture, platform = %name, "lecture was delivered"),
            Ok(Outcome::Waiting {
                until_unix_ms, why, ..
            }) => {
                info!(%lecture, platform = %name, until_unix_ms, why, "delivery waits");
            }
            Ok(Outcome::Deferred) => info!(%lecture, platform = %name, "delivery gave its turn to others"),
            Ok(Outcome::Refused { why }) => error!(platform = %name, why, "platform refuses lectures"),
            Ok(Outcome::Parked { why }) => error!(%lecture, platform = %name, why, "delivery needs a person"),
            Ok(Outcome::Stopped) => info!(%lecture, platform = %name, "delivery was interrupted"),
            Err(error) => {
                error!(%lecture, platform = %name, error = %error, "delivery broke off");
                self.rest(PAUSE).await;
            }
        }
        // The conductor may have ended: then nobody watches any more.
        drop(self.out.send(CourierEvent::Progress(None)).await);
        drop(self.out.send(CourierEvent::Changed).await);
    }

    /// Sleeps until the next delivery is due, or somebody rings.
    async fn idle(&mut self) {
        let due = self.db.next_due_unix_ms().await.ok().flatten();
        let wait = due.map_or(LONGEST_SLEEP, |due| {
            let ms = u64::try_from(due.saturating_sub(unix_ms())).unwrap_or(0);
            Duration::from_millis(ms.max(50)).min(LONGEST_SLEEP)
        });
        self.rest(wait).await;
    }

    async fn rest(&mut self, wait: Duration) {
        tokio::select! {
            () = sleep(wait) => {}
            () = self.wake.notified() => {}
            // An error means that the owner is gone: the loop sees it.
            _ = self.stopped.changed() => {}
        }
    }
}

/// A delivery as it begins, for the page.
fn active(job: &DeliveryJob) -> DeliveryView {
    DeliveryView {
        id: job.id,
        lecture: job.lecture,
        title: Some(job.title.clone()).filter(|title| !title.is_empty()),
        platform: job.platform.clone(),
        state: DeliveryState::Sending,
        sent_bytes: 0,
        total_bytes: job.files.iter().map(|file| file.size_bytes).sum(),
        attempts: job.attempts,
        next_unix_ms: None,
        message: None,
        done_unix_ms: None,
        locations: Vec::new(),
    }
}
