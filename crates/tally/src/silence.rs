//! Whether nobody has been heard for half a minute while a lecture is recorded. Pure.

use std::time::Duration;

use lectern_domain::media::SPEECH_DBFS;

/// So long without speech is worth a light: a talk has pauses, but not of this length.
const TOO_LONG: Duration = Duration::from_secs(30);

/// When somebody was last heard. Times are of one clock that only goes forward.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Silence {
    since: Option<Duration>,
}

impl Silence {
    /// A microphone's level came: loud ones end the silence, of whichever microphone.
    #[must_use]
    pub fn level(self, rms_dbfs: f32, now: Duration) -> Self {
        if rms_dbfs > SPEECH_DBFS {
            Self { since: Some(now) }
        } else {
            self
        }
    }

    /// Whether it records now: silence counts from the first moment of it. A microphone that is
    /// gone sends no levels, which is silence too.
    #[must_use]
    pub fn recording(self, recording: bool, now: Duration) -> Self {
        Self {
            since: recording.then(|| self.since.unwrap_or(now)),
        }
    }

    /// Whether it has lasted too long.
    #[must_use]
    pub fn is_too_long(self, now: Duration) -> bool {
        self.since
            .is_some_and(|since| now.saturating_sub(since) >= TOO_LONG)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn half_a_minute_without_a_voice_counts_only_while_it_records() {
        let ready = Silence::default().recording(false, s(0));
        assert!(!ready.is_too_long(s(500)), "nobody needs to speak before class");
        let begun = ready.level(-80.0, s(99)).recording(true, s(100));
        assert!(!begun.is_too_long(s(129)));
        assert!(begun.is_too_long(s(130)));
        let spoke = begun
            .level(-30.0, s(120))
            .level(-70.0, s(121))
            .recording(true, s(122));
        assert!(!spoke.is_too_long(s(149)));
        assert!(spoke.is_too_long(s(150)));
        assert!(
            !spoke.recording(false, s(151)).is_too_long(s(900)),
            "a pause is private"
        );
        let again = spoke.recording(false, s(151)).recording(true, s(200));
        assert!(!again.is_too_long(s(229)), "and begins anew after it");
    }
}
