//! Every English word of the page, and nothing else, so that catalogues of other languages can
//! take this file's place. State words have at most twelve letters: they are read at three metres.

use lectern_domain::api::PodiumState;
use lectern_domain::lecture::LectureState;
use lectern_domain::media::Role;
use lectern_domain::track::TrackHealth;
use lectern_domain::wire::FailureReason;

use super::figures::{count, span};
use crate::hearing::Hearing;

pub(super) const LANGUAGE: &str = "en";
pub(super) const TITLE_FIELD: &str = "Title of the lecture (may stay empty)";
pub(super) const SPACE_LEFT: &str = "Space left";
pub(super) const UPLOADS: &str = "Uploads";
pub(super) const LECTURES: &str = "Last lectures";
pub(super) const MESSAGES: &str = "Messages";
pub(super) const PICTURES: &str = "Live pictures";
pub(super) const SOUND: &str = "Sound";
pub(super) const ACTIONS: &str = "Recording";
pub(super) const NO_LECTURES: &str = "Nothing has been recorded here yet.";
pub(super) const UNTITLED: &str = "Untitled";
pub(super) const UNDO: &str = "Undo stop";
pub(super) const PAUSED_FOR: &str = "Paused for";
pub(super) const DISK_FULL: &str = "None";
pub(super) const LINK_LOST: &str = "This page has lost the recorder and is out of date. A recording goes on without the page. It tries again by itself.";

pub(super) const fn state(state: PodiumState) -> &'static str {
    match state {
        PodiumState::Ready => "Ready",
        PodiumState::Starting => "Starting",
        PodiumState::Recording => "Recording",
        PodiumState::Paused => "Paused",
        PodiumState::Saved => "Saved",
        PodiumState::Fault => "Fault",
    }
}

/// The sentence under the state word when no message takes its place.
pub(super) fn sentence(state: PodiumState, live: &[String]) -> String {
    match state {
        PodiumState::Ready => "Press Record when you begin.".into(),
        PodiumState::Starting => "One moment: the sources are beginning.".into(),
        PodiumState::Recording if live.is_empty() => "Waiting for picture and sound.".into(),
        PodiumState::Recording => {
            let verb = if live.len() == 1 { "is" } else { "are" };
            format!("{} {verb} being saved here.", list(live))
        }
        PodiumState::Paused => "Nothing is being recorded. Speak freely.".into(),
        PodiumState::Saved => "Stopped. The lecture is saved on this machine.".into(),
        PodiumState::Fault => "Recording is not possible now.".into(),
    }
}

fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {}", most.join(", "), last),
    }
}

/// The word on a button, by the command that it gives.
pub(super) fn button(command: &str) -> &'static str {
    match command {
        "start" => "Record",
        "pause" => "Pause",
        "resume" => "Resume",
        "stop" => "Stop",
        "undo" => UNDO,
        "mark" => "Mark",
        "extend" => "+10 min",
        _ => "Go on",
    }
}

/// `record` again, beside another main button.
pub(super) const RECORD_AGAIN: &str = "Record anew";

pub(super) fn ends(at: &str) -> String {
    format!("ends {at}")
}

/// What is wrong with a source; nothing while it is well. Over a picture, a line break is shown.
pub(super) fn trouble(role: Role, health: TrackHealth, reason: Option<FailureReason>) -> Option<String> {
    let sound = !role.is_video();
    Some(match health {
        TrackHealth::Live => return None,
        TrackHealth::Starting => "Starting …".into(),
        TrackHealth::Stalled if sound => "No sound arrives".into(),
        TrackHealth::Stalled => "No picture arrives".into(),
        TrackHealth::Restarting => format!("{}\nTrying again …", why(reason)),
        TrackHealth::Dead => format!("{}\nCall for help.", why(reason)),
        TrackHealth::Ended => "Switched off".into(),
    })
}

