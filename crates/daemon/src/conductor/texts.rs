//! Texts that people give: any script, one line, of a bounded length.

use lectern_domain::api::{MAX_TEXT_CHARS, Metadata, Refusal};

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
            message: format!(
                "The {field} cannot be kept: it must be one line of at most {MAX_TEXT_CHARS} characters."
            ),
        });
    }
    Ok(Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
