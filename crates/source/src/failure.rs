//! Why a source could not go on: GStreamer's words turned into a reason and a sentence.
//!
//! The reason decides how the daemon waits and what it shows; the sentence names the device,
//! for the person who has to walk to it. A URL's user and password never get into either.

use lectern_domain::config::{Source, SourceKind};
use lectern_domain::masked;
use lectern_domain::wire::FailureReason;

/// The most that is told of a failure, in bytes: it must fit into a frame and onto a screen.
const MAX_MESSAGE_BYTES: usize = 2048;

/// A failure as it is told to the daemon.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    /// Its kind.
    pub(crate) reason: FailureReason,
    /// What failed, on which device, why.
    pub(crate) message: String,
}

impl Failure {
    /// A failure of `reason` with its sentence.
    pub(crate) fn new(reason: FailureReason, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > MAX_MESSAGE_BYTES {
            let end = (0..=MAX_MESSAGE_BYTES)
                .rev()
                .find(|at| message.is_char_boundary(*at));
            message.truncate(end.unwrap_or(0));
        }
        Self { reason, message }
    }

    /// Something that cannot happen with a complete installation, such as a missing element.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(FailureReason::Internal, message)
    }
}

/// The device as people know it: `camera /dev/video0`, `X display :0`.
pub(crate) fn device_name(source: &Source) -> String {
    match &source.kind {
        SourceKind::V4l2 { device } => format!("camera {device}"),
        SourceKind::Rtsp { url } => format!("network camera {}", without_secrets(url)),
        SourceKind::X11 { display } => match display {
            Some(display) => format!("X display {display}"),
            None => match std::env::var("DISPLAY") {
                Ok(display) => format!("X display {display}"),
                Err(_) => "X display of the environment (DISPLAY is not set)".to_owned(),
            },
        },
        SourceKind::Alsa { device } => format!("sound card {device}"),
        SourceKind::Pulse { device } => match device {
            Some(device) => format!("PulseAudio source {device}"),
            None => "the default PulseAudio source".to_owned(),
        },
        SourceKind::TestVideo => "the test picture".to_owned(),
        SourceKind::TestAudio => "the test sound".to_owned(),
        SourceKind::Gst { .. } => format!("the launch fragment of source \"{}\"", source.name),
    }
}

/// What an address calls the words that nobody else may read. Some cameras want them in its path.
const SECRETS: [&str; 9] = [
    "user", "username", "usr", "password", "passwd", "pwd", "pass", "token", "auth",
];

/// `url` without what stands before an `@` of its authority, and without the values of names such
/// as `password` behind it.
pub(crate) fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let mut shown = format!("{scheme}://{host}");
    // `/user=admin_password=hush_channel=1.sdp`, `/live?pwd=hush&stream=0`
    let mut hides = false;
    for part in path.split_inclusive(['/', '?', '&', ';', '_']) {
        let end = part.chars().next_back().filter(|end| "/?&;_".contains(*end));
        let name = part.split_once('=').map(|(name, _)| name);
        match name.filter(|name| SECRETS.iter().any(|secret| name.eq_ignore_ascii_case(secret))) {
            Some(name) => {
                shown.push_str(name);
                shown.push_str("=…");
                shown.extend(end);
                hides = end == Some('_');
            }
            // A password may have the sign in it that stands between two names.
            None if hides && name.is_none() => hides = end == Some('_'),
            None => {
                shown.push_str(part);
                hides = false;
            }
        }
    }
    shown
}

/// Classifies an error message of a pipeline. `device` as of [`device_name`]; `alive` is whether
/// data had arrived before: then the same error means that the device went away.
pub(crate) fn from_bus(device: &str, alive: bool, error: &gst::glib::Error, debug: Option<&str>) -> Failure {
    let text = error.to_string();
    let detail = debug
        .map(last_line)
        .filter(|line| !line.is_empty() && !text.contains(line))
        .unwrap_or_default();
    // The debug line carries errno and the sound server's words, which the error itself hides.
    let all = format!("{text} {}", debug.unwrap_or_default()).to_lowercase();
    let reason = reason_of(alive, error, &all);
    let text = scrub(text.trim_end_matches('.'));
    let message = if detail.is_empty() {
        format!("{device}: {text}")
    } else {
        format!("{device}: {text} ({})", scrub(without_echo(&detail)))
    };
    Failure::new(reason, message)
}

fn reason_of(alive: bool, error: &gst::glib::Error, all: &str) -> FailureReason {
    let says = |words: &[&str]| words.iter().any(|word| all.contains(word));
    if says(&[
        "permission denied",
        "access denied",
        "not authorized",
        "unauthorized",
        "forbidden",
    ]) {
        return FailureReason::Denied;
    }
    let is = |kind: gst::ResourceError| error.kind::<gst::ResourceError>() == Some(kind);
    if is(gst::ResourceError::Busy) || says(&["busy", "in use by another"]) {
        return FailureReason::Busy;
    }
    if alive {
        return match error.kind::<gst::StreamError>() {
            Some(
                gst::StreamError::Format | gst::StreamError::WrongType | gst::StreamError::CodecNotFound,
            ) => FailureReason::Unsupported,
            _ => FailureReason::Lost,
        };
    }
    if says(&[
        "no such file",
        "no such entity",
        "no such device",
        "cannot identify device",
        "connection refused",
    ]) {
        return FailureReason::NotFound;
    }
    if let Some(kind) = error.kind::<gst::ResourceError>() {
        return match kind {
            gst::ResourceError::NotAuthorized => FailureReason::Denied,
            gst::ResourceError::Busy => FailureReason::Busy,
            gst::ResourceError::NotFound
            | gst::ResourceError::OpenRead
            | gst::ResourceError::OpenReadWrite
            | gst::ResourceError::OpenWrite => FailureReason::NotFound,
            gst::ResourceError::Settings => FailureReason::Unsupported,
            gst::ResourceError::Read | gst::ResourceError::Close | gst::ResourceError::Sync => {
                FailureReason::Lost
            }
            _ => FailureReason::Internal,
        };
    }
    if let Some(kind) = error.kind::<gst::StreamError>() {
        return match kind {
            gst::StreamError::Format
            | gst::StreamError::WrongType
            | gst::StreamError::CodecNotFound
            | gst::StreamError::TypeNotFound => FailureReason::Unsupported,
            // "Internal data stream error": a source's loop ended because nothing downstream
            // could take its format.
            gst::StreamError::Failed if all.contains("not-negotiated") => FailureReason::Unsupported,
            _ => FailureReason::Internal,
        };
    }
    if error.kind::<gst::CoreError>() == Some(gst::CoreError::Negotiation) {
        return FailureReason::Unsupported;
    }
    FailureReason::Internal
}

