//! The ingest service: media packages that travel in the client's hands.

use std::collections::BTreeMap;

use hyper::Request;
use hyper::body::Incoming;

use super::answer::{refuse, xml_answer};
use super::book::OpencastTrack;
use super::package::{Document, Reference, is_dublin_core, is_flavor};
use super::receive::{Form, Received};
use super::{Court, OpencastEnd};
use crate::court::Misdeed;
use crate::wire::{Answer, Breaker};

impl Court {
    /// Overrides whatever package was open under this id.
    pub(super) fn create(&self, lecture: &str) -> Answer {
        self.check_asked(lecture, "a media package was opened");
        xml_answer(
            Document {
                id: lecture.to_owned(),
                start: "2026-11-21T10:00:00Z".to_owned(),
                ..Document::default()
            }
            .write(),
        )
    }

    pub(super) fn catalogue(&self, fields: &[(String, String)]) -> Answer {
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        let document = field("mediaPackage").and_then(|text| Document::read(text));
        let (Some(mut document), Some(text)) = (document, field("dublinCore")) else {
            self.breach("a catalogue without a media package");
            return refuse(400, None);
        };
        if !is_dublin_core(text) {
            self.breach("a catalogue that is no Dublin Core with a title");
            return refuse(400, None);
        }
        document.catalogue = Some(self.notes().book.add_catalogue(text));
        xml_answer(document.write())
    }

    /// Appends: a repetition is there twice.
    pub(super) async fn add(
        &self,
        breaker: &Breaker,
        request: Request<Incoming>,
        track: bool,
        misdeed: Option<&Misdeed>,
    ) -> Answer {
        let kind = request
            .headers()
            .get("content-type")
            .and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        let Some(mut form) = Form::new(&kind, request.into_body()) else {
            self.breach("a file that came in no multipart form");
            return refuse(400, None);
        };
        let fields = match form.fields().await {
            Ok(fields) => fields,
            Err(what) => {
                // Fields that stand behind the file are not seen: that is how they go missing.
                if !what.is_empty() {
                    self.breach(&what);
                }
                return refuse(400, None);
            }
        };
        let document = fields
            .fields
            .get("mediaPackage")
            .and_then(|text| Document::read(text));
        let flavor = fields.fields.get("flavor").filter(|flavor| is_flavor(flavor));
        let (Some(mut document), Some(flavor)) = (document, flavor) else {
            self.breach("a file without a media package or a flavour before it");
            return refuse(400, None);
        };
        self.check_asked(&document.id, "a file was sent");
        let (id, path) = self.notes().book.begin_element();
        // A request that ends in any other way leaves a doubt, also when its connection is cut.
        let mut doubt = Doubt::about(self, &document.id);
        let received = form
            .file(&path, misdeed, |bytes| self.notes().received += bytes)
            .await;
        let stored = match (received, misdeed) {
            (Received::Whole(stored), _) => stored,
            (Received::Cut, Some(Misdeed::StallAfter(_))) => std::future::pending().await,
            (Received::Cut, _) => {
                drop(doubt);
                breaker.cut(true).await
            }
        };
        doubt.settled = misdeed != Some(&Misdeed::SwallowReply);
        let element = OpencastTrack {
            id: id.clone(),
            flavor: flavor.clone(),
            name: fields.file_name,
            track,
            size: stored.size,
            sha256: stored.sha256,
            md5: stored.md5,
        };
        self.notes().book.add_element(&document.id, element);
        document.elements.push(Reference {
            id,
            flavor: flavor.clone(),
            track,
        });
        xml_answer(document.write())
    }

    /// Begins a workflow, each time.
    pub(super) fn hand_in(&self, fields: Vec<(String, String)>, misdeed: Option<&Misdeed>) -> Answer {
        let fields: BTreeMap<String, String> = fields.into_iter().collect();
        let Some(document) = fields.get("mediaPackage").and_then(|text| Document::read(text)) else {
            self.breach("a handing in without a media package");
            return refuse(400, None);
        };
        self.check_asked(&document.id, "a lecture was handed in");
        let known = self.notes().book.workflows_of(&document.id);
        if !known.is_empty() {
            self.breach("a lecture was handed in that had arrived");
        }
        if known.iter().any(|workflow| workflow.state == "RUNNING") {
            return refuse(500, None);
        }
        let resolved = self.notes().book.resolve(&document);
        let tracks = match resolved {
            Ok(tracks) => tracks,
            Err(unknown) => {
                self.breach(&format!("a media package with the unknown element {unknown}"));
                return refuse(400, None);
            }
        };
        let same = |a: &OpencastTrack, b: &OpencastTrack| a.name == b.name && a.sha256 == b.sha256;
        if (1..tracks.len()).any(|at| tracks[..at].iter().any(|one| same(one, &tracks[at]))) {
            self.breach("a media package with the same file twice");
        }
        let state = match self.rules.end {
            OpencastEnd::Succeeded => "SUCCEEDED",
            OpencastEnd::Running => "RUNNING",
            OpencastEnd::Failed => "FAILED",
        };
        let mut notes = self.notes();
        let workflow = notes.book.begin_workflow(&document, tracks, state, fields);
        if misdeed == Some(&Misdeed::SwallowReply) {
            notes.book.doubt(&document.id);
        }
        xml_answer(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\
             <workflow xmlns=\"http://workflow.opencastproject.org\" id=\"{}\" state=\"{}\"><template>x</template>{}\
             <operations/></workflow>",
            workflow.id,
            workflow.state,
            document.write().split_once("?>").map_or("", |(_, rest)| rest)
        ))
    }

    /// Notes what was done in doubt, or to a lecture that had arrived.
    fn check_asked(&self, lecture: &str, what: &str) {
        let (doubted, arrived) = {
            let notes = self.notes();
            let arrived = notes.book.archived(lecture).is_some();
            (notes.book.doubted(lecture), arrived)
        };
        if doubted {
            self.breach(&format!("{what} in doubt, without a question"));
        }
        if arrived {
            self.breach(&format!("{what} for a lecture that had arrived"));
        }
    }
}

/// Leaves the lecture in doubt unless it was settled, or was asked for meanwhile: what a killed
/// client left in the buffers of its kernel still arrives while its successor has asked already.
struct Doubt<'a> {
    court: &'a Court,
    lecture: String,
    questions: u64,
    settled: bool,
}

impl<'a> Doubt<'a> {
    fn about(court: &'a Court, lecture: &str) -> Self {
        Self {
            court,
            lecture: lecture.to_owned(),
            questions: court.notes().book.questions(lecture),
            settled: false,
        }
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        let mut notes = self.court.notes();
        if !self.settled && notes.book.questions(&self.lecture) == self.questions {
            notes.book.doubt(&self.lecture);
        }
    }
}
