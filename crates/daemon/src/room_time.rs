//! Times as the people of the room read them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lectern_domain::config::Config;

/// A time further ahead is told with its day.
const NEAR_MS: i64 = 20 * 3_600_000;

/// The time zone of the room: the configured one, else the machine's.
pub(crate) fn zone(config: &Config) -> TimeZone {
    let name = config.room.timezone.as_deref();
    name.and_then(|name| TimeZone::get(name).ok())
        .unwrap_or_else(TimeZone::system)
}

/// `at 22:00`, or `on 1 Dec at 22:00` when it is not soon; both times in milliseconds since 1970.
pub(crate) fn at(unix_ms: i64, now_unix_ms: i64, zone: &TimeZone) -> String {
    let near = unix_ms.saturating_sub(now_unix_ms).abs() < NEAR_MS;
    written(
        unix_ms,
        zone,
        if near { "at %H:%M" } else { "on %-d %b at %H:%M" },
    )
}

/// A moment by the clock on the room's wall, in a `strftime` format.
pub(crate) fn written(unix_ms: i64, zone: &TimeZone, format: &str) -> String {
    let time = Timestamp::from_millisecond(unix_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    time.to_zoned(zone.clone()).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_is_not_soon_has_a_day() {
        let zone = TimeZone::get("Asia/Kathmandu").unwrap();
        let now = 1_795_000_000_000;
        assert_eq!(at(now + 3_600_000, now, &zone), "at 17:51");
        assert_eq!(at(now + 24 * 3_600_000, now, &zone), "on 19 Nov at 16:51");
    }
}
