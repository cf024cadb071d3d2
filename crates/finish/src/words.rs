//! What finished lectures say to those who watch them: captions, cards and chapters, in the
//! lecture's language.
//!
//! Plain words and numbers; nothing here knows where they are drawn. A language that is not here
//! is English.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The words of one language. `{}` stands for what is named.
#[derive(Debug)]
pub(crate) struct Words {
    language: &'static str,
    no_picture: &'static str,
    pub(crate) interrupted: &'static str,
    /// The first chapter.
    pub(crate) start: &'static str,
    mark: &'static str,
    /// The chapter after an outage.
    pub(crate) after_outage: &'static str,
    /// Hours, minutes, seconds.
    units: [&'static str; 3],
}

const ENGLISH: Words = Words {
    language: "en",
    no_picture: "No picture from {}",
    interrupted: "Interrupted",
    start: "Start",
    mark: "Mark {}",
    after_outage: "After the interruption",
    units: ["h", "min", "s"],
};
/// The other languages of the platform's courses, and Arabic of the podium's page.
const OTHERS: [Words; 4] = [
    Words {
        language: "fr",
        no_picture: "Pas d’image de {}",
        interrupted: "Interrompu",
        start: "Début",
        mark: "Repère {}",
        after_outage: "Après l’interruption",
        units: ["h", "min", "s"],
    },
    Words {
        language: "zh",
        no_picture: "没有来自 {} 的画面",
        interrupted: "录制中断",
        start: "开始",
        mark: "标记 {}",
        after_outage: "中断之后",
        units: ["小时", "分", "秒"],
    },
    Words {
        language: "ru",
        no_picture: "Нет изображения: {}",
        interrupted: "Прервано",
        start: "Начало",
        mark: "Метка {}",
        after_outage: "После перерыва",
        units: ["ч", "мин", "с"],
    },
    Words {
        language: "ar",
        no_picture: "لا توجد صورة من {}",
        interrupted: "انقطع التسجيل",
        start: "البداية",
        mark: "علامة {}",
        after_outage: "بعد الانقطاع",
        units: ["س", "د", "ث"],
    },
];

impl Words {
    /// Those of a language tag such as `fr` or `zh-Hans`.
    pub(crate) fn of(tag: &str) -> &'static Self {
        let primary = tag.split('-').next().unwrap_or_default();
        OTHERS
            .iter()
            .find(|words| words.language.eq_ignore_ascii_case(primary))
            .unwrap_or(&ENGLISH)
    }

    pub(crate) fn no_picture(&self, source: &str) -> String {
        self.no_picture.replace("{}", source)
    }

    /// `12 s`, `5 min 12 s`, `1 h 5 min`.
    pub(crate) fn length(&self, ms: u64) -> String {
        let [hours, minutes, seconds] = self.units;
        // No interruption took no time at all.
        let total = ((ms + 500) / 1_000).max(1);
        match (total / 3_600, total / 60 % 60, total % 60) {
            (0, 0, s) => format!("{s} {seconds}"),
            (0, min, 0) => format!("{min} {minutes}"),
            (0, min, s) => format!("{min} {minutes} {s} {seconds}"),
            (h, 0, _) => format!("{h} {hours}"),
            (h, min, _) => format!("{h} {hours} {min} {minutes}"),
        }
    }

    /// A mark that nobody named, by its number.
    pub(crate) fn mark(&self, number: usize) -> String {
        self.mark.replace("{}", &number.to_string())
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
        assert_eq!(Words::of("zh-Hans").start, "开始");
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
            assert_eq!(ENGLISH.length(ms), text);
        }
        assert_eq!(Words::of("ru").length(312_400), "5 мин 12 с");
    }
}
