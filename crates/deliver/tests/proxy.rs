//! A campus proxy that wants a sign-in stands between us and the platform.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{BRIEF, Memory, config, job, refused, run, until_settled};
use lectern_deliver::{Adapter, Line, LineRules, Outcome, Patience, Secrets, Traces, connect_with, way};
use lectern_domain::api::Verdict;
use lectern_domain::config::{Credential, Platform, PlatformKind};
use lectern_testkit::{CampusProxy, Rules, TestCa, TusJudge};
use tempfile::TempDir;

const SIZE: u64 = 3_000_000;
/// On loopback a segment is 64 KiB, and the first ones leave slowly.
const CALM: Patience = Patience {
    idle: std::time::Duration::from_secs(20),
    ..BRIEF
};
const GUEST: &str = "lectern:open:sesame";

/// A platform that is reached through the proxy alone, and a lecture for it.
struct Campus {
    proxy: CampusProxy,
    judge: TusJudge,
    platform: Platform,
    memory: Memory,
    line: Arc<Line>,
    sign_in: PathBuf,
    _dirs: [TempDir; 2],
}

impl Campus {
    async fn new() -> Self {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let ca = TestCa::new(dirs[1].path()).unwrap();
        let tls = Rules {
            tls: Some(ca.server().unwrap()),
            ..Rules::default()
        };
        let judge = TusJudge::start(dirs[0].path(), tls).await.unwrap();
        let mut platform = config(PlatformKind::Tus {
            url: judge.url(),
            receipt_url: None,
        });
        platform.ca_file = Some(ca.pem().to_owned());
        let proxy = CampusProxy::start(GUEST).await.unwrap();
        let sign_in = dirs[1].path().join("proxy-user");
        let rules = LineRules {
            proxy: Some(proxy.url()),
            proxy_credential: Some(Credential::File(sign_in.clone())),
            ..LineRules::default()
        };
        let campus = Self {
            proxy,
            judge,
            platform,
            memory: Memory::new(job(dirs[1].path(), &[("lecture.mp4", SIZE)])),
            line: Line::new(rules, Vec::new()),
            sign_in,
            _dirs: dirs,
        };
        campus.write(GUEST);
        campus
    }

    /// Into the credential of the proxy.
    fn write(&self, text: &str) {
        std::fs::write(&self.sign_in, format!("{text}\n")).unwrap();
        std::fs::set_permissions(&self.sign_in, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn adapter(&self) -> Adapter {
        connect_with(&self.platform, Secrets::default(), &self.line, CALM)
    }

    fn traces(&self) -> Traces {
        Traces::of(&self.platform, self.line.rules(), &Secrets::default())
    }

    fn assert_whole(&self) {
        let whole = self.judge.whole();
        assert_eq!(whole.len(), 1);
        assert_eq!(
            whole[0].sha256.as_deref(),
            Some(self.memory.job().files[0].sha256.as_str())
        );
        // The sign-in of the proxy at the platform would be one.
        assert_eq!(self.judge.breaches(), Vec::<String>::new());
    }
}

/// P4, P8.
#[tokio::test]
async fn p4_a_lecture_goes_through_a_proxy_that_wants_a_sign_in_and_goes_on_after_a_cut() {
    let campus = Campus::new().await;
    campus.proxy.cut_after(SIZE / 2);
    assert_eq!(
        until_settled(&|| campus.adapter(), &campus.memory).await,
        Outcome::Done
    );
    assert!(!campus.proxy.is_cutting(), "the way was broken");
    // For small requests, for the bytes, and for the rest of them.
    assert!(campus.proxy.let_through() >= 3);
    campus.assert_whole();
    let again = campus.judge.whole()[0].received - SIZE;
    assert!(again < SIZE / 2, "{again} bytes were sent twice");
    let (heads, right) = (campus.proxy.heads(), STANDARD.encode(GUEST));
    for head in heads {
        assert!(
            head.starts_with(&format!("CONNECT {} ", campus.judge.address())),
            "{head}"
        );
        assert!(head.contains(&format!(": Basic {right}\r\n")), "{head}");
    }
}

/// Each of these is the fault of the way and not of the lecture, and is said to people.
#[tokio::test]
async fn p8_a_sign_in_that_is_missing_or_wrong_parks_the_platform_and_a_changed_file_mends_it() {
    let mut campus = Campus::new().await;
    let signed = campus.line.rules().clone();
    let unsigned = LineRules {
        proxy_credential: None,
        ..signed.clone()
    };
    campus.line = Line::new(unsigned, Vec::new());
    let why = refused(run(&campus.adapter(), &campus.memory).await.unwrap());
    assert!(
        why.contains("wants a user and a password (407), and none are configured")
            && why.contains("safe")
            && why.contains("upload.proxy_credential_file"),
        "{why}"
    );
    let checks = campus.adapter().probe().await;
    assert!(
        checks
            .iter()
            .any(|check| check.verdict == Verdict::Bad && check.found.contains("(407)")),
        "{checks:?}"
    );

    campus.line = Line::new(signed, Vec::new());
    for (text, says) in [
        ("lectern:of-yesterday", "did not take the user and password"),
        ("open-sesame", "is not of the form user:password"),
    ] {
        campus.write(text);
        let why = refused(run(&campus.adapter(), &campus.memory).await.unwrap());
        assert!(why.contains(says) && why.contains("safe"), "{why}");
        assert!(!why.contains("yesterday") && !why.contains("sesame"), "{why}");
    }
    assert_eq!(campus.judge.seen(), [], "nothing goes around the proxy");

    let before = campus.traces();
    campus.write(GUEST);
    assert!(campus.traces() != before, "the change is seen");
    assert_eq!(
        run(&campus.adapter(), &campus.memory).await.unwrap(),
        Outcome::Done
    );
    campus.assert_whole();
    let checks = way(&campus.platform, &Secrets::default(), &campus.line).await;
    assert!(
        checks
            .iter()
            .any(|check| check.found.contains("took the sign-in")),
        "{checks:?}"
    );
}

#[tokio::test]
async fn a_proxy_that_wants_what_we_do_not_know_is_told_with_what_it_wants() {
    let campus = Campus::new().await;
    campus.proxy.offer_only(&["Negotiate", "NTLM"]);
    let why = refused(run(&campus.adapter(), &campus.memory).await.unwrap());
    assert!(
        why.contains("a sign-in by Negotiate or NTLM (407), and Lectern knows Basic alone"),
        "{why}"
    );
    assert_eq!(campus.judge.seen(), []);
}
