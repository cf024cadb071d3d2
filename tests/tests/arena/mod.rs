//! A spool with lectures to send, and the judges of the platforms that they go to.

#![allow(dead_code, reason = "each test takes what it needs of it")]

mod platform;

use std::path::{Path, PathBuf};
use std::process::Command;

use lectern_testkit::Moment;
use lectern_tests::room::program;
use tempfile::TempDir;

pub(crate) use platform::{Kind, Platform};

/// A spool and one platform, for a sender that is not the daemon.
pub(crate) struct Arena {
    dir: TempDir,
    platform: Platform,
}

impl Arena {
    pub(crate) async fn open(kind: Kind) -> Self {
        let dir = scratch();
        let platform = Platform::open(kind, dir.path()).await;
        let config = format!(
            "[room]\nid = \"b-204\"\n[storage]\npath = \"{}/spool\"\nreserve = \"0B\"\n[[source]]\nname = \"microphone\"\n\
             role = \"microphone\"\nkind = \"test-audio\"\n{}",
            dir.path().display(),
            platform.table()
        );
        std::fs::write(dir.path().join("lectern.toml"), config).unwrap();
        Self { dir, platform }
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("lectern.toml")
    }

    fn spool(&self) -> PathBuf {
        self.dir.path().join("spool")
    }

    /// Puts a lecture into the spool that is to be sent.
    pub(crate) fn fill(&self) {
        let made = fill(&self.config(), 1, self.platform.kind().several_requests());
        std::fs::write(self.spool().join("made.txt"), made).unwrap();
    }

    /// The spool as it is before anything was sent.
    pub(crate) fn copy_of_spool(&self) -> TempDir {
        let copy = scratch();
        copied(&self.spool(), &copy.path().join("spool"));
        copy
    }

    pub(crate) fn take_spool(&self, copy: &Path) {
        copied(&copy.join("spool"), &self.spool());
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.platform.requests()
    }

    pub(crate) fn kill_on(&self, pid: u32, n: usize, moment: Moment) {
        self.platform.kill_on(pid, n, moment);
    }

    /// See [`assert_once`].
    pub(crate) fn assert_once(&self, after: &str) {
        let made = std::fs::read_to_string(self.spool().join("made.txt")).unwrap();
        assert_once(&self.spool(), &made, &[&self.platform], after);
    }
}

/// Puts lectures into the spool of a configuration, which no daemon has open; what was made, a
/// line for each file.
pub(crate) fn fill(config: &Path, lectures: usize, bytes: u64) -> String {
    let made = Command::new(example("backlog"))
        .arg(config)
        .args([lectures.to_string(), bytes.to_string()])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).unwrap()
}

/// The platforms, from outside: each file once, whole, as it was finished; nothing was done
/// against the protocol. Our side: each lecture is delivered, with a receipt for each file and
/// platform, and our copies are still here (P6).
pub(crate) fn assert_once(spool: &Path, made: &str, platforms: &[&Platform], after: &str) {
    let mut receipts = 0;
    for platform in platforms {
        let mut wanted: Vec<&str> = made.lines().filter_map(|line| line.split(' ').nth(2)).collect();
        wanted.sort_unstable();
        receipts += wanted.len();
        let mut there = platform.there();
        there.sort_unstable();
        assert_eq!(there, wanted, "{:?}, {after}: each file once", platform.kind());
        let breaches = platform.breaches();
        assert!(
            breaches.is_empty(),
            "{:?}, {after}: {breaches:#?}",
            platform.kind()
        );
    }
    assert_eq!(asked(spool, "SELECT DISTINCT state FROM lectures"), "delivered");
    assert_eq!(
        asked(spool, "SELECT count(*) FROM receipts"),
        receipts.to_string()
    );
    for folder in asked(spool, "SELECT folder FROM lectures").lines() {
        let kept = spool.join("lectures").join(folder).join("finished/lecture.mp4");
        assert!(kept.is_file(), "P6: kept after delivery");
    }
}

/// What the database of a spool says.
pub(crate) fn asked(spool: &Path, sql: &str) -> String {
    let said = Command::new("sqlite3")
        .arg(spool.join("lectern.db"))
        .arg(sql)
        .output()
        .unwrap();
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
}

/// A program of `examples/`; `cargo test` builds them.
pub(crate) fn example(name: &str) -> PathBuf {
    program(&format!("examples/{name}"))
}

/// A folder that is removed with its owner.
pub(crate) fn scratch() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn copied(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(done.success());
}
