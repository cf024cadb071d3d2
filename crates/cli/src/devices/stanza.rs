//! `--toml`: a `[[source]]` for each device, to paste into the configuration and to keep.

use lectern_domain::config::{Config, ConfigFile, Source};
use serde_json::Value;

use super::device::{Device, Group};

/// So many sources a room may have; a machine with more devices is not asked to record them all.
const MAX_SOURCES: usize = 16;
/// The picture that Lectern is made for: width, height and pictures a second.
const SENSIBLE: (u64, u64, u64) = (1280, 720, 30);
/// Slower than this, in pictures a second, a person who moves is seen to jerk.
const SMOOTH: u64 = 24;

/// The stanzas of all devices.
pub(super) fn all(devices: &[Device]) -> String {
    let mut out = String::from(
        "# The devices of this machine. Keep what the room records, and give it the names that people know:\n\
         # a source's name is also its track's. \"lecternd check\" says whether the file is right.\n",
    );
    if devices.is_empty() {
        for line in super::NOTHING_FOUND.lines() {
            out.push_str(&format!("# {line}\n"));
        }
    }
    for (index, device) in devices.iter().enumerate() {
        let before = devices[..index]
            .iter()
            .filter(|other| other.group == device.group)
            .count();
        let name = match before {
            0 => device.group.as_str().to_owned(),
            more => format!("{}-{}", device.group.as_str(), more + 1),
        };
        out.push('\n');
        for remark in remarks(device) {
            out.push_str(&format!("# {}\n", plain(&remark)));
        }
        let lines = stanza(device, &name);
        if index < MAX_SOURCES {
            out.push_str(&lines);
        } else {
            out.push_str(&format!(
                "# A room has at most {MAX_SOURCES} sources; this one would be too many.\n"
            ));
            out.extend(lines.lines().map(|line| format!("# {line}\n")));
        }
    }
    out
}

/// A source that is this device, with every default; `None` if it cannot be one.
pub(super) fn source(device: &Device) -> Option<Source> {
    let text = format!("[room]\nid = \"room\"\n{}", stanza(device, device.group.as_str()));
    let file = ConfigFile::decode("a device", text.into_bytes()).ok()?;
    let mut config = Config::read(&[file], &[]).ok()?;
    config.sources.pop()
}

/// What a person may want to know of it later.
fn remarks(device: &Device) -> Vec<String> {
    let mut remarks = vec![match device.text("identity") {
        Some(hardware) if hardware != device.label() => format!("{}: {hardware}", device.label()),
        _ => device.label().to_owned(),
    }];
    let formats = device.texts("formats");
    if !formats.is_empty() {
        remarks.push(format!("It offers {}.", super::blocks::shortened(&formats)));
    }
    if device.fact("monitor") == &Value::Bool(true) {
        remarks.push("This is what the computer plays, and no microphone.".to_owned());
    }
    if device.text("kind") == Some("pulse") {
        remarks.push(
            "A sound server belongs to a user: the recorder must be that user, or be let in.".to_owned(),
        );
    }
    if let Some(why) = device.text("refused") {
        remarks.push(format!("Not open to you now: {why}."));
    }
    for used in &device.uses {
        remarks.push(format!("Already configured as the source \"{}\".", used.source));
    }
    remarks
}

fn stanza(device: &Device, name: &str) -> String {
    let mut lines = vec![
        "[[source]]".to_owned(),
        format!("name = \"{name}\""),
        format!("role = \"{}\"", device.group.role()),
    ];
    lines.extend(device.texts("toml").into_iter().map(str::to_owned));
    match device.group {
        Group::Camera => {
            let (width, height, fps) = best(device.fact("modes"));
            lines.push(format!("width = {width}\nheight = {height}\nfps = {fps}"));
        }
        // Slides and windows: what moves on them is seldom a film.
        Group::Screen => lines.push("fps = 15".to_owned()),
        Group::Microphone => {}
    }
    lines.join("\n") + "\n"
}

/// The format to record of those that a camera offers, best first: 1280x720 at 30 if it can; else
/// its largest smooth one up to 1920x1080; else what it calls its best.
fn best(modes: &Value) -> (u64, u64, u64) {
    let mode = |mode: &Value| {
        let rates: Vec<u64> = mode["rates"]
            .as_array()?
            .iter()
            .filter_map(Value::as_u64)
            .collect();
        let fitting = rates.iter().copied().filter(|rate| *rate <= SENSIBLE.2).max();
        let rate = fitting
            .or_else(|| rates.iter().copied().min())
            .unwrap_or(SENSIBLE.2);
        Some((mode["width"].as_u64()?, mode["height"].as_u64()?, rate))
    };
    let all: Vec<_> = modes.as_array().into_iter().flatten().filter_map(mode).collect();
    let smooth = |(_, _, rate): &&(u64, u64, u64)| *rate >= SMOOTH;
    let sensible = |(width, height, _): &&(u64, u64, u64)| (*width, *height) == (SENSIBLE.0, SENSIBLE.1);
    let modest = |(width, height, _): &&(u64, u64, u64)| *width <= 1920 && *height <= 1080;
    let at_best = all.iter().filter(smooth).find(sensible);
    let at_best = at_best.or_else(|| all.iter().filter(smooth).find(modest));
    *at_best.or(all.first()).unwrap_or(&SENSIBLE)
}

