//! Says a sentence in one language.

use fluent_bundle::{FluentArgs, FluentValue};
use jiff::tz::TimeZone;
use lectern_domain::api::{Arg, Args, Message, Sentence};

use crate::{Language, catalogue, written};

/// A language, and where and when it is spoken: what times of day depend on.
#[derive(Clone, Debug)]
pub struct Voice {
    /// The language.
    pub language: Language,
    /// The room's time zone.
    pub zone: TimeZone,
    /// The recorder's clock, in milliseconds since 1970.
    pub now_unix_ms: i64,
}

impl Voice {
    /// English: for logs, the command line and programs.
    #[must_use]
    pub const fn english(zone: TimeZone, now_unix_ms: i64) -> Self {
        Self {
            language: Language::En,
            zone,
            now_unix_ms,
        }
    }

    /// What the catalogue has under `key` (`key.attribute` for an attribute); English when this
    /// language lacks it, `None` when English does. What stands in it is isolated (U+2068,
    /// U+2069), so that a Latin title in an Arabic sentence stays where it belongs.
    #[must_use]
    pub fn find(&self, key: &str, args: &Args) -> Option<String> {
        let mut fluent = FluentArgs::new();
        for (name, arg) in args {
            fluent.set(name.as_str(), self.value(arg));
        }
        catalogue::of(self.language)
            .say(key, &fluent)
            .or_else(|| catalogue::of(Language::En).say(key, &fluent))
    }

    /// As [`Voice::find`]; the key itself when no catalogue has it, which the tests rule out.
    #[must_use]
    pub fn say(&self, key: &str, args: &Args) -> String {
        self.find(key, args).unwrap_or_else(|| key.to_owned())
    }

    /// A sentence without anything in it.
    #[must_use]
    pub fn word(&self, key: &str) -> String {
        self.say(key, &Args::new())
    }

    /// As [`Voice::say`], without the marks of isolation: for logs, terminals and JSON.
    #[must_use]
    pub fn plain(&self, key: &str, args: &Args) -> String {
        without_marks(&self.say(key, args))
    }

    /// A sentence that may have no key: then its English is all there is.
    #[must_use]
    pub fn sentence(&self, sentence: &Sentence) -> String {
        self.find(&sentence.key, &sentence.args)
            .unwrap_or_else(|| sentence.text.clone())
    }

    /// The three parts of a message: what happened, what is safe, what to do.
    #[must_use]
    pub fn message(&self, message: &Message) -> [String; 3] {
        let part = |suffix: &str, english: &str| {
            self.find(&format!("{}{suffix}", message.key), &message.args)
                .unwrap_or_else(|| english.to_owned())
        };
        [
            part("", &message.what),
            part(".safe", &message.safe),
            part(".todo", &message.todo),
        ]
    }

    fn value(&self, arg: &Arg) -> FluentValue<'static> {
        match arg {
            Arg::Text(text) => text.clone().into(),
            #[expect(clippy::cast_precision_loss, reason = "what is counted for people is small")]
            Arg::Number(n) => (*n as f64).into(),
            Arg::Sources(names) => written::sources(self.language, names).into(),
            Arg::LengthMs(ms) => written::length(self.language, *ms).into(),
            Arg::AtUnixMs(at) => written::moment(self, *at).into(),
            Arg::Bytes(bytes) => written::size(self.language, *bytes).into(),
        }
    }
}

/// An English sentence with its key: what refusals are made of. `key` must be in the catalogues.
impl Voice {
    /// The sentence `key`, in this language's words and with its key.
    #[must_use]
    pub fn keyed(&self, key: &str, args: Args) -> Sentence {
        Sentence {
            text: self.plain(key, &args),
            key: key.to_owned(),
            args,
        }
    }
}

fn without_marks(text: &str) -> String {
    text.replace(['\u{2068}', '\u{2069}'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_sentence_is_written_as_its_language_writes_it() {
        for (language, length) in [
            (Language::En, "3 hours"),
            (Language::Fr, "3 heures"),
            (Language::Zh, "3 小时"),
            (Language::Ru, "3 часа"),
            (Language::Ar, "3 ساعات"),
        ] {
            let said = without_marks(&written::length(language, 3 * 3_600_000));
            assert_eq!(said, length);
        }
        let names = ["camera", "slides", "north-wall"].map(str::to_owned);
        let list = written::sources(Language::En, &names);
        assert_eq!(without_marks(&list), "Camera, Slides and North-wall");
    }
}
