//! tus against a judge that misbehaves: every answer that leaves a doubt is followed by a question.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use std::time::Duration;

use common::tus_case::{Case, MIB, SIZE};
use common::{BRIEF, Memory, NOW_UNIX_MS, config, free_line, job, parked, run, run_with, until_settled};
use hyper::Method;
use lectern_deliver::{Courier, Outcome, Progress, Secrets, Still, ask_again, connect_with};
use lectern_domain::config::PlatformKind;
use lectern_domain::delivery::{DeliveryState as S, FilePhase};
use lectern_testkit::{Misdeed, On, Rules, TusJudge, wait_until};
use tokio::sync::watch;

#[tokio::test]
async fn p5_the_way_without_trouble_asks_once() {
    let case = Case::new(Rules::default()).await;
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once();
    let pieces = usize::try_from(SIZE.div_ceil(MIB / 2)).unwrap();
    assert_eq!(
        case.methods(),
        format!("OPTIONS POST {}HEAD", "PATCH ".repeat(pieces))
    );
    let upload = &case.judge.whole()[0];
    let job = case.memory.job();
    let told = |key: &str| upload.metadata[key].clone();
    assert_eq!(told("filename"), "lecture.mp4");
    assert_eq!(told("filetype"), "video/mp4");
    assert_eq!(told("lecture_id"), job.lecture.to_string());
    assert_eq!(told("sha256"), job.files[0].sha256);
    assert_eq!(told("title"), job.title);
}

#[tokio::test]
async fn p5_a_reset_is_followed_by_a_question_and_no_byte_goes_twice() {
    let case = Case::new(Rules::default()).await;
    case.next(Method::PATCH, Misdeed::ResetAfter(2 * MIB + 5));
    assert_eq!(case.run().await, Outcome::Done, "the same run goes on");
    case.assert_exactly_once();
    let seen = case.judge.seen();
    let cut = seen.iter().position(|seen| seen.status.is_none()).unwrap();
    assert_eq!(seen[cut + 1].method, Method::HEAD);
    let states = [
        S::Reconciling,
        S::Sending,
        S::Reconciling,
        S::Sending,
        S::Verifying,
        S::Done,
    ];
    assert_eq!(case.memory.states(), states);
}

#[tokio::test]
async fn p5_lost_replies_are_followed_by_a_question() {
    for on in [On::Next(Method::PATCH), On::LastPiece] {
        let case = Case::new(Rules::default()).await;
        case.judge.misbehave(on.clone(), Misdeed::SwallowReply);
        assert_eq!(case.run().await, Outcome::Done, "{on:?}");
        case.assert_exactly_once();
    }
    let case = Case::new(Rules::default()).await;
    case.next(Method::POST, Misdeed::SwallowReply);
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once();
    assert_eq!(
        case.judge.uploads().len(),
        2,
        "the first upload is an empty orphan"
    );
}

#[tokio::test]
async fn p5_a_lost_last_reply_is_settled_by_the_receipt() {
    let mut case = Case::new(Rules {
        moves_finished: true,
        ..Rules::default()
    })
    .await;
    case.receipts = true;
    case.judge.misbehave(On::LastPiece, Misdeed::SwallowReply);
    assert_eq!(case.run().await, Outcome::Done);
    assert_eq!(case.judge.whole().len(), 1);
}

#[tokio::test]
async fn p5_a_receipt_that_is_late_needs_no_person() {
    let mut case = Case::new(Rules {
        moves_finished: true,
        ..Rules::default()
    })
    .await;
    case.receipts = true;
    // Before the upload, and twice while the platform files it away.
    for _ in 0..3 {
        case.next(Method::GET, Misdeed::Status(404, None));
    }
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once();
}

#[tokio::test]
async fn p5_a_lost_last_reply_without_receipt_waits_for_a_person() {
    let case = Case::new(Rules {
        moves_finished: true,
        ..Rules::default()
    })
    .await;
    case.judge.misbehave(On::LastPiece, Misdeed::SwallowReply);
    let why = parked(case.run().await);
    let (peer, lecture) = (case.judge.address(), case.memory.job().lecture);
    assert_eq!(
        why,
        format!(
            "{peer} no longer knows the upload of lecture.mp4, whose last piece was sent. Whether lecture.mp4 \
             arrived is uncertain. The lecture is safe on this machine, and nothing was sent again. Look for it on \
             the platform: if it is there, nothing is to be done; if it is not, `lectern retry {lecture}` sends it \
             anew."
        )
    );
    assert_eq!(case.judge.whole().len(), 1, "nothing was sent again");
    // A person's retry is their word that it is not there.
    assert_eq!(case.memory.job().files[0].phase, FilePhase::Creating);
    assert_eq!(case.run().await, Outcome::Done);
    assert_eq!(case.judge.whole().len(), 2);
}

#[tokio::test]
async fn p5_an_upload_that_expired_is_begun_anew() {
    let case = Case::new(Rules::default()).await;
    case.next(Method::PATCH, Misdeed::ResetAfter(MIB));
    case.next(Method::HEAD, Misdeed::Expire);
    assert_eq!(case.run().await, Outcome::Done);
    assert_eq!(case.judge.whole().len(), 1);
    assert_eq!(case.judge.uploads().len(), 2);
    let case = Case::new(Rules::default()).await;
    case.next(Method::PATCH, Misdeed::Expire);
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once();
}

