//! What a self test finds: one check for the recording, one for each source, one for the files.

use std::collections::BTreeMap;

use lectern_capture::SourceReport;
use lectern_domain::api::{Check, Verdict};
use lectern_domain::config::{Config, Source};
use lectern_domain::finished::FileRole;
use lectern_domain::ids::SourceName;
use lectern_domain::media::Role;
use lectern_finish::{Finished, Note};

use super::watched::Watched;

/// Tracks may differ in length by this: one source begins with a picture, another with a sound.
const MAY_DIFFER_MS: u64 = 1_000;
/// What is recorded may be shorter than what was asked for by this: the sources begin after the
/// press.
const MAY_LACK_MS: u64 = 3_000;
/// A source that is heard late for a moment, on a computer that is busy, has lost next to nothing.
const MAY_MISS_MS: u64 = 1_000;
/// Fewer previews do not tell whether the picture moves.
const PICTURES_TO_TELL: u32 = 3;
/// A microphone whose loudest moment is below this gives zeros, or nothing but its own noise.
const DEAD_DBFS: f32 = -90.0;
/// A room in which somebody moves or a fan runs is louder.
const FAINT_DBFS: f32 = -65.0;

/// Everything that the tracks are judged by.
pub(crate) struct Question<'a> {
    pub(crate) config: &'a Config,
    /// The sources as they were before it recorded, and after.
    pub(crate) before: &'a BTreeMap<SourceName, SourceReport>,
    pub(crate) after: &'a BTreeMap<SourceName, SourceReport>,
    pub(crate) watched: &'a Watched,
    pub(crate) finished: Option<&'a Finished>,
}

/// Whether it recorded for as long as was asked for; `None`: it never began.
pub(crate) fn recorded(wanted_ms: u64, recorded_ms: Option<u64>) -> Check {
    match recorded_ms {
        Some(ms) if ms.saturating_add(MAY_LACK_MS) >= wanted_ms => {
            Check::good("record", format!("{} were recorded and closed.", seconds(ms)))
        }
        Some(ms) => Check::bad(
            "record",
            format!("Only {} of {} were recorded.", seconds(ms), seconds(wanted_ms)),
            "See whether the disk is full, and what the recorder's log says.",
        ),
        None => Check::bad(
            "record",
            "Nothing was recorded.",
            "Check cables and power of the sources, then ask the doctor: lectern doctor.",
        ),
    }
}

/// Whether the files were made, and what the finisher had to say.
pub(crate) fn finished(config: &Config, finished: &Finished) -> Check {
    let has = |video: bool| {
        config
            .sources
            .iter()
            .any(|source| source.role.is_video() == video)
    };
    let told: Vec<String> = finished
        .notes
        .iter()
        .filter(|note| match note {
            // Of tracks is told with them.
            Note::NoData { .. } => false,
            Note::NoPicture => has(true),
            Note::NoSound => has(false),
            _ => true,
        })
        .map(ToString::to_string)
        .collect();
    let bytes: u64 = finished.files.iter().map(|file| file.size_bytes).sum();
    let files = finished.files.len();
    let mut found = format!("{files} files of {} MB were made.", bytes.div_ceil(1_000_000));
    for note in &told {
        found.push_str(&format!(" {note}."));
    }
    if told.is_empty() {
        Check::good("finish", found)
    } else {
        Check::warning(
            "finish",
            found,
            "See what the recorder's log says about the disk.",
        )
    }
}

/// A check for each source, in the order of the configuration.
pub(crate) fn tracks(question: &Question<'_>) -> Vec<Check> {
    question
        .config
        .sources
        .iter()
        .map(|source| track(question, source))
        .collect()
}

