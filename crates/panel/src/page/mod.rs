//! The podium page: rendered here in full for every browser, and kept up to date part by part
//! for browsers with script ([`live`]). One page, six states; no dialogs, no menus.

mod band;
mod below;
mod buttons;
#[cfg(test)]
mod contrast;
mod figures;
mod icons;
mod language;
mod lectures;
pub(crate) mod live;
mod notes;
mod view;

use std::collections::HashMap;

use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use lectern_domain::api::{LectureSummary, PodiumState, SourceStatus, Status};
use lectern_domain::ids::LectureId;
use lectern_words::{Language, Voice};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;

use crate::control::Pictures;
use crate::metrics;
use crate::site::Site;
pub(crate) use language::{chosen, offered, remember, voice_of, voice_of_person};
use view::View;

/// Lectures that the page asks for: a few are shown, and all of them say who teaches what here.
const LECTURES_READ: u32 = 20;

/// What a page's address may ask for. What it does not know, it leaves alone.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Asked {
    /// Speak this language from now on.
    language: Option<String>,
    /// Correct what is said about this lecture.
    mend: Option<String>,
}

impl Asked {
    fn mending(&self) -> Option<LectureId> {
        self.mend.as_deref().and_then(|id| id.parse().ok())
    }
}

/// Who looks at a page, and how.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    language: Language,
    mending: Option<LectureId>,
    may_operate: bool,
}

impl Reader {
    /// Whoever sent these headers and asked for this; `may_operate`: whether buttons are for it.
    pub(crate) fn new(headers: &HeaderMap, asked: &Asked, may_operate: bool, status: &Status) -> Self {
        Self {
            language: voice_of(headers, status).language,
            mending: asked.mending(),
            may_operate,
        }
    }

    fn voice(&self, status: &Status) -> Voice {
        language::voice(self.language, status)
    }
}

/// The answer to `GET /`.
pub(crate) async fn front(site: &Site, headers: &HeaderMap, asked: &Asked, may_operate: bool) -> Response {
    let status = site.control.status().borrow().clone();
    if let Some(tag) = &asked.language {
        return language::choose(tag, &status);
    }
    let reader = Reader::new(headers, asked, may_operate, &status);
    whole(site, &reader, None).await.into_response()
}

/// The answer to a form that was refused: the page, with the reason at its top.
pub(crate) async fn refused(site: &Site, headers: &HeaderMap, status: StatusCode, why: &str) -> Response {
    let now = site.control.status().borrow().clone();
    let reader = Reader::new(headers, &Asked::default(), true, &now);
    (status, whole(site, &reader, Some(why)).await).into_response()
}

/// The whole page, with a sentence at its top when something was just refused.
async fn whole(site: &Site, reader: &Reader, notice: Option<&str>) -> Html<String> {
    let status = site.control.status().borrow().clone();
    let lectures = last_lectures(site).await;
    let view = View {
        status: &status,
        lectures: &lectures,
        hearing: &HashMap::new(),
        voice: &reader.voice(&status),
        mending: reader.mending,
        may_operate: reader.may_operate,
        live: false,
    };
    Html(render(&view, &site.control.pictures(), notice).into_string())
}

