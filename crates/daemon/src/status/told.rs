//! Makes the messages: a key of the catalogues with what stands in it, and its English for logs,
//! the command line and programs.

use lectern_domain::api::{self, Arg, Message, Severity};
use lectern_words::Voice;

/// The message of `key` in the catalogues, as `voice` says it; it must be there with its three
/// parts. Its code is the key without `message-`. Subject and detail are the caller's to add.
pub(crate) fn told<const N: usize>(
    voice: &Voice,
    severity: Severity,
    key: &str,
    args: [(&str, Arg); N],
) -> Message {
    let args = api::args(args);
    let part = |part: &str| voice.plain(&format!("{key}{part}"), &args);
    Message {
        severity,
        code: key.trim_start_matches("message-").to_owned(),
        what: part(""),
        safe: part(".safe"),
        todo: part(".todo"),
        key: key.to_owned(),
        args,
        ..Message::default()
    }
}

/// Names of sources as an argument.
pub(crate) fn source_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Arg {
    Arg::Sources(names.into_iter().map(str::to_owned).collect())
}

/// A word that chooses between variants.
pub(crate) fn choice(word: &str) -> Arg {
    Arg::Text(word.to_owned())
}

/// A count.
pub(crate) fn count(n: usize) -> Arg {
    Arg::Number(u64::try_from(n).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn a_message_is_said_in_english_and_carries_what_other_languages_need() {
        let english = Voice::english(TimeZone::UTC, 0);
        let said = told(
            &english,
            Severity::Warning,
            "message-segments-damaged",
            [("lost", count(2)), ("changed", count(1))],
        );
        assert_eq!(said.code, "segments-damaged");
        assert!(
            said.what.ends_with("2 missing, 1 changed on the disk."),
            "{said:?}"
        );
        assert_eq!(said.todo, "Call the help desk.");
        let russian = Voice {
            language: lectern_words::Language::Ru,
            ..english
        };
        let [what, safe, _] = russian.message(&said);
        assert!(
            what.contains("повреждены") && safe.contains("ничего не удалено"),
            "{what} {safe}"
        );
    }
}
