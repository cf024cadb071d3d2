//! USB lamps through `/dev/hidraw…`: found, opened and written to.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hidapi::{HidApi, HidDevice};
use lectern_domain::config::{Colour, LightModel};

use crate::console::Console;
use crate::look::Frame;
use crate::report::{Lamp, Report};

/// A lamp is written to at least so often: a Busylight goes dark after fifteen seconds without,
/// and of any lamp it shows that it was pulled out.
const SPEAK_EVERY: Duration = Duration::from_secs(5);

/// Where the kernel lists its hidraw devices.
const LISTED: &str = "/sys/class/hidraw";

/// An open lamp.
pub(crate) struct UsbLamp {
    lamp: Lamp,
    node: Node,
    shown: Option<(Colour, Instant)>,
}

/// Setting a feature takes an ioctl, writing a report does not.
enum Node {
    Output(File),
    Feature(HidDevice),
}

impl Node {
    fn open(path: &Path, lamp: Lamp) -> io::Result<Self> {
        match lamp.colour(Colour::default()) {
            Report::Output(_) => File::options().write(true).open(path).map(Self::Output),
            Report::Feature(_) => {
                let path = CString::new(path.as_os_str().as_bytes())?;
                HidApi::new()
                    .and_then(|api| api.open_path(&path))
                    .map(Self::Feature)
                    .map_err(io::Error::other)
            }
        }
    }

    fn send(&mut self, report: &Report) -> io::Result<()> {
        match (self, report) {
            (Self::Output(file), Report::Output(bytes)) => file.write_all(bytes),
            (Self::Feature(device), Report::Feature(bytes)) => {
                device.send_feature_report(bytes).map_err(io::Error::other)
            }
            (Self::Output(_), Report::Feature(_)) | (Self::Feature(_), Report::Output(_)) => Err(
                io::Error::other("this lamp takes both kinds of reports, which none of ours does"),
            ),
        }
    }
}

impl UsbLamp {
    /// Opens the lamp at `device`, else the first of its model.
    ///
    /// # Errors
    /// None is plugged in, or it may not be opened.
    pub(crate) fn open(model: LightModel, device: Option<&Path>) -> io::Result<Self> {
        let listed = listed(Path::new(LISTED));
        let found = match device {
            Some(device) => {
                let name = fs::canonicalize(device)?;
                let known = listed
                    .into_iter()
                    .find(|one| one.node.file_name() == name.file_name());
                (device.to_owned(), known)
            }
            None => {
                let first = listed.into_iter().find(|one| one.is(model)).ok_or_else(|| {
                    io::Error::new(io::ErrorKind::NotFound, "no lamp of this kind is plugged in")
                })?;
                (first.node.clone(), Some(first))
            }
        };
        let lamp = Lamp {
            model,
            single: found.1.is_some_and(|one| is_first_blinkstick(&one.serial)),
        };
        Ok(Self {
            lamp,
            node: Node::open(&found.0, lamp)?,
            shown: None,
        })
    }

    fn speak(&mut self, colour: Colour, now: Instant) -> io::Result<()> {
        self.node.send(&self.lamp.colour(colour))?;
        if let Some(report) = self.lamp.keep_alive() {
            self.node.send(&report)?;
        }
        self.shown = Some((colour, now));
        Ok(())
    }
}

impl Console for UsbLamp {
    fn show(&mut self, frame: &Frame, now: Instant) -> io::Result<Option<Duration>> {
        let fresh = self
            .shown
            .is_some_and(|(colour, at)| colour == frame.lit && now.duration_since(at) < SPEAK_EVERY);
        if !fresh {
            self.speak(frame.lit, now)?;
        }
        let speaks = self
            .shown
            .map(|(_, at)| SPEAK_EVERY.saturating_sub(now.duration_since(at)));
        Ok(speaks.into_iter().chain(frame.next).min())
    }