#[tokio::test]
async fn a_stalled_connection_is_dropped_and_asked_about() {
    let case = Case::new(Rules::default()).await;
    case.next(Method::PATCH, Misdeed::StallAfter(MIB));
    let begun = std::time::Instant::now();
    assert_eq!(
        until_settled(&|| case.adapter(), &case.memory).await,
        Outcome::Done
    );
    assert!(begun.elapsed() >= BRIEF.idle);
    case.assert_exactly_once();
}

#[tokio::test]
async fn p5_a_restarted_server_is_asked_where_it_stands() {
    let mut case = Case::new(Rules::default()).await;
    case.next(Method::PATCH, Misdeed::StallAfter(3 * MIB));
    let (adapter, memory) = (case.adapter(), &case.memory);
    let judge = &case.judge;
    let stalled = wait_until("three MiB at the judge", Duration::from_secs(10), || {
        judge
            .uploads()
            .first()
            .is_some_and(|upload| upload.offset == 3 * MIB)
    });
    tokio::select! {
        ended = run(&adapter, memory) => panic!("{ended:?}"),
        waited = stalled => waited.unwrap(),
    }
    drop(adapter);
    case.judge = case.judge.restart().await.unwrap();
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once();
}

#[tokio::test]
async fn a_stop_ends_the_run_and_the_next_goes_on() {
    let case = Case::new(Rules::default()).await;
    case.next(Method::PATCH, Misdeed::StallAfter(MIB));
    let patient = lectern_deliver::connect(
        &config(PlatformKind::Tus {
            url: case.judge.url(),
            receipt_url: None,
        }),
        Secrets::default(),
        &free_line(),
    );
    let (stopping, stop) = watch::channel(false);
    let courier = Courier::new(|| NOW_UNIX_MS, || 0.0);
    let running = courier.run(case.memory.job(), &patient, &case.memory, &|_| {}, stop);
    let stop_in_time = async {
        wait_until("a MiB at the judge", Duration::from_secs(10), || {
            case.judge
                .uploads()
                .first()
                .is_some_and(|upload| upload.offset == MIB)
        })
        .await
        .unwrap();
        stopping.send_replace(true);
        std::time::Instant::now()
    };
    let (outcome, told) = tokio::join!(running, stop_in_time);
    assert_eq!(outcome.unwrap(), Outcome::Stopped);
    assert!(told.elapsed() < Duration::from_secs(1));
    assert_eq!(
        case.memory.states().last(),
        Some(&S::Sending),
        "left for the next run to ask"
    );
    assert_eq!(
        until_settled(&|| case.adapter(), &case.memory).await,
        Outcome::Done
    );
    case.assert_exactly_once();
}

#[tokio::test]
async fn progress_counts_the_whole_delivery_and_never_runs_back() {
    let dirs = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let judge = TusJudge::start(dirs.0.path(), Rules::default()).await.unwrap();
    let memory = Memory::new(job(
        dirs.1.path(),
        &[("lecture.mp4", SIZE), ("camera.mp4", 2 * MIB)],
    ));
    let kind = PlatformKind::Tus {
        url: judge.url(),
        receipt_url: None,
    };
    let seen = std::sync::Mutex::new(Vec::<Progress>::new());
    let adapter = connect_with(&config(kind), Secrets::default(), &free_line(), BRIEF);
    let note = |progress| seen.lock().unwrap().push(progress);
    assert_eq!(run_with(&adapter, &memory, &note).await.unwrap(), Outcome::Done);
    let seen = seen.into_inner().unwrap();
    assert!(seen.iter().all(|progress| progress.total_bytes == SIZE + 2 * MIB));
    assert!(seen.is_sorted_by_key(|progress| progress.sent_bytes), "{seen:?}");
    assert_eq!(seen.last().unwrap().sent_bytes, SIZE + 2 * MIB);
}

#[tokio::test]
async fn p5_an_upload_at_a_former_address_is_begun_anew() {
    let case = Case::new(Rules::default()).await;
    let remote = "https://former.example/files/1".to_owned();
    case.memory.set_phase(
        0,
        FilePhase::Bound {
            remote: remote.clone(),
        },
    );
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once();
    let case = Case::new(Rules::default()).await;
    case.memory.set_phase(0, FilePhase::Completing { remote });
    assert!(parked(case.run().await).contains("is uncertain"));
    assert_eq!(case.judge.uploads(), []);
}

#[tokio::test]
async fn p6_a_platform_that_does_not_answer_for_its_receipt_is_silent_and_not_taken_for_a_yes() {
    let mut case = Case::new(Rules::default()).await;
    case.receipts = true;
    assert_eq!(case.run().await, Outcome::Done);
    let ask = async || {
        let (_keep, stop) = watch::channel(false);
        ask_again(&case.memory.job(), &case.adapter(), stop).await
    };
    for misdeed in [
        Misdeed::Nothing,
        Misdeed::SwallowReply,
        Misdeed::Status(503, None),
    ] {
        case.next(Method::GET, misdeed.clone());
        assert!(matches!(ask().await, Still::Silent(_)), "{misdeed:?}");
    }
    assert_eq!(ask().await, Still::Held);
}