const fn why(reason: Option<FailureReason>) -> &'static str {
    match reason {
        Some(FailureReason::NotFound) => "Not connected.",
        Some(FailureReason::Denied) => "Access refused.",
        Some(FailureReason::Busy) => "In use by another program.",
        Some(FailureReason::Lost) => "Lost. Is the cable in?",
        Some(FailureReason::Unsupported) => "It cannot do what is asked.",
        Some(FailureReason::Config) => "Set up wrongly.",
        Some(FailureReason::Stalled) => "Nothing arrives.",
        Some(FailureReason::Swapped) => "Another device is in its place.",
        Some(FailureReason::Crashed | FailureReason::Encoder | FailureReason::Internal) | None => {
            "It failed."
        }
    }
}

/// What we hear, and whether it is a warning.
pub(super) const fn hearing(hearing: Hearing) -> (&'static str, bool) {
    match hearing {
        Hearing::Unknown | Hearing::Listening { .. } | Hearing::Zero { heard: false, .. } => {
            ("Listening …", false)
        }
        Hearing::Heard { .. } | Hearing::Zero { heard: true, .. } => ("We hear you", false),
        Hearing::Quiet => ("We cannot hear you. Is the microphone near?", true),
        Hearing::Off => ("We cannot hear you. Is the microphone switched on?", true),
    }
}

/// What a spare says of itself.
pub(super) fn spare(principal: &str, standing_in: bool) -> String {
    if standing_in {
        format!("Standing in for {principal}")
    } else {
        format!("Ready to stand in for {principal}")
    }
}

pub(super) const NOT_RECORDED: &str = "Not being recorded";

pub(super) fn space(recordable_ms: u64) -> String {
    if recordable_ms == 0 {
        DISK_FULL.into()
    } else {
        span(recordable_ms)
    }
}

pub(super) fn waiting(lectures: u32) -> String {
    match lectures {
        0 => "Nothing is waiting to be sent".into(),
        1 => "1 lecture is waiting to be sent".into(),
        n => format!("{} lectures are waiting to be sent", count(n.into())),
    }
}

pub(super) fn sending(title: &str, percent: u64) -> String {
    format!("Sending “{title}”: {percent} %")
}

pub(super) fn more_waiting(deliveries: u32) -> String {
    format!("{} more waiting", count(deliveries.into()))
}

/// When the window opens.
pub(super) fn sent_from(when: &str) -> String {
    format!("Sent from {when}")
}

/// How long the queue takes.
pub(super) fn nights(nights: u32) -> String {
    format!("All sent in about {} nights", count(nights.into()))
}

pub(super) fn parked(deliveries: u32) -> String {
    match deliveries {
        1 => "1 upload needs help".into(),
        n => format!("{} uploads need help", count(n.into())),
    }
}

pub(super) fn preparing(lectures: u32) -> String {
    match lectures {
        1 => "1 lecture is being prepared".into(),
        n => format!("{} lectures are being prepared", count(n.into())),
    }
}

pub(super) fn more_messages(messages: usize) -> String {
    match messages {
        1 => "and 1 more message".into(),
        n => format!("and {n} more messages"),
    }
}

/// What became of a lecture, for the person who gave it.
pub(super) const fn fate(state: LectureState) -> &'static str {
    match state {
        LectureState::Scheduled => "Planned",
        LectureState::Armed => "Starting",
        LectureState::Recording => "Recording",
        LectureState::Paused => "Paused",
        LectureState::Stopping => "Saved",
        LectureState::Interrupted => "Interrupted",
        LectureState::Captured | LectureState::Finishing => "Being prepared",
        LectureState::Finished => "Saved here",
        LectureState::Delivering => "Being sent",
        LectureState::Delivered | LectureState::Purged => "Sent",
        LectureState::Failed => "Needs help",
        LectureState::Cancelled => "Cancelled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_words_fit_the_band() {
        use PodiumState as S;
        for word in [S::Ready, S::Starting, S::Recording, S::Paused, S::Saved, S::Fault].map(state) {
            assert!(word.chars().count() <= 12, "{word}");
        }
    }

    #[test]
    fn sources_are_listed_as_a_sentence() {
        let names = |n: usize| {
            ["Camera", "Screen", "Microphone"][..n]
                .iter()
                .map(|s| (*s).to_owned())
                .collect::<Vec<_>>()
        };
        let said = |n| sentence(PodiumState::Recording, &names(n));
        assert_eq!(said(1), "Camera is being saved here.");
        assert_eq!(said(3), "Camera, Screen and Microphone are being saved here.");
    }
}
