//! The judge's objects and unfinished uploads: on disk, so that a killed judge goes on with them.
//!
//! `objects/NAME.bin` counts with the `NAME.json` beside it, which comes last; `uploads/N/` has
//! `facts.json` and the parts in the same way; `incoming/` is what was on its way.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::digest::{Cover, S3Checksum, hex};

const OWN: &str = "the judge owns its folder";

/// One object as the judge knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Object {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its ETag, without quotes.
    pub etag: String,
    /// Of its bytes, lower-case hex.
    pub sha256: String,
    /// The headers that were stored with it: content type and `x-amz-meta-…`.
    pub headers: BTreeMap<String, String>,
    /// Its additional checksum in base64, composite ones with their number of parts.
    pub checksum: Option<(S3Checksum, String)>,
    /// Body bytes that arrived for its key, over all requests: more than `size` means sent twice.
    pub received: u64,
    /// How often it came into being: more than 1 means overwritten, or removed and made again.
    pub written: usize,
}

/// An upload that is neither completed nor aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenUpload {
    /// Its opaque id.
    pub id: String,
    /// The key that it is to become.
    pub key: String,
    /// Number and size of the parts that are stored.
    pub parts: Vec<(u32, u64)>,
}

/// What is stored beside an object's bytes.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ObjectFacts {
    pub(super) key: String,
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) checksum: Option<(S3Checksum, Cover, String)>,
    /// Seconds since 1970 by the store's clock.
    pub(super) modified: i64,
}

/// What is stored beside a part's bytes.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct PartFacts {
    pub(super) size: u64,
    pub(super) etag: String,
    /// By the upload's checksum.
    pub(super) checksum: Option<String>,
    pub(super) modified: i64,
}

/// What is stored of an upload.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct UploadFacts {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) headers: BTreeMap<String, String>,
    /// The checksum that its parts are kept with.
    pub(super) checksum: Option<(S3Checksum, Cover)>,
    /// The client asked for it, so every part must bear it.
    pub(super) demanded: bool,
    pub(super) initiated: i64,
}

pub(super) struct Upload {
    pub(super) facts: UploadFacts,
    pub(super) parts: BTreeMap<u32, PartFacts>,
    dir: PathBuf,
}

pub(super) struct Book {
    dir: PathBuf,
    objects: BTreeMap<String, ObjectFacts>,
    /// In order of creation.
    uploads: BTreeMap<u64, Upload>,
    next_upload: u64,
}

