//! Machines as sysfs shows them, built in a folder: which device is taken, which is refused.

use std::os::unix::fs::symlink;

use lectern_domain::config::{Audio, Encoder, Video};
use lectern_domain::media::Role;
use lectern_domain::units::Rate;

use super::*;

const CONTROLLER: &str = "pci0000:00/0000:00:14.0/usb1";

/// A machine without devices.
struct Machine {
    root: tempfile::TempDir,
    roots: Roots,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        let roots = Roots {
            sys: at("sys"),
            proc: at("proc"),
            dev: at("dev"),
        };
        for folder in [
            "sys/class/video4linux",
            "sys/class/sound",
            "sys/devices",
            "proc/asound",
            "dev",
        ] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        // A hub has a serial number too, which is nobody's camera's.
        fs::create_dir_all(at("sys/devices").join(CONTROLLER)).unwrap();
        for (file, text) in [("idVendor", "1d6b"), ("serial", "0000:00:14.0")] {
            fs::write(at("sys/devices").join(CONTROLLER).join(file), text).unwrap();
        }
        Self { root, roots }
    }

    /// A USB device in a port; its first interface's folder.
    fn usb(&self, port: &str, serial: Option<&str>) -> PathBuf {
        let device = self
            .roots
            .sys
            .join("devices")
            .join(CONTROLLER)
            .join(format!("1-{port}"));
        let interface = device.join(format!("1-{port}:1.0"));
        fs::create_dir_all(&interface).unwrap();
        fs::write(device.join("idVendor"), "046d\n").unwrap();
        if let Some(serial) = serial {
            fs::write(device.join("serial"), format!("{serial}\n")).unwrap();
        }
        interface
    }

    /// Something that the kernel makes by itself.
    fn platform(&self, name: &str) -> PathBuf {
        let device = self.roots.sys.join("devices/platform").join(name);
        fs::create_dir_all(&device).unwrap();
        device
    }

    fn camera(&self, device: &Path, node: &str, name: &str) -> String {
        let entry = device.join("video4linux").join(node);
        fs::create_dir_all(&entry).unwrap();
        fs::write(entry.join("name"), format!("{name}\n")).unwrap();
        fs::write(entry.join("index"), "0\n").unwrap();
        symlink(device, entry.join("device")).unwrap();
        symlink(&entry, self.roots.sys.join("class/video4linux").join(node)).unwrap();
        let node = self.roots.dev.join(node);
        fs::write(&node, "").unwrap();
        node.display().to_string()
    }

    fn unplug(&self, node: &str) {
        fs::remove_file(self.roots.sys.join("class/video4linux").join(node)).unwrap();
        fs::remove_file(self.roots.dev.join(node)).unwrap();
    }

    fn card(&self, device: &Path, number: u32, id: &str, name: &str) {
        let entry = device.join("sound").join(format!("card{number}"));
        fs::create_dir_all(&entry).unwrap();
        fs::write(entry.join("id"), format!("{id}\n")).unwrap();
        symlink(device, entry.join("device")).unwrap();
        symlink(
            &entry,
            self.roots.sys.join("class/sound").join(format!("card{number}")),
        )
        .unwrap();
        let list = self.roots.proc.join("asound/cards");
        let before = fs::read_to_string(&list).unwrap_or_default();
        let line =
            format!(" {number} [{id:<15}]: USB-Audio - {name}\n                      Maker {name} at usb\n");
        fs::write(list, before + &line).unwrap();
    }

    fn find(&self, source: &Source, expect: Option<&str>) -> Result<(String, Option<String>), Failure> {
        let place = find(source, expect, &self.roots)?;
        let opened = match place.kind {
            SourceKind::V4l2 { device } | SourceKind::Alsa { device } => device,
            other => panic!("{other:?}"),
        };
        Ok((opened, place.device))
    }
}

fn source(kind: SourceKind, serial: Option<&str>) -> Source {
    Source {
        name: "camera".parse().unwrap(),
        role: Role::Presenter,
        kind,
        required: false,
        spare_for: None,
        serial: serial.map(str::to_owned),
        delay_ms: 0,
        video: Some(Video {
            width: None,
            height: None,
            fps: 30,
            bitrate: None,
            encoder: Encoder::Auto,
        }),
        audio: Some(Audio {
            channels: 1,
            bitrate: Rate(96_000),
        }),
    }
}

