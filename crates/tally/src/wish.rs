//! What a press asks for, and what stands for a status. Pure.

use lectern_domain::api::{Command, MarkRequest, PodiumState, StartRequest};
use lectern_domain::ids::LectureId;

use crate::gesture::Act;
use crate::look::Sign;

/// What came from a button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    /// A gesture on one key.
    Act(Act),
    /// A key that means one thing: record.
    Start,
    /// End the lecture.
    Stop,
    /// Write nothing.
    Pause,
    /// Go on writing.
    Resume,
    /// Remember this moment.
    Mark,
}

impl Press {
    /// The word for it in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Act(Act::Felt) => "felt",
            Self::Act(Act::Tap) => "tap",
            Self::Act(Act::Hold) => "hold",
            Self::Act(Act::Released) => "released",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Mark => "mark",
        }
    }
}

/// The command that a press asks for, by the command words that are `allowed` now; `None`: it does
/// nothing here. A tap never begins nor ends a lecture; what cannot be done is asked for all the
/// same, so that the refusal says why. A planned lecture that is `counted_down` is begun rather
/// than one that nobody planned.
#[must_use]
pub fn wish(press: Press, allowed: &[String], counted_down: Option<LectureId>) -> Option<Command> {
    let may = |word: &str| allowed.iter().any(|allowed| allowed == word);
    match press {
        Press::Act(Act::Tap) if may("pause") => Some(Command::Pause),
        Press::Act(Act::Tap) if may("resume") => Some(Command::Resume),
        Press::Act(Act::Tap | Act::Felt | Act::Released) => None,
        Press::Act(Act::Hold) if may("stop") => Some(Command::Stop),
        Press::Act(Act::Hold) | Press::Start => Some(match counted_down {
            Some(id) => Command::Begin(id),
            None => Command::Start(StartRequest::default()),
        }),
        Press::Stop => Some(Command::Stop),
        Press::Pause => Some(Command::Pause),
        Press::Resume => Some(Command::Resume),
        Press::Mark => Some(Command::Mark(MarkRequest::default())),
    }
}

/// What stands at the podium; `silent`: nobody has been heard for too long.
#[must_use]
pub const fn sign(state: PodiumState, silent: bool) -> Sign {
    match state {
        PodiumState::Ready => Sign::Ready,
        PodiumState::Starting => Sign::Starting,
        PodiumState::Recording if silent => Sign::Silent,
        PodiumState::Recording => Sign::Recording,
        PodiumState::Paused => Sign::Paused,
        PodiumState::Saved => Sign::Saved,
        PodiumState::Fault => Sign::Fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAP: Press = Press::Act(Act::Tap);
    const HOLD: Press = Press::Act(Act::Hold);

    #[test]
    fn one_key_does_what_is_right_in_each_state() {
        type Row = (
            &'static str,
            &'static [&'static str],
            Option<&'static str>,
            Option<&'static str>,
        );
        // State, what it allows, what a tap asks for, what a hold asks for.
        let table: [Row; 6] = [
            ("ready", &["start"], None, Some("start")),
            ("starting", &["stop", "mark", "extend"], None, Some("stop")),
            (
                "recording",
                &["pause", "stop", "mark"],
                Some("pause"),
                Some("stop"),
            ),
            (
                "paused",
                &["resume", "stop", "mark"],
                Some("resume"),
                Some("stop"),
            ),
            ("saved", &["undo", "start"], None, Some("start")),
            // Refused, and the refusal says why.
            ("fault", &[], None, Some("start")),
        ];
        for (state, allowed, tap, hold) in table {
            let allowed: Vec<_> = allowed.iter().map(|word| (*word).to_owned()).collect();
            let word = |press| wish(press, &allowed, None).map(|command| command.as_str());
            assert_eq!((word(TAP), word(HOLD)), (tap, hold), "{state}");
            assert_eq!(word(Press::Stop), Some("stop"), "{state}: it asks, and is told");
            assert_eq!(word(Press::Act(Act::Felt)), None, "{state}");
        }
    }

    #[test]
    fn a_hold_begins_the_lecture_that_is_counted_down() {
        let id = LectureId::random();
        let allowed = ["start".to_owned(), "begin".to_owned()];
        assert_eq!(wish(HOLD, &allowed, Some(id)), Some(Command::Begin(id)));
        assert_eq!(wish(TAP, &allowed, Some(id)), None);
    }

    #[test]
    fn silence_is_told_only_while_it_records() {
        assert_eq!(sign(PodiumState::Recording, true), Sign::Silent);
        assert_eq!(sign(PodiumState::Paused, true), Sign::Paused);
        assert_eq!(sign(PodiumState::Ready, true), Sign::Ready);
    }
}
