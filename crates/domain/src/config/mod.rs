//! The typed configuration: what `lectern.toml` means once it has been found without fault.
//!
//! The structures here are plain, immutable data; reading, checking and the wording of faults
//! live in the files beside this one. Every value has passed its check before a structure
//! exists, so no other room checks again.

mod button;
mod endpoint;
mod faults;
mod key;
mod light;
mod limits;
mod merge;
mod notify;
mod notify_keys;
mod panel;
mod plain;
mod platform;
mod platform_keys;
mod read;
mod schema;
mod section;
mod settings;
mod source;
mod source_keys;
mod syntax;
mod tree;
mod upload;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::api::Field;
use crate::ids::{PlatformName, RoomId, SourceName};
use crate::media::Role;
use crate::units::{Rate, Size, Span};
use crate::upload::Upload;

pub use button::{Button, ButtonKind};
pub use faults::{Fault, Faults, Layer};
pub use light::{Colour, Colours, Light, LightKind, LightModel};
pub use notify::{MailTls, Notify, NotifyKind, Occasion, TimeOfDay};
pub use panel::{Panel, PanelToken, TlsFiles};
pub use read::{ConfigFile, Examined};
pub use schema::schema;
pub(crate) use section::is_secret;
pub use settings::{SetBy, Setting, Settings};

/// A configuration with every key at its default and a word on each, for `lectern config
/// default` and as the start of a new one. Its room and its test sources stand for what has no
/// default.
#[must_use]
pub const fn default_text() -> &'static str {
    include_str!("default.toml")
}

/// The whole configuration of a room.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Config {
    /// `[room]`
    pub room: Room,
    /// `[storage]`
    pub storage: Storage,
    /// `[recording]`
    pub recording: Recording,
    /// `[[source]]`, in file order; at least one.
    pub sources: Vec<Source>,
    /// `[[platform]]`, in file order; may be empty: then finished lectures stay here.
    pub platforms: Vec<Platform>,
    /// `[upload]`
    pub upload: Upload,
    /// `[panel]`
    pub panel: Panel,
    /// `[control]`
    pub control: Control,
    /// `[[light]]`, in file order; most rooms have none.
    pub lights: Vec<Light>,
    /// `[[button]]`, in file order; most rooms have none.
    pub buttons: Vec<Button>,
    /// `[[notify]]`, in file order; may be empty: then nobody is told.
    pub notify: Vec<Notify>,
}

/// Which room this is, for people and for file names.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Room {
    /// Short and stable; part of folder names and metrics.
    pub id: RoomId,
    /// As people call it; any script. Default: the id.
    pub name: String,
    /// IANA name. Default: the machine's (`None`).
    pub timezone: Option<String>,
    /// Languages of the page, most used first. Default: `["en"]`.
    pub languages: Vec<String>,
    /// Whom to call, shown on the page and in faults.
    pub help: Option<String>,
}

/// Where recordings lie and how they are kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Storage {
    /// The spool's folder, absolute.
    pub path: PathBuf,
    /// Free space that is never given to recordings.
    pub reserve: Size,
    /// How often an open segment is flushed to the disk.
    pub sync_every: Span,
    /// Length of a segment; it closes at the first key frame past it.
    pub segment: Span,
    /// How long a delivered lecture stays here, unless the next recording needs the room.
    pub keep_sent: Span,
}

/// Which role's picture `lecture.mp4` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Picture {
    /// The presentation, else the presenter.
    Presentation,
    /// The presenter, else the presentation.
    Presenter,
}

/// How lectures are recorded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recording {
    /// How long before the press a lecture begins, from what the sources keep in memory. Zero:
    /// nothing is encoded before the press.
    pub pre_roll: Span,
    /// A lecture stops by itself after this.
    pub max_length: Span,
    /// How long a stop can be undone.
    pub undo: Span,
    /// A lecture cut by an outage goes on by itself within this.
    pub resume_within: Span,
    /// The picture of `lecture.mp4`.
    pub picture: Picture,
    /// Whether the finished files show a card of two seconds where an outage left a gap.
    pub gap_card: bool,
    /// What must be said about a lecture before it is started or planned; empty: nothing.
    pub require: Vec<Field>,
}

