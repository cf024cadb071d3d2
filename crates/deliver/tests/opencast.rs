//! Opencast as it should be: what it is told, how one signs in, what is proof.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use std::time::Duration;

use common::opencast_case::{ALL, Case};
use common::{Memory, parked, run, until_settled, waiting};
use lectern_deliver::{Outcome, Still, ask_again};
use lectern_domain::api::Verdict;
use lectern_domain::delivery::{Commit, DeliveryState as S, FilePhase};
use lectern_domain::finished::FileRole;
use lectern_testkit::{
    Misdeed, OpencastAuth, OpencastCall as Call, OpencastEnd, OpencastRegistry, OpencastRules,
};
use tokio::sync::watch;

fn rules() -> OpencastRules {
    OpencastRules::default()
}

async fn still(case: &Case) -> Still {
    let (_going, stop) = watch::channel(false);
    ask_again(&case.memory.job(), &case.adapter(), stop).await
}

#[tokio::test]
async fn p5_the_way_without_trouble_is_the_one_of_the_guide() {
    let case = Case::new(rules()).await;
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once();
    assert_eq!(case.judge.received_bytes(), ALL);
    let calls = [
        "GET /workflow/mediaPackage/ID/instances.json",
        "GET /assets/episode/ID",
        "POST /capture-admin/agents/hall%20b%2D204",
        "POST /capture-admin/recordings/ID",
        "PUT /ingest/createMediaPackageWithID/ID",
        "POST /ingest/addDCCatalog",
        "POST /ingest/addTrack",
        "POST /ingest/addTrack",
        "POST /ingest/addTrack",
        "POST /ingest/ingest",
        "GET /workflow/mediaPackage/ID/instances.json",
        "POST /capture-admin/agents/hall%20b%2D204",
        "POST /capture-admin/recordings/ID",
    ];
    assert_eq!(case.calls(), calls);
    let states = [S::Reconciling, S::Sending, S::Verifying, S::Done];
    assert_eq!(case.memory.states(), states);
    assert_eq!(case.judge.agent("hall%20b%2D204").as_deref(), Some("idle"));
}

#[tokio::test]
async fn the_lecture_is_described_in_any_script_and_its_tracks_by_their_roles() {
    let case = Case::new(rules()).await;
    let mut job = case.memory.job();
    job.title = "线性代数 <&> – الجبر \"1\"".to_owned();
    job.presenter = Some("Ngũgĩ & Сын".to_owned());
    job.course = Some("MATH 201".to_owned());
    job.language = Some("sw".to_owned());
    let memory = Memory::new(job);
    assert_eq!(run(&case.adapter(), &memory).await.unwrap(), Outcome::Done);
    let workflow = &case.judge.workflows()[0];
    assert_eq!(workflow.lecture, memory.job().lecture.to_string());
    assert_eq!(workflow.definition.as_deref(), Some("lectures"));
    assert_eq!(workflow.parameters["publishToEngage"], "true");
    assert_eq!(workflow.parameters.len(), 1);
    for told in [
        ":title>线性代数 &lt;&amp;&gt; – الجبر ",
        ":creator>Ngũgĩ &amp; Сын<",
        ":subject>MATH 201<",
        ":language>sw<",
        ":spatial>hall b-204<",
        ">start=2026-11-18T11:06:40Z; end=2026-11-18T12:36:40Z; scheme=W3C-DTF;<",
        ">2026-11-18T11:06:40Z<",
    ] {
        assert!(
            workflow.dublin_core.contains(told),
            "{told} is not in {}",
            workflow.dublin_core
        );
    }
    let tracks: Vec<_> = workflow
        .tracks
        .iter()
        .map(|track| (track.flavor.as_str(), track.name.as_str()))
        .collect();
    let wanted = [
        ("presenter/source", "camera.mp4"),
        ("presentation/source", "screen.mp4"),
        ("presenter-audio/source", "microphone.m4a"),
    ];
    assert_eq!(tracks, wanted);
}

#[tokio::test]
async fn the_one_file_is_the_presenter_alone_and_the_lecture_beside_the_tracks() {
    for (beside, flavor) in [(false, "presenter/source"), (true, "lecture/source")] {
        let case = Case::new(rules()).await;
        let mut job = case.memory.job();
        job.files[2].role = FileRole::Lecture;
        job.files[0].role = if beside {
            job.files[0].role.clone()
        } else {
            FileRole::Metadata
        };
        job.files[1].role = FileRole::Checksums;
        let memory = Memory::new(job);
        assert_eq!(run(&case.adapter(), &memory).await.unwrap(), Outcome::Done);
        let tracks = &case.judge.workflows()[0].tracks;
        let lecture = tracks
            .iter()
            .find(|track| track.name == "microphone.m4a")
            .unwrap();
        assert_eq!(lecture.flavor, flavor);
        let attached: Vec<_> = tracks
            .iter()
            .filter(|track| !track.track)
            .map(|track| &track.flavor)
            .collect();
        assert_eq!(attached.len(), if beside { 1 } else { 2 }, "{attached:?}");
    }
}

