//! What can be pressed, and what can be said about the lecture that a press begins. Plain forms:
//! they work without script.
//!
//! No button may take the place of another that does harm when a finger bounces. The large one is
//! always the harmless one of the state; the second row has three places, and whatever ends
//! something stands in the last of them, where nothing else ever does.

use lectern_domain::api::{Arg, LectureSummary, PlannedLecture, PodiumState};
use lectern_words::Language;
use maud::{Markup, html};

use super::band::{EXTEND_MINUTES, extend};
use super::figures::clock;
use super::view::View;

/// Commands that have the large button, the first that is allowed.
const MAIN: [&str; 4] = ["undo", "resume", "pause", "start"];
/// The id of the form that begins a lecture; its fields stand elsewhere on the page.
const START: &str = "start";

/// A button in a form of its own.
struct Button<'a> {
    command: &'static str,
    action: String,
    words: String,
    /// Its place in the second row; none for the large one.
    place: Option<&'static str>,
    /// Until when it can be pressed; the rest is shown on it.
    until_unix_ms: Option<i64>,
    /// A line under its words.
    line: Option<String>,
    /// What is said once it was pressed; `%` stands for the clock.
    said: Option<String>,
    view: &'a View<'a>,
}

impl<'a> Button<'a> {
    fn new(view: &'a View<'a>, command: &'static str, words: String) -> Self {
        let action = match command {
            "start" => "/api/v1/recording".to_owned(),
            other => format!("/api/v1/recording/{other}"),
        };
        Self {
            command,
            action,
            words,
            place: None,
            until_unix_ms: None,
            line: None,
            said: None,
            view,
        }
    }

    /// For a planned lecture.
    fn planned(view: &'a View<'a>, command: &'static str, words: &str, next: &PlannedLecture) -> Self {
        Self {
            action: format!("/api/v1/lectures/{}/{command}", next.id),
            ..Self::new(view, command, view.word(words))
        }
    }

    fn at(self, place: &'static str) -> Self {
        Self {
            place: Some(place),
            ..self
        }
    }

    fn markup(&self) -> Markup {
        let main = self.place.is_none();
        let id = (main && self.command == START).then_some(START);
        html! {
            form .main[main] .(self.place.unwrap_or_default()) id=[id] method="post" action=(self.action)
                data-command=(self.command) data-said=[&self.said] {
                @if self.command == "extend" { input type="hidden" name="minutes" value=(EXTEND_MINUTES); }
                button #{ "do-" (self.command) } .(self.command) data-main[main] {
                    span { (self.words) }
                    @if let Some(line) = &self.line { small { (line) } }
                    @if let Some(until) = self.until_unix_ms {
                        time data-until=(until) {
                            @if !self.view.live { ((until - self.view.status.now_unix_ms).max(0) / 1000) }
                        }
                    }
                }
            }
        }
    }
}

/// The buttons that the recorder allows now.
pub(super) fn actions(view: &View<'_>) -> Markup {
    if !view.may_operate {
        return html! {};
    }
    html! { (main(view)) div.beside { (beside(view)) } }
}

fn main(view: &View<'_>) -> Markup {
    if let Some(next) = view.countdown() {
        return Button::planned(view, "begin", "button-begin", next).markup();
    }
    match MAIN.into_iter().find(|command| view.allowed(command)) {
        Some("undo") => undo(view),
        Some("resume") => Button::new(view, "resume", view.word("button-resume")).markup(),
        Some("pause") => Button::new(view, "pause", view.word("button-pause")).markup(),
        Some(_) => Button::new(view, "start", view.word("button-start")).markup(),
        None => html! { div.main { button.start disabled { (view.word("button-start")) } } },
    }
}

/// Undo, and beside it what gives more time for it: not in the second row, where a finger that
/// comes a moment too late would call off the next lecture.
fn undo(view: &View<'_>) -> Markup {
    let lecture = view.status.lecture.as_ref();
    let undo = Button {
        until_unix_ms: lecture.and_then(|l| l.undo_until_unix_ms),
        ..Button::new(view, "undo", view.word("button-undo"))
    };
    if !view.allowed("more-time") {
        return undo.markup();
    }
    let more = Button::new(view, "more-time", view.word("button-more-time")).at("more");
    html! { div.grace { (undo.markup()) (more.markup()) } }
}

fn beside(view: &View<'_>) -> Markup {
    if let Some(next) = view.countdown() {
        return Button::planned(view, "cancel", "button-cancel", next)
            .at("third")
            .markup();
    }
    match view.status.state {
        PodiumState::Ready | PodiumState::Fault => planned(view),
        PodiumState::Saved => html! {
            @if view.allowed("start") {
                (Button::new(view, "start", view.word("button-again")).at("wide").markup())
            }
        },
        PodiumState::Starting | PodiumState::Recording | PodiumState::Paused => html! {
            @if view.allowed("mark") { (mark(view)) }
            @if view.allowed("extend") {
                (Button {
                    said: Some(view.say("said-extended", [("minutes", Arg::Number(EXTEND_MINUTES))])),
                    ..Button::new(view, "extend", extend(view)).at("second")
                }.markup())
            }
            @if view.allowed("stop") { (Button::new(view, "stop", view.word("button-stop")).at("third").markup()) }
        },
    }
}