impl Book {
    pub(super) fn open(dir: &Path) -> anyhow::Result<Self> {
        for folder in ["objects", "uploads", "incoming"] {
            std::fs::create_dir_all(dir.join(folder)).with_context(|| format!("in {}", dir.display()))?;
        }
        for left_over in std::fs::read_dir(dir.join("incoming"))? {
            std::fs::remove_file(left_over?.path())?;
        }
        let mut objects = BTreeMap::new();
        for path in facts_in(&dir.join("objects"))? {
            let facts: ObjectFacts = read(&path)?;
            objects.insert(facts.key.clone(), facts);
        }
        let mut uploads = BTreeMap::new();
        for entry in std::fs::read_dir(dir.join("uploads"))? {
            let dir = entry?.path();
            let number: u64 = name_of(&dir).parse().context("an upload with an odd name")?;
            let Ok(facts) = read(&dir.join("facts.json")) else {
                // It was never answered for, or is aborted already.
                std::fs::remove_dir_all(&dir)?;
                continue;
            };
            let mut parts = BTreeMap::new();
            for path in facts_in(&dir)? {
                if let Ok(number) = name_of(&path).trim_end_matches(".json").parse() {
                    parts.insert(number, read(&path)?);
                }
            }
            uploads.insert(number, Upload { facts, parts, dir });
        }
        let next_upload = uploads.keys().next_back().map_or(1, |last| last + 1);
        Ok(Self {
            dir: dir.to_owned(),
            objects,
            uploads,
            next_upload,
        })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A file for a body that comes in; gone when it is dropped.
    pub(super) fn incoming(&self) -> NamedTempFile {
        NamedTempFile::new_in(self.dir.join("incoming")).expect(OWN)
    }

    pub(super) fn object(&self, key: &str) -> Option<&ObjectFacts> {
        self.objects.get(key)
    }

    pub(super) fn bytes_of(&self, key: &str) -> Vec<u8> {
        std::fs::read(self.object_path(key, "bin")).expect(OWN)
    }

    /// Makes an object, in place of one of the same key.
    pub(super) fn put(&mut self, body: NamedTempFile, facts: ObjectFacts) {
        // The facts go first when there are old ones: they must never stand beside other bytes.
        self.delete(&facts.key);
        body.persist(self.object_path(&facts.key, "bin")).expect(OWN);
        self.write(&self.object_path(&facts.key, "json"), &facts);
        self.objects.insert(facts.key.clone(), facts);
    }

    pub(super) fn delete(&mut self, key: &str) {
        if self.objects.remove(key).is_some() {
            std::fs::remove_file(self.object_path(key, "json")).expect(OWN);
            std::fs::remove_file(self.object_path(key, "bin")).expect(OWN);
        }
    }

    pub(super) fn objects(&self) -> Vec<S3Object> {
        self.objects
            .values()
            .map(|facts| S3Object {
                key: facts.key.clone(),
                size: facts.size,
                etag: facts.etag.clone(),
                sha256: crate::sha256_of_file(&self.object_path(&facts.key, "bin")).expect(OWN),
                headers: facts.headers.clone(),
                checksum: facts
                    .checksum
                    .as_ref()
                    .map(|(kind, _, value)| (*kind, value.clone())),
                received: 0,
                written: 0,
            })
            .collect()
    }

    /// Begins an upload; `facts` get their id, which is opaque and must be encoded in a query.
    pub(super) fn create(&mut self, mut facts: UploadFacts) -> String {
        let number = self.next_upload;
        self.next_upload += 1;
        // Numbers come again after a restart, ids never.
        let salt = Sha256::digest(format!("{number} {} {}", facts.key, Timestamp::now()));
        facts.id = format!("{number}+{}", STANDARD.encode(&salt[..10]));
        let (id, dir) = (
            facts.id.clone(),
            self.dir.join("uploads").join(number.to_string()),
        );
        std::fs::create_dir_all(&dir).expect(OWN);
        self.write(&dir.join("facts.json"), &facts);
        let parts = BTreeMap::new();
        self.uploads.insert(number, Upload { facts, parts, dir });
        id
    }

    pub(super) fn upload(&self, id: &str, key: &str) -> Option<&Upload> {
        self.uploads
            .values()
            .find(|upload| upload.facts.id == id && upload.facts.key == key)
    }

    pub(super) fn uploads(&self) -> impl Iterator<Item = &Upload> {
        self.uploads.values()
    }

    /// Stores a part, in place of one of the same number. The upload must be there.
    pub(super) fn put_part(&mut self, id: &str, number: u32, body: NamedTempFile, facts: &PartFacts) {
        let Some(upload) = self.uploads.values_mut().find(|upload| upload.facts.id == id) else {
            return;
        };
        let path = upload.dir.join(format!("{number}.json"));
        if upload.parts.insert(number, facts.clone()).is_some() {
            std::fs::remove_file(&path).expect(OWN);
        }
        body.persist(upload.dir.join(format!("{number}.bin"))).expect(OWN);
        self.write(&path, facts);
    }

    /// The chosen parts of an upload in one file.
    pub(super) fn joined(&self, upload: &Upload, parts: &[u32]) -> NamedTempFile {
        let mut whole = self.incoming();
        for number in parts {
            let mut part = File::open(upload.dir.join(format!("{number}.bin"))).expect(OWN);
            io::copy(&mut part, whole.as_file_mut()).expect(OWN);
        }
        whole
    }

    /// True when it was there.
    pub(super) fn abort(&mut self, id: &str) -> bool {
        let found = self.uploads.iter().find(|(_, upload)| upload.facts.id == id);
        let Some(number) = found.map(|(number, _)| *number) else {
            return false;
        };
        if let Some(upload) = self.uploads.remove(&number) {
            // First what makes it count, then the rest.
            std::fs::remove_file(upload.dir.join("facts.json")).expect(OWN);
            std::fs::remove_dir_all(&upload.dir).expect(OWN);
        }
        true
    }

    pub(super) fn abort_all(&mut self) {
        for upload in self.open_uploads() {
            self.abort(&upload.id);
        }
    }

    pub(super) fn open_uploads(&self) -> Vec<OpenUpload> {
        self.uploads
            .values()
            .map(|upload| OpenUpload {
                id: upload.facts.id.clone(),
                key: upload.facts.key.clone(),
                parts: upload
                    .parts
                    .iter()
                    .map(|(number, part)| (*number, part.size))
                    .collect(),
            })
            .collect()
    }

    /// Keys have any length and characters, names of files have not.
    fn object_path(&self, key: &str, ending: &str) -> PathBuf {
        let name = hex(&Sha256::digest(key));
        self.dir.join("objects").join(format!("{name}.{ending}"))
    }

    /// In one step, so that a killed judge finds all of it or nothing.
    fn write(&self, path: &Path, facts: &impl Serialize) {
        let file = self.incoming();
        serde_json::to_writer(&file, facts).expect(OWN);
        file.persist(path).expect(OWN);
    }
}

fn facts_in(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            found.push(path);
        }
    }
    Ok(found)
}

fn name_of(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let bytes = std::fs::read(path)?;
    serde_json::from_slice(&bytes).with_context(|| format!("reading {}", path.display()))
}
