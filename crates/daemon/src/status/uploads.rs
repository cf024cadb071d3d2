//! What a person should know of the way to the platforms.

use lectern_domain::api::{ClockTrust, Message, PlatformState, PlatformStatus, Severity};
use lectern_domain::units::Size;
use lectern_domain::upload::{Allowance, Budget, Spent, Today};

use super::View;
use crate::room_time;

/// The sentence that every refusal of a platform has in its middle: before it stands what
/// happened, after it what to do.
const SAFE: &str = "Every lecture is safe on this machine.";

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
    }
}

/// The sentence about lectures that cannot be sent as they are.
fn parked(view: &View<'_>) -> Option<Message> {
    let what = match view.queue.parked {
        0 => return None,
        1 => "A lecture cannot be sent without help.".to_owned(),
        many => format!("{many} lectures cannot be sent without help."),
    };
    Some(Message {
        severity: Severity::Warning,
        code: "delivery-parked".to_owned(),
        subject: None,
        what,
        safe: "They are finished and safe on this machine, and nothing is sent twice.".to_owned(),
        todo: "The queue says why, and what to look for at the platform: lectern queue.".to_owned(),
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
    })
}
