//! The session's arrows: every legal one, and what is refused.

use lectern_domain::config::{Audio, SourceKind};
use lectern_domain::ids::{LectureId, RunNumber};
use lectern_domain::media::Role;
use lectern_domain::units::Rate;
use lectern_domain::wire::FailureReason;

use super::step::{DRAIN_NS, TAIL_NS};
use super::*;

const NOW: u64 = 100 * SECOND_NS;

fn source() -> Box<Source> {
    Box::new(Source {
        name: "mic".parse().unwrap(),
        role: Role::Microphone,
        kind: SourceKind::TestAudio,
        required: false,
        spare_for: None,
        serial: None,
        delay_ms: 0,
        video: None,
        audio: Some(Audio {
            channels: 1,
            bitrate: Rate(96_000),
        }),
    })
}

fn run() -> Run {
    Run {
        id: RunId {
            lecture: LectureId::random(),
            run: RunNumber(1),
        },
        base_ns: NOW - SECOND_NS,
        from_ns: 0,
    }
}

fn lost() -> Failure {
    Failure::new(FailureReason::Lost, "the cable is out")
}

/// Steps through `events` at `NOW`; the last phase and all actions.
fn walk(events: impl IntoIterator<Item = Event>) -> (Phase, Vec<Action>) {
    let mut phase = Phase::Fresh;
    let mut all = Vec::new();
    for event in events {
        let (next, actions) = phase.step(event, NOW).unwrap();
        phase = next;
        all.extend(actions);
    }
    (phase, all)
}

fn live() -> Event {
    Event::Delivered("1280x720@30".into())
}

#[test]
fn two_lectures_in_one_process() {
    let (one, two) = (run(), run());
    let lecture = |run| {
        [
            Event::Encode(run),
            Event::StopEncode(SECOND_NS),
            Event::TailReached,
            Event::Drained,
        ]
    };
    let events = [Event::Open(source()), live()]
        .into_iter()
        .chain(lecture(one))
        .chain(lecture(two));
    let (phase, actions) = walk(events.chain([Event::Quit]));
    assert_eq!(phase, Phase::Ended);
    let drained = |run: Run| {
        vec![
            Action::StartEncoder(run),
            Action::StopAt(SECOND_NS),
            Action::EndEncoder,
            Action::DiscardEncoder,
            Action::SayDrained(run.id),
        ]
    };
    let mut expected = vec![Action::Open(source()), Action::SayLive("1280x720@30".into())];
    expected.extend(drained(one));
    expected.extend(drained(two));
    expected.push(Action::Exit(0));
    assert_eq!(actions, expected);
}

#[test]
fn a_run_asked_for_early_begins_with_the_first_data() {
    let run = run();
    let (phase, actions) = walk([Event::Open(source()), Event::Encode(run), live()]);
    assert_eq!(phase, Phase::Encoding { run });
    assert_eq!(actions.last(), Some(&Action::StartEncoder(run)));
    let (phase, actions) = walk([Event::Open(source()), Event::Encode(run), Event::StopEncode(0)]);
    assert_eq!(phase, Phase::Opening { next: None });
    assert_eq!(actions.last(), Some(&Action::SayDrained(run.id)));
}

#[test]
fn a_run_asked_for_while_another_ends_begins_after_it() {
    let (one, two) = (run(), run());
    let begin = || {
        [
            Event::Open(source()),
            live(),
            Event::Encode(one),
            Event::StopEncode(SECOND_NS),
        ]
    };
    for order in [
        [Event::Encode(two), Event::TailReached],
        [Event::TailReached, Event::Encode(two)],
    ] {
        let (phase, actions) = walk(begin().into_iter().chain(order.clone()).chain([Event::Drained]));
        assert_eq!(phase, Phase::Encoding { run: two }, "{order:?}");
        assert_eq!(
            actions[actions.len() - 2..],
            [Action::SayDrained(one.id), Action::StartEncoder(two)]
        );
        // Stopped before it began: nothing of it was ever encoded.
        let (phase, actions) = walk(begin().into_iter().chain(order).chain([Event::StopEncode(0)]));
        assert!(!matches!(phase, Phase::Idle));
        assert_eq!(actions.last(), Some(&Action::SayDrained(two.id)));
    }
}

#[test]
fn a_failure_while_encoding_flushes_first_and_keeps_its_cause() {
    let run = run();
    let other = Failure::new(FailureReason::Internal, "then the rest fell apart");
    let events = [
        Event::Open(source()),
        live(),
        Event::Encode(run),
        Event::CaptureFailed(lost()),
    ];
    let (phase, actions) = walk(
        events
            .into_iter()
            .chain([Event::CaptureFailed(other), Event::Drained]),
    );
    assert_eq!(phase, Phase::Ended);
    assert_eq!(
        actions[3..],
        [
            Action::EndEncoder,
            Action::DiscardEncoder,
            Action::SayDrained(run.id),
            Action::SayFailed(lost()),
            Action::Exit(1)
        ]
    );
}

#[test]
fn every_end_leads_to_the_exit() {
    let run = run();
    let ways: [&[Event]; 5] = [
        &[],
        &[Event::Open(source())],
        &[Event::Open(source()), live()],
        &[Event::Open(source()), live(), Event::Encode(run)],
        &[
            Event::Open(source()),
            live(),
            Event::Encode(run),
            Event::StopEncode(1),
        ],
    ];
    for way in ways {
        for (end, code) in [(Event::Quit, 0), (Event::CaptureFailed(lost()), 1)] {
            let (phase, actions) = walk(way.iter().cloned().chain([end.clone(), Event::Drained]));
            assert_eq!(phase, Phase::Ended, "{way:?} {end:?}");
            assert_eq!(actions.last(), Some(&Action::Exit(code)), "{way:?} {end:?}");
        }
    }
}

