//! The line to the platforms in figures.

use lectern_domain::api::{PlatformState, Status};

use super::{Text, seconds};

pub(super) fn render(out: &mut Text, status: &Status) {
    let uploads = &status.uploads;
    out.single(
        "lectern_upload_open",
        "gauge",
        "1 while lectures may be sent: window, budget and recording allow it.",
        u8::from(uploads.open),
    );
    out.family(
        "lectern_upload_sent_bytes",
        "gauge",
        "Bytes that left in the present day and month of the room's calendar, repetitions included.",
    );
    out.family(
        "lectern_upload_budget_bytes",
        "gauge",
        "What may be sent in a day and in a month; absent without a limit.",
    );
    for (span, sent, budget) in [
        ("day", uploads.sent_today_bytes, uploads.daily_bytes),
        ("month", uploads.sent_month_bytes, uploads.monthly_bytes),
    ] {
        out.sample("lectern_upload_sent_bytes", &[("span", span)], sent);
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

/// Present only while there is a connection.
fn line(out: &mut Text, status: &Status) {
    let Some(line) = &status.uploads.line else { return };
    out.single(
        "lectern_upload_rate_bits_per_second",
        "gauge",
        "What left in the last second.",
        line.rate_bps,
    );
    out.single(
        "lectern_upload_rtt_seconds",
        "gauge",
        "Round trip time of the connection now.",
        seconds(line.rtt_us) / 1000.0,
    );
    out.single(
        "lectern_upload_base_rtt_seconds",
        "gauge",
        "Round trip time of the empty line.",
        seconds(line.base_rtt_us) / 1000.0,
    );
    out.single(
        "lectern_upload_yielding",
        "gauge",
        "1 while it holds back because somebody else uses the line.",
        u8::from(line.yielding),
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
