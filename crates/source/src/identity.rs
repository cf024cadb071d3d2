//! Which device it is: a line that stays the same for a device and differs for any other.
//!
//! A node such as `/dev/video0` names a place in the order of plugging, not a camera. The kernel
//! tells what stands behind it: the model, the serial number of a USB device, the socket. A device
//! with a serial number is known by it wherever it is plugged in; one without is known by its
//! socket. Read from sysfs alone and not from udev's database, which comes a moment after the
//! node: the line must be the same in that moment already.
//!
//! By this line a source is bound: a device that moved to another node is followed, another one at
//! its node is refused. Plain reads of small files; nothing here opens a device.

mod camera;
mod card;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use lectern_domain::config::{Source, SourceKind};
use lectern_domain::wire::FailureReason;

pub(crate) use self::card::card_of;
use crate::failure::{self, Failure, device_name};

/// Where the kernel tells of its devices; another tree in tests.
#[derive(Clone, Debug)]
pub(crate) struct Roots {
    sys: PathBuf,
    proc: PathBuf,
    dev: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self {
            sys: "/sys".into(),
            proc: "/proc".into(),
            dev: "/dev".into(),
        }
    }
}

/// A piece of hardware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hardware {
    /// As the driver calls it.
    pub(crate) model: String,
    /// Of a USB device that has one.
    pub(crate) serial: Option<String>,
    /// `pci-0000:00:14.0-usb-0:2:1.0`, as in `/dev/v4l/by-path`.
    pub(crate) socket: Option<String>,
}

/// The line. The socket of a device with a serial number is left out: it may change.
impl fmt::Display for Hardware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.model)?;
        match (&self.serial, &self.socket) {
            (Some(serial), socket) => {
                write!(f, ", serial {serial}")?;
                // One USB device may be two cameras.
                let part = socket.as_deref().and_then(|socket| socket.rsplit_once(':'));
                match part {
                    Some((_, part)) if socket.as_deref().is_some_and(is_further_part) => {
                        write!(f, ", part {part}")
                    }
                    _ => Ok(()),
                }
            }
            (None, Some(socket)) => write!(f, " at {socket}"),
            (None, None) => Ok(()),
        }
    }
}

/// Whether a socket is that of a USB device's second or later interface.
fn is_further_part(socket: &str) -> bool {
    socket.contains("-usb-") && !socket.ends_with(":1.0")
}

impl Hardware {
    /// The hardware whose folder in sysfs `device` leads to.
    fn at(device: &Path, model: String, roots: &Roots) -> Self {
        let folder = device.canonicalize().ok();
        let folder = folder.as_deref();
        let usb = folder.and_then(|folder| folder.ancestors().find(|above| above.join("idVendor").exists()));
        Self {
            model,
            // Not further up: a hub has a number of its own.
            serial: usb.and_then(|usb| read(&usb.join("serial"))),
            socket: folder.and_then(|folder| socket(folder, roots)),
        }
    }
}

/// The way to a device's folder through the machine, in udev's words.
fn socket(folder: &Path, roots: &Roots) -> Option<String> {
    let devices = roots.sys.join("devices").canonicalize().ok()?;
    let way: Vec<&str> = folder
        .strip_prefix(devices)
        .ok()?
        .iter()
        .filter_map(|part| part.to_str())
        .collect();
    let is_pci = |part: &&str| part.len() == 12 && part.as_bytes()[4] == b':' && part.as_bytes()[10] == b'.';
    let pci = way
        .iter()
        .copied()
        .rfind(is_pci)
        .map(|part| format!("pci-{part}"));
    let usb = way
        .iter()
        .copied()
        .rfind(|part| part.contains(':') && part.contains('-'));
    // `1-2.4:1.0`: bus 1 counts the controllers, and changes.
    let usb = usb
        .and_then(|part| part.split_once('-'))
        .map(|(_, port)| format!("usb-0:{port}"));
    match (pci, usb) {
        (Some(pci), Some(usb)) => Some(format!("{pci}-{usb}")),
        (Some(one), None) | (None, Some(one)) => Some(one),
        (None, None) => Some(way.join("-")).filter(|way| !way.is_empty()),
    }
}

/// Where to open a source, and what is there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    /// The kind with the device that is to be opened.
    pub(crate) kind: SourceKind,
    /// The device's line, where it has one.
    pub(crate) device: Option<String>,
}

