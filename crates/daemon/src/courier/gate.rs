//! Whether lectures may be sent at a moment, and if not, why not and until when. Pure.

use jiff::tz::TimeZone;
use lectern_domain::api::ClockTrust;
use lectern_domain::units::Size;
use lectern_domain::upload::{Allowance, Budget, Hours, Spent, Timetable, Today, Upload, WhileRecording};

use crate::room_time;

/// What the rest of the daemon knows and sending depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Around {
    /// A lecture is being recorded.
    pub(crate) recording: bool,
    /// Whether the wall clock can be believed.
    pub(crate) clock: ClockTrust,
}

impl Default for Around {
    fn default() -> Self {
        Self {
            recording: false,
            clock: ClockTrust::Trusted,
        }
    }
}

/// Why nothing may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shut {
    /// There are hours for sending, and nobody knows what time it is.
    Clock,
    /// Outside the hours for sending.
    Hours {
        /// When they begin, in milliseconds since 1970.
        until_unix_ms: i64,
    },
    /// A lecture is being recorded, and sending waits for its end.
    Recording,
    /// The day's bytes are spent.
    Day {
        /// When it goes on, in milliseconds since 1970.
        until_unix_ms: i64,
    },
    /// The month's bytes are spent.
    Month {
        /// When it goes on, in milliseconds since 1970.
        until_unix_ms: i64,
    },
}

/// Who may be served, as far as no platform is in question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gate {
    /// Why nobody may.
    pub(crate) all: Option<Shut>,
    /// Why platforms over the network may not; folders cost the line nothing.
    pub(crate) network: Option<Shut>,
    /// Until when the hours last that are now, in milliseconds since 1970.
    pub(crate) closes_unix_ms: Option<i64>,
}

/// What the configuration says of it.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    timetable: Timetable,
    budget: Budget,
    while_recording: WhileRecording,
    /// The windows as people write them.
    windows: String,
}

impl Rules {
    /// The rules of a room.
    pub(crate) fn new(upload: &Upload, timetable: Timetable) -> Self {
        let windows: Vec<String> = upload.window.iter().map(ToString::to_string).collect();
        Self {
            timetable,
            budget: Budget::new(upload),
            while_recording: upload.while_recording,
            windows: windows.join(", "),
        }
    }

    /// When lectures may be sent.
    pub(crate) fn timetable(&self) -> &Timetable {
        &self.timetable
    }

    /// What may be spent.
    pub(crate) fn budget(&self) -> Budget {
        self.budget
    }

    /// The windows as people write them.
    pub(crate) fn windows(&self) -> &str {
        &self.windows
    }

    /// What holds now.
    pub(crate) fn gate(&self, around: Around, spent: Spent, now_unix_ms: i64) -> Gate {
        let hours = self.timetable.at(now_unix_ms);
        let all = if self.timetable.has_windows() && around.clock == ClockTrust::Untrusted {
            Some(Shut::Clock)
        } else if let Hours::Closed { until_unix_ms } = hours {
            Some(Shut::Hours { until_unix_ms })
        } else if around.recording && self.while_recording == WhileRecording::Hold {
            Some(Shut::Recording)
        } else {
            None
        };
        let network = match self.budget.allowance(spent) {
            Allowance::Unlimited | Allowance::Left(_) => None,
            Allowance::DaySpent => Some(Shut::Day {
                until_unix_ms: self.first_open(self.today(now_unix_ms).day_ends_unix_ms),
            }),
            Allowance::MonthSpent => Some(Shut::Month {
                until_unix_ms: self.first_open(self.today(now_unix_ms).month_ends_unix_ms),
            }),
        };
        let closes_unix_ms = match hours {
            Hours::Open { until_unix_ms } => until_unix_ms,
            Hours::Closed { .. } => None,
        };
        Gate {
            all,
            network,
            closes_unix_ms,
        }
    }

    fn today(&self, now_unix_ms: i64) -> Today {
        Today::at(now_unix_ms, self.timetable.zone())
    }

    /// The first moment from `unix_ms` on at which the hours for sending are.
    fn first_open(&self, unix_ms: i64) -> i64 {
        match self.timetable.at(unix_ms) {
            Hours::Open { .. } => unix_ms,
            Hours::Closed { until_unix_ms } => until_unix_ms,
        }
    }

    /// One sentence for people.
    pub(crate) fn sentence(&self, shut: Shut, now_unix_ms: i64) -> String {
        let at = |unix_ms| room_time::at(unix_ms, now_unix_ms, self.zone());
        let limit = |bytes: Option<u64>| Size(bytes.unwrap_or(0));
        match shut {
            Shut::Clock => {
                "The clock of the recorder cannot be believed, so nobody knows whether these are the hours for \
                 sending; it goes on when the clock is right."
                    .to_owned()
            }
            Shut::Hours { until_unix_ms } => format!(
                "These are not the hours for sending ({}); it begins again {}.",
                self.windows,
                at(until_unix_ms)
            ),
            Shut::Recording => "A lecture is being recorded; sending goes on after it.".to_owned(),
            Shut::Day { until_unix_ms } => format!(
                "The {} that may be sent in a day are spent; it begins again {}.",
                limit(self.budget.daily_bytes),
                at(until_unix_ms)
            ),
            Shut::Month { until_unix_ms } => format!(
                "The {} that may be sent in a month are spent; it begins again {}.",
                limit(self.budget.monthly_bytes),
                at(until_unix_ms)
            ),
        }
    }

