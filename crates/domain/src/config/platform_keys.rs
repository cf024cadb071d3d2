//! The keys of a `[[platform]]`: what each may be, and which protocols have it.

use std::path::PathBuf;

use super::limits::{ABSOLUTE_PATH, Each, Flag, LINE, OneOf, Parsed};
use super::section::{Key, NAME_ALLOWED, NAME_PATTERN, WithDefault};
use super::tree::shown;
use super::{Auth, Checksum, Send, endpoint};
use crate::ids::PlatformName;

/// A platform's protocol, before its keys are known.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Tus,
    S3,
    Opencast,
    Directory,
}

pub(super) const NAME: Key<Parsed<PlatformName>> = Key {
    name: "name",
    about: "The platform's name, in faults and on the page. A later file changes the platform of the same name.",
    example: "name = \"central\"",
    limits: Parsed {
        allowed: NAME_ALLOWED,
        pattern: Some(NAME_PATTERN),
        parse: |text| {
            text.parse()
                .map_err(|_| format!("{} is not a plain name", shown(text)))
        },
    },
};
pub(super) const KIND: Key<OneOf<Kind>> = Key {
    name: "kind",
    about: "The platform's protocol.",
    example: "kind = \"directory\"",
    limits: OneOf {
        words: &[
            ("tus", Kind::Tus),
            ("s3", Kind::S3),
            ("opencast", Kind::Opencast),
            ("directory", Kind::Directory),
        ],
        later: &[],
    },
};
pub(super) const SEND: WithDefault<Each<OneOf<Send>>> = Key {
    name: "send",
    about: "What it takes: lecture (lecture.mp4), tracks (a file for each source), metadata (lecture.json and SHA256SUMS).",
    example: "send = [\"lecture\"]",
    limits: Each(OneOf {
        words: &[
            ("lecture", Send::Lecture),
            ("tracks", Send::Tracks),
            ("metadata", Send::Metadata),
        ],
        later: &[],
    }),
}
.or("[\"lecture\"]");
pub(super) const URL: Key<Parsed<String>> = Key {
    name: "url",
    about: "Where it is reached.",
    example: "url = \"https://uploads.example.org/files/\"",
    limits: Parsed {
        allowed: WEB_ALLOWED,
        pattern: Some(WEB_PATTERN),
        parse: endpoint::web,
    },
};
pub(super) const RECEIPT_URL: Key<Parsed<String>> = Key {
    name: "receipt_url",
    about: "Where it says which lectures it has, with size and SHA-256, if it has such a thing.",
    example: "receipt_url = \"https://uploads.example.org/receipts/\"",
    limits: Parsed {
        allowed: WEB_ALLOWED,
        pattern: Some(WEB_PATTERN),
        parse: endpoint::web,
    },
};
/// A loopback address is judged by the reader.
const WEB_PATTERN: &str = "^(https://[^\\s]|http://(localhost|127\\.|\\[))\\S*$";
const WEB_ALLOWED: &str = "https://…, and http://… only to this machine, without user or password";
pub(super) const CREDENTIAL: Key<Parsed<String>> = Key {
    name: "credential",
    about: "Name of a credential that systemd loads for the service: the secret is never in this file.",
    example: "credential = \"central-token\"",
    limits: Parsed {
        allowed: "the name of a credential of systemd: 1 to 64 characters of a-z, A-Z, 0-9, \".\", \"-\" and \"_\"",
        pattern: Some("^[a-zA-Z0-9._-]{1,64}$"),
        parse: credential_name,
    },
};
pub(super) const CREDENTIAL_FILE: Key<Parsed<PathBuf>> = Key {
    name: "credential_file",
    about: "A file with the secret, which others must not be able to read.",
    example: "credential_file = \"/etc/lectern/central-token\"",
    limits: ABSOLUTE_PATH,
};
pub(super) const CA_FILE: Key<Parsed<PathBuf>> = Key {
    name: "ca_file",
    about: "Certificates to trust beside the system's, PEM.",
    example: "ca_file = \"/etc/lectern/ca.pem\"",
    limits: ABSOLUTE_PATH,
};
pub(super) const PATH: Key<Parsed<PathBuf>> = Key {
    name: "path",
    about: "The folder that gets the lectures: a mounted share, or with label one on that disk.",
    example: "path = \"/srv/lectures\"",
    limits: ABSOLUTE_PATH,
};
pub(super) const CREATE: Key<Flag> = Key {
    name: "create",
    about: "Whether the folder may be made if it is missing. Without it: if the folder above it holds something, because an empty one is where a share is not mounted.",
    example: "create = true",
    limits: Flag,
};

