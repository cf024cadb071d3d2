//! The line to the platforms in figures.

use lectern_domain::api::{AttemptCounts, Figures, LineStatus, PlatformState, Status};

use super::text::{Text, seconds};

pub(super) fn render(out: &mut Text, status: &Status, figures: &Figures) {
    deliveries(out, status);
    age(out, figures, status.now_unix_ms);
    attempts(out, figures.attempts);
    let uploads = &status.uploads;
    out.single(
        "lectern_upload_open",
        "gauge",
        "1 while lectures may be sent: window, budget and recording allow it.",
        u8::from(uploads.open),
    );
    let spans = [
        ("day", uploads.sent_today_bytes, uploads.daily_bytes),
        ("month", uploads.sent_month_bytes, uploads.monthly_bytes),
    ];
    out.family(
        "lectern_upload_sent_bytes",
        "gauge",
        "Bytes that left in the present day and month of the room's calendar, repetitions included.",
    );
    for (span, sent, _) in spans {
        out.sample("lectern_upload_sent_bytes", &[("span", span)], sent);
    }
    out.family(
        "lectern_upload_budget_bytes",
        "gauge",
        "What may be sent in a day and in a month; absent without a limit.",
    );
    for (span, _, budget) in spans {
        if let Some(budget) = budget {
            out.sample("lectern_upload_budget_bytes", &[("span", span)], budget);
        }
    }
    forecast(out, status);
    line(out, status);
    platforms(out, status);
}

fn forecast(out: &mut Text, status: &Status) {
    let forecast = &status.uploads.forecast;
    out.single(
        "lectern_upload_forecast_lectures",
        "gauge",
        "Lectures that some platform still lacks, parked ones not counted.",
        forecast.lectures,
    );
    out.single(
        "lectern_upload_forecast_bytes",
        "gauge",
        "Bytes of them.",
        forecast.bytes,
    );
    out.family(
        "lectern_upload_forecast_nights",
        "gauge",
        "Openings of the window until all are sent; absent when that cannot be told.",
    );
    if let Some(nights) = forecast.nights {
        out.sample("lectern_upload_forecast_nights", &[], nights);
    }
}

/// Without samples while there is no connection.
fn line(out: &mut Text, status: &Status) {
    let line = status.uploads.line.as_ref();
    let mut tell = |name: &str, help: &str, value: &dyn Fn(&LineStatus) -> String| {
        out.family(name, "gauge", help);
        if let Some(line) = line {
            out.sample(name, &[], value(line));
        }
    };
    tell(
        "lectern_upload_rate_bits_per_second",
        "What left in the last second.",
        &|line| line.rate_bps.to_string(),
    );
    tell(
        "lectern_upload_rtt_seconds",
        "Round trip time of the connection now.",
        &|line| (seconds(line.rtt_us) / 1000.0).to_string(),
    );
    tell(
        "lectern_upload_base_rtt_seconds",
        "Round trip time of the empty line.",
        &|line| (seconds(line.base_rtt_us) / 1000.0).to_string(),
    );
    tell(
        "lectern_upload_yielding",
        "1 while it holds back because somebody else uses the line.",
        &|line| u8::from(line.yielding).to_string(),
    );
}

fn platforms(out: &mut Text, status: &Status) {
    out.family(
        "lectern_platform_state",
        "gauge",
        "1 for the present state of each platform, 0 for the others.",
    );
    for platform in &status.uploads.platforms {
        for (word, state) in [
            ("ok", PlatformState::Ok),
            ("waiting", PlatformState::Waiting),
            ("parked", PlatformState::Parked),
        ] {
            let labels = [
                ("platform", platform.name.as_str()),
                ("kind", platform.kind.as_str()),
                ("state", word),
            ];
            out.sample(
                "lectern_platform_state",
                &labels,
                u8::from(platform.state == state),
            );
        }
    }
    out.family(
        "lectern_platform_pending",
        "gauge",
        "Lectures that a platform still lacks.",
    );
    for platform in &status.uploads.platforms {
        out.sample(
            "lectern_platform_pending",
            &[("platform", platform.name.as_str())],
            platform.pending,
        );
    }
}

fn deliveries(out: &mut Text, status: &Status) {
    let queue = &status.queue;
    out.single(
        "lectern_deliveries_pending",
        "gauge",
        "Deliveries that are not done, parked ones not counted.",
        queue.pending,
    );
    out.single(
        "lectern_deliveries_pending_bytes",
        "gauge",
        "Bytes that no platform has confirmed.",
        queue.pending_bytes,
    );
    out.single(
        "lectern_deliveries_parked",
        "gauge",
        "Deliveries that need a person.",
        queue.parked,
    );
    out.single(
        "lectern_lectures_finishing",
        "gauge",
        "Lectures that are being finished or wait for it.",
        queue.finishing,
    );
}

/// How long the oldest of them waits.
fn age(out: &mut Text, figures: &Figures, now_unix_ms: i64) {
    let Some(census) = &figures.census else { return };
    let waits_ms = census
        .waits_since_unix_ms
        .map_or(0, |since| now_unix_ms.saturating_sub(since));
    out.single(
        "lectern_upload_oldest_pending_seconds",
        "gauge",
        "For how long the oldest lecture waits to be finished and sent, parked ones included; 0: none does.",
        seconds(u64::try_from(waits_ms).unwrap_or(0)),
    );
}

fn attempts(out: &mut Text, attempts: AttemptCounts) {
    out.family(
        "lectern_upload_attempts_total",
        "counter",
        "Attempts to deliver a lecture to a platform since the daemon started, by how they ended.",
    );
    let AttemptCounts {
        done,
        waiting,
        interrupted,
        refused,
        parked,
        broken,
    } = attempts;
    for (outcome, count) in [
        ("done", done),
        ("waiting", waiting),
        ("interrupted", interrupted),
        ("refused", refused),
        ("parked", parked),
        ("broken", broken),
    ] {
        out.sample("lectern_upload_attempts_total", &[("outcome", outcome)], count);
    }
}
