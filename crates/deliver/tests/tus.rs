//! tus against a judge that misbehaves: every answer that leaves a doubt is followed by a
//! question, every obstacle by the right state and a sentence.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use std::time::Duration;

use common::{BRIEF, Memory, NOW_UNIX_MS, config, job, parked, run, run_with, until_settled, waiting};
use hyper::Method;
use lectern_deliver::{Courier, Outcome, Platform, Progress, Secrets, connect_with};
use lectern_domain::config::PlatformKind;
use lectern_domain::delivery::{DeliveryState as S, FilePhase};
use lectern_testkit::{Misdeed, On, Rules, TusJudge, wait_until};
use tempfile::TempDir;
use tokio::sync::watch;

const MIB: u64 = 1024 * 1024;
const SIZE: u64 = 4 * MIB + 99;

/// A judge, one lecture of [`SIZE`] bytes to be sent to it, and its journal.
struct Case {
    judge: TusJudge,
    memory: Memory,
    receipts: bool,
    _dirs: (TempDir, TempDir),
}

impl Case {
    async fn new(rules: Rules) -> Self {
        let dirs = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let judge = TusJudge::start(dirs.0.path(), rules).await.unwrap();
        let memory = Memory::new(job(dirs.1.path(), &[("lecture.mp4", SIZE)]));
        Self {
            judge,
            memory,
            receipts: false,
            _dirs: dirs,
        }
    }

    fn adapter(&self) -> Box<dyn Platform> {
        let receipt_url = self.receipts.then(|| self.judge.receipt_url());
        connect_with(
            &config(PlatformKind::Tus {
                url: self.judge.url(),
                receipt_url,
            }),
            Secrets::default(),
            BRIEF,
        )
    }

    async fn run(&self) -> Outcome {
        run(&*self.adapter(), &self.memory).await.unwrap()
    }

    fn next(&self, method: Method, misdeed: Misdeed) {
        self.judge.misbehave(On::Next(method), misdeed);
    }

    /// Whole there once, with not one byte sent twice and no breach of the protocol.
    fn assert_exactly_once(&self) {
        let whole = self.judge.whole();
        let sha256 = self.memory.job().files[0].sha256.clone();
        assert_eq!(
            whole
                .iter()
                .filter_map(|upload| upload.sha256.clone())
                .collect::<Vec<_>>(),
            [sha256]
        );
        assert_eq!(whole[0].received, SIZE, "bytes were sent twice");
        assert_eq!(self.judge.breaches(), Vec::<String>::new());
        assert_eq!(self.judge.misdeeds_left(), 0, "a misdeed was never met");
    }

