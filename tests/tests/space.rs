//! Promises P6 and P8: a disk that fills. Room is made from what was sent, in order; what was not
//! sent stays; a recording ends in time and in a sentence.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::PathBuf;

use lectern_tests::room::{MICROPHONE, Room, SHARE};
use lectern_tests::{media, until};
use nix::sys::statvfs::statvfs;

const MIB: u64 = 1 << 20;
/// What is kept free on the disk of these rooms.
const RESERVE: u64 = 16 * MIB;

/// A room with a disk of 48 MiB of its own. Its microphone takes 16 kB a second: a lecture needs
/// 5 MB above the reserve to begin, and below 14.4 MB room is made.
fn room(keep_sent: &str, platform: &str) -> Room {
    let mut room = Room::new(&format!(
        "[storage]\npath = \"{{dir}}/spool\"\nreserve = \"16MiB\"\nsync_every = \"1s\"\nsegment = \"2s\"\n\
         keep_sent = \"{keep_sent}\"\n{MICROPHONE}{platform}"
    ));
    room.small_disk(48);
    room.start();
    room.await_sources();
    room
}

fn record(room: &Room) -> String {
    let id = room.lectern(&["start"]);
    room.await_recorded(2_000);
    room.lectern(&["stop"]);
    id
}

/// The lecture's folder, as it can be looked into from here.
fn folder(room: &Room, id: &str) -> PathBuf {
    let told = room.show(id)["folder"].as_str().unwrap().to_owned();
    room.seen_by_daemon(std::path::Path::new(&told))
}

/// Fills the disk with something that is not Lectern's until so much is left above the reserve.
fn fill(room: &Room, left_above_reserve: u64) {
    let spool = room.seen_by_daemon(&room.path("spool"));
    let space = statvfs(&spool).unwrap();
    let free = space.blocks_available() * space.fragment_size();
    let more = free.saturating_sub(RESERVE + left_above_reserve);
    let name = format!("ballast-{more}");
    std::fs::write(spool.join(name), vec![7; usize::try_from(more).unwrap()]).unwrap();
}

const ABSENT_SHARE: &str = "\n[[platform]]\nname = \"share\"\nkind = \"directory\"\npath = \"{dir}/share\"\n\
                            create = false\n";

#[test]
fn p6_a_lecture_whose_time_is_over_goes_by_itself_and_its_record_stays() {
    let room = room("0ms", SHARE);
    let id = record(&room);
    room.await_state(&id, "purged");
    let detail = room.show(&id);
    assert_eq!(detail["deliveries"][0]["state"], "done");
    let left: Vec<_> = std::fs::read_dir(folder(&room, &id))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["lecture.json"], "only its record stays");
    assert_eq!(
        media::decode_complaints(&room.delivered().join("lecture.mp4")),
        "",
        "the platform has it"
    );
    // The recorder goes on as before.
    let next = record(&room);
    room.await_state(&next, "purged");
}

/// A machine that was off for a while, or runs a newer version by now, still knows for how long it
/// has kept a lecture.
#[test]
fn p6_a_lecture_whose_time_went_by_in_another_boot_goes_too() {
    let mut room = Room::new(&format!(
        "[storage]\npath = \"{{dir}}/spool\"\nreserve = \"1MiB\"\nkeep_sent = \"1h\"\n{MICROPHONE}{SHARE}"
    ));
    room.start();
    room.await_sources();
    let id = record(&room);
    room.await_state(&id, "delivered");
    room.terminate();
    let ago = 2 * 3_600_000;
    room.sql(&format!(
        "UPDATE runs SET boot_id = 'another', started_unix_ms = started_unix_ms - {ago};
         UPDATE boots SET boot_id = 'another';
         UPDATE lectures SET started_unix_ms = started_unix_ms - {ago};
         UPDATE deliveries SET done_unix_ms = done_unix_ms - {ago};"
    ));
    room.start();
    room.await_state(&id, "purged");
}

