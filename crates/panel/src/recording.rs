//! The handlers that change something: each makes one [`Command`] and answers with what became
//! of it, as JSON for programs and as a page for forms without script.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use lectern_domain::api::{Command, ExtendRequest, MarkRequest, Metadata, PlanRequest, StartRequest};
use lectern_domain::ids::LectureId;

use crate::input::{Input, Nothing, Sender};
use crate::page;
use crate::problem::Fault;
use crate::site::Site;

pub(crate) async fn start(
    State(site): State<Site>,
    headers: HeaderMap,
    input: Input<StartRequest>,
) -> Response {
    run(&site, Command::Start(input.body), &headers, input.sender).await
}

pub(crate) async fn pause(State(site): State<Site>, headers: HeaderMap, input: Input<Nothing>) -> Response {
    run(&site, Command::Pause, &headers, input.sender).await
}

pub(crate) async fn resume(State(site): State<Site>, headers: HeaderMap, input: Input<Nothing>) -> Response {
    run(&site, Command::Resume, &headers, input.sender).await
}

pub(crate) async fn stop(State(site): State<Site>, headers: HeaderMap, input: Input<Nothing>) -> Response {
    run(&site, Command::Stop, &headers, input.sender).await
}

pub(crate) async fn undo(State(site): State<Site>, headers: HeaderMap, input: Input<Nothing>) -> Response {
    run(&site, Command::Undo, &headers, input.sender).await
}

pub(crate) async fn mark(
    State(site): State<Site>,
    headers: HeaderMap,
    input: Input<MarkRequest>,
) -> Response {
    run(&site, Command::Mark(input.body), &headers, input.sender).await
}

pub(crate) async fn extend(
    State(site): State<Site>,
    headers: HeaderMap,
    input: Input<ExtendRequest>,
) -> Response {
    run(&site, Command::Extend(input.body), &headers, input.sender).await
}

pub(crate) async fn retry(
    State(site): State<Site>,
    Path(id): Path<String>,
    headers: HeaderMap,
    input: Input<Nothing>,
) -> Result<Response, Fault> {
    let id = resolve(&site, &id).await?;
    Ok(run(&site, Command::Retry(id), &headers, input.sender).await)
}

pub(crate) async fn send_one_now(
    State(site): State<Site>,
    Path(id): Path<String>,
    headers: HeaderMap,
    input: Input<Nothing>,
) -> Result<Response, Fault> {
    let id = resolve(&site, &id).await?;
    Ok(run(&site, Command::SendNow(Some(id)), &headers, input.sender).await)
}

pub(crate) async fn send_all_now(
    State(site): State<Site>,
    headers: HeaderMap,
    input: Input<Nothing>,
) -> Response {
    run(&site, Command::SendNow(None), &headers, input.sender).await
}

pub(crate) async fn amend(
    State(site): State<Site>,
    Path(id): Path<String>,
    headers: HeaderMap,
    input: Input<Metadata>,
) -> Result<Response, Fault> {
    let id = resolve(&site, &id).await?;
    Ok(run(&site, Command::Amend(id, input.body), &headers, input.sender).await)
}

pub(crate) async fn plan(
    State(site): State<Site>,
    headers: HeaderMap,
    input: Input<PlanRequest>,
) -> Response {
    run(&site, Command::Plan(input.body), &headers, input.sender).await
}

pub(crate) async fn begin(
    State(site): State<Site>,
    Path(id): Path<String>,
    headers: HeaderMap,
    input: Input<Nothing>,
) -> Result<Response, Fault> {
    let id = resolve(&site, &id).await?;
    Ok(run(&site, Command::Begin(id), &headers, input.sender).await)
}

pub(crate) async fn cancel(
    State(site): State<Site>,
    Path(id): Path<String>,
    headers: HeaderMap,
    input: Input<Nothing>,
) -> Result<Response, Fault> {
    let id = resolve(&site, &id).await?;
    Ok(run(&site, Command::Cancel(id), &headers, input.sender).await)
}

pub(crate) async fn restore(
    State(site): State<Site>,
    Path(id): Path<String>,
    headers: HeaderMap,
    input: Input<Nothing>,
) -> Result<Response, Fault> {
    let id = resolve(&site, &id).await?;
    Ok(run(&site, Command::Restore(id), &headers, input.sender).await)
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
