//! The recorder as figures for Prometheus: text format 0.0.4, base units, names `lectern_…`.
//!
//! Labels are names from the configuration and words of Lectern, never anything that was said of
//! a lecture: a dashboard of forty rooms is seen by more people than a lecture.

mod lectures;
mod room;
mod sound;
mod sources;
mod text;
mod uploads;

use lectern_domain::api::{Figures, PodiumState, Status};

pub(crate) use sound::{Ears, Heard, listen};
use text::Text;

/// The media type of the text format.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The word for a podium state, as in JSON.
pub(crate) const fn word(state: PodiumState) -> &'static str {
    match state {
        PodiumState::Ready => "ready",
        PodiumState::Starting => "starting",
        PodiumState::Recording => "recording",
        PodiumState::Paused => "paused",
        PodiumState::Saved => "saved",
        PodiumState::Fault => "fault",
    }
}

const STATES: [PodiumState; 6] = [
    PodiumState::Ready,
    PodiumState::Starting,
    PodiumState::Recording,
    PodiumState::Paused,
    PodiumState::Saved,
    PodiumState::Fault,
];

/// Everything that a scrape tells.
pub(crate) struct Seen<'a> {
    pub(crate) status: &'a Status,
    pub(crate) figures: &'a Figures,
    pub(crate) heard: &'a [Heard],
    /// Whether the daemon makes progress.
    pub(crate) healthy: bool,
    /// Open event streams and preview sockets.
    pub(crate) streams: (usize, usize),
}

/// Writes all of it.
pub(crate) fn render(seen: &Seen<'_>) -> String {
    let mut out = Text(String::with_capacity(16_384));
    room::render(&mut out, seen.status, seen.healthy);
    sources::render(&mut out, seen.status, seen.heard);
    uploads::render(&mut out, seen.status, seen.figures);
    lectures::render(&mut out, seen.figures);
    let (events, previews) = seen.streams;
    out.single(
        "lectern_panel_event_streams",
        "gauge",
        "Open event streams of pages and programs.",
        events,
    );
    out.single(
        "lectern_panel_previews",
        "gauge",
        "Open preview sockets.",
        previews,
    );
    out.0
}

#[cfg(test)]
mod tests;