    fn end(&mut self) {
        // It is the last word; who would be told that it was not heard?
        drop(self.node.send(&self.lamp.colour(Colour::default())));
    }
}

/// BS012345-1.4: the number behind the dash is the hardware's.
fn is_first_blinkstick(serial: &str) -> bool {
    serial
        .rsplit_once('-')
        .is_some_and(|(_, version)| version.starts_with("1."))
}

/// One device that the kernel knows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    node: PathBuf,
    vendor: u32,
    product: u32,
    serial: String,
}

impl Listed {
    fn is(&self, model: LightModel) -> bool {
        Lamp::ids(model)
            .iter()
            .any(|(vendor, product)| self.vendor == *vendor && product.is_none_or(|id| self.product == id))
    }
}

/// All hidraw devices in the order of their numbers; nothing when none can be listed.
fn listed(folder: &Path) -> Vec<Listed> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    names.sort_by_key(|name| (name.len(), name.clone()));
    let read = |name: &std::ffi::OsString| {
        let uevent = fs::read_to_string(folder.join(name).join("device/uevent")).ok()?;
        let value = |key: &str| {
            uevent
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
        };
        // Bus, vendor and product: 0003:000027BB:00003BCD.
        let mut ids = value("HID_ID")?.split(':').skip(1);
        let mut id = || u32::from_str_radix(ids.next()?, 16).ok();
        Some(Listed {
            node: Path::new("/dev").join(name),
            vendor: id()?,
            product: id()?,
            serial: value("HID_UNIQ").unwrap_or_default().to_owned(),
        })
    };
    names.iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::look::{Scene, Sign, frame};
    use lectern_domain::config::Colours;

    #[test]
    fn a_lamp_is_found_by_who_made_it() {
        let folder = tempfile::tempdir().unwrap();
        for (name, uevent) in [
            ("hidraw10", "HID_ID=0003:000027BB:00003BCD\nHID_UNIQ=\n"),
            (
                "hidraw2",
                "DRIVER=x\nHID_ID=0003:000020A0:000041E5\nHID_UNIQ=BS012345-3.0\n",
            ),
            ("hidraw3", "HID_ID=nonsense\n"),
        ] {
            let device = folder.path().join(name).join("device");
            fs::create_dir_all(&device).unwrap();
            fs::write(device.join("uevent"), uevent).unwrap();
        }
        let listed = listed(folder.path());
        let nodes: Vec<_> = listed.iter().map(|one| one.node.to_str().unwrap()).collect();
        assert_eq!(nodes, ["/dev/hidraw2", "/dev/hidraw10"]);
        assert!(listed[0].is(LightModel::Blinkstick) && listed[0].serial == "BS012345-3.0");
        assert!(!is_first_blinkstick(&listed[0].serial) && is_first_blinkstick("BS012345-1.4"));
        assert!(listed[1].is(LightModel::Busylight) && !listed[1].is(LightModel::Luxafor));
    }

    #[test]
    fn a_lamp_is_told_what_is_new_and_now_and_then_what_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let node = folder.path().join("hidraw0");
        fs::write(&node, b"").unwrap();
        let mut lamp = UsbLamp::open(LightModel::Luxafor, Some(&node)).unwrap();
        let scene = Scene {
            sign: Sign::Recording,
            ..Scene::default()
        };
        let red = frame(&scene, &Colours::default(), Duration::ZERO);
        let began = Instant::now();
        for after in [0, 50, 4_000, 5_001] {
            let again = lamp.show(&red, began + Duration::from_millis(after)).unwrap();
            assert!(again.is_some_and(|again| again <= SPEAK_EVERY));
        }
        lamp.end();
        let sent = fs::read(&node).unwrap();
        let red = [0, 1, 255, 255, 0, 0, 0, 0, 0];
        let dark = [0, 1, 255, 0, 0, 0, 0, 0, 0];
        assert_eq!(sent, [red, red, dark].concat());
    }
}
