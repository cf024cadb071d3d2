//! What a tus server may answer instead of the hoped-for: each obstacle leads to the right state,
//! with a sentence that a technician can act on.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use common::tus_case::{Case, MIB, SIZE};
use common::{BRIEF, NOW_UNIX_MS, config, free_line, parked, refused, run, until_settled, waiting};
use hyper::Method;
use lectern_deliver::{Courier, Outcome, Secrets, connect_with};
use lectern_domain::config::PlatformKind;
use lectern_domain::delivery::DeliveryState;
use lectern_testkit::{Misdeed, On, Rules};
use tokio::sync::watch;

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
            .run(job, &case.adapter(), &case.memory, &|_| {}, stop.clone())
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
async fn what_concerns_every_lecture_holds_the_platform_and_parks_none() {
    for (status, advice) in [
        (401, "Renew the platform's credential."),
        (
            403,
            "Ask the platform's operator to let this room's credential upload.",
        ),
        (412, "The platform does not speak tus 1.0.0"),
        (415, "A proxy before the platform may change requests"),
        (308, "put the final address into the platform's url"),
        (511, "log this machine in"),
    ] {
        for method in [Method::POST, Method::PATCH] {
            let case = Case::new(Rules::default()).await;
            case.next(method.clone(), Misdeed::Status(status, None));
            let why = refused(case.run().await);
            let safe = "Every lecture is safe on this machine.";
            assert!(
                why.contains(&format!("with {status}")) && why.contains(advice) && why.contains(safe),
                "{method} {status}: {why}"
            );
            assert_eq!(case.memory.states().last(), Some(&DeliveryState::Queued));
            assert_eq!(case.run().await, Outcome::Done, "after a person has acted");
            case.assert_exactly_once();
        }
    }
    let case = Case::new(Rules::default()).await;
    case.next(Method::POST, Misdeed::Status(404, None));
    assert!(refused(case.run().await).contains("Check the platform's url"));
}

#[tokio::test]
async fn what_concerns_one_lecture_is_parked_with_a_sentence() {
    for (status, advice) in [
        (413, "have the limit raised"),
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
        let why = refused(case.run().await);
        let peer = case.judge.address();
        let begins = format!(
            "{peer} answered {request} with a web page: this is no tus server. Every lecture is safe"
        );
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
        &free_line(),
        BRIEF,
    );
    let why = waiting(run(&away, &case.memory).await.unwrap());
    assert!(
        why.starts_with(&format!("127.0.0.1:{port} cannot be reached: ")),
        "{why}"
    );
    assert!(why.contains("refused"), "{why}");
}

#[tokio::test]
async fn bytes_and_credential_stay_with_the_configured_origin() {
    let case = Case::new(Rules::default()).await;
    case.next(
        Method::POST,
        Misdeed::Location("https://elsewhere.example/files/1".to_owned()),
    );
    let why = refused(case.run().await);
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