    fn zone(&self) -> &TimeZone {
        self.timetable.zone()
    }
}

impl Shut {
    /// When that changes by itself, if that is known, in milliseconds since 1970.
    pub(crate) const fn until_unix_ms(self) -> Option<i64> {
        match self {
            Self::Clock | Self::Recording => None,
            Self::Hours { until_unix_ms } | Self::Day { until_unix_ms } | Self::Month { until_unix_ms } => {
                Some(until_unix_ms)
            }
        }
    }
}

impl Gate {
    /// Why a platform may not be served.
    pub(crate) fn shuts(&self, over_network: bool) -> Option<Shut> {
        self.all.or(self.network.filter(|_| over_network))
    }

    /// When it changes by itself, in milliseconds since 1970.
    pub(crate) fn changes_unix_ms(&self) -> Option<i64> {
        let ends = [
            self.all.and_then(Shut::until_unix_ms),
            self.network.and_then(Shut::until_unix_ms),
            self.closes_unix_ms,
        ];
        ends.into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn rules(windows: &[&str], while_recording: WhileRecording) -> Rules {
        let upload = Upload {
            window: windows.iter().map(|text| text.parse().unwrap()).collect(),
            daily: Some(Size(100)),
            monthly: Some(Size(1_000)),
            while_recording,
            ..Upload::default()
        };
        let zone = TimeZone::get("Asia/Kathmandu").unwrap();
        Rules::new(&upload, Timetable::new(&upload, &"room".parse().unwrap(), zone))
    }

    /// In Kathmandu.
    fn at(text: &str) -> i64 {
        let time: Timestamp = format!("{text}:00+05:45").parse().unwrap();
        time.as_millisecond()
    }

    fn spent(today_bytes: u64, month_bytes: u64) -> Spent {
        Spent {
            today_bytes,
            month_bytes,
        }
    }

    #[test]
    fn every_reason_is_told_with_its_end() {
        use WhileRecording::{Hold, Yield};
        let night = ["22:00-06:00"];
        let recording = Around {
            recording: true,
            ..Around::default()
        };
        let lost = Around {
            clock: ClockTrust::Untrusted,
            ..Around::default()
        };
        let day = "2026-11-20T12:00";
        let evening = "2026-11-20T23:00";
        for (windows, hold, around, spent, now, folder, network) in [
            (&[][..], Yield, Around::default(), spent(0, 0), day, None, None),
            (&[][..], Yield, recording, spent(0, 0), day, None, None),
            (
                &[][..],
                Hold,
                recording,
                spent(0, 0),
                day,
                Some("being recorded"),
                Some("being recorded"),
            ),
            // Without hours the clock does not matter.
            (&[][..], Yield, lost, spent(0, 0), day, None, None),
            (
                &night[..],
                Yield,
                lost,
                spent(0, 0),
                evening,
                Some("cannot be believed"),
                Some("cannot be believed"),
            ),
            (
                &night[..],
                Yield,
                Around::default(),
                spent(0, 0),
                evening,
                None,
                None,
            ),
            (
                &night[..],
                Yield,
                Around::default(),
                spent(0, 0),
                day,
                Some("(22:00-06:00); it begins again at 22:00."),
                Some("(22:00-06:00); it begins again at 22:00."),
            ),
            // A folder costs the line nothing.
            (
                &night[..],
                Yield,
                Around::default(),
                spent(100, 100),
                evening,
                None,
                Some("The 100B that may be sent in a day are spent; it begins again at 00:00."),
            ),
            (
                &["18:00-23:30"][..],
                Yield,
                Around::default(),
                spent(100, 100),
                evening,
                None,
                Some("in a day are spent; it begins again at 18:00."),
            ),
            (
                &night[..],
                Yield,
                Around::default(),
                spent(0, 1_000),
                evening,
                None,
                Some("in a month are spent; it begins again on 1 Dec at 00:00."),
            ),
        ] {
            let rules = rules(windows, hold);
            let gate = rules.gate(around, spent, at(now));
            for (over_network, word) in [(false, folder), (true, network)] {
                let told = gate.shuts(over_network).map(|shut| rules.sentence(shut, at(now)));
                match word {
                    None => assert_eq!(told, None, "{windows:?} {now} {around:?}"),
                    Some(word) => assert!(
                        told.as_deref().is_some_and(|told| told.contains(word)),
                        "{told:?} should say {word}"
                    ),
                }
            }
        }
    }

    #[test]
    fn the_gate_knows_when_it_changes() {
        let gate = |now| {
            rules(&["22:00-06:00"], WhileRecording::Yield).gate(Around::default(), spent(0, 0), at(now))
        };
        assert_eq!(
            gate("2026-11-20T12:00").changes_unix_ms(),
            Some(at("2026-11-20T22:00"))
        );
        assert_eq!(
            gate("2026-11-20T23:00").changes_unix_ms(),
            Some(at("2026-11-21T06:00"))
        );
    }
}
