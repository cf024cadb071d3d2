//! The page at which a person gives the PIN or a token: a plain form, which works without script
//! and takes what a password manager fills in or what is pasted.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use lectern_domain::api::{Arg, Args};
use lectern_words::{Language, Voice};
use maud::{DOCTYPE, Markup, html};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::time::Instant;

use super::{Caller, Pin, permit, session};
use crate::input::{Check, Input, Nothing, Query, Sender};
use crate::page::{self, voice_of};
use crate::problem::Fault;
use crate::site::{Access, Site};

/// What the form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    secret: Option<String>,
}

impl Check for Typed {
    fn check(self) -> Result<Self, Fault> {
        Ok(self)
    }
}

/// The page can be asked for in a language; the choice is kept as the podium page keeps it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    language: Option<String>,
}

/// What the page says above its form.
enum Said {
    Nothing,
    Wrong,
    /// Too many wrong tries; the next one is heard after so many milliseconds.
    Wait(u64),
}

pub(crate) async fn show(
    State(site): State<Site>,
    Extension(caller): Extension<Caller>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
) -> Response {
    let status = site.control.status().borrow().clone();
    let wished = wish
        .language
        .as_deref()
        .and_then(|tag| page::chosen(tag, &status));
    let mut voice = voice_of(&headers, &status);
    if let Some(language) = wished {
        voice.language = language;
    }
    let can_leave = permit::signed_in(&site.gate.keys(), caller, &headers);
    let mut answer = render(&site, caller, &voice, &Said::Nothing, can_leave).into_response();
    if let Some(language) = wished {
        answer
            .headers_mut()
            .append(header::SET_COOKIE, page::remember(language));
    }
    answer
}

pub(crate) async fn answer(
    State(site): State<Site>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    input: Input<Typed>,
) -> Response {
    let (keys, given) = (
        site.gate.keys(),
        SecretString::from(input.body.secret.unwrap_or_default()),
    );
    let heard = site
        .gate
        .throttle(caller.access)
        .hear(caller.peer, Instant::now(), || {
            permit::of_typed(&keys, caller.access, &given)
        });
    let said = match heard {
        Ok(Some((who, role, secret))) => {
            tracing::info!(who, %role, peer = ?caller.peer, "somebody signed in");
            let cookie = permit::cookie(&keys, caller, who, secret, permit::unix_s());
            let mut answer = match input.sender {
                Sender::Form => Redirect::to("/").into_response(),
                Sender::Program => StatusCode::NO_CONTENT.into_response(),
            };
            answer.headers_mut().append(header::SET_COOKIE, cookie);
            return answer;
        }
        Ok(None) => {
            tracing::warn!(peer = ?caller.peer, door = ?caller.access, "somebody gave a wrong PIN or token");
            Said::Wrong
        }
        Err(wait) => Said::Wait(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
    };
    refuse(&site, caller, &headers, input.sender, &said)
}

fn refuse(site: &Site, caller: Caller, headers: &HeaderMap, sender: Sender, said: &Said) -> Response {
    let voice = voice_of(headers, &site.control.status().borrow());
    let status = match said {
        Said::Nothing | Said::Wrong => StatusCode::UNAUTHORIZED,
        Said::Wait(_) => StatusCode::TOO_MANY_REQUESTS,
    };
    let mut answer = match sender {
        Sender::Form => (status, render(site, caller, &voice, said, false)).into_response(),
        Sender::Program => {
            let english = Voice::english(voice.zone.clone(), voice.now_unix_ms);
            let (key, args) = said.sentence().unwrap_or(("sign-in-wrong", Args::new()));
            Fault::of_status(status, english.plain(key, &args)).into_response()
        }
    };
    let headers = answer.headers_mut();
    match said {
        Said::Wait(ms) => headers.insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1000))),
        Said::Nothing | Said::Wrong => headers.insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"lectern\""),
        ),
    };
    answer
}

pub(crate) async fn leave(Extension(caller): Extension<Caller>, input: Input<Nothing>) -> Response {
    let mut answer = match input.sender {
        Sender::Form => Redirect::to("/sign-in").into_response(),
        Sender::Program => StatusCode::NO_CONTENT.into_response(),
    };
    answer
        .headers_mut()
        .append(header::SET_COOKIE, session::no_cookie(caller.secure));
    answer
}

impl Said {
    fn sentence(&self) -> Option<(&'static str, Args)> {
        match self {
            Self::Nothing => None,
            Self::Wrong => Some(("sign-in-wrong", Args::new())),
            Self::Wait(ms) => {
                // Whole seconds, so that "in 0 seconds" is never said.
                let length = Arg::LengthMs(ms.div_ceil(1000) * 1000);
                Some(("sign-in-wait", Args::from([("length".to_owned(), length)])))
            }
        }
    }
}

/// `can_leave`: there is a session that can be ended.
fn render(site: &Site, caller: Caller, voice: &Voice, said: &Said, can_leave: bool) -> Html<String> {
    let status = site.control.status().borrow().clone();
    let room = &status.room;
    let pin = &site.gate.keys().pin;
    let podium = caller.access != Access::Remote && !matches!(pin, Pin::None);
    let why = match (podium, pin) {
        (true, Pin::Unreadable) => "sign-in-unreadable",
        (true, _) => "sign-in-podium",
        (false, _) => "sign-in-elsewhere",
    };
    let label = if podium { "sign-in-pin" } else { "sign-in-token" };
    let language = voice.language;
    let page = html! {
        (DOCTYPE)
        html lang=(language.tag()) dir=(language.script().as_str()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="dark light";
                title { (voice.word("sign-in")) " – " (room.name) }
                link rel="icon" href="/static/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/static/sign-in.css";
                script src="/static/sign-in.js" type="module" {}
            }
            body {
                header {
                    strong { (room.name) }
                    @if let Some(help) = &room.help { span { bdi { (help) } } }
                }
                main {
                    h1 { (voice.word("sign-in")) }
                    p #why { (voice.word(why)) }
                    form method="post" action="/sign-in" {
                        @if let Some((key, args)) = said.sentence() {
                            p #said role="alert" { (voice.say(key, &args)) }
                        }
                        label for="secret" { (voice.word(label)) }
                        input #secret name="secret" type="password" dir="ltr" required autofocus
                            autocomplete="current-password" aria-describedby="why"
                            inputmode=[podium.then_some("numeric")];
                        @if podium { (keypad(voice)) }
                        button type="submit" { (voice.word("sign-in")) }
                    }
                    @if can_leave {
                        form method="post" action="/sign-out" {
                            button { (voice.word("sign-out")) }
                        }
                    }
                    (languages(page::offered(&status), language))
                }
            }
        }
    };
    Html(page.into_string())
}

/// For a touch screen without a keyboard; shown by the script that makes it work.
fn keypad(voice: &Voice) -> Markup {
    html! {
        div #keypad dir="ltr" hidden {
            @for digit in ["1", "2", "3", "4", "5", "6", "7", "8", "9"] {
                button type="button" data-digit=(digit) { (digit) }
            }
            button type="button" data-erase aria-label=(voice.word("sign-in-erase")) { "⌫" }
            button type="button" data-digit="0" { "0" }
        }
    }
}

fn languages(offered: Vec<Language>, spoken: Language) -> Markup {
    html! {
        @if offered.len() > 1 {
            nav {
                @for language in offered {
                    a href={ "/sign-in?language=" (language.tag()) } lang=(language.tag()) hreflang=(language.tag())
                        aria-current=[(language == spoken).then_some("true")] { (language.own_name()) }
                }
            }
        }
    }
}
