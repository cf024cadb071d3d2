//! What the doctor learns of an Opencast: everything that a delivery asks for before it sends.

use lectern_domain::api::Check;
use lectern_domain::ids::LectureId;
use reqwest::{Method, StatusCode};

use super::ask::{self, Known};
use super::registry::Service;
use super::{Opencast, refusal, states};
use crate::fault::Fault;
use crate::probe::Findings;

/// Asks, and changes nothing there.
pub(super) async fn probe(opencast: &Opencast) -> Vec<Check> {
    let mut findings = Findings::about(&opencast.name);
    if let Err(fault) = question(opencast, &mut findings).await {
        findings.fault(fault);
    }
    findings.into_checks()
}

async fn question(opencast: &Opencast, findings: &mut Findings) -> Result<(), Fault> {
    let session = opencast.session().await?;
    let peer = session.authority();
    let ingest = session.at(Service::Ingest, "").await?;
    findings.good(format!(
        "{peer} names its ingest service: {}.",
        crate::net::shown(&ingest)
    ));
    let agent = &opencast.settings.agent;
    let url = session
        .at(
            Service::CaptureAdmin,
            &format!("agents/{}.json", states::segment(agent)),
        )
        .await?;
    let reply = session.request(Method::GET, &url, None).await?;
    match reply.status {
        StatusCode::OK => findings.good(format!("{peer} let the user in, and knows the agent {agent}.")),
        StatusCode::NOT_FOUND => findings.good(format!(
            "{peer} let the user in; the agent {agent} will be registered with the first lecture."
        )),
        _ => return Err(refusal::fault(&reply, "the question for the agent", &url)),
    }
    match ask::known(session, LectureId::random()).await? {
        Known::Untold => findings.warning(
            format!("{peer} does not let this user see workflows: after a lost answer a person must look."),
            "Ask its operator to let the user read /workflow, which ROLE_ADMIN may.",
        ),
        Known::Workflows(_) | Known::Archived(_) | Known::Nothing => {
            findings.good(format!("{peer} tells which lectures arrived."));
        }
    }
    findings.good(
        "Opencast compares no digest of its own when a file arrives: a break sends a track again from its start, and \
         size and MD5 are compared when its workflow has told them.",
    );
    Ok(())
}
