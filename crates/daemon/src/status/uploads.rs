//! What a person should know of the way to the platforms.

use lectern_domain::api::{ClockTrust, Message, PlatformState, PlatformStatus, Severity};
use lectern_domain::units::Size;
use lectern_domain::upload::{Allowance, Budget, Spent, Today};

use super::View;
use crate::room_time;

/// The sentence that every refusal of a platform has in its middle: before it stands what
/// happened, after it what to do.
const SAFE: &str = "Every lecture is safe on this machine.";
/// The same in what is said of one delivery that needs a person.
const SAFE_LECTURE: &str = "The lecture is safe on this machine";

/// All messages about it.
pub(super) fn messages(view: &View<'_>) -> Vec<Message> {
    let refusing = view
        .uploads
        .platforms
        .iter()
        .filter(|platform| platform.state == PlatformState::Parked)
        .map(refuses);
    refusing
        .chain(parked(view))
        .chain(spent(view))
        .chain(clock(view))
        .collect()
}

/// The sentence about a platform that refuses everybody.
fn refuses(platform: &PlatformStatus) -> Message {
    let told = platform.message.as_deref().unwrap_or_default();
    let (what, todo) = match told.split_once(SAFE) {
        Some((what, todo)) => (what.trim(), todo.trim()),
        None => (told, "The queue says more: lectern queue."),
    };
    Message {
        severity: Severity::Warning,
        code: "platform-refuses".to_owned(),
        subject: Some(platform.name.to_string()),
        what: format!("{} takes no lectures. {what}", platform.name),
        safe: format!("{SAFE} Other platforms go on."),
        todo: todo.to_owned(),
        ..Message::default()
    }
}

/// The sentence about lectures that cannot be sent as they are, or of which nobody knows whether
/// they arrived.
fn parked(view: &View<'_>) -> Option<Message> {
    const QUEUE: &str = "The queue says why, and what to look for at the platform: lectern queue.";
    let (happened, advice) = view
        .parked
        .and_then(|told| told.split_once(SAFE_LECTURE))
        // The rest of that sentence is said below.
        .map_or(("", QUEUE), |(before, after)| {
            (
                before.trim(),
                after.split_once(". ").map_or(QUEUE, |(_, advice)| advice),
            )
        });
    let (what, todo) = match view.queue.parked {
        0 => return None,
        1 => (
            format!("A lecture cannot be sent without help. {happened}"),
            advice,
        ),
        many => (
            format!("{many} lectures cannot be sent without help. The oldest: {happened}"),
            QUEUE,
        ),
    };
    Some(Message {
        severity: Severity::Warning,
        code: "delivery-parked".to_owned(),
        subject: None,
        what: what.trim_end().trim_end_matches(" The oldest:").to_owned(),
        safe: "They are finished and safe on this machine, and nothing is sent twice.".to_owned(),
        todo: todo.to_owned(),
        ..Message::default()
    })
}

/// The sentence about a budget that is spent while something is to be sent.
fn spent(view: &View<'_>) -> Option<Message> {
    let uploads = view.uploads;
    if uploads.forecast.bytes == 0 {
        return None;
    }
    let budget = Budget {
        daily_bytes: uploads.daily_bytes,
        monthly_bytes: uploads.monthly_bytes,
    };
    let spent = Spent {
        today_bytes: uploads.sent_today_bytes,
        month_bytes: uploads.sent_month_bytes,
    };
    let today = Today::at(view.now_unix_ms, view.zone);
    let (limit, span, ends_unix_ms) = match budget.allowance(spent) {
        Allowance::Unlimited | Allowance::Left(_) => return None,
        Allowance::DaySpent => (budget.daily_bytes, "day", today.day_ends_unix_ms),
        Allowance::MonthSpent => (budget.monthly_bytes, "month", today.month_ends_unix_ms),
    };
    // The courier knows when the hours for sending begin after that.
    let again = uploads
        .until_unix_ms
        .filter(|_| !uploads.open)
        .unwrap_or(ends_unix_ms)
        .max(ends_unix_ms);
    Some(Message {
        severity: Severity::Info,
        code: "budget-spent".to_owned(),
        subject: None,
        what: format!(
            "The {} that may be sent in a {span} are spent.",
            Size(limit.unwrap_or(0))
        ),
        safe: "What is still to be sent waits on this machine.".to_owned(),
        todo: format!(
            "Nothing: sending begins again {}. To send at once all the same: lectern send-now.",
            room_time::at(again, view.now_unix_ms, view.zone)
        ),
        ..Message::default()
    })
}

