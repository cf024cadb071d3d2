//! Makes room: deletes delivered lectures by the policy of `space.rs`, one at a time, and stops a
//! recording before the disk is full (P6, P8).

use std::collections::BTreeMap;

use lectern_capture::clock::{monotonic_ns, unix_ms};
use lectern_domain::api::{Message, Severity};
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::LectureEvent;
use lectern_store::{Db, Purgeable};
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::Conductor;
use crate::courier::Asker;
use crate::space::{self, Budget, Question, Why, Word};

/// How often the database is asked what may go.
const LOOK_EVERY_NS: u64 = 60_000_000_000;
/// A lecture that a platform did not confirm again is asked for again after this.
const HELD_NS: u64 = 60 * 60_000_000_000;

/// How the deletion of one lecture ended.
#[derive(Debug)]
pub(super) struct Purged {
    lecture: LectureId,
    why: Why,
    /// Room was needed when it was decided.
    needs_room: bool,
    end: End,
}

/// A lecture that was to go and stayed.
#[derive(Clone, Copy, Debug)]
struct Hold {
    /// Of the monotonic clock.
    until_ns: u64,
    /// A platform was silent, or a date wrong, while no room was needed. Need may decide otherwise.
    until_needed: bool,
}

#[derive(Debug)]
enum End {
    /// So many bytes are free again.
    Gone(u64),
    /// It stays, because of what a platform said.
    Held(Word),
    /// It stays until room is needed: nobody knows for how long it has been kept.
    Undated,
    /// The database or the disk refused.
    Failed(String),
}

/// What may go, and what is going.
#[derive(Debug, Default)]
pub(super) struct Purges {
    candidates: Vec<Purgeable>,
    /// When the candidates were read; `None`: they are to be read now.
    read_ns: Option<u64>,
    held: BTreeMap<LectureId, Hold>,
    /// At most one.
    going: JoinSet<Purged>,
}

impl Purges {
    /// The candidates may have changed, if `changed`.
    pub(super) fn look_again_if(&mut self, changed: bool) {
        if changed {
            self.read_ns = None;
        }
    }

    /// The next deletion that ends; pends for ever while none is going, which in a `select` is
    /// the same as `None`.
    pub(super) async fn ended(&mut self) -> Option<Purged> {
        match self.going.join_next().await? {
            Ok(purged) => Some(purged),
            Err(error) => {
                error!(error = %error, "task that deletes a lecture failed");
                None
            }
        }
    }

    /// What may go now, oldest first.
    fn free(&self, now_ns: u64, needs_room: bool) -> Vec<Purgeable> {
        let held = |lecture: &LectureId| {
            self.held
                .get(lecture)
                .is_some_and(|hold| now_ns < hold.until_ns && !(hold.until_needed && needs_room))
        };
        self.candidates
            .iter()
            .filter(|candidate| !held(&candidate.lecture))
            .copied()
            .collect()
    }

    /// Bytes that may go when room is needed.
    fn bytes(&self, now_ns: u64) -> u64 {
        self.free(now_ns, true)
            .iter()
            .map(|candidate| candidate.bytes)
            .sum()
    }
}

impl Conductor {
    /// The disk at this moment.
    pub(super) fn budget(&self) -> Budget {
        let now_ns = monotonic_ns();
        let configured = space::configured_rate(&self.parts.config);
        let (recorded, rate) = match &self.session {
            None => (0, configured),
            Some(session) => {
                let written: u64 = self.parts.tally.of(session.id).values().sum();
                let open_ns = session.run.as_ref().map_or(0, |run| run.recorded_ns(now_ns));
                let rate = space::rate(configured, written, open_ns);
                (session.earlier_bytes.saturating_add(written), rate)
            }
        };
        Budget {
            free: self.free_bytes,
            reserve: self.parts.config.storage.reserve.bytes(),
            purgeable: self.purges.bytes(now_ns),
            recorded,
            rate,
        }
    }

    /// Free space was measured: makes room, and stops the lecture while there is room to close it.
    pub(super) async fn look_after_space(&mut self) {
        let now_ns = monotonic_ns();
        if self.budget().needs_room() {
            self.purge_next(now_ns);
        }
        self.guard_reserve().await;
    }

    /// What the clock finds to delete.
    pub(super) async fn purge_on(&mut self, now_ns: u64) {
        let due = self
            .purges
            .read_ns
            .is_none_or(|read_ns| now_ns.saturating_sub(read_ns) > LOOK_EVERY_NS);
        if !due {
            return;
        }
        self.purges.read_ns = Some(now_ns);
        self.purges.held.retain(|_, hold| now_ns < hold.until_ns);
        match self.parts.db.purgeable(unix_ms()).await {
            Ok(candidates) => self.purges.candidates = candidates,
            Err(error) => warn!(error = %error, "what may be deleted could not be read"),
        }
        self.purge_next(now_ns);
    }