#[test]
fn a_silent_device_is_stalled() {
    let never = Event::Tick {
        quiet_ns: BEGINNING_NS,
    };
    let (phase, actions) = walk([Event::Open(source()), never]);
    assert_eq!(phase, Phase::Ended);
    assert!(
        matches!(&actions[1], Action::SayFailed(failure)
            if failure.reason == FailureReason::Stalled && failure.message == "no data within 5 s of opening it"),
        "{actions:?}"
    );
    let quiet = Event::Tick { quiet_ns: SILENCE_NS };
    let (phase, _) = walk([Event::Open(source()), live(), Event::Encode(run()), quiet.clone()]);
    assert!(
        matches!(
            phase,
            Phase::Draining {
                then: Then::Fail(_),
                ..
            }
        ),
        "{phase:?}"
    );
    // A device may take longer to its first picture.
    let (phase, actions) = walk([Event::Open(source()), quiet]);
    assert_eq!((phase, actions.len()), (Phase::Opening { next: None }, 1));
    let almost = Event::Tick {
        quiet_ns: SILENCE_NS - 1,
    };
    let (phase, _) = walk([Event::Open(source()), live(), almost]);
    assert_eq!(phase, Phase::Idle);
}

#[test]
fn deadlines_end_a_stop_whatever_hangs() {
    let run = run();
    let tick = Event::Tick { quiet_ns: 0 };
    let (stopping, _) = walk([
        Event::Open(source()),
        live(),
        Event::Encode(run),
        Event::StopEncode(SECOND_NS),
    ]);
    let (same, actions) = stopping.step(tick.clone(), NOW + TAIL_NS - 1).unwrap();
    assert_eq!((&same, actions), (&stopping, vec![]));
    let later = NOW + TAIL_NS;
    let (draining, actions) = stopping.step(tick.clone(), later).unwrap();
    assert_eq!(actions, [Action::EndEncoder]);
    let (phase, actions) = draining.step(tick, later + DRAIN_NS).unwrap();
    assert_eq!(phase, Phase::Idle);
    assert_eq!(actions, [Action::DiscardEncoder, Action::SayDrained(run.id)]);
}

#[test]
fn a_broken_encoder_is_told_and_not_drained() {
    let broken = Failure::internal("the encoder ended by itself");
    for more in [
        vec![],
        vec![Event::StopEncode(1)],
        vec![Event::StopEncode(1), Event::TailReached],
    ] {
        let begin = [Event::Open(source()), live(), Event::Encode(run())];
        let events = begin
            .into_iter()
            .chain(more)
            .chain([Event::EncoderFailed(broken.clone())]);
        let (phase, actions) = walk(events);
        assert_eq!(phase, Phase::Ended);
        let tail = &actions[actions.len() - 3..];
        assert_eq!(
            tail,
            [
                Action::DiscardEncoder,
                Action::SayFailed(broken.clone()),
                Action::Exit(1)
            ]
        );
    }
}

#[test]
fn with_pre_roll_an_encoder_may_fail_while_nothing_is_recorded() {
    let broken = Failure::new(FailureReason::Encoder, "no encoder is left that works");
    for way in [vec![], vec![live()]] {
        let events = [Event::Open(source())].into_iter().chain(way);
        let (phase, actions) = walk(events.chain([Event::EncoderFailed(broken.clone())]));
        assert_eq!(phase, Phase::Ended);
        assert!(
            actions.ends_with(&[
                Action::DiscardEncoder,
                Action::SayFailed(broken.clone()),
                Action::Exit(1)
            ]),
            "{actions:?}"
        );
    }
}

#[test]
fn nonsense_is_refused_and_changes_nothing() {
    let r = run();
    let (opening, _) = walk([Event::Open(source())]);
    let (idle, _) = walk([Event::Open(source()), live()]);
    let (encoding, _) = walk([Event::Open(source()), live(), Event::Encode(r)]);
    let (quitting, _) = walk([Event::Open(source()), live(), Event::Encode(r), Event::Quit]);
    let refused = [
        (&Phase::Fresh, Event::Encode(r), Refused::NotOpen),
        (&Phase::Fresh, Event::KeyFrame, Refused::NotOpen),
        (&Phase::Fresh, Event::StopEncode(0), Refused::NotOpen),
        (&opening, Event::Open(source()), Refused::AlreadyOpen),
        (&opening, Event::StopEncode(0), Refused::NotEncoding),
        (&idle, Event::Open(source()), Refused::AlreadyOpen),
        (&idle, Event::KeyFrame, Refused::NotEncoding),
        (&idle, Event::StopEncode(0), Refused::NotEncoding),
        (&encoding, Event::Open(source()), Refused::AlreadyOpen),
        (&encoding, Event::Encode(r), Refused::AlreadyEncoding),
        (&quitting, Event::Encode(r), Refused::Ended),
        (&quitting, Event::StopEncode(0), Refused::NotEncoding),
        (&Phase::Ended, Event::Open(source()), Refused::Ended),
        (&Phase::Ended, Event::Encode(r), Refused::Ended),
        (&Phase::Ended, Event::KeyFrame, Refused::Ended),
        (&Phase::Ended, Event::StopEncode(0), Refused::Ended),
    ];
    for (phase, event, why) in refused {
        assert_eq!(phase.step(event.clone(), NOW), Err(why), "{phase:?} {event:?}");
    }
    // Late words of pipelines that are gone.
    for event in [live(), Event::TailReached, Event::Drained] {
        assert_eq!(idle.step(event, NOW), Ok((Phase::Idle, vec![])));
    }
}
