//! Whom to ask for a picture or a level: the recorder, if it has the device, else the device itself.
//!
//! A camera or a sound card gives itself to one program. A screen does not, and is asked through
//! the recorder all the same: what a pause hides stays hidden.

use lectern_domain::api::SourceStatus;
use lectern_domain::config::Source;

use super::device::{Device, Group, is_held};
use super::stanza;
use crate::fault::Fault;

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Picture,
    Sound,
}

impl Wish {
    const fn flag(self) -> &'static str {
        match self {
            Self::Picture => "--look",
            Self::Sound => "--listen",
        }
    }

    const fn suits(self, is_video: bool) -> bool {
        matches!((self, is_video), (Self::Picture, true) | (Self::Sound, false))
    }
}

/// Who is asked.
#[derive(Debug)]
pub(super) enum Target {
    /// The recorder, for the source of this name.
    Recorder(String),
    /// The device, opened as this source.
    Device(Box<Source>),
}

/// Finds what `word` names: a source `running` in the recorder or `configured` in the files, or a
/// device.
///
/// # Errors
/// Nothing is called so, or it gives no picture (no sound).
pub(super) fn find(
    word: &str,
    wish: Wish,
    devices: &[Device],
    running: &[SourceStatus],
    configured: &[Source],
) -> Result<Target, Fault> {
    let all_running = running;
    let running = running.iter().find(|source| source.name.as_str() == word);
    if let Some(source) = running {
        check(word, wish, source.role.is_video())?;
        if is_held(source.health) {
            return Ok(Target::Recorder(word.to_owned()));
        }
    }
    let configured = configured.iter().find(|source| source.name.as_str() == word);
    let device = match configured {
        Some(source) => devices.iter().find(|device| device.is_named_by(source)),
        None => devices.iter().find(|device| device.is_called(word)),
    };
    let is_video = configured
        .map(|source| source.role.is_video())
        .or(device.map(|device| device.group != Group::Microphone));
    if let Some(is_video) = is_video {
        check(word, wish, is_video)?;
    }
    if let Some(used) = device.and_then(|device| device.uses.iter().find(|used| used.holds())) {
        return Ok(Target::Recorder(used.source.clone()));
    }
    let source = configured.cloned().or_else(|| device.and_then(stanza::source));
    source
        .map(|source| Target::Device(Box::new(source)))
        .ok_or_else(|| match running {
            Some(source) => Fault::failed(
                format!(
                    "The recorder does not have {word} now: {}.",
                    source.detail.as_deref().unwrap_or(source.health.as_str())
                ),
                "Nothing was touched.",
                "Look at \"lectern status\", or name its device; \"lectern devices\" lists what is there.",
            ),
            None => Fault::failed(
                format!("There is no source and no device called {word} here."),
                "Nothing was touched.",
                &known(devices, wish, all_running),
            ),
        })
}

fn check(word: &str, wish: Wish, is_video: bool) -> Result<(), Fault> {
    if wish.suits(is_video) {
        return Ok(());
    }
    let (gives, other) = match wish {
        Wish::Picture => ("sound and no picture", Wish::Sound.flag()),
        Wish::Sound => ("pictures and no sound", Wish::Picture.flag()),
    };
    Err(Fault::Usage(format!(
        "{word} gives {gives}.\nNothing was touched.\nUse {other}, or name another one."
    )))
}