/// The list is the least of the page: without it, the page still serves.
async fn last_lectures(site: &Site) -> Vec<LectureSummary> {
    match site.control.lectures(None, LECTURES_READ, None).await {
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

/// Every part that changes, with its element's id. The whole page and the live updates are made
/// from the same functions, so that they cannot differ.
fn parts(view: &View<'_>) -> Vec<(String, Markup)> {
    let mut parts = vec![
        ("word".to_owned(), band::word(view)),
        ("side".to_owned(), band::side(view)),
        ("grace".to_owned(), band::grace(view)),
        ("about".to_owned(), buttons::fields(view)),
        ("actions".to_owned(), buttons::actions(view)),
        ("messages".to_owned(), below::messages(view)),
        ("facts".to_owned(), below::facts(view)),
        ("lectures".to_owned(), lectures::lectures(view)),
    ];
    let sources = view.status.sources.iter();
    parts.extend(sources.map(|source| (notes::id(source), notes::note(view, source))));
    parts
}

fn render(view: &View<'_>, pictures: &Pictures, notice: Option<&str>) -> Markup {
    let status = view.status;
    let (videos, sounds): (Vec<_>, Vec<_>) = status.sources.iter().partition(|s| s.role.is_video());
    let language = view.voice.language;
    let (recorded_ms, running) = status
        .lecture
        .as_ref()
        .map_or((0, false), |l| (l.recorded_ms, l.running));
    html! {
        (DOCTYPE)
        html lang=(language.tag()) dir=(language.script().as_str()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="dark light";
                title { (title(view)) }
                link rel="icon" href="/static/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/static/panel.css";
                link rel="stylesheet" href="/static/layout.css";
                script src="/static/panel.js" type="module" {}
            }
            body data-state=(metrics::word(view.state())) data-version=(status.version) {
                header {
                    strong { bdi { (status.room.name) } }
                    (switch(view))
                    @if let Some(help) = &status.room.help { span #help { bdi { (help) } } }
                }
                main .mending[view.mending.is_some()] {
                    section #band {
                        div #word role="status" { (band::word(view)) }
                        div.right {
                            p #clock data-recorded=(recorded_ms) data-running=(running) data-now=(status.now_unix_ms)
                                data-counts-to=[view.countdown().map(|next| next.starts_unix_ms)] {
                                (buttons::clock_text(view))
                            }
                            p #side { (band::side(view)) }
                        }
                        p #grace .unseen role="status" { (band::grace(view)) }
                    }
                    p #link .notice role="status" hidden { (view.word("said-link-lost")) }
                    p #notice .notice role="alert" hidden[notice.is_none()] { @if let Some(notice) = notice { (notice) } }
                    section #about aria-label=(view.word("label-about")) { (buttons::fields(view)) }
                    section #actions aria-label=(view.word("label-actions")) { (buttons::actions(view)) }
                    section #pictures aria-label=(view.word("label-pictures")) {
                        @for source in videos { (picture(view, source, pictures)) }
                    }
                    p #said role="status" {}
                    section #sound aria-label=(view.word("label-sound")) {
                        @for source in sounds { (meter(view, source)) }
                    }
                    dl #facts { (below::facts(view)) }
                    section #lectures aria-label=(view.word("label-lectures")) { (lectures::lectures(view)) }
                    section #messages aria-live="polite" { (below::messages(view)) }
                }
            }
        }
    }
}

fn title(view: &View<'_>) -> String {
    format!("{} – {}", band::state_word(view), view.status.room.name)
}

/// Links, so that it works without script; each is read in its own language.
fn switch(view: &View<'_>) -> Markup {
    let offered = language::offered(view.status);
    html! {
        @if offered.len() > 1 {
            nav aria-label=(view.word("label-languages")) {
                @for language in offered {
                    @let present = language == view.voice.language;
                    a href={ "/?language=" (language.tag()) } lang=(language.tag()) dir=(language.script().as_str())
                        aria-current=[present.then_some("true")] { (language.own_name()) }
                }
            }
        }
    }
}

/// The frame of a picture stays as it is while its note changes, so that the picture in it never
/// blinks.
fn picture(view: &View<'_>, source: &SourceStatus, pictures: &Pictures) -> Markup {
    let paused = view.status.state == PodiumState::Paused;
    let shown = view.may_operate
        && !paused
        && pictures
            .get(source.name.as_str())
            .is_some_and(|latest| latest.borrow().is_some());
    html! {
        figure data-index=[pictures.index_of(&source.name).filter(|_| view.may_operate)] {
            img alt="" src=[shown.then(|| format!("/preview/{}.jpg", source.name))];
            figcaption { (view.source(&source.name)) }
            div.note #(notes::id(source)) role="status" { (notes::note(view, source)) }
        }
    }
}

fn meter(view: &View<'_>, source: &SourceStatus) -> Markup {
    html! {
        div.microphone {
            span.caption { (view.source(&source.name)) }
            // The sentence says it for everybody; the bar moves too often to be read aloud.
            div.meter data-source=(source.name) aria-hidden="true" { div.peak {} div.rms {} }
            div.note #(notes::id(source)) role="status" { (notes::note(view, source)) }
        }
    }
}
