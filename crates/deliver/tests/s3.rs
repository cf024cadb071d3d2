//! S3 against a strict store, all as it should be: what is sent, how it is checked, what stays.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use std::net::SocketAddr;

use common::s3_case::{Case, SIZE, adapter, key};
use common::{BRIEF, refused, run};
use lectern_deliver::{Outcome, Still, ask_again};
use lectern_domain::api::Verdict;
use lectern_domain::config::Checksum;
use lectern_domain::delivery::Commit;
use lectern_domain::finished::PART_BYTES;
use lectern_testkit::{S3Call as C, S3Checksum, S3Rules, S3Style, TestCa};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The evidence of the only receipt.
fn evidence(case: &Case) -> serde_json::Value {
    let receipts = case
        .memory
        .commits()
        .into_iter()
        .filter_map(|commit| match commit {
            Commit::Receipt { evidence, .. } => Some(evidence),
            _ => None,
        });
    let mut receipts: Vec<_> = receipts.collect();
    assert_eq!(receipts.len(), 1);
    receipts.remove(0)
}

#[tokio::test]
async fn p5_a_lecture_goes_in_parts_with_what_is_known_of_it() {
    let case = Case::new(S3Rules::default()).await;
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once(0);
    assert_eq!(
        case.calls(),
        [
            C::HeadObject,
            C::ListMultipartUploads,
            C::CreateMultipartUpload,
            C::UploadPart,
            C::UploadPart,
            C::UploadPart,
            C::HeadObject,
            C::ListParts,
            C::CompleteMultipartUpload,
            C::HeadObject,
        ]
    );
    let (object, job) = (case.judge.objects().remove(0), case.memory.job());
    let header = |name: &str| object.headers.get(name).cloned().unwrap_or_default();
    assert_eq!(header("content-type"), "video/mp4");
    assert_eq!(header("x-amz-meta-sha256"), job.files[0].sha256);
    assert_eq!(header("x-amz-meta-lecture"), job.lecture.to_string());
    let title = header("x-amz-meta-title");
    let title = percent_encoding::percent_decode_str(&title)
        .decode_utf8()
        .unwrap();
    assert_eq!(title, job.title);
}

#[tokio::test]
async fn p5_the_best_checksum_that_a_store_knows_is_sent_and_compared() {
    use S3Checksum as S;
    for (known, wish, kept, compared) in [
        (&S::ALL[..], Checksum::Auto, Some(S::Crc64Nvme), Some("crc64nvme")),
        (
            &[S::Sha256, S::Crc32],
            Checksum::Auto,
            Some(S::Sha256),
            Some("sha256"),
        ),
        (&[S::Crc32], Checksum::Auto, None, None),
        (&S::ALL, Checksum::Crc32c, Some(S::Crc32c), Some("crc32c")),
        (&S::ALL, Checksum::Sha256, Some(S::Sha256), Some("sha256")),
        (&[], Checksum::Md5, None, Some("md5")),
        (&[], Checksum::None, None, None),
    ] {
        let rules = S3Rules {
            checksums: known.to_vec(),
            ..S3Rules::default()
        };
        let mut case = Case::new(rules).await;
        case.wish.checksum = wish;
        assert_eq!(case.run().await, Outcome::Done, "{wish:?} {known:?}");
        case.assert_exactly_once(0);
        let object = case.judge.objects().remove(0);
        assert_eq!(object.checksum.map(|(sum, _)| sum), kept, "{wish:?} {known:?}");
        assert_eq!(
            evidence(&case)["compared_with_ours"],
            serde_json::json!(compared),
            "{wish:?} {known:?}"
        );
    }
}

#[tokio::test]
async fn a_checksum_that_is_asked_for_and_not_known_holds_the_platform() {
    let rules = S3Rules {
        checksums: vec![S3Checksum::Crc32],
        ..S3Rules::default()
    };
    let mut case = Case::new(rules).await;
    case.wish.checksum = Checksum::Crc64nvme;
    let why = refused(case.run().await);
    assert!(
        why.contains("does not know the checksum") && why.contains("checksum = \"auto\""),
        "{why}"
    );
}

#[tokio::test]
async fn files_of_any_length_and_names_of_any_script() {
    let files = [
        ("empty.txt", 0),
        ("one.txt", 1),
        ("a part.mp4", PART_BYTES),
        ("محاضرة ١ & 100%?#+=.mp4", PART_BYTES + 1),
        ("线性代数.json", 77),
    ];
    let case = Case::of(S3Rules::default(), &files).await;
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once(0);
}

#[tokio::test]
async fn long_lists_of_parts_are_read_page_by_page() {
    let rules = S3Rules {
        page: 1,
        ..S3Rules::default()
    };
    let case = Case::new(rules).await;
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once(0);
    assert_eq!(case.count(C::ListParts), 3);
}