/// Findings of one source, worst told first.
#[derive(Default)]
struct Findings(Vec<(Verdict, String, &'static str)>);

impl Findings {
    fn add(&mut self, verdict: Verdict, found: impl Into<String>, todo: &'static str) {
        self.0.push((verdict, found.into(), todo));
    }

    fn check(mut self, subject: String) -> Check {
        // A stable sort: what is equally bad stays in order.
        self.0.sort_by_key(|(verdict, ..)| std::cmp::Reverse(*verdict));
        let verdict = self.0.first().map_or(Verdict::Good, |(verdict, ..)| *verdict);
        let found: Vec<&str> = self.0.iter().map(|(_, found, _)| found.as_str()).collect();
        let todo = self
            .0
            .iter()
            .map(|(.., todo)| *todo)
            .find(|todo| !todo.is_empty());
        Check {
            subject,
            verdict,
            found: found.join(" "),
            todo: todo.unwrap_or_default().to_owned(),
        }
    }
}

fn track(question: &Question<'_>, source: &Source) -> Check {
    let mut findings = Findings::default();
    match length_of(question, &source.name) {
        Some(ms) => {
            length(question, ms, &mut findings);
            losses(question, source, &mut findings);
            if source.role.is_video() {
                picture(question, source, &mut findings);
            } else {
                sound(question, source, &mut findings);
            }
        }
        None if source.spare_for.is_some() => {
            findings.add(Verdict::Good, "It stands by, and was not needed.", "");
        }
        None => findings.add(
            Verdict::Bad,
            "Nothing of it was recorded.",
            "Check its cable and its power, then ask the doctor: lectern doctor.",
        ),
    }
    findings.check(format!("track.{}", source.name))
}

fn length_of(question: &Question<'_>, source: &SourceName) -> Option<u64> {
    question.finished?.files.iter().find_map(|file| match &file.role {
        FileRole::Track { source: of, .. } if of == source => file.duration_ms,
        _ => None,
    })
}

fn length(question: &Question<'_>, ms: u64, findings: &mut Findings) {
    let files = question.finished.iter().flat_map(|finished| &finished.files);
    let tracks = files.filter(|file| matches!(file.role, FileRole::Track { .. }));
    let longest_ms = tracks.filter_map(|file| file.duration_ms).max().unwrap_or(ms);
    if longest_ms - ms > MAY_DIFFER_MS {
        findings.add(
            Verdict::Bad,
            format!(
                "It is {} long, another track {}.",
                seconds(ms),
                seconds(longest_ms)
            ),
            "See what the recorder's log says about this source.",
        );
    } else {
        findings.add(Verdict::Good, format!("{} long.", seconds(ms)), "");
    }
}

fn losses(question: &Question<'_>, source: &Source, findings: &mut Findings) {
    let grown = |of: fn(&SourceReport) -> u64| {
        let count = |all: &BTreeMap<SourceName, SourceReport>| all.get(&source.name).map_or(0, of);
        count(question.after).saturating_sub(count(question.before))
    };
    let lost_ms = grown(|report| report.lost_ms_total);
    let dropped = grown(|report| report.dropped_total + report.chunks_dropped_total);
    if lost_ms > 0 {
        let verdict = if lost_ms < MAY_MISS_MS {
            Verdict::Warning
        } else {
            Verdict::Bad
        };
        findings.add(
            verdict,
            format!("It was away for {} meanwhile.", seconds(lost_ms)),
            "Check its cable and its power; a USB camera may need another socket.",
        );
    }
    if dropped > 0 {
        findings.add(
            Verdict::Warning,
            format!("Pieces that were dropped: {dropped}."),
            "The computer could not follow: end other programs, or lower width, height or fps.",
        );
    }
    if lost_ms == 0 && dropped == 0 {
        findings.add(Verdict::Good, "Nothing is missing.", "");
    }
}

fn picture(question: &Question<'_>, source: &Source, findings: &mut Findings) {
    let Some(seen) = question
        .watched
        .seen(&source.name)
        .filter(|seen| seen.pictures >= PICTURES_TO_TELL)
    else {
        return;
    };
    let slides = source.role == Role::Presentation;
    if seen.even == seen.pictures {
        let (verdict, todo) = if slides {
            (
                Verdict::Warning,
                "An empty screen looks so too: show something and test again.",
            )
        } else {
            (
                Verdict::Bad,
                "Take the cap off the lens, give the room light, check the camera's own picture.",
            )
        };
        findings.add(verdict, "The picture is one even colour, such as black.", todo);
    } else if seen.changes == 0 && !slides {
        findings.add(
            Verdict::Warning,
            "The picture stood still.",
            "Move before the camera and test again; if it stands still then too, restart the camera.",
        );
    } else if seen.changes > 0 {
        findings.add(Verdict::Good, "The picture moves.", "");
    } else {
        findings.add(Verdict::Good, "There is a picture.", "");
    }
}

fn sound(question: &Question<'_>, source: &Source, findings: &mut Findings) {
    let muted = question
        .after
        .get(&source.name)
        .is_some_and(|report| report.muted);
    match question.watched.loudest(&source.name) {
        Some(peak) if muted || peak < DEAD_DBFS => findings.add(
            Verdict::Bad,
            "There is no sound in it, not even noise.",
            "Switch the microphone on, see that it is not muted, check its cable.",
        ),
        Some(peak) if peak < FAINT_DBFS => findings.add(
            Verdict::Warning,
            format!("Its loudest moment is {peak:.0} dBFS, which is faint."),
            "Speak while it is tested; if it stays faint, turn the microphone's level up.",
        ),
        Some(peak) => findings.add(
            Verdict::Good,
            format!("Its loudest moment is {peak:.0} dBFS."),
            "",
        ),
        None => findings.add(
            Verdict::Warning,
            "No level of it was heard.",
            "Test again; if it stays so, restart the recorder.",
        ),
    }
}

#[allow(clippy::cast_precision_loss, reason = "a self test is minutes long")]
fn seconds(ms: u64) -> String {
    format!("{:.1} s", ms as f64 / 1_000.0)
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