    fn methods(&self) -> String {
        self.judge
            .seen()
            .iter()
            .map(|seen| seen.method.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

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
async fn servers_in_trouble_are_tried_again_by_themselves() {
    for method in [Method::POST, Method::PATCH, Method::HEAD] {
        for status in [423, 429, 500, 502, 503] {
            let case = Case::new(Rules::default()).await;
            case.next(method.clone(), Misdeed::Status(status, Some(7)));
            let outcome = case.run().await;
            let Outcome::Waiting {
                until_unix_ms, why, ..
            } = outcome
            else {
                panic!("{method} {status}: {outcome:?}");
            };
            assert_eq!(until_unix_ms, NOW_UNIX_MS + 7000, "Retry-After is obeyed");
            assert!(why.contains(&format!("with {status}")), "{why}");
            assert!(
                why.ends_with("The lecture is safe on this machine. It is tried again by itself."),
                "{why}"
            );
            assert_eq!(
                until_settled(&|| case.adapter(), &case.memory).await,
                Outcome::Done
            );
            case.assert_exactly_once();
        }
    }
}

#[tokio::test]
async fn a_wait_grows_with_the_attempts_and_begins_anew_after_progress() {
    let case = Case::new(Rules::default()).await;
    case.next(Method::POST, Misdeed::Status(500, None));
    let courier = Courier::new(|| NOW_UNIX_MS, || 1.0);
    let mut job = case.memory.job();
    job.attempts = 5;
    let (_going, stop) = watch::channel(false);
    let run = async |job| {
        courier
            .run(job, &*case.adapter(), &case.memory, &|_| {}, stop.clone())
            .await
            .unwrap()
    };
    let Outcome::Waiting {
        until_unix_ms,
        progressed,
        ..
    } = run(job).await
    else {
        panic!()
    };
    assert_eq!((until_unix_ms, progressed), (NOW_UNIX_MS + 64_000, false));
    case.judge.misbehave(On::LastPiece, Misdeed::Status(500, None));
    let mut job = case.memory.job();
    job.attempts = 6;
    let Outcome::Waiting {
        until_unix_ms,
        progressed,
        ..
    } = run(job).await
    else {
        panic!()
    };
    assert_eq!((until_unix_ms, progressed), (NOW_UNIX_MS + 2000, true));
}

#[tokio::test]
async fn what_no_retry_can_mend_is_parked_with_a_sentence() {
    for (status, advice) in [
        (401, "Renew the platform's credential."),
        (
            403,
            "Ask the platform's operator to let this room's credential upload.",
        ),
        (412, "The platform does not speak tus 1.0.0"),
        (413, "have the limit raised"),
        (415, "A proxy before the platform may change requests"),
        (308, "put the final address into the platform's url"),
        (400, "ask its operator what this answer means"),
    ] {
        for method in [Method::POST, Method::PATCH] {
            let case = Case::new(Rules::default()).await;
            case.next(method.clone(), Misdeed::Status(status, None));
            let why = parked(case.run().await);
            assert!(
                why.contains(&format!("with {status}")) && why.contains(advice),
                "{method} {status}: {why}"
            );
            assert!(why.contains("The lecture is safe on this machine."), "{why}");
            assert!(
                why.ends_with(&format!(
                    "Then run `lectern retry {}`.",
                    case.memory.job().lecture
                )),
                "{why}"
            );
            assert_eq!(case.run().await, Outcome::Done, "after a person has acted");
            case.assert_exactly_once();
        }
    }
}

#[tokio::test]
async fn a_web_page_is_no_tus_server() {
    for (method, request) in [
        (Method::POST, "a creation"),
        (Method::PATCH, "a PATCH"),
        (Method::HEAD, "a HEAD"),
    ] {
        let case = Case::new(Rules::default()).await;
        case.next(method, Misdeed::Html);
        let why = parked(case.run().await);
        let peer = case.judge.address();
        let begins =
            format!("{peer} answered {request} with a web page: this is no tus server. The lecture is safe");
        assert!(why.starts_with(&begins), "{why}");
        assert!(
            why.contains("whether a login page or a proxy stands before the platform"),
            "{why}"
        );
    }
}

#[tokio::test]
async fn a_server_that_answers_nothing_is_waited_for() {
    for method in [Method::POST, Method::PATCH] {
        let case = Case::new(Rules::default()).await;
        for _ in 0..3 {
            case.next(method.clone(), Misdeed::Nothing);
        }
        let why = waiting(case.run().await);
        assert!(why.contains("did not answer"), "{method}: {why}");
        assert_eq!(
            until_settled(&|| case.adapter(), &case.memory).await,
            Outcome::Done
        );
        case.assert_exactly_once();
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_waited_for() {
    let case = Case::new(Rules::default()).await;
    let port = lectern_testkit::free_port().unwrap();
    let url = format!("http://127.0.0.1:{port}/files/");
    let away = connect_with(
        &config(PlatformKind::Tus {
            url,
            receipt_url: None,
        }),
        Secrets::default(),
        BRIEF,
    );
    let why = waiting(run(&*away, &case.memory).await.unwrap());
    assert!(
        why.starts_with(&format!("127.0.0.1:{port} cannot be reached: ")),
        "{why}"
    );
    assert!(why.contains("refused"), "{why}");
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
async fn bytes_and_credential_stay_with_the_configured_origin() {
    let case = Case::new(Rules::default()).await;
    case.next(
        Method::POST,
        Misdeed::Location("https://elsewhere.example/files/1".to_owned()),
    );
    let why = parked(case.run().await);
    assert!(
        why.contains("wants the bytes to go to https://elsewhere.example"),
        "{why}"
    );
    assert_eq!(case.methods(), "OPTIONS POST");
}

#[tokio::test]
async fn a_server_that_contradicts_itself_gets_no_more_bytes() {
    let case = Case::new(Rules::default()).await;
    case.next(Method::PATCH, Misdeed::ResetAfter(MIB));
    case.next(Method::HEAD, Misdeed::Offset(SIZE + 1));
    let why = parked(case.run().await);
    assert!(
        why.contains(&format!(
            "it has {} bytes of lecture.mp4, which has only {SIZE}",
            SIZE + 1
        )),
        "{why}"
    );

    let case = Case::new(Rules::default()).await;
    case.next(Method::PATCH, Misdeed::ResetAfter(2 * MIB));
    case.next(Method::HEAD, Misdeed::Offset(2 * MIB));
    case.next(Method::PATCH, Misdeed::ResetAfter(1000));
    case.next(Method::HEAD, Misdeed::Offset(MIB));
    let why = parked(case.run().await);
    assert!(
        why.contains(&format!(
            "has {MIB} bytes of lecture.mp4, and had confirmed {} before",
            2 * MIB
        )),
        "{why}"
    );

    let case = Case::new(Rules::default()).await;
    case.next(Method::PATCH, Misdeed::Offset(SIZE));
    let why = parked(case.run().await);
    assert!(
        why.contains(&format!(
            "it confirmed byte {SIZE}, and only {} were sent",
            MIB / 2
        )),
        "{why}"
    );
}

#[tokio::test]
async fn what_the_server_says_of_itself_is_heeded_or_not_needed() {
    let case = Case::new(Rules {
        no_options: true,
        ..Rules::default()
    })
    .await;
    assert_eq!(case.run().await, Outcome::Done);
    let case = Case::new(Rules {
        max_size: Some(SIZE - 1),
        ..Rules::default()
    })
    .await;
    let why = parked(case.run().await);
    assert!(
        why.contains(&format!(
            "it takes at most {} bytes, and the file has {SIZE}",
            SIZE - 1
        )),
        "{why}"
    );
    assert_eq!(case.methods(), "OPTIONS");
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
        ended = run(&*adapter, memory) => panic!("{ended:?}"),
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
    );
    let (stopping, stop) = watch::channel(false);
    let courier = Courier::new(|| NOW_UNIX_MS, || 0.0);
    let running = courier.run(case.memory.job(), &*patient, &case.memory, &|_| {}, stop);
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
    let adapter = connect_with(&config(kind), Secrets::default(), BRIEF);
    let note = |progress| seen.lock().unwrap().push(progress);
    assert_eq!(run_with(&*adapter, &memory, &note).await.unwrap(), Outcome::Done);
    let seen = seen.into_inner().unwrap();
    assert!(seen.iter().all(|progress| progress.total_bytes == SIZE + 2 * MIB));
    assert!(seen.is_sorted_by_key(|progress| progress.sent_bytes), "{seen:?}");
    assert_eq!(seen.last().unwrap().sent_bytes, SIZE + 2 * MIB);
}
