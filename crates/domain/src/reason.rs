//! Causes in the words of people: the standard library ends what the system refused in a number
//! for programmers, which nobody at a podium can use.

use std::fmt::Display;

/// What the standard library puts before the number.
const BEGINNING: &str = " (os error ";

/// The text of `cause` without any ` (os error 2)`. For what a person reads at a terminal or on
/// a page; a log keeps the number.
#[must_use]
pub fn reason(cause: impl Display) -> String {
    let text = cause.to_string();
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once(BEGINNING) {
        out.push_str(before);
        rest = after;
        match after.split_once(')') {
            Some((number, behind)) if is_number(number) => rest = behind,
            _ => out.push_str(BEGINNING),
        }
    }
    out.push_str(rest);
    out
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_left_out_wherever_it_stands() {
        let refused = std::io::Error::from_raw_os_error(13);
        assert_eq!(reason(&refused), "Permission denied");
        for (text, said) in [
            (
                "a: No such file (os error 2); b (os error -5).",
                "a: No such file; b.",
            ),
            (
                "cannot be read (gone (os error 2)), end",
                "cannot be read (gone), end",
            ),
            ("an (os error of ours)", "an (os error of ours)"),
            ("an (os error ", "an (os error "),
            ("an (os error )", "an (os error )"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(reason(text), said);
        }
    }
}