#[tokio::test]
async fn every_shape_of_the_registry_is_read() {
    let case = Case::new(OpencastRules {
        registry: OpencastRegistry::Several,
        ..rules()
    })
    .await;
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once();
    let case = Case::new(OpencastRules {
        registry: OpencastRegistry::Nothing,
        ..rules()
    })
    .await;
    let why = waiting(case.run().await);
    assert!(
        why.contains("has no org.opencastproject.workflow that is online"),
        "{why}"
    );
}

#[tokio::test]
async fn a_registry_that_fails_leaves_its_former_answer_standing() {
    let case = Case::new(rules()).await;
    // Asked for the workflows, the archive, and then the ingest service: once to open, once for
    // each file.
    assert_eq!(case.run().await, Outcome::Done);
    let asked = case
        .judge
        .seen()
        .iter()
        .filter(|seen| seen.target.contains("ingest&") || seen.target.ends_with(".ingest"))
        .count();
    assert_eq!(
        asked, 4,
        "the ingest service is asked for again before each upload"
    );
    let case = Case::new(rules()).await;
    for _ in 0..3 {
        case.next(Call::Registry, Misdeed::Status(503, None));
    }
    // The first answer cannot be replaced by an older one.
    assert!(waiting(case.run().await).contains("503"));
    assert!(waiting(case.run().await).contains("503"));
    assert!(waiting(case.run().await).contains("503"));
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once();
}

#[tokio::test]
async fn p5_digest_signs_in_and_sends_no_body_twice() {
    let case = Case::new(OpencastRules {
        auth: OpencastAuth::Digest,
        ..rules()
    })
    .await;
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once();
    // Challenges that are old as soon as they are answered late: each file comes with its own.
    let case = Case::new(OpencastRules {
        auth: OpencastAuth::Digest,
        nonce_life: Duration::from_millis(100),
        ..rules()
    })
    .await;
    case.next(Call::Add, Misdeed::SlowReader(8 * 1024 * 1024));
    case.next(Call::Add, Misdeed::SlowReader(8 * 1024 * 1024));
    assert_eq!(
        until_settled(&|| case.adapter(), &case.memory).await,
        Outcome::Done
    );
    case.assert_exactly_once();
    assert_eq!(
        case.judge.received_bytes(),
        ALL,
        "no file was sent under an old challenge"
    );
}

#[tokio::test]
async fn a_wrong_password_is_a_sentence_and_no_lecture_is_parked() {
    for (auth, told) in [(OpencastAuth::Basic, "401"), (OpencastAuth::Digest, "401")] {
        let mut case = Case::new(OpencastRules { auth, ..rules() }).await;
        case.rules.password = "wrong".to_owned();
        let Outcome::Refused { why } = case.run().await else {
            panic!("not refused")
        };
        assert!(why.contains(told) && why.contains("password"), "{why}");
        assert!(!why.contains("wrong"), "{why}");
        assert_eq!(case.judge.workflows().len(), 0);
    }
}

#[tokio::test]
async fn the_way_to_the_login_page_is_a_refusal_and_is_not_gone() {
    let mut case = Case::new(OpencastRules {
        auth: OpencastAuth::Digest,
        ..rules()
    })
    .await;
    // A system account that signs in like an ordinary user.
    case.rules.auth = OpencastAuth::Basic;
    let Outcome::Refused { why } = case.run().await else {
        panic!("not refused")
    };
    assert!(
        why.contains("login page (302 Found)") && why.contains("\"digest\""),
        "{why}"
    );
    assert_eq!(case.judge.breaches(), Vec::<String>::new());
    let case = Case::new(rules()).await;
    case.next(Call::Create, Misdeed::Html);
    let Outcome::Refused { why } = case.run().await else {
        panic!("not refused")
    };
    assert!(why.contains("a web page"), "{why}");
}

