//! Other programs that have a camera or a microphone open: Zoom, OBS, a browser.
//!
//! Read from `/proc`, as far as the user who asks may look: root sees all.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use lectern_domain::api::Check;

/// Our own; `comm` of the kernel has 15 letters.
const OURS: &str = "lectern-source";

/// One finding for each program.
pub(super) fn look() -> Vec<Check> {
    holders(Path::new("/proc"))
        .into_iter()
        .map(|Holder { program, id, devices }| {
            let devices: Vec<String> = devices.into_iter().collect();
            Check::warning(
                "devices",
                format!("{program} (process {id}) has {} open.", devices.join(", ")),
                "If a source cannot be opened, end that program, or give it another device.",
            )
        })
        .collect()
}

#[derive(Debug, PartialEq, Eq)]
struct Holder {
    program: String,
    id: u32,
    devices: BTreeSet<String>,
}

fn holders(proc: &Path) -> Vec<Holder> {
    let mut found = Vec::new();
    for entry in fs::read_dir(proc).into_iter().flatten().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // Of another user's process nothing can be seen.
        let files = fs::read_dir(entry.path().join("fd"))
            .into_iter()
            .flatten()
            .flatten();
        let devices: BTreeSet<String> = files
            .filter_map(|file| fs::read_link(file.path()).ok())
            .filter_map(|target| Some(target.to_str()?.to_owned()))
            .filter(|target| captures(target))
            .collect();
        let program = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        let program = program.trim();
        if !devices.is_empty() && program != OURS {
            found.push(Holder {
                program: program.to_owned(),
                id,
                devices,
            });
        }
    }
    found.sort_by_key(|holder| holder.id);
    found
}

/// A camera, or the recording side of a sound card.
fn captures(path: &str) -> bool {
    let is_sound = |name: &str| name.starts_with("pcm") && name.ends_with('c');
    path.starts_with("/dev/video") || path.strip_prefix("/dev/snd/").is_some_and(is_sound)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn programs_at_cameras_and_microphones_are_named_and_ours_is_not() {
        let proc = tempfile::tempdir().unwrap();
        for (id, comm, targets) in [
            ("4242", "zoom", &["/dev/video0", "/dev/null", "/dev/video0"][..]),
            ("77", "pipewire", &["/dev/snd/controlC0", "/dev/snd/pcmC0D0c"]),
            ("99", "mpv", &["/dev/snd/pcmC0D0p"]),
            ("5", OURS, &["/dev/video0"]),
            ("self", "zoom", &["/dev/video0"]),
        ] {
            let folder = proc.path().join(id);
            fs::create_dir_all(folder.join("fd")).unwrap();
            fs::write(folder.join("comm"), format!("{comm}\n")).unwrap();
            for (number, target) in targets.iter().enumerate() {
                symlink(target, folder.join("fd").join(number.to_string())).unwrap();
            }
        }
        let found = holders(proc.path());
        let told: Vec<(&str, u32)> = found.iter().map(|one| (one.program.as_str(), one.id)).collect();
        assert_eq!(told, [("pipewire", 77), ("zoom", 4242)]);
        assert_eq!(found[1].devices.len(), 1);
    }
}
