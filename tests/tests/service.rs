//! The daemon under systemd: what it says on the notification socket, and when.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use lectern_tests::room::Room;

/// What systemd hears until `word` comes.
fn hear(socket: &UnixDatagram, word: &str) -> Vec<String> {
    let mut heard = Vec::new();
    let mut message = [0; 512];
    loop {
        let length = socket
            .recv(&mut message)
            .unwrap_or_else(|e| panic!("no {word}: {e}; heard {heard:?}"));
        let text = String::from_utf8_lossy(&message[..length]).trim().to_owned();
        let found = text.contains(word);
        heard.push(text);
        if found {
            return heard;
        }
    }
}

#[test]
fn systemd_hears_ready_life_and_the_end() {
    let mut room =
        Room::new("[[source]]\nname = \"microphone\"\nrole = \"microphone\"\nkind = \"test-audio\"\n");
    let path = room.path("notify.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    room.env("NOTIFY_SOCKET", path.to_str().unwrap());
    room.start();
    hear(&socket, "READY=1");
    hear(&socket, "WATCHDOG=1");
    room.terminate();
    hear(&socket, "STOPPING=1");
}