/// The sentence about hours for sending that nobody can tell.
fn clock(view: &View<'_>) -> Option<Message> {
    let waits = view.clock == ClockTrust::Untrusted && !view.config.upload.window.is_empty();
    waits.then(|| Message {
        severity: Severity::Warning,
        code: "hours-unknown".to_owned(),
        subject: None,
        what: "Lectures are not sent: the clock cannot be believed, so nobody knows whether these are the hours for it."
            .to_owned(),
        safe: SAFE.to_owned(),
        todo: "It goes on when the clock is right. To send at once all the same: lectern send-now.".to_owned(),
..Message::default()
})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::tz::TimeZone;
    use lectern_domain::api::{Forecast, QueueSummary, UploadStatus};
    use lectern_domain::config::{self, Config, ConfigFile};

    use super::*;
    use crate::space::Budget as Space;

    const NOON: i64 = 1_795_262_400_000;

    fn told(queue: &QueueSummary, parked: Option<&str>, uploads: &UploadStatus) -> Vec<Message> {
        let text = config::default_text().as_bytes().to_vec();
        let file = ConfigFile::decode("default.toml", text).unwrap();
        let config = Config::read(&[file], &[]).unwrap();
        messages(&View {
            config: &config,
            session: None,
            reports: &BTreeMap::new(),
            pictures: &[],
            track_bytes: &BTreeMap::new(),
            queue,
            parked,
            uploads,
            zone: &TimeZone::UTC,
            budget: Space::default(),
            clock: ClockTrust::Trusted,
            start_waits: false,
            troubles: &[],
            now_ns: 0,
            now_unix_ms: NOON,
        })
    }

    fn summary(parked: u32) -> QueueSummary {
        QueueSummary {
            parked,
            ..QueueSummary::default()
        }
    }

    #[test]
    fn p5_what_is_uncertain_says_what_to_look_for() {
        let uncertain = "The server knows nothing of it. Whether lecture.mp4 arrived is uncertain. The lecture is safe on \
                         this machine, and nothing was sent again. Look for it on the platform: `lectern retry 1`.";
        let one = &told(&summary(1), Some(uncertain), &UploadStatus::default())[0];
        assert!(
            one.what.ends_with("Whether lecture.mp4 arrived is uncertain."),
            "{one:?}"
        );
        assert!(one.todo.starts_with("Look for it on the platform"), "{one:?}");
        let many = &told(&summary(3), Some(uncertain), &UploadStatus::default())[0];
        assert!(
            many.what.starts_with("3 lectures") && many.what.ends_with("is uncertain."),
            "{many:?}"
        );
        assert!(many.todo.contains("lectern queue"), "{many:?}");
        let unread = &told(&summary(3), None, &UploadStatus::default())[0];
        assert_eq!(unread.what, "3 lectures cannot be sent without help.");
        assert_eq!(told(&summary(0), None, &UploadStatus::default()), []);
    }

    #[test]
    fn a_platform_that_refuses_is_told_in_three_parts() {
        let platform = PlatformStatus {
            name: "central".parse().unwrap(),
            kind: "tus".to_owned(),
            state: PlatformState::Parked,
            message: Some(format!(
                "It answered 401. {SAFE} Renew the token. The next try is at 14:05."
            )),
            next_unix_ms: None,
            pending: 3,
        };
        let uploads = UploadStatus {
            platforms: vec![platform],
            ..UploadStatus::default()
        };
        let told = &told(&summary(0), None, &uploads)[0];
        assert_eq!(told.what, "central takes no lectures. It answered 401.");
        assert!(told.safe.starts_with(SAFE));
        assert_eq!(told.todo, "Renew the token. The next try is at 14:05.");
    }

    #[test]
    fn a_spent_budget_is_told_while_something_is_to_be_sent() {
        let mut uploads = UploadStatus {
            sent_today_bytes: 20,
            daily_bytes: Some(20),
            sent_month_bytes: 20,
            ..UploadStatus::default()
        };
        assert_eq!(told(&summary(0), None, &uploads), []);
        uploads.forecast = Forecast {
            bytes: 7,
            ..Forecast::default()
        };
        let day = &told(&summary(0), None, &uploads)[0];
        assert!(day.what.contains("20B") && day.what.contains("a day"), "{day:?}");
        assert!(day.todo.contains("begins again at 00:00"), "{day:?}");
        // The hours begin later than the day.
        uploads.until_unix_ms = Some(NOON + 34 * 3_600_000);
        let day = &told(&summary(0), None, &uploads)[0];
        assert!(day.todo.contains("on 22 Nov at 22:00"), "{day:?}");
        uploads.monthly_bytes = Some(10);
        let month = &told(&summary(0), None, &uploads)[0];
        assert!(month.todo.contains("on 1 Dec at 00:00"), "{month:?}");
    }
}
