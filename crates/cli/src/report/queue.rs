//! `lectern queue`: the line to the platforms, how long it will take, and what stands in it.

use lectern_domain::api::{
    DeliveryView, Forecast, LineStatus, PlatformState, PlatformStatus, Queue, UploadStatus,
};
use lectern_domain::delivery::DeliveryState;

use super::{Facts, one_delivery, title};
use crate::figures::{WallClock, bytes, columns, counted, rate};

/// Lectures that are shown of those that wait alike.
const SHOWN: usize = 20;

pub(crate) fn queue(queue: &Queue, clock: &WallClock) -> String {
    let mut facts = Facts::default();
    uploads(&mut facts, &queue.uploads, clock);
    let rows: Vec<Vec<String>> = queue.uploads.platforms.iter().map(platform).collect();
    for line in columns(&rows).lines() {
        facts.add("platform", line);
    }
    let mut open = 0;
    for group in [Group::Sending, Group::NeedsPerson, Group::Waits, Group::Done] {
        let members = || queue.deliveries.iter().filter(|d| Group::of(d.state) == group);
        let rows: Vec<Vec<String>> = members()
            .take(SHOWN)
            .map(|delivery| {
                // What its platform says stands with the platform, once.
                let told = |p: &&PlatformStatus| p.name == delivery.platform && p.message.is_some();
                let said = match queue.uploads.platforms.iter().find(told) {
                    Some(_) if delivery.state == DeliveryState::Queued => {
                        let bare = DeliveryView {
                            message: None,
                            next_unix_ms: None,
                            ..delivery.clone()
                        };
                        one_delivery(&bare, clock)
                    }
                    _ => one_delivery(delivery, clock),
                };
                vec![
                    delivery.lecture.to_string(),
                    title(delivery.title.as_deref()).to_owned(),
                    said,
                ]
            })
            .collect();
        for line in columns(&rows).lines() {
            facts.add(group.word(), line);
        }
        let more = members().count().saturating_sub(SHOWN);
        if more > 0 {
            facts.add(group.word(), format!("and {more} more; --json lists all"));
        }
        if group != Group::Done {
            open += members().count();
        }
    }
    let nothing = if open == 0 {
        "nothing waits to be sent\n"
    } else {
        ""
    };
    format!("{}{nothing}", facts.print())
}

/// What the uplink does, for `status` and `queue` alike.
pub(super) fn uploads(facts: &mut Facts, uploads: &UploadStatus, clock: &WallClock) {
    let waits =
        uploads.forecast.lectures > 0 || uploads.platforms.iter().any(|platform| platform.pending > 0);
    // The sentence has the time in it, by the clock of the room.
    facts.maybe("held back", uploads.why.clone().filter(|_| waits));
    facts.maybe("forecast", forecast(&uploads.forecast, clock));
    let budget =
        |spent, of: Option<u64>, span| of.map(|of| format!("{} of {} {span}", bytes(spent), bytes(of)));
    let budgets = [
        budget(uploads.sent_today_bytes, uploads.daily_bytes, "today"),
        budget(uploads.sent_month_bytes, uploads.monthly_bytes, "this month"),
    ];
    let budgets: Vec<String> = budgets.into_iter().flatten().collect();
    if !budgets.is_empty() {
        facts.add("spent", budgets.join(", "));
    }
    facts.maybe("line", uploads.line.as_ref().map(line));
}

/// `6 lectures, 14.0 GB, 2 nights at 7.5 Mbit/s, done about …`
fn forecast(forecast: &Forecast, clock: &WallClock) -> Option<String> {
    let lectures = match forecast.lectures {
        0 => return None,
        n => counted(n.into(), "lecture"),
    };
    let mut said = format!("{lectures}, {}", bytes(forecast.bytes));
    match (forecast.nights, forecast.basis_bps) {
        (Some(nights), Some(bps)) => {
            let nights = counted(nights.into(), "night");
            said.push_str(&format!(", {nights} at {}", rate(bps)));
        }
        (None, Some(bps)) => {
            said.push_str(&format!(", never done at {} within window and budget", rate(bps)))
        }
        (_, None) => said.push_str("; how long it takes is known once the first is sent"),
    }
    if let Some(done) = forecast.done_unix_ms {
        said.push_str(&format!(", done about {}", clock.moment(done)));
    }
    Some(said)
}