/// One camera, screen or microphone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Its name; also its track's.
    pub name: SourceName,
    /// What it shows or hears.
    pub role: Role,
    /// Where its data comes from.
    pub kind: SourceKind,
    /// Refuse to start a lecture while it does not deliver.
    pub required: bool,
    /// It records only while this other source does not deliver.
    pub spare_for: Option<SourceName>,
    /// The serial number of the only device that may be opened (V4L2 and ALSA); `None`: the first
    /// that is found at its place, and none other until the daemon starts again.
    pub serial: Option<String>,
    /// Added to the source's time stamps, in milliseconds; positive when it arrives early.
    pub delay_ms: i64,
    /// Picture parameters; `None` exactly for sound.
    pub video: Option<Video>,
    /// Sound parameters; `None` exactly for pictures.
    pub audio: Option<Audio>,
}

/// How a picture is captured and encoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Video {
    /// Width in pixels; `None` takes what the source has (screen, RTSP).
    pub width: Option<u32>,
    /// Height in pixels; `None` takes what the source has.
    pub height: Option<u32>,
    /// Pictures a second; means nothing for RTSP, which is recorded as it comes.
    pub fps: u32,
    /// Mean rate of the encoder; `None` means constant quality (the screen's default).
    pub bitrate: Option<Rate>,
    /// Which encoder.
    pub encoder: Encoder,
}

/// How sound is encoded: AAC-LC, 48 kHz.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Audio {
    /// 1 or 2.
    pub channels: u32,
    /// Mean rate of the encoder.
    pub bitrate: Rate,
}

/// The video encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoder {
    /// The best that works here, found by trying.
    Auto,
    /// A graphics card through VA-API.
    Vaapi,
    /// A codec of the system on chip through Video4Linux 2 (memory to memory).
    V4l2,
    /// NVIDIA's NVENC.
    Nvenc,
    /// Intel's Quick Sync Video.
    Qsv,
    /// x264 in software.
    X264,
    /// OpenH264 in software.
    Openh264,
}

impl Encoder {
    /// The name in configuration, JSON and log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Vaapi => "vaapi",
            Self::V4l2 => "v4l2",
            Self::Nvenc => "nvenc",
            Self::Qsv => "qsv",
            Self::X264 => "x264",
            Self::Openh264 => "openh264",
        }
    }

    /// Whether it needs nothing but the processor.
    #[must_use]
    pub const fn is_software(self) -> bool {
        match self {
            Self::X264 | Self::Openh264 => true,
            Self::Auto | Self::Vaapi | Self::V4l2 | Self::Nvenc | Self::Qsv => false,
        }
    }
}

/// The kind of a source with the keys that only this kind has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum SourceKind {
    /// A camera or grabber on Video4Linux 2.
    V4l2 {
        /// Device path, best a stable one below `/dev/v4l/by-path` or `by-id`.
        device: String,
    },
    /// A network camera that sends H.264; recorded as it comes, without encoding again.
    Rtsp {
        /// `rtsp://…`; user and password may stand in it and are never logged.
        url: String,
    },
    /// The screen of an X server.
    X11 {
        /// Such as `:0`; `None` takes `DISPLAY` of the daemon's environment.
        display: Option<String>,
    },
    /// A sound card through ALSA.
    Alsa {
        /// Such as `hw:CARD=Podium`.
        device: String,
    },
    /// A source of PulseAudio or PipeWire's Pulse server.
    Pulse {
        /// The source's name as `pactl list short sources` prints it; `None` takes the default.
        device: Option<String>,
    },
    /// A live test picture: a clock, a moving bar, and a white flash at each whole second of
    /// the system's monotonic clock.
    TestVideo,
    /// A live test sound: a 1 kHz beep of 40 ms at each whole second of the same clock.
    TestAudio,
    /// A GStreamer launch fragment that ends in raw video or raw audio, for what no other kind
    /// covers.
    Gst {
        /// Such as `videotestsrc is-live=true ! videoflip method=vertical-flip`.
        launch: String,
    },
}

impl SourceKind {
    /// The kind's name in configuration and JSON.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::V4l2 { .. } => "v4l2",
            Self::Rtsp { .. } => "rtsp",
            Self::X11 { .. } => "x11",
            Self::Alsa { .. } => "alsa",
            Self::Pulse { .. } => "pulse",
            Self::TestVideo => "test-video",
            Self::TestAudio => "test-audio",
            Self::Gst { .. } => "gst",
        }
    }
}

