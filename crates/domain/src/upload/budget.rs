//! What may be sent in a day and in a month of the room's calendar.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::Upload;

/// What may be spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of one day.
    pub daily_bytes: Option<u64>,
    /// Bytes of one month.
    pub monthly_bytes: Option<u64>,
}

/// A day of the room's calendar, and where it and its month end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Today {
    /// `YYYY-MM-DD`
    pub day: String,
    /// The first day of its month.
    pub month_from: String,
    /// When the next day begins, in milliseconds since 1970.
    pub day_ends_unix_ms: i64,
    /// When the next month begins, in milliseconds since 1970.
    pub month_ends_unix_ms: i64,
}

/// What was spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Bytes of this day.
    pub today_bytes: u64,
    /// Bytes of this month, this day included.
    pub month_bytes: u64,
}

/// What is left to spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// As much as you like.
    Unlimited,
    /// So many bytes, at least one.
    Left(u64),
    /// The day's are spent.
    DaySpent,
    /// The month's are spent.
    MonthSpent,
}

impl Budget {
    /// As configured.
    #[must_use]
    pub fn new(upload: &Upload) -> Self {
        Self {
            daily_bytes: upload.daily.map(super::Size::bytes),
            monthly_bytes: upload.monthly.map(super::Size::bytes),
        }
    }

    /// What is left after what was spent.
    #[must_use]
    pub fn allowance(&self, spent: Spent) -> Allowance {
        let left = |limit: Option<u64>, spent: u64| limit.map(|limit| limit.saturating_sub(spent));
        let day = left(self.daily_bytes, spent.today_bytes);
        let month = left(self.monthly_bytes, spent.month_bytes);
        match (day, month) {
            (_, Some(0)) => Allowance::MonthSpent,
            (Some(0), _) => Allowance::DaySpent,
            (None, None) => Allowance::Unlimited,
            (Some(left), None) | (None, Some(left)) => Allowance::Left(left),
            (Some(day), Some(month)) => Allowance::Left(day.min(month)),
        }
    }
}

impl Today {
    /// The day of a moment (milliseconds since 1970) in a time zone. A moment that no calendar
    /// knows is taken for 1970.
    #[must_use]
    pub fn at(now_unix_ms: i64, zone: &TimeZone) -> Self {
        let now = Timestamp::from_millisecond(now_unix_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        let day = zone.to_datetime(now).date();
        let month = day.first_of_month();
        Self {
            day: day.to_string(),
            month_from: month.to_string(),
            day_ends_unix_ms: begins(day.saturating_add(1.day()), zone),
            month_ends_unix_ms: begins(month.saturating_add(1.month()), zone),
        }
    }
}

/// The first moment of a day; not always midnight.
fn begins(day: Date, zone: &TimeZone) -> i64 {
    day.to_zoned(zone.clone())
        .map_or(i64::MAX, |zoned| zoned.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_that_is_left_counts() {
        use Allowance as A;
        for (daily, monthly, today, month, left) in [
            (None, None, 1 << 40, 1 << 40, A::Unlimited),
            (Some(100), None, 30, 3_000, A::Left(70)),
            (Some(100), Some(1_000), 30, 950, A::Left(50)),
            (Some(100), Some(1_000), 99, 950, A::Left(1)),
            (Some(100), Some(1_000), 100, 950, A::DaySpent),
            (Some(100), Some(1_000), 130, 1_200, A::MonthSpent),
            (None, Some(1_000), 0, 1_000, A::MonthSpent),
        ] {
            let budget = Budget {
                daily_bytes: daily,
                monthly_bytes: monthly,
            };
            let spent = Spent {
                today_bytes: today,
                month_bytes: month,
            };
            assert_eq!(budget.allowance(spent), left, "{budget:?} {spent:?}");
        }
    }

    #[test]
    fn a_day_is_the_rooms_own() {
        let at = |text: &str, zone: &str| {
            let now: Timestamp = text.parse().unwrap();
            let today = Today::at(now.as_millisecond(), &TimeZone::get(zone).unwrap());
            let utc = |ms: i64| Timestamp::from_millisecond(ms).unwrap().to_string();
            [
                today.day,
                today.month_from,
                utc(today.day_ends_unix_ms),
                utc(today.month_ends_unix_ms),
            ]
        };
        for (now, zone, day) in [
            (
                "2026-11-30T18:20:00Z",
                "Asia/Kathmandu",
                [
                    "2026-12-01",
                    "2026-12-01",
                    "2026-12-01T18:15:00Z",
                    "2026-12-31T18:15:00Z",
                ],
            ),
            (
                "2026-11-30T18:10:00Z",
                "Asia/Kathmandu",
                [
                    "2026-11-30",
                    "2026-11-01",
                    "2026-11-30T18:15:00Z",
                    "2026-11-30T18:15:00Z",
                ],
            ),
            // A day of 23 hours in a month that ends in summer time.
            (
                "2026-03-29T12:00:00Z",
                "Europe/Paris",
                [
                    "2026-03-29",
                    "2026-03-01",
                    "2026-03-29T22:00:00Z",
                    "2026-03-31T22:00:00Z",
                ],
            ),
            // Midnight is skipped: the day begins at one.
            (
                "2026-03-28T12:00:00Z",
                "Asia/Beirut",
                [
                    "2026-03-28",
                    "2026-03-01",
                    "2026-03-28T22:00:00Z",
                    "2026-03-31T21:00:00Z",
                ],
            ),
            (
                "2028-02-29T12:00:00Z",
                "UTC",
                [
                    "2028-02-29",
                    "2028-02-01",
                    "2028-03-01T00:00:00Z",
                    "2028-03-01T00:00:00Z",
                ],
            ),
        ] {
            assert_eq!(at(now, zone), day, "{now} {zone}");
        }
        assert_eq!(Today::at(i64::MAX, &TimeZone::UTC).day, "1970-01-01");
    }
}
