//! Promise P10: nothing that a request does may touch the recording. Ten thousand malformed
//! requests, made by dice from the OpenAPI document, come through both doors while a lecture is
//! recorded; it must not lose a sample, and the daemon must not grow.
//!
//! `LECTERN_SEED` repeats a run, `LECTERN_MALFORMED` makes it longer.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod garble;

use std::collections::BTreeMap;
use std::io;
use std::time::Instant;

use garble::body::operations;
use garble::{Case, Generator, Then};
use lectern_testkit::free_port;
use lectern_tests::room::{CAMERA, MICROPHONE, Room, SHARE};
use lectern_tests::socket::{Answer, Door, Socket};
use lectern_tests::{figure, media};

/// Clients at one time; far below the seats of a door.
const CLIENTS: u64 = 4;
/// After this part of all requests the daemon has met everything, and may not grow any more.
const WARM: u64 = 5;
/// What the allocator and the queues of the recording may sway by.
const MAX_GROWTH_KIB: u64 = 8 * 1024;

/// What one packet of sound lasts: 1024 samples at 48 kHz.
const AAC_FRAME_S: f64 = 1024.0 / 48_000.0;

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

/// What the daemon takes of the memory, in KiB.
fn resident_kib(room: &Room) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", room.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// How many of each kind there were, and how each ended.
type Tally = BTreeMap<(&'static str, String), u64>;

/// Sends one case; `None` when the daemon closed without a word.
fn try_one(socket: &mut Socket, case: &Case) -> io::Result<Option<Answer>> {
    socket.send(&case.bytes)?;
    match &case.then {
        Then::Read(count) => {
            let mut last = None;
            for _ in 0..*count {
                last = socket.answer()?;
                if last.as_ref().is_none_or(|answer| answer.status != 422) {
                    break;
                }
            }
            Ok(last)
        }
        Then::HalfClose => {
            socket.end_sending()?;
            let answer = socket.answer()?;
            socket.until_closed()?;
            Ok(answer)
        }
        Then::Leave => Ok(None),
        Then::Garbage(frames) => {
            let answer = socket.answer()?;
            if answer.as_ref().is_some_and(|answer| answer.status == 101) {
                socket.send(frames)?;
                socket.end_sending()?;
            }
            socket.until_closed()?;
            Ok(answer)
        }
    }
}

/// A connection that the daemon broke off is an answer too; silence is none.
fn send(door: &Door, case: &Case) -> Option<Answer> {
    let answer = door.open().and_then(|mut socket| try_one(&mut socket, case));
    match answer {
        Ok(answer) => answer,
        Err(error) => {
            let silent = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
            assert!(!silent, "{} was met with silence", told(case));
            None
        }
    }
}

fn told(case: &Case) -> String {
    let shown = &case.bytes[..case.bytes.len().min(600)];
    format!(
        "{} ({:?}):\n{}",
        case.kind,
        case.then,
        String::from_utf8_lossy(shown)
    )
}

/// What may be answered, and in which shape.
fn judge(case: &Case, answer: &Answer) {
    let status = answer.status;
    assert!(
        status < 500 || status == 503,
        "{status} {} after {}",
        answer.head,
        told(case)
    );
    if case.refused {
        assert!(status >= 400, "{status} after {}", told(case));
    }
    // What is no HTTP at all is refused by the HTTP library, in its own short way.
    if status >= 400
        && let Some(kind) = answer.header("content-type")
    {
        assert_eq!(
            kind,
            "application/problem+json",
            "{} after {}",
            answer.head,
            told(case)
        );
        let problem = answer.json();
        assert_eq!(problem["status"], status, "{}", told(case));
        for key in ["type", "title", "detail"] {
            let text = problem[key].as_str().unwrap_or("");
            assert!(!text.is_empty(), "{key} in {problem} after {}", told(case));
        }
    }
}

/// Sends `count` cases through the doors in turn.
fn client(doors: &[Door], generator: &mut Generator, count: u64) -> Tally {
    let mut tally = Tally::new();
    for (_, door) in (0..count).zip(doors.iter().cycle()) {
        let case = generator.next();
        let answer = send(door, &case);
        if let Some(answer) = &answer {
            judge(&case, answer);
        }
        let end = answer.map_or_else(|| "closed".to_owned(), |answer| answer.status.to_string());
        *tally.entry((case.kind, end)).or_default() += 1;
    }
    tally
}

/// So many requests from all clients at once, added to the tally.
fn storm(doors: &[Door], generators: &mut [Generator], count: u64, tally: &mut Tally) {
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..)
            .zip(generators)
            .map(|(nth, generator)| {
                std::thread::Builder::new()
                    .name(format!("client {nth}"))
                    .spawn_scoped(scope, move || client(doors, generator, count / CLIENTS))
                    .unwrap()
            })
            .collect();
        for client in clients {
            for (key, count) in client.join().expect("the case is told above") {
                *tally.entry(key).or_default() += count;
            }
        }
    });
}