fn v4l2(device: &str, serial: Option<&str>) -> Source {
    source(
        SourceKind::V4l2 {
            device: device.to_owned(),
        },
        serial,
    )
}

fn alsa(device: &str, serial: Option<&str>) -> Source {
    source(
        SourceKind::Alsa {
            device: device.to_owned(),
        },
        serial,
    )
}

#[test]
fn a_device_is_known_by_its_serial_number_or_else_by_its_socket() {
    let machine = Machine::new();
    let one = machine.camera(&machine.usb("2.4", Some("A1")), "video0", "Podium Cam");
    let two = machine.camera(&machine.usb("3", None), "video2", "Cheap Cam");
    let three = machine.camera(&machine.platform("vivid.0"), "video4", "vivid-000-vid-cap");
    for (device, line) in [
        (&one, "Podium Cam, serial A1"),
        (&two, "Cheap Cam at pci-0000:00:14.0-usb-0:3:1.0"),
        (&three, "vivid-000-vid-cap at platform-vivid.0"),
    ] {
        let found = machine.find(&v4l2(device, None), None).unwrap();
        assert_eq!(found, (device.clone(), Some(line.to_owned())));
    }
    // What the kernel does not know is opened all the same.
    let nowhere = v4l2("/dev/video-that-is-not-there", None);
    let found = machine.find(&nowhere, Some("Podium Cam, serial A2")).unwrap();
    assert_eq!(found, ("/dev/video-that-is-not-there".to_owned(), None));
}

#[test]
fn another_camera_at_the_same_node_is_refused_and_named() {
    let machine = Machine::new();
    let node = machine.camera(&machine.usb("2", Some("A1")), "video0", "Podium Cam");
    let (_, before) = machine.find(&v4l2(&node, None), None).unwrap();
    machine.unplug("video0");
    machine.camera(&machine.usb("4", Some("B2")), "video0", "Other Cam");
    let failure = machine.find(&v4l2(&node, None), before.as_deref()).unwrap_err();
    assert_eq!(failure.reason, FailureReason::Swapped);
    assert_eq!(
        failure.message,
        format!(
            "camera {node} is now \"Other Cam, serial B2\", and it was \"Podium Cam, serial A1\"; \
             plug the first one in again, or restart lecternd to record the other"
        )
    );
}

#[test]
fn two_cameras_of_one_model_that_changed_places_are_told_apart() {
    let machine = Machine::new();
    let node = machine.camera(&machine.usb("2", None), "video0", "Cheap Cam");
    let (_, before) = machine.find(&v4l2(&node, None), None).unwrap();
    machine.unplug("video0");
    // The kernel counted the other way round: the first is followed to its new node.
    machine.camera(&machine.usb("3", None), "video0", "Cheap Cam");
    let moved = machine.camera(&machine.usb("2", None), "video1", "Cheap Cam");
    let found = machine.find(&v4l2(&node, None), before.as_deref()).unwrap();
    assert_eq!(found, (moved, before));
}

#[test]
fn a_serial_number_is_followed_wherever_it_is_plugged_in() {
    let machine = Machine::new();
    let first = machine.camera(&machine.usb("2", Some("A1")), "video0", "Podium Cam");
    let wanted = machine.camera(&machine.usb("5", Some("B2")), "video1", "Podium Cam");
    let line = Some("Podium Cam, serial B2".to_owned());
    let bound = v4l2(&first, Some("B2"));
    assert_eq!(machine.find(&bound, None).unwrap(), (wanted, line.clone()));
    // What was seen before does not count beside the configuration.
    machine.find(&bound, Some("Podium Cam, serial A1")).unwrap();
    machine.unplug("video1");
    let failure = machine.find(&bound, line.as_deref()).unwrap_err();
    assert_eq!(failure.reason, FailureReason::Swapped);
    assert!(
        failure.message.contains("\"Podium Cam, serial A1\""),
        "{}",
        failure.message
    );
    machine.unplug("video0");
    let failure = machine.find(&bound, None).unwrap_err();
    assert_eq!(failure.reason, FailureReason::NotFound);
    assert!(
        failure.message.contains("serial number B2"),
        "{}",
        failure.message
    );
    let elsewhere = machine.camera(&machine.usb("7", Some("B2")), "video3", "Podium Cam");
    assert_eq!(machine.find(&bound, None).unwrap(), (elsewhere, line));
}

