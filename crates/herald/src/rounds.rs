//! The loop: once a second it looks at the status, writes what is to be told, and sees to it that
//! it leaves. One letter at a time for each who is told, all of them beside each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use lectern_domain::api::{Message, Status};
use lectern_domain::config::{Notify, Occasion};
use lectern_domain::ids::NotifyName;
use lectern_domain::notice::{Change, Letter, Remembered, Standing};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{info, warn};

use crate::concern::concerns;
use crate::fault::Fault;
use crate::herald::Settings;
use crate::journal::{Journal, JournalError};
use crate::morning::{due, is_settled};
use crate::notice::{Notice, Scribe};
use crate::outbox::{Next, Outbox};
use crate::standing::{Known, Patience, step};
use crate::way::SENT_WITHIN;

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The database answers in milliseconds; a disk that hangs must not keep people from being told.
const REMEMBERED_WITHIN: Duration = Duration::from_secs(5);

/// Who is told of what: a trouble of one target.
type Key = (NotifyName, String);

/// How a letter fared.
struct Outcome {
    target: NotifyName,
    letter: Letter,
    result: Result<(), Fault>,
}

/// See the module.
pub(crate) struct Rounds {
    settings: Arc<Settings>,
    renewed: watch::Receiver<Arc<Settings>>,
    status: watch::Receiver<Arc<Status>>,
    journal: Arc<dyn Journal>,
    now: fn() -> i64,
    standing: BTreeMap<Key, (Known, Message)>,
    outboxes: BTreeMap<NotifyName, Outbox>,
    /// The morning of the last report of each.
    reports: BTreeMap<NotifyName, String>,
    on_their_way: JoinSet<Outcome>,
}

impl Rounds {
    pub(crate) fn new(
        renewed: watch::Receiver<Arc<Settings>>,
        status: watch::Receiver<Arc<Status>>,
        journal: Arc<dyn Journal>,
        now: fn() -> i64,
    ) -> Self {
        let settings = Arc::clone(&renewed.borrow());
        Self {
            settings,
            renewed,
            status,
            journal,
            now,
            standing: BTreeMap::new(),
            outboxes: BTreeMap::new(),
            reports: BTreeMap::new(),
            on_their_way: JoinSet::new(),
        }
    }

