//! The judge's uploads: bytes and facts on disk, counts in memory.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

/// One upload as the judge knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The last part of its address.
    pub id: String,
    /// What the client announced.
    pub length: u64,
    /// What is stored.
    pub offset: u64,
    /// Body bytes that arrived for it, over all requests: more than `length` means sent twice.
    pub received: u64,
    /// Stored bytes whose checksum the client sent and the judge verified.
    pub checked: u64,
    /// Metadata, decoded.
    pub metadata: BTreeMap<String, String>,
    /// Of the stored bytes; present when they are whole.
    pub sha256: Option<String>,
}

/// One upload's facts.
pub(super) struct Entry {
    pub(super) length: u64,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) received: u64,
    pub(super) checked: u64,
    /// Seconds since 1970 by the judge's clock until it is kept unfinished.
    pub(super) expires: Option<i64>,
    /// A piece with a checksum began here and is not verified: a judge that is killed drops it.
    unsure_from: Option<u64>,
    /// A request is at work on it.
    pub(super) locked: bool,
    /// So many requests more find it locked, as if an old one were still at work.
    pub(super) held: u32,
    /// Its address is gone (moved away or expired); if whole, its receipt stays.
    pub(super) gone: bool,
    /// A request for it broke: the client must ask before it sends again.
    pub(super) in_doubt: bool,
}

impl Entry {
    /// Whether a request must go away again; asked once for each.
    pub(super) fn is_locked(&mut self) -> bool {
        let held = self.held > 0;
        self.held = self.held.saturating_sub(1);
        self.locked || held
    }
}

pub(super) struct Book {
    dir: PathBuf,
    entries: BTreeMap<String, Entry>,
}

