//! Runs `lectern-source`, the only program that touches devices, once and within a time.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use lectern_domain::config::Source;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::fault::Fault;

const PROGRAM: &str = "lectern-source";
/// A camera that hangs in the kernel must not hang this. The first start of GStreamer after an
/// installation may take half of it.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
const SAFE: &str = "No recording is touched by that.";

/// The list of devices, as JSON. Blocks some seconds at most.
///
/// # Errors
/// The program is not there, failed, or did not answer in time.
pub(super) async fn list() -> Result<Value, Fault> {
    run(&["--list"], None).await
}

/// Makes a picture of `source` in `file`; what came of it, as JSON.
///
/// # Errors
/// As [`list`], or the device failed.
pub(super) async fn look(source: &Source, file: &Path) -> Result<Value, Fault> {
    let Some(name) = file.to_str() else {
        return Err(Fault::Usage(format!(
            "{} is not the name of a file in UTF-8.\n{SAFE}\nName another one with --out.",
            file.display()
        )));
    };
    run(&["--look", name], Some(source)).await.and_then(unwrap)
}

/// Measures `source` for three seconds; its levels, as JSON.
///
/// # Errors
/// As [`look`].
pub(super) async fn listen(source: &Source) -> Result<Value, Fault> {
    run(&["--listen"], Some(source)).await.and_then(unwrap)
}

async fn run(words: &[&str], source: Option<&Source>) -> Result<Value, Fault> {
    let program = beside();
    let failed = |why: String| {
        Fault::failed(
            format!("{} could not do {}: {why}.", program.display(), words[0]),
            SAFE,
            "Check that lectern is installed completely; run the program with --list yourself to see more.",
        )
    };
    let job = source.map(serde_json::to_vec).transpose();
    let job = job.map_err(|error| failed(error.to_string()))?;
    let mut command = Command::new(&program);
    command
        .args(words)
        .stdin(if job.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let work = async {
        let mut child = command.spawn()?;
        if let (Some(mut stdin), Some(job)) = (child.stdin.take(), job) {
            stdin.write_all(&job).await?;
        }
        child.wait_with_output().await
    };
    // A child that is late dies with the future that waits for it.
    let output = match tokio::time::timeout(ANSWER_WITHIN, work).await {
        Err(_) => {
            return Err(Fault::TimedOut(format!(
                "{} did not do {} within {} s and was ended.\n{SAFE}\nA device may hang; pull its cable and try again.",
                program.display(),
                words[0],
                ANSWER_WITHIN.as_secs()
            )));
        }
        Ok(output) => output.map_err(|error| failed(error.to_string()))?,
    };
    // A device's failure is an answer too.
    serde_json::from_slice(&output.stdout).map_err(|error| {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.trim().lines().last().unwrap_or_default();
        failed(format!("{}; {last} ({error})", output.status))
    })
}

/// An answer that tells of no failure.
fn unwrap(answer: Value) -> Result<Value, Fault> {
    let Some(failure) = answer.get("failure") else {
        return Ok(answer);
    };
    let text = |key: &str| failure[key].as_str().unwrap_or_default();
    let todo = match text("reason") {
        "not-found" => {
            "Check its cable and whether it is switched on; \"lectern devices\" lists what is there."
        }
        "denied" => {
            "Become a member of the groups video and audio and log in again, or ask root to look; a screen is opened \
             by its user, with: xhost +SI:localuser:NAME"
        }
        "busy" => {
            "End the program that holds it. If that is the recorder, let it answer: see \"lectern status\"."
        }
        "swapped" => "Plug the right device in, or correct the [[source]] in the configuration.",
        "unsupported" | "config" => {
            "Correct the [[source]] in the configuration; \"lectern devices\" lists the formats."
        }
        "internal" => "Mend what it names, and try again.",
        _ => "Pull its cable, plug it in again, and try again.",
    };
    Err(Fault::failed(format!("{}.", text("message")), SAFE, todo))
}

/// The program beside this one, as they are installed; else wherever `PATH` finds it.
fn beside() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|me| me.parent().map(|dir| dir.join(PROGRAM)))
        .filter(|program| program.exists())
        .unwrap_or_else(|| PROGRAM.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_device_s_failure_has_three_parts() {
        for reason in ["not-found", "denied", "busy", "swapped", "config", "lost"] {
            let answer =
                json!({ "failure": { "reason": reason, "message": "camera /dev/video0: it is so" } });
            let said = unwrap(answer).unwrap_err().to_string();
            let lines: Vec<&str> = said.lines().collect();
            assert_eq!(lines.len(), 3, "{said}");
            assert_eq!(lines[0], "camera /dev/video0: it is so.");
            assert_eq!(lines[1], SAFE);
        }
        assert!(unwrap(json!({ "levels": [] })).is_ok());
    }
}