/// A proxy by which every name leads to `peer`.
async fn proxy_to(peer: SocketAddr) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut asked = Vec::new();
                while !asked.ends_with(b"\r\n\r\n") {
                    asked.push(client.read_u8().await?);
                }
                client.write_all(b"HTTP/1.1 200 Go on\r\n\r\n").await?;
                let mut server = TcpStream::connect(peer).await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn the_bucket_may_stand_in_the_host_and_the_authority_may_be_private() {
    let dir = tempfile::tempdir().unwrap();
    let ca = TestCa::new(dir.path()).unwrap();
    for (style, path_style) in [(S3Style::Path, true), (S3Style::Host, false)] {
        let rules = S3Rules {
            style,
            tls: Some(ca.server().unwrap()),
            ..S3Rules::default()
        };
        let mut case = Case::new(rules).await;
        case.wish.path_style = path_style;
        case.wish.proxy = Some(proxy_to(case.judge.address()).await);
        let why = refused(case.run().await);
        assert!(
            why.contains("name its PEM file in the platform's ca_file"),
            "{why}"
        );
        case.wish.ca_file = Some(ca.pem().to_owned());
        let url = format!("https://store.localhost:{}", case.judge.address().port());
        let url = if path_style { case.judge.url() } else { url };
        let adapter = adapter(&url, &case.wish, case.dirs.1.path(), BRIEF);
        assert_eq!(
            run(&adapter, &case.memory).await.unwrap(),
            Outcome::Done,
            "{style:?}"
        );
        case.assert_exactly_once(0);
    }
}

#[tokio::test]
async fn p6_before_our_copy_goes_the_store_is_asked_and_its_checksum_compared() {
    let case = Case::new(S3Rules::default()).await;
    assert_eq!(case.run().await, Outcome::Done);
    let (_keep, stop) = tokio::sync::watch::channel(false);
    let said = ask_again(&case.memory.job(), &case.adapter(), stop.clone()).await;
    assert_eq!(said, Still::Held);

    // Another recorder's adapter, a job of the same lecture whose file is another by now.
    let mut job = case.memory.job();
    job.files[0].sha256 = "ab".repeat(32);
    let said = ask_again(&job, &case.adapter(), stop.clone()).await;
    assert!(
        matches!(&said, Still::Denied(why) if why.contains("another file")),
        "{said:?}"
    );

    let mut job = case.memory.job();
    job.folder.push('x');
    let said = ask_again(&job, &case.adapter(), stop).await;
    assert!(
        matches!(&said, Still::Denied(why) if why.contains("is not there")),
        "{said:?}"
    );
    case.assert_exactly_once(0);
}

#[tokio::test]
async fn the_doctor_says_what_a_store_verifies() {
    for (rules, told) in [
        (S3Rules::default(), "verifies each part twice"),
        (
            S3Rules {
                checksums: Vec::new(),
                ..S3Rules::default()
            },
            "is given no checksums, and refused a part with a wrong signed SHA-256",
        ),
        (
            S3Rules {
                verifies_nothing: true,
                ..S3Rules::default()
            },
            "it verifies nothing of its own",
        ),
        (
            S3Rules {
                ignores_if_none_match: true,
                ..S3Rules::default()
            },
            "does not heed If-None-Match",
        ),
    ] {
        let good = !rules.verifies_nothing;
        let case = Case::new(rules).await;
        let checks = case.adapter().probe().await;
        assert!(
            checks.iter().all(|check| check.subject == "platform.central"),
            "{checks:?}"
        );
        assert!(
            checks.iter().any(|check| check.found.contains(told)),
            "{told}: {checks:#?}"
        );
        assert_eq!(
            checks.iter().all(|check| check.verdict == Verdict::Good),
            good,
            "{checks:#?}"
        );
        assert_eq!(case.judge.objects(), [], "the probe left an object");
        assert_eq!(case.judge.open_uploads(), [], "the probe left an upload");
        assert_eq!(case.judge.breaches(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn the_doctor_names_what_a_delivery_would_stumble_over() {
    let mut case = Case::new(S3Rules::default()).await;
    case.wish.keys = "LECTERNTESTACCESS:wrong".to_owned();
    let checks = case.adapter().probe().await;
    assert_eq!(checks.len(), 1, "{checks:#?}");
    assert_eq!(checks[0].verdict, Verdict::Bad);
    assert!(checks[0].found.contains("SignatureDoesNotMatch"), "{checks:#?}");
    assert!(checks[0].todo.contains("secret key"), "{checks:#?}");
}

/// What lies there was not sent by us, or was changed.
#[tokio::test]
async fn p5_another_object_is_never_written_over() {
    for ignores_if_none_match in [false, true] {
        let rules = S3Rules {
            ignores_if_none_match,
            ..S3Rules::default()
        };
        let case = Case::new(rules).await;
        let other = Case::new(S3Rules::default()).await;
        // The same place, another file: a recorder whose disk was cloned.
        let mut job = other.memory.job();
        job.folder.clone_from(&case.memory.job().folder);
        job.lecture = case.memory.job().lecture;
        std::fs::write(&job.files[0].path, b"another").unwrap();
        job.files[0].size_bytes = 7;
        job.files[0].sha256 = lectern_testkit::sha256_of_file(&job.files[0].path).unwrap();
        let theirs = common::Memory::new(job);
        assert_eq!(run(&case.adapter(), &theirs).await.unwrap(), Outcome::Done);
        let before = case.judge.objects();
        assert_eq!(before[0].key, key(&case.memory.job(), 0));

        let why = common::parked(case.run().await);
        assert!(
            why.contains("another file") && why.contains("7 bytes with SHA-256"),
            "{why}"
        );
        assert_eq!(case.judge.objects(), before);
        assert_eq!(case.judge.received(), 7, "no byte of ours was sent");
        assert_eq!(SIZE, case.memory.job().files[0].size_bytes);
    }
}
