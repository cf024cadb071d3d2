//! The handlers that change something: each makes one [`Command`] and answers with what became
//! of it, as JSON for programs and as a page for forms without script.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, post};
use lectern_domain::api::{Command, Metadata};
use lectern_domain::ids::LectureId;

use crate::input::{Check, Input, Nothing, Sender};
use crate::page;
use crate::problem::Fault;
use crate::site::Site;

/// A command that takes nothing.
pub(crate) fn plain(command: fn() -> Command) -> MethodRouter<Site> {
    post(
        move |State(site): State<Site>, headers: HeaderMap, input: Input<Nothing>| async move {
            run(&site, command(), &headers, input.sender).await
        },
    )
}

/// A command that takes a body.
pub(crate) fn with<T: Check + Send + 'static>(command: fn(T) -> Command) -> MethodRouter<Site> {
    post(
        move |State(site): State<Site>, headers: HeaderMap, input: Input<T>| async move {
            run(&site, command(input.body), &headers, input.sender).await
        },
    )
}

/// A command about the lecture that the path names.
pub(crate) fn about(command: fn(LectureId) -> Command) -> MethodRouter<Site> {
    post(
        move |State(site): State<Site>, Path(id): Path<String>, headers: HeaderMap, input: Input<Nothing>| async move {
            let id = resolve(&site, &id).await?;
            Ok::<_, Fault>(run(&site, command(id), &headers, input.sender).await)
        },
    )
}

/// A command about the lecture that the path names, which takes a body.
pub(crate) fn about_with<T: Check + Send + 'static>(
    command: fn(LectureId, T) -> Command,
) -> MethodRouter<Site> {
    post(
        move |State(site): State<Site>, Path(id): Path<String>, headers: HeaderMap, input: Input<T>| async move {
            let id = resolve(&site, &id).await?;
            Ok::<_, Fault>(run(&site, command(id, input.body), &headers, input.sender).await)
        },
    )
}

/// The one command about a lecture that is no POST.
pub(crate) async fn amend(
    State(site): State<Site>,
    Path(id): Path<String>,
    headers: HeaderMap,
    input: Input<Metadata>,
) -> Result<Response, Fault> {
    let id = resolve(&site, &id).await?;
    Ok(run(&site, Command::Amend(id, input.body), &headers, input.sender).await)
}

/// The whole id of a lecture that was named by it or by the beginning of it.
async fn resolve(site: &Site, id: &str) -> Result<LectureId, Fault> {
    match id.parse() {
        Ok(id) => Ok(id),
        Err(_) => Ok(site.control.lecture(id).await?.summary.id),
    }
}

async fn run(site: &Site, command: Command, headers: &HeaderMap, sender: Sender) -> Response {
    let word = command.as_str();
    match site.control.command(command).await {
        Ok(done) => {
            tracing::debug!(command = word, "a command was carried out");
            match sender {
                Sender::Program => Json(done).into_response(),
                Sender::Form => Redirect::to("/").into_response(),
            }
        }
        Err(refusal) => {
            tracing::debug!(
                command = word,
                reason = refusal.message(),
                "a command was refused"
            );
            // A person is told in her language; the key of a sentence is in every catalogue.
            let status = site.control.status().borrow().clone();
            let voice = page::voice_of_person(headers, &status);
            let said = voice.as_ref().map(|voice| voice.sentence(refusal.sentence()));
            let mut fault = Fault::from(refusal);
            if let Some(said) = said {
                fault.0.detail = said;
            }
            match sender {
                Sender::Program => {
                    let language = voice.map_or("en", |voice| voice.language.tag());
                    ([(header::CONTENT_LANGUAGE, language)], fault).into_response()
                }
                Sender::Form => page::refused(site, headers, fault.status(), &fault.0.detail).await,
            }
        }
    }
}
