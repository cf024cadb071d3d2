//! Several hands at once: panels, the command line and programs press buttons at the same time.
//! All are told the same, in the same order, and whoever is refused is told why (P10).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lectern_testkit::free_port;
use lectern_tests::media;
use lectern_tests::room::{CAMERA, MICROPHONE, PATIENCE, Room, SHARE};
use lectern_tests::socket::{Door, Socket};
use serde_json::Value;

/// A state as a listener heard it, and when.
#[derive(Clone, Debug)]
struct Heard {
    revision: u64,
    state: String,
    /// All of it but the daemon's clock and the figures that the moment of reading decides.
    what: Value,
    at: Instant,
}

/// Listens on a thread of its own until the daemon ends the stream; bounded by the lecture.
fn listen(nth: usize, door: &Door, to: mpsc::Sender<(usize, Heard)>) -> JoinHandle<()> {
    let mut stream = door.listen("/api/v1/events");
    std::thread::Builder::new()
        .name(format!("listener {nth}"))
        .spawn(move || {
            let mut named = String::new();
            while let Ok(Some(line)) = stream.line() {
                if let Some(name) = line.strip_prefix("event: ") {
                    name.clone_into(&mut named);
                } else if let Some(data) = line.strip_prefix("data: ").filter(|_| named == "state") {
                    let status: Value = serde_json::from_str(data).unwrap();
                    let heard = Heard {
                        revision: status["revision"].as_u64().unwrap(),
                        state: status["state"].as_str().unwrap().to_owned(),
                        what: serde_json::json!([
                            status["state"],
                            status["allowed"],
                            status["lecture"]["id"]
                        ]),
                        at: Instant::now(),
                    };
                    // The test has seen enough.
                    if to.send((nth, heard)).is_err() {
                        return;
                    }
                }
            }
        })
        .unwrap()
}

/// What each listener has heard so far.
struct Ears {
    from: mpsc::Receiver<(usize, Heard)>,
    heard: Vec<Vec<Heard>>,
}

impl Ears {
    /// Waits until every listener has heard this state after the moment; how long the last one took.
    fn all_hear(&mut self, state: &str, after: Instant) -> Duration {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let first = |heard: &Vec<Heard>| {
                let new = heard.iter().find(|h| h.state == state && h.at >= after);
                new.map(|h| h.at)
            };
            if let Some(last) = self.heard.iter().map(first).collect::<Option<Vec<_>>>() {
                return last.into_iter().max().unwrap().duration_since(after);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let (nth, heard) = self
                .from
                .recv_timeout(left)
                .unwrap_or_else(|_| panic!("not all heard {state}: {:?}", self.heard));
            self.heard[nth].push(heard);
        }
    }

    /// Waits until every listener has heard this revision or a later one.
    fn all_reach(&mut self, revision: u64) {
        while self
            .heard
            .iter()
            .any(|heard| heard.last().is_none_or(|h| h.revision < revision))
        {
            let (nth, heard) = self.from.recv_timeout(PATIENCE).expect("every listener goes on");
            self.heard[nth].push(heard);
        }
    }
}

fn percentile(sorted: &[Duration], share: usize) -> Duration {
    sorted[(sorted.len() - 1) * share / 100]
}

fn figures(what: &str, mut times: Vec<Duration>) {
    times.sort();
    println!(
        "{what}: {} measured, p50 {:.1?}, p95 {:.1?}, max {:.1?}",
        times.len(),
        percentile(&times, 50),
        percentile(&times, 95),
        percentile(&times, 100)
    );
}

fn open_room() -> (Room, Door, Door) {
    let port = free_port().unwrap();
    let panel = format!("[panel]\nlisten = \"127.0.0.1:{port}\"\n");
    let mut room = Room::new(&format!("{panel}{CAMERA}{MICROPHONE}{SHARE}"));
    room.start();
    room.await_sources();
    let socket = Door::Unix(room.path("control.sock"));
    (room, Door::Tcp(port), socket)
}

#[test]
fn p10_all_hands_see_the_same_states_in_the_same_order() {
    let (mut room, tcp, socket) = open_room();
    let (to, from) = mpsc::channel();
    // Two panels, and two programs on the control socket.
    let doors = [&tcp, &tcp, &socket, &socket];
    let listeners: Vec<_> = doors
        .iter()
        .enumerate()
        .map(|(nth, door)| listen(nth, door, to.clone()))
        .collect();
    drop(to);
    let mut ears = Ears {
        from,
        heard: vec![Vec::new(); doors.len()],
    };

    // Each press from another hand; time runs from before the press.
    let mut took = Vec::new();
    let pressed = Instant::now();
    let id = tcp.ask("POST", "/api/v1/recording", "{}").json()["lecture"].clone();
    took.push(ears.all_hear("recording", pressed));
    for round in 0..6 {
        for (path, state) in [("pause", "paused"), ("resume", "recording")] {
            let pressed = Instant::now();
            match round % 3 {
                0 => assert_eq!(
                    tcp.ask("POST", &format!("/api/v1/recording/{path}"), "").status,
                    200
                ),
                1 => assert_eq!(
                    socket
                        .ask("POST", &format!("/api/v1/recording/{path}"), "")
                        .status,
                    200
                ),
                _ => drop(room.lectern(&[path])),
            }
            took.push(ears.all_hear(state, pressed));
        }
    }
    let revision = room.status()["revision"].as_u64().unwrap();
    ears.all_reach(revision);
    figures("press until the last of four has heard", took);

    // Nobody heard a revision twice, backwards, or otherwise than the others.
    let mut told: BTreeMap<u64, Value> = BTreeMap::new();
    for heard in &ears.heard {
        assert!(
            heard.windows(2).all(|pair| pair[0].revision < pair[1].revision),
            "{heard:?}"
        );
        for one in heard {
            let first = told.entry(one.revision).or_insert_with(|| one.what.clone());
            assert_eq!(*first, one.what, "revision {}", one.revision);
        }
    }
    room.lectern(&["stop"]);
    room.await_state(id.as_str().unwrap(), "delivered");
    room.terminate();
    for listener in listeners {
        listener.join().unwrap();
    }
}

