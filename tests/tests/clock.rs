//! Promise P3 and a wall clock that is wrong: rows are changed to what another clock would have
//! left, because nobody may set the clock of the machine that tests run on. Steps while the daemon
//! runs are proven in `lectern-daemon` by readings, and by `tests/power` on a machine of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use lectern_tests::room::{CAMERA, MICROPHONE, Room, SHARE};
use lectern_tests::{media, until};
use serde_json::Value;

/// As if everything had been recorded before the machine was switched on again.
const ANOTHER_BOOT: &str = "UPDATE runs SET boot_id = 'another'; UPDATE boots SET boot_id = 'another';";

/// As if the clock had shown a time so much later when everything was recorded.
fn later(ms: i64) -> String {
    format!(
        "UPDATE runs SET started_unix_ms = started_unix_ms + {ms};
         UPDATE lectures SET started_unix_ms = started_unix_ms + {ms},
                planned_end_unix_ms = planned_end_unix_ms + {ms};
         UPDATE boots SET start_unix_ms = start_unix_ms + {ms}, end_unix_ms = end_unix_ms + {ms};"
    )
}

const DAY_MS: i64 = 24 * 3_600_000;

fn recording(resume_within: &str) -> Room {
    let mut room = Room::new(&format!(
        "[recording]\nundo = \"0s\"\nresume_within = \"{resume_within}\"\n{CAMERA}{MICROPHONE}{SHARE}"
    ));
    room.start();
    room.await_sources();
    room
}

fn await_run(room: &Room, id: &str, run: u64) -> Value {
    until("the lecture to go on", || {
        let status = room.status();
        let lecture = &status["lecture"];
        (lecture["id"] == id && lecture["run"] == run).then_some(status)
    })
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_millis()).unwrap()
}

#[test]
fn p3_a_clock_that_is_behind_the_last_lecture_is_told_and_spoils_nothing() {
    let mut room = Room::new(&format!("{MICROPHONE}{SHARE}"));
    room.start();
    room.await_sources();
    assert_eq!(room.status()["clock"], "trusted");
    let first = room.lectern(&["start"]);
    room.await_recorded(1_000);
    room.lectern(&["stop"]);
    room.await_state(&first, "delivered");
    room.terminate();
    room.sql(&format!("{ANOTHER_BOOT}{}", later(400 * DAY_MS)));

    room.start();
    let status = room.status();
    assert_eq!(status["clock"], "untrusted", "{status}");
    let message = room.message("clock-untrusted").unwrap();
    println!("{message}");
    room.await_sources();
    let second = room.lectern(&["start"]);
    room.await_recorded(2_000);
    room.lectern(&["stop"]);
    room.await_state(&second, "delivered");
    let detail = room.show(&second);
    assert_eq!(detail["runs"][0]["clock"], "untrusted");
    let length = detail["duration_ms"].as_i64().unwrap();
    let end = detail["runs"][0]["end_ms"].as_i64().unwrap();
    assert!((length - end).abs() < 1_000, "{length} of {end} ms");
}

#[test]
fn p3_a_machine_that_lost_its_clock_with_its_power_goes_on_and_guesses_no_gap() {
    let mut room = recording("30m");
    let id = room.lectern(&["start"]);
    room.await_recorded(3_000);
    room.kill9();
    // The clock of this boot is three days behind the one before.
    room.sql(&format!("{ANOTHER_BOOT}{}", later(3 * DAY_MS)));

    room.start();
    let status = await_run(&room, &id, 2);
    assert_eq!(status["clock"], "untrusted");
    assert_eq!(status["lecture"]["gap_ms"], Value::Null, "no clock can tell");
    let ends = status["lecture"]["ends_unix_ms"].as_i64().unwrap() - status["now_unix_ms"].as_i64().unwrap();
    assert!(
        ends > 0 && ends <= 4 * 3_600_000,
        "no longer than what was left of it: {ends} ms"
    );
    let recorded = status["lecture"]["recorded_ms"].as_u64().unwrap();
    room.await_recorded(recorded + 3_000);
    // A second outage, now within one boot: told by the monotonic clock.
    room.kill9();
    room.start();
    await_run(&room, &id, 3);
    room.await_sources();
    room.lectern(&["stop"]);
    room.await_state(&id, "delivered");
    let detail = room.show(&id);
    let gaps: Vec<&Value> = (0..3).map(|run| &detail["runs"][run]["gap_before_ms"]).collect();
    assert!(gaps[0].is_null() && gaps[1].is_null(), "{gaps:?}");
    assert!(gaps[2].as_u64().is_some_and(|ms| ms < 90_000), "{gaps:?}");
    let facts = detail["facts"].to_string();
    assert!(facts.contains("interrupted"), "{facts}");
    assert_eq!(
        media::decode_complaints(&room.delivered().join("lecture.mp4")),
        ""
    );
}

