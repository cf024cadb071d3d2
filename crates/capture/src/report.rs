//! What is known of a source at this moment.

use lectern_domain::config::Source;
use lectern_domain::media::Role;
use lectern_domain::track::TrackHealth;
use lectern_domain::wire::FailureReason;

use crate::clock;

/// The state of a source, replaced as a whole with every change.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceReport {
    /// Its role, as configured.
    pub role: Role,
    /// Its kind, as configured.
    pub kind: &'static str,
    /// How it is.
    pub health: TrackHealth,
    /// Wall clock at the last change of `health`, in milliseconds since 1970.
    pub since_unix_ms: i64,
    /// What was agreed with the device, for people.
    pub format: Option<String>,
    /// Which device it is, for people.
    pub device: Option<String>,
    /// What encodes it and how, for people.
    pub encoder: Option<String>,
    /// Whether it stands in for another source now.
    pub standing_in: bool,
    /// Whether all samples of a microphone have been zero for some seconds.
    pub muted: bool,
    /// How much faster its clock runs than the system's, in parts per million.
    pub drift_ppm: Option<f32>,
    /// Why it last failed.
    pub reason: Option<FailureReason>,
    /// The same in a technician's words.
    pub detail: Option<String>,
    /// How often its process was started again.
    pub restarts: u32,
    /// Buffers that the device delivered to the present process.
    pub captured: u64,
    /// Buffers that the present process dropped before the encoder.
    pub dropped: u64,
    /// Pictures that the present process left out to spare the processor.
    pub shed: u64,
    /// Chunks that the present process dropped because they were not taken in time.
    pub chunks_dropped: u64,
    /// `dropped` over all processes since the daemon started.
    pub dropped_total: u64,
    /// `shed` over all processes since the daemon started.
    pub shed_total: u64,
    /// `chunks_dropped` over all processes since the daemon started.
    pub chunks_dropped_total: u64,
    /// How long it was missing in runs since the daemon started, in milliseconds; grows when it
    /// comes back.
    pub lost_ms_total: u64,
}

impl SourceReport {
    pub(crate) fn starting(source: &Source) -> Self {
        Self {
            role: source.role,
            kind: source.kind.as_str(),
            health: TrackHealth::Starting,
            since_unix_ms: clock::unix_ms(),
            format: None,
            device: None,
            encoder: None,
            standing_in: false,
            muted: false,
            drift_ppm: None,
            reason: None,
            detail: None,
            restarts: 0,
            captured: 0,
            dropped: 0,
            shed: 0,
            chunks_dropped: 0,
            dropped_total: 0,
            shed_total: 0,
            chunks_dropped_total: 0,
            lost_ms_total: 0,
        }
    }

    /// A new process: what is said of the present one begins anew.
    pub(crate) fn begin(&mut self) {
        self.encoder = None;
        self.muted = false;
        self.drift_ppm = None;
        (self.captured, self.dropped, self.shed, self.chunks_dropped) = (0, 0, 0, 0);
    }

    /// Takes the counters of the present process, which only grow.
    pub(crate) fn count(&mut self, captured: u64, dropped: u64, shed: u64, chunks_dropped: u64) {
        self.dropped_total += dropped.saturating_sub(self.dropped);
        self.shed_total += shed.saturating_sub(self.shed);
        self.chunks_dropped_total += chunks_dropped.saturating_sub(self.chunks_dropped);
        (self.captured, self.dropped, self.shed, self.chunks_dropped) =
            (captured, dropped, shed, chunks_dropped);
    }
}

#[cfg(test)]
mod tests {
    use lectern_domain::config::SourceKind;

    use super::*;

    #[test]
    fn totals_go_on_over_processes() {
        let mut report = SourceReport::starting(&Source {
            name: "microphone".parse().unwrap(),
            role: Role::Microphone,
            kind: SourceKind::TestAudio,
            required: false,
            spare_for: None,
            serial: None,
            delay_ms: 0,
            video: None,
            audio: None,
        });
        report.count(100, 3, 1, 0);
        report.count(200, 5, 1, 2);
        report.begin();
        assert_eq!((report.captured, report.dropped), (0, 0));
        report.count(50, 4, 0, 1);
        assert_eq!(
            (
                report.dropped_total,
                report.shed_total,
                report.chunks_dropped_total
            ),
            (9, 1, 3)
        );
        assert_eq!((report.captured, report.dropped), (50, 4));
    }
}
