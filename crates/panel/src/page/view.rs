//! What a page is made from, and the few things that all of its parts ask about it.

use std::collections::HashMap;

use lectern_domain::api::{self, Arg, LectureSummary, Metadata, PlannedLecture, PodiumState, Status};
use lectern_domain::ids::{LectureId, SourceName};
use lectern_words::Voice;

use crate::hearing::Hearing;

/// A planned lecture that begins within this time may be begun early.
const NEAR_MS: i64 = 30 * 60_000;

/// Everything that the page is made from.
pub(super) struct View<'a> {
    pub(super) status: &'a Status,
    /// The last lectures, newest first.
    pub(super) lectures: &'a [LectureSummary],
    pub(super) hearing: &'a HashMap<SourceName, Hearing>,
    pub(super) voice: &'a Voice,
    /// Whose details are being corrected on this page.
    pub(super) mending: Option<LectureId>,
    /// Whether whoever looks may press buttons.
    pub(super) may_operate: bool,
    /// Whether a script will fill in what ticks: then it is left out, so that a part changes
    /// only when something happened.
    pub(super) live: bool,
}

impl View<'_> {
    pub(super) fn word(&self, key: &str) -> String {
        self.voice.word(key)
    }

    pub(super) fn say<const N: usize>(&self, key: &str, args: [(&str, Arg); N]) -> String {
        self.voice.say(key, &api::args(args))
    }

    /// A source as people call it.
    pub(super) fn source(&self, name: &SourceName) -> String {
        self.sources(&[name])
    }

    /// Several sources as a list; nothing for none.
    pub(super) fn sources(&self, names: &[&SourceName]) -> String {
        let names = names.iter().map(|name| name.to_string()).collect();
        self.say("source-list", [("sources", Arg::Sources(names))])
    }

    /// What a lecture is called: by its title, else by its course.
    pub(super) fn about(&self, metadata: &Metadata) -> String {
        metadata
            .title
            .as_ref()
            .or(metadata.course.as_ref())
            .cloned()
            .unwrap_or_else(|| self.word("lecture-untitled"))
    }

    /// Whether the recorder is free: only then does the next lecture concern whoever stands here.
    fn free(&self) -> bool {
        matches!(self.status.state, PodiumState::Ready | PodiumState::Fault)
    }

    /// The next lecture, unless it was just cancelled.
    pub(super) fn next(&self) -> Option<&PlannedLecture> {
        self.status
            .next
            .as_ref()
            .filter(|next| next.undo_until_unix_ms.is_none())
    }

    /// The lecture that begins within the minute.
    pub(super) fn countdown(&self) -> Option<&PlannedLecture> {
        self.next()
            .filter(|next| next.counting_down && self.status.state == PodiumState::Ready)
    }

    /// The lecture that may be begun early.
    pub(super) fn near(&self) -> Option<&PlannedLecture> {
        let soon = self.status.now_unix_ms + NEAR_MS;
        self.next()
            .filter(|next| self.free() && next.starts_unix_ms <= soon)
    }

    /// The lecture that was cancelled a moment ago, and until when that can be taken back.
    pub(super) fn cancelled(&self) -> Option<(&PlannedLecture, i64)> {
        let next = self.status.next.as_ref().filter(|_| self.free())?;
        let until = next.undo_until_unix_ms?;
        (until > self.status.now_unix_ms).then_some((next, until))
    }

    /// The state as the podium shows it: the last minute before a planned lecture is a state of
    /// the page, not of the recorder.
    pub(super) fn state(&self) -> PodiumState {
        if self.countdown().is_some() {
            PodiumState::Starting
        } else {
            self.status.state
        }
    }

    /// Whether the room tries itself out and nothing else is to be said of its state.
    pub(super) fn self_test(&self) -> bool {
        let recording = self.status.self_test.is_some_and(|test| test.recording);
        recording && self.state() == PodiumState::Ready
    }

    pub(super) fn allowed(&self, command: &str) -> bool {
        self.may_operate && self.status.allowed.iter().any(|allowed| allowed == command)
    }

    /// Whether the next press begins a lecture that has yet to be described.
    pub(super) fn describes(&self) -> bool {
        self.free() && self.countdown().is_none() && self.allowed("start")
    }
}