/// Finds the device of `source`: the one with its `serial`, else the one that was here before, else
/// what is at its place now. Does not block.
///
/// # Errors
/// [`FailureReason::Swapped`] if another device is at its place; [`FailureReason::NotFound`] if a
/// device with its serial number is nowhere.
pub(crate) fn find(source: &Source, expect: Option<&str>, roots: &Roots) -> Result<Place, Failure> {
    let unbound = |device: Option<String>| Place {
        kind: source.kind.clone(),
        device,
    };
    match &source.kind {
        SourceKind::V4l2 { device } => {
            let here = camera::node_of(Path::new(device));
            let all = camera::all(roots);
            let node = choose(source, expect, &all, here.as_deref())?;
            Ok(node.map_or_else(
                || unbound(None),
                |(node, hardware)| Place {
                    kind: SourceKind::V4l2 {
                        // Its own name as long as that leads to it.
                        device: if here.as_ref() == Some(node) {
                            device.clone()
                        } else {
                            roots.dev.join(node).display().to_string()
                        },
                    },
                    device: Some(hardware.to_string()),
                },
            ))
        }
        SourceKind::Alsa { device } => {
            let all = card::all(roots);
            let here = card_of(device).and_then(|card| card::id_of(card, &all));
            if here.is_none() && card_of(device).is_none() {
                // A name of ALSA's configuration: which card that is, only ALSA knows.
                return Ok(unbound(None));
            }
            let all: Vec<_> = all.into_iter().map(|card| (card.id, card.hardware)).collect();
            let card = choose(source, expect, &all, here.as_deref())?;
            Ok(card.map_or_else(
                || unbound(None),
                |(id, hardware)| Place {
                    kind: SourceKind::Alsa {
                        device: if here.as_ref() == Some(id) {
                            device.clone()
                        } else {
                            card::renamed(device, id)
                        },
                    },
                    device: Some(hardware.to_string()),
                },
            ))
        }
        SourceKind::Rtsp { url } => Ok(unbound(Some(failure::without_secrets(url)))),
        SourceKind::X11 { .. } => Ok(unbound(Some(device_name(source)))),
        // The default of a sound server is whatever its user made it.
        SourceKind::Pulse { device } => Ok(unbound(device.clone())),
        SourceKind::TestVideo | SourceKind::TestAudio | SourceKind::Gst { .. } => Ok(unbound(None)),
    }
}

/// One of `all` devices, each with the name of its node or card. `here`: what the configured name
/// leads to. `None`: nothing is there, or the kernel does not tell what.
fn choose<'a>(
    source: &Source,
    expect: Option<&str>,
    all: &'a [(String, Hardware)],
    here: Option<&str>,
) -> Result<Option<&'a (String, Hardware)>, Failure> {
    let at_place = here.and_then(|name| all.iter().find(|(node, _)| node == name));
    let wanted = |hardware: &Hardware| match (&source.serial, expect) {
        (Some(serial), _) => hardware.serial.as_ref() == Some(serial),
        (None, Some(line)) => hardware.to_string() == line,
        (None, None) => true,
    };
    if let Some(found) = at_place.filter(|(_, hardware)| wanted(hardware)) {
        return Ok(Some(found));
    }
    if source.serial.is_none() && expect.is_none() {
        return Ok(None);
    }
    // A link of udev names the socket or the device already. Many cheap cameras share one serial
    // number, so a look-alike elsewhere must not be taken for the one that was pulled out here.
    let is_link = matches!(&source.kind, SourceKind::V4l2 { device } if device.contains("/v4l/by-"));
    let follows = source.serial.is_some() || !is_link;
    if let Some(moved) = all.iter().find(|(_, hardware)| follows && wanted(hardware)) {
        tracing::info!(device = %moved.1, at = moved.0, "the device was found at another place");
        return Ok(Some(moved));
    }
    let name = device_name(source);
    let failure = match (at_place, &source.serial, expect) {
        (Some((_, other)), Some(serial), _) => Failure::new(
            FailureReason::Swapped,
            format!(
                "{name} is \"{other}\", and the one with the serial number {serial} is not there; \
                 plug that one in, or change serial in the configuration"
            ),
        ),
        (Some((_, other)), None, Some(line)) => Failure::new(
            FailureReason::Swapped,
            format!(
                "{name} is now \"{other}\", and it was \"{line}\"; plug the first one in again, \
                 or restart lecternd to record the other"
            ),
        ),
        (None, Some(serial), _) => Failure::new(
            FailureReason::NotFound,
            format!("{name}: no device with the serial number {serial} is there; plug it in"),
        ),
        (_, None, _) => return Ok(None),
    };
    Err(failure)
}

/// One line of a small file, without what a terminal would obey; `None` if there is nothing in it.
fn read(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line: String = text.chars().filter(|sign| !sign.is_control()).collect();
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// The names in a folder, sorted; nothing if it cannot be read.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut all: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    all.sort();
    all
}

/// The hardware behind a camera's node; `None` if the kernel does not know it.
pub(crate) fn camera(node: &Path) -> Option<Hardware> {
    camera::at(&camera::node_of(node)?, &Roots::default())
}

/// The hardware behind each sound card, by the card's id.
pub(crate) fn cards() -> Vec<(String, Hardware)> {
    card::all(&Roots::default())
        .into_iter()
        .map(|card| (card.id, card.hardware))
        .collect()
}

#[cfg(test)]
mod tests;
