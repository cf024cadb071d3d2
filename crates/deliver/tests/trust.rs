//! Certificates and credentials: whom we trust, and what nobody may read.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::{BRIEF, Memory, config, free_line, job, refused, run, waiting};
use hyper::Method;
use lectern_deliver::{Adapter, Outcome, Secrets, connect_with, way};
use lectern_domain::config::{Credential, PlatformKind};
use lectern_testkit::{Misdeed, On, Rules, TestCa, TusJudge};

const CANARY: &str = "canary-5f1d0c";

fn adapter(judge: &TusJudge, ca: Option<&Path>, credential: Option<Credential>) -> Adapter {
    let kind = PlatformKind::Tus {
        url: judge.url(),
        receipt_url: Some(judge.receipt_url()),
    };
    let mut platform = config(kind);
    platform.ca_file = ca.map(Path::to_owned);
    platform.credential = credential;
    connect_with(&platform, Secrets::default(), &free_line(), BRIEF)
}

#[tokio::test]
async fn p5_a_private_authority_is_trusted_when_it_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let uploads = tempfile::tempdir().unwrap();
    let ca = TestCa::new(dir.path()).unwrap();
    let rules = Rules {
        tls: Some(ca.server().unwrap()),
        ..Rules::default()
    };
    let judge = TusJudge::start(uploads.path(), rules).await.unwrap();
    let memory = Memory::new(job(dir.path(), &[("lecture.mp4", 3_000_000)]));

    let why = refused(run(&adapter(&judge, None, None), &memory).await.unwrap());
    let peer = judge.address();
    assert!(
        why.starts_with(&format!("The certificate of {peer} was not trusted: ")),
        "{why}"
    );
    assert!(
        why.contains("name its PEM file in the platform's ca_file"),
        "{why}"
    );
    assert_eq!(judge.seen(), [], "not one request left");

    judge.misbehave(On::Next(Method::PATCH), Misdeed::ResetAfter(1_000_000));
    assert_eq!(
        run(&adapter(&judge, Some(ca.pem()), None), &memory)
            .await
            .unwrap(),
        Outcome::Done
    );
    assert_eq!(judge.whole()[0].received, 3_000_000);
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_now_may_be_our_clock() {
    let dir = tempfile::tempdir().unwrap();
    let uploads = tempfile::tempdir().unwrap();
    let ca = TestCa::new(dir.path()).unwrap();
    let rules = Rules {
        tls: Some(ca.expired_server().unwrap()),
        ..Rules::default()
    };
    let judge = TusJudge::start(uploads.path(), rules).await.unwrap();
    let memory = Memory::new(job(dir.path(), &[("lecture.mp4", 1000)]));
    let why = waiting(
        run(&adapter(&judge, Some(ca.pem()), None), &memory)
            .await
            .unwrap(),
    );
    assert!(why.contains("Check the clock and the certificate."), "{why}");
}

#[tokio::test]
async fn a_server_without_tls_behind_an_https_address_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let uploads = tempfile::tempdir().unwrap();
    let judge = TusJudge::start(uploads.path(), Rules::default()).await.unwrap();
    let url = judge.url().replace("http://", "https://");
    let memory = Memory::new(job(dir.path(), &[("lecture.mp4", 1000)]));
    let platform = config(PlatformKind::Tus {
        url,
        receipt_url: None,
    });
    let why = waiting(
        run(
            &connect_with(&platform, Secrets::default(), &free_line(), BRIEF),
            &memory,
        )
        .await
        .unwrap(),
    );
    assert!(why.contains("cannot be reached"), "{why}");
}

#[tokio::test]
async fn the_way_to_a_platform_tells_how_long_its_certificate_lasts() {
    let dir = tempfile::tempdir().unwrap();
    let uploads = tempfile::tempdir().unwrap();
    let ca = TestCa::new(dir.path()).unwrap();
    let rules = Rules {
        tls: Some(ca.server().unwrap()),
        ..Rules::default()
    };
    let judge = TusJudge::start(uploads.path(), rules).await.unwrap();
    let mut platform = config(PlatformKind::Tus {
        url: judge.url(),
        receipt_url: None,
    });
    assert_eq!(
        way(&platform, &Secrets::default(), &free_line()).await,
        [],
        "what is not trusted is the probe's to tell"
    );
    platform.ca_file = Some(ca.pem().to_owned());
    let checks = way(&platform, &Secrets::default(), &free_line()).await;
    assert!(
        checks[0]
            .found
            .contains("its certificate is trusted and lasts for"),
        "{checks:?}"
    );

    platform.kind = PlatformKind::Tus {
        url: "https://nobody.invalid/files/".to_owned(),
        receipt_url: None,
    };
    let checks = way(&platform, &Secrets::default(), &free_line()).await;
    assert!(checks[0].found.contains("nobody.invalid"), "{checks:?}");
}

#[tokio::test]
async fn an_unreadable_credential_holds_the_platform_and_a_mended_one_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let uploads = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    let rules = Rules {
        bearer: Some(CANARY.to_owned()),
        ..Rules::default()
    };
    let judge = TusJudge::start(uploads.path(), rules).await.unwrap();
    let memory = Memory::new(job(dir.path(), &[("lecture.mp4", 1000)]));
    let run = async || {
        run(
            &adapter(&judge, None, Some(Credential::File(token.clone()))),
            &memory,
        )
        .await
        .unwrap()
    };

    let why = refused(run().await);
    assert!(
        why.starts_with(&format!(
            "The credential file {} cannot be read: No such file",
            token.display()
        )),
        "{why}"
    );
    std::fs::write(&token, CANARY).unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o644)).unwrap();
    let why = refused(run().await);
    assert!(
        why.contains("others than its owner can read it (mode 0644)"),
        "{why}"
    );
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(run().await, Outcome::Done);
}
