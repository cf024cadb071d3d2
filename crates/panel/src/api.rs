//! The handlers that only look: status, lectures, queue, health.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use lectern_domain::api::{Doctor, LectureDetail, LecturePage, Queue, SelfTest, Status};
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::LectureState;
use serde::Deserialize;

use crate::gate::permit::Permit;
use crate::input::{Input, Nothing, Query};
use crate::problem::Fault;
use crate::site::Site;
use crate::{metrics, page};

/// Lectures on a page of the list when nothing else is asked.
const DEFAULT_LIMIT: u32 = 20;
/// The most lectures on a page of the list.
pub(crate) const MAX_LIMIT: u32 = 200;

pub(crate) async fn front(
    State(site): State<Site>,
    Extension(permit): Extension<Permit>,
    headers: HeaderMap,
    Query(asked): Query<page::Asked>,
) -> Response {
    page::front(&site, &headers, &asked, permit.may_operate()).await
}

pub(crate) async fn status(State(site): State<Site>) -> Json<Status> {
    let status = site.control.status().borrow().as_ref().clone();
    Json(status)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    state: Option<String>,
    limit: Option<u32>,
    after: Option<String>,
}

pub(crate) async fn lectures(
    State(site): State<Site>,
    Query(which): Query<Which>,
) -> Result<Json<LecturePage>, Fault> {
    let bad = |detail: String| Fault::invalid(StatusCode::BAD_REQUEST, detail);
    let state = match which.state.as_deref().filter(|s| !s.is_empty()) {
        None => None,
        Some(text) => Some(text.parse::<LectureState>().map_err(|_| {
            let all = LectureState::ALL.map(LectureState::as_str).join(", ");
            bad(format!("There is no state {text:?}; allowed are {all}."))
        })?),
    };
    let limit = which.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(bad(format!("limit is {limit}; allowed are 1 to {MAX_LIMIT}.")));
    }
    let after = match which.after.as_deref().filter(|s| !s.is_empty()) {
        None => None,
        Some(text) => Some(text.parse::<LectureId>().map_err(|_| {
            bad(format!(
                "after is {text:?}, which is no lecture id; pass what the last page said as \"next\"."
            ))
        })?),
    };
    Ok(Json(site.control.lectures(state, limit, after).await?))
}

pub(crate) async fn lecture(
    State(site): State<Site>,
    Path(id): Path<String>,
) -> Result<Json<LectureDetail>, Fault> {
    Ok(Json(site.control.lecture(&id).await?))
}

pub(crate) async fn queue(State(site): State<Site>) -> Result<Json<Queue>, Fault> {
    Ok(Json(site.control.queue().await?))
}

pub(crate) async fn doctor(State(site): State<Site>, _: Input<Nothing>) -> Result<Json<Doctor>, Fault> {
    Ok(Json(site.control.doctor().await?))
}

pub(crate) async fn self_test(State(site): State<Site>) -> Json<SelfTest> {
    Json(site.control.self_test().as_ref().clone())
}

pub(crate) async fn notify_test(State(site): State<Site>, _: Input<Nothing>) -> Result<Json<Doctor>, Fault> {
    Ok(Json(site.control.notify_test().await?))
}

pub(crate) async fn metrics(State(site): State<Site>) -> Response {
    let status = site.control.status().borrow().clone();
    let figures = site.control.figures().await;
    let text = metrics::render(&metrics::Seen {
        status: &status,
        figures: &figures,
        heard: &site.ears.heard(),
        healthy: site.control.healthy(),
        streams: site.open_streams(),
    });
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}

pub(crate) async fn healthz(State(site): State<Site>) -> Result<&'static str, Fault> {
    if site.control.healthy() {
        Ok("ok\n")
    } else {
        Err(Fault::unable(
            "The daemon makes no progress. systemd restarts it; the recording goes on after that.",
        ))
    }
}
