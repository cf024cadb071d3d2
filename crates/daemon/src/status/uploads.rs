//! What a person should know of the way to the platforms.

use lectern_deliver::{ALL_ARE_SAFE, ONE_IS_SAFE};
use lectern_domain::api::{Arg, ClockTrust, Message, PlatformState, PlatformStatus, Severity};
use lectern_domain::upload::{Allowance, Budget, Spent, Today};

use super::{View, choice, told};

/// How to send in spite of hours and budgets.
const SEND_NOW: &str = "To send at once all the same: lectern send-now.";

/// All messages about it.
pub(super) fn messages(view: &View<'_>) -> Vec<Message> {
    let refusing = view
        .uploads
        .platforms
        .iter()
        .filter(|platform| platform.state == PlatformState::Parked)
        .map(|platform| refuses(view, platform));
    refusing
        .chain(parked(view))
        .chain(spent(view))
        .chain(clock(view))
        .collect()
}

/// The sentence about a platform that refuses everybody. What it said and what helps is for
/// technicians.
fn refuses(view: &View<'_>, platform: &PlatformStatus) -> Message {
    const MENDED: &str = "Once that is mended, at once with: lectern send-now.";
    let detail = platform.message.as_deref().map_or_else(
        || "The queue says more: lectern queue.".to_owned(),
        |said| format!("{} {MENDED}", without(ALL_ARE_SAFE, said)),
    );
    let name = platform.name.to_string();
    let args = [("platform", Arg::Text(name.clone()))];
    Message {
        subject: Some(name),
        detail: Some(detail),
        ..told(&view.voice(), Severity::Warning, "message-platform-refuses", args)
    }
}

/// What is said without a sentence that the message has of its own.
fn without(sentence: &str, said: &str) -> String {
    said.replacen(&format!(" {sentence}"), "", 1)
}

/// The sentence about lectures that cannot be sent as they are, or of which nobody knows whether
/// they arrived.
fn parked(view: &View<'_>) -> Option<Message> {
    const QUEUE: &str = "Why, and what to look for at the platform: lectern queue.";
    let detail = match (view.queue.parked, view.parked) {
        (0, _) => return None,
        (_, None) => QUEUE.to_owned(),
        (1, Some(said)) => without(ONE_IS_SAFE, said),
        (_, Some(said)) => format!("The oldest: {} {QUEUE}", without(ONE_IS_SAFE, said)),
    };
    let args = [("count", Arg::Number(view.queue.parked.into()))];
    Some(Message {
        detail: Some(detail),
        ..told(&view.voice(), Severity::Warning, "message-delivery-parked", args)
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
    let args = [
        ("span", choice(span)),
        ("limit", Arg::Bytes(limit.unwrap_or(0))),
        ("again", Arg::AtUnixMs(again)),
    ];
    Some(Message {
        detail: Some(SEND_NOW.to_owned()),
        ..told(&view.voice(), Severity::Info, "message-budget-spent", args)
    })
}

/// The sentence about hours for sending that nobody can tell.
fn clock(view: &View<'_>) -> Option<Message> {
    let waits = view.clock == ClockTrust::Untrusted && !view.config.upload.window.is_empty();
    waits.then(|| Message {
        detail: Some(SEND_NOW.to_owned()),
        ..told(&view.voice(), Severity::Warning, "message-hours-unknown", [])
    })
}

#[cfg(test)]
mod tests {

    use lectern_domain::api::{Forecast, QueueSummary, UploadStatus};
    use lectern_domain::config::{self, Config, ConfigFile};

    use super::super::Blank;
    use super::*;

    const NOON: i64 = 1_795_262_400_000;

    fn messages_of(queue: &QueueSummary, parked: Option<&str>, uploads: &UploadStatus) -> Vec<Message> {
        let text = config::default_text().as_bytes().to_vec();
        let file = ConfigFile::decode("default.toml", text).unwrap();
        let config = Config::read(&[file], &[]).unwrap();
        messages(&View {
            queue,
            parked,
            uploads,
            ..View::blank(&config, &Blank::default(), NOON)
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
        let one = &messages_of(&summary(1), Some(uncertain), &UploadStatus::default())[0];
        assert_eq!(one.what, "A lecture cannot be sent without help.");
        assert_eq!(one.detail.as_deref(), Some(uncertain));
        let gone = "It has no such folder. The lecture is safe on this machine. Make it.";
        let one = &messages_of(&summary(1), Some(gone), &UploadStatus::default())[0];
        assert!(one.safe.contains("safe on this machine"), "{one:?}");
        assert_eq!(
            one.detail.as_deref(),
            Some("It has no such folder. Make it."),
            "it is said once"
        );
        let many = &messages_of(&summary(3), Some(uncertain), &UploadStatus::default())[0];
        assert!(
            many.detail
                .as_ref()
                .is_some_and(|detail| detail.contains("is uncertain.") && detail.ends_with("lectern queue.")),
            "{many:?}"
        );
        let unread = &messages_of(&summary(3), None, &UploadStatus::default())[0];
        assert_eq!(unread.what, "3 lectures cannot be sent without help.");
        assert_eq!(messages_of(&summary(0), None, &UploadStatus::default()), []);
    }

    #[test]
    fn a_platform_that_refuses_is_told_in_three_parts() {
        let platform = PlatformStatus {
            name: "central".parse().unwrap(),
            kind: "tus".to_owned(),
            state: PlatformState::Parked,
            message: Some(
                "It answered 401. Every lecture is safe on this machine. Renew the token.".to_owned(),
            ),
            next_unix_ms: None,
            pending: 3,
        };
        let uploads = UploadStatus {
            platforms: vec![platform],
            ..UploadStatus::default()
        };
        let told = &messages_of(&summary(0), None, &uploads)[0];
        assert_eq!(told.what, "central takes no lectures at the moment.");
        assert!(told.safe.starts_with("Every lecture is safe"), "{told:?}");
        assert_eq!(told.todo, "Call the help desk.");
        let detail = told.detail.as_deref().unwrap();
        assert!(
            detail.starts_with("It answered 401. Renew the token.") && detail.ends_with("lectern send-now."),
            "{detail}"
        );
    }

    #[test]
    fn a_spent_budget_is_told_while_something_is_to_be_sent() {
        let mut uploads = UploadStatus {
            sent_today_bytes: 20,
            daily_bytes: Some(20),
            sent_month_bytes: 20,
            ..UploadStatus::default()
        };
        assert_eq!(messages_of(&summary(0), None, &uploads), []);
        uploads.forecast = Forecast {
            bytes: 7,
            ..Forecast::default()
        };
        let day = &messages_of(&summary(0), None, &uploads)[0];
        assert!(day.what.contains("1 KB") && day.what.contains("a day"), "{day:?}");
        assert!(day.todo.ends_with("22 Nov, 00:00."), "{day:?}");
        // The hours begin later than the day.
        uploads.until_unix_ms = Some(NOON + 34 * 3_600_000);
        let day = &messages_of(&summary(0), None, &uploads)[0];
        assert!(day.todo.ends_with("22 Nov, 22:00."), "{day:?}");
        uploads.monthly_bytes = Some(10);
        let month = &messages_of(&summary(0), None, &uploads)[0];
        assert!(month.todo.ends_with("1 Dec, 00:00."), "{month:?}");
    }
}
