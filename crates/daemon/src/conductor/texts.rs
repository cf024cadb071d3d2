//! Texts that people give: any script, one line, of a bounded length; and lengths of time that
//! they read.

use lectern_domain::api::{MAX_TEXT_CHARS, Metadata, Refusal};

use crate::refusals::sentence;
use crate::status::{choice, count};

/// All texts of a lecture, checked.
pub(super) fn checked(metadata: Metadata) -> Result<Metadata, Refusal> {
    Ok(Metadata {
        title: checked_text("title", metadata.title)?,
        course: checked_text("course", metadata.course)?,
        presenter: checked_text("presenter", metadata.presenter)?,
        language: checked_text("language", metadata.language)?,
    })
}

/// Any script, one line, of a length that every platform takes.
pub(super) fn checked_text(field: &str, text: Option<String>) -> Result<Option<String>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let text = text.trim();
    if text.chars().count() > MAX_TEXT_CHARS || text.chars().any(char::is_control) {
        return Err(Refusal::Invalid {
            message: sentence(
                "refused-text",
                [("field", choice(field)), ("most", count(MAX_TEXT_CHARS))],
            ),
        });
    }
    Ok(Some(text.to_owned()))
}

/// A length of time as people say it, in its two largest units.
pub(super) fn length(ms: u64) -> String {
    let (minute, hour, day) = (60, 60 * 60, 24 * 60 * 60);
    let s = ms / 1_000;
    let two = |n: u64, unit: &str, rest: u64, smaller: &str| match rest {
        0 => format!("{n} {unit}"),
        _ => format!("{n} {unit} {rest} {smaller}"),
    };
    if s >= day {
        two(s / day, "d", s % day / hour, "h")
    } else if s >= hour {
        two(s / hour, "h", s % hour / minute, "min")
    } else if s >= minute {
        two(s / minute, "min", s % minute, "s")
    } else {
        format!("{s} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_told_in_two_units() {
        for (s, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (312, "5 min 12 s"),
            (3_600, "1 h"),
            (18_060, "5 h 1 min"),
            (3 * 86_400 + 7_200, "3 d 2 h"),
        ] {
            assert_eq!(length(s * 1_000), text);
        }
    }

    #[test]
    fn texts_of_any_script_pass_and_texts_of_several_lines_do_not() {
        let keep = |text: &str| checked_text("title", Some(text.to_owned()));
        assert_eq!(keep("  علم الأحياء ٢٠١ "), Ok(Some("علم الأحياء ٢٠١".to_owned())));
        assert_eq!(keep("细胞生物学"), Ok(Some("细胞生物学".to_owned())));
        assert!(keep("two\nlines").is_err());
        assert!(keep(&"é".repeat(MAX_TEXT_CHARS)).is_ok());
        assert!(keep(&"é".repeat(MAX_TEXT_CHARS + 1)).is_err());
    }
}
