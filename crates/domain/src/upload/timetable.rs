//! When the uplink is open, by the clock on the room's wall.
//!
//! An opening begins when the wall clock first shows the window's beginning and ends when it last
//! shows its end. A night on which the clock is put forward is an hour shorter, one on which it is
//! put back an hour longer; a time that the clock skips stands for the moment of the skip. Windows
//! that touch or overlap are one opening. Nothing is remembered: a night that was missed, by an
//! outage or a clock, needs no more than the next opening.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

use super::{Upload, Window};
use crate::ids::RoomId;

/// Days before today on which an opening of this moment may have begun, with a day to spare, so
/// that where an unending opening seems to begin does not matter.
const DAYS_BEFORE: i64 = 2;
/// Days after which an opening that has not ended is taken for one without an end.
const DAYS_AHEAD: usize = 24;
/// Years beyond these are a wrong clock, and their calendar is nobody's concern.
const YEARS: (i64, i64) = (0, 32_503_680_000_000);
/// When nothing begins within [`DAYS_AHEAD`], which no window makes happen: look again then.
const LOOK_AGAIN_MS: i64 = 24 * 3_600_000;

/// The openings of one room.
#[derive(Clone, Debug)]
pub struct Timetable {
    windows: Vec<Window>,
    zone: TimeZone,
    delay_ms: i64,
}

/// Whether lectures may be sent at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hours {
    /// They may.
    Open {
        /// Until then, in milliseconds since 1970; `None`: without an end.
        until_unix_ms: Option<i64>,
    },
    /// They may not.
    Closed {
        /// Until then, in milliseconds since 1970.
        until_unix_ms: i64,
    },
}

/// From (in) and until (out), in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Opening {
    from: i64,
    until: i64,
}

impl Timetable {
    /// The timetable of a room: its windows, read in its time zone and begun as late as its share
    /// of the stagger says.
    #[must_use]
    pub fn new(upload: &Upload, room: &RoomId, zone: TimeZone) -> Self {
        Self {
            windows: upload.window.clone(),
            zone,
            delay_ms: share(room.as_str(), upload.stagger.0),
        }
    }

    /// Whether there are windows at all; without them, lectures may be sent at any time.
    #[must_use]
    pub fn has_windows(&self) -> bool {
        !self.windows.is_empty()
    }

    /// The room's time zone.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// What holds at a moment, in milliseconds since 1970, and how long.
    #[must_use]
    pub fn at(&self, now_unix_ms: i64) -> Hours {
        let now = now_unix_ms.clamp(YEARS.0, YEARS.1);
        let mut day = self.day_of(now).saturating_sub(DAYS_BEFORE.days());
        let mut last: Option<Opening> = None;
        if self.windows.is_empty() {
            return Hours::Open { until_unix_ms: None };
        }
        for _ in 0..DAYS_AHEAD {
            for next in self.openings_of(day) {
                match &mut last {
                    Some(last) if next.from <= last.until => last.until = last.until.max(next.until),
                    Some(ended) => {
                        if let Some(hours) = self.judge(*ended, now) {
                            return hours;
                        }
                        last = Some(next);
                    }
                    None => last = Some(next),
                }
            }
            day = day.saturating_add(1.day());
        }
        let found = last.and_then(|last| self.judge(last, now));
        match found {
            Some(Hours::Open { .. }) => Hours::Open { until_unix_ms: None },
            Some(closed @ Hours::Closed { .. }) => closed,
            None => Hours::Closed {
                until_unix_ms: now_unix_ms.saturating_add(LOOK_AGAIN_MS),
            },
        }
    }

    /// What an opening says of a moment; nothing when it is past.
    fn judge(&self, opening: Opening, now: i64) -> Option<Hours> {
        // The stagger never takes more than half of an opening.
        let from = opening.from + self.delay_ms.min((opening.until - opening.from) / 2);
        if now < from {
            Some(Hours::Closed { until_unix_ms: from })
        } else if now < opening.until {
            Some(Hours::Open {
                until_unix_ms: Some(opening.until),
            })
        } else {
            None
        }
    }