pub(super) const BUCKET: Key<Parsed<String>> = Key {
    name: "bucket",
    about: "The bucket that gets the lectures.",
    example: "bucket = \"lectures\"",
    limits: Parsed {
        allowed: "the name of a bucket: 3 to 63 characters of a-z, 0-9, \".\" and \"-\"",
        pattern: Some("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"),
        parse: bucket,
    },
};
pub(super) const REGION: WithDefault<Parsed<String>> = Key {
    name: "region",
    about: "As the store calls it; part of each signature.",
    example: "region = \"us-east-1\"",
    limits: Parsed {
        allowed: "the store's word for its region: 1 to 64 characters of a-z, A-Z, 0-9, \"-\" and \"_\"",
        pattern: Some("^[a-zA-Z0-9_-]{1,64}$"),
        parse: region,
    },
}
.or("\"us-east-1\"");
pub(super) const PREFIX: WithDefault<Parsed<String>> = Key {
    name: "prefix",
    about: "What stands in front of every key.",
    example: "prefix = \"hall-b/\"",
    limits: Parsed {
        allowed: "at most 200 characters that do not begin with /, without \"..\"",
        pattern: Some("^([^/].{0,199})?$"),
        parse: prefix,
    },
}
.or("\"\"");
pub(super) const PATH_STYLE: WithDefault<Flag> = Key {
    name: "path_style",
    about: "Whether the bucket is part of the path, as most stores of a campus want it, or of the host's name.",
    example: "path_style = true",
    limits: Flag,
}
.or("true");
pub(super) const CHECKSUM: WithDefault<OneOf<Checksum>> = Key {
    name: "checksum",
    about: "The digest that goes with each part; auto finds what the store takes.",
    example: "checksum = \"auto\"",
    limits: OneOf {
        words: &[
            ("auto", Checksum::Auto),
            ("crc64nvme", Checksum::Crc64nvme),
            ("crc32c", Checksum::Crc32c),
            ("sha256", Checksum::Sha256),
            ("md5", Checksum::Md5),
            ("none", Checksum::None),
        ],
        later: &[],
    },
}
.or("\"auto\"");
pub(super) const USER: Key<Parsed<String>> = Key {
    name: "user",
    about: "Who signs in.",
    example: "user = \"lectern\"",
    limits: Parsed {
        allowed: "the name of a user, without \":\"",
        pattern: Some("^[^:]+$"),
        parse: |text| {
            if text.contains(':') {
                return Err(
                    "a user's name has no \":\", and a password must not stand in this file".to_owned(),
                );
            }
            (LINE.parse)(text)
        },
    },
};
pub(super) const AUTH: WithDefault<OneOf<Auth>> = Key {
    name: "auth",
    about: "How the user signs in: basic for an ordinary one, digest for the system account.",
    example: "auth = \"digest\"",
    limits: OneOf {
        words: &[("basic", Auth::Basic), ("digest", Auth::Digest)],
        later: &[],
    },
}
.or("\"basic\"");
pub(super) const WORKFLOW: Key<Parsed<String>> = Key {
    name: "workflow",
    about: "The workflow that a lecture goes through. Without it the server's default.",
    example: "workflow = \"schedule-and-upload\"",
    limits: LINE,
};
pub(super) const PARAMETERS: Key<Each<Parsed<(String, String)>>> = Key {
    name: "parameters",
    about: "Parameters of the workflow.",
    example: "parameters = [\"publishToApi=true\"]",
    limits: Each(Parsed {
        allowed: "key=value",
        pattern: Some("[^=\\s].*="),
        parse: |text| match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                Ok((key.trim().to_owned(), value.trim().to_owned()))
            }
            _ => Err(format!("{} is not key=value", shown(text))),
        },
    }),
};
pub(super) const AGENT: Key<Parsed<String>> = Key {
    name: "agent",
    about: "Our name there as a capture agent. Without it the room's id.",
    example: "agent = \"hall-b-204\"",
    limits: Parsed {
        allowed: "the name of a capture agent: 1 to 64 characters of a-z, A-Z, 0-9, \"-\" and \"_\"",
        pattern: Some("^[a-zA-Z0-9_-]{1,64}$"),
        parse: region,
    },
};
pub(super) const LABEL: Key<Parsed<String>> = Key {
    name: "label",
    about: "Label of the file system that must be mounted, wherever it is: a disk that is carried.",
    example: "label = \"LECTURES\"",
    limits: Parsed {
        allowed: "the label of a file system, 1 to 255 bytes",
        pattern: LINE.pattern,
        parse: |text| {
            if text.len() > 255 {
                return Err(format!("{} is too long", shown(text)));
            }
            (LINE.parse)(text)
        },
    },
};
pub(super) const PATH_ON_DISK: WithDefault<Parsed<PathBuf>> = Key {
    name: "path",
    about: "The folder on that disk.",
    example: "path = \"lectures\"",
    limits: Parsed {
        allowed: "a folder of that disk, without / in front and without \"..\"",
        pattern: Some("^[^/]"),
        parse: on_disk,
    },
}
.or("\"lectures\"");