    /// Begins the next deletion, unless one is under way or none is due.
    fn purge_next(&mut self, now_ns: u64) {
        if !self.purges.going.is_empty() || self.leaving {
            return;
        }
        let needs_room = self.budget().needs_room();
        let question = Question {
            candidates: &self.purges.free(now_ns, needs_room),
            now_unix_ms: unix_ms(),
            clock: self.clock.trust(),
            keep_sent_ms: self.parts.config.storage.keep_sent.0,
            idle: self.session.is_none() && self.finishing.is_none(),
            needs_room,
        };
        let Some((lecture, why)) = question.next() else {
            return;
        };
        let (db, asker) = (self.parts.db.clone(), self.parts.asker.clone());
        self.purges.going.spawn(async move {
            let end = purge(&db, &asker, lecture, why, needs_room).await;
            Purged {
                lecture,
                why,
                needs_room,
                end,
            }
        });
    }

    pub(super) async fn on_purged(&mut self, purged: Purged) {
        let Purged {
            lecture,
            why,
            needs_room,
            end,
        } = purged;
        let now_ns = monotonic_ns();
        let hold = |until_needed| Hold {
            until_ns: now_ns.saturating_add(HELD_NS),
            until_needed,
        };
        match end {
            End::Gone(bytes) => {
                let early = why == Why::RoomNeeded;
                info!(lecture = %lecture, bytes, early, "delivered lecture was deleted here");
            }
            End::Held(word) => {
                let until_needed = matches!(word, Word::Silent(_)) && !needs_room;
                self.purges.held.insert(lecture, hold(until_needed));
                self.held_back(lecture, &word);
            }
            End::Undated => {
                self.purges.held.insert(lecture, hold(true));
                info!(lecture = %lecture, "delivered lecture stays here: the clock was wrong when it was sent");
            }
            End::Failed(message) => {
                self.purges.held.insert(lecture, hold(false));
                error!(lecture = %lecture, error = message, "delivered lecture could not be deleted");
            }
        }
        self.purges.read_ns = None;
        self.purge_on(now_ns).await;
    }

    fn held_back(&mut self, lecture: LectureId, word: &Word) {
        match word {
            Word::Held => {}
            Word::Silent(why) => {
                warn!(lecture = %lecture, why, "delivered lecture stays here: a platform did not answer");
            }
            Word::Denied(why) => {
                error!(lecture = %lecture, why, "delivered lecture stays here: a platform denies it");
                self.trouble(Message {
                    subject: Some(lecture.to_string()),
                    detail: Some(format!(
                        "{why} Ask the platform's operator whether it was removed on purpose, or whether the \
                         recorder's access has ended."
                    )),
                    ..self.told(Severity::Warning, "message-platform-denies", [])
                });
            }
        }
    }

    /// Promise P8: stops the lecture while there is still room to close it. What may go has been
    /// asked for long before; while it is going, the recording goes on down to the reserve.
    pub(super) async fn guard_reserve(&mut self) {
        let recording = self
            .session
            .as_ref()
            .is_some_and(|session| session.state.step(LectureEvent::Stop).is_ok());
        let budget = self.budget();
        let making_room = !self.purges.going.is_empty() && budget.free > budget.reserve;
        if !recording || !budget.must_stop() || making_room {
            return;
        }
        warn!(
            free_bytes = budget.free,
            "disk reached its reserve, the lecture is stopped"
        );
        if let Err(refusal) = self.step(LectureEvent::Stop).await {
            return error!(error = refusal.message(), "lecture could not be stopped");
        }
        self.trouble(Message {
            code: "disk-full".to_owned(),
            ..self.told(Severity::Error, "message-disk-stopped", [])
        });
    }
}

/// Asks the platforms, then deletes.
async fn purge(db: &Db, asker: &Asker, lecture: LectureId, why: Why, needs_room: bool) -> End {
    let dated = match db.lecture(lecture).await {
        Ok(detail) => detail.is_some_and(|detail| space::is_dated(&detail)),
        Err(error) => return End::Failed(error.to_string()),
    };
    let why = match why {
        Why::PastItsTime if !dated && needs_room => Why::RoomNeeded,
        Why::PastItsTime if !dated => return End::Undated,
        why => why,
    };
    let deliveries = match db.done_deliveries(lecture).await {
        Ok(deliveries) => deliveries,
        Err(error) => return End::Failed(error.to_string()),
    };
    let word = asker.ask(deliveries).await;
    if !space::may_go(why, needs_room, &word) {
        return End::Held(word);
    }
    match db.purge(lecture).await {
        Ok(bytes) => End::Gone(bytes),
        Err(error) => End::Failed(error.to_string()),
    }
}