fn mark(view: &View<'_>) -> Markup {
    let lecture = view.status.lecture.as_ref();
    let marks = lecture.map_or(0, |l| l.marks);
    Button {
        line: (marks > 0).then(|| marks.to_string()),
        said: Some(view.say("said-marked", [("at", Arg::Text("%".into()))])),
        ..Button::new(view, "mark", view.word("button-mark")).at("first")
    }
    .markup()
}

/// What can be done about the next lecture, or when it is.
fn planned(view: &View<'_>) -> Markup {
    if let Some((next, until)) = view.cancelled() {
        return Button {
            until_unix_ms: Some(until),
            ..Button::planned(view, "restore", "button-restore", next).at("wide")
        }
        .markup();
    }
    if let Some(next) = view.near() {
        let early = Button {
            line: Some(line(view, next)),
            ..Button::planned(view, "begin", "button-begin-early", next).at("wide")
        };
        let cancel = Button::planned(view, "cancel", "button-cancel", next).at("third");
        return html! { (early.markup()) (cancel.markup()) };
    }
    html! {
        p.next {
            span.soft { (view.word("fact-next")) }
            @match view.next() {
                Some(next) => b { (line(view, next)) },
                None => span { (view.word("fact-next-none")) },
            }
        }
    }
}

/// `13:00 · CHM-110`
pub(super) fn line(view: &View<'_>, next: &PlannedLecture) -> String {
    let metadata = &next.metadata;
    let about = metadata.course.clone().unwrap_or_else(|| view.about(metadata));
    let args = [
        ("at", Arg::AtUnixMs(next.starts_unix_ms)),
        ("about", Arg::Text(about)),
    ];
    view.say("next-line", args)
}

/// The fields of the lecture that Record begins. What is planned for now, or was said of the last
/// lectures, need not be typed again.
pub(super) fn fields(view: &View<'_>) -> Markup {
    if !view.describes() {
        return html! {};
    }
    let planned = view.near().map(|next| &next.metadata);
    let known = |field: fn(&lectern_domain::api::Metadata) -> &Option<String>| {
        planned.and_then(|m| field(m).as_deref())
    };
    html! {
        (field(view, Some(START), "title", "title", known(|m| &m.title), None))
        (field(view, Some(START), "course", "course", known(|m| &m.course), Some(recent(view, |l| &l.metadata.course))))
        (field(view, Some(START), "presenter", "presenter", known(|m| &m.presenter), Some(recent(view, |l| &l.metadata.presenter))))
        (languages(view, Some(START), "language", known(|m| &m.language)))
    }
}

/// One field: `form` is the id of its form when that is elsewhere.
pub(super) fn field(
    view: &View<'_>,
    form: Option<&str>,
    id: &str,
    name: &str,
    value: Option<&str>,
    offers: Option<Vec<&str>>,
) -> Markup {
    let needed = form.is_some() && view.status.required.iter().any(|r| r == name);
    let label = label(view, name, needed);
    let list = offers.filter(|offers| !offers.is_empty());
    html! {
        div.field .(name) {
            label for=(id) { (label) }
            input #(id) name=(name) form=[form] value=[value] maxlength="300" autocomplete="off" dir="auto"
                enterkeyhint="done" required[needed] list=[list.as_ref().map(|_| format!("{id}-recent"))];
            @if let Some(offers) = list {
                datalist #{ (id) "-recent" } { @for offer in offers { option value=(offer) {} } }
            }
        }
    }
}

/// The language that is spoken, the room's first unless another is known.
pub(super) fn languages(view: &View<'_>, form: Option<&str>, id: &str, value: Option<&str>) -> Markup {
    let room = view.status.room.languages.first().map(String::as_str);
    let chosen = value.or(room).unwrap_or(Language::En.tag());
    let known = Language::from_tag(chosen);
    html! {
        div.field.language {
            label for=(id) { (label(view, "language", false)) }
            select #(id) name="language" form=[form] autocomplete="off" {
                // A language that the page does not speak may be spoken in a lecture.
                @if known.is_none() { option value=(chosen) selected { (chosen) } }
                @for language in Language::ALL {
                    option value=(language.tag()) lang=(language.tag()) selected[known == Some(language)] {
                        (language.own_name())
                    }
                }
            }
        }
    }
}

fn label(view: &View<'_>, name: &str, needed: bool) -> String {
    let label = view.word(match name {
        "title" => "field-title",
        "course" => "field-course",
        "presenter" => "field-presenter",
        _ => "field-language",
    });
    if needed {
        view.say("field-needed", [("field", Arg::Text(label))])
    } else {
        label
    }
}

/// What was said of the last lectures, each once.
fn recent<'v>(view: &View<'v>, field: fn(&LectureSummary) -> &Option<String>) -> Vec<&'v str> {
    let mut recent: Vec<&str> = Vec::new();
    for text in view.lectures.iter().filter_map(|l| field(l).as_deref()) {
        if !recent.contains(&text) {
            recent.push(text);
        }
    }
    recent
}

/// The clock's text until the script takes it over.
pub(super) fn clock_text(view: &View<'_>) -> String {
    view.countdown().map_or_else(
        || clock(view.status.lecture.as_ref().map_or(0, |l| l.recorded_ms)),
        |next| super::figures::countdown(next.starts_unix_ms - view.status.now_unix_ms),
    )
}
