//! How long the queue will take: the coming openings gone through, day by day, with what may be
//! spent on each.

use super::budget::{Allowance, Budget, Spent, Today};
use super::timetable::{Hours, Timetable};
use crate::api::Forecast;

/// Openings and days that are gone through; what takes longer never ends for anybody who asks.
const STEPS: u32 = 2_000;

/// What is to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Lectures that some platform lacks.
    pub lectures: u32,
    /// Bytes of them that are to be sent.
    pub bytes: u64,
}

/// Reckons with `basis_bps` bits a second from `now_unix_ms` on.
#[must_use]
pub fn forecast(
    left: Backlog,
    basis_bps: Option<u64>,
    timetable: &Timetable,
    budget: Budget,
    spent: Spent,
    now_unix_ms: i64,
) -> Forecast {
    let basis_bps = basis_bps.filter(|bps| *bps > 0);
    let done = match basis_bps {
        _ if left.bytes == 0 => Some((0, None)),
        None => None,
        Some(bps) => walk(left.bytes, bps, timetable, budget, spent, now_unix_ms)
            .map(|(nights, done_unix_ms)| (nights, Some(done_unix_ms))),
    };
    Forecast {
        lectures: left.lectures,
        bytes: left.bytes,
        nights: done.map(|(nights, _)| nights),
        done_unix_ms: done.and_then(|(_, done_unix_ms)| done_unix_ms),
        basis_bps,
    }
}

/// Openings, or days without a timetable, and the end of the last byte.
fn walk(
    mut left: u64,
    bps: u64,
    timetable: &Timetable,
    budget: Budget,
    mut spent: Spent,
    now_unix_ms: i64,
) -> Option<(u32, i64)> {
    let mut now = now_unix_ms;
    let mut nights = 0;
    let mut today = Today::at(now, timetable.zone());
    let mut counted = None;
    for _ in 0..STEPS {
        let closes = match timetable.at(now) {
            Hours::Closed { until_unix_ms } => {
                now = until_unix_ms;
                turn(&mut today, &mut spent, now, timetable);
                continue;
            }
            Hours::Open { until_unix_ms } => until_unix_ms,
        };
        turn(&mut today, &mut spent, now, timetable);
        // An opening is known by its end; where there is none, each day counts.
        let night = closes.unwrap_or(today.day_ends_unix_ms);
        if counted != Some(night) {
            counted = Some(night);
            nights += 1;
        }
        let until = night.min(today.day_ends_unix_ms).max(now.saturating_add(1));
        let could = bytes_in(until - now, bps);
        let may = match budget.allowance(spent) {
            Allowance::Unlimited => u64::MAX,
            Allowance::Left(left) => left,
            Allowance::DaySpent | Allowance::MonthSpent => 0,
        };
        let sent = left.min(could).min(may);
        left -= sent;
        if left == 0 {
            return Some((nights, now.saturating_add(ms_for(sent, bps))));
        }
        spent.today_bytes = spent.today_bytes.saturating_add(sent);
        spent.month_bytes = spent.month_bytes.saturating_add(sent);
        now = until;
    }
    None
}

/// Another day, another budget.
fn turn(today: &mut Today, spent: &mut Spent, now: i64, timetable: &Timetable) {
    if now < today.day_ends_unix_ms {
        return;
    }
    let next = Today::at(now, timetable.zone());
    spent.today_bytes = 0;
    if next.month_from != today.month_from {
        spent.month_bytes = 0;
    }
    *today = next;
}