fn line(line: &LineStatus) -> String {
    let mut said = rate(line.rate_bps);
    if let Some(allowed) = line.allowed_bps {
        said.push_str(&format!(", {} allowed", rate(allowed)));
    }
    said.push_str(&format!(
        ", round trip {} ms (empty line {} ms)",
        line.rtt_us / 1000,
        line.base_rtt_us / 1000
    ));
    if line.yielding {
        said.push_str(", giving way to others");
    }
    said
}

fn platform(platform: &PlatformStatus) -> Vec<String> {
    let state = match platform.state {
        PlatformState::Ok => "ok",
        PlatformState::Waiting => "waiting",
        PlatformState::Parked => "parked",
    };
    let mut said = match platform.pending {
        0 => "nothing to send".to_owned(),
        n => format!("{n} to send"),
    };
    if let Some(message) = &platform.message {
        said.push_str(&format!("; {message}"));
    }
    vec![
        platform.name.to_string(),
        platform.kind.clone(),
        state.to_owned(),
        said,
    ]
}

/// Deliveries that people look at together, in the order of their interest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Sending,
    NeedsPerson,
    Waits,
    Done,
}

impl Group {
    const fn of(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Reconciling | DeliveryState::Sending | DeliveryState::Verifying => Self::Sending,
            DeliveryState::Parked => Self::NeedsPerson,
            DeliveryState::Queued | DeliveryState::Waiting => Self::Waits,
            DeliveryState::Done | DeliveryState::Cancelled => Self::Done,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Sending => "sending",
            Self::NeedsPerson => "needs help",
            Self::Waits => "waits",
            Self::Done => "done",
        }
    }
}

#[cfg(test)]
mod tests {
    use lectern_domain::api::RoomStatus;

    use super::*;

    fn utc() -> WallClock {
        WallClock::of(&RoomStatus {
            id: "a-101".into(),
            name: "A 101".into(),
            help: None,
            languages: Vec::new(),
            timezone: Some("UTC".into()),
        })
    }

    #[test]
    fn a_forecast_is_one_sentence_that_never_promises_what_is_not_known() {
        let known = Forecast {
            lectures: 6,
            bytes: 14_000_000_000,
            nights: Some(2),
            done_unix_ms: None,
            basis_bps: Some(7_500_000),
        };
        assert_eq!(
            forecast(&known, &utc()).as_deref(),
            Some("6 lectures, 14.0 GB, 2 nights at 7.5 Mbit/s")
        );
        let never = Forecast {
            nights: None,
            ..known.clone()
        };
        assert!(forecast(&never, &utc()).is_some_and(|said| said.contains("never done")));
        let unknown = Forecast {
            nights: None,
            basis_bps: None,
            ..known
        };
        assert!(forecast(&unknown, &utc()).is_some_and(|said| said.contains("known once")));
        assert_eq!(forecast(&Forecast::default(), &utc()), None);
    }

    #[test]
    fn an_empty_queue_says_so_and_a_closed_line_says_why() {
        let mut empty = Queue::default();
        assert_eq!(queue(&empty, &utc()), "nothing waits to be sent\n");
        empty.uploads.why = Some("Lectures are sent between 22:00 and 06:00.".into());
        let shut = queue(&empty, &utc());
        assert_eq!(shut, "nothing waits to be sent\n", "nothing is held back");
        empty.uploads.forecast.lectures = 1;
        assert!(queue(&empty, &utc()).starts_with("held back  Lectures are sent between 22:00 and 06:00.\n"));
    }
}
