//! What finished lectures say to those who watch them: captions, cards and chapters, in the
//! lecture's language.
//!
//! Plain words and numbers; nothing here knows where they are drawn. The words are those of
//! `captions.ftl`; a language without them is English.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lectern_domain::api::{self, Arg};
use lectern_words::{Language, Voice};

/// The words of one language.
#[derive(Debug)]
pub(crate) struct Words(Voice);

impl Words {
    /// Those of a language tag such as `fr` or `zh-Hans`.
    pub(crate) fn of(tag: &str) -> Self {
        let english = Voice::english(TimeZone::UTC, 0);
        Self(Voice {
            language: Language::from_tag(tag).unwrap_or_default(),
            ..english
        })
    }

    /// What stands where a source shows nothing.
    pub(crate) fn no_picture(&self, source: &str) -> String {
        self.say("caption-no-picture", [("source", Arg::Text(source.to_owned()))])
    }

    /// What stands where nothing was recorded.
    pub(crate) fn interrupted(&self) -> String {
        self.say("caption-interrupted", [])
    }

    /// The first chapter.
    pub(crate) fn start(&self) -> String {
        self.say("chapter-start", [])
    }

    /// The chapter after an outage.
    pub(crate) fn after_outage(&self) -> String {
        self.say("chapter-after-outage", [])
    }

    /// A mark that nobody named, by its number.
    pub(crate) fn mark(&self, number: usize) -> String {
        self.say("chapter-mark", [("number", Arg::Text(number.to_string()))])
    }

    /// `12 s`, `5 min 12 s`, `1 h 5 min`.
    pub(crate) fn length(&self, ms: u64) -> String {
        // No interruption took no time at all.
        let total = ((ms + 500) / 1_000).max(1);
        let [hours, minutes, seconds] = [total / 3_600, total / 60 % 60, total % 60];
        let key = match (hours, minutes, seconds) {
            (0, 0, _) => "short-seconds",
            (0, _, 0) => "short-minutes",
            (0, _, _) => "short-minutes-seconds",
            (_, 0, _) => "short-hours",
            (_, _, _) => "short-hours-minutes",
        };
        let written = |n: u64| Arg::Text(n.to_string());
        self.say(
            key,
            [
                ("hours", written(hours)),
                ("minutes", written(minutes)),
                ("seconds", written(seconds)),
            ],
        )
    }

    fn say<const N: usize>(&self, key: &str, args: [(&str, Arg); N]) -> String {
        self.0.plain(key, &api::args(args))
    }
}

/// `10:42–10:47` in the room's time; with seconds where it lasts less than a minute.
pub(crate) fn times_of_day(from_unix_ms: i64, to_unix_ms: i64, zone: &TimeZone) -> Option<String> {
    let format = if to_unix_ms.saturating_sub(from_unix_ms) < 60_000 {
        "%H:%M:%S"
    } else {
        "%H:%M"
    };
    let written = |ms| {
        let moment = Timestamp::from_millisecond(ms).ok()?.to_zoned(zone.clone());
        Some(moment.strftime(format).to_string())
    };
    Some(format!("{}–{}", written(from_unix_ms)?, written(to_unix_ms)?))
}

/// `0:12:05–0:13:10`, for a lecture whose time of day nobody knows.
pub(crate) fn times_of_lecture(from_ms: i64, to_ms: i64) -> String {
    let written = |ms: i64| {
        let seconds = ms / 1_000;
        format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
    };
    format!("{}–{}", written(from_ms), written(to_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_without_words_is_english() {
        assert_eq!(Words::of("fr").mark(3), "Repère 3");
        assert_eq!(Words::of("zh-Hans").start(), "开始");
        for tag in ["en", "sw", ""] {
            assert_eq!(
                Words::of(tag).no_picture("camera"),
                "No picture from camera",
                "{tag}"
            );
        }
    }

    #[test]
    fn times_are_those_of_the_room() {
        let zone = TimeZone::get("Africa/Lagos").unwrap();
        let at = 1_795_000_000_000;
        assert_eq!(times_of_day(at, at + 312_000, &zone).unwrap(), "12:06–12:11");
        assert_eq!(times_of_day(at, at + 12_000, &zone).unwrap(), "12:06:40–12:06:52");
        assert_eq!(times_of_day(i64::MAX, i64::MAX, &zone), None);
        assert_eq!(times_of_lecture(725_000, 4_000_500), "0:12:05–1:06:40");
    }

    #[test]
    fn lengths_have_the_two_units_that_matter() {
        for (ms, text) in [
            (300, "1 s"),
            (1_200, "1 s"),
            (60_000, "1 min"),
            (312_400, "5 min 12 s"),
            (3_600_000, "1 h"),
            (3_912_000, "1 h 5 min"),
        ] {
            assert_eq!(Words::of("en").length(ms), text);
        }
        assert_eq!(Words::of("ru").length(312_400), "5 мин 12 с");
    }
}
