//! One run's conversation with one Opencast: signed requests to the services that its registry
//! names, and the one connection for a file.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode};
use url::Url;

use super::registry::{self, Service};
use super::sign_in::{SignIn, Unsigned};
use super::{form, refusal};
use crate::fault::Fault;
use crate::net::{self, Control, Reply};

/// What was read from the disk at the first call and serves for the whole run.
pub(super) struct Session {
    home: Url,
    pub(super) control: Control,
    pub(super) sign_in: SignIn,
    /// The registry's last answers.
    known: Mutex<HashMap<Service, Vec<String>>>,
}

impl Session {
    pub(super) fn new(home: Url, control: Control, sign_in: SignIn) -> Self {
        Self {
            home,
            control,
            sign_in,
            known: Mutex::default(),
        }
    }

    /// The admin node, for people.
    pub(super) fn shown(&self) -> String {
        self.home.origin().ascii_serialization()
    }

    /// `host:port` of the admin node.
    pub(super) fn authority(&self) -> String {
        net::authority(&self.home)
    }

    /// Where a method of a service is, as the registry said last; it is asked if it was not yet.
    pub(super) async fn at(&self, service: Service, method: &str) -> Result<Url, Fault> {
        if !self.known().contains_key(&service) {
            self.look_up(service).await?;
        }
        let known = self.known().get(&service).cloned().unwrap_or_default();
        let Some(address) = registry::any(&known) else {
            return Err(Fault::later(format!(
                "{} has no {} that is online.",
                self.authority(),
                service.kind()
            )));
        };
        let base = registry::reachable(address, &self.home)?;
        base.join(method).map_err(|error| {
            Fault::refused(
                format!(
                    "{} names a service at {address}, which is no address: {error}.",
                    self.authority()
                ),
                "Ask its operator to mend org.opencastproject.server.url.",
            )
        })
    }

    /// Asks the registry anew. A query that fails leaves the former answer standing.
    pub(super) async fn look_up(&self, service: Service) -> Result<(), Fault> {
        let fresh = self.query(service).await;
        let mut known = self.known();
        match fresh {
            Ok(addresses) => {
                known.insert(service, addresses);
                Ok(())
            }
            Err(fault @ (Fault::Refused { .. } | Fault::Stopped)) => Err(fault),
            Err(fault) if !known.contains_key(&service) => Err(fault),
            Err(fault) => {
                tracing::debug!(error = %fault, "the registry's former answer was kept");
                Ok(())
            }
        }
    }

    async fn query(&self, service: Service) -> Result<Vec<String>, Fault> {
        let mut url = self.home.clone();
        url.set_path("/services/available.json");
        url.query_pairs_mut().append_pair("serviceType", service.kind());
        // A question changes nothing: without an answer there is nothing to be in doubt about.
        let reply = match self.request(Method::GET, &url, None).await {
            Err(Fault::Doubt { happened }) => return Err(Fault::later(happened)),
            other => other?,
        };
        if reply.status != StatusCode::OK {
            return Err(refusal::fault(&reply, "the question for its services", &url));
        }
        registry::read(&reply.body)
            .ok_or_else(|| refusal::no_opencast(&reply, "the question for its services", &url))
    }

    /// Sends one signed request, with a small form or none. A challenge is answered once. Whoever
    /// is sent to a login page or refused at the door ends here.
    pub(super) async fn request(
        &self,
        method: Method,
        url: &Url,
        fields: Option<&[(&str, &str)]>,
    ) -> Result<Reply, Fault> {
        let body = fields.map_or_else(Bytes::new, |fields| form::urlencoded(fields.iter().copied()));
        let mut challenged = false;
        loop {
            let mut headers = self.sign_in.headers(&method, target(url))?;
            if fields.is_some() {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(form::URLENCODED));
            }
            let reply = self
                .control
                .request_with(method.clone(), url, headers, body.clone())
                .await
                .map_err(|fault| fault.into_fault(url))?;
            match self.door(&reply, challenged, url)? {
                Door::Open => return Ok(reply),
                Door::Challenge => challenged = true,
            }
        }
    }

    /// Fetches a challenge that is as long valid as any can be, where one is needed.
    pub(super) async fn prime(&self, url: &Url) -> Result<(), Fault> {
        if !self.sign_in.is_challenged() {
            return Ok(());
        }
        self.sign_in.forget();
        let headers = self.sign_in.headers(&Method::GET, target(url))?;
        let reply = self
            .control
            .request(Method::GET, url, headers)
            .await
            .map_err(|fault| fault.into_fault(url))?;
        // Any other answer is met again by the request itself.
        self.door(&reply, false, url).map(drop)
    }

    /// Whether the server let us in. `challenged`: a challenge was answered just before.
    pub(super) fn door(&self, reply: &Reply, challenged: bool, url: &Url) -> Result<Door, Fault> {
        if reply.status.is_redirection() {
            return Err(refusal::fault(reply, "a request", url));
        }
        if reply.status != StatusCode::UNAUTHORIZED {
            return Ok(Door::Open);
        }
        match self.sign_in.learn(reply) {
            Unsigned::Challenged { .. } if !challenged => Ok(Door::Challenge),
            Unsigned::Challenged { stale: true } => Err(Fault::later(format!(
                "{} found the signature of a request too old twice.",
                net::authority(url)
            ))),
            Unsigned::Challenged { .. } | Unsigned::Refused => Err(refusal::fault(reply, "a request", url)),
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<Service, Vec<String>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of a request at the server's door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// It was heard.
    Open,
    /// It is to be signed anew and sent again.
    Challenge,
}

/// What is requested of the host: path and query.
pub(super) fn target(url: &Url) -> &str {
    &url[url::Position::BeforePath..url::Position::AfterQuery]
}
