//! In which language the page speaks to whom: what was chosen on it, else what the browser asks
//! for, else the room's first language. Never one that the room does not offer.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use lectern_domain::api::Status;
use lectern_words::{Language, Voice};

use super::figures;

/// The cookie that remembers a choice.
const COOKIE: &str = "lectern-language";
/// For a year: a panel is used by many, and none of them wants to choose every morning.
const REMEMBER_S: u32 = 31_536_000;

/// The languages of the room; English when it names none that we speak.
pub(crate) fn offered(status: &Status) -> Vec<Language> {
    let mut offered: Vec<Language> = Vec::new();
    for language in status
        .room
        .languages
        .iter()
        .filter_map(|tag| Language::from_tag(tag))
    {
        if !offered.contains(&language) {
            offered.push(language);
        }
    }
    if offered.is_empty() {
        offered.push(Language::default());
    }
    offered
}

/// The voice that a page speaks with to whoever sent these headers.
pub(crate) fn voice_of(headers: &HeaderMap, status: &Status) -> Voice {
    let offered = offered(status);
    let language = wished(headers, &offered).unwrap_or(offered[0]);
    voice(language, status)
}

/// As [`voice_of`] for a caller who showed that a person reads the answer: by a choice, by what
/// its browser asks for, or by asking for a page. `None` for programs, which are told English.
pub(crate) fn voice_of_person(headers: &HeaderMap, status: &Status) -> Option<Voice> {
    let page = texts(headers, header::ACCEPT).any(|accept| accept.contains("text/html"));
    let wishes = headers.contains_key(header::ACCEPT_LANGUAGE) || cookie(headers).is_some();
    (page || wishes).then(|| voice_of(headers, status))
}

/// A voice at the room's time and place.
pub(super) fn voice(language: Language, status: &Status) -> Voice {
    Voice {
        language,
        zone: figures::zone(status.room.timezone.as_deref()),
        now_unix_ms: status.now_unix_ms,
    }
}

/// Remembers a choice and leads back to the page.
pub(super) fn choose(tag: &str, status: &Status) -> Response {
    match chosen(tag, status) {
        Some(language) => ([(header::SET_COOKIE, remember(language))], Redirect::to("/")).into_response(),
        None => Redirect::to("/").into_response(),
    }
}

/// The language of a tag, if the room offers it.
pub(crate) fn chosen(tag: &str, status: &Status) -> Option<Language> {
    Language::from_tag(tag).filter(|language| offered(status).contains(language))
}

/// The `Set-Cookie` that remembers a choice.
pub(crate) fn remember(language: Language) -> HeaderValue {
    let cookie = format!(
        "{COOKIE}={}; Path=/; SameSite=Strict; Max-Age={REMEMBER_S}",
        language.tag()
    );
    HeaderValue::try_from(cookie).expect("a language tag is visible ASCII")
}

fn wished(headers: &HeaderMap, offered: &[Language]) -> Option<Language> {
    cookie(headers)
        .filter(|language| offered.contains(language))
        .or_else(|| {
            texts(headers, header::ACCEPT_LANGUAGE).find_map(|wish| Language::accepted(wish, offered))
        })
}

fn cookie(headers: &HeaderMap) -> Option<Language> {
    texts(headers, header::COOKIE)
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .and_then(|(_, tag)| Language::from_tag(tag))
}

fn texts(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
}
