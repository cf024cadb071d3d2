//! What is noted of the lecture at work: signs of life, and what its sources tell.

use lectern_capture::Noted;
use lectern_capture::clock::monotonic_ns;
use lectern_domain::api::{Message, Severity};
use lectern_domain::fact::{Fact, FactKind};
use lectern_domain::ids::{LectureId, SourceName};
use lectern_domain::track::TrackHealth;
use tracing::{info, warn};

use super::Conductor;
use crate::status::source_names;

/// How often a lecture at work notes that the daemon is alive: what an outage is measured from.
const BEAT_EVERY_NS: u64 = 10_000_000_000;
/// Code of the message about work that is left out.
pub(super) const LOAD_SHED: &str = "load-shed";

impl Conductor {
    /// Tells the database that the lecture at work is, also while it is paused.
    pub(super) fn beat(&mut self, now_ns: u64) {
        let Some(run) = self.session.as_ref().and_then(|session| session.run.as_ref()) else {
            return;
        };
        if run.ending_since_ns.is_none() && now_ns.saturating_sub(self.beat_ns) >= BEAT_EVERY_NS {
            self.beat_ns = now_ns;
            self.parts.scribe.beat(run.id, now_ns.saturating_sub(run.base_ns));
        }
    }

    /// The health of a source changed.
    pub(super) fn see_sources(&mut self) {
        let now_ns = monotonic_ns();
        for (name, report) in self.parts.capture.reports() {
            self.keeping.see(&name, report.health, report.restarts, now_ns);
            if report.health != TrackHealth::Live {
                // It begins again in full, and tells anew if that is too much.
                self.troubles
                    .retain(|t| t.code != LOAD_SHED || t.subject.as_deref() != Some(name.as_str()));
            }
        }
    }

    /// Keeps what a source tells, and tells people what they should know of it.
    pub(super) fn on_noted(&mut self, noted: Noted) {
        let Noted { lecture, fact } = noted;
        let source = fact.source.as_ref().map(SourceName::as_str);
        info!(lecture = %lecture, source, fact = fact.what.as_str(), detail = fact.detail, "fact was noted");
        match fact.what {
            FactKind::LoadShed => self.trouble(Message {
                subject: source.map(str::to_owned),
                ..self.told(
                    Severity::Warning,
                    "message-load-shed",
                    [("source", source_names(source))],
                )
            }),
            FactKind::LoadRestored => self
                .troubles
                .retain(|t| t.code != LOAD_SHED || t.subject.as_deref() != source),
            _ => {}
        }
        self.keep(lecture, fact);
    }

    /// Keeps a fact with its lecture.
    pub(super) fn keep(&mut self, lecture: LectureId, fact: Fact) {
        if let Some(session) = self.session.as_mut().filter(|session| session.id == lecture) {
            session.facts += 1;
        }
        if !self.parts.scribe.note(lecture, fact) {
            warn!(lecture = %lecture, "fact was not kept: the database does not follow");
        }
    }
}
