//! Cameras: the nodes that the kernel lists, their names that stay, and what they can deliver.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use serde_json::{Value, json};

use super::{entries, entry};
use crate::capture::{Coding, recordable};
use crate::identity;

/// Sizes that are named when a device offers a whole range of them.
const USUAL_SIZES: [(i32, i32); 4] = [(3840, 2160), (1920, 1080), (1280, 720), (640, 480)];
/// Rates that are named when a device offers a whole range of them, in pictures a second.
const USUAL_RATES: [u32; 7] = [60, 50, 30, 25, 15, 10, 5];
/// Slower than this, in pictures a second, a person who moves is seen to jerk.
const SMOOTH: u32 = 24;

/// Everything that the list says of one camera.
pub(super) fn camera(node: &str, label: &str, modes: &[Mode]) -> Value {
    let links = stable_names(Path::new("/dev/v4l"), Path::new(node));
    // A name that survives a reboot and a second camera; the node's number does not.
    let device = links.first().cloned().unwrap_or_else(|| node.to_owned());
    let hardware = identity::camera(Path::new(node));
    let mut value = entry("v4l2", &device, hardware.as_ref());
    value["node"] = json!(node);
    value["links"] = json!(links);
    value["label"] = json!(label);
    value["formats"] = modes.iter().map(|mode| json!(mode.to_string())).collect();
    value["modes"] = modes.iter().map(Mode::to_json).collect();
    let denied = access(node, AccessFlags::R_OK | AccessFlags::W_OK) == Err(Errno::EACCES);
    value["refused"] = json!(denied.then_some("you may not open it; members of the group video may"));
    value
}

/// Cameras that no provider named: present, but held or without permission.
pub(super) fn add_unmonitored(cameras: &mut Vec<Value>, nodes: &BTreeMap<String, String>) {
    for (node, label) in nodes {
        if !cameras.iter().any(|camera| camera["node"] == node.as_str()) {
            cameras.push(camera(node, label, &[]));
        }
    }
}

/// Device nodes and the names of their drivers, of those that the kernel lists first for each
/// piece of hardware; a webcam's further nodes carry metadata.
pub(super) fn video_nodes(class: &Path) -> BTreeMap<String, String> {
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

/// A size that a camera delivers, and how fast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mode {
    width: i32,
    height: i32,
    jpeg: bool,
    /// Pictures a second, fastest first; empty if the device does not say.
    rates: Vec<u32>,
}

/// For people: `1280x720@30`, `JPEG 1920x1080@30`, with the highest rate.
impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let packed = if self.jpeg { "JPEG " } else { "" };
        write!(f, "{packed}{}x{}", self.width, self.height)?;
        self.rates.first().map_or(Ok(()), |rate| write!(f, "@{rate}"))
    }
}

impl Mode {
    fn to_json(&self) -> Value {
        json!({ "width": self.width, "height": self.height, "jpeg": self.jpeg, "rates": self.rates })
    }

    fn fastest(&self) -> u32 {
        self.rates.first().copied().unwrap_or(0)
    }

    /// Orders the best first: smooth before jerky, large before small, fast before slow, and raw
    /// pixels before JPEG, which cost the processor nothing to unpack.
    fn rank(&self) -> impl Ord + use<> {
        std::cmp::Reverse((
            self.fastest() >= SMOOTH,
            i64::from(self.width) * i64::from(self.height),
            self.fastest(),
            !self.jpeg,
        ))
    }
}

/// What of `caps` can be recorded, best first, each size once for raw pixels and once for JPEG. How
/// the pixels of a raw one are packed is nobody's choice; JPEG that is no faster than raw pixels of
/// the same size is nobody's gain.
pub(super) fn modes(caps: Option<&gst::Caps>) -> Vec<Mode> {
    let mut all: Vec<Mode> = Vec::new();
    for fields in caps.into_iter().flat_map(|caps| caps.iter()) {
        let Some(coding) = recordable(fields) else {
            continue;
        };
        let (jpeg, rates) = (coding == Coding::Jpeg, rates(fields));
        for (width, height) in sizes(fields) {
            let same = |mode: &&mut Mode| (mode.width, mode.height, mode.jpeg) == (width, height, jpeg);
            match all.iter_mut().find(same) {
                Some(known) => known.rates.extend(&rates),
                None => all.push(Mode {
                    width,
                    height,
                    jpeg,
                    rates: rates.clone(),
                }),
            }
        }
    }
    for mode in &mut all {
        mode.rates.sort_unstable_by(|a, b| b.cmp(a));
        mode.rates.dedup();
    }
    let raw: Vec<Mode> = all.iter().filter(|mode| !mode.jpeg).cloned().collect();
    all.retain(|mode| {
        let rivals = raw
            .iter()
            .filter(|raw| (raw.width, raw.height) == (mode.width, mode.height));
        !mode.jpeg || rivals.map(Mode::fastest).all(|rate| rate < mode.fastest())
    });
    all.sort_by_key(Mode::rank);
    all
}

