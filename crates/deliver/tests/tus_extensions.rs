//! What tus servers may offer beyond the core: digests of pieces, an end to unfinished uploads,
//! their removal; and what the doctor says of each.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use common::tus_case::{Case, MIB, SIZE};
use common::{Memory, job, until_settled, waiting};
use hyper::Method;
use lectern_deliver::Outcome;
use lectern_domain::api::{Check, Verdict};
use lectern_domain::delivery::FilePhase;
use lectern_domain::finished::PART_BYTES;
use lectern_testkit::{Misdeed, On, Rules, TusChecksum};

fn digesting(checksums: &[TusChecksum]) -> Rules {
    Rules {
        checksums: checksums.to_vec(),
        ..Rules::default()
    }
}

#[tokio::test]
async fn p5_each_piece_travels_with_a_digest_that_the_server_verifies() {
    for checksums in [
        &[TusChecksum::Sha1][..],
        &[TusChecksum::Sha1, TusChecksum::Sha256],
    ] {
        let mut case = Case::new(digesting(checksums)).await;
        assert_eq!(case.run().await, Outcome::Done);
        case.assert_exactly_once();
        // Pieces end where parts end.
        let home = tempfile::tempdir().unwrap();
        case.memory = Memory::new(job(home.path(), &[("lecture.mp4", PART_BYTES + MIB)]));
        assert_eq!(case.run().await, Outcome::Done);
        let sha256 = &case.memory.job().files[0].sha256;
        assert!(
            case.judge
                .whole()
                .iter()
                .any(|upload| upload.sha256.as_ref() == Some(sha256))
        );
        assert_eq!(case.judge.breaches(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn p5_a_piece_that_was_damaged_on_the_way_is_sent_again_after_a_question() {
    for on in [On::Next(Method::PATCH), On::LastPiece] {
        let case = Case::new(digesting(&[TusChecksum::Sha1])).await;
        case.judge.misbehave(on, Misdeed::Mismatch);
        assert_eq!(case.run().await, Outcome::Done, "in the same run");
        assert_eq!(case.judge.whole().len(), 1);
        assert_eq!(case.judge.breaches(), Vec::<String>::new());
        let again =
            case.methods().matches("PATCH").count() - usize::try_from(SIZE.div_ceil(MIB / 2)).unwrap();
        assert_eq!(again, 1, "{}", case.methods());
        assert!(case.methods().contains("PATCH HEAD PATCH"), "{}", case.methods());
    }
}

#[tokio::test]
async fn a_line_that_damages_every_piece_is_told_and_tried_later() {
    let case = Case::new(digesting(&[TusChecksum::Sha1])).await;
    for _ in 0..3 {
        case.next(Method::PATCH, Misdeed::Mismatch);
    }
    let why = waiting(case.run().await);
    assert!(
        why.contains("found that a piece was damaged on the way and dropped it (460"),
        "{why}"
    );
    assert_eq!(case.run().await, Outcome::Done);
    assert_eq!(case.judge.breaches(), Vec::<String>::new());
}

#[tokio::test]
async fn p5_with_digests_a_break_costs_a_piece_of_at_most_a_mebibyte() {
    let case = Case::new(digesting(&[TusChecksum::Sha256])).await;
    case.next(Method::PATCH, Misdeed::ResetAfter(2 * MIB + 5));
    assert_eq!(case.run().await, Outcome::Done);
    let whole = case.judge.whole();
    assert_eq!(whole.len(), 1);
    assert!(whole[0].received <= SIZE + MIB, "{} of {SIZE}", whole[0].received);
    assert_eq!(case.judge.breaches(), Vec::<String>::new());
}

#[tokio::test]
async fn p5_an_upload_that_expired_between_two_nights_is_begun_anew_and_people_knew() {
    let case = Case::new(Rules {
        expires_after: Some(3600),
        ..Rules::default()
    })
    .await;
    case.next(Method::PATCH, Misdeed::ResetAfter(MIB));
    case.next(Method::PATCH, Misdeed::Status(503, None));
    let why = waiting(case.run().await);
    assert!(why.contains("It keeps what was sent until 20"), "{why}");
    assert!(why.contains("UTC; after that this file is sent anew."), "{why}");
    case.judge.set_clock_offset(7200);
    assert_eq!(case.run().await, Outcome::Done);
    assert_eq!(case.judge.whole().len(), 1);
    assert_eq!(case.judge.breaches(), Vec::<String>::new());
}

#[tokio::test]
async fn p5_an_expired_upload_that_has_a_receipt_is_not_sent_again() {
    let mut case = Case::new(Rules::default()).await;
    case.receipts = true;
    assert_eq!(case.run().await, Outcome::Done);
    // As after a restore of an older database: the receipt was forgotten, and so was the upload.
    let remote = case.judge.url() + "forgotten";
    case.memory.set_phase(0, FilePhase::Bound { remote });
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once();
}

#[tokio::test]
async fn p5_an_upload_that_is_locked_is_waited_for() {
    let case = Case::new(Rules::default()).await;
    case.next(Method::PATCH, Misdeed::ResetAfter(MIB));
    case.next(Method::HEAD, Misdeed::Status(423, None));
    assert!(waiting(case.run().await).contains("with 423"));
    assert_eq!(
        until_settled(&|| case.adapter(), &case.memory).await,
        Outcome::Done
    );
    case.assert_exactly_once();
}

fn verdicts(checks: &[Check]) -> Vec<Verdict> {
    checks.iter().map(|check| check.verdict).collect()
}

fn says(checks: &[Check], text: &str) -> bool {
    checks
        .iter()
        .any(|check| check.found.contains(text) || check.todo.contains(text))
}

#[tokio::test]
async fn the_doctor_has_a_wrong_digest_refused_and_leaves_nothing_behind() {
    let mut case = Case::new(Rules {
        expires_after: Some(72 * 3600),
        ..digesting(&[TusChecksum::Sha1, TusChecksum::Sha256])
    })
    .await;
    case.receipts = true;
    let checks = case.adapter().probe().await;
    assert!(
        verdicts(&checks).iter().all(|verdict| *verdict == Verdict::Good),
        "{checks:?}"
    );
    assert!(
        checks.iter().all(|check| check.subject == "platform.central"),
        "{checks:?}"
    );
    for text in [
        "lets this room create uploads",
        "refused a piece with a wrong sha256: it verifies each piece",
        "keeps an upload that is not whole for 7",
        "answers for its receipts",
    ] {
        assert!(says(&checks, text), "{text}: {checks:?}");
    }
    let dropped = case
        .judge
        .seen()
        .iter()
        .any(|seen| seen.method == Method::DELETE && seen.status == Some(204));
    assert!(dropped && case.judge.whole().is_empty(), "the probe stays behind");
    assert_eq!(case.judge.breaches(), Vec::<String>::new());
}

#[tokio::test]
async fn the_doctor_says_what_a_server_does_not_verify() {
    let case = Case::new(Rules {
        expires_after: Some(3600),
        ..Rules::default()
    })
    .await;
    let checks = case.adapter().probe().await;
    assert_eq!(
        verdicts(&checks),
        [Verdict::Good, Verdict::Warning, Verdict::Warning]
    );
    assert!(says(&checks, "verifies nothing of its own"), "{checks:?}");
    assert!(says(&checks, "Have it kept for three days"), "{checks:?}");

    let case = Case::new(digesting(&[TusChecksum::Sha1])).await;
    case.next(Method::PATCH, Misdeed::Status(204, None));
    let checks = case.adapter().probe().await;
    assert_eq!(verdicts(&checks), [Verdict::Good, Verdict::Warning]);
    assert!(says(&checks, "it does not verify them"), "{checks:?}");
}

#[tokio::test]
async fn the_doctor_names_what_keeps_a_room_out() {
    let case = Case::new(Rules {
        bearer: Some("another".to_owned()),
        ..Rules::default()
    })
    .await;
    let checks = case.adapter().probe().await;
    assert_eq!(verdicts(&checks), [Verdict::Bad]);
    assert!(says(&checks, "Renew the platform's credential."), "{checks:?}");
}
