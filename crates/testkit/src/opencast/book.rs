//! What the judge keeps: files on disk, facts beside them, written after each change.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use super::package::Document;

/// One file of a lecture that was handed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpencastTrack {
    /// The element's id.
    pub id: String,
    /// Its flavour.
    pub flavor: String,
    /// The name that the client gave.
    pub name: String,
    /// A track, else an attachment.
    pub track: bool,
    /// In bytes.
    pub size: u64,
    /// Lower-case hex.
    pub sha256: String,
    /// Lower-case hex.
    pub md5: String,
}

/// One workflow: a lecture that was handed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpencastWorkflow {
    /// Its number.
    pub id: u64,
    /// The media package's id.
    pub lecture: String,
    /// Opencast's word for how far it is.
    pub state: String,
    /// Which definition was asked for.
    pub definition: Option<String>,
    /// Every other field of the handing in.
    pub parameters: BTreeMap<String, String>,
    /// The Dublin Core that came with the lecture.
    pub dublin_core: String,
    /// Its files.
    pub tracks: Vec<OpencastTrack>,
}

#[derive(Default, Serialize, Deserialize)]
struct Facts {
    next: u64,
    elements: BTreeMap<String, (String, OpencastTrack)>,
    catalogues: BTreeMap<String, String>,
    workflows: Vec<OpencastWorkflow>,
    archive: BTreeMap<String, Vec<OpencastTrack>>,
    agents: BTreeMap<String, String>,
    recordings: BTreeMap<String, String>,
}

pub(super) struct Book {
    dir: PathBuf,
    facts: Facts,
    /// Lectures of which a request broke: the client must ask before it sends again. In memory: a
    /// request may break when the folder is no more.
    doubts: BTreeSet<String>,
    /// How often a lecture was asked for.
    questions: BTreeMap<String, u64>,
}

