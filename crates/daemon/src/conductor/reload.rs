//! A configuration that was read anew: what is taken over at once, what waits, and when the
//! daemon starts anew for it.
//!
//! A faulty one changes nothing. Nothing that waits is taken over while a lecture is under way,
//! and the daemon starts anew only if the program on the disk takes the files as they are then.

use lectern_capture::clock::unix_ms;
use lectern_domain::api::{ClockTrust, ConfigStatus};
use tokio::task::JoinSet;
use tracing::{error, info};

use super::Conductor;
use crate::reload::{Busy, Moment, PROGRAM, Reading, When, compare};
use crate::{herald, notify};

/// What is to be taken over, and what people are told of it.
pub(super) struct Renewal {
    pub(super) told: ConfigStatus,
    /// The daemon ends to start anew.
    pub(super) again: bool,
    /// At most one.
    check: JoinSet<Result<(), String>>,
}

impl Renewal {
    /// The configuration was read just now, without fault.
    pub(super) fn new(now_unix_ms: i64) -> Self {
        Self {
            told: ConfigStatus {
                loaded_unix_ms: now_unix_ms,
                tried_unix_ms: now_unix_ms,
                ..ConfigStatus::default()
            },
            again: false,
            check: JoinSet::new(),
        }
    }

    /// What the program on the disk says of the configuration; `None` while it was not asked.
    pub(super) async fn checked(&mut self) -> Option<Result<(), String>> {
        let said = self.check.join_next().await?;
        Some(said.unwrap_or_else(|error| Err(format!("the check broke down: {error}"))))
    }

    /// The files cannot be taken over, for a fault on each line: nothing waits any more.
    fn refuse(&mut self, faults: &str) {
        self.told.fault = faults.lines().next().map(str::to_owned);
        self.told.waits.clear();
        self.check = JoinSet::new();
    }
}

impl Conductor {
    /// Takes over what is safe, notes what waits, and tells systemd that the reload is over.
    pub(super) fn on_reading(&mut self, reading: Reading) {
        let now_unix_ms = unix_ms();
        self.renewal.told.tried_unix_ms = now_unix_ms;
        let read = match reading.config {
            Ok(read) => read,
            Err(faulty) => {
                let faults = faulty.to_string();
                for fault in faults.lines() {
                    error!(
                        error = fault,
                        "configuration has a fault; the one before stays at work"
                    );
                }
                self.renewal.refuse(&faults);
                return notify::tell_ready();
            }
        };
        let change = compare(&self.parts.config, &read);
        let mut waits = change.waits;
        waits.extend(reading.is_replaced.then_some(PROGRAM));
        info!(at_once = ?change.at_once, waits = ?waits, "configuration was read anew");
        self.parts.config = change.config.into();
        self.parts.parties.courier.take_over(self.parts.config.clone());
        self.parts
            .parties
            .panel
            .send_replace(self.parts.config.panel.clone());
        let told = herald::settings(&self.parts.config);
        self.parts.parties.herald.renew(told);
        self.renewal.told.loaded_unix_ms = now_unix_ms;
        self.renewal.told.fault = None;
        self.renewal.told.waits = waits.into_iter().map(str::to_owned).collect();
        // What was asked before this reading says nothing of it.
        self.renewal.check = JoinSet::new();
        notify::tell_ready();
    }

    /// Has the configuration checked when its moment has come.
    pub(super) fn renew_on(&mut self) {
        if self.leaving || !self.renewal.check.is_empty() || !self.is_about_to_renew() {
            return;
        }
        let launch = self.parts.launch.clone();
        self.renewal.check.spawn(async move { launch.check().await });
    }

    /// Ends the daemon, to start anew, if it is still the moment.
    pub(super) fn on_checked(&mut self, said: Result<(), String>) {
        if self.leaving || !self.is_about_to_renew() {
            return;
        }
        match said {
            Ok(()) => {
                info!(waits = ?self.renewal.told.waits, "daemon starts anew to take over what waited");
                self.renewal.again = true;
                self.leaving = true;
            }
            Err(said) => {
                for fault in said.lines() {
                    error!(
                        error = fault,
                        "configuration or program on the disk is not taken over; the one before stays at work"
                    );
                }
                self.renewal.refuse(&said);
            }
        }
    }

    /// Nothing else is to be begun before the daemon starts anew.
    pub(super) fn is_about_to_renew(&self) -> bool {
        self.moment_to_renew().when() == When::Now
    }

    fn busy(&self) -> Option<Busy> {
        if self.tests.status().is_some() {
            Some(Busy::SelfTest)
        } else if self.session.is_some() || self.next_start.is_some() || !self.closing.is_empty() {
            Some(Busy::Lecture)
        } else {
            self.finishing.map(|_| Busy::Finishing)
        }
    }

    fn moment_to_renew(&self) -> Moment {
        let now_unix_ms = unix_ms();
        let next = self.agenda.next.as_ref();
        Moment {
            waits: !self.renewal.told.waits.is_empty(),
            busy: self.busy(),
            plans_known: self.agenda.is_read,
            // By a clock that cannot be believed nothing begins.
            planned_in_ms: next
                .filter(|_| self.clock.trust() == ClockTrust::Trusted)
                .map(|(plan, _)| plan.starts_unix_ms.saturating_sub(now_unix_ms)),
        }
    }
}
