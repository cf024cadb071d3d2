//! S3 against a strict store that misbehaves on command, and a line that breaks.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use std::time::Duration;

use common::s3_case::{Case, SIZE, adapter, key};
use common::{BRIEF, parked, refused, run, until_settled, waiting};
use lectern_deliver::{Outcome, Patience};
use lectern_domain::delivery::FilePhase;
use lectern_domain::finished::PART_BYTES;
use lectern_testkit::{CuttingProxy, Misdeed, S3Call as C, S3On, S3Rules, wait_until};

async fn case() -> Case {
    Case::new(S3Rules::default()).await
}

#[tokio::test]
async fn p5_after_a_reset_at_most_one_part_is_sent_twice() {
    for bytes in [1, PART_BYTES - 1, PART_BYTES + 777, 2 * PART_BYTES, SIZE - 1] {
        let case = case().await;
        case.next(C::UploadPart, Misdeed::ResetAfter(bytes));
        assert_eq!(case.run().await, Outcome::Done, "reset after {bytes}");
        case.assert_exactly_once(PART_BYTES);
    }
}

#[tokio::test]
async fn p5_after_a_reboot_at_most_one_part_is_sent_twice() {
    for bytes in [1, PART_BYTES / 2, PART_BYTES - 1, PART_BYTES + 1] {
        let case = case().await;
        let adapter = case.adapter();
        tokio::select! {
            ended = run(&adapter, &case.memory) => panic!("ended before it was killed: {ended:?}"),
            () = received(&case, bytes) => {}
        }
        drop(adapter);
        assert_eq!(case.until_settled().await, Outcome::Done, "killed after {bytes}");
        case.assert_exactly_once(PART_BYTES);
    }
}

