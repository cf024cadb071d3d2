//! Durations, sizes and rates as people write them: `"60s"`, `"10GiB"`, `"8Mbit/s"`.
//!
//! One grammar for the configuration, the command line and the API: a decimal number and a unit,
//! nothing between. A number without a unit is refused, because nobody can tell what it meant.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why a quantity was refused: names what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadQuantity(&'static str);

const SPAN_HELP: &str = "not a length of time; write a number and one of ms, s, m, h, d, such as \"60s\"";
const SIZE_HELP: &str =
    "not a size; write a number and one of B, kB, MB, GB, TB, KiB, MiB, GiB, TiB, such as \"10GiB\"";
const RATE_HELP: &str =
    "not a rate; write a number and one of bit/s, kbit/s, Mbit/s, Gbit/s, such as \"8Mbit/s\"";

/// Splits `"1.5GiB"` into 1.5 and `"GiB"`, and multiplies by the unit's factor in `units`.
fn quantity(text: &str, units: &[(&str, u64)], help: &'static str) -> Result<u64, BadQuantity> {
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .ok_or(BadQuantity(help))?;
    let (number, unit) = text.split_at(split);
    let factor = units
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| *factor)
        .ok_or(BadQuantity(help))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = whole.parse().map_err(|_| BadQuantity(help))?;
    let mut total = whole.checked_mul(factor).ok_or(BadQuantity(help))?;
    if number.contains('.') {
        if fraction.is_empty() || fraction.len() > 9 {
            return Err(BadQuantity(help));
        }
        let parts: u64 = fraction.parse().map_err(|_| BadQuantity(help))?;
        let scale = 10u128.pow(u32::try_from(fraction.len()).map_err(|_| BadQuantity(help))?);
        let extra = u128::from(parts) * u128::from(factor) / scale;
        total = total
            .checked_add(u64::try_from(extra).map_err(|_| BadQuantity(help))?)
            .ok_or(BadQuantity(help))?;
    }
    Ok(total)
}

/// Writes `value` with the largest unit that divides it.
fn write_exact(f: &mut fmt::Formatter<'_>, value: u64, units: &[(&str, u64)]) -> fmt::Result {
    let smallest = units.iter().min_by_key(|(_, factor)| *factor);
    let best = units
        .iter()
        .filter(|(_, factor)| value != 0 && value.is_multiple_of(*factor))
        .max_by_key(|(_, factor)| *factor)
        .or(smallest);
    match best {
        Some((unit, factor)) => write!(f, "{}{unit}", value / factor),
        None => write!(f, "{value}"),
    }
}

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $units:expr, $help:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub u64);

        impl FromStr for $name {
            type Err = BadQuantity;

            fn from_str(text: &str) -> Result<Self, BadQuantity> {
                quantity(text, $units, $help).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadQuantity;

            fn try_from(text: String) -> Result<Self, BadQuantity> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_exact(f, self.0, $units)
            }
        }
    };
}

quantity! {
    /// A length of time, in milliseconds.
    Span, &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)], SPAN_HELP
}
quantity! {
    /// A size, in bytes.
    Size,
    &[
        ("B", 1), ("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
    ],
    SIZE_HELP
}
quantity! {
    /// A rate, in bits a second.
    Rate, &[("bit/s", 1), ("kbit/s", 1_000), ("Mbit/s", 1_000_000), ("Gbit/s", 1_000_000_000)], RATE_HELP
}

impl Span {
    /// As the standard library's type.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// In nanoseconds, the unit of media time.
    #[must_use]
    pub const fn ns(self) -> u64 {
        self.0.saturating_mul(1_000_000)
    }
}

impl Size {
    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl Rate {
    /// In bits a second.
    #[must_use]
    pub const fn bits_per_second(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_as_people_write_them() {
        assert_eq!("60s".parse(), Ok(Span(60_000)));
        assert_eq!("1.5h".parse(), Ok(Span(5_400_000)));
        assert_eq!("0s".parse(), Ok(Span(0)));
        assert_eq!("10GiB".parse(), Ok(Size(10 << 30)));
        assert_eq!("2500kbit/s".parse(), Ok(Rate(2_500_000)));
    }

    #[test]
    fn quantities_without_a_known_unit_are_refused() {
        for bad in [
            "",
            "60",
            "s",
            "-1s",
            "1 s",
            "1sec",
            "1.s",
            ".5s",
            "99999999999999d",
            "1e3s",
        ] {
            assert!(bad.parse::<Span>().is_err(), "{bad:?}");
        }
        assert!("10Gib".parse::<Size>().is_err());
        assert!("8MB/s".parse::<Rate>().is_err());
    }

    proptest::proptest! {
        #[test]
        fn written_quantities_read_back_the_same(value in 0u64..1 << 50) {
            proptest::prop_assert_eq!(Span(value).to_string().parse(), Ok(Span(value)));
            proptest::prop_assert_eq!(Size(value).to_string().parse(), Ok(Size(value)));
            proptest::prop_assert_eq!(Rate(value).to_string().parse(), Ok(Rate(value)));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,20}") {
            drop(text.parse::<Span>());
        }
    }
}
