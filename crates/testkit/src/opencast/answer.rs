//! The judge's answers outside the ingest service, and what all answers pass through.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use rustls::ServerConfig;
use serde_json::{Value, json};

use super::book::{OpencastTrack, OpencastWorkflow};
use super::package::{Document, Reference};
use super::{Court, OpencastCall as Call, OpencastRegistry};
use crate::court::{Misdeed, Sword};
use crate::judge::Seen;
use crate::wire::{Answer, Breaker, Hears};

/// No small form is longer.
const LONGEST_FORM: usize = 4 * 1024 * 1024;

const AGENT_STATES: [&str; 7] = [
    "idle",
    "shutting_down",
    "capturing",
    "uploading",
    "unknown",
    "offline",
    "error",
];
const RECORDING_STATES: [&str; 12] = [
    "unknown",
    "capturing",
    "capture_finished",
    "capture_error",
    "manifest",
    "manifest_error",
    "manifest_finished",
    "compressing",
    "compressing_error",
    "uploading",
    "upload_finished",
    "upload_error",
];

impl Hears for Court {
    async fn hear(&self, breaker: &Breaker, request: Request<Incoming>) -> Answer {
        let (method, target) = (request.method().clone(), request.uri().to_string());
        let call = call(&method, request.uri().path());
        let place = {
            let mut notes = self.notes();
            notes.seen.push(Seen {
                method: method.clone(),
                target: target.clone(),
                status: None,
            });
            notes.seen.len() - 1
        };
        if target.contains("login") {
            self.breach("a redirect to the login page was followed");
        }
        let turned_away = self
            .door
            .admit(&self.rules, method.as_str(), &target, request.headers());
        let answer = match turned_away {
            Some(answer) => answer,
            None => {
                let misdeed = call.and_then(|call| self.take_misdeed(call, &request));
                let answer = match &misdeed {
                    Some(Misdeed::Nothing) => breaker.cut(false).await,
                    Some(Misdeed::Status(code, after)) => refuse(*code, *after),
                    Some(Misdeed::Html) => page(),
                    _ => self.rule(breaker, call, request, misdeed.as_ref()).await,
                };
                if misdeed == Some(Misdeed::SwallowReply) {
                    breaker.cut(true).await;
                }
                answer
            }
        };
        self.notes().seen[place].status = Some(answer.status().as_u16());
        answer
    }

    fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.rules.tls.clone()
    }

    fn sword(&self) -> &Sword {
        &self.sword
    }
}

fn call(method: &Method, path: &str) -> Option<Call> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    Some(match (method.as_str(), &parts[..]) {
        ("GET", ["services", "available.json"]) => Call::Registry,
        ("PUT", ["ingest", "createMediaPackageWithID", _]) => Call::Create,
        ("POST", ["ingest", "addDCCatalog"]) => Call::Catalogue,
        ("POST", ["ingest", "addTrack" | "addAttachment"]) => Call::Add,
        ("POST", ["ingest", "ingest"]) => Call::Ingest,
        ("GET", ["workflow", "mediaPackage", _, "instances.json"]) => Call::Workflows,
        ("GET", ["assets", "episode", _]) => Call::Archive,
        ("POST" | "GET", ["capture-admin", "agents", _]) => Call::Agent,
        ("POST", ["capture-admin", "recordings", _]) => Call::Recording,
        _ => return None,
    })
}

