//! Numbers and times as people read them. No language but the unit words lives here.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lectern_domain::ids::SourceName;

/// `0:42:19`, as the page's script writes it too.
pub(super) fn clock(ms: u64) -> String {
    let seconds = ms / 1000;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// `61 hours`, `40 minutes`: rounded down, because it is a promise.
pub(super) fn span(ms: u64) -> String {
    let minutes = ms / 60_000;
    match minutes {
        0 => "less than a minute".into(),
        1 => "1 minute".into(),
        2..120 => format!("{minutes} minutes"),
        _ => format!("{} hours", count(minutes / 60)),
    }
}

/// `12 345`, with narrow no-break spaces.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// The room's time zone; the machine's when none is configured or the name is unknown here.
pub(super) fn zone(name: Option<&str>) -> TimeZone {
    name.and_then(|name| TimeZone::get(name).ok())
        .unwrap_or_else(TimeZone::system)
}

/// `11:50`
pub(super) fn time_of_day(unix_ms: i64, zone: &TimeZone) -> String {
    written(unix_ms, zone, "%H:%M")
}

/// `11:50` on the day of `now_unix_ms`, else `20 Nov`.
pub(super) fn moment(unix_ms: i64, now_unix_ms: i64, zone: &TimeZone) -> String {
    let day = |ms| written(ms, zone, "%Y-%m-%d");
    if day(unix_ms) == day(now_unix_ms) {
        time_of_day(unix_ms, zone)
    } else {
        written(unix_ms, zone, "%-d %b")
    }
}

fn written(unix_ms: i64, zone: &TimeZone, format: &str) -> String {
    // A time outside the calendar can only come from a broken clock.
    let Ok(timestamp) = Timestamp::from_millisecond(unix_ms) else {
        return "?".into();
    };
    timestamp.to_zoned(zone.clone()).strftime(format).to_string()
}

/// A source's name as a caption: its first letter large.
pub(super) fn caption(name: &SourceName) -> String {
    let mut letters = name.as_str().chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_say_them() {
        assert_eq!(clock(2_539_900), "0:42:19");
        assert_eq!(clock(36_000_000), "10:00:00");
        assert_eq!(
            [0, 60_000, 2_400_000, 7_200_000, 219_600_000].map(span),
            [
                "less than a minute",
                "1 minute",
                "40 minutes",
                "2 hours",
                "61 hours"
            ]
        );
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        let lagos = zone(Some("Africa/Lagos"));
        let nine_utc = 1_795_251_600_000;
        assert_eq!(moment(nine_utc, nine_utc + 1000, &lagos), "10:00");
        assert_eq!(moment(nine_utc, nine_utc + 86_400_000, &lagos), "21 Nov");
        assert_eq!(time_of_day(i64::MAX, &lagos), "?");
    }
}
