//! What watches many rooms: the metrics of a real recorder, the alert rules, the dashboards, and
//! that none of them speaks of a metric that is not there. Prometheus' own tool is the judge.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lectern_tests::room::{CAMERA, MICROPHONE, Room, SHARE};
use lectern_tests::socket::Door;
use lectern_tests::until;
use serde_json::Value;

fn monitoring(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../config/monitoring")
        .join(name)
}

/// Runs promtool with `input` on its standard input.
#[track_caller]
fn promtool(words: &[&str], input: &str) -> String {
    let mut child = Command::new("promtool")
        .args(words)
        .current_dir(monitoring(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is there: scripts/test installs it");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "promtool {words:?}: {said}");
    said
}

/// Every expression of a dashboard, with its variables filled in.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(expr) = map.get("expr").and_then(Value::as_str) {
                let filled = expr
                    .replace("$__rate_interval", "5m")
                    .replace("$room", "b-204")
                    .replace("$job", "lectern");
                assert!(!filled.contains('$'), "an unknown variable: {expr}");
                found.push(filled);
            }
            map.values().for_each(|value| expressions(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

fn dashboards() -> Vec<Value> {
    ["lectern-wall.json", "lectern-room.json"]
        .map(|name| {
            let text = std::fs::read_to_string(monitoring("dashboards").join(name)).unwrap();
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
        })
        .into()
}

/// The names of ours in a text.
fn names(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("lectern_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn alerts_fire_when_they_should_and_only_then() {
    promtool(&["check", "rules", "lectern.rules.yml"], "");
    promtool(&["test", "rules", "lectern.rules.test.yml"], "");
    promtool(&["check", "config", "--syntax-only", "prometheus.yml"], "");
    let rules = std::fs::read_to_string(monitoring("lectern.rules.yml")).unwrap();
    let tests = std::fs::read_to_string(monitoring("lectern.rules.test.yml")).unwrap();
    for alert in rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
    {
        let cases = tests
            .lines()
            .filter(|line| line.contains(&format!("alertname: {alert}")))
            .count();
        assert!(
            cases >= 2,
            "{alert} needs a case that fires and one that does not"
        );
    }
}

#[test]
fn dashboards_ask_what_prometheus_understands_and_have_a_source_to_choose() {
    let mut rules = String::from("groups:\n  - name: dashboards\n    rules:\n");
    let mut count = 0;
    for dashboard in dashboards() {
        let mut found = Vec::new();
        expressions(&dashboard["panels"], &mut found);
        for expr in &found {
            count += 1;
            rules.push_str(&format!(
                "      - record: dashboard:expression:{count}\n        expr: {expr:?}\n"
            ));
        }
        let ids: BTreeSet<_> = dashboard["panels"]
            .as_array()
            .unwrap()
            .iter()
            .map(|panel| {
                assert_eq!(panel["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
                panel["id"].as_u64().unwrap()
            })
            .collect();
        assert_eq!(ids.len(), dashboard["panels"].as_array().unwrap().len());
        assert_eq!(dashboard["templating"]["list"][0]["type"], "datasource");
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("dashboards.yml");
    std::fs::write(&file, rules).unwrap();
    let said = promtool(&["check", "rules", file.to_str().unwrap()], "");
    assert!(said.contains(&format!("{count} rules found")), "{said}");
}

#[test]
fn a_real_recorder_tells_every_metric_that_alerts_and_dashboards_ask_for() {
    let mut room = Room::new(&format!("{CAMERA}{MICROPHONE}{SHARE}"));
    room.start();
    room.await_sources();
    let id = room.lectern(&["start", "--title", "Quantum canary", "--presenter", "Dr Canary"]);
    let door = Door::Unix(room.path("control.sock"));
    let scrape = || {
        let answer = door.ask("GET", "/metrics", "");
        assert_eq!(answer.status, 200, "{}", answer.head);
        String::from_utf8(answer.body).unwrap()
    };
    let has = |line: &'static str| {
        until(line, || {
            let text = scrape();
            text.lines().any(|told| told.starts_with(line)).then_some(text)
        })
    };
    let recording = has("lectern_audio_level_dbfs{source=\"microphone\"}");
    promtool(&["check", "metrics"], &recording);
    assert!(!recording.to_lowercase().contains("canary"), "{recording}");
    assert!(!recording.contains(&id), "{recording}");

    room.lectern(&["stop"]);
    room.await_state(&id, "delivered");
    let text = has("lectern_upload_attempts_total{outcome=\"done\"} 1");
    for line in [
        "lectern_recordings_total{outcome=\"finished\"} 1",
        "lectern_lectures{state=\"delivered\"} 1",
        "lectern_upload_oldest_pending_seconds 0",
        "lectern_starts_total 1",
        "lectern_crashes_total 0",
        "lectern_config_last_reload_successful 1",
    ] {
        assert!(text.lines().any(|told| told == line), "{line} in\n{text}");
    }
    promtool(&["check", "metrics"], &text);

    let told: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .map(str::to_owned)
        .collect();
    let mut asked = names(&std::fs::read_to_string(monitoring("lectern.rules.yml")).unwrap());
    for dashboard in dashboards() {
        asked.extend(names(&dashboard["panels"].to_string()));
        asked.extend(names(&dashboard["templating"].to_string()));
    }
    assert!(asked.len() > 25, "{asked:?}");
    let unknown: Vec<_> = asked.difference(&told).collect();
    assert!(unknown.is_empty(), "asked for and not told: {unknown:?}");
}
