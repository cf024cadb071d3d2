//! `lectern status --watch`: a line at each change, from the daemon's event stream.

use lectern_domain::api::Status;

use crate::client::Client;
use crate::fault::Fault;
use crate::figures::{WallClock, length, span};
use crate::report;

/// Prints with `say` until the daemon ends the stream or nobody reads any more.
pub(crate) async fn run(
    client: &Client,
    json: bool,
    say: impl Fn(&str) -> Result<(), Fault>,
) -> Result<String, Fault> {
    let mut events = client.events().await?;
    let mut last = String::new();
    while let Some(event) = events.next().await {
        if event.name != "state" {
            continue;
        }
        if json {
            say(&format!("{}\n", event.data))?;
            continue;
        }
        let Ok(status) = serde_json::from_str::<Status>(&event.data) else {
            continue;
        };
        let facts = facts(&status);
        if facts != last {
            let time = WallClock::of(&status.room).time_of_day(status.now_unix_ms);
            say(&format!("{time}  {facts}\n"))?;
            last = facts;
        }
    }
    Err(Fault::NoDaemon(
        "The daemon ended the stream of events.\nWhat was recorded is safe on its disk.\nIf it was not stopped on \
         purpose, look at \"systemctl status lecternd\"."
            .into(),
    ))
}

/// What a line says, without what changes by itself: minutes, not seconds.
fn facts(status: &Status) -> String {
    let mut parts = vec![report::word(status.state).to_owned()];
    if let Some(lecture) = &status.lecture {
        parts.push(length(lecture.recorded_ms / 60_000 * 60_000));
    }
    parts.extend(
        status
            .sources
            .iter()
            .map(|s| format!("{} {}", s.name, s.health.as_str())),
    );
    parts.push(format!("{} left", span(status.storage.recordable_ms)));
    if status.queue.pending + status.queue.parked > 0 {
        parts.push(format!(
            "{} to send, {} need help",
            status.queue.pending_lectures, status.queue.parked
        ));
    }
    parts.extend(status.messages.iter().map(|m| m.what.clone()));
    parts.join(" · ")
}
