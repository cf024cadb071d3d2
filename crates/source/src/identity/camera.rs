//! The cameras of the kernel's class `video4linux`.

use std::path::Path;

use super::{Hardware, Roots, names, read};

/// The node that a configured path leads to: `video0`; `None` if it leads nowhere.
pub(super) fn node_of(device: &Path) -> Option<String> {
    let node = device.canonicalize().ok()?;
    Some(node.file_name()?.to_str()?.to_owned())
}

/// The hardware behind `node`; `None` if the kernel does not know it.
pub(super) fn at(node: &str, roots: &Roots) -> Option<Hardware> {
    let entry = roots.sys.join("class/video4linux").join(node);
    let model = read(&entry.join("name"))?;
    Some(Hardware::at(&entry.join("device"), model, roots))
}

/// Every node with its hardware. The first of each piece of hardware comes first, and the one on
/// the lowest interface of these: a webcam's further nodes carry metadata.
pub(super) fn all(roots: &Roots) -> Vec<(String, Hardware)> {
    let class = roots.sys.join("class/video4linux");
    let mut all: Vec<_> = names(&class)
        .into_iter()
        .filter_map(|node| {
            let hardware = at(&node, roots)?;
            let index: u32 = read(&class.join(&node).join("index"))?.parse().ok()?;
            Some((index, hardware.socket.clone(), node, hardware))
        })
        .collect();
    all.sort_by(|a, b| (a.0, &a.1, &a.2).cmp(&(b.0, &b.1, &b.2)));
    all.into_iter()
        .map(|(_, _, node, hardware)| (node, hardware))
        .collect()
}
