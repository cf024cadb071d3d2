//! Reads `[[platform]]`: which keys each protocol has, and where its secret is.

use std::path::{Path, PathBuf};

use super::faults::{Findings, listed};
use super::limits::Parsed;
use super::platform_keys::{
    AGENT, AUTH, BUCKET, CA_FILE, CHECKSUM, CREATE, CREDENTIAL, CREDENTIAL_FILE, KIND, Kind, LABEL, NAME,
    OF_KINDS, PARAMETERS, PATH, PATH_ON_DISK, PATH_STYLE, PREFIX, RECEIPT_URL, REGION, SEND, URL, USER,
    WORKFLOW,
};
use super::section::{Elsewhere, Key, Section};
use super::tree::{Node, Table, Value, shown};
use super::{Create, Credential, Platform, PlatformKind};
use crate::ids::RoomId;

/// Every `[[platform]]`, in order; `None` when a fault was found and noted. `spool` is where
/// recordings lie, `room` the name that a capture agent has by default.
pub(super) fn read_all(
    root: &Table,
    spool: &Path,
    room: Option<&RoomId>,
    findings: &mut Findings,
) -> Option<Vec<Platform>> {
    let nodes: &[Node] = match root.entry("platform").map(|entry| &entry.node.value) {
        Some(Value::List(nodes)) => nodes,
        // Another form of it has been reported with the sections.
        Some(_) => return None,
        // Finished lectures then stay here, which is a sound way to work.
        None => &[],
    };
    let mut names = Vec::new();
    let mut platforms = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let Value::Table(table) = &node.value else {
            return None;
        };
        let mut section = Section::of_list("[[platform]]", "platform", index + 1, table, findings);
        section.check_name_is_new(&mut names);
        platforms.push(read_one(section, spool, room));
    }
    platforms.into_iter().collect()
}

fn read_one(mut section: Section<'_, '_>, spool: &Path, room: Option<&RoomId>) -> Option<Platform> {
    let name = section.require(&NAME);
    let kind = section.require(&KIND);
    let send = section.get_or_default(&SEND);
    // Without a known kind there is no telling which keys belong here.
    let Some(kind) = kind else {
        for (name, _, example) in OF_KINDS {
            section.pass_over(name, example);
        }
        section.finish(&[]);
        return None;
    };
    let (what, word) = match kind {
        Kind::Tus => (tus(&mut section), "tus"),
        Kind::S3 => (s3(&mut section), "s3"),
        Kind::Opencast => (opencast(&mut section, room), "opencast"),
        Kind::Directory => (directory(&mut section, spool), "directory"),
    };
    let (credential, ca_file) = match kind {
        Kind::Tus => (credential(&mut section), section.get(&CA_FILE)),
        Kind::S3 | Kind::Opencast => (needed_credential(&mut section), section.get(&CA_FILE)),
        Kind::Directory => (None, None),
    };
    section.finish(&other_kinds(word));
    Some(Platform {
        name: name?,
        kind: what?,
        send,
        credential,
        ca_file,
    })
}

fn tus(section: &mut Section<'_, '_>) -> Option<PlatformKind> {
    let (url, receipt_url) = (section.require(&URL), section.get(&RECEIPT_URL));
    url.map(|url| PlatformKind::Tus { url, receipt_url })
}

fn s3(section: &mut Section<'_, '_>) -> Option<PlatformKind> {
    let (url, bucket) = (section.require(&URL), section.require(&BUCKET));
    let region = section.get_or_default(&REGION);
    let prefix = section.get_or_default(&PREFIX);
    let path_style = section.get_or_default(&PATH_STYLE);
    let checksum = section.get_or_default(&CHECKSUM);
    Some(PlatformKind::S3 {
        url: url?,
        bucket: bucket?,
        region,
        prefix,
        path_style,
        checksum,
    })
}

fn opencast(section: &mut Section<'_, '_>, room: Option<&RoomId>) -> Option<PlatformKind> {
    let (url, user) = (section.require(&URL), section.require(&USER));
    let auth = section.get_or_default(&AUTH);
    let workflow = section.get(&WORKFLOW);
    let parameters = section.get(&PARAMETERS).unwrap_or_default();
    let agent = section
        .get(&AGENT)
        .or_else(|| room.map(|id| id.as_str().to_owned()));
    Some(PlatformKind::Opencast {
        url: url?,
        user: user?,
        auth,
        workflow,
        parameters,
        agent: agent?,
    })
}

fn directory(section: &mut Section<'_, '_>, spool: &Path) -> Option<PlatformKind> {
    let label = section.get(&LABEL);
    let path = if section.has(LABEL.name) {
        Some(section.get_or_default(&PATH_ON_DISK))
    } else {
        section.require(&PATH)
    };
    let create = match section.get(&CREATE) {
        Some(true) => Create::Always,
        Some(false) => Create::Never,
        None => Create::Beside,
    };
    let path = path?;
    if !section.has(LABEL.name) && path.starts_with(spool) {
        // What the spool does not know is put into quarantine at the next start.
        let wrong = format!("lies in storage.path, {}", shown(&spool.to_string_lossy()));
        section.refuse("path", &wrong, "allowed is a folder outside of it", PATH.example);
    }
    Some(PlatformKind::Directory { path, label, create })
}

/// For what cannot do without one: exactly one of `credential` and `credential_file`.
pub(super) fn needed_credential(section: &mut Section<'_, '_>) -> Option<Credential> {
    section.require_secret(CREDENTIAL.name, CREDENTIAL_FILE.name, None);
    credential(section)
}

/// At most one of `credential` and `credential_file`.
pub(super) fn credential(section: &mut Section<'_, '_>) -> Option<Credential> {
    one_credential(section, &CREDENTIAL, &CREDENTIAL_FILE)
}

/// At most one of two keys that say where a secret is: by systemd's `name` for it, or its `file`.
pub(super) fn one_credential(
    section: &mut Section<'_, '_>,
    by_name: &'static Key<Parsed<String>>,
    by_file: &'static Key<Parsed<PathBuf>>,
) -> Option<Credential> {
    let (name, file) = (section.get(by_name), section.get(by_file));
    if section.has(by_name.name) && section.has(by_file.name) {
        let wrong = format!(
            "stands beside {}, and there is no telling which one holds",
            by_name.name
        );
        section.refuse(by_file.name, &wrong, "allowed is one of the two", by_name.example);
    }
    name.map(Credential::Name).or(file.map(Credential::File))
}

/// What to say of the keys that this kind does not have.
fn other_kinds(this: &str) -> Vec<Elsewhere> {
    let belongs = |(name, kinds, example): (&'static str, &[&str], &'static str)| Elsewhere {
        name,
        wrong: format!(
            "{name} belongs to {}, this platform is {this}",
            listed(kinds.iter().copied())
        ),
        allowed: "take the line out, or choose a kind that has it".to_owned(),
        example,
    };
    OF_KINDS.into_iter().map(belongs).collect()
}
