//! Lectures that begin by themselves: in time, early, late, and not at all.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use lectern_tests::room::{CAMERA, MICROPHONE, Room, SHARE};
use lectern_tests::until;
use serde_json::Value;

/// A room whose wall shows UTC, so that the test can say when.
fn room(recording: &str) -> Room {
    let room = Room::new("");
    configure(&room, recording);
    room
}

fn configure(room: &Room, recording: &str) {
    room.configure(&format!("[recording]\n{recording}\n{CAMERA}{MICROPHONE}{SHARE}"));
    let path = room.path("lectern.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, text.replace("[room]\n", "[room]\ntimezone = \"UTC\"\n")).unwrap();
}

/// The wall's time so many seconds from now, as the command line takes it.
fn ahead(seconds: i64) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn plan(room: &Room, seconds: i64, minutes: &str, title: &str) -> String {
    room.lectern(&[
        "plan",
        "--at",
        &ahead(seconds),
        "--minutes",
        minutes,
        "--title",
        title,
    ])
}

/// Exit code and what was said of a command that is refused.
fn refused(room: &Room, words: &[&str]) -> (Option<i32>, String) {
    let output = room.cli(words);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{words:?} was not refused");
    (output.status.code(), said)
}

fn states(room: &Room, state: &str) -> Vec<String> {
    let page: Value = serde_json::from_str(&room.lectern(&["lectures", "--state", state, "--json"])).unwrap();
    let lectures = page["lectures"].as_array().unwrap();
    lectures
        .iter()
        .map(|lecture| lecture["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Ends the daemon in good order; the spool must then be without fault.
fn assert_clean(mut room: Room) {
    room.terminate();
    let (code, said) = room.fsck(&[]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn p3_a_planned_lecture_begins_and_ends_by_itself() {
    let mut room = room("undo = \"0s\"");
    room.start();
    room.await_sources();
    let id = plan(&room, 4, "1", "Ondes");
    let next = &room.status()["next"];
    assert_eq!(
        (next["id"].as_str(), next["title"].as_str()),
        (Some(id.as_str()), Some("Ondes"))
    );
    assert_eq!(next["counting_down"], true, "less than a minute: {next}");
    let (starts, ends) = (next["starts_unix_ms"].as_i64(), next["ends_unix_ms"].as_i64());
    assert_eq!(room.show(&id)["state"], "scheduled");
    assert!(
        room.lectern(&["status"]).contains("Ondes"),
        "the next lecture is told"
    );
    assert_eq!(
        room.lectern(&["lectures"]),
        "",
        "what is planned hides no recording"
    );

    room.await_state(&id, "recording");
    let status = room.status();
    assert_eq!(status["lecture"]["id"], id.as_str());
    assert_eq!(status["lecture"]["title"], "Ondes");
    assert_eq!(status["next"], Value::Null);
    let late_ms = status["lecture"]["started_unix_ms"].as_i64().unwrap() - starts.unwrap();
    assert!(late_ms >= 0, "{late_ms} ms before its time");
    let ends_ms = status["lecture"]["ends_unix_ms"].as_i64().unwrap();
    assert!(
        (ends_ms - ends.unwrap()).abs() <= 100,
        "its end is the planned one: {status}"
    );
    room.await_state(&id, "delivered");
    let told = serde_json::to_string(&room.status()["messages"]).unwrap();
    assert!(!told.contains("plan-"), "nothing is left to say: {told}");
    assert!(room.delivered().join("lecture.mp4").is_file());
    assert_clean(room);
}

#[test]
fn p3_a_planned_lecture_waits_for_the_one_at_work_and_then_begins() {
    let mut room = room("undo = \"0s\"");
    room.start();
    room.await_sources();
    let id = plan(&room, 3, "5", "Second");
    let first = room.lectern(&["start", "--title", "First"]);
    until("the word that the plan waits", || room.message("plan-waits"));
    assert_eq!(room.status()["lecture"]["id"], first.as_str());
    let (code, said) = refused(&room, &["begin", &id]);
    assert_eq!(code, Some(3), "{said}");
    room.await_recorded(1_000);
    room.lectern(&["stop"]);
    room.await_state(&id, "recording");
    assert_eq!(room.message("plan-waits"), None);
    room.await_recorded(1_000);
    room.lectern(&["stop"]);
    room.await_state(&id, "delivered");
    room.await_state(&first, "delivered");
    assert_clean(room);
}

/// The end that was planned leaves no time to undo to wait for: the next one begins at once.
#[test]
fn p3_a_planned_lecture_begins_where_the_one_before_it_ends() {
    let mut room = room("undo = \"60s\"");
    room.start();
    room.await_sources();
    let first = plan(&room, 4, "1", "First");
    let second = plan(&room, 64, "5", "Second");
    room.await_state(&first, "recording");
    room.await_state(&second, "recording");
    let began = room.show(&second)["started_unix_ms"].as_i64().unwrap();
    let first_end = {
        let run = &room.show(&first)["runs"][0];
        run["started_unix_ms"].as_i64().unwrap() + run["end_ms"].as_i64().unwrap()
    };
    assert!(
        (0..30_000).contains(&(began - first_end)),
        "{} ms between them",
        began - first_end
    );
    room.lectern(&["stop"]);
    assert_clean(room);
}

#[test]
fn p1_a_planned_lecture_begins_early_is_called_off_taken_back_and_outlives_the_database() {
    let mut room = room("undo = \"0s\"");
    room.start();
    room.await_sources();
    let early = plan(&room, 600, "30", "Early");
    let ends = room.status()["next"]["ends_unix_ms"].as_i64().unwrap();
    let other = plan(&room, 4_000, "30", "Other");

    let (code, said) = refused(
        &room,
        &["plan", "--at", &ahead(700), "--minutes", "5", "--title", "Third"],
    );
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("Early"), "the other is named: {said}");
    let (_, said) = refused(&room, &["plan", "--at", "2020-01-01 10:00", "--minutes", "5"]);
    assert!(said.contains("time to come"), "{said}");

    // Not today, and yes after all.
    room.lectern(&["cancel", &early]);
    let status = room.status();
    assert_eq!(status["next"]["id"], early.as_str());
    assert!(status["next"]["undo_until_unix_ms"].is_i64(), "{status}");
    assert!(status["allowed"].as_array().unwrap().contains(&"restore".into()));
    assert_eq!(states(&room, "cancelled"), std::slice::from_ref(&early));
    let (code, said) = refused(&room, &["begin", &early]);
    assert_eq!(code, Some(3), "{said}");
    room.lectern(&["restore", &early]);
    let status = room.status();
    assert_eq!(status["next"]["undo_until_unix_ms"], Value::Null, "{status}");
    room.lectern(&["cancel", &other]);
    assert_eq!(
        room.status()["next"]["id"],
        early.as_str(),
        "only the next is offered back"
    );
    room.lectern(&["restore", &other]);

    room.lectern(&["begin", &early]);
    let status = room.status();
    assert_eq!(status["lecture"]["id"], early.as_str());
    let ends_now = status["lecture"]["ends_unix_ms"].as_i64().unwrap();
    assert!((ends_now - ends).abs() <= 100, "{ends_now} and {ends}");
    assert_eq!(status["next"]["id"], other.as_str());
    let (code, _) = refused(&room, &["cancel", &early]);
    assert_eq!(code, Some(3), "it has begun");
    room.await_recorded(1_000);
    room.lectern(&["stop"]);
    room.await_state(&early, "delivered");
    assert_eq!(states(&room, "scheduled"), std::slice::from_ref(&other));

    // P1: the database is lost, and what was promised for later is still known.
    room.terminate();
    std::fs::remove_file(room.path("spool/lectern.db")).unwrap();
    let (code, said) = room.fsck(&["--rebuild"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("1 lectures, 1 planned"), "{said}");
    room.start();
    assert_eq!(room.status()["next"]["id"], other.as_str());
    assert_eq!(room.status()["next"]["title"], "Other");
    assert_eq!(room.show(&early)["state"], "delivered");
    assert_clean(room);
}

/// P2 and P3: the power fails before the beginning and comes back after it.
#[test]
fn p2_a_planned_lecture_begins_late_and_once_after_an_outage_at_its_time() {
    let mut room = room("undo = \"0s\"");
    room.start();
    room.await_sources();
    let id = plan(&room, 4, "5", "Late");
    let starts = room.status()["next"]["starts_unix_ms"].as_i64().unwrap();
    room.kill9();
    until("its time", || {
        let now = jiff::Timestamp::now().as_millisecond();
        (now > starts + 500).then_some(())
    });
    room.start();
    room.await_state(&id, "recording");
    room.await_recorded(1_000);
    // And once more in the middle: it goes on and does not begin again.
    room.kill9();
    room.start();
    room.await_state(&id, "recording");
    assert_eq!(room.status()["lecture"]["run"], 2);
    room.await_recorded(2_000);
    room.lectern(&["stop"]);
    room.await_state(&id, "delivered");
    let detail = room.show(&id);
    assert_eq!(detail["runs"].as_array().unwrap().len(), 2, "{detail}");
    assert!(states(&room, "scheduled").is_empty());
    assert_clean(room);
}

/// A lecture whose whole time passed while the recorder was off is told and kept as failed.
#[test]
fn a_planned_lecture_that_nobody_could_record_is_told() {
    let mut room = room("undo = \"0s\"");
    room.start();
    room.await_sources();
    let id = plan(&room, 3_600, "5", "Missed");
    room.kill9();
    room.sql(
        "UPDATE lectures SET started_unix_ms = started_unix_ms - 86400000, \
              planned_end_unix_ms = planned_end_unix_ms - 86400000 WHERE state = 'scheduled'",
    );
    room.start();
    until("the word that it was missed", || room.message("plan-missed"));
    let detail = room.show(&id);
    assert_eq!(detail["state"], "failed", "{detail}");
    assert!(detail["reason"].as_str().unwrap().contains("off"), "{detail}");
    let (code, said) = refused(&room, &["retry", &id]);
    assert_eq!(code, Some(3), "{said}");
    assert_clean(room);
}

/// Without its sources it does not begin, says so, and begins when they are back.
#[test]
fn p4_a_planned_lecture_begins_as_soon_as_what_is_required_is_there() {
    let mut room = room("undo = \"0s\"");
    let text = std::fs::read_to_string(room.path("lectern.toml")).unwrap();
    let required = text.replace("kind = \"test-video\"", "kind = \"test-video\"\nrequired = true");
    assert_ne!(text, required);
    std::fs::write(room.path("lectern.toml"), required).unwrap();
    room.start();
    room.await_sources();
    let camera = room.source_pid("camera").unwrap();
    let id = plan(&room, 4, "5", "Hindered");
    nix::sys::signal::kill(camera, nix::sys::signal::Signal::SIGSTOP).unwrap();
    until("the word that it cannot begin", || room.message("plan-hindered"));
    assert_eq!(room.show(&id)["state"], "scheduled");
    room.await_state(&id, "recording");
    assert_eq!(room.message("plan-hindered"), None);
    room.await_recorded(1_000);
    room.lectern(&["stop"]);
    room.await_state(&id, "delivered");
    assert_clean(room);
}

#[test]
fn what_must_be_said_is_asked_for_at_the_start_and_in_a_plan() {
    let mut room = room("undo = \"0s\"\nrequire = [\"title\", \"presenter\"]");
    room.start();
    room.await_sources();
    let required = &room.status()["required"];
    assert_eq!(required, &serde_json::json!(["title", "presenter"]));
    let (code, said) = refused(&room, &["start", "--title", "Alone"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("presenter") && !said.contains("title is"), "{said}");
    let (_, said) = refused(&room, &["plan", "--at", &ahead(600), "--minutes", "5"]);
    assert!(said.contains("title") && said.contains("presenter"), "{said}");
    let (_, said) = refused(&room, &["start", "--title", " ", "--presenter", "T. Abebe"]);
    assert!(said.contains("title"), "{said}");

    let id = room.lectern(&["start", "--title", "Both", "--presenter", "T. Abebe"]);
    room.await_recorded(1_000);
    room.lectern(&["stop"]);
    room.await_state(&id, "delivered");
    assert_clean(room);
}
