//! Reads `[[platform]]`: which keys each protocol has, and where its secret is.

use std::path::{Path, PathBuf};

use super::faults::{Findings, listed};
use super::limits::{ABSOLUTE_PATH, Each, Flag, OneOf, Parsed};
use super::section::{Elsewhere, Key, NAME_ALLOWED, Section};
use super::tree::{Node, Table, Value, shown};
use super::{Create, Credential, Platform, PlatformKind, Send, endpoint};
use crate::ids::PlatformName;

#[derive(Clone, Copy)]
enum Kind {
    Tus,
    Directory,
}

const NAME: Key<Parsed<PlatformName>> = Key {
    name: "name",
    example: "name = \"central\"",
    limits: Parsed {
        allowed: NAME_ALLOWED,
        parse: |text| {
            text.parse()
                .map_err(|_| format!("{} is not a plain name", shown(text)))
        },
    },
};
const KIND: Key<OneOf<Kind>> = Key {
    name: "kind",
    example: "kind = \"directory\"",
    limits: OneOf {
        words: &[("tus", Kind::Tus), ("directory", Kind::Directory)],
        later: &["s3", "opencast"],
    },
};
const SEND: Key<Each<OneOf<Send>>> = Key {
    name: "send",
    example: "send = [\"lecture\"]",
    limits: Each(OneOf {
        words: &[
            ("lecture", Send::Lecture),
            ("tracks", Send::Tracks),
            ("metadata", Send::Metadata),
        ],
        later: &[],
    }),
};
const URL: Key<Parsed<String>> = Key {
    name: "url",
    example: "url = \"https://uploads.example.org/files/\"",
    limits: Parsed {
        allowed: WEB_ALLOWED,
        parse: endpoint::web,
    },
};
const RECEIPT_URL: Key<Parsed<String>> = Key {
    name: "receipt_url",
    example: "receipt_url = \"https://uploads.example.org/receipts/\"",
    limits: Parsed {
        allowed: WEB_ALLOWED,
        parse: endpoint::web,
    },
};
const WEB_ALLOWED: &str = "https://…, and http://… only to this machine, without user or password";
const CREDENTIAL: Key<Parsed<String>> = Key {
    name: "credential",
    example: "credential = \"central-token\"",
    limits: Parsed {
        allowed: "the name of a credential of systemd: 1 to 64 characters of a-z, A-Z, 0-9, \".\", \"-\" and \"_\"",
        parse: credential_name,
    },
};
const CREDENTIAL_FILE: Key<Parsed<PathBuf>> = Key {
    name: "credential_file",
    example: "credential_file = \"/etc/lectern/central-token\"",
    limits: ABSOLUTE_PATH,
};
const CA_FILE: Key<Parsed<PathBuf>> = Key {
    name: "ca_file",
    example: "ca_file = \"/etc/lectern/ca.pem\"",
    limits: ABSOLUTE_PATH,
};
const PATH: Key<Parsed<PathBuf>> = Key {
    name: "path",
    example: "path = \"/srv/lectures\"",
    limits: ABSOLUTE_PATH,
};
const CREATE: Key<Flag> = Key {
    name: "create",
    example: "create = true",
    limits: Flag,
};

/// Keys that only some kinds have.
const OF_KINDS: [(&str, &[&str], &str); 13] = [
    ("url", &["tus"], URL.example),
    ("receipt_url", &["tus"], RECEIPT_URL.example),
    ("credential", &["tus"], CREDENTIAL.example),
    ("credential_file", &["tus"], CREDENTIAL_FILE.example),
    ("ca_file", &["tus"], CA_FILE.example),
    ("path", &["directory"], PATH.example),
    ("create", &["directory"], CREATE.example),
    ("bucket", &["s3"], KIND.example),
    ("region", &["s3"], KIND.example),
    ("prefix", &["s3"], KIND.example),
    ("path_style", &["s3"], KIND.example),
    ("user", &["opencast"], KIND.example),
    ("workflow", &["opencast"], KIND.example),
];

/// Every `[[platform]]`, in order; `None` when a fault was found and noted. `spool` is where
/// recordings lie.
pub(super) fn read_all(root: &Table, spool: &Path, findings: &mut Findings) -> Option<Vec<Platform>> {
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
        platforms.push(read_one(section, spool));
    }
    platforms.into_iter().collect()
}

fn read_one(mut section: Section<'_, '_>, spool: &Path) -> Option<Platform> {
    let name = section.require(&NAME);
    let kind = section.require(&KIND);
    let send = section.get(&SEND).unwrap_or_else(|| vec![Send::Lecture]);
    // Without a known kind there is no telling which keys belong here.
    let Some(kind) = kind else {
        for (name, _, example) in OF_KINDS {
            section.pass_over(name, example);
        }
        section.finish(&[]);
        return None;
    };
    let (what, credential, ca_file, word) = match kind {
        Kind::Tus => {
            let (url, receipt_url) = (section.require(&URL), section.get(&RECEIPT_URL));
            let credential = credential(&mut section);
            let ca_file = section.get(&CA_FILE);
            (
                url.map(|url| PlatformKind::Tus { url, receipt_url }),
                credential,
                ca_file,
                "tus",
            )
        }
        Kind::Directory => (directory(&mut section, spool), None, None, "directory"),
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

fn directory(section: &mut Section<'_, '_>, spool: &Path) -> Option<PlatformKind> {
    let path = section.require(&PATH)?;
    if path.starts_with(spool) {
        // What the spool does not know is put into quarantine at the next start.
        let wrong = format!("lies in storage.path, {}", shown(&spool.to_string_lossy()));
        section.refuse("path", &wrong, "allowed is a folder outside of it", PATH.example);
    }
    Some(PlatformKind::Directory {
        path,
        label: None,
        create: match section.get(&CREATE) {
            Some(true) => Create::Always,
            Some(false) => Create::Never,
            None => Create::Beside,
        },
    })
}

fn credential(section: &mut Section<'_, '_>) -> Option<Credential> {
    let (name, file) = (section.get(&CREDENTIAL), section.get(&CREDENTIAL_FILE));
    if section.has("credential") && section.has("credential_file") {
        let wrong = "stands beside credential, and there is no telling which one holds";
        section.refuse(
            "credential_file",
            wrong,
            "allowed is one of the two",
            CREDENTIAL.example,
        );
    }
    name.map(Credential::Name).or(file.map(Credential::File))
}

/// Does not repeat what it refuses: it may be the secret itself.
fn credential_name(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if text.is_empty() || text.len() > 64 || !text.bytes().all(plain) || matches!(text, "." | "..") {
        Err("is not the name of a credential, and the secret itself must not stand in this file".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// What to say of the keys that this kind does not have.
fn other_kinds(this: &str) -> Vec<Elsewhere> {
    let belongs = |(name, kinds, example): (&'static str, &[&str], &'static str)| {
        let later = kinds.iter().all(|kind| KIND.limits.later.contains(kind));
        let kinds = listed(kinds.iter().copied());
        Elsewhere {
            name,
            wrong: if later {
                format!("{name} belongs to {kinds}, which is not in this version yet")
            } else {
                format!("{name} belongs to {kinds}, this platform is {this}")
            },
            allowed: "take the line out, or choose a kind that has it".to_owned(),
            example,
        }
    };
    OF_KINDS.into_iter().map(belongs).collect()
}
