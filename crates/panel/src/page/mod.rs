//! The podium page: rendered here in full for every browser, and kept up to date part by part
//! for browsers with script ([`live`]). One page, six states; no dialogs, no menus.

mod figures;
mod icons;
pub(crate) mod live;
mod parts;
mod text;

use std::collections::HashMap;

use axum::response::Html;
use jiff::tz::TimeZone;
use lectern_domain::api::{LectureSummary, SourceStatus, Status};
use lectern_domain::ids::SourceName;
use maud::{DOCTYPE, Markup, html};

use crate::control::Pictures;
use crate::hearing::Hearing;
use crate::metrics;
use crate::site::Site;

/// Lectures in the short list.
const LECTURES_SHOWN: u32 = 4;

/// Everything that the page is made from.
struct View<'a> {
    status: &'a Status,
    lectures: &'a [LectureSummary],
    hearing: &'a HashMap<SourceName, Hearing>,
    zone: TimeZone,
    /// Whether a script will fill in what ticks: then it is left out, so that a part changes
    /// only when something happened.
    live: bool,
}

/// The whole page, with a sentence at its top when something was just refused.
pub(crate) async fn whole(site: &Site, notice: Option<&str>) -> Html<String> {
    let status = site.control.status().borrow().clone();
    let lectures = last_lectures(site).await;
    let view = View {
        status: &status,
        lectures: &lectures,
        hearing: &HashMap::new(),
        zone: figures::zone(status.room.timezone.as_deref()),
        live: false,
    };
    Html(render(&view, &site.control.pictures(), notice).into_string())
}

/// The list is the least of the page: without it, the page still serves.
async fn last_lectures(site: &Site) -> Vec<LectureSummary> {
    match site.control.lectures(None, LECTURES_SHOWN, None).await {
        Ok(page) => page.lectures,
        Err(refusal) => {
            tracing::warn!(
                reason = refusal.message(),
                "the page's list of lectures could not be read"
            );
            Vec::new()
        }
    }
}

fn render(view: &View<'_>, pictures: &Pictures, notice: Option<&str>) -> Markup {
    let status = view.status;
    let (videos, sounds): (Vec<_>, Vec<_>) = status.sources.iter().partition(|s| s.role.is_video());
    let (recorded_ms, running) = status
        .lecture
        .as_ref()
        .map_or((0, false), |l| (l.recorded_ms, l.running));
    html! {
        (DOCTYPE)
        html lang=(text::LANGUAGE) dir="ltr" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="dark light";
                title { (title(status)) }
                link rel="icon" href="/static/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/static/panel.css";
                script src="/static/panel.js" type="module" {}
            }
            body data-state=(metrics::word(status.state)) data-version=(status.version) {
                header {
                    strong { (status.room.name) }
                    @if let Some(help) = &status.room.help { span #help { (help) } }
                }
                p #link .notice hidden { (text::LINK_LOST) }
                p #notice .notice role="alert" hidden[notice.is_none()] { @if let Some(notice) = notice { (notice) } }
                main {
                    section #band {
                        div #word role="status" { (parts::word(view)) }
                        div.right {
                            p #clock data-recorded=(recorded_ms) data-running=(running) data-now=(status.now_unix_ms) {
                                (figures::clock(recorded_ms))
                            }
                            p #side { (parts::side(view)) }
                        }
                    }
                    section #actions aria-label=(text::ACTIONS) { (parts::actions(view)) }
                    section #pictures aria-label=(text::PICTURES) {
                        @for source in videos { (picture(view, source, pictures)) }
                    }
                    section #sound aria-label=(text::SOUND) {
                        @for source in sounds { (meter(view, source)) }
                    }
                    dl #facts { (parts::facts(view)) }
                    section #lectures { (parts::lectures(view)) }
                    section #messages aria-live="polite" { (parts::messages(view)) }
                }
            }
        }
    }
}

fn title(status: &Status) -> String {
    format!("{} – {}", text::state(status.state), status.room.name)
}

/// The frame of a picture stays as it is while its note changes, so that the picture in it never
/// blinks.
fn picture(view: &View<'_>, source: &SourceStatus, pictures: &Pictures) -> Markup {
    let name = figures::caption(&source.name);
    let shown = pictures
        .get(source.name.as_str())
        .is_some_and(|latest| latest.borrow().is_some());
    html! {
        figure data-index=[pictures.index_of(&source.name)] {
            img alt="" src=[shown.then(|| format!("/preview/{}.jpg", source.name))];
            figcaption { (name) }
            div.note #(parts::note_id(source)) role="status" { (parts::note(view, source)) }
        }
    }
}

fn meter(view: &View<'_>, source: &SourceStatus) -> Markup {
    html! {
        div.microphone {
            span { (figures::caption(&source.name)) }
            // The sentence says it for everybody; the bar moves too often to be read aloud.
            div.meter data-source=(source.name) aria-hidden="true" { div.peak {} div.rms {} }
            div.note #(parts::note_id(source)) role="status" { (parts::note(view, source)) }
        }
    }
}
