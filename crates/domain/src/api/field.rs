//! The fields of what is said about a lecture, by name: a room may demand some of them.

use serde::Serialize;

use super::Metadata;

/// A field of [`Metadata`]. Its name is the public one, in JSON, on the page and in the
/// configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// [`Metadata::title`]
    Title,
    /// [`Metadata::course`]
    Course,
    /// [`Metadata::presenter`]
    Presenter,
    /// [`Metadata::language`]
    Language,
}

impl Field {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Course => "course",
            Self::Presenter => "presenter",
            Self::Language => "language",
        }
    }

    /// Whether something stands in it. A line of spaces is nothing.
    #[must_use]
    pub fn is_said(self, metadata: &Metadata) -> bool {
        let text = match self {
            Self::Title => &metadata.title,
            Self::Course => &metadata.course,
            Self::Presenter => &metadata.presenter,
            Self::Language => &metadata.language,
        };
        text.as_deref().is_some_and(|text| !text.trim().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_say_nothing() {
        let said = Metadata {
            title: Some("Fourier".to_owned()),
            presenter: Some("  ".to_owned()),
            ..Metadata::default()
        };
        assert!(Field::Title.is_said(&said));
        for field in [Field::Course, Field::Presenter, Field::Language] {
            assert!(!field.is_said(&said), "{}", field.as_str());
        }
    }
}
