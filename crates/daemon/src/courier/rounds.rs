//! Whose turn it is: the loop of the thread that delivers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lectern_capture::clock::unix_ms;
use lectern_deliver::Secrets;
use lectern_domain::api::PlatformState;
use lectern_domain::delivery::DeliveryJob;
use lectern_domain::ids::{DeliveryId, PlatformName};
use lectern_store::{Db, DbError, DueQuery};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tracing::{error, info};

use super::CourierEvent;
use super::bell::Bell;
use super::board::{Board, Seen, over_network};
use super::gate::{Around, Gate};
use super::holds::{Holds, Learnt};
use super::mends::{self, Mends};
use super::purse::Purse;
use super::terms::Terms;
use crate::counts::Counts;

/// The longest sleep with nothing to send: a ring that was missed costs no more than this.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// The shortest: a clock that stands still or runs backwards must not make a busy loop.
const SHORTEST_SLEEP: Duration = Duration::from_millis(50);
/// After a failure of our own: of the database, or of a step that nobody foresaw.
pub(super) const PAUSE: Duration = Duration::from_secs(5);

/// The delivery whose turn it is.
pub(super) struct Next {
    pub(super) job: DeliveryJob,
    /// A person wants it now: neither hours nor budgets stop it.
    pub(super) urgent: bool,
}

/// Everything that the thread owns.
pub(super) struct Rounds {
    /// By which it works.
    pub(super) terms: Arc<Terms>,
    /// By which it is to work.
    pub(super) told: watch::Receiver<Arc<Terms>>,
    pub(super) db: Db,
    pub(super) stopped: watch::Receiver<bool>,
    pub(super) bell: Arc<Bell>,
    pub(super) around: watch::Receiver<Around>,
    pub(super) out: mpsc::Sender<CourierEvent>,
    pub(super) holds: Holds,
    pub(super) mends: Mends,
    pub(super) purse: Purse,
    pub(super) board: Board,
    pub(super) counts: Arc<Counts>,
    /// The delivery that was begun and not concluded: after a panic, the one that it broke.
    pub(super) begun: Option<DeliveryId>,
}

impl Rounds {
    /// Delivers until told to stop.
    pub(super) async fn run(&mut self) {
        // Whatever was under way broke off.
        self.board.underway = None;
        self.purse.set_sending(false, unix_ms()).await;
        if let Some(broken) = self.begun.take() {
            self.put_off(broken).await;
        }
        while !self.is_stopped() {
            let gate = self.look().await;
            match self.next(gate).await {
                Ok(Some(next)) => self.deliver(next).await,
                Ok(None) => self.idle(gate).await,
                Err(error) => {
                    error!(error = %error, "due delivery could not be read");
                    self.rest(PAUSE).await;
                }
            }
        }
        self.purse.settle().await;
        self.purse.keep_routes().await;
    }

    /// An error means that the owner is gone, which is the same.
    pub(super) fn is_stopped(&self) -> bool {
        *self.stopped.borrow() || self.stopped.has_changed().is_err()
    }

    /// Takes in what has changed, and tells people.
    pub(super) async fn look(&mut self) -> Gate {
        let now_unix_ms = unix_ms();
        self.take_over(now_unix_ms);
        let again = self.bell.take_again();
        if again.all {
            self.holds.try_again(now_unix_ms);
        }
        for (delivery, platform) in &again.deliveries {
            self.holds.try_one_again(*delivery, platform, now_unix_ms);
        }
        self.see_mended(now_unix_ms);
        self.purse.look(now_unix_ms).await;
        self.board.read(&self.db).await;
        let spent = self.purse.spent();
        let around = *self.around.borrow();
        let gate = self.terms.rules.gate(around, spent, now_unix_ms);
        self.board.show(&Seen {
            rules: &self.terms.rules,
            gate,
            holds: &self.holds,
            spent,
            basis_bps: self.purse.basis_bps(),
            line: self.terms.line.status(),
            now_unix_ms,
        });
        gate
    }

    /// Takes other terms over, if it was told some. What was tried in vain is tried by them.
    fn take_over(&mut self, now_unix_ms: i64) {
        let told = Arc::clone(&self.told.borrow_and_update());
        if Arc::ptr_eq(&told, &self.terms) {
            return;
        }
        self.board.take_over(&told.config);
        self.holds.try_again(now_unix_ms);
        self.terms = told;
        info!("sending goes by another configuration");
    }