#[test]
fn p8_room_is_made_from_what_was_sent_before_its_time_is_over_and_a_recording_goes_on() {
    let room = room("14d", SHARE);
    let sent = record(&room);
    room.await_state(&sent, "delivered");
    let message = room.message("disk-low").unwrap();
    println!("{message}");
    assert!(
        room.status()["storage"]["recordable_ms"].as_u64().unwrap() > 0,
        "there is room"
    );
    let id = room.lectern(&["start"]);
    room.await_recorded(500);
    assert_eq!(
        room.show(&sent)["state"],
        "delivered",
        "nothing goes without need"
    );
    fill(&room, 10 * MIB);
    room.await_state(&sent, "purged");
    room.await_recorded(4_000);
    assert_eq!(room.status()["state"], "recording", "it never noticed");
    room.lectern(&["stop"]);
    let state = until("the second lecture to be sent", || {
        let state = room.show(&id)["state"].as_str()?.to_owned();
        ["delivered", "purged"].contains(&state.as_str()).then_some(state)
    });
    println!("the second lecture is {state}");
}

#[test]
fn p8_what_was_not_sent_stays_and_a_recording_ends_in_time_and_in_a_sentence() {
    let room = room("0ms", ABSENT_SHARE);
    let unsent = record(&room);
    until("a word about the share", || {
        (room.show(&unsent)["deliveries"][0]["state"] == "waiting").then_some(())
    });
    let id = room.lectern(&["start"]);
    room.await_recorded(2_000);
    // Somebody else fills the disk: less than the last segments need is left.
    fill(&room, 20_000);
    let message = until("a word about the disk", || room.message("disk-full"));
    println!("{message}");
    assert!(message["safe"].as_str().unwrap().contains("saved"), "{message}");
    until("the recording to be finished", || {
        (room.show(&id)["files"].as_array()?.len() > 1).then_some(())
    });
    let lecture = folder(&room, &id).join("finished/lecture.mp4");
    assert_eq!(media::decode_complaints(&lecture), "");
    assert!(media::length(&lecture, "a:0") >= 1.9);

    // What was not sent is all there, and another start is refused.
    let kept = folder(&room, &unsent).join("finished/lecture.mp4");
    assert_eq!(media::decode_complaints(&kept), "");
    let output = room.cli(&["start"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    println!("{text}");
    assert!(text.contains("disk is full") && text.contains("safe"), "{text}");

    // The share comes, the lectures go there and then from here, and there is room again.
    std::fs::create_dir(room.path("share")).unwrap();
    room.lectern(&["send-now"]);
    room.await_state(&unsent, "purged");
    room.await_state(&id, "purged");
}

#[test]
fn p8_a_disk_that_fills_in_mid_lecture_ends_in_a_sentence_and_a_whole_lecture() {
    let mut room = Room::new(
        r#"
[storage]
path = "{dir}/spool"
reserve = "16MiB"
segment = "2s"
[recording]
undo = "0s"
[[source]]
name = "camera"
role = "presenter"
kind = "gst"
launch = "videotestsrc is-live=true pattern=snow"
width = 320
height = 180
fps = 30
bitrate = "800kbit/s"
[[source]]
name = "microphone"
role = "microphone"
kind = "test-audio"
"#,
    );
    room.small_disk(64);
    room.start();
    room.await_sources();
    let id = room.lectern(&["start"]);
    room.await_recorded(4_000);
    // Nobody presses stop; the recording itself takes the rest.
    fill(&room, 800_000);
    let message = until("a word about the disk", || room.message("disk-full"));
    println!("{message}");
    room.await_state(&id, "finished");
    let lecture = folder(&room, &id).join("finished/lecture.mp4");
    assert_eq!(media::decode_complaints(&lecture), "");
    assert!(media::length(&lecture, "v:0") > 3.0);
    let writes = room.message("write-failed");
    assert_eq!(writes, None, "it was stopped before a track ran out of space");
    let output = room.cli(&["start"]);
    assert_eq!(output.status.code(), Some(1), "no second lecture on a full disk");
    let allowed = room.status()["allowed"].clone();
    assert!(
        !allowed.to_string().contains("start"),
        "the page invites to none: {allowed}"
    );
}

#[test]
fn p6_a_lecture_that_its_platform_denies_is_kept() {
    let room = room("14d", SHARE);
    let id = record(&room);
    room.await_state(&id, "delivered");
    std::fs::remove_file(room.delivered().join("lecture.mp4")).unwrap();
    fill(&room, 10 * MIB);
    let message = until("a word about the platform", || room.message("platform-denies"));
    println!("{message}");
    assert_eq!(message["subject"], id.as_str());
    assert_eq!(room.show(&id)["state"], "delivered");
    let kept = folder(&room, &id).join("finished/lecture.mp4");
    assert_eq!(media::decode_complaints(&kept), "");
}
