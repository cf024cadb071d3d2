//! Nothing that is logged, told or committed as proof holds a secret. Alone in its program,
//! because it takes the whole program's log.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use common::{BRIEF, Memory, config, free_line, job, run};
use hyper::Method;
use lectern_deliver::{Outcome, Secrets, connect_with};
use lectern_domain::config::{Credential, PlatformKind};
use lectern_domain::delivery::Commit;
use lectern_testkit::{Misdeed, On, Rules, TusJudge};

const CANARY: &str = "canary-5f1d0c";

/// Everything that is logged, at every level, by everybody.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_in_any_log_outcome_or_proof() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let dir = tempfile::tempdir().unwrap();
    let uploads = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    std::fs::write(&token, CANARY).unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    let rules = Rules {
        bearer: Some(CANARY.to_owned()),
        ..Rules::default()
    };
    let judge = TusJudge::start(uploads.path(), rules).await.unwrap();
    let memory = Memory::new(job(dir.path(), &[("lecture.mp4", 3_000_000)]));
    let mut platform = config(PlatformKind::Tus {
        url: judge.url(),
        receipt_url: Some(judge.receipt_url()),
    });
    platform.credential = Some(Credential::File(token));
    let mut told = String::new();
    for misdeed in [
        Misdeed::ResetAfter(9),
        Misdeed::Html,
        Misdeed::Status(500, None),
        Misdeed::Status(401, None),
    ] {
        judge.misbehave(On::Next(Method::PATCH), misdeed);
        let adapter = connect_with(&platform, Secrets::default(), &free_line(), BRIEF);
        told.push_str(&format!("{:?}", run(&adapter, &memory).await));
    }
    let adapter = connect_with(&platform, Secrets::default(), &free_line(), BRIEF);
    assert_eq!(run(&adapter, &memory).await.unwrap(), Outcome::Done);
    let location = judge.url() + &judge.whole()[0].id;
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        logged.contains("the platform confirmed a file"),
        "the log was taken"
    );
    for (name, text) in [("log", logged), ("outcomes", told)] {
        assert!(!text.contains(CANARY), "the credential is in the {name}: {text}");
        assert!(
            !text.contains(&location),
            "the upload's address is in the {name}: {text}"
        );
    }
    let commits = serde_json::to_string(&memory.commits()).unwrap();
    assert!(!commits.contains(CANARY));
    let receipt = memory.commits().into_iter().find_map(|commit| match commit {
        Commit::Receipt { .. } => Some(format!("{commit:?}")),
        _ => None,
    });
    assert!(!receipt.unwrap().contains(&location));
}
