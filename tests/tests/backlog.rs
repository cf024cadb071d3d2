//! Promise P5 with the real daemon: a queue of lectures for several platforms, and a daemon that
//! is killed again and again at moments that nobody chose. In the end each platform has each file
//! once, and no server saw a breach of its protocol.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod arena;

use std::time::{Duration, Instant};

use arena::{Kind, Platform, asked, assert_once, fill, scratch};
use lectern_tests::room::Room;
use lectern_tests::{figure, until};

/// A number from the environment; `scripts/bench` sets larger ones.
fn number(name: &str, usual: usize) -> usize {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

/// Pseudo-random moments that can be had again: xorshift.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p5_a_daemon_killed_at_random_delivers_its_backlog_once() {
    let (lectures, kills) = (
        number("LECTERN_BACKLOG", 10),
        number("LECTERN_DELIVERY_KILLS", 12),
    );
    let seed = number("LECTERN_SEED", 20_261_122) as u64;
    let dir = scratch();
    let mut platforms = Vec::new();
    for kind in Kind::ALL {
        platforms.push(Platform::open(kind, dir.path()).await);
    }
    // So slow that the queue outlasts the kills, or nearly.
    let bytes = 600_000;
    let rate = lectures * platforms.len() * bytes * 9 / kills.max(1) * 2;
    let slow = format!("rate = \"{}kbit/s\"\n", (rate / 1000).max(2_000));
    let mut tables = format!(
        "[[source]]\nname = \"microphone\"\nrole = \"microphone\"\nkind = \"test-audio\"\n\
         [upload]\nyield = false\n{slow}"
    );
    tables.extend(platforms.iter().map(Platform::table));
    let mut room = Room::new(&tables);
    let made = fill(&room.path("lectern.toml"), lectures, bytes as u64);

    let (began, mut dice) = (Instant::now(), Dice(seed));
    for _ in 0..kills {
        room.launch();
        // The moment is what is tried; a wake that comes early makes another one.
        std::thread::park_timeout(Duration::from_millis(80 + dice.below(900)));
        room.kill9();
    }
    let under_kills = began.elapsed();
    let spool = room.path("spool");
    let left = asked(&spool, "SELECT count(*) FROM deliveries WHERE state <> 'done'");
    // What is left needs no time that a kill could fall into.
    room.configure(&tables.replace(&slow, ""));
    room.start();
    let open = || asked(&spool, "SELECT count(*) FROM deliveries WHERE state <> 'done'");
    loop {
        let before = open();
        if before == "0" {
            break;
        }
        until("another delivery is done", || (open() != before).then_some(()));
    }
    room.terminate();
    assert_once(&spool, &made, &platforms.iter().collect::<Vec<_>>(), "many kills");
    println!(
        "{lectures} lectures to {} platforms, seed {seed}: {kills} kills in {:.0} s, {left} deliveries left then; \
         every file once, 0 duplicates, 0 mismatches",
        platforms.len(),
        under_kills.as_secs_f64()
    );
    // Asserted above, for each file of each lecture.
    let of = format!(
        "{lectures} lectures to {} platforms, {kills} kills",
        platforms.len()
    );
    figure::tell(
        "files lost, changed or sent twice",
        0,
        "files",
        of,
        &[("promised bound", 0)],
    );
}