    /// Has platforms tried again whose files were changed since they refused everybody.
    fn see_mended(&mut self, now_unix_ms: i64) {
        let platforms = self.terms.config.platforms.iter();
        let parked =
            platforms.filter(|platform| self.holds.of(&platform.name).state() == PlatformState::Parked);
        let (rules, secrets) = (self.terms.line.rules(), Secrets::from_env());
        for name in self.mends.look(Instant::now(), parked, rules, &secrets) {
            info!(platform = %name, "credential or authority on the way to a platform that refuses was changed");
            self.holds.learn(&name, Learnt::Mended, now_unix_ms);
        }
    }

    /// The delivery whose turn it is: what a person wants now, then what the gate lets through.
    /// Those that were refused come after all others.
    pub(super) async fn next(&self, gate: Gate) -> Result<Option<Next>, DbError> {
        let refused = self.holds.refused();
        let next = self.next_beside(gate, &refused).await?;
        if next.is_some() || refused.is_empty() {
            return Ok(next);
        }
        self.next_beside(gate, &[]).await
    }

    /// [`Rounds::next`] among all but these.
    pub(super) async fn next_beside(
        &self,
        gate: Gate,
        passed_by: &[DeliveryId],
    ) -> Result<Option<Next>, DbError> {
        let now_unix_ms = unix_ms();
        let all = self.served(now_unix_ms, |_| true);
        if let Some(job) = self.due(true, all, passed_by).await? {
            return Ok(Some(Next { job, urgent: true }));
        }
        let open = self.served(now_unix_ms, |network| gate.shuts(network).is_none());
        let job = self.due(false, open, passed_by).await?;
        Ok(job.map(|job| Next { job, urgent: false }))
    }

    async fn due(
        &self,
        urgent_only: bool,
        platforms: Vec<PlatformName>,
        passed_by: &[DeliveryId],
    ) -> Result<Option<DeliveryJob>, DbError> {
        if platforms.is_empty() {
            return Ok(None);
        }
        let query = DueQuery {
            now_unix_ms: unix_ms(),
            platforms,
            phone_first: self.terms.config.upload.phone_first,
            urgent_only,
        };
        self.db.due_beside(query, passed_by.to_vec()).await
    }

    /// Platforms that are not left alone and that `may` be served, told whether each is reached
    /// over the network.
    fn served(&self, now_unix_ms: i64, may: impl Fn(bool) -> bool) -> Vec<PlatformName> {
        let platforms = self.terms.config.platforms.iter();
        platforms
            .filter(|platform| self.holds.allows(&platform.name, now_unix_ms))
            .filter(|platform| may(over_network(&platform.kind)))
            .map(|platform| platform.name.clone())
            .collect()
    }

    /// Sleeps until a delivery may be due, or somebody rings.
    async fn idle(&mut self, gate: Gate) {
        let due = self.db.next_due_unix_ms().await.ok().flatten();
        let now_unix_ms = unix_ms();
        let moments = [due, gate.changes_unix_ms(), self.holds.next_unix_ms(now_unix_ms)];
        // What is past is held up by something else, whose end is among them.
        let next = moments.into_iter().flatten().filter(|at| *at > now_unix_ms).min();
        let wait = next.map_or(LONGEST_SLEEP, |at| {
            let ms = u64::try_from(at.saturating_sub(now_unix_ms)).unwrap_or(0);
            Duration::from_millis(ms).clamp(SHORTEST_SLEEP, LONGEST_SLEEP)
        });
        let watches = self.mends.is_watching();
        self.rest(if watches {
            wait.min(mends::LOOK_EVERY)
        } else {
            wait
        })
        .await;
    }

    /// Sleeps, or until somebody rings or things around have changed.
    pub(super) async fn rest(&mut self, wait: Duration) {
        tokio::select! {
            () = sleep(wait) => {}
            () = self.bell.heard() => self.board.queue_changed(),
            Ok(()) = self.around.changed() => {}
            Ok(()) = self.told.changed() => {}
            // An error means that the owner is gone: the loop sees it.
            _ = self.stopped.changed() => {}
        }
    }
}
