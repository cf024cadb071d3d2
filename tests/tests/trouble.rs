//! Bad input: a clear sentence for each, and nothing lost.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use lectern_tests::room::{MICROPHONE, Room, program};
use lectern_tests::until;

/// A platform that answers every request with these bytes and closes.
fn answers(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::Builder::new()
        .name("platform".to_owned())
        .spawn(move || {
            for socket in listener.incoming() {
                let Ok(mut socket) = socket else { return };
                let mut request = [0; 4096];
                // A client that hangs up first is fine.
                drop(socket.read(&mut request));
                drop(socket.write_all(bytes));
            }
        })
        .unwrap();
    port
}

/// Records a second, and returns the lecture's id and what its delivery says in the end.
fn delivery_message(room: &mut Room) -> (String, String, String) {
    room.start();
    room.await_sources();
    let id = room.lectern(&["start"]);
    room.await_recorded(1_000);
    room.lectern(&["stop"]);
    let (state, message) = until("a word about the delivery", || {
        let detail = room.show(&id);
        let delivery = &detail["deliveries"][0];
        let state = delivery["state"].as_str()?;
        let message = delivery["message"].as_str()?;
        matches!(state, "waiting" | "queued" | "parked").then(|| (state.to_owned(), message.to_owned()))
    });
    assert!(
        room.lecture_dir(&id).join("finished/lecture.mp4").is_file(),
        "nothing is lost"
    );
    (id, state, message)
}

#[test]
fn a_platform_that_answers_500_html_or_nothing_is_told_in_a_sentence() {
    let cases: [(&'static [u8], &str); 3] = [
        (b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "500"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 24\r\nConnection: close\r\n\r\n<html>Please log in</html",
            "",
        ),
        (b"", ""),
    ];
    for (bytes, word) in cases {
        let port = answers(bytes);
        let mut room = Room::new(&format!(
            "{MICROPHONE}\n[[platform]]\nname = \"central\"\nkind = \"tus\"\nurl = \"http://127.0.0.1:{port}/files\"\n"
        ));
        let (_, state, message) = delivery_message(&mut room);
        println!("{state}: {message}");
        assert!(message.contains(word) && message.len() > 40, "{message}");
        assert!(message.contains("safe"), "what is safe: {message}");
    }
}

#[test]
fn an_unreadable_credential_is_no_lectures_fault_and_names_the_file() {
    let mut room = Room::new("");
    let token = room.path("token");
    std::fs::write(&token, "canary-7c1f\n").unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o644)).unwrap();
    room.configure(&format!(
        "{MICROPHONE}\n[[platform]]\nname = \"central\"\nkind = \"tus\"\nurl = \"http://127.0.0.1:9/files\"\ncredential_file = \"{}\"\n",
        token.display()
    ));
    let (id, state, message) = delivery_message(&mut room);
    assert_eq!(state, "queued", "{message}");
    assert!(
        message.contains("token") && message.contains("chmod"),
        "{message}"
    );

    // Mended, it goes on by itself to the next trouble: nobody listens there.
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    let message = until("another word", || {
        let detail = room.show(&id);
        let delivery = &detail["deliveries"][0];
        (delivery["state"] == "waiting").then(|| delivery["message"].as_str().map(str::to_owned))?
    });
    println!("{message}");
    for place in [
        room.log(),
        room.show(&id).to_string(),
        room.lectern(&["queue", "--json"]),
    ] {
        assert!(!place.contains("canary-7c1f"), "the secret leaked");
    }
}

#[test]
fn a_missing_share_waits_and_is_served_when_it_comes() {
    let mut room = Room::new(&format!(
        "{MICROPHONE}\n[[platform]]\nname = \"share\"\nkind = \"directory\"\npath = \"{{dir}}/share\"\ncreate = false\n"
    ));
    let (id, state, message) = delivery_message(&mut room);
    assert_eq!(state, "waiting", "{message}");
    assert!(message.contains("mount"), "{message}");
    std::fs::create_dir(room.path("share")).unwrap();
    room.lectern(&["send-now", &id]);
    room.await_state(&id, "delivered");
}

#[test]
fn p8_a_full_disk_refuses_a_start_with_a_sentence() {
    let mut room = Room::new(&format!(
        "[storage]\npath = \"{{dir}}/spool\"\nreserve = \"16TiB\"\nsegment = \"2s\"\n{MICROPHONE}"
    ));
    room.start();
    room.await_sources();
    let output = room.cli(&["start"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("disk is full") && text.contains("safe"), "{text}");
    assert_eq!(room.status()["state"], "fault");
}

#[test]
fn a_second_daemon_on_the_same_spool_is_refused_and_the_first_goes_on() {
    let mut room = Room::new(MICROPHONE);
    room.start();
    let second = Command::new(program("lecternd"))
        .arg("--config")
        .arg(room.path("lectern.toml"))
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(
        text.contains("in use") && text.contains(&room.pid().to_string()),
        "{text}"
    );
    room.await_sources();
}

#[test]
fn a_broken_configuration_exits_78_and_names_every_fault() {
    let room = Room::new("[recordings]\nundo = \"10\"\n");
    let output = Command::new(program("lecternd"))
        .arg("check")
        .arg("--config")
        .arg(room.path("lectern.toml"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        text.contains("lectern.toml:") && text.contains("recording"),
        "{text}"
    );
}

#[test]
fn no_daemon_is_exit_code_4() {
    let room = Room::new(MICROPHONE);
    let output = room.cli(&["status"]);
    assert_eq!(output.status.code(), Some(4));
}
