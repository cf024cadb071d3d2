//! What a room is asked and what it answers: by its CLI, its database and its platform's folder.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use super::{Room, program, until};

impl Room {
    /// Runs `lectern` against this room.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn cli(&self, words: &[&str]) -> Output {
        Command::new(program("lectern"))
            .arg("--socket")
            .arg(self.path("control.sock"))
            .args(words)
            .output()
            .expect("lectern runs")
    }

    /// Runs `lectern`, which must succeed, and returns what it printed.
    ///
    /// # Panics
    /// When it does not succeed.
    pub fn lectern(&self, words: &[&str]) -> String {
        let output = self.cli(words);
        assert!(
            output.status.success(),
            "lectern {words:?}: {}\n{}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr),
            self.log()
        );
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    }

    /// Runs `lecternd fsck`; exit code and output.
    ///
    /// # Panics
    /// When it cannot be run.
    #[must_use]
    pub fn fsck(&self, words: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(program("lecternd"))
            .arg("--config")
            .arg(self.path("lectern.toml"))
            .arg("fsck")
            .args(words)
            .output()
            .expect("lecternd runs");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    }

    /// Changes the database of a daemon that does not run, as another past would have left it.
    ///
    /// # Panics
    /// When sqlite3 is not there or refuses.
    pub fn sql(&self, statements: &str) {
        let done = Command::new("sqlite3")
            .args(["-bail", "-cmd", ".timeout 10000"])
            .arg(self.path("spool/lectern.db"))
            .arg(statements)
            .output()
            .expect("sqlite3 runs");
        assert!(
            done.status.success(),
            "{statements}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
    }

    /// The message of this code that stands now.
    #[must_use]
    pub fn message(&self, code: &str) -> Option<Value> {
        let messages = self.try_status()?["messages"].as_array()?.clone();
        messages.into_iter().find(|message| message["code"] == code)
    }

    /// The codes of the messages that stand now, but what is said of the disk: how much of it is
    /// free is this machine's.
    ///
    /// # Panics
    /// When the daemon does not answer.
    #[must_use]
    pub fn messages(&self) -> Vec<String> {
        let status = self.status();
        let messages = status["messages"].as_array().expect("a list of messages").iter();
        messages
            .filter_map(|message| message["code"].as_str())
            .filter(|code| *code != "disk-low")
            .map(str::to_owned)
            .collect()
    }

    pub(super) fn try_status(&self) -> Option<Value> {
        let output = self.cli(&["status", "--json"]);
        output
            .status
            .success()
            .then(|| serde_json::from_slice(&output.stdout).ok())?
    }

    /// The status document.
    ///
    /// # Panics
    /// When the daemon does not answer.
    #[must_use]
    pub fn status(&self) -> Value {
        self.try_status()
            .unwrap_or_else(|| panic!("no status:\n{}", self.log()))
    }

    /// A lecture's document.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn show(&self, id: &str) -> Value {
        serde_json::from_str(&self.lectern(&["show", id, "--json"])).expect("JSON")
    }

    /// Waits until the lecture at work has recorded at least this long.
    pub fn await_recorded(&self, ms: u64) {
        until("recorded time", || {
            let recorded = self.try_status()?["lecture"]["recorded_ms"].as_u64()?;
            (recorded >= ms).then_some(())
        });
    }

    /// Waits until a lecture has reached a state.
    pub fn await_state(&self, id: &str, state: &str) {
        until(&format!("lecture {state}"), || {
            let detail = self.cli(&["show", id, "--json"]);
            let detail: Value = serde_json::from_slice(&detail.stdout).ok()?;
            assert!(
                detail["state"] != "failed" || state == "failed",
                "the lecture failed: {detail}\n{}",
                self.log()
            );
            (detail["state"] == state).then_some(())
        });
    }

    /// The folder of a lecture in the spool.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn lecture_dir(&self, id: &str) -> PathBuf {
        let lectures = std::fs::read_dir(self.path("spool/lectures")).expect("lectures");
        let mut found = lectures.flatten().map(|e| e.path());
        found
            .find(|path| path.to_string_lossy().ends_with(id))
            .expect("the lecture's folder")
    }

    /// The folder that holds the only lecture of the `directory` platform at `{dir}/platform`.
    ///
    /// # Panics
    /// When there is none or there are several: it was delivered more than once.
    #[must_use]
    pub fn delivered(&self) -> PathBuf {
        let entries: Vec<_> = std::fs::read_dir(self.path("platform"))
            .expect("the platform's folder")
            .flatten()
            // Beside the lectures lies the manifest of what was carried.
            .filter(|entry| entry.path().is_dir())
            .collect();
        assert_eq!(
            entries.len(),
            1,
            "exactly one lecture must lie on the platform: {entries:?}"
        );
        entries[0].path()
    }
}
