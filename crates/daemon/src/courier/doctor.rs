//! What the doctor looks at: the clock, the hours for sending, and every platform.

use std::time::Duration;

use lectern_capture::clock::unix_ms;
use lectern_deliver::Secrets;
use lectern_domain::api::{self, Check, ClockTrust, UploadStatus, Verdict};
use lectern_domain::upload::Hours;
use std::sync::Arc;
use tokio::sync::watch;

use super::asker::Asker;
use super::gate::{Around, Rules};
use crate::room_time;

/// How long a platform may take; an answer to a request must come within fifteen seconds.
const PROBED_WITHIN: Duration = Duration::from_secs(12);

/// Looks, on the courier's runtime and beside the delivery under way; cheap to clone.
#[derive(Clone)]
pub(crate) struct Doctor {
    pub(super) asker: Asker,
    pub(super) rules: Rules,
    pub(super) around: watch::Receiver<Around>,
    pub(super) uploads: watch::Receiver<Arc<UploadStatus>>,
}

impl Doctor {
    /// Looks at everything. Platforms are asked all at once; ends within [`PROBED_WITHIN`].
    pub(crate) async fn look(&self) -> api::Doctor {
        let probes: Vec<_> = self
            .asker
            .config
            .platforms
            .iter()
            .map(|platform| {
                let subject = format!("platform.{}", platform.name);
                let (platform, line) = (platform.clone(), Arc::clone(&self.asker.line));
                let probe = self.asker.runtime.spawn(async move {
                    lectern_deliver::connect(&platform, Secrets::from_env(), &line)
                        .probe()
                        .await
                });
                (subject, probe)
            })
            .collect();
        let now_unix_ms = unix_ms();
        let around = *self.around.borrow();
        let mut checks = vec![
            clock(&self.rules, around, now_unix_ms),
            hours(&self.rules, &self.uploads.borrow(), now_unix_ms),
        ];
        let deadline = tokio::time::Instant::now() + PROBED_WITHIN;
        for (subject, mut probe) in probes {
            match tokio::time::timeout_at(deadline, &mut probe).await {
                Ok(Ok(found)) => checks.extend(found),
                Ok(Err(_)) => checks.push(silent(
                    subject,
                    "It could not be asked, because the recorder ends.".to_owned(),
                )),
                Err(_) => {
                    probe.abort();
                    let seconds = PROBED_WITHIN.as_secs();
                    checks.push(silent(
                        subject,
                        format!("It did not answer within {seconds} seconds."),
                    ));
                }
            }
        }
        api::Doctor { checks }
    }
}

fn silent(subject: String, found: String) -> Check {
    Check {
        subject,
        verdict: Verdict::Bad,
        found,
        todo: "Check the way to it: its address, the network, the mounted share.".to_owned(),
    }
}

fn clock(rules: &Rules, around: Around, now_unix_ms: i64) -> Check {
    let zone = rules.timetable().zone();
    let name = zone.iana_name().unwrap_or("the machine's time zone");
    let shows = room_time::written(now_unix_ms, zone, "%a %-d %b %Y, %H:%M");
    let (verdict, found, todo) = match around.clock {
        ClockTrust::Trusted => (Verdict::Good, format!("It shows {shows} ({name})."), ""),
        ClockTrust::Untrusted => (
            Verdict::Bad,
            format!("It shows {shows} ({name}), a time that has passed already."),
            "Connect the recorder to a time server or set its clock.",
        ),
    };
    Check {
        subject: "clock".to_owned(),
        verdict,
        found,
        todo: todo.to_owned(),
    }
}

fn hours(rules: &Rules, uploads: &UploadStatus, now_unix_ms: i64) -> Check {
    let at = |unix_ms| room_time::at(unix_ms, now_unix_ms, rules.timetable().zone());
    let windows = rules.windows();
    let hours = match rules.timetable().at(now_unix_ms) {
        Hours::Open { until_unix_ms: None } => "Lectures may be sent at any time.".to_owned(),
        Hours::Open {
            until_unix_ms: Some(until),
        } => {
            format!(
                "Lectures may be sent now, and until {} ({windows}).",
                at(until).trim_start_matches("at ")
            )
        }
        Hours::Closed { until_unix_ms } => {
            format!("Lectures are sent next {} ({windows}).", at(until_unix_ms))
        }
    };
    // Outside the hours is as it should be; whatever else holds lectures up is worth a look.
    let held_up = uploads
        .why
        .as_ref()
        .filter(|_| matches!(rules.timetable().at(now_unix_ms), Hours::Open { .. }));
    Check {
        subject: "upload".to_owned(),
        verdict: if held_up.is_some() {
            Verdict::Warning
        } else {
            Verdict::Good
        },
        found: held_up.cloned().unwrap_or(hours),
        todo: if held_up.is_some() {
            "To send at once all the same: lectern send-now.".to_owned()
        } else {
            String::new()
        },
    }
}
