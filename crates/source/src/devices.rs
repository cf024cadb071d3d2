//! `--list`: the devices of this machine, for people and for the command line, as JSON.
//!
//! Looks and does not touch: no camera is opened that another program may hold, no sound server
//! is started. What cannot be found is left out; a machine without anything gives empty lists.

mod cameras;
mod microphones;
mod screens;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gst::prelude::*;
use serde_json::{Value, json};

use crate::identity::{self, Hardware};

/// How long all device providers together may take. A sound server that hangs must not hang
/// the list.
const PATIENCE: Duration = Duration::from_secs(5);

/// The three lists. Blocks up to some seconds.
///
/// # Errors
/// GStreamer cannot start.
pub(crate) fn list() -> anyhow::Result<Value> {
    gst::init()?;
    let (done, devices) = std::sync::mpsc::sync_channel(1);
    std::thread::Builder::new()
        .name("devices".into())
        .spawn(move || {
            // Nobody reads it after the patience has ended.
            let _late = done.send(monitored());
        })?;
    let (mut cameras, pulse) = devices.recv_timeout(PATIENCE).unwrap_or_default();
    let nodes = cameras::video_nodes(Path::new("/sys/class/video4linux"));
    cameras::add_unmonitored(&mut cameras, &nodes);
    let asound = Path::new("/proc/asound");
    let listed = fs::read_to_string(asound.join("cards")).unwrap_or_default();
    let mut microphones = microphones::alsa_cards(&listed, &identity::cards(), asound);
    microphones.extend(pulse);
    Ok(json!({
        "cameras": cameras,
        "microphones": microphones,
        "screens": screens::displays(Path::new("/tmp/.X11-unix"), screens::ask),
    }))
}

/// Cameras and Pulse sources, as GStreamer's device providers know them.
fn monitored() -> (Vec<Value>, Vec<Value>) {
    let monitor = gst::DeviceMonitor::new();
    monitor.add_filter(Some("Video/Source"), None);
    monitor.add_filter(Some("Audio/Source"), None);
    if monitor.start().is_err() {
        return Default::default();
    }
    let (mut cameras, mut sources) = (Vec::new(), Vec::new());
    for device in monitor.devices() {
        let properties = device.properties();
        let text = |name: &str| properties.as_ref().and_then(|all| all.get::<String>(name).ok());
        let element = device.create_element(None).ok();
        let factory = element.as_ref().and_then(|element| element.factory());
        match factory.map(|factory| factory.name().to_string()).as_deref() {
            Some("v4l2src") => {
                if let Some(node) = text("device.path").or_else(|| text("api.v4l2.path")) {
                    let modes = cameras::modes(device.caps().as_ref());
                    cameras.push(cameras::camera(&node, &device.display_name(), &modes));
                }
            }
            Some("pulsesrc") => {
                let name = element.and_then(|element| element.property::<Option<String>>("device"));
                if let Some(name) = name {
                    sources.push(microphones::pulse(&device, &name));
                }
            }
            _ => {}
        }
    }
    monitor.stop();
    (cameras, sources)
}

/// What the configuration needs of a device: `toml` holds the lines to copy. With a serial number
/// the device is followed wherever it is plugged in.
fn entry(kind: &str, device: &str, hardware: Option<&Hardware>) -> Value {
    let serial = hardware.and_then(|hardware| hardware.serial.as_deref());
    let mut toml = vec![
        format!("kind = {}", json!(kind)),
        format!("device = {}", json!(device)),
    ];
    toml.extend(serial.map(|serial| format!("serial = {}", json!(serial))));
    json!({
        "kind": kind,
        "device": device,
        "serial": serial,
        "identity": hardware.map(ToString::to_string),
        "toml": toml,
    })
}

/// The content of a folder, sorted; nothing if it cannot be read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(read) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut all: Vec<PathBuf> = read.filter_map(|entry| Some(entry.ok()?.path())).collect();
    all.sort();
    all
}
