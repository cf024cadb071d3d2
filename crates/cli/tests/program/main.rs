//! The real program against the real panel on a real socket, with a scripted daemon behind it:
//! what is printed, where, and with which exit code.

#![allow(clippy::unwrap_used, reason = "what a test cannot go on without may panic")]

mod daemon;
mod export;
#[path = "../../../panel/tests/script/mod.rs"]
mod script;

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use daemon::{Daemon, code, err, out, program, run};
use lectern_domain::api::{
    Command as Asked, DeliveryView, Message, PlatformState, PlatformStatus, PodiumState, Queue, Refusal,
    RetryRequest, UploadStatus,
};
use lectern_domain::delivery::DeliveryState;
use lectern_domain::ids::{DeliveryId, LectureId, PlatformName};
use lectern_domain::lecture::LectureState;

#[test]
fn start_prints_the_id_and_nothing_else() {
    let daemon = Daemon::start();
    let output = daemon.run(&[
        "start",
        "--title",
        "Cell biology",
        "--course",
        "BIO-201",
        "--minutes",
        "90",
    ]);
    let printed = out(&output);
    let id = daemon.room.status_now().lecture.as_ref().unwrap().id;
    assert_eq!(
        (code(&output), printed.as_str(), err(&output).as_str()),
        (0, &*format!("{id}\n"), "")
    );
    let given = daemon.room.given();
    let [Asked::Start(request)] = &given[..] else {
        panic!("{given:?}")
    };
    assert_eq!(request.title.as_deref(), Some("Cell biology"));
    assert_eq!(
        (request.course.as_deref(), request.minutes),
        (Some("BIO-201"), Some(90))
    );
}

#[test]
fn every_button_has_its_word() {
    let daemon = Daemon::start();
    let id = {
        assert_eq!(code(&daemon.run(&["start"])), 0);
        daemon.room.status_now().lecture.as_ref().unwrap().id
    };
    for (words, state) in [
        (&["mark", "exam question"][..], "recording"),
        (&["pause"], "paused"),
        (&["resume"], "recording"),
        (&["stop"], "stopping"),
        (&["undo"], "recording"),
    ] {
        let output = daemon.run(words);
        assert_eq!(
            (code(&output), out(&output)),
            (0, format!("{id}  {state}\n")),
            "{words:?}: {}",
            err(&output)
        );
    }
    let extended = out(&daemon.run(&["extend", "10"]));
    assert!(
        extended.starts_with(&format!("{id}  recording, ends ")),
        "{extended}"
    );
}

#[test]
fn amend_mends_only_what_is_named() {
    let daemon = Daemon::start();
    let id = daemon.lecture(LectureState::Finished);
    let output = daemon.run(&["amend", &id.to_string(), "--presenter", "Dr. Nkrumah"]);
    assert_eq!(
        (code(&output), out(&output)),
        (0, format!("{id}  finished\n")),
        "{}",
        err(&output)
    );
    let amended = daemon.room.given().into_iter().find_map(|asked| match asked {
        Asked::Amend(lecture, said) => Some((lecture, said)),
        _ => None,
    });
    let (lecture, said) = amended.unwrap();
    assert_eq!((lecture, said.presenter.as_deref()), (id, Some("Dr. Nkrumah")));
    assert_eq!(said.title, None, "what is not named stays");
    let nothing = daemon.run(&["amend", &id.to_string()]);
    assert_eq!(code(&nothing), 2);
    assert!(err(&nothing).contains("--title"), "{}", err(&nothing));
}

#[test]
fn a_refused_command_is_exit_3_and_says_state_and_what_is_allowed() {
    let daemon = Daemon::start();
    let output = daemon.run(&["pause"]);
    assert_eq!((code(&output), out(&output)), (3, String::new()));
    assert_eq!(
        err(&output),
        "The room is ready; pause is not possible now. Nothing was changed.\nstate: ready\nallowed now: start\n"
    );
}

