//! Marks and the planned end: what a person said during a lecture outlives a crash, and nobody is
//! surprised by an end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use lectern_tests::room::{MICROPHONE, Room, SHARE};
use lectern_tests::until;
use serde_json::Value;

fn room() -> Room {
    let mut room = Room::new(&format!(
        "[recording]\nundo = \"30s\"\nmax_length = \"10m\"\n{MICROPHONE}{SHARE}"
    ));
    room.start();
    room.await_sources();
    room
}

#[test]
fn p1_marks_outlive_a_crash_in_every_place_where_they_are_kept() {
    let mut room = room();
    let id = room.lectern(&["start"]);
    room.await_recorded(1_000);
    let recorded = || room.status()["lecture"]["recorded_ms"].as_i64().unwrap();
    let before = recorded();
    room.lectern(&["mark", "الفصل الأول"]);
    let after = recorded();
    room.await_recorded(2_000);
    room.lectern(&["mark"]);
    room.kill9();
    room.start();
    until("the lecture to go on", || {
        (room.status()["lecture"]["run"] == 2).then_some(())
    });
    assert_eq!(room.status()["lecture"]["marks"], 2);
    room.await_sources();
    room.lectern(&["mark", "after the crash"]);
    room.lectern(&["stop"]);
    let marks = room.show(&id)["marks"].clone();
    let labels: Vec<&Value> = (0..3).map(|at| &marks[at]["label"]).collect();
    assert_eq!(
        labels,
        ["الفصل الأول", "", "after the crash"]
            .map(|l| if l.is_empty() { Value::Null } else { l.into() })
            .iter()
            .collect::<Vec<_>>()
    );
    let at = marks[0]["at_ms"].as_i64().unwrap();
    assert!(
        (before..=after).contains(&at),
        "{at} is not in {before}..={after} ms"
    );
    assert_eq!(
        (marks[0]["run"].as_u64(), marks[2]["run"].as_u64()),
        (Some(1), Some(2))
    );
    // The database has them already; the file beside the segments is rewritten after it.
    let file = room.lecture_dir(&id).join("lecture.json");
    until("all marks in lecture.json", || {
        let kept: Value = serde_json::from_str(&std::fs::read_to_string(&file).ok()?).unwrap();
        let labels: Vec<&Value> = kept["marks"].as_array()?.iter().map(|m| &m["label"]).collect();
        (labels
            == [
                &Value::from("الفصل الأول"),
                &Value::Null,
                &Value::from("after the crash"),
            ])
        .then_some(())
    });
}

#[test]
fn an_end_that_comes_is_told_before_and_can_be_moved() {
    let room = room();
    room.lectern(&["start"]);
    room.await_recorded(500);
    assert_eq!(room.message("ends-soon"), None, "ten minutes are left");
    room.lectern(&["stop"]);
    room.lectern(&["undo"]);
    room.lectern(&["stop"]);

    room.lectern(&["start", "--minutes", "1"]);
    let message = until("a warning", || room.message("ends-soon"));
    println!("{message}");
    assert!(
        message["what"].as_str().unwrap().contains("within a minute"),
        "{message}"
    );
    assert!(message["todo"].as_str().unwrap().contains("extend"), "{message}");
    room.lectern(&["extend", "3"]);
    let message = until("another warning", || {
        room.message("ends-soon")
            .filter(|m| m["what"].as_str().is_some_and(|what| what.contains("4 minutes")))
    });
    println!("{message}");
    room.lectern(&["extend", "30"]);
    until("no warning any more", || {
        room.message("ends-soon").is_none().then_some(())
    });
    room.lectern(&["stop"]);
}