impl Book {
    pub(super) fn open(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join("facts.json");
        let facts: Facts = match path.exists() {
            true => serde_json::from_slice(&std::fs::read(path)?).context("the judge's own facts")?,
            false => Facts::default(),
        };
        // The judge itself broke off: whatever was on its way is in doubt.
        let doubts = facts
            .elements
            .values()
            .map(|(lecture, _)| lecture.clone())
            .collect();
        Ok(Self {
            dir: dir.to_owned(),
            facts,
            doubts,
            questions: BTreeMap::new(),
        })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A number that was never given out.
    fn fresh(&mut self) -> u64 {
        self.facts.next += 1;
        self.facts.next
    }

    /// A new file for a lecture's element, and the element's id.
    pub(super) fn begin_element(&mut self) -> (String, PathBuf) {
        let id = format!("e0000000-0000-4000-8000-{:012x}", self.fresh());
        let path = self.dir.join(format!("{id}.bin"));
        (id, path)
    }

    /// An element whose file is whole.
    pub(super) fn add_element(&mut self, lecture: &str, element: OpencastTrack) {
        let id = element.id.clone();
        self.facts.elements.insert(id, (lecture.to_owned(), element));
        self.save();
    }

    pub(super) fn add_catalogue(&mut self, text: &str) -> String {
        let id = format!("c0000000-0000-4000-8000-{:012x}", self.fresh());
        self.facts.catalogues.insert(id.clone(), text.to_owned());
        self.save();
        id
    }

    /// The elements that a document refers to; `Err` names one that is not there.
    pub(super) fn resolve(&self, document: &Document) -> Result<Vec<OpencastTrack>, String> {
        let element = |id: &String| match self.facts.elements.get(id) {
            Some((lecture, element)) if *lecture == document.id => Ok(element.clone()),
            _ => Err(id.clone()),
        };
        document
            .elements
            .iter()
            .map(|reference| element(&reference.id))
            .collect()
    }

    pub(super) fn workflows_of(&self, lecture: &str) -> Vec<OpencastWorkflow> {
        let of = |workflow: &&OpencastWorkflow| workflow.lecture == lecture;
        self.facts.workflows.iter().filter(of).cloned().collect()
    }

    pub(super) fn begin_workflow(
        &mut self,
        document: &Document,
        tracks: Vec<OpencastTrack>,
        state: &str,
        mut parameters: BTreeMap<String, String>,
    ) -> OpencastWorkflow {
        parameters.remove("mediaPackage");
        let catalogue = document
            .catalogue
            .as_ref()
            .and_then(|id| self.facts.catalogues.get(id));
        let workflow = OpencastWorkflow {
            dublin_core: catalogue.cloned().unwrap_or_default(),
            id: self.fresh(),
            lecture: document.id.clone(),
            state: state.to_owned(),
            definition: parameters.remove("workflowDefinitionId"),
            parameters,
            tracks: tracks.clone(),
        };
        self.facts.workflows.push(workflow.clone());
        self.facts.archive.insert(document.id.clone(), tracks);
        self.save();
        workflow
    }

    pub(super) fn archived(&self, lecture: &str) -> Option<&Vec<OpencastTrack>> {
        self.facts.archive.get(lecture)
    }

    pub(super) fn workflows(&self) -> Vec<OpencastWorkflow> {
        self.facts.workflows.clone()
    }

    pub(super) fn end_workflows(&mut self, state: &str) {
        for workflow in self
            .facts
            .workflows
            .iter_mut()
            .filter(|workflow| workflow.state == "RUNNING")
        {
            state.clone_into(&mut workflow.state);
        }
        self.save();
    }

    pub(super) fn clear_workflows(&mut self) {
        self.facts.workflows.clear();
        self.save();
    }

    pub(super) fn forget(&mut self, lecture: &str) {
        self.facts
            .workflows
            .retain(|workflow| workflow.lecture != lecture);
        self.facts.archive.remove(lecture);
        self.facts.elements.retain(|_, (of, _)| of != lecture);
        self.save();
    }

    pub(super) fn occupy(&mut self, lecture: &str, flavor: &str, content: &[u8]) {
        let (id, path) = self.begin_element();
        std::fs::write(&path, content).expect("the judge owns its folder");
        let track = OpencastTrack {
            id,
            flavor: flavor.to_owned(),
            name: "other.mp4".to_owned(),
            track: true,
            size: content.len() as u64,
            sha256: crate::sha256_of_file(&path).expect("the judge owns its folder"),
            md5: hex(&Md5::digest(content)),
        };
        let document = Document {
            id: lecture.to_owned(),
            ..Document::default()
        };
        self.begin_workflow(&document, vec![track], "SUCCEEDED", BTreeMap::new());
    }

    pub(super) fn set_agent(&mut self, name: &str, state: &str) {
        self.facts.agents.insert(name.to_owned(), state.to_owned());
        self.save();
    }

    pub(super) fn agent(&self, name: &str) -> Option<String> {
        self.facts.agents.get(name).cloned()
    }

    pub(super) fn set_recording(&mut self, lecture: &str, state: &str) {
        self.facts.recordings.insert(lecture.to_owned(), state.to_owned());
        self.save();
    }

    pub(super) fn recording(&self, lecture: &str) -> Option<String> {
        self.facts.recordings.get(lecture).cloned()
    }

    pub(super) fn doubt(&mut self, lecture: &str) {
        self.doubts.insert(lecture.to_owned());
    }

    pub(super) fn doubted(&self, lecture: &str) -> bool {
        self.doubts.contains(lecture)
    }

    pub(super) fn asked(&mut self, lecture: &str) {
        self.doubts.remove(lecture);
        *self.questions.entry(lecture.to_owned()).or_default() += 1;
    }

    pub(super) fn questions(&self, lecture: &str) -> u64 {
        self.questions.get(lecture).copied().unwrap_or_default()
    }

    fn save(&self) {
        let path = self.dir.join("facts.json");
        let fresh = self.dir.join("facts.new");
        let file = File::create(&fresh).expect("the judge owns its folder");
        serde_json::to_writer(file, &self.facts).expect("the judge owns its folder");
        std::fs::rename(fresh, path).expect("the judge owns its folder");
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
