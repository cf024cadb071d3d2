//! Lectures for a time to come: planned by the clock on the room's wall, begun early, called off
//! and taken back.

use jiff::civil::DateTime;
use lectern_domain::api::{Done, Metadata, PlanRequest};

use crate::args::Id;
use crate::client::Client;
use crate::fault::Fault;
use crate::{about, report, wall_clock};

/// A date and a time of day, as `2026-11-23 13:00`.
pub(crate) fn at(text: &str) -> Result<DateTime, String> {
    if !text.contains(':') {
        return Err("the time of day is missing; write it as \"2026-11-23 13:00\"".to_owned());
    }
    text.parse()
        .map_err(|_| "not a date and a time; write them as \"2026-11-23 13:00\"".to_owned())
}

/// Plans a lecture and prints its id.
pub(crate) async fn plan(
    client: &Client,
    at: DateTime,
    minutes: u32,
    said: Metadata,
) -> Result<String, Fault> {
    let starts_unix_ms = wall_clock(client).await?.unix_ms(at).ok_or_else(|| {
        Fault::failed(
            format!("{at} is not a time that a calendar has"),
            "Nothing was planned.",
            "Give another one with --at.",
        )
    })?;
    let request = PlanRequest {
        starts_unix_ms,
        minutes,
        title: said.title,
        course: said.course,
        presenter: said.presenter,
        language: said.language,
    };
    let done: Done = client.post("/api/v1/lectures", &request).await?;
    Ok(done.lecture.map(|id| format!("{id}\n")).unwrap_or_default())
}

/// `begin`, `cancel` or `restore` of a planned lecture.
pub(crate) async fn change(client: &Client, id: &Id, word: &str) -> Result<String, Fault> {
    let done: Done = client.post_nothing(&format!("{}/{word}", about(id))).await?;
    Ok(report::done(&done))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_needs_a_day_and_a_time_of_day() {
        for good in ["2026-11-23 13:00", "2026-11-23T13:00", "2026-11-23 13:00:30"] {
            assert!(at(good).is_ok(), "{good}");
        }
        for bad in [
            "13:00",
            "2026-11-23",
            "23.11.2026 13:00",
            "tomorrow",
            "2026-02-30 10:00",
        ] {
            assert!(at(bad).is_err(), "{bad}");
        }
    }
}