impl Court {
    pub(super) fn origin(&self) -> String {
        let scheme = if self.rules.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    fn take_misdeed(&self, call: Call, request: &Request<Incoming>) -> Option<Misdeed> {
        let length = request
            .headers()
            .get("content-length")
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let mut notes = self.notes();
        let found = notes.script.iter().position(|(on, _)| *on == call)?;
        if notes.script[found].1.waits(length) {
            return None;
        }
        notes.script.remove(found).map(|(_, misdeed)| misdeed)
    }

    /// Notes a breach.
    pub(super) fn breach(&self, what: &str) {
        self.notes().breaches.push(what.to_owned());
    }

    async fn rule(
        &self,
        breaker: &Breaker,
        call: Option<Call>,
        request: Request<Incoming>,
        misdeed: Option<&Misdeed>,
    ) -> Answer {
        let path = request.uri().path().trim_matches('/').to_owned();
        let last = path.rsplit('/').next().unwrap_or_default().to_owned();
        match call {
            Some(Call::Registry) => self.registry(request.uri().query().unwrap_or_default()),
            Some(Call::Create) => self.create(&last),
            Some(Call::Catalogue) => match form(request).await {
                Some(fields) => self.catalogue(&fields),
                None => refuse(400, None),
            },
            Some(Call::Add) => self.add(breaker, request, last == "addTrack", misdeed).await,
            Some(Call::Ingest) => match form(request).await {
                Some(fields) => self.hand_in(fields, misdeed),
                None => refuse(400, None),
            },
            Some(Call::Workflows) => self.workflows(path.split('/').nth(2).unwrap_or_default()),
            Some(Call::Archive) => self.archive(&last),
            Some(Call::Agent) => self.agent(&last, request).await,
            Some(Call::Recording) => self.recording(&last, request).await,
            // A client may knock at a service to be challenged.
            None if request.method() == Method::GET && path.starts_with("ingest/") => refuse(405, None),
            None => {
                self.breach(&format!(
                    "{} /{path} is no request of a capture agent",
                    request.method()
                ));
                refuse(404, None)
            }
        }
    }

    fn registry(&self, query: &str) -> Answer {
        let kind = query.strip_prefix("serviceType=").unwrap_or_default();
        let path = match kind {
            "org.opencastproject.ingest" => "/ingest",
            "org.opencastproject.workflow" => "/workflow",
            "org.opencastproject.capture.admin" => "/capture-admin",
            "org.opencastproject.assetmanager" => "/assets",
            _ => return json_answer(&json!({ "services": "" })),
        };
        let service = |active: bool, online: bool, maintenance: bool| {
            json!({
                "type": kind, "host": self.origin(), "path": path, "active": active, "online": online,
                "maintenance": maintenance, "jobproducer": true,
            })
        };
        let off = |active, online, maintenance| {
            let mut service = service(active, online, maintenance);
            service["path"] = json!("/off");
            service
        };
        let services = match self.rules.registry {
            OpencastRegistry::One => json!({ "service": service(true, true, false) }),
            OpencastRegistry::Several => json!({ "service": [
                off(false, true, false),
                off(true, false, false),
                service(true, true, false),
                off(true, true, true),
            ] }),
            OpencastRegistry::Nothing => json!(""),
        };
        json_answer(&json!({ "services": services }))
    }

    fn workflows(&self, lecture: &str) -> Answer {
        let mut notes = self.notes();
        // Whoever asks has asked, whatever the answer.
        notes.book.asked(lecture);
        if self.rules.workflows_forbidden {
            return refuse(403, None);
        }
        let workflows = notes.book.workflows_of(lecture);
        let written: Vec<Value> = workflows.iter().map(|workflow| self.instance(workflow)).collect();
        let set = match &written[..] {
            [] => json!(""),
            [one] => json!({ "totalCount": "1", "workflow": one }),
            several => json!({ "totalCount": several.len().to_string(), "workflow": several }),
        };
        json_answer(&json!({ "workflows": set }))
    }

    fn instance(&self, workflow: &OpencastWorkflow) -> Value {
        let group = |track: bool| {
            let listed = workflow.tracks.iter().filter(|element| element.track == track);
            let mut written: Vec<Value> = listed.map(|element| self.element(element)).collect();
            if written.len() == 1 {
                written.remove(0)
            } else {
                json!(written)
            }
        };
        json!({
            "id": workflow.id, "state": workflow.state,
            "template": workflow.definition.as_deref().unwrap_or("schedule-and-upload"),
            "mediapackage": {
                "id": workflow.lecture,
                "media": { "track": group(true) },
                "attachments": { "attachment": group(false) },
            },
        })
    }

    fn element(&self, element: &OpencastTrack) -> Value {
        let mut written = json!({ "id": element.id, "type": element.flavor });
        if self.rules.tells_digests && element.track {
            written["size"] = json!(element.size);
            written["checksum"] = json!({ "type": "md5", "$": element.md5 });
        }
        written
    }

    fn archive(&self, lecture: &str) -> Answer {
        if self.rules.workflows_forbidden {
            return refuse(403, None);
        }
        let notes = self.notes();
        let Some(tracks) = notes.book.archived(lecture) else {
            return refuse(404, None);
        };
        let reference = |track: &OpencastTrack| Reference {
            id: track.id.clone(),
            flavor: track.flavor.clone(),
            track: track.track,
        };
        let document = Document {
            id: lecture.to_owned(),
            elements: tracks.iter().map(reference).collect(),
            ..Document::default()
        };
        xml_answer(document.write())
    }

    async fn agent(&self, name: &str, request: Request<Incoming>) -> Answer {
        if request.method() == Method::GET {
            let known = name
                .strip_suffix(".json")
                .and_then(|name| self.notes().book.agent(name));
            return match known {
                Some(state) => {
                    json_answer(&json!({ "agent-state-update": { "name": name, "state": state } }))
                }
                None => refuse(404, None),
            };
        }
        match self.state(request, &AGENT_STATES).await {
            Some(state) => {
                self.notes().book.set_agent(name, &state);
                html_answer(format!("{name} set to {state}"))
            }
            None => refuse(400, None),
        }
    }

    async fn recording(&self, lecture: &str, request: Request<Incoming>) -> Answer {
        match self.state(request, &RECORDING_STATES).await {
            None => refuse(400, None),
            Some(_) if !self.rules.scheduled => refuse(404, None),
            Some(state) => {
                self.notes().book.set_recording(lecture, &state);
                html_answer(format!("{lecture} set to {state}"))
            }
        }
    }

    async fn state(&self, request: Request<Incoming>, allowed: &[&str]) -> Option<String> {
        let state = form(request)
            .await?
            .into_iter()
            .find(|(key, _)| key == "state")?
            .1;
        if allowed.contains(&state.as_str()) {
            Some(state)
        } else {
            self.breach(&format!("the state \"{state}\" is none"));
            None
        }
    }
}

/// A small form's fields, in order.
async fn form(request: Request<Incoming>) -> Option<Vec<(String, String)>> {
    let kind = request.headers().get("content-type")?.to_str().ok()?;
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return None;
    }
    let body = Limited::new(request.into_body(), LONGEST_FORM)
        .collect()
        .await
        .ok()?
        .to_bytes();
    Some(
        url::form_urlencoded::parse(&body)
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect(),
    )
}

pub(super) fn refuse(status: u16, after: Option<u32>) -> Answer {
    let mut answer = Response::builder().status(status);
    if let Some(seconds) = after {
        answer = answer.header("retry-after", seconds);
    }
    answer
        .body(Full::new(Bytes::new()))
        .expect("a status with a number is a response")
}

pub(super) fn xml_answer(text: String) -> Answer {
    typed("text/xml", text)
}

fn json_answer(value: &Value) -> Answer {
    typed("application/json", value.to_string())
}

fn html_answer(text: String) -> Answer {
    typed("text/html", text)
}

fn page() -> Answer {
    html_answer("<!DOCTYPE html><html><body>Sign in to the campus network</body></html>".to_owned())
}

fn typed(kind: &str, text: String) -> Answer {
    Response::builder()
        .header("content-type", kind)
        .body(Full::new(text.into()))
        .expect("a type and a text are a response")
}
