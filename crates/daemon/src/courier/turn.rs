//! One delivery in its turn: run, watched, and taken back when its turn is over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use lectern_capture::clock::unix_ms;
use lectern_deliver::{
    Adapter, CourierError, Journal, JournalError, Line, Outcome, Progress, Secrets, Traces,
};
use lectern_domain::api::DeliveryView;
use lectern_domain::config::{Platform, PlatformKind};
use lectern_domain::delivery::{Commit, DeliveryJob, DeliveryState, FilePhase, Turn};
use lectern_domain::ids::{DeliveryId, PlatformName};
use lectern_store::{Db, DbError};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info, warn};

use super::CourierEvent;
use super::board::{Underway, over_network};
use super::holds::Learnt;
use super::rounds::{Next, PAUSE, Rounds};

/// How often the gate and the counters are looked at while bytes leave: bounds what is sent
/// beyond a budget or after the hours.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How long a delivery rests that broke down by a fault of ours.
const BROKEN_MS: i64 = 15 * 60_000;
/// What people are told of it.
const BROKEN: &str = "Sending broke down by a fault in Lectern; the log of the recorder says where. The lecture is \
                      safe on this machine. It is tried again by itself.";

/// Whose turn it is and why it may end.
struct Held {
    id: DeliveryId,
    urgent: bool,
    over_network: bool,
    /// The small files of others may be sent before what is left of it.
    gives_way: bool,
    /// As it was when the turn began.
    platform: Platform,
    line: Arc<Line>,
}

/// The journal of one run: the database, and what the board wants to know of it.
struct DbJournal {
    db: Db,
    out: mpsc::Sender<CourierEvent>,
    underway: Arc<Underway>,
    sizes: BTreeMap<String, u64>,
}

#[async_trait]
impl Journal for DbJournal {
    async fn commit(&self, delivery: DeliveryId, commit: Commit) -> Result<(), JournalError> {
        let confirmed = match &commit {
            Commit::Receipt { name, .. } => self.sizes.get(name).copied(),
            _ => None,
        };
        self.db
            .commit_delivery(delivery, commit)
            .await
            .map_err(|error| JournalError(Box::new(error)))?;
        if let Some(bytes) = confirmed {
            self.underway.confirmed_bytes.fetch_add(bytes, Ordering::Relaxed);
            self.underway.changed.store(true, Ordering::Relaxed);
        }
        // The conductor reads the queue anew; if it lags, it reads it for the next word.
        drop(self.out.try_send(CourierEvent::Changed));
        Ok(())
    }
}