impl Book {
    pub(super) fn open(dir: &Path) -> anyhow::Result<Self> {
        let mut entries = BTreeMap::new();
        for found in std::fs::read_dir(dir)? {
            let path = found?.path();
            if path.extension().is_none_or(|ext| ext != "json") {
                continue;
            }
            let id = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .context("an upload with an odd name")?;
            let facts: serde_json::Value = serde_json::from_slice(&std::fs::read(&path)?)?;
            let entry = Entry {
                length: facts["length"].as_u64().context("an upload without a length")?,
                metadata: serde_json::from_value(facts["metadata"].clone())?,
                received: 0,
                checked: 0,
                expires: facts["expires"].as_i64(),
                unsure_from: None,
                locked: false,
                held: 0,
                gone: facts["gone"] == json!(true),
                // The judge itself broke off: whatever was on its way is in doubt.
                in_doubt: true,
            };
            if let Some(from) = facts["unsure_from"].as_u64() {
                OpenOptions::new()
                    .write(true)
                    .open(dir.join(format!("{id}.bin")))?
                    .set_len(from)?;
            }
            entries.insert(id.to_owned(), entry);
        }
        Ok(Self {
            dir: dir.to_owned(),
            entries,
        })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Received and checked bytes of each upload.
    pub(super) fn counts(&self) -> BTreeMap<String, (u64, u64)> {
        self.entries
            .iter()
            .map(|(id, entry)| (id.clone(), (entry.received, entry.checked)))
            .collect()
    }

    pub(super) fn with_counts(mut self, counts: &BTreeMap<String, (u64, u64)>) -> Self {
        for (id, entry) in &mut self.entries {
            (entry.received, entry.checked) = counts.get(id).copied().unwrap_or_default();
        }
        self
    }

    pub(super) fn create(
        &mut self,
        length: u64,
        metadata: BTreeMap<String, String>,
    ) -> std::io::Result<String> {
        let id = format!("{:08}", self.entries.len() + 1);
        File::create(self.data(&id))?;
        let entry = Entry {
            length,
            metadata,
            received: 0,
            checked: 0,
            expires: None,
            unsure_from: None,
            locked: false,
            held: 0,
            gone: false,
            in_doubt: false,
        };
        self.entries.insert(id.clone(), entry);
        self.write_facts(&id)?;
        Ok(id)
    }

    /// An upload whose address is good.
    pub(super) fn live(&mut self, id: &str) -> Option<&mut Entry> {
        self.entries.get_mut(id).filter(|entry| !entry.gone)
    }

    pub(super) fn known(&mut self, id: &str) -> Option<&mut Entry> {
        self.entries.get_mut(id)
    }

    pub(super) fn has_locked(&self) -> bool {
        self.entries.values().any(|entry| entry.locked)
    }

    pub(super) fn offset(&self, id: &str) -> u64 {
        std::fs::metadata(self.data(id)).map_or(0, |meta| meta.len())
    }

    pub(super) fn append(&mut self, id: &str, bytes: &[u8]) -> std::io::Result<()> {
        OpenOptions::new()
            .append(true)
            .open(self.data(id))?
            .write_all(bytes)?;
        if let Some(entry) = self.entries.get_mut(id) {
            entry.received += bytes.len() as u64;
        }
        Ok(())
    }

    /// Drops the bytes from here on.
    pub(super) fn cut_back(&mut self, id: &str, to: u64) {
        OpenOptions::new()
            .write(true)
            .open(self.data(id))
            .and_then(|file| file.set_len(to))
            .expect("the judge owns its folder");
    }

    /// From here on the bytes are not verified yet; `None` when they are, or are gone.
    pub(super) fn doubt_from(&mut self, id: &str, from: Option<u64>) {
        if let Some(entry) = self.entries.get_mut(id)
            && entry.unsure_from != from
        {
            entry.unsure_from = from;
            self.write_facts(id).expect("the judge owns its folder");
        }
    }

    pub(super) fn add_checked(&mut self, id: &str, bytes: u64) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.checked += bytes;
        }
    }

    pub(super) fn set_expires(&mut self, id: &str, expires: i64) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.expires = Some(expires);
            self.write_facts(id).expect("the judge owns its folder");
        }
    }

    /// Makes its address gone. What is not whole is dropped with it.
    pub(super) fn remove(&mut self, id: &str) {
        let whole = self
            .entries
            .get(id)
            .is_some_and(|entry| entry.length == self.offset(id));
        if let Some(entry) = self.entries.get_mut(id) {
            entry.gone = true;
        }
        if !whole {
            File::create(self.data(id)).expect("the judge owns its folder");
        }
        self.write_facts(id).expect("the judge owns its folder");
    }

    /// The whole upload of a lecture's file.
    pub(super) fn find_whole(&self, lecture: &str, file: &str) -> Option<Upload> {
        self.uploads().into_iter().find(|upload| {
            upload.sha256.is_some()
                && upload
                    .metadata
                    .get("lecture_id")
                    .is_some_and(|value| value == lecture)
                && upload.metadata.get("filename").is_some_and(|value| value == file)
        })
    }

    pub(super) fn uploads(&self) -> Vec<Upload> {
        self.entries
            .iter()
            .map(|(id, entry)| {
                let offset = self.offset(id);
                let whole = offset == entry.length && (!entry.gone || offset > 0);
                Upload {
                    id: id.clone(),
                    length: entry.length,
                    offset,
                    received: entry.received,
                    checked: entry.checked,
                    metadata: entry.metadata.clone(),
                    sha256: whole
                        .then(|| crate::sha256_of_file(&self.data(id)).expect("the judge owns its folder")),
                }
            })
            .collect()
    }

    fn data(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}.bin"))
    }

    fn write_facts(&self, id: &str) -> std::io::Result<()> {
        let Some(entry) = self.entries.get(id) else {
            return Ok(());
        };
        let facts = json!({
            "length": entry.length,
            "metadata": entry.metadata,
            "gone": entry.gone,
            "expires": entry.expires,
            "unsure_from": entry.unsure_from,
        });
        std::fs::write(self.dir.join(format!("{id}.json")), facts.to_string())
    }
}