#[tokio::test]
async fn p6_our_copy_stays_until_the_workflow_has_ended_well() {
    let case = Case::new(OpencastRules {
        end: OpencastEnd::Running,
        ..rules()
    })
    .await;
    assert_eq!(case.run().await, Outcome::Done);
    assert!(matches!(still(&case).await, Still::Silent(why) if why.contains("(RUNNING)")));
    case.judge.end_workflows("SUCCEEDED");
    assert_eq!(still(&case).await, Still::Held);
    case.judge.clear_workflows();
    assert_eq!(still(&case).await, Still::Held, "the archive has it");
    case.judge.forget(&case.memory.job().lecture.to_string());
    assert!(matches!(still(&case).await, Still::Denied(why) if why.contains("knows nothing")));
    assert_eq!(case.judge.breaches(), Vec::<String>::new());
}

#[tokio::test]
async fn p6_a_workflow_that_failed_frees_no_copy() {
    let case = Case::new(OpencastRules {
        end: OpencastEnd::Running,
        ..rules()
    })
    .await;
    assert_eq!(case.run().await, Outcome::Done);
    case.judge.end_workflows("FAILED");
    assert!(matches!(still(&case).await, Still::Denied(why) if why.contains("ended as FAILED")));
}

#[tokio::test]
async fn p6_the_receipt_says_what_opencast_told() {
    for tells_digests in [true, false] {
        let case = Case::new(OpencastRules {
            tells_digests,
            ..rules()
        })
        .await;
        assert_eq!(case.run().await, Outcome::Done);
        let workflow = case.judge.workflows()[0].clone();
        let receipts: Vec<_> = case
            .memory
            .commits()
            .into_iter()
            .filter_map(|commit| match commit {
                Commit::Receipt {
                    evidence, location, ..
                } => Some((evidence, location)),
                _ => None,
            })
            .collect();
        assert_eq!(receipts.len(), 3);
        let (evidence, location) = &receipts[0];
        assert_eq!(evidence["workflow"], workflow.id.to_string());
        assert_eq!(evidence["state"], "SUCCEEDED");
        assert_eq!(evidence["told"]["element"], workflow.tracks[0].id);
        assert_eq!(evidence["told"]["size"].is_null(), !tells_digests);
        assert_eq!(evidence["told"]["checksum"].is_null(), !tells_digests);
        assert!(
            location.ends_with(&format!("(workflow {})", workflow.id)),
            "{location}"
        );
    }
}

#[tokio::test]
async fn p5_a_lecture_that_a_twin_has_sent_is_not_sent_again() {
    let case = Case::new(rules()).await;
    assert_eq!(case.run().await, Outcome::Done);
    // The same lecture from a disk that was cloned before it was sent.
    let mut job = case.memory.job();
    for file in &mut job.files {
        file.phase = FilePhase::Pending;
    }
    let twin = Memory::new(job);
    assert_eq!(run(&case.adapter(), &twin).await.unwrap(), Outcome::Done);
    case.assert_exactly_once();
    assert_eq!(case.judge.received_bytes(), ALL);
}

#[tokio::test]
async fn p5_another_lecture_under_our_id_is_a_persons_matter() {
    let case = Case::new(rules()).await;
    let lecture = case.memory.job().lecture.to_string();
    case.judge
        .occupy(&lecture, "presenter/source", b"somebody else's");
    let why = parked(case.run().await);
    assert!(why.contains("another file for camera.mp4"), "{why}");
    assert_eq!(case.judge.received_bytes(), 0);
}

#[tokio::test]
async fn the_doctor_hears_what_a_delivery_would() {
    let case = Case::new(rules()).await;
    let verdicts = |checks: &[lectern_domain::api::Check]| -> Vec<Verdict> {
        checks.iter().map(|check| check.verdict).collect()
    };
    use Verdict::{Bad, Good, Warning};
    let checks = case.adapter().probe().await;
    assert_eq!(verdicts(&checks), [Good, Good, Good, Good], "{checks:?}");
    assert!(
        checks[3]
            .found
            .contains("a break sends a track again from its start"),
        "{checks:?}"
    );
    assert_eq!(case.run().await, Outcome::Done);
    assert_eq!(verdicts(&case.adapter().probe().await), [Good, Good, Good, Good]);
    let mut case = Case::new(OpencastRules {
        workflows_forbidden: true,
        ..rules()
    })
    .await;
    let checks = case.adapter().probe().await;
    assert_eq!(verdicts(&checks), [Good, Good, Warning, Good], "{checks:?}");
    case.rules.password = "wrong".to_owned();
    assert_eq!(verdicts(&case.adapter().probe().await), [Bad]);
    assert_eq!(case.judge.breaches(), Vec::<String>::new());
}
