//! A herald with a journal in memory that outlives it, and a status that a test writes.

#![allow(
    clippy::unwrap_used,
    reason = "test code; the lint exempts functions marked as tests only"
)]

use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use lectern_domain::api::{Message, Severity, Status};
use lectern_domain::config::{Config, ConfigFile, Credential};
use lectern_domain::notice::{Change, DayFigures, Remembered};
use lectern_herald::{Herald, Journal, JournalError, ReadSecret, Settings};
use lectern_testkit::{HookJudge, HookRules, TestCa};
use secrecy::SecretString;
use tokio::sync::watch;
use uuid::Uuid;

/// What both sides of a webhook know, and the password of the mail server.
pub(crate) const SECRET: &str = "canary-of-a-secret";
/// Who signs in to the proxy, with what the credential `proxy-user` holds.
pub(crate) const GUEST: &str = "lectern:canary-of-a-guest";

/// As the database keeps it.
#[derive(Default)]
pub(crate) struct Memory(Mutex<Remembered>);

#[async_trait]
impl Journal for Memory {
    async fn load(&self) -> Result<Remembered, JournalError> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn commit(&self, change: Change) -> Result<(), JournalError> {
        let mut kept = self.0.lock().unwrap();
        if let Some(standing) = change.standing {
            kept.standing = standing;
        }
        kept.letters.extend(change.letters);
        for (target, day) in change.reports {
            kept.reports.retain(|(kept, _)| *kept != target);
            kept.reports.push((target, day));
        }
        Ok(())
    }

    async fn forget(&self, letter: Uuid) -> Result<(), JournalError> {
        self.0.lock().unwrap().letters.retain(|kept| kept.id != letter);
        Ok(())
    }

    async fn day(&self, _: i64, _: i64) -> Result<DayFigures, JournalError> {
        Ok(DayFigures {
            recorded: 6,
            sent: 6,
            silent: 1,
            ..DayFigures::default()
        })
    }
}

impl Memory {
    /// Notices that nobody has taken yet.
    pub(crate) fn waiting(&self) -> usize {
        self.0.lock().unwrap().letters.len()
    }
}

/// A configuration with these `[[notify]]`.
pub(crate) fn settings(targets: &str) -> Settings {
    let text = format!(
        "[room]\nid = \"b-204\"\n[[source]]\nname = \"camera\"\nrole = \"presenter\"\nkind = \
         \"test-video\"\n{targets}"
    );
    let file = ConfigFile {
        name: "room.toml".to_owned(),
        text,
    };
    let config = Config::read(&[file], &[]).unwrap();
    let secrets = ReadSecret::new(|credential: &Credential| {
        let at_the_proxy = *credential == Credential::Name("proxy-user".to_owned());
        Ok(SecretString::from(if at_the_proxy { GUEST } else { SECRET }))
    });
    Settings::new(&config, TimeZone::UTC, secrets)
}

/// A `[[notify]]` for a judge, told of faults at once.
pub(crate) fn hook(name: &str, judge: &HookJudge, more: &str) -> String {
    format!(
        "[[notify]]\nname = \"{name}\"\nkind = \"webhook\"\nurl = \"{}\"\ncredential = \"key\"\nhold_off = \
         \"0s\"\n{more}\n",
        judge.url()
    )
}

/// A webhook with a certificate of an authority in `dir`.
pub(crate) async fn https(ca: &TestCa) -> HookJudge {
    let rules = HookRules {
        tls: Some(ca.server().unwrap()),
        secret: SECRET.to_owned(),
        ..HookRules::default()
    };
    HookJudge::start(rules).await.unwrap()
}

/// A webhook on this machine.
pub(crate) async fn http() -> HookJudge {
    let rules = HookRules {
        secret: SECRET.to_owned(),
        ..HookRules::default()
    };
    HookJudge::start(rules).await.unwrap()
}

/// `ca_file = …`
pub(crate) fn trusting(pem: &Path) -> String {
    format!("ca_file = \"{}\"", pem.display())
}

/// A herald, and what it looks at.
pub(crate) struct Told {
    pub(crate) herald: Herald,
    status: watch::Sender<Arc<Status>>,
}

impl Told {
    pub(crate) fn start(targets: &str, memory: &Arc<Memory>, stands: Vec<Message>) -> Self {
        let (status, published) = watch::channel(Arc::new(status(stands)));
        let journal: Arc<dyn Journal> = Arc::<Memory>::clone(memory);
        let herald = Herald::start(settings(targets), published, journal, || {
            Timestamp::now().as_millisecond()
        })
        .unwrap();
        Self { herald, status }
    }

    /// These stand from now on.
    pub(crate) fn stand(&self, messages: Vec<Message>) {
        self.status.send_replace(Arc::new(status(messages)));
    }
}

/// An error of this source, with what must not leave the room.
pub(crate) fn trouble(source: &str) -> Message {
    Message {
        severity: Severity::Error,
        code: "source-lost".to_owned(),
        key: "message-source-lost".to_owned(),
        subject: Some(source.to_owned()),
        detail: Some("Canary of a title".to_owned()),
        ..Message::default()
    }
}

/// A quiet room in which these messages stand.
fn status(messages: Vec<Message>) -> Status {
    let json = serde_json::json!({
        "version": "0", "state": "ready", "now_unix_ms": 0, "revision": 1, "allowed": [],
        "lecture": null, "sources": [], "clock": "trusted", "queue": {}, "uploads": {}, "messages": [],
        "room": {"id": "b-204", "name": "B 204", "help": null, "languages": ["en"], "timezone": null},
        "storage": {"path": "", "free_bytes": 0, "reserve_bytes": 0, "recordable_ms": 219_600_000_u64,
                    "purgeable_bytes": 0},
    });
    let mut json = json;
    json["queue"] = serde_json::to_value(lectern_domain::api::QueueSummary::default()).unwrap();
    json["uploads"] = serde_json::to_value(lectern_domain::api::UploadStatus::default()).unwrap();
    let blank: Status = serde_json::from_value(json).unwrap();
    Status { messages, ..blank }
}
