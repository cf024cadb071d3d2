//! A configuration that was read anew: what is taken over at once, what waits, and when the
//! daemon starts anew for it.
//!
//! A faulty one changes nothing. Nothing that waits is taken over while a lecture is under way,
//! and the daemon starts anew only if the program on the disk takes the files as they are then.
//! One that does not answer is asked again: an upgrade is not forgotten because a disk stalled.

use lectern_capture::clock::{monotonic_ns, unix_ms};
use lectern_domain::api::{ClockTrust, ConfigStatus};
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::Conductor;
use crate::load::Files;
use crate::reload::{Ahead, Busy, Moment, PROGRAM, Reading, Unfit, When, compare};
use crate::{herald, notify};

/// A program that did not answer is asked again after this.
const ASK_AGAIN_NS: u64 = 60_000_000_000;

/// What is to be taken over, and what people are told of it.
pub(super) struct Renewal {
    pub(super) told: ConfigStatus,
    /// The daemon ends to start anew, with these.
    pub(super) again: Option<Files>,
    /// At most one.
    check: JoinSet<Result<Files, Unfit>>,
    /// Nothing is asked before this, nanoseconds of the monotonic clock.
    ask_after_ns: u64,
    /// When the recorder was last seen busy, or began; nanoseconds of the monotonic clock.
    busy_ns: u64,
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
            again: None,
            check: JoinSet::new(),
            ask_after_ns: 0,
            busy_ns: monotonic_ns(),
        }
    }

    /// What the program on the disk says of the configuration; `None` while it was not asked.
    pub(super) async fn checked(&mut self) -> Option<Result<Files, Unfit>> {
        let said = self.check.join_next().await?;
        Some(said.unwrap_or_else(|error| Err(Unfit::Unasked(format!("the check broke down: {error}")))))
    }

    /// The files cannot be taken over, for a fault on each line: nothing waits any more.
    fn refuse(&mut self, faults: &str) {
        self.told.fault = faults.lines().next().map(str::to_owned);
        self.told.unasked = None;
        // Of several faulty readings the first found something that waited.
        self.told.given_up.append(&mut self.told.waits);
        self.check = JoinSet::new();
    }

    /// Nobody knows whether they can be: what waits goes on waiting, and nobody has to mend it.
    fn ask_again(&mut self, why: &str, now_ns: u64) {
        self.told.unasked = Some(why.to_owned());
        self.ask_after_ns = now_ns.saturating_add(ASK_AGAIN_NS);
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
        self.renewal.told.unasked = None;
        self.renewal.told.given_up.clear();
        self.renewal.told.waits = waits.into_iter().map(str::to_owned).collect();
        // What was asked before this reading says nothing of it.
        self.renewal.check = JoinSet::new();
        self.renewal.ask_after_ns = 0;
        notify::tell_ready();
    }

    /// Has the configuration checked when its moment has come.
    pub(super) fn renew_on(&mut self) {
        if self.busy().is_some() {
            self.renewal.busy_ns = monotonic_ns();
        }
        if self.leaving || !self.renewal.check.is_empty() || !self.is_about_to_renew() {
            return;
        }
        let launch = self.parts.launch.clone();
        self.renewal.check.spawn(async move { launch.check().await });
    }

    /// Ends the daemon, to start anew, if it is still the moment.
    pub(super) fn on_checked(&mut self, said: Result<Files, Unfit>) {
        if self.leaving || !self.is_about_to_renew() {
            return;
        }
        match said {
            Ok(files) => {
                info!(waits = ?self.renewal.told.waits, "daemon starts anew to take over what waited");
                self.renewal.again = Some(files);
                self.leaving = true;
            }
            Err(Unfit::Unasked(why)) => {
                warn!(error = why, waits = ?self.renewal.told.waits, "program on the disk could not be asked; it is tried again");
                self.renewal.ask_again(&why, monotonic_ns());
            }
            Err(Unfit::Refused(said)) => {
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
        let now_ns = monotonic_ns();
        Moment {
            waits: !self.renewal.told.waits.is_empty(),
            rests: now_ns < self.renewal.ask_after_ns,
            busy: self.busy(),
            free_ms: now_ns.saturating_sub(self.renewal.busy_ns) / 1_000_000,
            ahead: self.ahead(),
        }
    }

    fn ahead(&self) -> Ahead {
        match (&self.agenda.next, self.clock.trust()) {
            (None, _) if self.agenda.is_read => Ahead::Nothing,
            (None, _) => Ahead::Unknown,
            (Some(_), ClockTrust::Untrusted) => Ahead::AtSomeTime,
            (Some((plan, _)), ClockTrust::Trusted) => {
                Ahead::InMs(plan.starts_unix_ms.saturating_sub(unix_ms()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p1_an_upgrade_waits_on_when_the_program_could_not_be_asked() {
        let mut renewal = Renewal::new(0);
        renewal.told.waits = vec![PROGRAM.to_owned()];
        renewal.ask_again("lecternd check did not end within 30 s", 1_000_000_000);
        assert_eq!(renewal.told.waits, [PROGRAM]);
        assert_eq!(renewal.ask_after_ns, 61_000_000_000);
        assert_eq!(renewal.told.fault, None, "there is nothing to mend");
        let why = renewal.told.unasked.as_deref();
        assert_eq!(why, Some("lecternd check did not end within 30 s"));

        renewal.refuse("no such key any more\nand another");
        assert_eq!(
            renewal.told.waits, [""; 0],
            "a refusal stands until the next reload"
        );
        assert_eq!(renewal.told.fault.as_deref(), Some("no such key any more"));
        assert_eq!(renewal.told.unasked, None, "it was asked");
        renewal.refuse("still no such key");
        assert_eq!(renewal.told.given_up, [PROGRAM], "and says what goes with it");
    }
}
