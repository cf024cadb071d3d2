//! When lectures leave: hours, budgets, a recording, a platform that refuses everybody, and a
//! person who wants one sent now. Promises P5 and P9 as far as they are a matter of time.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::os::unix::fs::PermissionsExt;

use jiff::{ToSpan, Zoned};
use lectern_testkit::{Rules, TusJudge};
use lectern_tests::padding::grow;
use lectern_tests::room::{MICROPHONE, Room};
use lectern_tests::until;
use serde_json::Value;

/// A room with a microphone, one tus platform and the given `[upload]`.
fn room(judge: &TusJudge, upload: &str) -> Room {
    Room::new(&format!(
        "[upload]\n{upload}\n{MICROPHONE}
[[platform]]
name = \"central\"
kind = \"tus\"
url = \"{}\"
credential_file = \"{{dir}}/token\"
",
        judge.url()
    ))
}

async fn judge(dir: &std::path::Path) -> TusJudge {
    let rules = Rules {
        bearer: Some("right".to_owned()),
        ..Rules::default()
    };
    TusJudge::start(dir, rules).await.unwrap()
}

fn credential(room: &Room, token: &str) {
    let path = room.path("token");
    std::fs::write(&path, token).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Starts the daemon with this credential for its platform, which takes "right".
fn start(room: &mut Room, token: &str) {
    credential(room, token);
    room.start();
    room.await_sources();
}

/// Records a lecture and waits until it is ready to be sent.
fn finished(room: &Room) -> String {
    let id = room.lectern(&["start", "--title", "Étude №7"]);
    room.await_recorded(1_000);
    room.lectern(&["stop"]);
    until("finished", || {
        let state = room.show(&id)["state"].as_str()?.to_owned();
        matches!(state.as_str(), "finished" | "delivering" | "delivered").then_some(())
    });
    id
}

fn queue(room: &Room) -> Value {
    serde_json::from_str(&room.lectern(&["queue", "--json"])).unwrap()
}

/// Waits until sending is shut, and returns what is said of it.
fn await_shut(room: &Room, word: &str) -> Value {
    until(&format!("sending to be shut: {word}"), || {
        let uploads = room.status()["uploads"].clone();
        let why = uploads["why"].as_str()?;
        why.contains(word).then_some(uploads.clone())
    })
}

fn state_of(queue: &Value, lecture: &str) -> String {
    let deliveries = queue["deliveries"].as_array().unwrap();
    let ours = deliveries.iter().find(|delivery| delivery["lecture"] == lecture);
    ours.unwrap()["state"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outside_the_hours_nothing_leaves_but_what_a_person_wants_now() {
    let dir = tempfile::tempdir().unwrap();
    let judge = judge(dir.path()).await;
    let begins = Zoned::now().checked_add(3.hours()).unwrap();
    let ends = Zoned::now().checked_add(5.hours()).unwrap();
    let window = format!("{}-{}", begins.strftime("%H:%M"), ends.strftime("%H:%M"));
    let mut room = room(&judge, &format!("window = [\"{window}\"]"));
    start(&mut room, "right");
    let (first, second) = (finished(&room), finished(&room));

    let uploads = await_shut(&room, &window);
    let until_ms = uploads["until_unix_ms"].as_i64().unwrap();
    let ahead_ms = until_ms - room.status()["now_unix_ms"].as_i64().unwrap();
    assert!((2 * 3_600_000..=3 * 3_600_000).contains(&ahead_ms), "{uploads}");
    let at = begins.strftime("%H:%M").to_string();
    assert!(uploads["why"].as_str().unwrap().contains(&at), "{uploads}");
    let lectures = until("the forecast", || {
        let forecast = room.status()["uploads"]["forecast"].clone();
        (forecast["lectures"] == 2).then_some(forecast)
    });
    assert!(lectures["bytes"].as_u64().unwrap() > 0);
    let waiting = queue(&room);
    assert_eq!(waiting["uploads"]["open"], false);
    assert_eq!(state_of(&waiting, &first), "queued");
    assert_eq!(judge.seen(), [], "not even a question");

    room.lectern(&["send-now", &first]);
    room.await_state(&first, "delivered");
    assert_eq!(
        state_of(&queue(&room), &second),
        "queued",
        "only the one that is wanted"
    );
    let sent = until("what left to be counted", || {
        let sent = room.status()["uploads"]["sent_today_bytes"].as_u64()?;
        (sent > 0).then_some(sent)
    });

    // A wish outlives the daemon.
    room.lectern(&["send-now"]);
    room.kill9();
    start(&mut room, "right");
    room.await_state(&second, "delivered");
    assert_eq!(judge.breaches(), Vec::<String>::new());
    assert_eq!(judge.whole().len(), 2, "each file once");
    let uploads = await_shut(&room, &window);
    assert!(
        uploads["sent_today_bytes"].as_u64().unwrap() >= sent,
        "counted over a restart: {uploads}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_hold_nothing_leaves_while_a_lecture_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let judge = judge(dir.path()).await;
    let mut room = room(&judge, "while_recording = \"hold\"");
    // Ready to be sent, but for its credential.
    start(&mut room, "wrong");
    let first = finished(&room);
    until("the refusal", || room.message("platform-refuses"));
    let second = room.lectern(&["start"]);
    let uploads = await_shut(&room, "being recorded");
    assert_eq!(uploads["until_unix_ms"], Value::Null, "nobody knows when it ends");
    let asked = judge.seen().len();
    credential(&room, "right");
    room.lectern(&["retry", &first]);
    room.await_recorded(2_000);
    assert_eq!(judge.seen().len(), asked);
    room.lectern(&["stop"]);
    room.await_state(&first, "delivered");
    room.await_state(&second, "delivered");
}

/// A lecture that takes minutes at the rate that the room allows itself, and is under way.
async fn sending_slowly(dir: &std::path::Path, upload: &str) -> (TusJudge, Room, String) {
    let judge = judge(dir).await;
    let mut room = room(&judge, &format!("rate = \"1Mbit/s\"\n{upload}"));
    start(&mut room, "wrong");
    let id = finished(&room);
    until("the refusal", || room.message("platform-refuses"));
    room.terminate();
    grow(&room, &id, 32 << 20);
    start(&mut room, "right");
    until("bytes at the platform", || {
        let active = room.status()["queue"]["active"].clone();
        (active["sent_bytes"].as_u64()? > 16 * 1024).then_some(())
    });
    (judge, room, id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p5_a_turn_that_is_over_goes_back_to_the_queue_and_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (judge, mut room, id) = sending_slowly(dir.path(), "while_recording = \"hold\"").await;
    let uploads = until("the line in the status", || {
        let uploads = room.status()["uploads"].clone();
        (uploads["line"]["rate_bps"].as_u64()? > 0).then_some(uploads)
    });
    assert_eq!(uploads["open"], true);
    let interrupting = room.lectern(&["start"]);
    await_shut(&room, "being recorded");
    until("the delivery to be queued again", || {
        (state_of(&queue(&room), &id) == "queued").then_some(())
    });
    let status = until("nothing to be under way", || {
        let status = room.status();
        (status["queue"]["active"] == Value::Null).then_some(status)
    });
    let before = status["uploads"]["sent_today_bytes"].as_u64().unwrap();
    assert!(before > 16 * 1024);
    room.await_recorded(2_000);
    let after = room.status()["uploads"]["sent_today_bytes"].as_u64().unwrap();
    assert_eq!(after, before, "not a byte leaves while it is recorded");
    room.lectern(&["stop"]);
    until("the delivery to go on", || {
        let active = room.status()["queue"]["active"].clone();
        (active["lecture"] == id.as_str() && active["sent_bytes"].as_u64()? > 16 * 1024).then_some(())
    });
    room.terminate();
    let text = std::fs::read_to_string(room.path("lectern.toml")).unwrap();
    std::fs::write(
        room.path("lectern.toml"),
        text.replace("rate = \"1Mbit/s\"\n", ""),
    )
    .unwrap();
    until("the platform to have done", || judge.rests().then_some(()));
    room.start();
    room.await_state(&id, "delivered");
    room.await_state(&interrupting, "delivered");
    assert_eq!(judge.breaches(), Vec::<String>::new());
    assert_eq!(judge.whole().len(), 2, "the lecture that interrupted it too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p9_a_budget_that_runs_out_under_way_ends_the_turn() {
    let dir = tempfile::tempdir().unwrap();
    let (judge, mut room, id) = sending_slowly(dir.path(), "daily = \"8MiB\"").await;
    let basis = until("the pace to be known", || {
        room.status()["uploads"]["forecast"]["basis_bps"].as_u64()
    });
    assert!((100_000..4_000_000).contains(&basis), "{basis} bit/s");
    room.terminate();
    let today = Zoned::now().date();
    let spent = (8u64 << 20) - 40_000;
    room.sql(&format!(
        "UPDATE uploads SET bytes = {spent} WHERE day = '{today}'"
    ));
    // It would be refused as long as the bytes of before are under way, and come back later each time.
    until("the platform to have done", || judge.rests().then_some(()));
    room.start();
    let uploads = await_shut(&room, "8MiB");
    let over = uploads["sent_today_bytes"].as_u64().unwrap() - (8 << 20);
    println!("{over} bytes beyond the budget");
    // What the kernel had taken by then, and a quarter of a second.
    assert!(over < 1 << 20, "{uploads}");
    // A server that still holds the connection of before puts it off by itself: it waits then.
    until("the turn to be over", || {
        matches!(state_of(&queue(&room), &id).as_str(), "queued" | "waiting").then_some(())
    });
    assert!(
        room.status()["uploads"]["forecast"]["basis_bps"]
            .as_u64()
            .is_some(),
        "the pace outlives a restart"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spent_budget_stops_the_network_and_no_folder() {
    let dir = tempfile::tempdir().unwrap();
    let judge = judge(dir.path()).await;
    let mut room = room(&judge, "daily = \"1MiB\"");
    let text = std::fs::read_to_string(room.path("lectern.toml")).unwrap();
    let folder =
        "\n[[platform]]\nname = \"share\"\nkind = \"directory\"\npath = \"{dir}/platform\"\ncreate = true\n";
    let here = room.path("").display().to_string();
    let folder = folder.replace("{dir}", here.trim_end_matches('/'));
    std::fs::write(room.path("lectern.toml"), text + &folder).unwrap();
    start(&mut room, "right");
    room.terminate();
    let today = Zoned::now().date();
    let tomorrow = today.tomorrow().unwrap();
    room.sql(&format!(
        "INSERT INTO uploads (day, bytes) VALUES ('{today}', 2097152), ('{tomorrow}', 2097152)"
    ));

    start(&mut room, "right");
    let id = finished(&room);
    let uploads = await_shut(&room, "1MiB");
    assert!(uploads["why"].as_str().unwrap().contains("at 00:00"), "{uploads}");
    assert_eq!(uploads["daily_bytes"], 1 << 20);
    let told = until("the message", || room.message("budget-spent"));
    println!("{told}");
    let share = until("the copy in the folder", || {
        let detail = room.show(&id);
        let deliveries = detail["deliveries"].as_array()?.clone();
        deliveries
            .into_iter()
            .find(|delivery| delivery["platform"] == "share" && delivery["state"] == "done")
    });
    assert!(share["sent_bytes"].as_u64().unwrap() > 0);
    assert_eq!(judge.seen(), []);
    room.lectern(&["send-now", &id]);
    room.await_state(&id, "delivered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p5_a_platform_that_refuses_everybody_is_tried_once_and_goes_on_when_it_is_mended() {
    let dir = tempfile::tempdir().unwrap();
    let judge = judge(dir.path()).await;
    let mut room = room(&judge, "");
    start(&mut room, "wrong");
    let lectures = [finished(&room), finished(&room), finished(&room)];
    let told = until("the message", || room.message("platform-refuses"));
    println!("{told}");
    assert_eq!(told["subject"], "central");
    assert_eq!(told["todo"], "Call the help desk.", "{told}");
    let detail = told["detail"].as_str().unwrap();
    assert!(detail.contains("401") && detail.contains("next try"), "{told}");

    let queue = queue(&room);
    let platform = &queue["uploads"]["platforms"][0];
    assert_eq!(platform["state"], "parked");
    let next_ms = platform["next_unix_ms"].as_i64().unwrap() - room.status()["now_unix_ms"].as_i64().unwrap();
    assert!((14 * 60_000..=15 * 60_000).contains(&next_ms), "{platform}");
    for lecture in &lectures {
        assert_eq!(
            state_of(&queue, lecture),
            "queued",
            "no lecture is at fault: {queue}"
        );
    }
    let message = |delivery: &Value| {
        delivery["message"]
            .as_str()
            .is_some_and(|text| text.contains("401"))
    };
    assert!(
        queue["deliveries"].as_array().unwrap().iter().all(message),
        "{queue}"
    );
    assert_eq!(room.status()["queue"]["parked"], 0);
    let asked = judge.seen().len();
    assert!(asked <= 4, "one lecture knocked, not three: {:?}", judge.seen());

    // Nobody tells the recorder that it is mended.
    credential(&room, "right");
    for lecture in &lectures {
        room.await_state(lecture, "delivered");
    }
    assert_eq!(judge.whole().len(), 3);
    assert_eq!(room.message("platform-refuses"), None);
    assert_eq!(room.status()["uploads"]["platforms"][0]["state"], "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_looks_at_hours_and_platforms() {
    let dir = tempfile::tempdir().unwrap();
    let judge = judge(dir.path()).await;
    let mut room = room(&judge, "window = [\"22:00-06:00\"]");
    start(&mut room, "right");
    let checks = || -> Vec<Value> {
        let output = room.cli(&["doctor", "--json"]);
        let doctor: Value = serde_json::from_slice(&output.stdout).unwrap();
        doctor["checks"].as_array().unwrap().clone()
    };
    let about = |checks: &[Value], subject: &str| -> Vec<Value> {
        let of_it = checks.iter().filter(|check| check["subject"] == subject);
        of_it.cloned().collect()
    };
    let well = checks();
    let upload = about(&well, "upload");
    assert!(
        upload[0]["found"].as_str().unwrap().contains("22:00-06:00"),
        "{upload:?}"
    );
    let central = about(&well, "platform.central");
    assert!(
        !central.is_empty() && central.iter().all(|check| check["verdict"] != "bad"),
        "{central:?}"
    );
    assert!(judge.whole().is_empty(), "nothing stays");

    credential(&room, "wrong");
    let central = about(&checks(), "platform.central");
    assert!(
        central.iter().any(|check| check["verdict"] == "bad"),
        "{central:?}"
    );
}