/// A machine that was off for `outage_ms` wakes up with a clock that is believed only half a
/// minute later: a lecture that went on blindly is judged again then.
fn goes_on_blindly(outage_ms: i64) -> (Room, String) {
    let mut room = Room::new(&format!(
        "[recording]\nundo = \"60s\"\nresume_within = \"30m\"\n{MICROPHONE}{SHARE}"
    ));
    room.start();
    room.await_sources();
    let id = room.lectern(&["start"]);
    room.await_recorded(2_000);
    room.kill9();
    room.sql(&format!("{ANOTHER_BOOT}{}", later(-outage_ms)));
    let believed = now_ms() + 30_000;
    room.sql(&format!("UPDATE boots SET end_unix_ms = {believed}"));
    room.start();
    let status = await_run(&room, &id, 2);
    assert_eq!(status["clock"], "untrusted");
    assert_eq!(status["lecture"]["gap_ms"], Value::Null);
    until("a clock that can be believed", || {
        (room.status()["clock"] == "trusted").then_some(())
    });
    (room, id)
}

#[test]
fn p3_a_lecture_that_went_on_blindly_and_too_late_is_stopped_when_the_clock_is_right() {
    let (room, id) = goes_on_blindly(2 * 3_600_000);
    let message = until("a word about it", || room.message("resumed-too-late"));
    println!("{message}");
    assert!(message["what"].as_str().unwrap().contains("2 h"), "{message}");
    assert_eq!(room.status()["state"], "saved");
    room.lectern(&["undo"]);
    assert_eq!(
        room.status()["lecture"]["id"],
        id.as_str(),
        "a person knows better"
    );
    room.lectern(&["stop"]);
}

#[test]
fn p3_a_lecture_that_went_on_blindly_and_in_time_goes_on_and_its_gap_is_known() {
    let (room, id) = goes_on_blindly(5 * 60_000);
    let gap_ms = until("the length of the gap", || {
        room.status()["lecture"]["gap_ms"].as_u64()
    });
    assert!((290_000..420_000).contains(&gap_ms), "{gap_ms} ms");
    assert_eq!(room.status()["lecture"]["id"], id.as_str());
    assert_ne!(room.status()["state"], "saved");
    room.lectern(&["stop"]);
    let facts = room.show(&id)["facts"].to_string();
    println!("{facts}");
    assert!(facts.contains("interrupted") && facts.contains("clock-corrected"));
}

#[test]
fn p3_a_clock_that_was_set_while_the_daemon_was_down_moves_the_lecture_and_not_its_length() {
    let mut room = recording("30m");
    let id = room.lectern(&["start", "--minutes", "30"]);
    room.await_recorded(2_000);
    let folder = room.lecture_dir(&id);
    room.kill9();
    // Recorded with a clock that was five hours behind, and set since, in the same boot.
    room.sql(&later(-5 * 3_600_000));
    room.start();
    let status = await_run(&room, &id, 2);
    assert_eq!(status["clock"], "trusted");
    let started = status["lecture"]["started_unix_ms"].as_i64().unwrap();
    assert!((now_ms() - started).abs() < 180_000, "it began a moment ago");
    let gap = status["lecture"]["gap_ms"].as_u64().unwrap();
    assert!(gap < 180_000, "{gap} ms by the monotonic clock");
    let ends = status["lecture"]["ends_unix_ms"].as_i64().unwrap() - now_ms();
    assert!(
        (26 * 60_000..=30 * 60_000).contains(&ends),
        "its end is where it was planned: in {ends} ms"
    );
    assert_eq!(room.lecture_dir(&id), folder, "folders keep their names");
    room.lectern(&["stop"]);
}

#[test]
fn p3_a_pause_longer_than_resume_within_is_no_outage_and_an_outage_is() {
    for (alive_in_the_pause, goes_on) in [(true, true), (false, false)] {
        let mut room = recording("30s");
        let id = room.lectern(&["start"]);
        room.await_recorded(1_000);
        room.lectern(&["pause"]);
        room.kill9();
        // As if the pause had begun a minute ago; the daemon lived through it, or it did not.
        let seen = if alive_in_the_pause { 60 } else { 0 };
        room.sql(&format!(
            "UPDATE runs SET base_mono_ns = base_mono_ns - 60000000000, seen_ns = seen_ns + {seen}000000000"
        ));
        room.start();
        if goes_on {
            let status = await_run(&room, &id, 2);
            assert_eq!(status["state"], "paused", "it records nothing by itself");
        } else {
            room.await_state(&id, "delivered");
        }
    }
}