    /// The openings that begin on a day, earliest first, before any stagger.
    fn openings_of(&self, day: Date) -> Vec<Opening> {
        let weekday = day.weekday().to_monday_zero_offset().unsigned_abs();
        let mut openings: Vec<Opening> = self
            .windows
            .iter()
            .filter(|window| window.begins_on(weekday))
            .map(|window| {
                let midnight = day.at(0, 0, 0, 0);
                let from = midnight.saturating_add(i64::from(window.from_minute()).minutes());
                let until = from.saturating_add(i64::from(window.minutes()).minutes());
                Opening {
                    from: self.moment(from, Twice::First),
                    until: self.moment(until, Twice::Last),
                }
            })
            .filter(|opening| opening.from < opening.until)
            .collect();
        openings.sort_by_key(|opening| opening.from);
        openings
    }

    /// When the wall clock shows a time; the moment of the skip for one that it skips.
    fn moment(&self, wall: DateTime, twice: Twice) -> i64 {
        let shown = match self.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(wall),
            AmbiguousOffset::Fold { before, after } => match twice {
                Twice::First => before.to_timestamp(wall),
                Twice::Last => after.to_timestamp(wall),
            },
            AmbiguousOffset::Gap { after, .. } => after.to_timestamp(wall).map(|before_the_skip| {
                let mut skips = self.zone.following(before_the_skip);
                skips.next().map_or(before_the_skip, |skip| skip.timestamp())
            }),
        };
        // Out of the calendar's range: never.
        shown.map_or(i64::MAX, Timestamp::as_millisecond)
    }

    fn day_of(&self, now: i64) -> Date {
        let now = Timestamp::from_millisecond(now).unwrap_or(Timestamp::UNIX_EPOCH);
        self.zone.to_datetime(now).date()
    }
}

/// Which of two moments at which the wall clock shows the same time.
#[derive(Clone, Copy)]
enum Twice {
    First,
    Last,
}

