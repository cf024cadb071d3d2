//! What a press asks for, and what stands for a status. Pure.

use lectern_domain::api::{Command, MarkRequest, PodiumState, StartRequest, Status};

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

/// The command that a press asks for in this state of the podium; `None`: it does nothing here.
/// A tap never begins nor ends a lecture; what cannot be done is asked for all the same, so that
/// the refusal says why.
#[must_use]
pub fn wish(press: Press, status: &Status) -> Option<Command> {
    let may = |word: &str| status.allowed.iter().any(|allowed| allowed == word);
    match press {
        Press::Act(Act::Tap) if may("pause") => Some(Command::Pause),
        Press::Act(Act::Tap) if may("resume") => Some(Command::Resume),
        Press::Act(Act::Tap | Act::Felt | Act::Released) => None,
        Press::Act(Act::Hold) if may("stop") => Some(Command::Stop),
        Press::Act(Act::Hold) | Press::Start => Some(begin(status)),
        Press::Stop => Some(Command::Stop),
        Press::Pause => Some(Command::Pause),
        Press::Resume => Some(Command::Resume),
        Press::Mark => Some(Command::Mark(MarkRequest::default())),
    }
}

/// The lecture that is being counted down, else one that nobody planned.
fn begin(status: &Status) -> Command {
    match status.next.as_ref().filter(|next| next.counting_down) {
        Some(next) => Command::Begin(next.id),
        None => Command::Start(StartRequest::default()),
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