impl Rounds {
    /// Runs a delivery to the end of its turn, and takes in how it ended.
    pub(super) async fn deliver(&mut self, next: Next) {
        let Next { job, urgent } = next;
        let Some(platform) = self.terms.platform(&job.platform).cloned() else {
            return;
        };
        let secrets = Secrets::from_env();
        // Before the try, so that what is mended during it is seen.
        let traces = Traces::of(&platform, self.terms.line.rules(), &secrets);
        let (adapter, held) = (
            lectern_deliver::connect(&platform, secrets, &self.terms.line),
            Held {
                id: job.id,
                urgent,
                over_network: over_network(&platform.kind),
                gives_way: self.terms.config.upload.phone_first
                    && has_large_files_left(&job)
                    // Nothing of what it has of a track survives an interruption.
                    && !matches!(platform.kind, PlatformKind::Opencast { .. }),
                line: Arc::clone(&self.terms.line),
                platform,
            },
        );
        let underway = Arc::new(Underway::default());
        let sizes: BTreeMap<String, u64> = job
            .files
            .iter()
            .map(|file| (file.name.clone(), file.size_bytes))
            .collect();
        let confirmed: u64 = job
            .files
            .iter()
            .filter(|file| confirmed(&file.phase))
            .map(|file| file.size_bytes)
            .sum();
        underway.confirmed_bytes.store(confirmed, Ordering::Relaxed);
        let journal = DbJournal {
            db: self.db.clone(),
            out: self.out.clone(),
            underway: Arc::clone(&underway),
            sizes,
        };
        let (out, blank, counted) = (self.out.clone(), active(&job), Arc::clone(&underway));
        let progress = move |progress: Progress| {
            counted.sent_bytes.store(progress.sent_bytes, Ordering::Relaxed);
            let view = DeliveryView {
                sent_bytes: progress.sent_bytes,
                ..blank.clone()
            };
            drop(out.try_send(CourierEvent::Progress(Some(view))));
        };
        info!(lecture = %job.lecture, platform = %job.platform, urgent, "delivery began");
        let (lecture, name) = (job.lecture, job.platform.clone());
        self.board.underway = Some(underway).filter(|_| held.over_network);
        self.purse.go_through(&held.line, unix_ms()).await;
        self.purse.set_sending(held.over_network, unix_ms()).await;

        let begins_files_anew = matches!(adapter, Adapter::Package(_));
        let (over, stop) = watch::channel(false);
        let courier = lectern_deliver::Courier::default();
        let id = job.id;
        self.begun = Some(id);
        let outcome = {
            let run = courier.run(job, &adapter, &journal, &progress, stop);
            // Both go on at once: the look at the database must not keep the line waiting.
            tokio::select! {
                biased;
                outcome = run => outcome,
                never = self.watch_over(&held, &over) => match never {},
            }
        };
        if let Ok(Outcome::Stopped) = outcome
            && !self.is_stopped()
        {
            // Known to be interrupted and not in doubt. The next run asks first all the same.
            let why = begins_files_anew.then(|| NOT_RESUMED.to_owned());
            let queued = journal.commit(id, Commit::Deferred { why }).await;
            if let Err(error) = queued {
                warn!(%lecture, platform = %name, error = %error, "interrupted delivery stays in doubt");
            }
        }
        match &outcome {
            Ok(Outcome::Done) => info!(%lecture, platform = %name, "lecture was delivered"),
            Ok(Outcome::Waiting {
                until_unix_ms, why, ..
            }) => {
                info!(%lecture, platform = %name, until_unix_ms, why, "delivery waits");
            }
            Ok(Outcome::Deferred) => info!(%lecture, platform = %name, "delivery gave its turn to others"),
            Ok(Outcome::Refused { why }) => {
                error!(platform = %name, why, "platform refuses lectures");
                self.mends.watch(name.clone(), traces);
            }
            Ok(Outcome::Parked { why }) => error!(%lecture, platform = %name, why, "delivery needs a person"),
            Ok(Outcome::Stopped) => info!(%lecture, platform = %name, "delivery was interrupted"),
            Err(error) => error!(%lecture, platform = %name, error = %error, "delivery broke off"),
        }
        self.counts.attempted(&outcome);
        self.conclude(&name, id, outcome).await;
    }

    async fn conclude(
        &mut self,
        platform: &PlatformName,
        delivery: DeliveryId,
        outcome: Result<Outcome, CourierError>,
    ) {
        self.begun = None;
        let broke_off = outcome.is_err();
        // A turn that was taken back says nothing.
        if !matches!(outcome, Ok(Outcome::Stopped)) {
            let refused = matches!(outcome, Ok(Outcome::Refused { .. }));
            self.holds.heard(delivery, refused);
        }
        if let Some(learnt) = outcome.ok().and_then(|outcome| learnt(delivery, outcome)) {
            self.holds.learn(platform, learnt, unix_ms());
        }
        self.board.underway = None;
        self.board.queue_changed();
        self.purse.set_sending(false, unix_ms()).await;
        // The conductor may have ended: then nobody watches any more.
        drop(self.out.send(CourierEvent::Progress(None)).await);
        drop(self.out.send(CourierEvent::Changed).await);
        if broke_off {
            self.look().await;
            self.take_up_again(delivery).await;
        }
    }

    /// A commit failed in mid-delivery: what the database says of it is `sending` or `verifying`,
    /// and those are not due. Makes it a doubt as soon as the database takes one.
    async fn take_up_again(&mut self, delivery: DeliveryId) {
        let doubt = Commit::State {
            state: DeliveryState::Reconciling,
        };
        while !self.is_stopped() {
            self.rest(PAUSE).await;
            match self.db.commit_delivery(delivery, doubt.clone()).await {
                // A conflict: its first commit had failed, or its last had not.
                Ok(()) | Err(DbError::Conflict(_) | DbError::NotFound(_)) => return,
                Err(error) => error!(error = %error, "a delivery that broke off could not be taken up again"),
            }
        }
    }

