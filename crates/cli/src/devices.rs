//! `lectern devices`: asks `lectern-source`, the only program that knows devices, what there is.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::process::Command;

use crate::fault::Fault;
use crate::figures::columns;

const PROGRAM: &str = "lectern-source";
/// A camera that hangs in the kernel must not hang this.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

pub(crate) async fn run(json: bool) -> Result<String, Fault> {
    let program = beside();
    let failed = |why: String| {
        Fault::failed(
            format!("{} could not list the devices: {why}.", program.display()),
            "No recording is touched by that.",
            "Check that lectern is installed completely; run the program with --list yourself to see more.",
        )
    };
    let mut command = Command::new(&program);
    command.arg("--list").stdin(Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(ANSWER_WITHIN, command.output()).await {
        Err(_) => {
            return Err(Fault::TimedOut(format!(
                "{} did not list the devices within {} s.\nNo recording is touched by that.\nA device may hang; pull its \
                 cable and try again.",
                program.display(),
                ANSWER_WITHIN.as_secs()
            )));
        }
        Ok(output) => output.map_err(|error| failed(error.to_string()))?,
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(format!("{}; {}", output.status, said.trim())));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let list: Map<String, Value> = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    Ok(if json {
        format!("{}\n", text.trim())
    } else {
        report(&list)
    })
}

/// The program beside this one, as they are installed; else wherever `PATH` finds it.
fn beside() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|me| me.parent().map(|dir| dir.join(PROGRAM)))
        .filter(|program| program.exists())
        .unwrap_or_else(|| PROGRAM.into())
}

/// One device a line: what it is, and every fact that the list has of it.
fn report(list: &Map<String, Value>) -> String {
    let mut rows = Vec::new();
    for (group, devices) in list {
        let kind = group.strip_suffix('s').unwrap_or(group);
        for device in devices.as_array().into_iter().flatten() {
            let mut row = vec![kind.to_owned()];
            match device {
                Value::Object(facts) => row.extend(facts.values().map(plain).filter(|fact| !fact.is_empty())),
                other => row.push(plain(other)),
            }
            rows.push(row);
        }
    }
    if rows.is_empty() {
        "no cameras, microphones or screens were found\n".into()
    } else {
        columns(&rows)
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(facts) => facts.values().map(plain).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_devices_is_one_device_a_line() {
        let list = serde_json::json!({
            "cameras": [{ "device": "/dev/video0", "name": "Cam", "formats": ["1280x720@30", "640x480@30"] }],
            "screens": [":0"]
        });
        let Value::Object(list) = list else {
            panic!("an object was written above")
        };
        assert_eq!(
            report(&list),
            "camera  /dev/video0  1280x720@30, 640x480@30  Cam\nscreen  :0\n"
        );
    }
}
