//! Units that people read, and times by the clock on the room's wall.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{RoundMode, Timestamp, Unit, Zoned, ZonedRound};
use lectern_domain::api::RoomStatus;

/// `1.5 GB`; decimal units, as on the label of a disk.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [(&str, u64); 4] = [
        ("TB", 1_000_000_000_000),
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
        ("kB", 1_000),
    ];
    for (unit, size) in UNITS {
        if n >= size {
            return format!("{}.{} {unit}", n / size, n % size * 10 / size);
        }
    }
    format!("{n} B")
}

/// `7.5 Mbit/s`; decimal units, as on the contract of a line.
pub(crate) fn rate(bits_per_second: u64) -> String {
    const UNITS: [(&str, u64); 3] = [
        ("Gbit/s", 1_000_000_000),
        ("Mbit/s", 1_000_000),
        ("kbit/s", 1_000),
    ];
    for (unit, size) in UNITS {
        if bits_per_second >= size {
            let tenths = bits_per_second % size * 10 / size;
            return format!("{}.{tenths} {unit}", bits_per_second / size);
        }
    }
    format!("{bits_per_second} bit/s")
}

/// `0:42:19`
pub(crate) fn length(ms: u64) -> String {
    let seconds = ms / 1000;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// `61 hours`, rounded down: a promise.
pub(crate) fn span(ms: u64) -> String {
    match ms / 60_000 {
        0 => "less than a minute".into(),
        1 => "1 minute".into(),
        minutes @ 2..120 => format!("{minutes} minutes"),
        minutes => format!("{} hours", minutes / 60),
    }
}

/// The clock on the room's wall: this machine may be in another zone than the room.
#[derive(Clone, Debug)]
pub(crate) struct WallClock(TimeZone);

impl WallClock {
    /// Of a room: in the zone that its configuration names, else in the machine's.
    pub(crate) fn of(room: &RoomStatus) -> Self {
        let zone = room.timezone.as_deref();
        let zone = zone.and_then(|name| TimeZone::get(name).ok());
        Self(zone.unwrap_or_else(TimeZone::system))
    }

    /// `2026-11-21 10:00:05`
    pub(crate) fn moment(&self, unix_ms: i64) -> String {
        self.written(unix_ms, "%Y-%m-%d %H:%M:%S")
    }

    /// `2026-11-21 10:01`, rounded up to a whole minute or hour as the wall shows it: no promise to
    /// the second.
    pub(crate) fn about(&self, unix_ms: i64, unit: Unit) -> String {
        let up = ZonedRound::new().smallest(unit).mode(RoundMode::Ceil);
        match self.zoned(unix_ms).and_then(|at| at.round(up).ok()) {
            Some(at) => at.strftime("%Y-%m-%d %H:%M").to_string(),
            None => "?".into(),
        }
    }

    /// `10:00:05`
    pub(crate) fn time_of_day(&self, unix_ms: i64) -> String {
        self.written(unix_ms, "%H:%M:%S")
    }

    /// The moment at which it shows this; `None` beyond the calendar. Of an hour that the wall
    /// shows twice, the first; of one that it leaves out, as much later.
    pub(crate) fn unix_ms(&self, at: DateTime) -> Option<i64> {
        let at = at.to_zoned(self.0.clone()).ok()?;
        Some(at.timestamp().as_millisecond())
    }

    fn written(&self, unix_ms: i64, format: &str) -> String {
        match self.zoned(unix_ms) {
            Some(at) => at.strftime(format).to_string(),
            None => "?".into(),
        }
    }

    /// `None` outside the calendar, which can only come from a broken clock.
    fn zoned(&self, unix_ms: i64) -> Option<Zoned> {
        let timestamp = Timestamp::from_millisecond(unix_ms).ok()?;
        Some(timestamp.to_zoned(self.0.clone()))
    }
}

/// `1 segment`, `3 segments`.
pub(crate) fn counted(n: u64, word: &str) -> String {
    match n {
        1 => format!("1 {word}"),
        n => format!("{n} {word}s"),
    }
}

/// `45 %`, rounded down.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    let percent = u128::from(part)
        .saturating_mul(100)
        .checked_div(u128::from(whole))
        .unwrap_or(0);
    format!("{} %", percent.min(100))
}

/// Columns: each as wide as its widest cell, two spaces between, nothing after the last.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (at, cell) in row.iter().enumerate() {
            let wide = cell.chars().count();
            match widths.get_mut(at) {
                Some(width) => *width = wide.max(*width),
                None => widths.push(wide),
            }
        }
    }
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 2));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_say_them() {
        assert_eq!(
            [999, 1_000, 1_549_000_000].map(bytes),
            ["999 B", "1.0 kB", "1.5 GB"]
        );
        assert_eq!([640, 7_560_000].map(rate), ["640 bit/s", "7.5 Mbit/s"]);
        assert_eq!(length(2_539_999), "0:42:19");
        assert_eq!(
            [59_999, 2_400_000, 219_600_000].map(span),
            ["less than a minute", "40 minutes", "61 hours"]
        );
        assert_eq!((percent(999, 1000), percent(1, 0)), ("99 %".into(), "0 %".into()));
    }

    #[test]
    fn times_are_told_by_the_clock_of_the_room() {
        let room = RoomStatus {
            id: "a-101".into(),
            name: "A 101".into(),
            help: None,
            languages: Vec::new(),
            timezone: Some("Asia/Kathmandu".into()),
        };
        let clock = WallClock::of(&room);
        assert_eq!(clock.moment(1_795_262_400_000), "2026-11-21 17:45:00");
        assert_eq!(clock.time_of_day(1_795_262_400_000), "17:45:00");
        // 17:45 there, and a whole hour in UTC.
        assert_eq!(clock.about(1_795_262_400_000, Unit::Hour), "2026-11-21 18:00");
        assert_eq!(clock.about(1_795_262_400_001, Unit::Minute), "2026-11-21 17:46");
        assert_eq!(clock.about(1_795_262_400_000, Unit::Minute), "2026-11-21 17:45");
        let shown = "2026-11-21 17:45".parse().unwrap();
        assert_eq!(clock.unix_ms(shown), Some(1_795_262_400_000));
        assert_eq!(
            [0, 1, 2].map(|n| counted(n, "segment")),
            ["0 segments", "1 segment", "2 segments"]
        );
    }

    #[test]
    fn columns_line_up_and_leave_no_spaces_behind() {
        let rows = [vec!["é".into(), "b".into()], vec!["long".into(), String::new()]];
        assert_eq!(columns(&rows), "é     b\nlong\n");
    }
}
