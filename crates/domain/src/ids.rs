//! Names of things: one type per kind of thing, so that they cannot be mixed up.
//!
//! Names that come from the configuration ([`SourceName`], [`PlatformName`]) end up in paths,
//! metrics and URLs; their grammar is checked once, here.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A lecture, for its whole life and on every machine: a random UUID, so that a cloned disk or
/// two rooms can never give the same one twice. It is the idempotency key at the platforms.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct LectureId(pub Uuid);

impl LectureId {
    /// A new id from the system's random numbers.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for LectureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.hyphenated(), f)
    }
}

impl fmt::Debug for LectureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.hyphenated(), f)
    }
}

impl FromStr for LectureId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// One unbroken stretch of recording inside a lecture, counted from 1. A restart of the daemon
/// begins a new run of the same lecture; a restart of one source does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RunNumber(pub u32);

impl fmt::Display for RunNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A run of a lecture: what a chunk belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunId {
    /// The lecture.
    pub lecture: LectureId,
    /// Which of its runs.
    pub run: RunNumber,
}

/// One delivery: one lecture to one platform. The database's row id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DeliveryId(pub i64);

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 32 characters of a-z, 0-9, \"-\" and \"_\", beginning with a letter or digit")]
pub struct BadName;

fn check_name(text: &str) -> Result<(), BadName> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ok = !text.is_empty()
        && text.len() <= 32
        && text.bytes().all(|b| plain(b) || b == b'-' || b == b'_')
        && text.bytes().next().is_some_and(plain);
    if ok { Ok(()) } else { Err(BadName) }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(!try_from, !into)]
        pub struct $name(#[schemars(regex(pattern = "^[a-z0-9][a-z0-9_-]{0,31}$"))] String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;

            fn try_from(text: String) -> Result<Self, BadName> {
                check_name(&text)?;
                Ok(Self(text))
            }
        }

        impl FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

name! {
    /// The `name` of a `[[source]]`; also the name of its track, of the track's folder and of
    /// the finished file. The name `finished` is taken by the folder beside the tracks.
    SourceName
}
name! {
    /// The `name` of a `[[platform]]`.
    PlatformName
}
name! {
    /// The `name` of a `[[light]]` or `[[button]]`; also part of its thread's name.
    FittingName
}
name! {
    /// The `name` of a `[[notify]]`.
    NotifyName
}
name! {
    /// The `id` of the `[room]`.
    RoomId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_their_folder_are_refused() {
        for bad in ["", ".", "..", "a/b", "A", "a b", "-a", "é", &"x".repeat(33)] {
            assert_eq!(bad.parse::<SourceName>(), Err(BadName), "{bad:?}");
        }
        for good in ["camera", "hdmi-2", "0", "a_b"] {
            assert_eq!(good.parse::<SourceName>().unwrap().as_str(), good);
        }
    }
}