async fn received(case: &Case, bytes: u64) {
    wait_until("bytes at the store", Duration::from_secs(60), || {
        case.judge.received() >= bytes
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn p5_a_store_that_is_killed_and_comes_back_gets_the_rest() {
    let mut case = case().await;
    let adapter = case.adapter();
    tokio::select! {
        ended = run(&adapter, &case.memory) => panic!("ended before the kill: {ended:?}"),
        () = received(&case, PART_BYTES + 5) => {}
    }
    drop(adapter);
    case.judge = case.judge.restart().await.unwrap();
    assert_eq!(case.until_settled().await, Outcome::Done);
    case.assert_exactly_once(PART_BYTES);
}

#[tokio::test]
async fn p5_a_lost_reply_is_asked_for_and_nothing_is_done_twice() {
    for (call, twice) in [
        (C::HeadObject, 0),
        (C::ListMultipartUploads, 0),
        (C::CreateMultipartUpload, 0),
        (C::UploadPart, 0),
        (C::ListParts, 0),
        (C::CompleteMultipartUpload, 0),
    ] {
        for misdeed in [Misdeed::SwallowReply, Misdeed::Nothing] {
            let case = case().await;
            case.next(call, misdeed.clone());
            assert_eq!(case.until_settled().await, Outcome::Done, "{call:?} {misdeed:?}");
            // What a store closes upon may have left.
            let twice = if misdeed == Misdeed::Nothing {
                PART_BYTES
            } else {
                twice
            };
            case.assert_exactly_once(twice);
        }
    }
}

#[tokio::test]
async fn p5_an_error_inside_of_a_success_is_read() {
    for came_into_being in [false, true] {
        let case = case().await;
        case.next(C::CompleteMultipartUpload, Misdeed::ErrorInside(came_into_being));
        let why = waiting(case.run().await);
        assert!(why.contains("InternalError"), "{why}");
        assert_eq!(case.run().await, Outcome::Done);
        case.assert_exactly_once(0);
        let completions = if came_into_being { 1 } else { 2 };
        assert_eq!(case.count(C::CompleteMultipartUpload), completions);
    }
}

#[tokio::test]
async fn p5_an_upload_that_expired_is_begun_anew() {
    let case = case().await;
    case.judge.misbehave(S3On::Part(2), Misdeed::Expire);
    assert_eq!(case.until_settled().await, Outcome::Done);
    case.assert_exactly_once(2 * PART_BYTES);
}

#[tokio::test]
async fn p5_an_upload_that_is_gone_when_it_was_all_but_whole_calls_a_person() {
    let case = case().await;
    case.next(C::CompleteMultipartUpload, Misdeed::Expire);
    let why = parked(case.until_settled().await);
    assert!(
        why.contains("is uncertain") && why.contains("neither the upload nor the file"),
        "{why}"
    );
    assert_eq!(case.count(C::CreateMultipartUpload), 1, "nothing was sent anew");
    assert_eq!(case.memory.job().files[0].phase, FilePhase::Creating);
    // The person's word.
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once(SIZE);
}

#[tokio::test]
async fn p5_a_part_that_was_damaged_on_its_way_is_sent_again_once() {
    let case = case().await;
    case.judge.misbehave(S3On::Part(2), Misdeed::Mismatch);
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once(PART_BYTES);
    assert_eq!(case.count(C::UploadPart), 4);
}

#[tokio::test]
async fn a_store_that_stalls_is_left_and_asked() {
    let case = case().await;
    case.next(C::UploadPart, Misdeed::StallAfter(PART_BYTES + 9));
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once(PART_BYTES);
}

#[tokio::test]
async fn a_store_that_reads_slowly_is_waited_for() {
    let case = case().await;
    case.judge
        .misbehave(S3On::Part(1), Misdeed::SlowReader(PART_BYTES));
    let adapter = adapter(
        &case.judge.url(),
        &case.wish,
        case.dirs.1.path(),
        Patience::default(),
    );
    assert_eq!(run(&adapter, &case.memory).await.unwrap(), Outcome::Done);
    case.assert_exactly_once(0);
}

#[tokio::test]
async fn a_line_that_is_cut_again_and_again_brings_it_through() {
    let case = case().await;
    let proxy = CuttingProxy::start(case.judge.address(), 0).await.unwrap();
    let url = format!("http://{}", proxy.address());
    let connect = || adapter(&url, &case.wish, case.dirs.1.path(), BRIEF);
    for cut in 1..4 {
        proxy.reset_after(cut * PART_BYTES / 2 + 1000);
        let outcome = run(&connect(), &case.memory).await.unwrap();
        assert!(!matches!(outcome, Outcome::Parked { .. }), "{outcome:?}");
    }
    assert_eq!(until_settled(&connect, &case.memory).await, Outcome::Done);
    case.assert_exactly_once(proxy.resets() as u64 * PART_BYTES);
}

#[tokio::test]
async fn a_wrong_clock_is_said_with_both_times_and_waited_for() {
    let case = case().await;
    case.judge.set_clock_offset(40 * 60);
    let why = waiting(case.run().await);
    assert!(
        why.contains("This machine's clock says 20") && why.contains("Check this machine's clock"),
        "{why}"
    );
    case.judge.set_clock_offset(0);
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once(0);
}

#[tokio::test]
async fn a_store_that_is_busy_is_given_the_time_that_it_asks_for() {
    for call in [
        C::CreateMultipartUpload,
        C::UploadPart,
        C::CompleteMultipartUpload,
    ] {
        let case = case().await;
        case.next(call, Misdeed::Status(503, Some(600)));
        let Outcome::Waiting {
            until_unix_ms, why, ..
        } = case.run().await
        else {
            panic!("{call:?} did not wait")
        };
        assert!(until_unix_ms - common::NOW_UNIX_MS >= 600_000, "{why}");
        assert_eq!(case.until_settled().await, Outcome::Done);
        case.assert_exactly_once(PART_BYTES);
    }
}

#[tokio::test]
async fn what_concerns_every_lecture_holds_the_platform_with_advice() {
    for (spoil, told) in [
        (
            (|case: &mut Case| case.wish.keys = "LECTERNTESTACCESS:hush-hush".to_owned()) as fn(&mut Case),
            "Check the secret key",
        ),
        (
            |case| case.wish.keys = "NOBODY:hush-hush".to_owned(),
            "Renew the platform's credential",
        ),
        (
            |case| case.wish.keys = "canary".to_owned(),
            "ACCESS_KEY:SECRET_KEY",
        ),
        (
            |case| case.wish.bucket = "elsewhere".to_owned(),
            "Have the bucket elsewhere made",
        ),
        (
            |case| case.wish.region = "mars-1".to_owned(),
            "set region = \"campus-1\"",
        ),
        (
            |case| case.next(C::CreateMultipartUpload, Misdeed::Html),
            "a login page",
        ),
        (
            |case| case.next(C::CreateMultipartUpload, Misdeed::Status(403, None)),
            "s3:PutObject",
        ),
        (
            |case| case.next(C::CreateMultipartUpload, Misdeed::Status(307, None)),
            "Redirects are not followed",
        ),
    ] {
        let mut case = case().await;
        spoil(&mut case);
        let why = refused(case.run().await);
        assert!(
            why.contains(told) && why.contains("Every lecture is safe"),
            "{why}"
        );
        assert!(!why.contains("hush") && !why.contains("canary"), "{why}");
    }
}

/// A key that is taken between our question and the completion.
#[tokio::test]
async fn p5_a_rival_that_was_quicker_is_not_written_over() {
    let case = case().await;
    case.next(C::CompleteMultipartUpload, Misdeed::Status(412, None));
    // The condition failed, and yet nothing is there: it is asked, and completed.
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once(0);
    assert_eq!(case.judge.objects()[0].key, key(&case.memory.job(), 0));
}