fn bytes_in(ms: i64, bps: u64) -> u64 {
    let bytes = u128::from(bps) * u128::from(ms.unsigned_abs()) / 8_000;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn ms_for(bytes: u64, bps: u64) -> i64 {
    let ms = u128::from(bytes) * 8_000 / u128::from(bps.max(1));
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::upload::Upload;

    const GB: u64 = 1_000_000_000;
    /// A GB takes 1000 s.
    const BPS: u64 = 8_000_000;

    fn table(windows: &[&str]) -> Timetable {
        let upload = Upload {
            window: windows.iter().map(|text| text.parse().unwrap()).collect(),
            ..Upload::default()
        };
        Timetable::new(&upload, &"room".parse().unwrap(), TimeZone::UTC)
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn nights_are_counted_with_what_each_may_carry() {
        let night = ["22:00-06:00"];
        let none = Budget::default();
        let daily = |gb: u64| Budget {
            daily_bytes: Some(gb * GB),
            monthly_bytes: None,
        };
        let monthly = |gb: u64| Budget {
            daily_bytes: None,
            monthly_bytes: Some(gb * GB),
        };
        // A night carries 28.8 GB at most.
        for (windows, gb, budget, spent_gb, nights, done) in [
            (&night[..], 0, none, 0, 0, None),
            (&night[..], 14, none, 0, 1, Some("2026-11-21T01:53:20Z")),
            (&night[..], 30, none, 0, 2, Some("2026-11-21T22:20:00Z")),
            (&night[..], 100, none, 0, 4, Some("2026-11-24T01:46:40Z")),
            (&[][..], 14, none, 0, 1, Some("2026-11-20T15:53:20Z")),
            (&[][..], 100, none, 0, 2, Some("2026-11-21T15:46:40Z")),
            // 5 GB before midnight and 5 after it, which leave the next evening none.
            (&night[..], 14, daily(5), 0, 2, Some("2026-11-22T01:06:40Z")),
            // What was spent today leaves nothing before midnight.
            (&night[..], 3, daily(5), 5, 1, Some("2026-11-21T00:50:00Z")),
            // The month's last 5 GB, then the next month's.
            (&night[..], 14, monthly(20), 15, 11, Some("2026-12-01T02:30:00Z")),
        ] {
            let left = Backlog {
                lectures: 6,
                bytes: gb * GB,
            };
            let spent = Spent {
                today_bytes: spent_gb * GB,
                month_bytes: spent_gb * GB,
            };
            let now = at("2026-11-20T12:00:00Z");
            let told = forecast(left, Some(BPS), &table(windows), budget, spent, now);
            assert_eq!(
                (told.nights, told.done_unix_ms),
                (Some(nights), done.map(at)),
                "{windows:?} {gb} GB {budget:?}"
            );
        }
    }

    #[test]
    fn an_opening_under_way_counts_and_no_rate_tells_nothing() {
        let left = Backlog {
            lectures: 1,
            bytes: 5 * GB,
        };
        let now = at("2026-11-20T23:00:00Z");
        let told = |bps| {
            forecast(
                left,
                bps,
                &table(&["22:00-23:30"]),
                Budget::default(),
                Spent::default(),
                now,
            )
        };
        assert_eq!(told(Some(BPS)).nights, Some(2));
        assert_eq!(told(None).nights, None);
        assert_eq!(told(Some(0)), told(None));
        assert_eq!(told(None).bytes, 5 * GB);
        assert_eq!(told(Some(1)).nights, None, "it never ends");
    }

    proptest! {
        #[test]
        fn more_to_send_never_ends_earlier(
            bytes in 1u64..50 * GB, more in 0u64..50 * GB, bps in 1_000_000u64..100_000_000,
            daily in 1u64..20, hour in 0i64..24,
        ) {
            let now = at("2026-10-24T00:00:00Z") + hour * 3_600_000;
            let budget = Budget { daily_bytes: Some(daily * GB), monthly_bytes: None };
            let told = |bytes| forecast(
                Backlog { lectures: 1, bytes }, Some(bps), &table(&["20:00-05:00"]), budget, Spent::default(), now,
            );
            let (less, more) = (told(bytes), told(bytes + more));
            prop_assert!(less.done_unix_ms.is_some_and(|done| done >= now));
            prop_assert!(less.done_unix_ms <= more.done_unix_ms);
            prop_assert!(less.nights <= more.nights && less.nights >= Some(1));
        }
    }
}
