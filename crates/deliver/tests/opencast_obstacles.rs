//! Opencast that misbehaves: every answer that leaves a doubt is followed by a question, and a
//! break costs the file that was under way and no other.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use std::time::Duration;

use common::opencast_case::{ALL, CAMERA, Case, MIB, adapter};
use common::{BRIEF, NOW_UNIX_MS, parked, run, until_settled, waiting};
use lectern_deliver::{Courier, Outcome, Patience};
use lectern_domain::delivery::{DeliveryState as S, FilePhase};
use lectern_testkit::{
    CuttingProxy, Misdeed, OpencastCall as Call, OpencastEnd, OpencastJudge, OpencastRules, wait_until,
};
use tokio::sync::watch;

fn rules() -> OpencastRules {
    OpencastRules::default()
}

/// How often something was asked for.
fn count(case: &Case, call: &str) -> usize {
    case.calls().iter().filter(|seen| seen.contains(call)).count()
}

#[tokio::test]
async fn p5_a_reset_costs_the_file_under_way_and_no_other() {
    let case = Case::new(rules()).await;
    // In the second file, near its end.
    case.next(Call::Add, Misdeed::ResetAfter(CAMERA + 2 * MIB));
    assert_eq!(case.run().await, Outcome::Done, "the same run goes on");
    case.assert_exactly_once();
    let twice = case.judge.received_bytes() - ALL;
    assert!((1..=2 * MIB).contains(&twice), "{twice} bytes were sent twice");
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
async fn p5_a_lost_reply_leaves_a_copy_that_nobody_refers_to() {
    let case = Case::new(rules()).await;
    case.next(Call::Add, Misdeed::SwallowReply);
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once();
    assert_eq!(case.judge.received_bytes(), ALL + CAMERA, "one file, once more");
    for call in [Call::Create, Call::Catalogue] {
        let case = Case::new(rules()).await;
        case.next(call, Misdeed::SwallowReply);
        assert_eq!(case.run().await, Outcome::Done, "{call:?}");
        case.assert_exactly_once();
        assert_eq!(case.judge.received_bytes(), ALL);
    }
}

#[tokio::test]
async fn p5_a_lost_reply_to_the_handing_in_is_settled_by_a_question() {
    for end in [OpencastEnd::Succeeded, OpencastEnd::Running] {
        let case = Case::new(OpencastRules { end, ..rules() }).await;
        case.next(Call::Ingest, Misdeed::SwallowReply);
        assert_eq!(case.run().await, Outcome::Done);
        case.assert_exactly_once();
        assert_eq!(count(&case, "/ingest/ingest"), 1);
        assert_eq!(case.judge.received_bytes(), ALL);
    }
}

#[tokio::test]
async fn p5_a_handing_in_that_did_not_arrive_is_repeated_without_a_byte_of_a_file() {
    for misdeed in [
        Misdeed::Nothing,
        Misdeed::Status(500, None),
        Misdeed::Status(502, None),
    ] {
        let case = Case::new(rules()).await;
        case.next(Call::Ingest, misdeed.clone());
        assert_eq!(case.run().await, Outcome::Done, "{misdeed:?}");
        case.assert_exactly_once();
        assert_eq!(case.judge.received_bytes(), ALL);
        let calls = case.calls();
        let first = calls
            .iter()
            .position(|call| call.contains("/ingest/ingest"))
            .unwrap();
        let asked = calls[first + 1..]
            .iter()
            .take_while(|call| !call.contains("/ingest/ingest"))
            .filter(|call| call.contains("instances.json"))
            .count();
        assert_eq!(asked, 2, "what is absent must stay absent for a while: {calls:?}");
    }
}

#[tokio::test]
async fn a_busy_opencast_is_left_alone_as_long_as_it_wishes() {
    for call in [Call::Add, Call::Ingest, Call::Workflows, Call::Create] {
        let case = Case::new(rules()).await;
        case.next(call, Misdeed::Status(503, Some(120)));
        let Outcome::Waiting {
            until_unix_ms, why, ..
        } = case.run().await
        else {
            panic!("{call:?}: not waiting")
        };
        assert_eq!(until_unix_ms, NOW_UNIX_MS + 120_000, "{call:?}: {why}");
        assert!(
            why.contains("503") && why.contains("safe on this machine"),
            "{why}"
        );
        assert_eq!(case.run().await, Outcome::Done, "{call:?}");
        case.assert_exactly_once();
    }
}

#[tokio::test]
async fn p5_who_may_not_ask_calls_a_person_after_a_lost_reply() {
    let case = Case::new(OpencastRules {
        workflows_forbidden: true,
        ..rules()
    })
    .await;
    assert_eq!(
        case.run().await,
        Outcome::Done,
        "without a doubt nothing has to be asked"
    );
    case.assert_exactly_once();
    let case = Case::new(OpencastRules {
        workflows_forbidden: true,
        ..rules()
    })
    .await;
    case.next(Call::Ingest, Misdeed::Nothing);
    let why = parked(case.run().await);
    let lecture = case.memory.job().lecture;
    assert_eq!(
        why,
        format!(
            "{} does not let this user see workflows, and did not answer when the lecture was handed in. Whether the \
             lecture arrived is uncertain. It is safe on this machine, and nothing was sent again. Look for it on the \
             platform: if it is there, nothing is to be done; if it is not, `lectern retry {lecture}` hands it in \
             anew.",
            case.judge.address()
        )
    );
    // A person's retry is their word that it is not there.
    let phases: Vec<_> = case
        .memory
        .job()
        .files
        .into_iter()
        .map(|file| file.phase)
        .collect();
    assert!(
        phases
            .iter()
            .all(|phase| matches!(phase, FilePhase::Bound { .. })),
        "{phases:?}"
    );
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once();
    assert_eq!(case.judge.received_bytes(), ALL);
}

#[tokio::test]
async fn a_stalled_connection_is_dropped_and_asked_about() {
    let case = Case::new(rules()).await;
    case.next(Call::Add, Misdeed::StallAfter(MIB));
    let begun = std::time::Instant::now();
    assert_eq!(
        until_settled(&|| case.adapter(), &case.memory).await,
        Outcome::Done
    );
    assert!(begun.elapsed() >= BRIEF.idle);
    case.assert_exactly_once();
    assert!(case.judge.received_bytes() <= ALL + CAMERA);
}

#[tokio::test]
async fn p5_a_slow_reader_is_no_stall() {
    let case = Case::new(rules()).await;
    case.next(Call::Add, Misdeed::SlowReader(2 * MIB));
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once();
    assert_eq!(case.judge.received_bytes(), ALL);
}

#[tokio::test]
async fn p5_a_restarted_opencast_keeps_what_it_took() {
    let mut case = Case::new(rules()).await;
    case.next(Call::Add, Misdeed::StallAfter(CAMERA + MIB));
    let patient = adapter(
        &case.judge.url(),
        &case.rules,
        case.dirs.1.path(),
        Patience::default(),
    );
    let (memory, judge) = (&case.memory, &case.judge);
    let stalled = wait_until("the second file at the judge", Duration::from_secs(10), || {
        // The form around a file counts, and is not kept.
        judge.received_bytes() >= CAMERA + MIB / 2
    });
    tokio::select! {
        ended = run(&patient, memory) => panic!("{ended:?}"),
        waited = stalled => waited.unwrap(),
    }
    drop(patient);
    case.judge = case.judge.restart().await.unwrap();
    assert_eq!(case.run().await, Outcome::Done);
    case.assert_exactly_once();
    let twice = case.judge.received_bytes() - ALL;
    assert!((1..=2 * MIB).contains(&twice), "{twice} bytes were sent twice");
}

#[tokio::test]
async fn p5_a_cut_line_is_asked_about_when_it_is_back() {
    let case = Case::new(rules()).await;
    let proxy = CuttingProxy::start(case.judge.address(), 0).await.unwrap();
    let url = format!("http://{}", proxy.address());
    // The registry names the judge itself; on the same host the line is the configured one only
    // for what is asked of the admin node.
    proxy.reset_after(300);
    let connect = || adapter(&url, &case.rules, case.dirs.1.path(), BRIEF);
    assert_eq!(until_settled(&connect, &case.memory).await, Outcome::Done);
    assert_eq!(proxy.resets(), 1);
    case.assert_exactly_once();
}

#[tokio::test]
async fn a_registry_that_fails_under_way_leaves_its_former_answer_standing() {
    let case = Case::new(rules()).await;
    case.next(Call::Add, Misdeed::SlowReader(4 * MIB));
    let (adapter, judge) = (case.adapter(), &case.judge);
    let spoil = async {
        wait_until("a byte at the judge", Duration::from_secs(10), || {
            judge.received_bytes() > 0
        })
        .await
        .unwrap();
        case.next(Call::Registry, Misdeed::Status(500, None));
        case.next(Call::Registry, Misdeed::Nothing);
    };
    let (outcome, ()) = tokio::join!(run(&adapter, &case.memory), spoil);
    assert_eq!(outcome.unwrap(), Outcome::Done);
    case.assert_exactly_once();
}

#[tokio::test]
async fn p6_a_workflow_that_failed_calls_a_person_and_is_not_doubled() {
    let case = Case::new(OpencastRules {
        end: OpencastEnd::Failed,
        ..rules()
    })
    .await;
    case.next(Call::Ingest, Misdeed::SwallowReply);
    let why = parked(case.run().await);
    let id = case.judge.workflows()[0].id;
    assert!(
        why.contains(&format!("its workflow {id} ended as FAILED")),
        "{why}"
    );
    // Nothing is sent while the failed one is there.
    assert!(parked(case.run().await).contains("ended as FAILED"));
    assert_eq!(case.judge.workflows().len(), 1);
    // The operator removes the event, and a person says: again.
    case.judge.forget(&case.memory.job().lecture.to_string());
    assert!(matches!(case.run().await, Outcome::Done | Outcome::Parked { .. }));
    assert_eq!(case.judge.received_bytes(), 2 * ALL, "all of it went anew");
    assert_eq!(case.judge.breaches(), Vec::<String>::new());
}

#[tokio::test]
async fn a_refused_file_or_package_names_what_is_to_be_done() {
    for (call, told) in [
        (Call::Add, "answered a file of the lecture with 400"),
        (Call::Ingest, "answered the handing in of the lecture with 400"),
    ] {
        let case = Case::new(rules()).await;
        case.next(call, Misdeed::Status(400, None));
        let why = parked(case.run().await);
        assert!(why.contains(told) && why.contains("lectern retry"), "{why}");
        assert_eq!(case.run().await, Outcome::Done);
        case.assert_exactly_once();
        // A package that was refused is begun anew.
        let sent = if call == Call::Ingest { 2 * ALL } else { ALL };
        assert_eq!(case.judge.received_bytes(), sent, "{call:?}");
    }
}

#[tokio::test]
async fn p6_what_was_confirmed_and_is_gone_is_not_sent_again_by_itself() {
    let case = Case::new(rules()).await;
    let confirmed = FilePhase::Confirmed {
        location: "there".to_owned(),
    };
    case.memory.set_phase(0, confirmed);
    let why = parked(case.run().await);
    assert!(why.contains("now knows nothing of it"), "{why}");
    assert_eq!(case.judge.received_bytes(), 0);
}

#[tokio::test]
async fn a_stop_ends_the_run_and_the_next_goes_on() {
    let case = Case::new(rules()).await;
    case.next(Call::Add, Misdeed::StallAfter(MIB));
    let patient = adapter(
        &case.judge.url(),
        &case.rules,
        case.dirs.1.path(),
        Patience::default(),
    );
    let (stopping, stop) = watch::channel(false);
    let courier = Courier::new(|| NOW_UNIX_MS, || 0.0);
    let running = courier.run(case.memory.job(), &patient, &case.memory, &|_| {}, stop);
    let stop_in_time = async {
        wait_until("a MiB at the judge", Duration::from_secs(10), || {
            case.judge.received_bytes() == MIB
        })
        .await
        .unwrap();
        stopping.send_replace(true);
    };
    let (outcome, ()) = tokio::join!(running, stop_in_time);
    assert_eq!(outcome.unwrap(), Outcome::Stopped);
    assert_eq!(case.memory.states().last(), Some(&S::Sending));
    assert_eq!(
        until_settled(&|| case.adapter(), &case.memory).await,
        Outcome::Done
    );
    case.assert_exactly_once();
}

#[tokio::test]
async fn an_opencast_that_is_away_is_waited_for() {
    let case = Case::new(rules()).await;
    let address = case.judge.address();
    let Case {
        judge,
        memory,
        rules,
        dirs,
    } = case;
    let url = judge.url();
    drop(judge);
    let connect = || adapter(&url, &rules, dirs.1.path(), BRIEF);
    // The accepting task ends a moment after its owner.
    wait_until("the port to be free", Duration::from_secs(10), || {
        std::net::TcpStream::connect(address).is_err()
    })
    .await
    .unwrap();
    let why = waiting(run(&connect(), &memory).await.unwrap());
    assert!(why.contains("cannot be reached"), "{why}");
    let back = OpencastRules {
        port: address.port(),
        ..rules.clone()
    };
    let judge = OpencastJudge::start(dirs.0.path(), back).await.unwrap();
    assert_eq!(until_settled(&connect, &memory).await, Outcome::Done);
    assert_eq!(judge.whole().len(), 3);
}