/// The last line of GStreamer's debug text, which holds the cause; the lines before name code.
fn last_line(debug: &str) -> String {
    let Some((_, rest)) = debug.split_once('\n') else {
        return String::new();
    };
    rest.lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty())
        .unwrap_or_default()
        .trim_end_matches('.')
        .to_owned()
}

/// Of `words (401)`, which is how a network camera's answer is told, the number alone: the words are
/// the camera's own, and may repeat how Lectern signed in.
fn without_echo(detail: &str) -> &str {
    let code = detail
        .strip_suffix(')')
        .and_then(|rest| rest.rsplit_once('('))
        .map(|(_, code)| code);
    match code {
        Some(code) if code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit()) => code,
        _ => detail,
    }
}

/// Removes user and password from every URL, and from properties such as `user-pw`, in a text.
pub(crate) fn scrub(text: &str) -> String {
    let addresses: String = text
        .split_inclusive(char::is_whitespace)
        .map(|word| {
            if word.contains("://") {
                without_secrets(word)
            } else {
                word.to_owned()
            }
        })
        .collect();
    masked(&addresses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gst::glib::Error;

    #[test]
    fn a_password_never_gets_into_a_message() {
        for url in ["rtsp://u:p@ss@cam/x", "rtsp://u:p%40@cam/x"] {
            assert_eq!(without_secrets(url), "rtsp://cam/x");
        }
        assert_eq!(
            without_secrets("rtsp://cam:554/x?a=b@c"),
            "rtsp://cam:554/x?a=b@c"
        );
        for (url, shown) in [
            (
                "rtsp://cam/user=me_password=hush_hush_channel=1_stream=0.sdp?real",
                "rtsp://cam/user=…_password=…_channel=1_stream=0.sdp?real",
            ),
            (
                "rtsp://u:p@cam/live?PWD=hush&stream=0",
                "rtsp://cam/live?PWD=…&stream=0",
            ),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
        let error = Error::new(
            gst::ResourceError::OpenRead,
            "Could not open rtsp://me:secret@cam/1 now.",
        );
        let failure = from_bus("network camera rtsp://cam/1", false, &error, None);
        assert_eq!(
            failure.message,
            "network camera rtsp://cam/1: Could not open rtsp://cam/1 now"
        );
        assert_eq!(
            scrub("rtspsrc location=rtsp://u:p@cam/1\nuser-pw = \"hush hush\" ! decodebin"),
            "rtspsrc location=rtsp://cam/1\nuser-pw =*** ! decodebin"
        );
    }

    #[test]
    fn of_what_a_camera_answers_only_the_number_is_told() {
        let refused = Error::new(gst::ResourceError::NotAuthorized, "Unauthorized");
        let said = "f.c(1): x:\nyou said Basic bWU6aHVzaA== (401)";
        let failure = from_bus("network camera rtsp://cam/1", false, &refused, Some(said));
        assert_eq!(failure.message, "network camera rtsp://cam/1: Unauthorized (401)");
        assert_eq!(failure.reason, FailureReason::Denied);
        for detail in ["Connection refused", "system error (12 of 13)"] {
            assert_eq!(without_echo(detail), detail);
        }
    }

    #[test]
    fn errors_are_sorted_by_what_a_person_would_do() {
        let cases = [
            (gst::ResourceError::NotFound, false, "", FailureReason::NotFound),
            (
                gst::ResourceError::OpenRead,
                false,
                "f.c(1): x:\nPermission denied",
                FailureReason::Denied,
            ),
            (
                gst::ResourceError::OpenReadWrite,
                false,
                "f.c(1): x:\nsystem error: Device or resource busy",
                FailureReason::Busy,
            ),
            (gst::ResourceError::Busy, true, "", FailureReason::Busy),
            (gst::ResourceError::Read, true, "", FailureReason::Lost),
            (gst::ResourceError::OpenRead, true, "", FailureReason::Lost),
            (
                gst::ResourceError::Settings,
                false,
                "",
                FailureReason::Unsupported,
            ),
        ];
        for (kind, alive, debug, reason) in cases {
            let failure = from_bus(
                "camera /dev/video0",
                alive,
                &Error::new(kind, "It failed."),
                Some(debug),
            );
            assert_eq!(failure.reason, reason, "{kind:?} {debug}");
            assert!(
                failure.message.starts_with("camera /dev/video0: It failed"),
                "{}",
                failure.message
            );
        }
        let busy = Error::new(gst::ResourceError::OpenReadWrite, "It failed.");
        let failure = from_bus(
            "camera /dev/video0",
            false,
            &busy,
            Some("f.c(1): x:\nDevice or resource busy."),
        );
        assert_eq!(
            failure.message,
            "camera /dev/video0: It failed (Device or resource busy)"
        );
    }
}
