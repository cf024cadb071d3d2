//! The list for people: a block for each device, what it is first and what it is for last.

use super::device::Device;
use crate::figures::columns;

/// More formats than these are noise on a screen; `--json` has them all.
const SHOWN: usize = 6;

/// A block a device. `answered`: the recorder was asked and told which it has.
pub(super) fn report(devices: &[Device], answered: bool) -> String {
    if devices.is_empty() {
        return format!("{}\n", super::NOTHING_FOUND);
    }
    let mut out = String::new();
    for device in devices {
        out.push_str(&format!("{}  {}\n", device.group.as_str(), device.label()));
        let rows: Vec<Vec<String>> = facts(device)
            .into_iter()
            .map(|(name, fact)| vec![format!("  {name}"), fact])
            .collect();
        out.push_str(&columns(&rows));
        out.push('\n');
    }
    if !answered {
        out.push_str("The recorder does not answer; whether it has one of them now is not known.\n");
    }
    out.push_str("\"lectern devices --toml\" prints them as configuration.\n");
    out
}

fn facts(device: &Device) -> Vec<(&'static str, String)> {
    let mut facts = vec![("device", device.address().to_owned())];
    let mut also: Vec<&str> = device
        .text("node")
        .into_iter()
        .chain(device.texts("links"))
        .collect();
    also.retain(|name| *name != device.address());
    if !also.is_empty() {
        facts.push(("also", also.join(", ")));
    }
    if let Some(hardware) = device.text("identity") {
        facts.push(("hardware", hardware.to_owned()));
    }
    let formats = device.texts("formats");
    if !formats.is_empty() {
        facts.push(("formats", shortened(&formats)));
    }
    if device.fact("monitor") == &serde_json::Value::Bool(true) {
        facts.push(("note", "what the computer plays, and no microphone".to_owned()));
    }
    if let Some(why) = device.text("refused") {
        facts.push(("refused", why.to_owned()));
    }
    for used in &device.uses {
        let state = match used.health {
            None => "in the configuration".to_owned(),
            Some(health) if used.holds() => format!("in use by the recorder, {}", health.as_str()),
            Some(health) => format!("not in use now, {}", health.as_str()),
        };
        facts.push(("source", format!("{} ({}), {state}", used.source, used.role)));
    }
    if device.uses.is_empty() {
        facts.push(("source", "none".to_owned()));
    }
    facts
}

/// The first of a list, and how many more there are.
pub(super) fn shortened(all: &[&str]) -> String {
    let shown = all.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_device_is_a_block_of_aligned_facts() {
        let devices = Device::all(&json!({
            "cameras": [{
                "kind": "v4l2", "device": "/dev/v4l/by-path/a", "node": "/dev/video0", "links": ["/dev/v4l/by-path/a"],
                "label": "C920", "identity": "C920, serial A1", "refused": "you may not open it",
                "formats": ["a", "b", "c", "d", "e", "f", "g", "h"],
            }],
            "screens": [{ "kind": "x11", "display": ":0", "label": "X display of anna" }],
        }));
        assert_eq!(
            report(&devices, false),
            "camera  C920\n  device    /dev/v4l/by-path/a\n  also      /dev/video0\n  hardware  C920, serial A1\n  \
             formats   a, b, c, d, e, f and 2 more\n  refused   you may not open it\n  source    none\n\n\
             screen  X display of anna\n  device  :0\n  source  none\n\n\
             The recorder does not answer; whether it has one of them now is not known.\n\
             \"lectern devices --toml\" prints them as configuration.\n"
        );
        let nothing = report(&[], true);
        assert!(nothing.contains("groups video and audio"), "{nothing}");
    }
}
