//! The five languages, and which of them a person wants.

/// A language that the page and the messages are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// French.
    Fr,
    /// Chinese, simplified.
    Zh,
    /// Russian.
    Ru,
    /// Arabic.
    Ar,
}

/// In which direction a language is written: the value of HTML's `dir`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// From the left.
    Ltr,
    /// From the right.
    Rtl,
}

impl Script {
    /// `ltr` or `rtl`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ltr => "ltr",
            Self::Rtl => "rtl",
        }
    }
}

impl Language {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 5] = [Self::En, Self::Fr, Self::Zh, Self::Ru, Self::Ar];

    /// As `room.languages` and HTML's `lang` name it.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
            Self::Zh => "zh",
            Self::Ru => "ru",
            Self::Ar => "ar",
        }
    }

    /// As its speakers call it.
    #[must_use]
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Fr => "Français",
            Self::Zh => "中文",
            Self::Ru => "Русский",
            Self::Ar => "العربية",
        }
    }

    /// Its direction.
    #[must_use]
    pub const fn script(self) -> Script {
        match self {
            Self::Ar => Script::Rtl,
            Self::En | Self::Fr | Self::Zh | Self::Ru => Script::Ltr,
        }
    }

    /// The language of a tag such as `fr`, `zh-Hans-CN` or `AR_eg`; its region does not matter.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default().trim();
        Self::ALL
            .into_iter()
            .find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The best of `offered` for an `Accept-Language` header (RFC 9110, 12.5.4); `None` when it
    /// wants none of them.
    #[must_use]
    pub fn accepted(header: &str, offered: &[Self]) -> Option<Self> {
        let mut wishes: Vec<(u16, Self)> = header
            .split(',')
            .filter_map(|part| {
                let mut fields = part.split(';');
                let language = Self::from_tag(fields.next()?.trim())?;
                let weight = fields
                    .find_map(|field| field.trim().strip_prefix("q=").map(str::to_owned))
                    .map_or(1000, |q| thousandths(&q));
                (weight > 0 && offered.contains(&language)).then_some((weight, language))
            })
            .collect();
        // Stable: of equal wishes the first counts.
        wishes.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        wishes.first().map(|(_, language)| *language)
    }
}

/// A weight such as `0.8` in thousandths; what is not one counts as none.
fn thousandths(q: &str) -> u16 {
    match q.trim().split_once('.') {
        None => q.trim().parse::<u16>().map_or(0, |whole| whole.min(1) * 1000),
        Some((whole, part)) => {
            let padded: String = part.chars().chain("000".chars()).take(3).collect();
            let part = padded.parse::<u16>().unwrap_or(0);
            whole
                .parse::<u16>()
                .map_or(0, |whole| (whole.min(1) * 1000 + part).min(1000))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Language as L;

    #[test]
    fn the_best_offered_language_is_taken() {
        for (header, offered, expected) in [
            ("fr-CH, fr;q=0.9, en;q=0.8", &L::ALL[..], Some(L::Fr)),
            ("de, ar;q=0.3, ru;q=0.7", &L::ALL[..], Some(L::Ru)),
            ("fr, en;q=0.8", &[L::En, L::Ar], Some(L::En)),
            ("zh-Hans-CN", &L::ALL[..], Some(L::Zh)),
            ("en;q=0", &L::ALL[..], None),
            ("", &L::ALL[..], None),
            (";;q=,=", &L::ALL[..], None),
        ] {
            assert_eq!(L::accepted(header, offered), expected, "{header}");
        }
    }
}