/// A room's share of the stagger, in milliseconds: the same for ever, and spread evenly over a
/// fleet (FNV-1a of the room's id).
fn share(room: &str, stagger_ms: u64) -> i64 {
    let hash = room.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let share = hash.checked_rem(stagger_ms).unwrap_or(0);
    i64::try_from(share).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::units::Span;

    fn table(windows: &[&str], zone: &str) -> Timetable {
        staggered(windows, zone, "room", 0)
    }

    fn staggered(windows: &[&str], zone: &str, room: &str, stagger_ms: u64) -> Timetable {
        let upload = Upload {
            window: windows.iter().map(|text| text.parse().unwrap()).collect(),
            stagger: Span(stagger_ms),
            ..Upload::default()
        };
        Timetable::new(&upload, &room.parse().unwrap(), TimeZone::get(zone).unwrap())
    }

    /// `2026-03-28T22:00` in UTC.
    fn utc(text: &str) -> i64 {
        let time: DateTime = text.parse().unwrap();
        TimeZone::UTC.to_timestamp(time).unwrap().as_millisecond()
    }

    fn said(table: &Timetable, at: &str) -> String {
        let written = |ms: i64| {
            let time = Timestamp::from_millisecond(ms).unwrap();
            time.strftime("%Y-%m-%dT%H:%M").to_string()
        };
        match table.at(utc(at)) {
            Hours::Open { until_unix_ms: None } => "open".to_owned(),
            Hours::Open {
                until_unix_ms: Some(until),
            } => format!("open {}", written(until)),
            Hours::Closed { until_unix_ms } => format!("closed {}", written(until_unix_ms)),
        }
    }

    #[test]
    fn the_timetable_is_read_on_the_rooms_wall() {
        // Every time in UTC: the moment, and until when what holds.
        let night = ["22:00-06:00"];
        let weekdays = ["Mon-Fri 22:00-06:00", "Sat,Sun 00:00-24:00"];
        for (windows, zone, at, holds) in [
            // Over midnight; UTC+1 in winter.
            (
                &night[..],
                "Europe/Paris",
                "2026-01-10T20:59",
                "closed 2026-01-10T21:00",
            ),
            (
                &night[..],
                "Europe/Paris",
                "2026-01-10T21:00",
                "open 2026-01-11T05:00",
            ),
            (
                &night[..],
                "Europe/Paris",
                "2026-01-11T04:59",
                "open 2026-01-11T05:00",
            ),
            (
                &night[..],
                "Europe/Paris",
                "2026-01-11T05:00",
                "closed 2026-01-11T21:00",
            ),
            // The clock is put forward: 7 h. Put back: 9 h.
            (
                &night[..],
                "Europe/Paris",
                "2026-03-28T21:00",
                "open 2026-03-29T04:00",
            ),
            (
                &night[..],
                "Europe/Paris",
                "2026-10-24T20:00",
                "open 2026-10-25T05:00",
            ),
            // A beginning and an end that the clock skips: 02:00 is 03:00.
            (
                &["02:30-05:00"][..],
                "Europe/Paris",
                "2026-03-29T00:59",
                "closed 2026-03-29T01:00",
            ),
            (
                &["02:30-05:00"][..],
                "Europe/Paris",
                "2026-03-29T01:00",
                "open 2026-03-29T03:00",
            ),
            (
                &["22:00-02:30"][..],
                "Europe/Paris",
                "2026-03-28T22:00",
                "open 2026-03-29T01:00",
            ),
            // Wholly skipped: not on this day.
            (
                &["02:10-02:50"][..],
                "Europe/Paris",
                "2026-03-29T00:30",
                "closed 2026-03-30T00:10",
            ),
            // Shown twice: from the first to the last.
            (
                &["02:00-02:30"][..],
                "Europe/Paris",
                "2026-10-25T00:00",
                "open 2026-10-25T01:30",
            ),
            (
                &["22:00-02:30"][..],
                "Europe/Paris",
                "2026-10-25T00:45",
                "open 2026-10-25T01:30",
            ),
            // Morocco leaves summer time for Ramadan: back on 15 February, forward on 22 March.
            (
                &night[..],
                "Africa/Casablanca",
                "2026-02-14T21:00",
                "open 2026-02-15T06:00",
            ),
            (
                &night[..],
                "Africa/Casablanca",
                "2026-03-21T22:00",
                "open 2026-03-22T05:00",
            ),
            // A zone of three quarters of an hour, without summer time.
            (
                &night[..],
                "Asia/Kathmandu",
                "2026-07-01T16:14",
                "closed 2026-07-01T16:15",
            ),
            (
                &night[..],
                "Asia/Kathmandu",
                "2026-07-01T16:15",
                "open 2026-07-02T00:15",
            ),
            // Over the ends of a month, a leap day and a year.
            (&night[..], "UTC", "2028-02-28T23:00", "open 2028-02-29T06:00"),
            (&night[..], "UTC", "2026-12-31T23:00", "open 2027-01-01T06:00"),
            (&night[..], "UTC", "2026-04-30T12:00", "closed 2026-04-30T22:00"),
            // Friday's night belongs to Friday, joins Saturday, and ends with Sunday.
            (
                &weekdays[..],
                "UTC",
                "2026-11-20T21:00",
                "closed 2026-11-20T22:00",
            ),
            (&weekdays[..], "UTC", "2026-11-20T23:00", "open 2026-11-23T00:00"),
            (
                &weekdays[..],
                "UTC",
                "2026-11-23T00:00",
                "closed 2026-11-23T22:00",
            ),
            (
                &["Sun 08:00-09:00"][..],
                "UTC",
                "2026-11-22T09:00",
                "closed 2026-11-29T08:00",
            ),
            // Around the clock, said in three ways.
            (&["00:00-24:00"][..], "Europe/Paris", "2026-03-29T01:00", "open"),
            (&["08:00-08:00"][..], "UTC", "2026-11-22T08:00", "open"),
            (
                &["06:00-18:00", "18:00-06:00"][..],
                "UTC",
                "2026-11-22T18:00",
                "open",
            ),
            (&[][..], "UTC", "2026-11-22T18:00", "open"),
        ] {
            assert_eq!(said(&table(windows, zone), at), holds, "{windows:?} {zone} {at}");
        }
    }

    #[test]
    fn a_fleet_does_not_begin_at_one_stroke_and_ends_at_one() {
        let begin =
            |room: &str, windows: &[&str], at: &str| match staggered(windows, "UTC", room, 15 * 60_000)
                .at(utc(at))
            {
                Hours::Closed { until_unix_ms } => until_unix_ms,
                Hours::Open { .. } => utc(at),
            };
        let mut begins: Vec<i64> = (0..200)
            .map(|n| begin(&format!("b-{n}"), &["22:00-06:00"], "2026-11-20T12:00"))
            .map(|at| (at - utc("2026-11-20T22:00")) / 60_000)
            .collect();
        assert!(begins.iter().all(|minute| (0..15).contains(minute)), "{begins:?}");
        begins.sort_unstable();
        begins.dedup();
        assert_eq!(begins.len(), 15, "each minute has its rooms");
        for room in ["b-1", "b-2", "b-3"] {
            let table = staggered(&["22:00-06:00"], "UTC", room, 15 * 60_000);
            assert_eq!(said(&table, "2026-11-21T05:59"), "open 2026-11-21T06:00");
            let again = begin(room, &["22:00-06:00"], "2026-11-20T12:00");
            assert_eq!(again, begin(room, &["22:00-06:00"], "2026-11-20T13:00"));
            // A window shorter than the stagger keeps half of itself.
            let short = begin(room, &["22:00-22:10"], "2026-11-20T12:00");
            assert!(short <= utc("2026-11-20T22:05"), "{room}");
            // Where one window follows another nothing begins.
            let joined = staggered(&["22:00-00:00", "00:00-06:00"], "UTC", room, 15 * 60_000);
            assert_eq!(said(&joined, "2026-11-21T00:00"), "open 2026-11-21T06:00");
            let always = staggered(&["00:00-24:00"], "UTC", room, 6 * 3_600_000);
            assert_eq!(said(&always, "2026-11-21T00:00"), "open");
        }
    }

    proptest! {
        #[test]
        fn what_is_closed_opens_and_what_is_open_closes(
            days in 1u8..128, from in 0u16..1440, minutes in 1u16..1441,
            now in 1_700_000_000_000i64..1_900_000_000_000, stagger in 0u64..7_200_000,
            zone in prop::sample::select(vec![
                "Europe/Paris", "Africa/Casablanca", "Asia/Kathmandu", "America/Havana", "Asia/Beirut",
                "Australia/Lord_Howe", "Pacific/Apia", "UTC",
            ]),
        ) {
            let named: Vec<&str> = (0..7)
                .filter(|day| days & (1 << day) != 0)
                .map(|day| ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][day])
                .collect();
            let to = (from + minutes) % 1440;
            let window = format!("{} {:02}:{:02}-{:02}:{:02}", named.join(","), from / 60, from % 60, to / 60, to % 60);
            let table = staggered(&[&window], zone, "room", stagger);
            match table.at(now) {
                Hours::Closed { until_unix_ms } => {
                    prop_assert!(until_unix_ms > now);
                    prop_assert!(matches!(table.at(until_unix_ms), Hours::Open { .. }), "{window} {zone} {now}");
                    let before = Hours::Closed { until_unix_ms };
                    prop_assert_eq!(table.at(until_unix_ms - 1), before);
                }
                Hours::Open { until_unix_ms: Some(until) } => {
                    prop_assert!(until > now);
                    prop_assert!(matches!(table.at(until), Hours::Closed { .. }), "{window} {zone} {now}");
                    prop_assert_eq!(table.at(until - 1), Hours::Open { until_unix_ms: Some(until) });
                }
                Hours::Open { until_unix_ms: None } => prop_assert_eq!((days, to), (127, from)),
            }
        }

        #[test]
        fn no_clock_makes_it_panic(now in any::<i64>()) {
            let table = table(&["Mon-Fri 22:00-06:00"], "Europe/Paris");
            if let Hours::Closed { until_unix_ms } = table.at(now) {
                prop_assert!(until_unix_ms > now.min(YEARS.1));
            }
        }
    }
}