/// Keys that only some kinds have.
pub(super) const OF_KINDS: [(&str, &[&str], &str); 18] = [
    ("url", &["tus", "s3", "opencast"], URL.example),
    ("receipt_url", &["tus"], RECEIPT_URL.example),
    ("credential", &["tus", "s3", "opencast"], CREDENTIAL.example),
    (
        "credential_file",
        &["tus", "s3", "opencast"],
        CREDENTIAL_FILE.example,
    ),
    ("ca_file", &["tus", "s3", "opencast"], CA_FILE.example),
    ("bucket", &["s3"], BUCKET.example),
    ("region", &["s3"], REGION.key.example),
    ("prefix", &["s3"], PREFIX.key.example),
    ("path_style", &["s3"], PATH_STYLE.key.example),
    ("checksum", &["s3"], CHECKSUM.key.example),
    ("user", &["opencast"], USER.example),
    ("auth", &["opencast"], AUTH.key.example),
    ("workflow", &["opencast"], WORKFLOW.example),
    ("parameters", &["opencast"], PARAMETERS.example),
    ("agent", &["opencast"], AGENT.example),
    ("path", &["directory"], PATH.example),
    ("label", &["directory"], LABEL.example),
    ("create", &["directory"], CREATE.example),
];

fn bucket(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-');
    let ends = text.starts_with(['.', '-']) || text.ends_with(['.', '-']) || text.contains("..");
    if (3..=63).contains(&text.len()) && text.bytes().all(plain) && !ends {
        Ok(text.to_owned())
    } else {
        Err(format!("{} is not the name of a bucket", shown(text)))
    }
}

fn region(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err(format!("{} is not such a name", shown(text)))
    }
}

fn prefix(text: &str) -> Result<String, String> {
    let steps_up = text.split('/').any(|part| part == "..");
    if text.starts_with('/') || steps_up || text.chars().any(char::is_control) || text.chars().count() > 200 {
        Err(format!("{} cannot stand in front of a key", shown(text)))
    } else {
        Ok(text.to_owned())
    }
}

fn on_disk(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let inside = |part| {
        matches!(
            part,
            std::path::Component::Normal(_) | std::path::Component::CurDir
        )
    };
    if text.is_empty() || text.chars().any(char::is_control) || !path.components().all(inside) {
        Err(format!("{} is not a folder of the disk", shown(text)))
    } else {
        Ok(path)
    }
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