#[test]
fn p10_ten_thousand_malformed_requests_touch_nothing() {
    let (seed, count) = (
        number("LECTERN_SEED", 0x1ec7),
        number("LECTERN_MALFORMED", 10_000),
    );
    println!("LECTERN_SEED={seed} LECTERN_MALFORMED={count}");
    let port = free_port().unwrap();
    let panel = format!("[panel]\nlisten = \"127.0.0.1:{port}\"\n");
    let mut room = Room::new(&format!("{panel}{CAMERA}{MICROPHONE}{SHARE}"));
    room.start();
    room.await_sources();
    let id = room.lectern(&["start", "--title", "Storm"]);
    room.await_recorded(2_000);

    let doors = [Door::Tcp(port), Door::Unix(room.path("control.sock"))];
    let all = operations(&doors[0].ask("GET", "/api/v1/openapi.json", "").json());
    assert!(all.len() > 20, "{all:?}");
    let began = Instant::now();
    let mut generators: Vec<_> = (0..CLIENTS)
        .map(|nth| Generator::new(all.clone(), seed.wrapping_add(nth)))
        .collect();
    let mut tally = Tally::new();
    storm(&doors, &mut generators, count / WARM, &mut tally);
    let warm_kib = resident_kib(&room);
    storm(&doors, &mut generators, count - count / WARM, &mut tally);
    let took = began.elapsed();
    let end_kib = resident_kib(&room);
    for ((kind, end), count) in &tally {
        println!("{count:>6} {kind}: {end}");
    }
    println!("{count} requests in {took:.1?}; {warm_kib} KiB after the first, {end_kib} KiB after the last");
    assert!(end_kib <= warm_kib + MAX_GROWTH_KIB, "the daemon grew");
    let (of, grown) = (format!("{count} requests"), end_kib.saturating_sub(warm_kib));
    let bound = [("promised bound", MAX_GROWTH_KIB)];
    figure::tell("memory grown under malformed requests", grown, "KiB", of, &bound);
    assert!(tally.len() > 20, "the dice know only {tally:?}");

    // Nothing was asked of it that it did.
    let status = room.status();
    assert_eq!(status["state"], "recording", "{status}");
    assert_eq!(status["lecture"]["id"], id);
    assert_eq!(status["lecture"]["title"], "Storm");
    assert_eq!(
        (&status["lecture"]["run"], &status["lecture"]["marks"]),
        (&1.into(), &0.into())
    );
    for source in status["sources"].as_array().unwrap() {
        assert_eq!(
            (&source["restarts"], &source["totals"]["lost_ms"]),
            (&0.into(), &0.into()),
            "{source}"
        );
        assert_eq!(source["totals"]["chunks_dropped"], 0, "{source}");
    }
    room.lectern(&["stop"]);
    room.await_state(&id, "delivered");
    untorn(&room, &id);
    assert!(!room.log().contains("panicked"));
    room.terminate();
    assert_eq!(room.fsck(&[]).0, Some(0));
}

/// The sound has every sample, and the picture stands still nowhere.
fn untorn(room: &Room, id: &str) {
    let detail = room.show(id);
    assert_eq!(detail["runs"].as_array().unwrap().len(), 1);
    let folder = room.lecture_dir(id);
    for pair in media::recorded(&folder.join("microphone"), "a:0").windows(2) {
        let step = pair[1].0 - pair[0].0;
        assert!(
            (step - AAC_FRAME_S).abs() < 0.001,
            "a step of {step} s in the sound: {pair:?}"
        );
    }
    // A loaded machine may leave pictures out on purpose, and says how many; a gap is more.
    for pair in media::recorded(&folder.join("camera"), "v:0").windows(2) {
        assert!(pair[1].0 - pair[0].0 < 0.5, "a gap in the picture: {pair:?}");
    }
    #[expect(clippy::cast_precision_loss, reason = "seconds of a test")]
    let asked = detail["runs"][0]["end_ms"].as_u64().unwrap() as f64 / 1000.0;
    for (name, stream) in [("camera.mp4", "v:0"), ("microphone.m4a", "a:0")] {
        let length = media::length(&room.delivered().join(name), stream);
        assert!((length - asked).abs() <= 0.2, "{name}: {length} s of {asked} s");
    }
}
