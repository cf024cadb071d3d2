//! What people see of the room on Opencast's pages: the agent's state and the recording's.
//!
//! Best effort. No delivery fails for it, and a recording that Opencast did not schedule has no
//! state there (404).

use lectern_domain::ids::LectureId;
use reqwest::Method;

use super::registry::Service;
use super::session::Session;
use crate::fault::Fault;

/// What the agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Agent {
    Uploading,
    Idle,
}

/// What became of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recording {
    Uploading,
    Finished,
    Failed,
}

/// Tells both, one after the other.
pub(super) async fn tell(
    session: &Session,
    agent: (&str, Agent),
    lecture: LectureId,
    recording: Option<Recording>,
) {
    let (name, state) = agent;
    let state = match state {
        Agent::Uploading => "uploading",
        Agent::Idle => "idle",
    };
    note(set(session, &format!("agents/{}", segment(name)), state).await);
    if let Some(recording) = recording {
        let state = match recording {
            Recording::Uploading => "uploading",
            Recording::Finished => "upload_finished",
            Recording::Failed => "upload_error",
        };
        note(set(session, &format!("recordings/{lecture}"), state).await);
    }
}

async fn set(session: &Session, what: &str, state: &str) -> Result<u16, Fault> {
    let url = session.at(Service::CaptureAdmin, what).await?;
    let reply = session
        .request(Method::POST, &url, Some(&[("state", state)]))
        .await?;
    Ok(reply.status.as_u16())
}

fn note(told: Result<u16, Fault>) {
    match told {
        Ok(status) => tracing::debug!(status, "the platform was told a state"),
        Err(fault) => tracing::debug!(error = %fault, "the platform was not told a state"),
    }
}

/// A name as one segment of a path.
pub(super) fn segment(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}
