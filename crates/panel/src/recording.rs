//! The handlers that change something: each makes one [`Command`] and answers with what became
//! of it, as JSON for programs and as a page for forms without script.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use lectern_domain::api::{Command, ExtendRequest, MarkRequest, Metadata, PlanRequest, StartRequest};
use lectern_domain::ids::LectureId;

use crate::input::{Input, Nothing, Sender};
use crate::page;
use crate::problem::Fault;
use crate::site::Site;

pub(crate) async fn start(State(site): State<Site>, input: Input<StartRequest>) -> Response {
    run(&site, Command::Start(input.body), input.sender).await
}

pub(crate) async fn pause(State(site): State<Site>, input: Input<Nothing>) -> Response {
    run(&site, Command::Pause, input.sender).await
}

pub(crate) async fn resume(State(site): State<Site>, input: Input<Nothing>) -> Response {
    run(&site, Command::Resume, input.sender).await
}

pub(crate) async fn stop(State(site): State<Site>, input: Input<Nothing>) -> Response {
    run(&site, Command::Stop, input.sender).await
}

pub(crate) async fn undo(State(site): State<Site>, input: Input<Nothing>) -> Response {
    run(&site, Command::Undo, input.sender).await
}

pub(crate) async fn mark(State(site): State<Site>, input: Input<MarkRequest>) -> Response {
    run(&site, Command::Mark(input.body), input.sender).await
}

pub(crate) async fn extend(State(site): State<Site>, input: Input<ExtendRequest>) -> Response {
    run(&site, Command::Extend(input.body), input.sender).await
}

pub(crate) async fn retry(
    State(site): State<Site>,
    Path(id): Path<String>,
    input: Input<Nothing>,
) -> Result<Response, Fault> {
    let id = resolve(&site, &id).await?;
    Ok(run(&site, Command::Retry(id), input.sender).await)
}

pub(crate) async fn send_one_now(
    State(site): State<Site>,
    Path(id): Path<String>,
    input: Input<Nothing>,
) -> Result<Response, Fault> {
    let id = resolve(&site, &id).await?;
    Ok(run(&site, Command::SendNow(Some(id)), input.sender).await)
}

pub(crate) async fn send_all_now(State(site): State<Site>, input: Input<Nothing>) -> Response {
    run(&site, Command::SendNow(None), input.sender).await
}

pub(crate) async fn amend(
    State(site): State<Site>,
    Path(id): Path<String>,
    input: Input<Metadata>,
) -> Result<Response, Fault> {
    let id = resolve(&site, &id).await?;
    Ok(run(&site, Command::Amend(id, input.body), input.sender).await)
}

pub(crate) async fn plan(State(site): State<Site>, input: Input<PlanRequest>) -> Response {
    run(&site, Command::Plan(input.body), input.sender).await
}

pub(crate) async fn begin(
    State(site): State<Site>,
    Path(id): Path<String>,
    input: Input<Nothing>,
) -> Result<Response, Fault> {
    let id = resolve(&site, &id).await?;
    Ok(run(&site, Command::Begin(id), input.sender).await)
}

pub(crate) async fn cancel(
    State(site): State<Site>,
    Path(id): Path<String>,
    input: Input<Nothing>,
) -> Result<Response, Fault> {
    let id = resolve(&site, &id).await?;
    Ok(run(&site, Command::Cancel(id), input.sender).await)
}

pub(crate) async fn restore(
    State(site): State<Site>,
    Path(id): Path<String>,
    input: Input<Nothing>,
) -> Result<Response, Fault> {
    let id = resolve(&site, &id).await?;
    Ok(run(&site, Command::Restore(id), input.sender).await)
}

/// The whole id of a lecture that was named by it or by the beginning of it.
async fn resolve(site: &Site, id: &str) -> Result<LectureId, Fault> {
    match id.parse() {
        Ok(id) => Ok(id),
        Err(_) => Ok(site.control.lecture(id).await?.summary.id),
    }
}

async fn run(site: &Site, command: Command, sender: Sender) -> Response {
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
            let fault = Fault::from(refusal);
            match sender {
                Sender::Program => fault.into_response(),
                Sender::Form => {
                    let status: StatusCode = fault.status();
                    (status, page::whole(site, Some(&fault.0.detail)).await).into_response()
                }
            }
        }
    }
}
