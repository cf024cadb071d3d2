//! Whether a camera or a sound card is there, asked of the kernel alone.
//!
//! A device that was unplugged is tried again every second or so, on a computer that records the
//! others meanwhile: a look into a folder costs next to nothing, GStreamer a third of a second of
//! a slow processor. What cannot be judged from here passes; opening the device is the real test.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use lectern_domain::config::{Source, SourceKind};
use lectern_domain::wire::FailureReason;
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

use crate::failure::{Failure, device_name};
use crate::identity::card_of;

/// Where the kernel lists sound cards, by number and by id.
const CARDS: &str = "/proc/asound";
/// A node is the super-user's alone until udev has seen to it, which takes well below this.
const BEING_SET_UP: Duration = Duration::from_secs(3);

/// Looks for the device of `source`. Does not block.
///
/// # Errors
/// It is not there, or may not be opened by this user.
pub(super) fn check(source: &Source) -> Result<(), Failure> {
    let refused = |reason, why: String| {
        let message = format!("{}: {why}", device_name(source));
        Err(Failure::new(reason, message))
    };
    match &source.kind {
        SourceKind::V4l2 { device } => match node(Path::new(device)) {
            Node::Usable => Ok(()),
            Node::Missing => refused(
                FailureReason::NotFound,
                "it is not there (No such file)".to_owned(),
            ),
            Node::New => refused(
                FailureReason::NotFound,
                "it was plugged in just now and cannot be opened yet (Permission denied)".to_owned(),
            ),
            Node::Forbidden => refused(
                FailureReason::Denied,
                "this user may not open it (Permission denied); the group video may".to_owned(),
            ),
        },
        SourceKind::Alsa { device } => match missing_card(device, Path::new(CARDS)) {
            Some(card) => refused(FailureReason::NotFound, format!("there is no card {card}")),
            None => Ok(()),
        },
        SourceKind::Rtsp { .. }
        | SourceKind::X11 { .. }
        | SourceKind::Pulse { .. }
        | SourceKind::TestVideo
        | SourceKind::TestAudio
        | SourceKind::Gst { .. } => Ok(()),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Node {
    Usable,
    Missing,
    /// Made moments ago, and not ours yet.
    New,
    Forbidden,
}

fn node(path: &Path) -> Node {
    // Follows links: one below by-path stays for a moment when its device is gone.
    let made = match path.metadata() {
        Ok(found) => found.modified(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Node::Missing,
        Err(_) => return Node::Usable,
    };
    if access(path, AccessFlags::R_OK | AccessFlags::W_OK) != Err(Errno::EACCES) {
        return Node::Usable;
    }
    match made.map(|made| made.elapsed()) {
        Ok(Ok(age)) if age < BEING_SET_UP => Node::New,
        _ => Node::Forbidden,
    }
}

/// The card that `device` names, if it is none of `cards`.
fn missing_card<'a>(device: &'a str, cards: &Path) -> Option<&'a str> {
    let card = card_of(device)?;
    if !cards.is_dir() {
        return None;
    }
    let entry = if card.parse::<u32>().is_ok() {
        cards.join(format!("card{card}"))
    } else {
        cards.join(card)
    };
    (!entry.exists()).then_some(card)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_card_is_looked_for_by_number_and_by_id() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("card0")).unwrap();
        symlink("card0", root.path().join("Podium")).unwrap();
        for there in [
            "hw:0",
            "hw:0,0",
            "hw:Podium,1,0",
            "hw:CARD=Podium",
            "plughw:CARD=Podium,DEV=0",
        ] {
            assert_eq!(missing_card(there, root.path()), None, "{there}");
        }
        for (away, card) in [
            ("hw:1", "1"),
            ("hw:CARD=Mixer,DEV=0", "Mixer"),
            ("front:Mixer", "Mixer"),
        ] {
            assert_eq!(missing_card(away, root.path()), Some(card), "{away}");
        }
    }

    #[test]
    fn a_name_that_is_not_a_card_s_is_left_to_alsa() {
        let root = tempfile::tempdir().unwrap();
        for name in [
            "default",
            "pulse",
            "dsp:Mixer",
            "hw:",
            "hw:{card 1}",
            "hw:DEV=0,CARD=Mixer",
        ] {
            assert_eq!(missing_card(name, root.path()), None, "{name}");
        }
        let nothing = root.path().join("missing");
        assert_eq!(missing_card("hw:1", &nothing), None, "a kernel without the list");
    }

    #[test]
    fn a_node_is_missing_also_behind_a_link_that_leads_nowhere() {
        let root = tempfile::tempdir().unwrap();
        let (file, link) = (root.path().join("video0"), root.path().join("usb-cam"));
        symlink(&file, &link).unwrap();
        assert_eq!(node(&file), Node::Missing);
        assert_eq!(node(&link), Node::Missing);
        fs::write(&file, "").unwrap();
        assert_eq!(node(&link), Node::Usable);
    }
}
