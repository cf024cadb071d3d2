//! What a recording has to tell of itself beside its pictures and its sound: when a source went
//! and came back, what encoded it, what was left out. Facts are kept with the lecture, in the
//! database and in `lecture.json`, so that months later an editor knows why a picture froze.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{RunNumber, SourceName};

/// What kind of thing was noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FactKind {
    /// This encoder does the work.
    Encoder,
    /// The encoder failed and another took over.
    EncoderFallback,
    /// Work was left out to spare the processor.
    LoadShed,
    /// Work that was left out is done again.
    LoadRestored,
    /// Pictures or sound were dropped because the machine could not follow.
    Dropped,
    /// The device changed the size, rate or form of what it delivers.
    FormatChanged,
    /// The source stopped delivering.
    SourceLost,
    /// The source delivers again.
    SourceBack,
    /// A spare took over.
    SpareOn,
    /// A spare handed back.
    SpareOff,
    /// All samples of a microphone are zero.
    SoundMuted,
    /// A microphone that was silent to the last bit gives sound again.
    SoundBack,
    /// The recording went on after an outage.
    Interrupted,
    /// The wall clock was set; times were corrected.
    ClockCorrected,
}

impl FactKind {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Self::Encoder,
        Self::EncoderFallback,
        Self::LoadShed,
        Self::LoadRestored,
        Self::Dropped,
        Self::FormatChanged,
        Self::SourceLost,
        Self::SourceBack,
        Self::SpareOn,
        Self::SpareOff,
        Self::SoundMuted,
        Self::SoundBack,
        Self::Interrupted,
        Self::ClockCorrected,
    ];

    /// The name in the database, JSON, log and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Encoder => "encoder",
            Self::EncoderFallback => "encoder-fallback",
            Self::LoadShed => "load-shed",
            Self::LoadRestored => "load-restored",
            Self::Dropped => "dropped",
            Self::FormatChanged => "format-changed",
            Self::SourceLost => "source-lost",
            Self::SourceBack => "source-back",
            Self::SpareOn => "spare-on",
            Self::SpareOff => "spare-off",
            Self::SoundMuted => "sound-muted",
            Self::SoundBack => "sound-back",
            Self::Interrupted => "interrupted",
            Self::ClockCorrected => "clock-corrected",
        }
    }
}

impl std::str::FromStr for FactKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// One thing that was noted of a lecture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fact {
    /// The run in which it was so.
    pub run: RunNumber,
    /// When, in nanoseconds of the run.
    pub at_ns: u64,
    /// The source that it is about; `None`: all.
    pub source: Option<SourceName>,
    /// What kind of thing.
    pub what: FactKind,
    /// The same for people, one sentence without a full stop.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_are_the_ones_of_json() {
        for kind in FactKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert!("".parse::<FactKind>().is_err());
    }
}
