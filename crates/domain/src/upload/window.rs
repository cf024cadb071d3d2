//! One line of the timetable: `22:00-06:00`, `Mon-Fri 22:00-06:00`, `Sat,Sun 00:00-24:00`.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Days as they are written, Monday first.
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// A daily stretch of time on some days of the week, by the clock on the room's wall. One that
/// runs over midnight belongs to the day on which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Bit 0 is Monday.
    days: u8,
    /// Minutes since midnight, below 24 h.
    from: u16,
    /// Minutes since midnight, up to and with 24 h; not after `from`: on the next day.
    to: u16,
}

/// A text that is no window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadWindow(String);

impl Window {
    /// Whether it begins on a day; 0 is Monday.
    #[must_use]
    pub const fn begins_on(self, weekday: u8) -> bool {
        weekday < 7 && self.days & (1 << weekday) != 0
    }

    /// When it begins, in minutes since midnight.
    #[must_use]
    pub const fn from_minute(self) -> u16 {
        self.from
    }

    /// How long it lasts by the clock on the wall, in minutes; 24 h at most.
    #[must_use]
    pub const fn minutes(self) -> u16 {
        if self.to > self.from {
            self.to - self.from
        } else {
            DAY - self.from + self.to
        }
    }
}

impl FromStr for Window {
    type Err = BadWindow;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (days, hours) = match text.trim().rsplit_once(char::is_whitespace) {
            Some((days, hours)) => (read_days(days)?, hours),
            None => (0x7f, text.trim()),
        };
        let (from, to) = hours.split_once('-').ok_or_else(|| {
            BadWindow(format!(
                "\"{}\" has no \"-\" between two times",
                hours.escape_debug()
            ))
        })?;
        let (from, to) = (minute(from)?, minute(to)?);
        if from == DAY {
            return Err(BadWindow("a window begins at 23:59 at the latest".to_owned()));
        }
        Ok(Self { days, from, to })
    }
}

fn read_days(text: &str) -> Result<u8, BadWindow> {
    let mut days = 0;
    for part in text.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        let mut at = first;
        days |= 1 << at;
        while at != last {
            at = (at + 1) % 7;
            days |= 1 << at;
        }
    }
    Ok(days)
}

fn day(text: &str) -> Result<usize, BadWindow> {
    let text = text.trim();
    DAYS.iter()
        .position(|day| day.eq_ignore_ascii_case(text))
        .ok_or_else(|| BadWindow(format!("\"{}\" is not a day of the week", text.escape_debug())))
}

fn minute(text: &str) -> Result<u16, BadWindow> {
    let text = text.trim();
    let wrong = || BadWindow(format!("\"{}\" is not a time of day", text.escape_debug()));
    let digits = |part: &str| (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then_some(());
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    digits(hour).and(digits(minute)).ok_or_else(wrong)?;
    let (hour, minute): (u16, u16) = (
        hour.parse().map_err(|_| wrong())?,
        minute.parse().map_err(|_| wrong())?,
    );
    match (hour, minute) {
        (0..=23, 0..=59) | (24, 0) => Ok(hour * 60 + minute),
        _ => Err(wrong()),
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days != 0x7f {
            let named: Vec<&str> = (0..7)
                .filter(|day| self.days & (1 << day) != 0)
                .map(|day| DAYS[day])
                .collect();
            write!(f, "{} ", named.join(","))?;
        }
        let (from, to) = (self.from, self.to);
        write!(
            f,
            "{:02}:{:02}-{:02}:{:02}",
            from / 60,
            from % 60,
            to / 60,
            to % 60
        )
    }
}

impl Serialize for Window {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_read_and_written_alike() {
        for (text, shown, minutes) in [
            ("22:00-06:00", "22:00-06:00", 480),
            ("Mon-Fri 22:00-06:00", "Mon,Tue,Wed,Thu,Fri 22:00-06:00", 480),
            ("sat,sun 00:00-24:00", "Sat,Sun 00:00-24:00", 1440),
            ("Fri-Mon 12:30-12:31", "Mon,Fri,Sat,Sun 12:30-12:31", 1),
            ("08:00-08:00", "08:00-08:00", 1440),
        ] {
            let window: Window = text.parse().unwrap();
            assert_eq!(window.to_string(), shown);
            assert_eq!(window.minutes(), minutes, "{text}");
            assert_eq!(shown.parse::<Window>().unwrap(), window);
        }
        for bad in [
            "",
            "22-06",
            "24:00-06:00",
            "22:00-25:00",
            "Mo 22:00-06:00",
            "22:0-06:00",
            "22:00",
            "Mon- 1:00-2:00",
            "12:60-13:00",
            "ten 22:00-06:00",
        ] {
            assert!(bad.parse::<Window>().is_err(), "{bad}");
        }
    }
}