/// The sizes of a format: one, or the usual ones within a range.
fn sizes(fields: &gst::StructureRef) -> Vec<(i32, i32)> {
    let side = |name: &str| {
        fields.get::<i32>(name).map(|side| side..=side).or_else(|_| {
            let range = fields.get::<gst::IntRange<i32>>(name)?;
            Ok::<_, gst::structure::GetError<_>>(range.min()..=range.max())
        })
    };
    let (Ok(widths), Ok(heights)) = (side("width"), side("height")) else {
        return Vec::new();
    };
    if widths.start() == widths.end() && heights.start() == heights.end() {
        return vec![(*widths.start(), *heights.start())];
    }
    let fits = |(width, height): &(i32, i32)| widths.contains(width) && heights.contains(height);
    USUAL_SIZES.into_iter().filter(fits).collect()
}

/// The rates of a format: one, a list, or the usual ones within a range.
fn rates(fields: &gst::StructureRef) -> Vec<u32> {
    let whole = |rate: gst::Fraction| {
        let rounded = (rate.numer() + rate.denom() / 2) / rate.denom().max(1);
        u32::try_from(rounded).ok().filter(|rate| *rate > 0)
    };
    if let Ok(rate) = fields.get::<gst::Fraction>("framerate") {
        return whole(rate).into_iter().collect();
    }
    if let Ok(list) = fields.get::<gst::List>("framerate") {
        let fractions = list.iter().filter_map(|value| value.get::<gst::Fraction>().ok());
        return fractions.filter_map(whole).collect();
    }
    let Ok(range) = fields.get::<gst::FractionRange>("framerate") else {
        return Vec::new();
    };
    let (slowest, fastest) = (whole(range.min()).unwrap_or(1), whole(range.max()).unwrap_or(0));
    USUAL_RATES
        .into_iter()
        .filter(|rate| (slowest..=fastest).contains(rate))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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

    fn shown(caps: &str) -> Vec<String> {
        gst::init().unwrap();
        let caps: gst::Caps = caps.parse().unwrap();
        modes(Some(&caps)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn formats_are_those_that_can_be_recorded_each_once_and_the_best_first() {
        let webcam = "video/x-raw, format=YUY2, width=640, height=480, framerate={15/1, 30/1}; \
            video/x-raw, format=NV12, width=640, height=480, framerate=30000/1001; \
            video/x-raw, format=YUY2, width=1920, height=1080, framerate=5/1; \
            image/jpeg, width=640, height=480, framerate=30/1; \
            image/jpeg, width=1280, height=720, framerate=60/1; \
            image/jpeg, width=1920, height=1080, framerate=30/1; \
            video/x-bayer, width=640, height=480, framerate=60/1; \
            video/x-h264, width=1920, height=1080, framerate=30/1";
        assert_eq!(
            shown(webcam),
            [
                "JPEG 1920x1080@30",
                "JPEG 1280x720@60",
                "640x480@30",
                "1920x1080@5"
            ]
        );
        let caps: gst::Caps = webcam.parse().unwrap();
        assert_eq!(
            modes(Some(&caps))[2].to_json(),
            json!({ "width": 640, "height": 480, "jpeg": false, "rates": [30, 15] })
        );
        assert!(modes(None).is_empty());
    }

    #[test]
    fn of_a_range_the_usual_formats_are_named() {
        let grabber = "video/x-raw, format=UYVY, width=[16,1920], height=[16,1080], framerate=[1/1,60/1]";
        assert_eq!(shown(grabber), ["1920x1080@60", "1280x720@60", "640x480@60"]);
        assert_eq!(shown("video/x-raw, width=320, height=240"), ["320x240"]);
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
}
