//! Questions about a lecture, and what the answers say of it.

use lectern_domain::ids::LectureId;
use reqwest::{Method, StatusCode};
use url::Url;

use super::document::{self, MediaPackage, State, Workflow};
use super::refusal;
use super::registry::Service;
use super::session::Session;
use crate::fault::Fault;
use crate::net::{self, Reply};
use crate::package::PackageStanding;

/// What the server knows of a lecture.
pub(super) enum Known {
    /// These workflows; more than none.
    Workflows(Vec<Workflow>),
    /// No workflow any more, and the lecture in its archive.
    Archived(MediaPackage),
    /// Nothing.
    Nothing,
    /// Our user may not ask.
    Untold,
}

/// Asks for the workflows of a lecture, and where there is none for the lecture itself.
pub(super) async fn known(session: &Session, lecture: LectureId) -> Result<Known, Fault> {
    let url = session
        .at(
            Service::Workflow,
            &format!("mediaPackage/{lecture}/instances.json"),
        )
        .await?;
    let question = "the question for the lecture's workflows";
    let reply = asked(session.request(Method::GET, &url, None).await)?;
    match reply.status {
        StatusCode::OK => {}
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => return Ok(Known::Untold),
        _ => return Err(refusal::fault(&reply, question, &url)),
    }
    let workflows =
        document::workflows(&reply.body).ok_or_else(|| refusal::no_opencast(&reply, question, &url))?;
    if !workflows.is_empty() {
        return Ok(Known::Workflows(workflows));
    }
    // Old workflows are cleared away; what they took in stays.
    let url = session.at(Service::Assets, &format!("episode/{lecture}")).await?;
    let reply = asked(session.request(Method::GET, &url, None).await)?;
    match reply.status {
        StatusCode::OK => read_package(&reply, "the question for the lecture", &url, lecture)
            .map(|(_, package)| Known::Archived(package)),
        // Without leave to look into the archive the workflows alone decide.
        StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => Ok(Known::Nothing),
        _ => Err(refusal::fault(&reply, "the question for the lecture", &url)),
    }
}

/// A question changes nothing: without an answer there is nothing to be in doubt about.
fn asked(reply: Result<Reply, Fault>) -> Result<Reply, Fault> {
    reply.map_err(|fault| match fault {
        Fault::Doubt { happened } => Fault::later(happened),
        other => other,
    })
}

/// The workflow that says most for the lecture: one that ended well, else one at work, else one
/// that broke.
pub(super) fn best(workflows: &[Workflow]) -> &Workflow {
    let rank = |workflow: &&Workflow| match workflow.state {
        State::Succeeded => 0,
        State::Going(_) => 1,
        State::Broken(_) => 2,
    };
    workflows
        .iter()
        .min_by_key(rank)
        .expect("there is at least one workflow")
}

pub(super) fn taken(workflows: &[Workflow], session: &Session) -> PackageStanding {
    let Workflow { id, state, .. } = best(workflows);
    match state {
        State::Succeeded | State::Going(_) => PackageStanding::Taken,
        State::Broken(word) => PackageStanding::Failed {
            happened: format!(
                "{} took the lecture, and its workflow {id} ended as {word}.",
                session.authority()
            ),
            advice: "Have it started again there, or have the event removed there to send the lecture anew."
                .to_owned(),
        },
    }
}

/// The document of a good answer, and what is in it.
pub(super) fn read_package(
    reply: &Reply,
    what: &str,
    url: &Url,
    lecture: LectureId,
) -> Result<(String, MediaPackage), Fault> {
    if reply.status != StatusCode::OK {
        return Err(refusal::fault(reply, what, url));
    }
    let text = std::str::from_utf8(&reply.body).ok();
    let read = text.and_then(|text| Some((text.to_owned(), MediaPackage::of_xml(text)?)));
    match read {
        None => Err(refusal::no_opencast(reply, what, url)),
        Some((_, package)) if package.id != lecture.to_string() => Err(Fault::person(
            format!(
                "{} answered {what} with the media package {}, and {lecture} was meant.",
                net::authority(url),
                package.id
            ),
            "Ask Opencast's operator whether its ingest service is sound.",
        )),
        Some(read) => Ok(read),
    }
}
