//! Whether the microphone hears anybody, decided from its levels by one pure function.
//!
//! A speaker pauses for breath and for a question, so silence counts only after a while; a
//! microphone that is switched off delivers digital zeros, which no room is ever quiet enough
//! for, so that counts almost at once.

use lectern_domain::media::SPEECH_DBFS;

/// Quieter than this is no microphone at all.
const ZERO_DBFS: f32 = -100.0;
/// So long below [`SPEECH_DBFS`] is too long.
const QUIET_AFTER_MS: u64 = 15_000;
/// So long quiet besides, and it must catch the eye.
const SILENT_AFTER_MS: u64 = 15_000;
/// So long below [`ZERO_DBFS`] is no accident.
const OFF_AFTER_MS: u64 = 1_500;

/// What we believe about one microphone. Times are milliseconds of any monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hearing {
    /// No level has come yet.
    #[default]
    Unknown,
    /// Levels come, and so far none was speech.
    Listening {
        /// Since when.
        since_ms: u64,
    },
    /// Somebody was heard not long ago.
    Heard {
        /// When last.
        last_ms: u64,
    },
    /// Nobody was heard for a while.
    Quiet {
        /// Since when it was too long.
        since_ms: u64,
    },
    /// Nobody was heard for so long that a sentence is not enough.
    Silent,
    /// Digital zeros began, too short a time ago to speak of it.
    Zero {
        /// Since when.
        since_ms: u64,
        /// Whether there was speech before.
        heard: bool,
    },
    /// It is switched off or muted.
    Off,
}

impl Hearing {
    /// What to believe after a level of `rms_dbfs` at `now_ms`.
    pub(crate) fn step(self, rms_dbfs: f32, now_ms: u64) -> Self {
        if rms_dbfs > SPEECH_DBFS {
            return Self::Heard { last_ms: now_ms };
        }
        // A level that is no number is not sound either.
        let zero = rms_dbfs.is_nan() || rms_dbfs < ZERO_DBFS;
        match (self, zero) {
            (Self::Off, true) => Self::Off,
            (Self::Zero { since_ms, .. }, true) if now_ms.saturating_sub(since_ms) >= OFF_AFTER_MS => {
                Self::Off
            }
            (Self::Zero { .. }, true) => self,
            (Self::Heard { .. }, true) => Self::Zero {
                since_ms: now_ms,
                heard: true,
            },
            (Self::Unknown | Self::Listening { .. } | Self::Quiet { .. } | Self::Silent, true) => {
                Self::Zero {
                    since_ms: now_ms,
                    heard: false,
                }
            }
            (
                Self::Zero {
                    since_ms,
                    heard: true,
                },
                false,
            ) => Self::Heard { last_ms: since_ms },
            (Self::Unknown | Self::Zero { heard: false, .. } | Self::Off, false) => {
                Self::Listening { since_ms: now_ms }
            }
            (Self::Listening { since_ms: at } | Self::Heard { last_ms: at }, false)
                if now_ms.saturating_sub(at) >= QUIET_AFTER_MS =>
            {
                Self::Quiet { since_ms: now_ms }
            }
            (Self::Quiet { since_ms }, false) if now_ms.saturating_sub(since_ms) >= SILENT_AFTER_MS => {
                Self::Silent
            }
            (Self::Listening { .. } | Self::Heard { .. } | Self::Quiet { .. } | Self::Silent, false) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Hearing as H;

    const SPEECH: f32 = -20.0;
    const ROOM: f32 = -60.0;
    const ZERO: f32 = -120.0;

    #[test]
    fn every_arrow_is_as_written() {
        for (from, level, now, to) in [
            (H::Unknown, SPEECH, 5, H::Heard { last_ms: 5 }),
            (H::Unknown, ROOM, 5, H::Listening { since_ms: 5 }),
            (
                H::Unknown,
                ZERO,
                5,
                H::Zero {
                    since_ms: 5,
                    heard: false,
                },
            ),
            (
                H::Listening { since_ms: 0 },
                ROOM,
                14_999,
                H::Listening { since_ms: 0 },
            ),
            (
                H::Listening { since_ms: 0 },
                ROOM,
                15_000,
                H::Quiet { since_ms: 15_000 },
            ),
            (H::Heard { last_ms: 0 }, ROOM, 14_999, H::Heard { last_ms: 0 }),
            (
                H::Heard { last_ms: 0 },
                ROOM,
                15_000,
                H::Quiet { since_ms: 15_000 },
            ),
            (H::Heard { last_ms: 0 }, SPEECH, 9, H::Heard { last_ms: 9 }),
            (
                H::Heard { last_ms: 0 },
                ZERO,
                9,
                H::Zero {
                    since_ms: 9,
                    heard: true,
                },
            ),
            (H::Quiet { since_ms: 0 }, ROOM, 14_999, H::Quiet { since_ms: 0 }),
            (H::Quiet { since_ms: 0 }, ROOM, 15_000, H::Silent),
            (H::Silent, ROOM, 99_000, H::Silent),
            (H::Silent, SPEECH, 99, H::Heard { last_ms: 99 }),
            (H::Quiet { since_ms: 0 }, SPEECH, 99, H::Heard { last_ms: 99 }),
            (
                H::Quiet { since_ms: 0 },
                ZERO,
                99,
                H::Zero {
                    since_ms: 99,
                    heard: false,
                },
            ),
            (
                H::Zero {
                    since_ms: 0,
                    heard: true,
                },
                ZERO,
                1_499,
                H::Zero {
                    since_ms: 0,
                    heard: true,
                },
            ),
            (
                H::Zero {
                    since_ms: 0,
                    heard: true,
                },
                ZERO,
                1_500,
                H::Off,
            ),
            (
                H::Zero {
                    since_ms: 7,
                    heard: true,
                },
                ROOM,
                900,
                H::Heard { last_ms: 7 },
            ),
            (
                H::Zero {
                    since_ms: 7,
                    heard: false,
                },
                ROOM,
                900,
                H::Listening { since_ms: 900 },
            ),
            (
                H::Zero {
                    since_ms: 0,
                    heard: true,
                },
                f32::NAN,
                2_000,
                H::Off,
            ),
            (H::Off, ZERO, 9_000, H::Off),
            (H::Off, ROOM, 9_000, H::Listening { since_ms: 9_000 }),
            (H::Off, SPEECH, 9_000, H::Heard { last_ms: 9_000 }),
        ] {
            assert_eq!(from.step(level, now), to, "{from:?} at {level} dBFS, {now} ms");
        }
    }
}