/// Without what would end a comment: the words are a device's own.
fn plain(text: &str) -> String {
    text.chars()
        .map(|sign| if sign.is_control() { ' ' } else { sign })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn devices() -> Vec<Device> {
        Device::all(&json!({
            "cameras": [
                {
                    "kind": "v4l2", "device": "/dev/v4l/by-path/a", "label": "Cam\n[room]", "serial": "A\"1",
                    "toml": ["kind = \"v4l2\"", "device = \"/dev/v4l/by-path/a\"", "serial = \"A\\\"1\""],
                    "formats": ["JPEG 1920x1080@30"],
                    "modes": [{ "width": 1920, "height": 1080, "jpeg": true, "rates": [30] }],
                },
                {
                    "kind": "v4l2", "device": "/dev/video9", "label": "Grabber", "formats": [], "modes": [],
                    "toml": ["kind = \"v4l2\"", "device = \"/dev/video9\""],
                },
            ],
            "microphones": [
                { "kind": "alsa", "device": "hw:CARD=Podium", "label": "Podium",
                  "toml": ["kind = \"alsa\"", "device = \"hw:CARD=Podium\""] },
                { "kind": "pulse", "device": "mic.monitor", "label": "Monitor", "monitor": true,
                  "toml": ["kind = \"pulse\"", "device = \"mic.monitor\""] },
            ],
            "screens": (0..15).map(|n| json!({
                "kind": "x11", "display": format!(":{n}"), "refused": "it does not let you in",
                "toml": ["kind = \"x11\"", format!("display = \":{n}\"")],
            })).collect::<Vec<_>>(),
        }))
    }

    #[test]
    fn what_is_printed_is_a_configuration_whatever_the_devices_call_themselves() {
        let text = all(&devices());
        let file = ConfigFile::decode("pasted", format!("[room]\nid = \"a\"\n{text}").into_bytes()).unwrap();
        let config = Config::read(&[file], &[]).unwrap_or_else(|faults| panic!("{faults}\n{text}"));
        let names: Vec<&str> = config.sources.iter().map(|source| source.name.as_str()).collect();
        assert_eq!(
            names[..5],
            ["camera", "camera-2", "microphone", "microphone-2", "screen"]
        );
        assert_eq!(names.len(), MAX_SOURCES);
        let video = config.sources[0].video.as_ref().unwrap();
        assert_eq!(
            (video.width, video.height, video.fps),
            (Some(1920), Some(1080), 30)
        );
        let video = config.sources[1].video.as_ref().unwrap();
        assert_eq!(
            (video.width, video.height, video.fps),
            (Some(1280), Some(720), 30)
        );
        assert_eq!(config.sources[0].serial.as_deref(), Some("A\"1"));
        assert!(
            text.contains("# Not open to you now: it does not let you in.\n"),
            "{text}"
        );
    }

    #[test]
    fn the_best_sensible_format_is_taken() {
        let mode = |width: u64, height: u64, rates: &[u64]| json!({ "width": width, "height": height, "rates": rates });
        for (modes, taken) in [
            (
                vec![mode(1920, 1080, &[30]), mode(1280, 720, &[60, 30, 10])],
                (1280, 720, 30),
            ),
            (vec![mode(1280, 720, &[60, 50])], (1280, 720, 50)),
            (
                vec![
                    mode(1920, 1080, &[25]),
                    mode(640, 480, &[30]),
                    mode(1280, 720, &[10]),
                ],
                (1920, 1080, 25),
            ),
            (
                vec![mode(3840, 2160, &[30]), mode(640, 480, &[30])],
                (640, 480, 30),
            ),
            (vec![mode(1920, 1080, &[5])], (1920, 1080, 5)),
            (vec![mode(720, 576, &[])], (720, 576, 30)),
            (Vec::new(), SENSIBLE),
        ] {
            assert_eq!(best(&Value::Array(modes.clone())), taken, "{modes:?}");
        }
    }

    #[test]
    fn any_device_is_a_source() {
        for device in devices() {
            assert!(
                source(&device).is_some_and(|source| device.is_named_by(&source)),
                "{device:?}"
            );
        }
    }
}