#[test]
fn other_failures_have_their_exit_codes() {
    let daemon = Daemon::start();
    assert_eq!(code(&daemon.run(&["extend", "0"])), 2);
    assert_eq!(code(&daemon.run(&["show", "../status"])), 2);
    assert_eq!(code(&daemon.run(&["fly"])), 2);
    let missing = daemon.run(&["show", "0123"]);
    assert_eq!(
        (code(&missing), err(&missing)),
        (1, "There is no lecture 0123.\n".into())
    );
    daemon.room.refuse(Refusal::Unable {
        message: "The disk is full. All is safe. Free some space.".into(),
    });
    let unable = daemon.run(&["start"]);
    assert_eq!(
        (code(&unable), err(&unable)),
        (1, "The disk is full. All is safe. Free some space.\n".into())
    );
    let first = daemon.lecture(LectureState::Finished);
    let beginning = &first.to_string()[..1];
    while !daemon
        .lecture(LectureState::Finished)
        .to_string()
        .starts_with(beginning)
    {}
    assert_eq!(code(&daemon.run(&["show", beginning])), 2);
}

#[test]
fn no_daemon_is_exit_4_and_says_where_it_was_sought() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("nobody.sock");
    let output = run(&socket, &["status"]);
    assert_eq!((code(&output), out(&output)), (4, String::new()));
    let said = err(&output);
    assert!(
        said.starts_with(&format!("The daemon does not answer at {}: ", socket.display())),
        "{said}"
    );
    assert!(
        said.contains("safe") && said.contains("systemctl start lecternd"),
        "{said}"
    );
    let named = Command::new(env!("CARGO_BIN_EXE_lectern"))
        .env_clear()
        .env("LECTERN_SOCKET", &socket)
        .arg("queue")
        .output()
        .unwrap();
    assert!(
        err(&named).contains("nobody.sock"),
        "the variable names the socket as well"
    );
    let default = Command::new(env!("CARGO_BIN_EXE_lectern"))
        .env_clear()
        .arg("--help")
        .output()
        .unwrap();
    assert!(out(&default).contains("/run/lectern/control.sock"));
}

#[test]
fn a_socket_of_another_program_is_a_clear_failure() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("other.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let other = std::thread::spawn(move || {
        use std::io::Write;
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"220 mail.example.edu ESMTP\r\n").unwrap();
    });
    let output = run(&socket, &["status"]);
    other.join().unwrap();
    assert_eq!(code(&output), 4, "{}", err(&output));
    assert_eq!(err(&output).lines().count(), 3, "{}", err(&output));
}

#[test]
fn what_a_technician_can_do_stands_below_its_message() {
    let daemon = Daemon::start();
    daemon.room.set(|s| {
        s.messages = vec![Message {
            what: "central takes no lectures at the moment.".into(),
            safe: "Every lecture is safe.".into(),
            todo: "Call the help desk.".into(),
            detail: Some("It answered 401. Renew the token.".into()),
            ..Message::default()
        }];
    });
    let printed = out(&daemon.run(&["status"]));
    let mut lines = printed
        .lines()
        .skip_while(|line| !line.contains("takes no lectures"));
    let said = lines.next().unwrap();
    assert!(
        said.ends_with("Every lecture is safe. Call the help desk."),
        "{printed}"
    );
    assert_eq!(
        lines.next().unwrap().trim_start(),
        "It answered 401. Renew the token."
    );
}

#[test]
fn status_is_one_fact_a_line_and_json_is_the_daemons_document() {
    let daemon = Daemon::start();
    daemon.room.go(PodiumState::Recording);
    daemon.room.set(|s| {
        let lecture = s.lecture.as_mut().unwrap();
        lecture.recorded_ms = 2_539_000;
        lecture.bytes = 910_000_000;
        lecture.metadata.title = Some("Cell biology".into());
    });
    let printed = out(&daemon.run(&["status"]));
    for line in [
        "room             Hall B-204 (b-204)",
        "state            recording",
        "title            Cell biology",
        "recorded         0:42:19, 910.0 MB",
        "started          2026-11-21 10:00:00",
        "source           camera      presenter     live  1280x720@30, x264 superfast",
        "space left       61 hours, 98.0 GB free",
        "uploads          nothing waits",
    ] {
        assert!(
            printed.lines().any(|l| l == line),
            "{line:?} is not in\n{printed}"
        );
    }
    let json: serde_json::Value = serde_json::from_str(&out(&daemon.run(&["status", "--json"]))).unwrap();
    assert_eq!(
        (&json["state"], &json["lecture"]["recorded_ms"]),
        (&"recording".into(), &2_539_000.into())
    );
}

