//! Figures that every language writes alike, and the room's time zone. All others are words'.

use jiff::tz::TimeZone;

/// `0:42:19`, as the page's script writes it too.
pub(super) fn clock(ms: u64) -> String {
    let seconds = ms / 1000;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// `0:42`, as the page's script writes what is counted down.
pub(super) fn countdown(ms: i64) -> String {
    let seconds = (ms.max(0) + 999) / 1000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// The room's time zone; the machine's when none is configured or the name is unknown here.
pub(super) fn zone(name: Option<&str>) -> TimeZone {
    name.and_then(|name| TimeZone::get(name).ok())
        .unwrap_or_else(TimeZone::system)
}

/// Hundredths of the whole, rounded down.
pub(super) fn percent(part: u64, whole: u64) -> u64 {
    u128::from(part)
        .saturating_mul(100)
        .checked_div(u128::from(whole))
        .map_or(0, |p| u64::try_from(p).unwrap_or(100).min(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_say_them() {
        assert_eq!(clock(2_539_900), "0:42:19");
        assert_eq!(clock(36_000_000), "10:00:00");
        assert_eq!(countdown(41_001), "0:42");
        assert_eq!(countdown(-5), "0:00");
        assert_eq!(percent(610, 1500), 40);
        assert_eq!(percent(1, 0), 0);
    }
}
