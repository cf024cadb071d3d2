//! Whether lectures will leave, for the doctor: the clock, the hours for sending, every platform.

use std::sync::Arc;
use std::time::Duration;

use lectern_capture::clock::unix_ms;
use lectern_deliver::Secrets;
use lectern_domain::api::{Check, ClockTrust, UploadStatus};
use lectern_domain::upload::Hours;
use tokio::sync::watch;

use super::asker::Asker;
use super::gate::{Around, Rules};
use crate::room_time;

/// How long a platform may take; an answer to a request must come within fifteen seconds.
const PROBED_WITHIN: Duration = Duration::from_secs(12);

/// Looks, on the courier's runtime and beside the delivery under way; cheap to clone.
#[derive(Clone)]
pub(crate) struct Prospects {
    pub(super) asker: Asker,
    pub(super) around: watch::Receiver<Around>,
    pub(super) uploads: watch::Receiver<Arc<UploadStatus>>,
}

impl Prospects {
    /// Whether a lecture is recorded, or may be: at the start nobody knows yet.
    pub(crate) fn is_recording(&self) -> bool {
        self.around.borrow().recording
    }

    /// Waits until a lecture is recorded; for ever when the recorder ends.
    pub(crate) async fn recording_begins(&self) {
        let mut around = self.around.clone();
        if around.wait_for(|around| around.recording).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Looks at everything. Platforms are asked all at once; ends within [`PROBED_WITHIN`].
    pub(crate) async fn look(&self) -> Vec<Check> {
        let terms = self.asker.terms();
        let probes: Vec<_> = terms
            .config
            .platforms
            .iter()
            .map(|platform| {
                let subject = format!("platform.{}", platform.name);
                let (platform, line) = (platform.clone(), Arc::clone(&terms.line));
                let probe = self.asker.runtime.spawn(async move {
                    let secrets = Secrets::from_env();
                    let adapter = lectern_deliver::connect(&platform, secrets.clone(), &line);
                    let (mut found, probed) =
                        tokio::join!(lectern_deliver::way(&platform, &secrets, &line), adapter.probe());
                    found.extend(probed);
                    found
                });
                (subject, probe)
            })
            .collect();
        let now_unix_ms = unix_ms();
        let around = *self.around.borrow();
        let mut checks = vec![
            clock(&terms.rules, around, now_unix_ms),
            hours(&terms.rules, &self.uploads.borrow(), now_unix_ms),
        ];
        let deadline = tokio::time::Instant::now() + PROBED_WITHIN;
        for (subject, mut probe) in probes {
            match tokio::time::timeout_at(deadline, &mut probe).await {
                Ok(Ok(found)) => checks.extend(found),
                Ok(Err(_)) => checks.push(silent(
                    subject,
                    "It could not be asked, because the recorder ends.",
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
        checks
    }
}

fn silent(subject: String, found: impl Into<String>) -> Check {
    Check::bad(
        subject,
        found,
        "Check the way to it: its address, the network, the mounted share.",
    )
}

fn clock(rules: &Rules, around: Around, now_unix_ms: i64) -> Check {
    let zone = rules.timetable().zone();
    let name = zone.iana_name().unwrap_or("the machine's time zone");
    let shows = room_time::written(now_unix_ms, zone, "%a %-d %b %Y, %H:%M");
    match around.clock {
        ClockTrust::Trusted => Check::good("clock", format!("It shows {shows} ({name}).")),
        ClockTrust::Untrusted => Check::bad(
            "clock",
            format!("It shows {shows} ({name}), a time that has passed already."),
            "Connect the recorder to a time server or set its clock.",
        ),
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
    match held_up {
        Some(why) => Check::warning(
            "upload",
            why.clone(),
            "To send at once all the same: lectern send-now.",
        ),
        None => Check::good("upload", hours),
    }
}