    /// A delivery panicked: its row may say `sending`, which is not due, and its next try may panic
    /// too. Has it wait, so that it is not forgotten and the others have their turn.
    pub(super) async fn put_off(&mut self, delivery: DeliveryId) {
        let doubt = Commit::State {
            state: DeliveryState::Reconciling,
        };
        while !self.is_stopped() {
            let wait = Commit::Waiting {
                until_unix_ms: unix_ms().saturating_add(BROKEN_MS),
                why: BROKEN.to_owned(),
            };
            // Only a doubt can wait, and every state that is not over can come in doubt.
            let put_off = match self.db.commit_delivery(delivery, doubt.clone()).await {
                Ok(()) => self.db.commit_delivery(delivery, wait).await,
                Err(error) => Err(error),
            };
            match put_off {
                Ok(()) => self.board.queue_changed(),
                Err(DbError::Conflict(_) | DbError::NotFound(_)) => {}
                Err(error) => {
                    error!(error = %error, "a delivery that broke down could not be put off");
                    self.rest(PAUSE).await;
                    continue;
                }
            }
            drop(self.out.send(CourierEvent::Progress(None)).await);
            drop(self.out.send(CourierEvent::Changed).await);
            return;
        }
    }

    /// Looks after the line while a delivery runs, and tells it when its turn is over. Never
    /// returns; dropped with the run.
    async fn watch_over(&mut self, held: &Held, over: &watch::Sender<bool>) -> std::convert::Infallible {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let told = *over.borrow();
            let rung = tokio::select! {
                _ = looks.tick() => false,
                () = self.bell.heard() => true,
                _ = self.stopped.changed(), if !told => false,
            };
            if rung {
                self.board.queue_changed();
            }
            let gate = self.look().await;
            let shut = gate.shuts(held.over_network).filter(|_| !held.urgent);
            let ends = self.is_stopped()
                || shut.is_some()
                || self.is_superseded(held)
                || (rung && self.is_outranked(held, gate).await);
            if ends && !told {
                if let Some(shut) = shut {
                    let why = self.terms.rules.sentence(shut, unix_ms());
                    info!(why, "sending pauses");
                }
                over.send_replace(true);
            }
        }
    }

    /// Whether the delivery under way goes where, or as, nothing is to go any more.
    fn is_superseded(&self, held: &Held) -> bool {
        !Arc::ptr_eq(&held.line, &self.terms.line)
            || self.terms.platform(&held.platform.name) != Some(&held.platform)
    }

    /// Whether another delivery goes before the one under way.
    async fn is_outranked(&self, held: &Held, gate: super::gate::Gate) -> bool {
        match self.next_beside(gate, &self.holds.refused()).await {
            Ok(Some(next)) if next.job.id != held.id => {
                if next.urgent {
                    !held.urgent
                } else {
                    held.gives_way
                        && !held.urgent
                        && (next.job.turn == Turn::First || !has_large_files_left(&next.job))
                }
            }
            // Without a word of the database the present one goes on.
            Ok(_) | Err(_) => false,
        }
    }
}

/// Whoever wonders why a window is never long enough finds it in the queue.
const NOT_RESUMED: &str = "It was stopped on its way, by the hours, the budget or a recording. The lecture is safe on \
    this machine. Opencast cannot take the rest of a file: what it has in whole stays there, and the file that was \
    under way is sent from its beginning the next time, which needs a window and a budget that it fits into.";

/// What an outcome says of the platform; nothing when it says nothing.
fn learnt(delivery: DeliveryId, outcome: Outcome) -> Option<Learnt> {
    match outcome {
        Outcome::Done | Outcome::Deferred | Outcome::Parked { .. } => Some(Learnt::Served),
        Outcome::Waiting {
            until_unix_ms, why, ..
        } => Some(Learnt::Away {
            delivery,
            until_unix_ms,
            why,
        }),
        Outcome::Refused { why } => Some(Learnt::Refuses { why }),
        Outcome::Stopped => None,
    }
}

fn confirmed(phase: &FilePhase) -> bool {
    matches!(phase, FilePhase::Confirmed { .. })
}

fn has_large_files_left(job: &DeliveryJob) -> bool {
    job.files
        .iter()
        .any(|file| !confirmed(&file.phase) && !file.goes_first())
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
