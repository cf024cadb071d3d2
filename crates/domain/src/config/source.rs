//! Reads `[[source]]`: what each kind needs, and what the sources are beside each other.

use super::faults::{Findings, listed};
use super::section::{Elsewhere, Section};
use super::source_keys::{
    ALSA_DEVICE, AUDIO_BITRATE, CAMERA_BITRATE, CAMERA_FPS, CAMERA_HEIGHT, CAMERA_WIDTH, CHANNELS, DELAY,
    DISPLAY, ENCODER, HEIGHT, KIND, Kind, LAUNCH, NAME, OF_KINDS, PULSE_DEVICE, REQUIRED, ROLE, SCREEN_FPS,
    SERIAL, SPARE_FOR, URL, VIDEO_BITRATE, VIDEO_DEVICE, WIDTH,
};
use super::tree::{Node, Table, Value, shown};
use super::{Audio, Encoder, Source, SourceKind, Video};
use crate::media::Role;

/// The preview tells sources apart by one byte, a lectern has one processor: far below both.
const MAX_SOURCES: usize = 16;

/// Every `[[source]]`, in order; `None` when a fault was found and noted.
pub(super) fn read_all(root: &Table, findings: &mut Findings) -> Option<Vec<Source>> {
    const EXAMPLE: &str = "[[source]]";
    let (at, nodes): (_, &[Node]) = match root.entry("source").map(|entry| &entry.node) {
        Some(Node {
            at,
            value: Value::List(nodes),
        }) => (at, nodes),
        // Another form of it has been reported with the sections.
        Some(_) => return None,
        None => (&root.at, &[]),
    };
    if nodes.is_empty() {
        let allowed = "a room has at least one camera, screen or microphone, each as a [[source]]";
        findings.add_absent(at, "source", "there is no [[source]]", allowed, EXAMPLE);
        return None;
    }
    if let Some(beyond) = nodes.get(MAX_SOURCES) {
        findings.add(
            &beyond.at,
            "source",
            "there are too many",
            "allowed are 16 [[source]]",
            EXAMPLE,
        );
    }
    let mut names = Vec::new();
    let mut sources = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let Value::Table(table) = &node.value else {
            return None;
        };
        let mut section = Section::of_list("[[source]]", "source", index + 1, table, findings);
        section.check_name_is_new(&mut names);
        check_camera_is_free(&mut section, table, &nodes[..index]);
        check_spare_fits(&mut section, table, nodes);
        sources.push(read_one(section));
    }
    sources.into_iter().collect()
}

/// A V4L2 device gives its pictures to one reader; the second would find it busy, on each start.
fn check_camera_is_free(section: &mut Section<'_, '_>, table: &Table, before: &[Node]) {
    let device_of = |table: &Table| {
        table
            .text("device")
            .filter(|_| table.text("kind") == Some("v4l2"))
            .map(str::to_owned)
    };
    let Some(device) = device_of(table) else { return };
    let taken = before.iter().any(|node| match &node.value {
        Value::Table(other) => device_of(other).as_ref() == Some(&device),
        _ => false,
    });
    if taken {
        let wrong = "this camera already belongs to another [[source]]";
        section.refuse(
            "device",
            wrong,
            "allowed is each camera once",
            VIDEO_DEVICE.example,
        );
    }
}

/// A spare stands in for another source of its own role, which is no spare itself and has no other.
fn check_spare_fits(section: &mut Section<'_, '_>, table: &Table, all: &[Node]) {
    let Some(wanted) = table.text("spare_for") else {
        return;
    };
    let tables = || {
        all.iter().filter_map(|node| match &node.value {
            Value::Table(other) => Some(other),
            _ => None,
        })
    };
    let other = tables().find(|other| other.text("name") == Some(wanted));
    let wrong = match other {
        _ if table.text("name") == Some(wanted) => "a source cannot stand in for itself".to_owned(),
        None => format!("there is no [[source]] named {}", shown(wanted)),
        Some(other) if other.text("role") != table.text("role") => {
            format!("{} has another role", shown(wanted))
        }
        Some(other) if other.text("spare_for").is_some() => {
            format!("{} is a spare itself", shown(wanted))
        }
        Some(_)
            if tables()
                .filter(|spare| spare.text("spare_for") == Some(wanted))
                .count()
                > 1 =>
        {
            format!("{} has more than one spare", shown(wanted))
        }
        Some(_) => return,
    };
    let allowed = format!("allowed is {}", SPARE_FOR.limits.allowed);
    section.refuse("spare_for", &wrong, &allowed, SPARE_FOR.example);
}

