//! Why the recorder refuses: sentences of the catalogues in English, behind them what only a
//! technician or a program wants to know.

use jiff::tz::TimeZone;
use lectern_domain::api::{self, Arg, Refusal, Sentence};
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::LectureState;
use lectern_domain::reason;
use lectern_store::DbError;
use lectern_words::Voice;

/// The sentence of `key`. None of these has a time in it, so room and clock do not matter.
pub(crate) fn sentence<const N: usize>(key: &str, args: [(&str, Arg); N]) -> Sentence {
    Voice::english(TimeZone::UTC, 0).keyed(key, api::args(args))
}

/// The same, with more behind its English.
pub(crate) fn detailed(mut sentence: Sentence, more: &str) -> Sentence {
    sentence.text = format!("{} {more}", sentence.text);
    sentence
}

/// A press that makes no sense in this state; `None`: nothing is being recorded. `allowed`: what
/// would.
pub(crate) fn state(word: &str, state: Option<LectureState>, allowed: Vec<&'static str>) -> Refusal {
    let said = sentence("refused-state", [("why", Arg::Text(why(word, state).to_owned()))]);
    Refusal::State {
        state: state.map_or("ready", LectureState::as_str).to_owned(),
        message: detailed(said, &format!("Possible now: {}.", allowed.join(", "))),
        allowed,
    }
}

/// Which of the reasons of `refused-state` it is.
fn why(word: &str, state: Option<LectureState>) -> &'static str {
    use LectureState as S;
    let starts = matches!(word, "start" | "begin");
    let Some(state) = state else {
        return match word {
            "undo" | "more-time" => "no-stop",
            "pause" | "resume" | "stop" | "mark" | "extend" => "idle",
            _ => "other",
        };
    };
    match state {
        S::Armed | S::Recording | S::Paused if starts || word == "self-test" => "under-way",
        S::Armed | S::Recording | S::Paused if word == "more-time" => "no-stop",
        S::Stopping if word == "more-time" => "no-more-time",
        S::Armed | S::Recording | S::Paused | S::Stopping if word == "undo" => "no-stop",
        S::Armed => "beginning",
        S::Recording if word == "resume" => "recording",
        S::Paused if word == "pause" => "paused",
        // Only a second start: the first waits until this lecture is closed.
        S::Stopping if starts => "beginning",
        S::Stopping => "stopped",
        S::Scheduled
        | S::Recording
        | S::Paused
        | S::Interrupted
        | S::Captured
        | S::Finishing
        | S::Finished
        | S::Delivering
        | S::Delivered
        | S::Purged
        | S::Failed
        | S::Cancelled => "other",
    }
}

/// The daemon is being ended, or taken over by another program: nothing of it was done.
pub(crate) fn leaving() -> Refusal {
    Refusal::Soon {
        message: sentence("refused-leaving", []),
    }
}

/// The daemon ended at once, and nobody knows how far it came.
pub(crate) fn cut_off() -> Refusal {
    Refusal::Unable {
        message: sentence("refused-leaving", []),
    }
}

/// Sources are needed that do not deliver. Those that were started just now, as after a takeover,
/// do in a moment; `are_starting`: no others stand in the way.
pub(crate) fn no_signal(message: Sentence, are_starting: bool) -> Refusal {
    match are_starting {
        true => Refusal::Soon { message },
        false => Refusal::Unable { message },
    }
}

/// There is no such lecture.
pub(crate) fn no_lecture(id: &str) -> Refusal {
    Refusal::NotFound {
        message: detailed(
            sentence("refused-no-lecture", []),
            &format!("It was asked for \"{id}\"; `lectern lectures` lists all."),
        ),
    }
}

/// A lecture that is in a state in which this cannot be done to it.
pub(crate) fn lecture_state(key: &str, id: LectureId, state: LectureState) -> Refusal {
    Refusal::State {
        state: state.to_string(),
        allowed: Vec::new(),
        message: detailed(sentence(key, []), &format!("Lecture {id} is {state}.")),
    }
}

/// A database that cannot read or commit: nothing was changed, and a person must know.
pub(crate) fn unable(error: &DbError) -> Refusal {
    Refusal::Internal {
        message: detailed(sentence("refused-database", []), &format!("({})", reason(error))),
    }
}

/// The database's answer to a command that changes something.
pub(crate) fn from_db(error: &DbError) -> Refusal {
    match error {
        DbError::NotFound(_) => Refusal::NotFound {
            message: detailed(
                sentence("refused-no-lecture", []),
                &format!("({})", reason(error)),
            ),
        },
        DbError::Conflict(_) => Refusal::State {
            state: "changed".to_owned(),
            allowed: Vec::new(),
            message: detailed(sentence("refused-changed", []), &format!("({})", reason(error))),
        },
        _ => unable(error),
    }
}

/// The database's answer to a question.
pub(crate) fn from_reading(error: &DbError) -> Refusal {
    match error {
        DbError::Conflict(_) => Refusal::Invalid {
            message: detailed(sentence("refused-ambiguous", []), &format!("({})", reason(error))),
        },
        _ => from_db(error),
    }
}

#[cfg(test)]
mod tests {
    use LectureState as S;

    use super::*;

    #[test]
    fn a_refused_press_says_why() {
        for (word, at, sentence) in [
            ("pause", Some(S::Paused), "It is paused already."),
            ("pause", None, "Nothing is being recorded."),
            ("stop", None, "Nothing is being recorded."),
            (
                "mark",
                Some(S::Stopping),
                "The recording has been stopped already.",
            ),
            (
                "stop",
                Some(S::Stopping),
                "The recording has been stopped already.",
            ),
            ("resume", Some(S::Recording), "It is recording already."),
            ("resume", Some(S::Armed), "The recording is just beginning."),
            ("start", Some(S::Paused), "A recording is under way already."),
            ("start", Some(S::Stopping), "The recording is just beginning."),
            ("undo", Some(S::Recording), "There is no stop to take back."),
            ("undo", None, "There is no stop to take back."),
            ("more-time", Some(S::Paused), "There is no stop to take back."),
            ("more-time", None, "There is no stop to take back."),
            (
                "more-time",
                Some(S::Stopping),
                "There is no more time to take the stop back.",
            ),
            ("amend", Some(S::Failed), "That is not possible at the moment."),
        ] {
            let refusal = state(word, at, vec!["stop"]);
            let expected = format!("{sentence} Nothing was changed. Possible now: stop.");
            assert_eq!(refusal.message(), expected, "{word} {at:?}");
        }
    }
}