#[test]
fn a_link_by_path_leads_to_its_node() {
    let machine = Machine::new();
    machine.camera(&machine.usb("2", Some("A1")), "video6", "Podium Cam");
    let link = machine.root.path().join("dev/by-path");
    symlink("video6", &link).unwrap();
    let link = link.display().to_string();
    let found = machine.find(&v4l2(&link, None), None).unwrap();
    assert_eq!(found, (link, Some("Podium Cam, serial A1".to_owned())));
}

/// Cheap cameras have the serial number of their chip's maker, all the same one.
#[test]
fn a_look_alike_in_another_socket_is_not_taken_for_the_one_behind_a_link() {
    let machine = Machine::new();
    let first = machine.camera(&machine.usb("2", Some("01.00.00")), "video0", "Cheap Cam");
    machine.camera(&machine.usb("5", Some("01.00.00")), "video1", "Cheap Cam");
    let links = machine.root.path().join("dev/v4l/by-path");
    fs::create_dir_all(&links).unwrap();
    let link = links.join("usb-2");
    symlink(machine.root.path().join("dev/video0"), &link).unwrap();
    let bound = v4l2(&link.display().to_string(), None);
    let (opened, line) = machine.find(&bound, None).unwrap();
    assert_eq!(opened, link.display().to_string());
    machine.unplug("video0");
    fs::remove_file(&link).unwrap();
    // Nothing else is offered; whoever opens the link finds that it is not there.
    let (opened, _) = machine.find(&bound, line.as_deref()).unwrap();
    assert_eq!(opened, link.display().to_string());
    // By its node alone, the line is all that there is to go by.
    let (opened, _) = machine.find(&v4l2(&first, None), line.as_deref()).unwrap();
    assert!(opened.ends_with("video1"), "{opened}");
}

#[test]
fn one_usb_device_may_be_two_cameras() {
    let machine = Machine::new();
    let colour = machine.usb("2", Some("A1"));
    let depth = colour.with_file_name("1-2:1.3");
    fs::create_dir_all(&depth).unwrap();
    let one = machine.camera(&colour, "video0", "Depth Cam");
    let two = machine.camera(&depth, "video2", "Depth Cam");
    let lines: Vec<_> = [&one, &two]
        .map(|node| machine.find(&v4l2(node, None), None).unwrap().1.unwrap())
        .into();
    assert_eq!(lines, ["Depth Cam, serial A1", "Depth Cam, serial A1, part 1.3"]);
    // By serial number alone it is the first.
    assert_eq!(machine.find(&v4l2("/dev/none", Some("A1")), None).unwrap().0, one);
}

#[test]
fn sound_cards_are_bound_the_same_way() {
    let machine = Machine::new();
    machine.card(&machine.usb("2", Some("M1")), 0, "Podium", "Podium Microphone");
    machine.card(&machine.platform("snd_aloop.0"), 1, "Loopback", "Loopback");
    let line = "Podium Microphone, serial M1";
    for device in ["hw:0", "hw:CARD=Podium,DEV=0", "plughw:Podium"] {
        let found = machine.find(&alsa(device, None), None).unwrap();
        assert_eq!(found, (device.to_owned(), Some(line.to_owned())));
    }
    let found = machine.find(&alsa("hw:Loopback,1,0", None), None).unwrap();
    assert_eq!(found.1.unwrap(), "Loopback at platform-snd_aloop.0");
    // Card 1 was the podium's once.
    let found = machine.find(&alsa("hw:1,0", None), Some(line)).unwrap();
    assert_eq!(found, ("hw:Podium,0".to_owned(), Some(line.to_owned())));
    let found = machine
        .find(&alsa("hw:CARD=Gone,DEV=0", Some("M1")), None)
        .unwrap();
    assert_eq!(found.0, "hw:CARD=Podium,DEV=0");
    let failure = machine.find(&alsa("hw:1", Some("M9")), None).unwrap_err();
    assert_eq!(failure.reason, FailureReason::Swapped);
    // A name of ALSA's configuration is nobody's in particular.
    let found = machine.find(&alsa("default", None), Some("x")).unwrap();
    assert_eq!(found, ("default".to_owned(), None));
}

#[test]
fn a_network_camera_s_line_has_no_password() {
    let url = "rtsp://admin:hush@cam/live".to_owned();
    let place = find(&source(SourceKind::Rtsp { url }, None), None, &Roots::default()).unwrap();
    assert_eq!(place.device.as_deref(), Some("rtsp://cam/live"));
}
