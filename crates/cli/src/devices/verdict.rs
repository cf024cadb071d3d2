//! What the levels of a microphone mean, in one word and what to do about it.

use lectern_domain::media::SPEECH_DBFS;
use serde::{Deserialize, Serialize};

/// A loudest sample below this, in dBFS, is no air at all: one step of 16 bit is -90.3.
const NOTHING_DBFS: f32 = -90.0;
/// Speech has gaps between its words; what moves less than this in three seconds, in dB, has none.
const STEADY_DB: f32 = 6.0;

/// What was measured over 100 ms, of the loudest channel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Level {
    /// Root mean square in dBFS.
    pub(super) rms_dbfs: f32,
    /// Peak in dBFS.
    pub(super) peak_dbfs: f32,
}

/// The word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As loud as somebody who speaks, and moving as speech does.
    Speech,
    /// As loud, and always the same: a tone, a hum, a fan.
    Steady,
    /// A room in which nobody speaks, or a microphone that is set too low.
    Quiet,
    /// Nothing but zeros: switched off, muted, not connected.
    DigitalSilence,
}

impl Verdict {
    /// Of some seconds of levels, at least one.
    pub(super) fn of(levels: &[Level]) -> Self {
        let loudest = |value: fn(&Level) -> f32| levels.iter().map(value).fold(f32::NEG_INFINITY, f32::max);
        let softest = levels
            .iter()
            .map(|level| level.rms_dbfs)
            .fold(f32::INFINITY, f32::min);
        let rms = loudest(|level| level.rms_dbfs);
        if loudest(|level| level.peak_dbfs) < NOTHING_DBFS {
            Self::DigitalSilence
        } else if rms <= SPEECH_DBFS {
            Self::Quiet
        } else if rms - softest < STEADY_DB {
            Self::Steady
        } else {
            Self::Speech
        }
    }

    /// As printed, and in JSON.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Speech => "speech",
            Self::Steady => "steady sound",
            Self::Quiet => "quiet",
            Self::DigitalSilence => "digital silence",
        }
    }

    /// What to do about it; nothing if it is well.
    pub(super) const fn advice(self) -> Option<&'static str> {
        match self {
            Self::Speech => None,
            Self::Steady => Some("a tone, a hum or a fan: speak, and listen again"),
            Self::Quiet => Some("speak into it and listen again; if it stays so, raise its gain"),
            Self::DigitalSilence => Some("look for a mute switch, an empty battery or a missing cable"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict() {
        let of = |all: &[(f32, f32)]| {
            let levels: Vec<Level> = all
                .iter()
                .map(|(rms_dbfs, peak_dbfs)| Level {
                    rms_dbfs: *rms_dbfs,
                    peak_dbfs: *peak_dbfs,
                })
                .collect();
            Verdict::of(&levels)
        };
        for (levels, verdict) in [
            (&[(-28.0, -12.0), (-61.0, -50.0)][..], Verdict::Speech),
            (&[(-20.0, -17.0), (-20.5, -17.0)], Verdict::Steady),
            (&[(-58.0, -31.0), (-63.0, -40.0)], Verdict::Quiet),
            (&[(SPEECH_DBFS, -31.0)], Verdict::Quiet),
            (&[(-96.0, -89.0)], Verdict::Quiet),
            (&[(-120.0, -120.0), (-95.0, -90.3)], Verdict::DigitalSilence),
        ] {
            assert_eq!(of(levels), verdict, "{levels:?}");
        }
        assert_eq!(Verdict::Speech.advice(), None);
    }
}