/// What could have been meant: the recorder's sources that give what is wished, then all devices.
fn known(devices: &[Device], wish: Wish, running: &[SourceStatus]) -> String {
    let sources = running.iter().filter(|source| wish.suits(source.role.is_video()));
    let sources = sources.map(|source| source.name.as_str());
    let all: Vec<&str> = sources.chain(devices.iter().map(Device::address)).collect();
    if all.is_empty() {
        return "No device was found at all; \"lectern devices\" says what to check.".to_owned();
    }
    format!("Name one of these: {}.", all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lectern_domain::config::{Config, ConfigFile};
    use lectern_domain::track::TrackHealth::{self, Live, Restarting};
    use serde_json::json;

    fn running(name: &str, role: &str, kind: &str, device: &str, health: TrackHealth) -> SourceStatus {
        let facts = json!({
            "name": name, "role": role, "kind": kind, "device": device, "health": health, "since_unix_ms": 0,
            "format": null, "encoder": null, "spare_for": null, "standing_in": false, "muted": false,
            "drift_ppm": null, "reason": null, "detail": "it is not there", "restarts": 0, "captured": 0,
            "dropped": 0, "shed": 0, "chunks_dropped": 0, "bytes": 0, "has_picture": false,
        });
        serde_json::from_value(facts).unwrap()
    }

    fn machine(running: &[SourceStatus], configured: &[Source]) -> Vec<Device> {
        let mut all = Device::all(&json!({
            "cameras": [{
                "kind": "v4l2", "device": "/dev/v4l/by-path/a", "node": "/dev/video0", "identity": "C920, serial A1",
                "serial": "A1", "label": "C920", "toml": ["kind = \"v4l2\"", "device = \"/dev/v4l/by-path/a\""],
            }],
            "microphones": [{
                "kind": "alsa", "device": "hw:CARD=Podium", "card": 1, "identity": "Podium at usb-1",
                "toml": ["kind = \"alsa\"", "device = \"hw:CARD=Podium\""],
            }],
            "screens": [{
                "kind": "x11", "display": ":0", "toml": ["kind = \"x11\"", "display = \":0\""],
            }],
        }));
        all.iter_mut()
            .for_each(|device| device.find_uses(running, configured));
        all
    }

    fn configured() -> Vec<Source> {
        let text = "[room]\nid = \"a\"\n\
            [[source]]\nname = \"slides\"\nrole = \"presentation\"\nkind = \"x11\"\ndisplay = \":0.0\"\n\
            [[source]]\nname = \"cam\"\nrole = \"presenter\"\nkind = \"v4l2\"\ndevice = \"/dev/video7\"\nserial = \"A1\"\n\
            [[source]]\nname = \"mic\"\nrole = \"microphone\"\nkind = \"alsa\"\ndevice = \"plughw:1,0\"\n\
            [[source]]\nname = \"door\"\nrole = \"presenter\"\nkind = \"rtsp\"\nurl = \"rtsp://door/1\"\n";
        let file = ConfigFile::decode("a", text.into()).unwrap();
        let config = Config::read(&[file], &[]).unwrap_or_else(|faults| panic!("{faults}"));
        config.sources
    }

    fn found(word: &str, wish: Wish, running: &[SourceStatus], configured: &[Source]) -> String {
        match find(word, wish, &machine(running, configured), running, configured) {
            Ok(Target::Recorder(name)) => format!("recorder {name}"),
            Ok(Target::Device(source)) => format!("{} {}", source.kind.as_str(), source.name),
            Err(Fault::Usage(text) | Fault::Failed(text)) => {
                assert_eq!(text.lines().count(), 3, "{text}");
                format!("! {}", text.lines().next().unwrap())
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn the_recorder_is_asked_for_what_it_has_and_the_device_for_the_rest() {
        let running = [
            running("slides", "presentation", "x11", "X display :0", Live),
            running("cam", "presenter", "v4l2", "C920, serial A1", Restarting),
            running("mic", "microphone", "alsa", "Podium at usb-1", Live),
            running("gone", "presenter", "rtsp", "rtsp://gone/1", Restarting),
        ];
        let files = configured();
        for (word, wish, target) in [
            ("slides", Wish::Picture, "recorder slides"),
            (":0", Wish::Picture, "recorder slides"),
            ("mic", Wish::Sound, "recorder mic"),
            ("Podium", Wish::Sound, "recorder mic"),
            ("hw:CARD=Podium", Wish::Sound, "recorder mic"),
            ("cam", Wish::Picture, "v4l2 cam"),
            ("/dev/video0", Wish::Picture, "v4l2 camera"),
            ("door", Wish::Picture, "rtsp door"),
            (
                "gone",
                Wish::Picture,
                "! The recorder does not have gone now: it is not there.",
            ),
            ("mic", Wish::Picture, "! mic gives sound and no picture."),
            (":0", Wish::Sound, "! :0 gives pictures and no sound."),
            ("door", Wish::Sound, "! door gives pictures and no sound."),
            (
                "attic",
                Wish::Picture,
                "! There is no source and no device called attic here.",
            ),
        ] {
            assert_eq!(found(word, wish, &running, &files), target, "{word}");
        }
        // The files are another user's secret, and the recorder alone knows.
        assert_eq!(found(":0", Wish::Picture, &running, &[]), "recorder slides");
        // Nobody records, and the files tell what is what.
        assert_eq!(found("slides", Wish::Picture, &[], &files), "x11 slides");
        assert_eq!(found("mic", Wish::Sound, &[], &files), "alsa mic");
        assert_eq!(found("C920", Wish::Picture, &[], &[]), "v4l2 camera");
    }

    #[test]
    fn a_device_knows_its_sources() {
        let here = [running("cam", "presenter", "v4l2", "C920, serial A1", Live)];
        let all = machine(&here, &configured());
        let uses: Vec<Vec<&str>> = all
            .iter()
            .map(|device| device.uses.iter().map(|used| used.source.as_str()).collect())
            .collect();
        assert_eq!(uses, [["cam"], ["mic"], ["slides"]]);
        assert_eq!(all[0].to_json(true)["in_use"], true);
        assert_eq!(all[0].to_json(true)["used_by"][0]["health"], "live");
        assert_eq!(all[1].to_json(true)["in_use"], false);
        assert_eq!(all[1].to_json(false)["in_use"], serde_json::Value::Null);
        // Another camera at the configured place is not this source.
        let moved = [running("cam", "presenter", "v4l2", "Other, serial B2", Live)];
        assert!(machine(&moved, &configured())[0].uses.is_empty());
    }
}