fn read_one(mut section: Section<'_, '_>) -> Option<Source> {
    let name = section.require(&NAME);
    let role = section.require(&ROLE);
    let kind = section.require(&KIND);
    let required = section.get_or_default(&REQUIRED);
    let spare_for = section.get(&SPARE_FOR);
    let delay_ms = section.get_or_default(&DELAY);
    let is_video = kind.and_then(Kind::is_video).or(role.map(Role::is_video));
    if let (Some(kind), Some(role)) = (kind, role)
        && let Some(gives_pictures) = kind.is_video()
        && gives_pictures != role.is_video()
    {
        let (wrong, allowed, example) = if gives_pictures {
            let wrong = "this kind gives pictures, a microphone gives sound";
            (
                wrong,
                "allowed for this kind is presenter or presentation",
                ROLE.example,
            )
        } else {
            let wrong = "this kind gives sound, this role shows pictures";
            (
                wrong,
                "allowed for this kind is microphone",
                "role = \"microphone\"",
            )
        };
        section.refuse("role", wrong, allowed, example);
    }
    if required && spare_for.is_some() {
        let wrong = "a spare is not needed for a start, the source that it stands in for is";
        section.refuse(
            "required",
            wrong,
            "allowed is one of required and spare_for",
            "required = false",
        );
    }
    let what = kind.and_then(|kind| own_keys(&mut section, kind));
    let serial = match kind {
        Some(Kind::V4l2 | Kind::Alsa) => section.get(&SERIAL),
        Some(_) | None => None,
    };
    let (Some(kind), Some(is_video)) = (kind, is_video) else {
        // There is no telling which keys belong here.
        for (name, _, example) in OF_KINDS {
            section.pass_over(name, example);
        }
        section.finish(&[]);
        return None;
    };
    let video = is_video.then(|| video(&mut section, kind));
    let audio = (!is_video).then(|| audio(&mut section));
    section.finish(&other_kinds(kind, is_video));
    Some(Source {
        name: name?,
        role: role?,
        kind: what?,
        required,
        spare_for,
        serial,
        delay_ms,
        video,
        audio,
    })
}

/// The keys that say where this kind's data comes from.
fn own_keys(section: &mut Section<'_, '_>, kind: Kind) -> Option<SourceKind> {
    Some(match kind {
        Kind::V4l2 => SourceKind::V4l2 {
            device: section.require(&VIDEO_DEVICE)?,
        },
        Kind::Rtsp => SourceKind::Rtsp {
            url: section.require(&URL)?,
        },
        Kind::X11 => SourceKind::X11 {
            display: section.get(&DISPLAY),
        },
        Kind::Alsa => SourceKind::Alsa {
            device: section.require(&ALSA_DEVICE)?,
        },
        Kind::Pulse => SourceKind::Pulse {
            device: section.get(&PULSE_DEVICE),
        },
        Kind::TestVideo => SourceKind::TestVideo,
        Kind::TestAudio => SourceKind::TestAudio,
        Kind::Gst => SourceKind::Gst {
            launch: section.require(&LAUNCH)?,
        },
    })
}

fn video(section: &mut Section<'_, '_>, kind: Kind) -> Video {
    // Its pictures are recorded as they come, so there is nothing to choose.
    if kind == Kind::Rtsp {
        return Video {
            width: None,
            height: None,
            fps: 30,
            bitrate: None,
            encoder: Encoder::Auto,
        };
    }
    let screen = kind == Kind::X11;
    // These have a size of their own.
    let (width, height) = if screen || kind == Kind::Gst {
        (section.get(&WIDTH), section.get(&HEIGHT))
    } else {
        let (width, height) = (&CAMERA_WIDTH, &CAMERA_HEIGHT);
        (
            Some(section.get_or_default(width)),
            Some(section.get_or_default(height)),
        )
    };
    section.require_beside(&HEIGHT, "width");
    section.require_beside(&WIDTH, "height");
    Video {
        width,
        height,
        fps: section.get_or_default(if screen { &SCREEN_FPS } else { &CAMERA_FPS }),
        bitrate: match screen {
            true => section.get(&VIDEO_BITRATE),
            false => Some(section.get_or_default(&CAMERA_BITRATE)),
        },
        encoder: section.get_or_default(&ENCODER),
    }
}

fn audio(section: &mut Section<'_, '_>) -> Audio {
    Audio {
        channels: section.get_or_default(&CHANNELS),
        bitrate: section.get_or_default(&AUDIO_BITRATE),
    }
}

/// What to say of the keys that this kind does not have.
fn other_kinds(kind: Kind, is_video: bool) -> Vec<Elsewhere> {
    let word = KIND
        .limits
        .words
        .iter()
        .find(|(_, other)| *other == kind)
        .map_or("", |(word, _)| *word);
    let this = match (kind, is_video) {
        (Kind::Gst, true) => "gst for pictures",
        (Kind::Gst, false) => "gst for sound",
        _ => word,
    };
    let belongs = |(name, kinds, example): (&'static str, &[&str], &'static str)| Elsewhere {
        name,
        wrong: format!(
            "{name} belongs to {}, this source is {this}",
            listed(kinds.iter().copied())
        ),
        allowed: "take the line out, or choose a kind that has it".to_owned(),
        example,
    };
    OF_KINDS.into_iter().map(belongs).collect()
}