/// Where finished lectures go.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Platform {
    /// Its name, in the database, in metrics and for people.
    pub name: PlatformName,
    /// Its protocol with the protocol's own keys.
    pub kind: PlatformKind,
    /// Which finished files it takes.
    pub send: Vec<Send>,
    /// Where its secret is, if it needs one.
    pub credential: Option<Credential>,
    /// Certificates that are trusted beside the system's, PEM.
    pub ca_file: Option<PathBuf>,
}

/// What a platform takes of a finished lecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Send {
    /// `lecture.mp4`
    Lecture,
    /// One file per track.
    Tracks,
    /// `lecture.json` and `SHA256SUMS`
    Metadata,
}

/// A platform's protocol.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum PlatformKind {
    /// tus 1.0.0 resumable uploads.
    Tus {
        /// Where uploads are created.
        url: String,
        /// Answers `{sha256, size}` for a lecture, if the platform has such a thing.
        receipt_url: Option<String>,
    },
    /// Multipart uploads to any store that speaks S3. The credential is `ACCESS_KEY:SECRET_KEY`.
    S3 {
        /// The endpoint, without the bucket.
        url: String,
        /// Where objects are made.
        bucket: String,
        /// As the store calls it; part of each signature. Default: `us-east-1`.
        region: String,
        /// In front of every key, such as `lectures/`; may be empty.
        prefix: String,
        /// The bucket is part of the path and not of the host's name.
        path_style: bool,
        /// Which digest goes with each part.
        checksum: Checksum,
    },
    /// Opencast's ingest service. The credential is the password of `user`.
    Opencast {
        /// The admin node; the services themselves are found by its registry.
        url: String,
        /// Who signs in.
        user: String,
        /// How `user` signs in.
        auth: Auth,
        /// The workflow that an ingested lecture goes through; `None`: the server's default.
        workflow: Option<String>,
        /// Parameters of that workflow, as `key=value`.
        parameters: Vec<(String, String)>,
        /// The capture agent's name there. Default: the room's id.
        agent: String,
    },
    /// A folder: a mounted share or a disk.
    Directory {
        /// Absolute; with `label`, the folder on that disk, relative to its root.
        path: PathBuf,
        /// The label of the file system that must be mounted, wherever it is: a USB disk.
        label: Option<String>,
        /// Whether the folder may be made if it is missing.
        create: Create,
    },
}

impl PlatformKind {
    /// The kind's name in configuration and JSON.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Tus { .. } => "tus",
            Self::S3 { .. } => "s3",
            Self::Opencast { .. } => "opencast",
            Self::Directory { .. } => "directory",
        }
    }

    /// Whether it is reached over the network, where rate and budgets hold.
    #[must_use]
    pub const fn is_remote(&self) -> bool {
        !matches!(self, Self::Directory { .. })
    }
}

/// The digest that an S3 store is given with each part, beside the SHA-256 that signs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Checksum {
    /// CRC64NVME of the whole object where the store takes it, else SHA-256 of the parts, else
    /// none; found out at the first upload.
    #[default]
    Auto,
    /// CRC64NVME, of the whole object.
    Crc64nvme,
    /// CRC32C, of the whole object.
    Crc32c,
    /// SHA-256, of the parts.
    Sha256,
    /// `Content-MD5`, which the oldest stores know.
    Md5,
    /// Nothing but the signature.
    None,
}

/// How one signs in to Opencast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// HTTP Basic: an ordinary user.
    #[default]
    Basic,
    /// HTTP Digest: Opencast's system account.
    Digest,
}

/// Whether a missing folder of a platform may be made. A share or disk that is not mounted must
/// not be mistaken for one: its lectures would fill the system's disk and count as delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Create {
    /// `create = true`: always, with all folders above it.
    Always,
    /// `create = false`: never; it is waited for.
    Never,
    /// Nothing said: the folder itself, if the folder above it is there and holds something. An
    /// empty or missing one is where a share or disk is not mounted.
    Beside,
}

/// Where a secret is read from; the secret itself is never in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// A name in systemd's credential directory (`$CREDENTIALS_DIRECTORY`).
    Name(String),
    /// A file; refused when others can read it.
    File(PathBuf),
}

/// The control socket.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Control {
    /// Path of the socket.
    pub socket: PathBuf,
}
