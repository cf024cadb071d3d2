//! `[panel]` and `[[panel.token]]`: where the page is reached, and by whom.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;

use super::Credential;
use super::faults::Findings;
use super::limits::{ABSOLUTE_PATH, OneOf, Parsed};
use super::platform::needed_credential;
use super::section::{Key, NAME_ALLOWED, NAME_PATTERN, Section, WithDefault};
use super::tree::{Node, Table, Value, shown};
use crate::access::Role;
use crate::ids::SourceName;

/// The page at the podium.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Panel {
    /// Address and port; `None` switches the TCP port off. One that other machines reach has TLS
    /// and a token beside it.
    pub listen: Option<SocketAddr>,
    /// Holds the PIN that the podium asks for; `None`: whoever stands there may record.
    pub pin_file: Option<PathBuf>,
    /// Certificate and key for connections from other machines.
    pub tls: Option<TlsFiles>,
    /// Who may come in from other machines, in file order.
    pub tokens: Vec<PanelToken>,
}

/// Where the panel's certificate lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TlsFiles {
    /// PEM, the server's certificate first, then those that lead to its authority.
    pub certificate: PathBuf,
    /// PEM; refused when others can read it.
    pub key: PathBuf,
}

/// `[[panel.token]]`: a secret and what its bearer may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PanelToken {
    /// For logs; not secret.
    pub name: String,
    /// What its bearer may do.
    pub role: Role,
    /// Where the secret is.
    pub credential: Credential,
}

const LISTEN: WithDefault<Parsed<Option<SocketAddr>>> = Key {
    name: "listen",
    about: "Where the page is reached. An address that other machines reach needs TLS and a token for each who may come in.",
    example: "listen = \"127.0.0.1:8470\"",
    limits: Parsed {
        allowed: "a numeric address with a port, or \"off\"",
        pattern: Some("^(off|\\[\\S+\\]:[0-9]+|[0-9.]+:[0-9]+)$"),
        parse: |text| match text {
            "off" => Ok(None),
            _ => text
                .parse()
                .map(Some)
                .map_err(|_| format!("{} is not a numeric address with a port", shown(text))),
        },
    },
}
.or("\"127.0.0.1:8470\"");
const PIN_FILE: Key<Parsed<PathBuf>> = Key {
    name: "pin_file",
    about: "A file with the PIN that the podium asks for, mode 0600. Without it nobody is asked.",
    example: "pin_file = \"/etc/lectern/pin\"",
    limits: ABSOLUTE_PATH,
};
const TLS_CERT: Key<Parsed<PathBuf>> = Key {
    name: "tls_cert",
    about: "Certificate for connections from other machines, PEM, with those that lead to its authority.",
    example: "tls_cert = \"/etc/lectern/panel.pem\"",
    limits: ABSOLUTE_PATH,
};
const TLS_KEY: Key<Parsed<PathBuf>> = Key {
    name: "tls_key",
    about: "The certificate's key, PEM, mode 0600.",
    example: "tls_key = \"/etc/lectern/panel.key\"",
    limits: ABSOLUTE_PATH,
};
const NAME: Key<Parsed<String>> = Key {
    name: "name",
    about: "Who comes in with this token; for logs.",
    example: "name = \"operations\"",
    limits: Parsed {
        allowed: NAME_ALLOWED,
        pattern: Some(NAME_PATTERN),
        parse: |text| match text.parse::<SourceName>() {
            Ok(_) => Ok(text.to_owned()),
            Err(_) => Err(format!("{} is not a plain name", shown(text))),
        },
    },
};
const ROLE: Key<OneOf<Role>> = Key {
    name: "role",
    about: "viewer looks, without pictures; operator may what the podium may; admin also sends, retries and asks the doctor.",
    example: "role = \"viewer\"",
    limits: OneOf {
        words: &[
            (Role::Viewer.as_str(), Role::Viewer),
            (Role::Operator.as_str(), Role::Operator),
            (Role::Admin.as_str(), Role::Admin),
        ],
        later: &[],
    },
};
const TOKEN_EXAMPLE: &str = "[[panel.token]]";

/// `[panel]`; `None` when a fault was found and noted.
pub(super) fn panel(table: &Table, findings: &mut Findings) -> Option<Panel> {
    let (tokens, any_token) = tokens(table, findings);
    let mut section = Section::new("[panel]", "panel".to_owned(), table, findings);
    let listen = section.get_or_default(&LISTEN);
    let pin_file = section.get(&PIN_FILE);
    let (certificate, key) = (section.get(&TLS_CERT), section.get(&TLS_KEY));
    section.pass_over("token", TOKEN_EXAMPLE);
    section.require_beside(&TLS_KEY, TLS_CERT.name);
    section.require_beside(&TLS_CERT, TLS_KEY.name);
    if let Some(address) = listen.filter(|address| !address.ip().to_canonical().is_loopback()) {
        let tls = section.has(TLS_CERT.name) || section.has(TLS_KEY.name);
        let missing = match (tls, any_token) {
            (true, true) => None,
            (true, false) => Some(("a [[panel.token]] is", TOKEN_EXAMPLE)),
            (false, true) => Some(("tls_cert and tls_key are", TLS_CERT.example)),
            (false, false) => Some(("tls_cert, tls_key and a [[panel.token]] are", TLS_CERT.example)),
        };
        if let Some((missing, example)) = missing {
            section.refuse(
                LISTEN.key.name,
                &format!("\"{address}\" is reached from other machines, and {missing} missing"),
                "allowed is an address of this machine such as 127.0.0.1, or any with TLS and a token for each who \
                 may come in",
                example,
            );
        }
    }
    section.finish(&[]);
    Some(Panel {
        listen,
        pin_file,
        tls: certificate
            .zip(key)
            .map(|(certificate, key)| TlsFiles { certificate, key }),
        tokens: tokens?,
    })
}

/// Every `[[panel.token]]`, and whether there is any, right or wrong.
fn tokens(table: &Table, findings: &mut Findings) -> (Option<Vec<PanelToken>>, bool) {
    let Some(entry) = table.entry("token") else {
        return (Some(Vec::new()), false);
    };
    let nodes: &[Node] = match &entry.node.value {
        Value::List(nodes) => nodes,
        _ => &[],
    };
    let tables: Vec<&Table> = nodes
        .iter()
        .filter_map(|node| match &node.value {
            Value::Table(table) => Some(table),
            _ => None,
        })
        .collect();
    if tables.is_empty() || tables.len() != nodes.len() {
        // What stands there may be the secret itself, so it is not repeated.
        findings.add(
            &entry.at,
            "panel.token",
            "is not in the form of its section, and a secret must not stand in this file",
            "write [[panel.token]] on a line of its own, with name, role and credential or credential_file below it",
            TOKEN_EXAMPLE,
        );
        return (None, true);
    }
    let mut names = Vec::new();
    let all = tables
        .into_iter()
        .enumerate()
        .map(|(index, table)| {
            let mut section = Section::of_list("[[panel.token]]", "panel.token", index + 1, table, findings);
            section.check_name_is_new(&mut names);
            token(section)
        })
        .collect::<Vec<_>>();
    (all.into_iter().collect(), true)
}

fn token(mut section: Section<'_, '_>) -> Option<PanelToken> {
    let (name, role) = (section.require(&NAME), section.require(&ROLE));
    let credential = needed_credential(&mut section);
    section.finish(&[]);
    Some(PanelToken {
        name: name?,
        role: role?,
        credential: credential?,
    })
}
