//! `lectern devices`: what is plugged in, what it is for, what it sees and hears.
//!
//! `lectern-source` lists the devices and opens them; the recorder, if it answers, tells which it
//! has; the files of the configuration, if they can be read, which are meant. Neither of the last
//! two is needed.

mod blocks;
mod child;
mod device;
mod examine;
mod stanza;
mod target;
mod verdict;

use std::path::PathBuf;
use std::time::Duration;

use lectern_domain::api::Status;
use lectern_domain::config::Config;
use serde_json::Value;

use crate::client::Client;
use crate::config;
use crate::fault::Fault;
use device::{Device, Group};
use target::Wish;

/// Where the configuration is installed.
const CONFIG: &str = "/etc/lectern/lectern.toml";
/// The recorder is asked by the way and must not hold this up.
const RECORDER_WITHIN: Duration = Duration::from_secs(3);
/// What an empty list means.
const NOTHING_FOUND: &str = "No camera, microphone or screen was found.\nNo recording is touched by that.\n\
    Check the cables and that the devices are switched on; that you are a member of the groups video and audio \
    (see \"id\"); and for a screen that a desktop is running.";

/// The words behind `lectern devices`.
#[derive(Debug, clap::Args)]
pub(crate) struct Words {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Print a [[source]] for each, to paste into the configuration
    #[arg(long, conflicts_with = "json")]
    toml: bool,
    /// Make a picture of one: the name of a source, or a device as it is listed
    #[arg(long, value_name = "NAME|DEVICE", requires = "out", conflicts_with = "toml")]
    look: Option<String>,
    /// The file for the picture (JPEG)
    #[arg(long, value_name = "FILE", requires = "look")]
    out: Option<PathBuf>,
    /// Listen to one for three seconds and say what is heard
    #[arg(long, value_name = "NAME|DEVICE", conflicts_with_all = ["look", "toml"])]
    listen: Option<String>,
    /// The file that says which device is which source; without it the installed one, if there is any
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Carries it out; what it returns is for standard output.
///
/// # Errors
/// `lectern-source` or the device failed, nothing is called as was said, or a named file has faults.
pub(crate) async fn run(client: &Client, words: Words) -> Result<String, Fault> {
    let config = files(words.config)?;
    let list = child::list().await?;
    let mut devices = Device::all(&list);
    let status: Option<Status> = tokio::time::timeout(RECORDER_WITHIN, client.get("/api/v1/status"))
        .await
        .ok()
        .and_then(Result::ok);
    let running = status.as_ref().map_or(&[][..], |status| &status.sources);
    let configured = config.as_ref().map_or(&[][..], |config| &config.sources);
    for device in &mut devices {
        device.find_uses(running, configured);
    }
    let find = |word: &str, wish| target::find(word, wish, &devices, running, configured);
    if let (Some(word), Some(file)) = (&words.look, &words.out) {
        return examine::look(client, find(word, Wish::Picture)?, file, words.json).await;
    }
    if let Some(word) = &words.listen {
        return examine::listen(client, find(word, Wish::Sound)?, words.json).await;
    }
    if words.toml {
        return Ok(stanza::all(&devices));
    }
    if words.json {
        let of = |group: Group| -> Value {
            let members = devices.iter().filter(|device| device.group == group);
            members.map(|device| device.to_json(status.is_some())).collect()
        };
        let groups = Group::ALL.map(|group| (group.key(), of(group)));
        return document(&list, &groups);
    }
    Ok(blocks::report(&devices, status.is_some()))
}

/// What the files say. Those that nobody named may be missing, closed to this user or faulty.
fn files(named: Option<PathBuf>) -> Result<Option<Config>, Fault> {
    match named {
        Some(file) => config::read(&file).map(Some),
        None => Ok(config::read(CONFIG.as_ref()).ok()),
    }
}

/// `base`, an object, with some of its keys set, as text.
fn document(base: &Value, keys: &[(&str, Value)]) -> Result<String, Fault> {
    let mut whole = base.clone();
    if let Some(whole) = whole.as_object_mut() {
        whole.extend(keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    }
    crate::document(true, &whole, |_| String::new())
}
