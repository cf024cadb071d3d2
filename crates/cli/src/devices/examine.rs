//! `--look` and `--listen`: one picture, or the levels of three seconds, from whoever has the device.

use std::path::Path;
use std::time::Duration;

use lectern_domain::api::Levels;
use lectern_domain::config::Source;
use serde_json::{Value, json};

use super::target::Target;
use super::verdict::{Level, Verdict};
use super::{child, document};
use crate::client::Client;
use crate::fault::Fault;
use crate::figures::{bytes, columns};

/// Ten levels a second, for 3 s; as `lectern-source` measures.
const LEVELS: usize = 30;
/// How long the recorder may take for them.
const LEVELS_WITHIN: Duration = Duration::from_secs(6);
const SAFE: &str = "No recording is touched by that.";

/// Puts a picture into `file` and says where it came from.
///
/// # Errors
/// The device or the recorder gives none, or the file cannot be written.
pub(super) async fn look(client: &Client, target: Target, file: &Path, json: bool) -> Result<String, Fault> {
    let (from, found) = match target {
        Target::Recorder(name) => (recorder(&name), still(client, &name, file).await?),
        Target::Device(source) => (direct(&source), child::look(&source, file).await?),
    };
    if json {
        return document(&found, &[("from", json!(from))]);
    }
    let size = found["bytes"].as_u64().unwrap_or(0);
    let mut rows = vec![row("picture", &format!("{}, {}", file.display(), bytes(size)))];
    rows.extend(told(&found));
    rows.push(row("from", &from));
    Ok(columns(&rows))
}

/// Listens for three seconds and says what was heard.
///
/// # Errors
/// The device or the recorder gives no levels.
pub(super) async fn listen(client: &Client, target: Target, json: bool) -> Result<String, Fault> {
    let (from, found) = match target {
        Target::Recorder(name) => (recorder(&name), overhear(client, &name).await?),
        Target::Device(source) => (direct(&source), child::listen(&source).await?),
    };
    let levels: Vec<Level> = serde_json::from_value(found["levels"].clone()).unwrap_or_default();
    if levels.is_empty() {
        return Err(Fault::failed(
            "lectern-source told no levels.",
            SAFE,
            "Check that all of lectern is of one version: compare \"lectern --version\" and \"lectern-source --version\".",
        ));
    }
    let verdict = Verdict::of(&levels);
    if json {
        return document(
            &found,
            &[("from", json!(from)), ("verdict", json!(verdict.as_str()))],
        );
    }
    let loudest = |value: fn(&Level) -> f32| levels.iter().map(value).fold(f32::NEG_INFINITY, f32::max);
    let softest = levels
        .iter()
        .map(|level| level.rms_dbfs)
        .fold(f32::INFINITY, f32::min);
    let mut rows = vec![row("verdict", verdict.as_str())];
    rows.extend(verdict.advice().map(|advice| row("to do", advice)));
    let mean = format!(
        "{softest:.0} to {:.0} dBFS, each 100 ms",
        loudest(|level| level.rms_dbfs)
    );
    rows.push(row("level", &mean));
    let peak = format!("{:.0} dBFS", loudest(|level| level.peak_dbfs));
    rows.push(row("peak", &peak));
    if found["clipped"].as_u64().is_some_and(|samples| samples > 0) {
        rows.push(row("clipped", "yes: it is too loud, lower its gain"));
    }
    rows.extend(told(&found));
    rows.push(row("from", &from));
    Ok(columns(&rows))
}

/// The recorder's small picture of a source.
async fn still(client: &Client, name: &str, file: &Path) -> Result<Value, Fault> {
    let jpeg = client.picture(&format!("/preview/{name}.jpg")).await?;
    std::fs::write(file, &jpeg).map_err(|error| {
        Fault::failed(
            format!("{} could not be written: {error}.", file.display()),
            SAFE,
            "Name another file with --out.",
        )
    })?;
    Ok(json!({ "picture": file.display().to_string(), "bytes": jpeg.len() }))
}

/// The levels that the recorder tells of a source.
async fn overhear(client: &Client, name: &str) -> Result<Value, Fault> {
    let mut heard: Vec<Level> = Vec::with_capacity(LEVELS);
    let mut clipped = 0_u32;
    let listening = async {
        let mut events = client.events().await?;
        while heard.len() < LEVELS
            && let Some(event) = events.next().await
        {
            let levels = (event.name == "levels").then(|| serde_json::from_str::<Levels>(&event.data));
            if let Some(Ok(levels)) = levels
                && levels.source.as_str() == name
            {
                heard.push(Level {
                    rms_dbfs: levels.rms_dbfs,
                    peak_dbfs: levels.peak_dbfs,
                });
                clipped += u32::from(levels.clipped);
            }
        }
        Ok::<_, Fault>(())
    };
    if let Ok(ended) = tokio::time::timeout(LEVELS_WITHIN, listening).await {
        ended?;
    }
    if heard.is_empty() {
        return Err(Fault::failed(
            format!("The recorder has {name} and tells no level of it now."),
            SAFE,
            "A pause hides levels; look at \"lectern status\", and listen again after it.",
        ));
    }
    Ok(json!({ "levels": heard, "clipped": clipped }))
}

/// Which device answered, and what it delivered.
fn told(found: &Value) -> Vec<Vec<String>> {
    let fact = |key: &str| found[key].as_str().map(|fact| row(key, fact));
    ["device", "format"].into_iter().filter_map(fact).collect()
}

fn recorder(name: &str) -> String {
    format!("the recorder, source {name}")
}

fn direct(source: &Source) -> String {
    format!("the device itself, opened as {}", source.kind.as_str())
}

fn row(name: &str, fact: &str) -> Vec<String> {
    vec![name.to_owned(), fact.to_owned()]
}
