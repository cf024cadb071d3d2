//! `--list`: the devices of this machine, for people and for the command line, as JSON.
//!
//! Looks and does not touch: no camera is opened that another program may hold, no sound server
//! is started. What cannot be found is left out; a machine without anything gives empty lists.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gst::prelude::*;
use serde_json::{Value, json};

use crate::capture::{Coding, recordable};
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
    add_unmonitored(&mut cameras, &video_nodes(Path::new("/sys/class/video4linux")));
    let listed = fs::read_to_string("/proc/asound/cards").unwrap_or_default();
    let mut microphones = alsa_cards(&listed, &identity::cards());
    microphones.extend(pulse);
    Ok(json!({
        "cameras": cameras,
        "microphones": microphones,
        "screens": displays(Path::new("/tmp/.X11-unix"), |socket| UnixStream::connect(socket).is_ok()),
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
        let factory = device.create_element(None).ok();
        let factory = factory
            .and_then(|element| element.factory())
            .map(|factory| factory.name().to_string());
        match factory.as_deref() {
            Some("v4l2src") => {
                if let Some(node) = text("device.path").or_else(|| text("api.v4l2.path")) {
                    cameras.push(camera(
                        &node,
                        &device.display_name(),
                        &formats(device.caps().as_ref()),
                    ));
                }
            }
            Some("pulsesrc") => {
                let element = device.create_element(None).ok();
                let name = element.and_then(|element| element.property::<Option<String>>("device"));
                if let Some(name) = name {
                    let label = device.display_name();
                    let mut source = entry("pulse", &name, None);
                    source["label"] = json!(label.as_str());
                    sources.push(source);
                }
            }
            _ => {}
        }
    }
    monitor.stop();
    (cameras, sources)
}

fn camera(node: &str, label: &str, formats: &[String]) -> Value {
    let links = stable_names(Path::new("/dev/v4l"), Path::new(node));
    // A name that survives a reboot and a second camera; the node's number does not.
    let device = links.first().cloned().unwrap_or_else(|| node.to_owned());
    let hardware = identity::camera(Path::new(node));
    let mut value = entry("v4l2", &device, hardware.as_ref());
    value["node"] = json!(node);
    value["links"] = json!(links);
    value["label"] = json!(label);
    value["formats"] = json!(formats);
    value
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

/// Cameras that no provider named: present, but held or without permission.
fn add_unmonitored(cameras: &mut Vec<Value>, nodes: &BTreeMap<String, String>) {
    for (node, label) in nodes {
        if !cameras.iter().any(|camera| camera["node"] == node.as_str()) {
            cameras.push(camera(node, label, &[]));
        }
    }
}

/// Device nodes and the names of their drivers, of those that the kernel lists first for each
/// piece of hardware; a webcam's further nodes carry metadata.
fn video_nodes(class: &Path) -> BTreeMap<String, String> {
    let read = |path: PathBuf| fs::read_to_string(path).map(|text| text.trim().to_owned());
    entries(class)
        .into_iter()
        .filter(|entry| read(entry.join("index")).is_ok_and(|index| index == "0"))
        .filter_map(|entry| {
            let node = format!("/dev/{}", entry.file_name()?.to_str()?);
            Some((node, read(entry.join("name")).unwrap_or_default()))
        })
        .collect()
}

/// The links below `by-path` and `by-id` that lead to `node`, in this order.
fn stable_names(v4l: &Path, node: &Path) -> Vec<String> {
    let Ok(node) = node.canonicalize() else {
        return Vec::new();
    };
    ["by-path", "by-id"]
        .iter()
        .flat_map(|kind| entries(&v4l.join(kind)))
        .filter(|link| link.canonicalize().is_ok_and(|target| target == node))
        .map(|link| link.display().to_string())
        .collect()
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

/// Those formats that can be recorded, for people: `1280x720@30`, `JPEG 1920x1080@30`, each once,
/// in the device's order. How the pixels of a raw one are packed is nobody's choice.
fn formats(caps: Option<&gst::Caps>) -> Vec<String> {
    let mut all = Vec::new();
    for fields in caps.into_iter().flat_map(|caps| caps.iter()) {
        let Some(coding) = recordable(fields) else {
            continue;
        };
        let (Ok(width), Ok(height)) = (fields.get::<i32>("width"), fields.get::<i32>("height")) else {
            continue;
        };
        let mut fastest = fields.to_owned();
        fastest.fixate_field_nearest_fraction("framerate", gst::Fraction::new(1000, 1));
        let rate = fastest
            .get::<gst::Fraction>("framerate")
            .map_or(0, |rate| rate.numer() / rate.denom().max(1));
        let packed = match coding {
            Coding::Raw => "",
            Coding::Jpeg => "JPEG ",
        };
        let format = format!("{packed}{width}x{height}@{rate}");
        if !all.contains(&format) {
            all.push(format);
        }
    }
    all
}

/// The cards of `/proc/asound/cards`, by the id that survives a change of their number.
fn alsa_cards(text: &str, known: &[(String, Hardware)]) -> Vec<Value> {
    text.lines()
        .filter_map(|line| {
            // ` 0 [Podium         ]: USB-Audio - Podium Microphone`
            let (number, rest) = line.split_once('[')?;
            number.trim().parse::<u32>().ok()?;
            let (id, rest) = rest.split_once(']')?;
            let label = rest.trim_start_matches(':').trim();
            let label = label.split_once(" - ").map_or(label, |(_, name)| name);
            let id = id.trim();
            let hardware = known.iter().find(|(card, _)| card == id);
            let mut card = entry("alsa", &format!("hw:CARD={id}"), hardware.map(|(_, is)| is));
            card["label"] = json!(label);
            Some(card)
        })
        .collect()
}

/// The X servers of this machine, by their sockets. A killed one leaves its socket behind, so each
/// is asked whether somebody `answers`.
fn displays(folder: &Path, answers: impl Fn(&Path) -> bool) -> Vec<Value> {
    entries(folder)
        .iter()
        .filter(|socket| answers(socket))
        .filter_map(|socket| {
            let number: u32 = socket.file_name()?.to_str()?.strip_prefix('X')?.parse().ok()?;
            let display = format!(":{number}");
            let toml = ["kind = \"x11\"".to_owned(), format!("display = \"{display}\"")];
            Some(json!({ "kind": "x11", "display": display, "toml": toml }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_named_by_their_id() {
        let text = " 0 [PCH            ]: HDA-Intel - HDA Intel PCH\n                      HDA Intel PCH at 0xf7\n \
                    1 [Podium         ]: USB-Audio - Podium - Mic\n                      Maker\n";
        let podium = Hardware {
            model: "Podium".into(),
            serial: Some("A \"1\"".into()),
            socket: None,
        };
        let cards = alsa_cards(text, &[("Podium".to_owned(), podium)]);
        assert_eq!(cards.len(), 2);
        assert_eq!(
            cards[1],
            json!({
                "kind": "alsa",
                "device": "hw:CARD=Podium",
                "serial": "A \"1\"",
                "identity": "Podium, serial A \"1\"",
                "toml": ["kind = \"alsa\"", "device = \"hw:CARD=Podium\"", "serial = \"A \\\"1\\\"\""],
                "label": "Podium - Mic",
            })
        );
        assert_eq!(
            cards[0]["toml"],
            json!(["kind = \"alsa\"", "device = \"hw:CARD=PCH\""])
        );
        assert!(alsa_cards("--- no soundcards ---\n", &[]).is_empty());
    }

    #[test]
    fn a_camera_is_listed_once_and_by_its_stable_name() {
        let root = tempfile::tempdir().unwrap();
        let node = root.path().join("video0");
        fs::write(&node, "").unwrap();
        for kind in ["by-id", "by-path"] {
            fs::create_dir_all(root.path().join(kind)).unwrap();
            std::os::unix::fs::symlink(&node, root.path().join(kind).join("usb-cam")).unwrap();
        }
        let names = stable_names(root.path(), &node);
        assert_eq!(names.len(), 2);
        assert!(names[0].contains("by-path"), "{names:?}");

        let mut cameras = vec![json!({ "node": "/dev/video0" })];
        let nodes = BTreeMap::from([
            ("/dev/video0".into(), "a".into()),
            ("/dev/video7".into(), "b".into()),
        ]);
        add_unmonitored(&mut cameras, &nodes);
        assert_eq!(cameras.len(), 2);
        assert_eq!(cameras[1]["label"], "b");
    }

    #[test]
    fn formats_are_those_that_can_be_recorded_each_once() {
        gst::init().unwrap();
        let caps: gst::Caps = "video/x-raw, format=YUY2, width=640, height=480, framerate={30/1, 15/1}; \
            video/x-raw, format=NV12, width=640, height=480, framerate=30/1; \
            image/jpeg, width=1920, height=1080, framerate=[1/1, 30/1]; \
            video/x-bayer, width=640, height=480, framerate=60/1; \
            video/x-h264, width=1920, height=1080, framerate=30/1"
            .parse()
            .unwrap();
        assert_eq!(formats(Some(&caps)), ["640x480@30", "JPEG 1920x1080@30"]);
        assert!(formats(None).is_empty());
    }

    #[test]
    fn only_a_camera_s_first_node_is_a_camera() {
        let root = tempfile::tempdir().unwrap();
        for (node, index) in [("video0", "0\n"), ("video1", "1\n")] {
            fs::create_dir_all(root.path().join(node)).unwrap();
            fs::write(root.path().join(node).join("index"), index).unwrap();
            fs::write(root.path().join(node).join("name"), "Webcam\n").unwrap();
        }
        let nodes = video_nodes(root.path());
        assert_eq!(
            nodes,
            BTreeMap::from([("/dev/video0".to_owned(), "Webcam".to_owned())])
        );
        assert!(video_nodes(&root.path().join("missing")).is_empty());
    }

    #[test]
    fn displays_are_found_by_their_sockets() {
        let root = tempfile::tempdir().unwrap();
        for name in ["X0", "X15", "X7", "Xnot", "other"] {
            fs::write(root.path().join(name), "").unwrap();
        }
        let found: Vec<_> = displays(root.path(), |socket| !socket.ends_with("X7"))
            .iter()
            .map(|screen| screen["display"].clone())
            .collect();
        assert_eq!(found, [":0", ":15"]);
    }
}
