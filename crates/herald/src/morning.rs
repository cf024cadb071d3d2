//! When the morning report is due, and of which day it is. Pure.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use lectern_domain::api::{ClockTrust, Status};
use lectern_domain::config::TimeOfDay;
use lectern_domain::track::TrackHealth;

/// A report that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// The morning on which it leaves, `YYYY-MM-DD`: there is one for each.
    pub(crate) morning: String,
    /// The day before, in milliseconds since 1970: its first moment.
    pub(crate) from_unix_ms: i64,
    /// Its end.
    pub(crate) to_unix_ms: i64,
}

/// The report that is due now; `last` is the morning of the last one. A morning that has passed
/// while the machine was off is caught up until its midnight, older ones are not.
pub(crate) fn due(now_unix_ms: i64, zone: &TimeZone, at: TimeOfDay, last: Option<&str>) -> Option<Due> {
    let now = Timestamp::from_millisecond(now_unix_ms)
        .ok()?
        .to_zoned(zone.clone());
    let today = now.date();
    let hour = i8::try_from(at.hour()).ok()?;
    let minute = i8::try_from(at.minute()).ok()?;
    // Where the clock is put forward over this time, the moment after it.
    let moment = today.at(hour, minute, 0, 0).to_zoned(zone.clone()).ok()?;
    let morning = today.to_string();
    // A clock that was set back must not bring an old morning back.
    if now < moment || last.is_some_and(|last| last >= morning.as_str()) {
        return None;
    }
    let yesterday = today.checked_sub(1.day()).ok()?;
    let begins = |day: Date| {
        let zoned = day.to_zoned(zone.clone()).ok()?;
        Some(zoned.timestamp().as_millisecond())
    };
    Some(Due {
        morning,
        from_unix_ms: begins(yesterday)?,
        to_unix_ms: begins(today)?,
    })
}

/// Whether a status knows enough for a report: the day is certain, and no source is still starting.
pub(crate) fn is_settled(status: &Status) -> bool {
    let starting = |health| matches!(health, TrackHealth::Starting);
    status.revision > 0
        && status.clock == ClockTrust::Trusted
        && !status.sources.iter().any(|source| starting(source.health))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lectern_domain::config::{Config, ConfigFile};

    /// By way of the configuration, which is the only one there is.
    fn time(text: &str) -> TimeOfDay {
        let text = format!(
            "[room]\nid = \"r\"\n[[source]]\nname = \"camera\"\nrole = \"presenter\"\nkind = \"test-video\"\n\
             [[notify]]\nname = \"a\"\nkind = \"webhook\"\nurl = \"https://a.example/\"\ncredential = \"k\"\n\
             report_at = \"{text}\"\n"
        );
        let name = "f".to_owned();
        Config::read(&[ConfigFile { name, text }], &[]).unwrap().notify[0].report_at
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn a_morning_has_one_report_which_is_caught_up_on_the_same_day_only() {
        let lagos = TimeZone::get("Africa/Lagos").unwrap();
        let half_past_seven = time("07:30");
        for (now, last, morning) in [
            ("2026-11-22T06:29:59Z", None, None),
            ("2026-11-22T06:30:00Z", None, Some("2026-11-22")),
            ("2026-11-22T06:30:00Z", Some("2026-11-21"), Some("2026-11-22")),
            ("2026-11-22T06:30:01Z", Some("2026-11-22"), None),
            // It was off for a week, until the evening.
            ("2026-11-22T20:00:00Z", Some("2026-11-14"), Some("2026-11-22")),
            ("2026-11-22T23:00:00Z", Some("2026-11-21"), None),
            // The clock was set back.
            ("2026-11-20T12:00:00Z", Some("2026-11-22"), None),
        ] {
            let found = due(at(now), &lagos, half_past_seven, last);
            assert_eq!(found.map(|due| due.morning).as_deref(), morning, "{now} {last:?}");
        }
    }

    #[test]
    fn yesterday_is_as_long_as_it_was() {
        let paris = TimeZone::get("Europe/Paris").unwrap();
        for (now, hours) in [
            ("2026-03-29T10:00:00Z", 24),
            ("2026-03-30T10:00:00Z", 23),
            ("2026-10-26T10:00:00Z", 25),
        ] {
            let due = due(at(now), &paris, time("07:30"), None).unwrap();
            assert_eq!(due.to_unix_ms - due.from_unix_ms, hours * 3_600_000, "{now}");
        }
        // That night there is no half past two.
        for (now, is_due) in [("2026-03-29T01:29:59Z", false), ("2026-03-29T01:30:00Z", true)] {
            let missing = due(at(now), &paris, time("02:30"), None);
            assert_eq!(missing.is_some(), is_due, "at 03:30, an hour later: {now}");
        }
    }
}
