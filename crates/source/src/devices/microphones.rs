//! Microphones: the sound cards of the kernel, and the sources of a sound server.

use std::path::Path;

use gst::prelude::*;
use serde_json::{Value, json};

use super::{entries, entry};
use crate::identity::Hardware;

/// The cards of `/proc/asound/cards` (`text`) that can record, by the id that survives a change of
/// their number. `asound`: that folder, in which each card tells what it has.
pub(super) fn alsa_cards(text: &str, known: &[(String, Hardware)], asound: &Path) -> Vec<Value> {
    text.lines()
        .filter_map(|line| {
            // ` 0 [Podium         ]: USB-Audio - Podium Microphone`
            let (number, rest) = line.split_once('[')?;
            let number: u32 = number.trim().parse().ok()?;
            let (id, rest) = rest.split_once(']')?;
            let label = rest.trim_start_matches(':').trim();
            let label = label.split_once(" - ").map_or(label, |(_, name)| name);
            let id = id.trim();
            let folder = asound.join(format!("card{number}"));
            if !can_record(&folder) {
                return None;
            }
            let hardware = known.iter().find(|(card, _)| card == id);
            let mut card = entry("alsa", &format!("hw:CARD={id}"), hardware.map(|(_, is)| is));
            card["label"] = json!(label);
            card["card"] = json!(number);
            card["formats"] = json!(usb_formats(&folder));
            Some(card)
        })
        .collect()
}

/// Whether a card has an input: a graphics card's sound goes to its monitor only. One that does not
/// tell is given the benefit of the doubt.
fn can_record(card: &Path) -> bool {
    let parts = entries(card);
    let is_input = |part: &Path| {
        let name = part
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        name.starts_with("pcm") && name.ends_with('c')
    };
    parts.is_empty() || parts.iter().any(|part| is_input(part))
}

/// What a USB card records, from its `stream0`: `48000 Hz stereo`. Others do not tell unopened.
fn usb_formats(card: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(card.join("stream0")).unwrap_or_default();
    let Some((_, capture)) = text.split_once("Capture:") else {
        return Vec::new();
    };
    let mut all: Vec<(u32, u32)> = Vec::new();
    let mut channels = None;
    for line in capture.lines().map(str::trim) {
        if let Some(count) = line.strip_prefix("Channels:") {
            channels = count.trim().parse().ok();
        } else if let (Some(rates), Some(channels)) = (line.strip_prefix("Rates:"), channels) {
            let rates = rates.split([',', ' ']).filter_map(|rate| rate.parse().ok());
            all.extend(rates.map(|rate: u32| (rate, channels)));
        }
    }
    sound_formats(all)
}

/// Rates and channels for people: 48000 Hz first, which needs no resampling; then high before low.
fn sound_formats(mut all: Vec<(u32, u32)>) -> Vec<String> {
    all.sort_by_key(|(rate, channels)| std::cmp::Reverse((*rate == 48_000, *channels, *rate)));
    all.dedup();
    let written = |(rate, channels): (u32, u32)| match channels {
        1 => format!("{rate} Hz mono"),
        2 => format!("{rate} Hz stereo"),
        more => format!("{rate} Hz, {more} channels"),
    };
    all.into_iter().map(written).collect()
}

/// A source of the sound server, as its device provider knows it.
pub(super) fn pulse(device: &gst::Device, name: &str) -> Value {
    let label = device.display_name();
    let mut source = entry("pulse", name, None);
    source["label"] = json!(label.as_str());
    // What the computer plays, and no microphone: useful where it plays the hall's.
    source["monitor"] = json!(name.ends_with(".monitor"));
    source
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn cards_are_named_by_their_id() {
        let text = " 0 [PCH            ]: HDA-Intel - HDA Intel PCH\n                      HDA Intel PCH at 0xf7\n \
                    1 [Podium         ]: USB-Audio - Podium - Mic\n                      Maker\n";
        let podium = Hardware {
            model: "Podium".into(),
            serial: Some("A \"1\"".into()),
            socket: None,
        };
        let nothing = Path::new("/nowhere");
        let cards = alsa_cards(text, &[("Podium".to_owned(), podium)], nothing);
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
                "card": 1,
                "formats": [],
            })
        );
        assert_eq!(
            cards[0]["toml"],
            json!(["kind = \"alsa\"", "device = \"hw:CARD=PCH\""])
        );
        assert!(alsa_cards("--- no soundcards ---\n", &[], nothing).is_empty());
    }

    #[test]
    fn a_card_that_only_plays_is_no_microphone_and_a_usb_one_tells_its_formats() {
        let root = tempfile::tempdir().unwrap();
        for part in ["card0/pcm3p", "card1/pcm0p", "card1/pcm0c"] {
            fs::create_dir_all(root.path().join(part)).unwrap();
        }
        let stream = "Podium Mic at usb-0000:00:14.0-2, full speed : USB Audio\n\nPlayback:\n  Interface 1\n    \
            Channels: 2\n    Rates: 96000\n\nCapture:\n  Status: Stop\n  Interface 2\n    Altset 1\n    Format: S16_LE\n    \
            Channels: 1\n    Rates: 44100, 48000\n";
        fs::write(root.path().join("card1/stream0"), stream).unwrap();
        let text = " 0 [HDMI           ]: HDA-Intel - HDMI\n 1 [Podium         ]: USB-Audio - Podium\n";
        let cards = alsa_cards(text, &[], root.path());
        assert_eq!(cards.len(), 1);
        assert_eq!(cards[0]["label"], "Podium");
        assert_eq!(cards[0]["formats"], json!(["48000 Hz mono", "44100 Hz mono"]));
    }
}