#[test]
fn watching_prints_a_line_at_each_change_and_ends_with_the_daemon() {
    let mut daemon = Daemon::start();
    let mut child = program(&daemon.socket())
        .args(["status", "--watch"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert_eq!(
        first,
        "10:00:00  ready · camera live · screen live · microphone live · 61 hours left"
    );
    daemon.room.set(|s| s.now_unix_ms += 1000);
    daemon.room.go(PodiumState::Recording);
    let second = lines.next().unwrap().unwrap();
    assert!(second.starts_with("10:00:01  recording · 0:00:00 · "), "{second}");
    daemon.stop();
    assert_eq!(child.wait().unwrap().code(), Some(4));
}

#[test]
fn lectures_are_listed_over_all_pages() {
    let daemon = Daemon::start();
    for n in 0..450 {
        let state = if n % 2 == 0 {
            LectureState::Delivered
        } else {
            LectureState::Finished
        };
        daemon.lecture(state);
    }
    assert_eq!(out(&daemon.run(&["lectures"])).lines().count(), 450);
    let finished = out(&daemon.run(&["lectures", "--state", "finished"]));
    assert_eq!(finished.lines().count(), 225);
    assert!(
        finished
            .lines()
            .all(|l| l.contains("  finished  2026-11-21 10:00:00  1:30:00  1.5 GB  Cell biology"))
    );
    let json: serde_json::Value = serde_json::from_str(&out(&daemon.run(&["lectures", "--json"]))).unwrap();
    assert_eq!(json["lectures"].as_array().unwrap().len(), 450);
}

#[test]
fn waiting_ends_when_the_state_is_reached_or_cannot_be_or_the_time_is_over() {
    let daemon = Daemon::start();
    let id = daemon.lecture(LectureState::Finishing);
    let whole = id.to_string();
    let late = daemon.run(&["wait", &whole[..8], "--until", "delivered", "--timeout", "300ms"]);
    assert_eq!(code(&late), 75, "{}", err(&late));
    assert!(err(&late).starts_with(&format!(
        "Lecture {id} is finishing and not delivered after 300ms."
    )));

    let child = program(&daemon.socket())
        .args(["wait", &whole, "--until", "finished"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    daemon
        .room
        .change(id, |l| l.summary.state = LectureState::Delivering);
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), out(&output)), (0, format!("{id}  delivering\n")));

    daemon.room.change(id, |l| {
        l.summary.state = LectureState::Failed;
        l.summary.reason = Some("the disk is full".into());
    });
    let failed = daemon.run(&["wait", &whole, "--until", "delivered"]);
    assert_eq!(code(&failed), 1);
    assert!(
        err(&failed).starts_with(&format!("Lecture {id} is failed: the disk is full\n")),
        "{}",
        err(&failed)
    );
}

/// One lecture for two platforms, one of which takes no credential of ours.
fn behind_a_platform_that_refuses(lecture: LectureId) -> Queue {
    let delivery = |id, platform: &str| DeliveryView {
        id: DeliveryId(id),
        lecture,
        title: None,
        platform: platform.parse().unwrap(),
        state: DeliveryState::Queued,
        sent_bytes: 0,
        total_bytes: 1,
        attempts: 1,
        next_unix_ms: None,
        message: None,
        done_unix_ms: None,
        locations: Vec::new(),
    };
    let platform = |name: &str, state, message: Option<&str>| PlatformStatus {
        name: name.parse().unwrap(),
        kind: "tus".to_owned(),
        state,
        message: message.map(str::to_owned),
        next_unix_ms: None,
        pending: 1,
    };
    Queue {
        deliveries: vec![delivery(1, "central"), delivery(2, "usb")],
        uploads: UploadStatus {
            platforms: vec![
                platform("central", PlatformState::Parked, Some("It answered with 401.")),
                platform("usb", PlatformState::Ok, None),
            ],
            ..UploadStatus::default()
        },
    }
}

#[test]
fn lectures_are_retried_and_sent_by_their_beginning() {
    let at = |platform: &str| RetryRequest {
        platform: Some(platform.parse::<PlatformName>().unwrap()),
    };
    let daemon = Daemon::start();
    let id = daemon.lecture(LectureState::Failed);
    let beginning = id.to_string()[..8].to_owned();
    assert_eq!(code(&daemon.run(&["retry", &beginning])), 0);
    daemon.room.set_queue(behind_a_platform_that_refuses(id));
    let retried = daemon.run(&["retry", &beginning, "--platform", "central"]);
    let said = out(&retried);
    assert!(
        said.contains("platform central refuses every lecture") && said.contains("401"),
        "{said}"
    );
    // At the other platform nothing stands in the way.
    let retried = daemon.run(&["retry", &beginning, "--platform", "usb"]);
    assert_eq!(out(&retried).lines().count(), 1, "{}", out(&retried));
    let sent = daemon.run(&["send-now", &beginning]);
    assert_eq!((code(&sent), out(&sent)), (0, format!("{id} will be sent now\n")));
    daemon.room.set_queue(Queue::default());
    // Nothing of it waits, so nothing is promised.
    let sent = daemon.run(&["send-now", &beginning]);
    let nothing = format!("nothing of {id} waits to be sent; see \"lectern show {id}\"\n");
    assert_eq!((code(&sent), out(&sent)), (0, nothing));
    let all = daemon.run(&["send-now"]);
    assert_eq!((code(&all), out(&all)), (0, "nothing waits to be sent\n".into()));
    assert_eq!(
        daemon.room.given(),
        [
            Asked::Retry(id, RetryRequest::default()),
            Asked::Retry(id, at("central")),
            Asked::Retry(id, at("usb")),
            Asked::SendNow(Some(id)),
            Asked::SendNow(Some(id)),
            Asked::SendNow(None)
        ]
    );
    assert_eq!(out(&daemon.run(&["queue"])), "nothing waits to be sent\n");
}

#[test]
fn a_plan_is_shown_with_its_time_and_without_a_length() {
    let daemon = Daemon::start();
    let id = daemon.lecture(LectureState::Scheduled).to_string();
    let shown = out(&daemon.run(&["show", &id]));
    assert!(shown.contains("planned for  20"), "{shown}");
    for absent in ["started", "length", "folder"] {
        assert!(!shown.contains(absent), "{absent}: {shown}");
    }
    let listed = out(&daemon.run(&["lectures"]));
    let line = listed.lines().find(|line| line.starts_with(&id));
    assert!(line.is_some_and(|line| line.contains("  -  -  ")), "{listed}");
}

#[test]
fn a_state_that_does_not_exist_is_answered_with_all_that_do() {
    let nowhere = std::path::Path::new("none.sock");
    for words in [
        &["lectures", "--state", "lost"][..],
        &["wait", "0b8f", "--until", "lost"],
    ] {
        let slip = run(nowhere, words);
        assert_eq!(code(&slip), 2);
        let said = err(&slip);
        assert!(
            LectureState::ALL
                .iter()
                .all(|state| said.contains(state.as_str())),
            "{said}"
        );
    }
    assert!(out(&run(nowhere, &["wait", "--help"])).contains("delivered"));
}

#[test]
fn configuration_is_printed_when_it_is_right_and_exit_78_when_it_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("none.sock");
    let default = run(&nowhere, &["config", "default"]);
    assert_eq!(code(&default), 0);
    let file = dir.path().join("lectern.toml");
    std::fs::write(&file, &default.stdout).unwrap();
    let path = file.display().to_string();
    let shown = run(&nowhere, &["config", "show", "--config", &path]);
    assert_eq!(code(&shown), 0, "{}", err(&shown));
    let line = out(&shown)
        .lines()
        .find(|line| line.starts_with("id = "))
        .map(str::to_owned);
    assert!(
        line.as_ref()
            .is_some_and(|line| line.contains(&format!("  # {path}:"))),
        "{line:?}"
    );
    assert!(out(&shown).contains("# default\n"));
    let json = run(&nowhere, &["config", "show", "--config", &path, "--json"]);
    let settings: Vec<serde_json::Value> = serde_json::from_slice(&json.stdout).unwrap();
    let reserve = settings
        .iter()
        .find(|one| one["key"] == "storage.reserve")
        .unwrap();
    assert_eq!(
        (&reserve["value"], &reserve["origin"]),
        (&"10GiB".into(), &"default".into())
    );
    let schema = run(&nowhere, &["config", "schema"]);
    assert!(out(&schema).contains("\"$schema\": \"https://json-schema.org/draft/2020-12/schema\""));

    std::fs::create_dir(dir.path().join("lectern.d")).unwrap();
    std::fs::write(dir.path().join("lectern.d/50-room.toml"), "[rooom]\n").unwrap();
    let wrong = run(&nowhere, &["config", "show", "--config", &path]);
    assert_eq!((code(&wrong), out(&wrong)), (78, String::new()));
    assert!(err(&wrong).contains("50-room.toml:1:"), "{}", err(&wrong));
    let missing = run(
        &nowhere,
        &["config", "show", "--config", "/nonexistent/lectern.toml"],
    );
    assert_eq!(code(&missing), 78);
}
