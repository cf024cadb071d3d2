//! Nothing that is logged, told, committed as proof or said in a panic holds a secret, whatever
//! the platform and whatever goes wrong. Alone in its program, because it takes the whole
//! program's log and its panics. A new platform adds a suspect to the list.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{BRIEF, Memory, config, free_line, job, opencast_case, run, run_with, s3_case};
use hyper::Method;
use lectern_deliver::{Adapter, Line, LineRules, Outcome, Secrets, ask_again, connect_with};
use lectern_domain::config::{Credential, PlatformKind};
use lectern_domain::delivery::Commit;
use lectern_testkit::{
    CampusProxy, Misdeed, On, OpencastAuth, OpencastCall, OpencastJudge, OpencastRules, Rules, S3Call,
    S3Judge, S3On, S3Rules, TestCa, TusJudge,
};
use tempfile::TempDir;
use tokio::sync::watch;

const CANARY: &str = "canary-5f1d0c";

/// Everything that is logged, at every level, by everybody, and every panic.
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

impl Log {
    fn take_everything() -> Self {
        let log = Self::default();
        let writer = log.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .init();
        let panics = log.clone();
        std::panic::set_hook(Box::new(move |panic| {
            writeln!(panics.clone(), "{panic}").unwrap();
            eprintln!("{panic}");
        }));
        log
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// A platform that signs in with the canary.
struct Suspect {
    name: &'static str,
    connect: Box<dyn Fn() -> Adapter>,
    /// Each makes the next delivery go wrong in another way.
    misdeeds: Vec<Box<dyn Fn()>>,
    /// The canary in the forms in which it travels, and addresses that are capabilities.
    secrets: Box<dyn Fn() -> Vec<String>>,
    /// A lecture that nobody has sent.
    lecture: Box<dyn Fn() -> Arc<Memory>>,
    _dirs: [TempDir; 2],
}

fn dirs() -> [TempDir; 2] {
    [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()]
}

fn lectures(dir: &Path) -> Box<dyn Fn() -> Arc<Memory>> {
    let dir = dir.to_owned();
    Box::new(move || Arc::new(Memory::new(job(&dir, &[("lecture.mp4", 3_000_000)]))))
}

fn wrongs() -> [Misdeed; 6] {
    [
        Misdeed::ResetAfter(9),
        Misdeed::SwallowReply,
        Misdeed::Html,
        Misdeed::Status(500, None),
        Misdeed::Status(401, None),
        Misdeed::Status(400, None),
    ]
}

async fn tus() -> Suspect {
    let dirs = dirs();
    let token = dirs[1].path().join("token");
    std::fs::write(&token, CANARY).unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    let rules = Rules {
        bearer: Some(CANARY.to_owned()),
        ..Rules::default()
    };
    let judge = Arc::new(TusJudge::start(dirs[0].path(), rules).await.unwrap());
    let mut platform = config(PlatformKind::Tus {
        url: judge.url(),
        receipt_url: Some(judge.receipt_url()),
    });
    platform.credential = Some(Credential::File(token));
    let uploads = Arc::clone(&judge);
    Suspect {
        name: "tus",
        connect: Box::new(move || connect_with(&platform, Secrets::default(), &free_line(), BRIEF)),
        misdeeds: wrongs()
            .into_iter()
            .map(|misdeed| {
                let judge = Arc::clone(&judge);
                Box::new(move || judge.misbehave(On::Next(Method::PATCH), misdeed.clone())) as Box<dyn Fn()>
            })
            .collect(),
        secrets: Box::new(move || {
            let addresses = uploads
                .uploads()
                .into_iter()
                .map(|upload| uploads.url() + &upload.id);
            addresses.chain([CANARY.to_owned()]).collect()
        }),
        lecture: lectures(dirs[1].path()),
        _dirs: dirs,
    }
}

/// The proxy on the way to it wants the canary, and is once given another.
async fn tus_behind_a_proxy() -> Suspect {
    let dirs = dirs();
    let ca = TestCa::new(dirs[1].path()).unwrap();
    let (right, wrong) = (format!("lectern:{CANARY}"), format!("lectern:{CANARY}-old"));
    let proxy = CampusProxy::start(&right).await.unwrap();
    let sign_in = dirs[1].path().join("proxy-user");
    std::fs::write(&sign_in, &right).unwrap();
    std::fs::set_permissions(&sign_in, std::fs::Permissions::from_mode(0o600)).unwrap();
    let line = LineRules {
        proxy: Some(proxy.url()),
        proxy_credential: Some(Credential::File(sign_in.clone())),
        ..LineRules::default()
    };
    let rules = Rules {
        tls: Some(ca.server().unwrap()),
        ..Rules::default()
    };
    let judge = TusJudge::start(dirs[0].path(), rules).await.unwrap();
    let mut platform = config(PlatformKind::Tus {
        url: judge.url(),
        receipt_url: None,
    });
    platform.ca_file = Some(ca.pem().to_owned());
    let secrets = [&right, &wrong].map(|pair| STANDARD.encode(pair));
    let give = |pair: String| {
        let sign_in = sign_in.clone();
        Box::new(move || std::fs::write(&sign_in, &pair).unwrap()) as Box<dyn Fn()>
    };
    Suspect {
        name: "tus behind a proxy",
        connect: Box::new(move || {
            let line = Line::new(line.clone(), Vec::new());
            connect_with(&platform, Secrets::default(), &line, BRIEF)
        }),
        misdeeds: vec![give(wrong), give(right)],
        secrets: Box::new(move || {
            // They live as long as somebody is suspected.
            let _ = (&proxy, &judge);
            secrets.iter().cloned().chain([CANARY.to_owned()]).collect()
        }),
        lecture: lectures(dirs[1].path()),
        _dirs: dirs,
    }
}

async fn s3() -> Suspect {
    let dirs = dirs();
    let rules = S3Rules {
        secret: CANARY.to_owned(),
        ..S3Rules::default()
    };
    let wish = s3_case::Wish::of(&rules);
    let judge = Arc::new(S3Judge::start(dirs[0].path(), rules).await.unwrap());
    let (url, home) = (judge.url(), dirs[1].path().to_owned());
    Suspect {
        name: "s3",
        connect: Box::new(move || s3_case::adapter(&url, &wish, &home, BRIEF)),
        misdeeds: wrongs()
            .into_iter()
            .map(|misdeed| {
                let judge = Arc::clone(&judge);
                let on = S3On::Next(S3Call::UploadPart);
                Box::new(move || judge.misbehave(on.clone(), misdeed.clone())) as Box<dyn Fn()>
            })
            .collect(),
        secrets: Box::new(|| vec![CANARY.to_owned(), "Signature=".to_owned()]),
        lecture: lectures(dirs[1].path()),
        _dirs: dirs,
    }
}

async fn opencast(name: &'static str, auth: OpencastAuth) -> Suspect {
    let dirs = dirs();
    let rules = OpencastRules {
        password: CANARY.to_owned(),
        auth,
        ..OpencastRules::default()
    };
    let judge = Arc::new(OpencastJudge::start(dirs[0].path(), rules.clone()).await.unwrap());
    let (url, home) = (judge.url(), dirs[1].path().to_owned());
    let basic = STANDARD.encode(format!("{}:{CANARY}", rules.user));
    let lectures = home.clone();
    Suspect {
        name,
        connect: Box::new(move || opencast_case::adapter(&url, &rules, &home, BRIEF)),
        misdeeds: wrongs()
            .into_iter()
            .map(|misdeed| {
                let judge = Arc::clone(&judge);
                Box::new(move || judge.misbehave(OpencastCall::Add, misdeed.clone())) as Box<dyn Fn()>
            })
            .collect(),
        secrets: Box::new(move || vec![CANARY.to_owned(), basic.clone()]),
        lecture: Box::new(move || Arc::new(Memory::new(opencast_case::lecture(&lectures)))),
        _dirs: dirs,
    }
}

/// What was said and written about one suspect.
#[derive(Default)]
struct Record {
    told: String,
    commits: Vec<Commit>,
}

/// Leads a suspect into every kind of trouble and through it.
async fn interrogate(suspect: &Suspect) -> Record {
    let mut record = Record::default();
    let settle = async |memory: &Memory, record: &mut Record| {
        let outcome = common::until_settled(&|| (suspect.connect)(), memory).await;
        record.told += &format!("{outcome:?}\n");
        record.commits.extend(memory.commits());
        outcome
    };
    for misdeed in &suspect.misdeeds {
        let memory = (suspect.lecture)();
        misdeed();
        let outcome = run(&(suspect.connect)(), &memory).await;
        record.told += &format!("{outcome:?}\n");
        settle(&memory, &mut record).await;
    }
    // A fault of our own in the midst of it.
    let memory = (suspect.lecture)();
    let (adapter, panicking) = ((suspect.connect)(), Arc::clone(&memory));
    let died =
        tokio::spawn(async move { run_with(&adapter, &panicking, &|progress| panic!("{progress:?}")).await });
    let died = died.await.unwrap_err();
    record.told += &format!("{died} {died:?}\n");
    let outcome = settle(&memory, &mut record).await;
    assert_eq!(outcome, Outcome::Done, "{}: {}", suspect.name, record.told);
    let adapter = (suspect.connect)();
    record.told += &format!("{:?}\n", adapter.probe().await);
    let (_keep, stop) = watch::channel(false);
    record.told += &format!("{:?}\n", ask_again(&memory.job(), &adapter, stop).await);
    record
}

#[tokio::test]
async fn no_secret_is_in_any_log_outcome_proof_or_panic() {
    let log = Log::take_everything();
    for suspect in [
        tus().await,
        tus_behind_a_proxy().await,
        s3().await,
        opencast("opencast with Basic", OpencastAuth::Basic).await,
        opencast("opencast with Digest", OpencastAuth::Digest).await,
    ] {
        let Record { told, commits } = interrogate(&suspect).await;
        let journal = serde_json::to_string(&commits).unwrap();
        assert!(
            !journal.contains(CANARY),
            "{}: the credential is in the journal",
            suspect.name
        );
        // The handle of an upload is committed, and is no secret to the database.
        let receipts = commits
            .iter()
            .filter(|commit| !matches!(commit, Commit::File { .. }));
        let receipts = format!("{:?}", receipts.collect::<Vec<_>>());
        for secret in (suspect.secrets)() {
            for (place, text) in [("log", &log.text()), ("texts", &told), ("receipts", &receipts)] {
                let line = text.lines().find(|line| line.contains(&secret));
                assert_eq!(line, None, "{}: a secret is in the {place}", suspect.name);
            }
        }
    }
    let logged = log.text();
    assert!(
        logged.contains("the platform confirmed a file"),
        "the log was taken"
    );
    assert!(logged.contains("panicked at"), "the panics were taken");
}
