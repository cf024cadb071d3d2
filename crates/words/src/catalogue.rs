//! The catalogues, parsed once when the first sentence is said.

use std::sync::OnceLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

use crate::Language;

/// The files of one language.
type Files = [&'static str; 5];

macro_rules! files {
    ($tag:literal) => {
        [
            include_str!(concat!("../lang/", $tag, "/page.ftl")),
            include_str!(concat!("../lang/", $tag, "/messages.ftl")),
            include_str!(concat!("../lang/", $tag, "/written.ftl")),
            include_str!(concat!("../lang/", $tag, "/captions.ftl")),
            include_str!(concat!("../lang/", $tag, "/notices.ftl")),
        ]
    };
}

/// The catalogues of a language as they are written.
pub(crate) const fn files(language: Language) -> Files {
    match language {
        Language::En => files!("en"),
        Language::Fr => files!("fr"),
        Language::Zh => files!("zh"),
        Language::Ru => files!("ru"),
        Language::Ar => files!("ar"),
    }
}

/// One language's catalogue.
pub(crate) struct Catalogue(FluentBundle<FluentResource>);

/// The catalogue of a language.
pub(crate) fn of(language: Language) -> &'static Catalogue {
    static ALL: OnceLock<Vec<Catalogue>> = OnceLock::new();
    let all = ALL.get_or_init(|| Language::ALL.into_iter().map(Catalogue::read).collect());
    // In the order of `ALL`, which is the order of the variants.
    &all[language as usize]
}

impl Catalogue {
    fn read(language: Language) -> Self {
        let tag: LanguageIdentifier = language.tag().parse().expect("the five tags are well-formed");
        let mut bundle = FluentBundle::new_concurrent(vec![tag]);
        for file in files(language) {
            // What a slip leaves out is said in English; the tests refuse any slip.
            let resource = FluentResource::try_new(file.to_owned()).unwrap_or_else(|(read, _)| read);
            drop(bundle.add_resource(resource));
        }
        Self(bundle)
    }

    /// A message `key`, or an attribute of one as `key.attribute`; `None` when there is none.
    pub(crate) fn say(&self, key: &str, args: &FluentArgs<'_>) -> Option<String> {
        let (id, attribute) = match key.split_once('.') {
            Some((id, attribute)) => (id, Some(attribute)),
            None => (key, None),
        };
        let message = self.0.get_message(id)?;
        let pattern = match attribute {
            Some(attribute) => message.get_attribute(attribute)?.value(),
            None => message.value()?,
        };
        let mut slips = Vec::new();
        Some(
            self.0
                .format_pattern(pattern, Some(args), &mut slips)
                .into_owned(),
        )
    }
}
