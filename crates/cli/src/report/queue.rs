//! `lectern queue`: the line to the platforms, how long it will take, and what stands in it.

use jiff::Unit;
use lectern_domain::api::{DeliveryView, LineStatus, PlatformState, PlatformStatus, Queue, UploadStatus};
use lectern_domain::delivery::DeliveryState;

use super::{Facts, one_delivery, title};
use crate::figures::{WallClock, bytes, columns, counted, rate};

/// Lectures that are shown of those that wait alike.
const SHOWN: usize = 20;
/// As many done ones as the daemon lists: where there are fewer, these are all.
const DONE_LISTED: usize = 20;

pub(crate) fn queue(queue: &Queue, clock: &WallClock) -> String {
    let mut facts = Facts::default();
    uploads(&mut facts, &queue.uploads, clock);
    let rows: Vec<Vec<String>> = queue
        .uploads
        .platforms
        .iter()
        .map(|told| platform(told, &queue.deliveries))
        .collect();
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
    facts.maybe("forecast", forecast(uploads, clock));
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

/// `6 lectures, 14.0 GB over the network, 2 nights at 7.5 Mbit/s, done about …`
fn forecast(uploads: &UploadStatus, clock: &WallClock) -> Option<String> {
    let forecast = &uploads.forecast;
    let lectures = match forecast.lectures {
        0 => return None,
        n => counted(n.into(), "lecture"),
    };
    let mut said = format!(
        "{lectures}, {}{}",
        bytes(forecast.bytes),
        counts(&uploads.platforms)
    );
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
        // What takes nights is not known to the minute.
        let exact_to = if forecast.nights > Some(1) {
            Unit::Hour
        } else {
            Unit::Minute
        };
        said.push_str(&format!(", done about {}", clock.about(done, exact_to)));
    }
    Some(said)
}

/// Which of what is still to send a forecast counts: folders take no night, and nobody knows when
/// a platform that refuses everybody takes something again.
fn counts(platforms: &[PlatformStatus]) -> String {
    let is_remote = |platform: &&PlatformStatus| platform.kind != "directory";
    let has_network = platforms.iter().any(|platform| is_remote(&platform));
    let mut said = String::new();
    if has_network {
        said.push_str(" over the network");
    }
    let left_out: Vec<&str> = platforms
        .iter()
        .filter(|platform| is_remote(platform) == has_network)
        .filter(|platform| platform.state == PlatformState::Parked && platform.pending > 0)
        .map(|platform| platform.name.as_str())
        .collect();
    if !left_out.is_empty() {
        said.push_str(&format!(", without what waits for {}", left_out.join(" and ")));
    }
    said
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

fn platform(platform: &PlatformStatus, deliveries: &[DeliveryView]) -> Vec<String> {
    let state = match platform.state {
        PlatformState::Ok => standing(platform, deliveries),
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

/// What is known of a platform that nothing is known against: maybe nothing at all.
fn standing(platform: &PlatformStatus, deliveries: &[DeliveryView]) -> &'static str {
    let done = deliveries
        .iter()
        .filter(|delivery| delivery.state == DeliveryState::Done);
    let own = || {
        deliveries
            .iter()
            .filter(|delivery| delivery.platform == platform.name)
    };
    let answered = |delivery: &DeliveryView| {
        delivery.sent_bytes > 0
            || match delivery.state {
                DeliveryState::Done
                | DeliveryState::Parked
                | DeliveryState::Sending
                | DeliveryState::Verifying => true,
                DeliveryState::Queued
                | DeliveryState::Waiting
                | DeliveryState::Reconciling
                | DeliveryState::Cancelled => false,
            }
    };
    if own().any(answered) || done.count() >= DONE_LISTED {
        "ok"
    } else if own().any(|delivery| delivery.attempts > 0) {
        // One that was begun again tells nothing of what the platform said before.
        "waits"
    } else {
        "not tried yet"
    }
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
    use lectern_domain::api::{Forecast, RoomStatus};
    use lectern_domain::ids::{DeliveryId, LectureId};

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

    fn at(name: &str, kind: &str, state: PlatformState, pending: u32) -> PlatformStatus {
        PlatformStatus {
            name: name.parse().unwrap(),
            kind: kind.into(),
            state,
            message: None,
            next_unix_ms: None,
            pending,
        }
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
        let said = |forecast: &Forecast, platforms: &[PlatformStatus]| {
            let uploads = UploadStatus {
                forecast: forecast.clone(),
                platforms: platforms.to_vec(),
                ..UploadStatus::default()
            };
            super::forecast(&uploads, &utc())
        };
        let share = at("share", "directory", PlatformState::Ok, 6);
        let central = at("central", "tus", PlatformState::Ok, 6);
        let archive = at("archive", "s3", PlatformState::Parked, 2);
        assert_eq!(
            said(&known, std::slice::from_ref(&share)).as_deref(),
            Some("6 lectures, 14.0 GB, 2 nights at 7.5 Mbit/s")
        );
        assert_eq!(
            said(&known, &[share.clone(), central.clone()]).as_deref(),
            Some("6 lectures, 14.0 GB over the network, 2 nights at 7.5 Mbit/s")
        );
        let done = |nights| Forecast {
            nights: Some(nights),
            done_unix_ms: Some(1_795_262_401_000),
            ..known.clone()
        };
        assert_eq!(
            said(&done(1), &[central.clone(), archive]).as_deref(),
            Some(
                "6 lectures, 14.0 GB over the network, without what waits for archive, 1 night at 7.5 Mbit/s, done \
                 about 2026-11-21 12:01"
            )
        );
        assert!(said(&done(2), &[]).is_some_and(|said| said.ends_with("done about 2026-11-21 13:00")));
        let never = Forecast {
            nights: None,
            ..known.clone()
        };
        assert!(said(&never, &[]).is_some_and(|said| said.contains("never done")));
        let unknown = Forecast {
            nights: None,
            basis_bps: None,
            ..known
        };
        assert!(said(&unknown, &[]).is_some_and(|said| said.contains("known once")));
        assert_eq!(said(&Forecast::default(), &[]), None);
    }

    #[test]
    fn a_platform_is_not_called_well_before_it_has_answered() {
        let central = at("central", "tus", PlatformState::Ok, 1);
        let delivery = |platform: &str, state, attempts| DeliveryView {
            id: DeliveryId(1),
            lecture: LectureId::random(),
            title: None,
            platform: platform.parse().unwrap(),
            state,
            sent_bytes: 0,
            total_bytes: 9,
            attempts,
            next_unix_ms: None,
            message: None,
            done_unix_ms: None,
            locations: Vec::new(),
        };
        let waits = delivery("central", DeliveryState::Queued, 0);
        let elsewhere = delivery("archive", DeliveryState::Done, 0);
        for (deliveries, word) in [
            (vec![], "not tried yet"),
            (vec![waits.clone(), elsewhere.clone()], "not tried yet"),
            (
                vec![delivery("central", DeliveryState::Waiting, 2), elsewhere.clone()],
                "waits",
            ),
            (vec![delivery("central", DeliveryState::Queued, 2)], "waits"),
            (vec![waits, delivery("central", DeliveryState::Done, 0)], "ok"),
            // Older ones may have been its own.
            (vec![elsewhere; DONE_LISTED], "ok"),
        ] {
            assert_eq!(platform(&central, &deliveries)[2], word, "{deliveries:?}");
        }
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