#[test]
fn p10_of_two_presses_at_once_one_is_done_and_one_is_told_why_not() {
    let (room, tcp, socket) = open_room();
    let id = room.lectern(&["start"]);
    for round in 0..10 {
        let path = ["/api/v1/recording/pause", "/api/v1/recording/resume"][round % 2];
        let answers = std::thread::scope(|scope| {
            let presses = [&tcp, &socket, &tcp].map(|door| scope.spawn(move || door.ask("POST", path, "")));
            presses.map(|press| press.join().unwrap())
        });
        let done = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(done, 1, "{path}: {answers:?}");
        for refused in answers.iter().filter(|answer| answer.status != 200) {
            let problem = refused.json();
            assert_eq!(
                (refused.status, &problem["type"]),
                (409, &"urn:lectern:problem:refused".into())
            );
            let state = ["paused", "recording"][round % 2];
            assert_eq!(problem["state"], state, "{problem}");
            assert!(problem["detail"].as_str().unwrap().len() > 20, "{problem}");
            assert!(
                problem["allowed"].as_array().unwrap().contains(&"stop".into()),
                "{problem}"
            );
        }
    }
    assert_eq!(room.status()["lecture"]["id"], id.as_str());
}

#[test]
fn p10_four_open_tabs_leave_every_press_answered() {
    let (mut room, tcp, _) = open_room();
    let id = room.lectern(&["start"]);
    let (to, from) = mpsc::channel();
    let listeners: Vec<_> = (0..4).map(|nth| listen(nth, &tcp, to.clone())).collect();
    drop(to);
    let mut ears = Ears {
        from,
        heard: vec![Vec::new(); 4],
    };
    let viewers: Vec<_> = (0..4).map(|nth| look(nth, &tcp)).collect();

    let mut took = Vec::new();
    for nth in 0..60 {
        let path = ["pause", "resume", "mark"][nth % 3];
        let pressed = Instant::now();
        let answer = tcp.ask("POST", &format!("/api/v1/recording/{path}"), "");
        took.push(pressed.elapsed());
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
    }
    assert!(
        took.iter().all(|took| *took < Duration::from_secs(10)),
        "{took:?}"
    );
    figures("a press with four tabs open", took);
    let revision = room.status()["revision"].as_u64().unwrap();
    ears.all_reach(revision);

    room.lectern(&["stop"]);
    room.await_state(&id, "delivered");
    assert!(media::longest_gap(&room.delivered().join("camera.mp4"), "v:0") < 0.5);
    room.terminate();
    for listener in listeners {
        listener.join().unwrap();
    }
    for viewer in viewers {
        let pictures = viewer.join().unwrap();
        println!("a tab was shown {pictures} pictures");
        assert!(pictures > 0);
    }
}

/// Asks for pictures as fast as they come, as a page does, until the daemon ends; how many came.
fn look(nth: usize, door: &Door) -> JoinHandle<usize> {
    let mut socket = door.open().unwrap();
    let request = "GET /api/v1/preview HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.send(request.as_bytes()).unwrap();
    assert_eq!(socket.answer().unwrap().unwrap().status, 101);
    std::thread::Builder::new()
        .name(format!("viewer {nth}"))
        .spawn(move || {
            let mut pictures = 0;
            // A masked text frame of four letters; the mask is zero.
            while socket.send(b"\x81\x84\0\0\0\0next").is_ok() {
                match frame(&mut socket) {
                    Some((2, picture)) => {
                        assert_eq!(picture[1..3], [0xff, 0xd8], "a JPEG after the source's index");
                        pictures += 1;
                    }
                    Some(_) => {}
                    None => break,
                }
            }
            pictures
        })
        .unwrap()
}

/// The next frame of the daemon's: its kind and what it carries. `None` at the goodbye or the end.
fn frame(socket: &mut Socket) -> Option<(u8, Vec<u8>)> {
    let head = socket.bytes(2).ok()??;
    let kind = head[0] & 0x0f;
    let length = match head[1] {
        126 => {
            let more = socket.bytes(2).ok()??;
            usize::from(u16::from_be_bytes([more[0], more[1]]))
        }
        127 => {
            let more = socket.bytes(8).ok()??;
            usize::try_from(u64::from_be_bytes(more.try_into().ok()?)).ok()?
        }
        short => usize::from(short),
    };
    let carried = socket.bytes(length).ok()??;
    (kind != 8).then_some((kind, carried))
}