    /// Runs until it is stopped; what is on its way then is sent again after the next start.
    pub(crate) async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let loaded = in_time(self.journal.load()).await.unwrap_or_else(|error| {
            // Better told twice than not at all.
            warn!(error = %error, "what people were told of could not be read; they may be told again");
            Remembered::default()
        });
        self.take_up(loaded);
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => return,
                Some(done) = self.on_their_way.join_next() => {
                    self.fared(done.expect("it neither panics nor is aborted while this runs")).await;
                }
                _ = look.tick() => {
                    self.settings = Arc::clone(&self.renewed.borrow_and_update());
                    let status = Arc::clone(&self.status.borrow_and_update());
                    // Nobody has looked yet.
                    if status.revision > 0 {
                        self.look(&status).await;
                        self.report(&status).await;
                    }
                    self.send().await;
                }
            }
        }
    }

    fn take_up(&mut self, remembered: Remembered) {
        for mut row in remembered.standing {
            if row.message.code.is_empty() {
                // Written by another version: its kind is left to tell of it.
                let kind = row.trouble.split(' ').next().unwrap_or_default();
                kind.clone_into(&mut row.message.code);
            }
            let known = Known {
                since: row.since_unix_ms,
                told: row.told_unix_ms,
                gone: None,
            };
            self.standing
                .insert((row.target, row.trouble), (known, row.message));
        }
        for letter in remembered.letters {
            self.outboxes
                .entry(letter.target.clone())
                .or_default()
                .add(letter);
        }
        self.reports = remembered.reports.into_iter().collect();
    }

    /// One look at the troubles.
    async fn look(&mut self, status: &Status) {
        let (now, settings) = ((self.now)(), Arc::clone(&self.settings));
        let there: BTreeMap<String, Message> = concerns(status).into_iter().collect();
        let lecture = status.lecture.as_ref().map(|lecture| lecture.id);
        let mut letters = Vec::new();
        let before: Vec<(Key, Known)> = self
            .standing
            .iter()
            .map(|(key, (known, _))| (key.clone(), *known))
            .collect();
        let mut after = BTreeMap::new();
        for target in settings
            .targets
            .iter()
            .filter(|target| target.wants(Occasion::Fault))
        {
            let patience = patience(target);
            let of_target = self.standing.keys().filter(|(name, _)| *name == target.name);
            let mut troubles: BTreeSet<&String> = of_target.map(|(_, trouble)| trouble).collect();
            troubles.extend(there.keys());
            for trouble in troubles {
                let key = (target.name.clone(), trouble.clone());
                let old = self.standing.get(&key);
                let new = there.get(trouble);
                let Some(message) = new.or(old.map(|(_, message)| message)) else {
                    continue;
                };
                let known = old.map(|(known, _)| *known);
                let since = known.map_or(now, |known| known.since);
                let (known, say) = step(known, new.is_some(), now, patience);
                if let Some(say) = say {
                    let notice = self.scribe(target, now).trouble(say, message, since, lecture);
                    let event = notice.event;
                    info!(notify = %target.name, trouble = %trouble, event = ?event, "a notice was written");
                    letters.extend(letter(target, &notice));
                }
                if let Some(known) = known {
                    after.insert(key, (known, message.clone()));
                }
            }
        }
        let durable = |known: &Known| (known.since, known.told);
        let same = before.len() == after.len()
            && before.iter().all(|(key, known)| {
                after
                    .get(key)
                    .is_some_and(|(now, _)| durable(now) == durable(known))
            });
        self.standing = after;
        if !same || !letters.is_empty() {
            let standing = Some(self.standing.iter().map(row).collect());
            self.write(Change {
                standing,
                letters,
                reports: Vec::new(),
            })
            .await;
        }
    }

    /// The morning reports that are due.
    async fn report(&mut self, status: &Status) {
        if !is_settled(status) {
            return;
        }
        let (now, settings) = ((self.now)(), Arc::clone(&self.settings));
        for target in settings
            .targets
            .iter()
            .filter(|target| target.wants(Occasion::Report))
        {
            let last = self.reports.get(&target.name).map(String::as_str);
            let Some(due) = due(now, &settings.zone, target.report_at, last) else {
                continue;
            };
            let day = match in_time(self.journal.day(due.from_unix_ms, due.to_unix_ms)).await {
                Ok(day) => day,
                Err(error) => {
                    warn!(error = %error, "yesterday could not be counted; it is tried again");
                    return;
                }
            };
            let troubles: Vec<Message> = concerns(status).into_iter().map(|(_, message)| message).collect();
            let nothing = day == Default::default() && troubles.is_empty();
            let next = status.next.as_ref().map(|next| next.starts_unix_ms);
            let notice = self
                .scribe(target, now)
                .report(day, status.storage.recordable_ms, next, &troubles);
            let letters = if target.quiet && nothing {
                Vec::new()
            } else {
                info!(notify = %target.name, morning = %due.morning, "the morning report was written");
                letter(target, &notice).into_iter().collect()
            };
            self.reports.insert(target.name.clone(), due.morning.clone());
            self.write(Change {
                standing: None,
                letters,
                reports: vec![(target.name.clone(), due.morning)],
            })
            .await;
        }
    }

    fn scribe<'a>(&'a self, target: &'a Notify, now_unix_ms: i64) -> Scribe<'a> {
        Scribe {
            target,
            room: &self.settings.room,
            zone: &self.settings.zone,
            now_unix_ms,
        }
    }

    /// Commits, then queues. Without a database people are told all the same: it may be the very
    /// thing that they are told of.
    async fn write(&mut self, change: Change) {
        let letters = change.letters.clone();
        if let Err(error) = in_time(self.journal.commit(change)).await {
            warn!(error = %error, "it could not be noted what people are told; a restart may tell it again");
        }
        for letter in letters {
            let outbox = self.outboxes.entry(letter.target.clone()).or_default();
            if let Some(oldest) = outbox.add(letter) {
                warn!(notify = %oldest.target, notice = %oldest.id, "a notice was given up: too many wait");
                self.forget(&oldest).await;
            }
        }
    }

    /// Sends what is next for each.
    async fn send(&mut self) {
        let now = (self.now)();
        let mut old = Vec::new();
        for (name, outbox) in &mut self.outboxes {
            let target = self.settings.targets.iter().find(|target| target.name == *name);
            match outbox.next(now) {
                Next::Rest => {}
                Next::GiveUp(letter) => {
                    warn!(notify = %name, notice = %letter.id, "a notice was given up after a day");
                    old.push(letter);
                }
                Next::Send(letter) => {
                    let Some(target) = target else {
                        info!(notify = %name, notice = %letter.id, "a notice was dropped: nobody has its name");
                        outbox.taken();
                        old.push(letter);
                        continue;
                    };
                    let (way, target) = (self.settings.way(target), name.clone());
                    self.on_their_way.spawn(async move {
                        let body = letter.body.clone();
                        // A task of its own: an answer that nobody foresaw must not end all telling.
                        let sending = tokio::spawn(async move { way.send(&body, now, SENT_WITHIN).await });
                        let broken = |_| {
                            Err(Fault::new(
                                "Sending broke down.",
                                "Please report it with the log.",
                            ))
                        };
                        let result = sending.await.unwrap_or_else(broken);
                        Outcome {
                            target,
                            letter,
                            result,
                        }
                    });
                }
            }
        }
        for letter in old {
            self.forget(&letter).await;
        }
    }

    async fn fared(&mut self, outcome: Outcome) {
        let Outcome {
            target,
            letter,
            result,
        } = outcome;
        let now = (self.now)();
        let outbox = self.outboxes.entry(target.clone()).or_default();
        match result {
            Ok(()) => {
                info!(notify = %target, notice = %letter.id, "a notice was taken");
                outbox.taken();
                self.forget(&letter).await;
            }
            Err(fault) => {
                let again_s = outbox.refused(now) / 1_000;
                warn!(
                    notify = %target, notice = %letter.id, error = %fault, again_s,
                    "a notice was not taken; it is sent again"
                );
            }
        }
    }

    async fn forget(&self, letter: &Letter) {
        if let Err(error) = in_time(self.journal.forget(letter.id)).await {
            warn!(
                error = %error, notice = %letter.id,
                "a notice that is done could not be forgotten; a restart may send it again"
            );
        }
    }
}

fn patience(target: &Notify) -> Patience {
    let ms = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    Patience {
        hold_off_ms: ms(target.hold_off.0),
        repeat_ms: ms(target.repeat.0),
    }
}

fn row((key, (known, message)): (&Key, &(Known, Message))) -> Standing {
    Standing {
        target: key.0.clone(),
        trouble: key.1.clone(),
        since_unix_ms: known.since,
        told_unix_ms: known.told,
        message: message.clone(),
    }
}

/// The notice as it is kept and sent.
fn letter(target: &Notify, notice: &Notice) -> Option<Letter> {
    let body = serde_json::to_string(notice)
        .inspect_err(|error| warn!(error = %error, "a notice has no JSON form and was dropped"))
        .ok()?;
    Some(Letter {
        id: notice.id,
        target: target.name.clone(),
        made_unix_ms: notice.at_unix_ms,
        body,
    })
}

async fn in_time<T>(work: impl Future<Output = Result<T, JournalError>>) -> Result<T, JournalError> {
    let late = |_| Err(JournalError("the database did not answer in time".to_owned()));
    timeout(REMEMBERED_WITHIN, work).await.unwrap_or_else(late)
}
