//! Chapters: where a viewer may want to go. The start, what people marked, and where the lecture
//! went on after an outage.

use crate::job::MarkInput;
use crate::job::RunInput;
use crate::mp4::chapters::Chapter;
use crate::outage::Outage;
use crate::timeline::Timeline;
use crate::words::Words;

/// A mark so close to the start is the start's name.
const START_MS: i64 = 1_000;

/// The chapters in order, the first at 0; none where there is only the start.
pub(crate) fn chapters(
    marks: &[MarkInput],
    runs: &[RunInput],
    timeline: &Timeline,
    outages: &[Outage],
    words: &Words,
) -> Vec<Chapter> {
    let index = |mark: &MarkInput| runs.iter().position(|run| run.run == mark.run);
    let mut sorted: Vec<(usize, &MarkInput)> = marks
        .iter()
        .filter_map(|mark| Some((index(mark)?, mark)))
        .collect();
    sorted.sort_by_key(|(run, mark)| (*run, mark.at_ns));
    let marked = sorted.into_iter().zip(1..).map(|((run, mark), number)| {
        let run_ns = i64::try_from(mark.at_ns).unwrap_or(i64::MAX);
        let title = mark.label.clone().filter(|label| !label.trim().is_empty());
        // A run that left nothing has its marks where the recording went on.
        let at_ns = timeline.place(run, run_ns).unwrap_or_else(|| {
            let later = timeline.kept.iter().find(|kept| kept.run > run);
            later.map_or(timeline.total_ns, |kept| kept.at_ns)
        });
        (at_ns / 1_000_000, title.unwrap_or_else(|| words.mark(number)))
    });
    let resumed = outages
        .iter()
        .map(|outage| (outage.to_ns / 1_000_000, words.after_outage()));
    // Stable: where both lie at one moment, the outage is named first.
    let mut points: Vec<(i64, String)> = resumed.chain(marked).collect();
    if points.is_empty() {
        return Vec::new();
    }
    points.sort_by_key(|(at_ms, _)| *at_ms);
    in_order(points, timeline.total_ns / 1_000_000, words)
}

/// Gives every moment one chapter, and the beginning one of its own.
fn in_order(points: Vec<(i64, String)>, total_ms: i64, words: &Words) -> Vec<Chapter> {
    let mut out: Vec<Chapter> = Vec::new();
    for (at_ms, title) in points {
        let at_ms = if at_ms < START_MS {
            0
        } else {
            at_ms.min(total_ms - 1).max(0)
        };
        let start_ms = u64::try_from(at_ms).unwrap_or(0);
        if out.is_empty() && start_ms > 0 {
            out.push(Chapter {
                start_ms: 0,
                title: words.start(),
            });
        }
        match out.last_mut() {
            Some(last) if last.start_ms == start_ms => last.title = format!("{} · {title}", last.title),
            _ => out.push(Chapter { start_ms, title }),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use lectern_domain::ids::RunNumber;

    use super::*;
    use crate::timeline::Kept;

    const MS: i64 = 1_000_000;

    fn mark(run: u32, at_ms: i64, label: Option<&str>) -> MarkInput {
        MarkInput {
            run: RunNumber(run),
            at_ns: u64::try_from(at_ms * MS).unwrap(),
            label: label.map(str::to_owned),
        }
    }

    fn told(marks: &[MarkInput], outages: &[Outage]) -> Vec<(u64, String)> {
        let part = |run, from: i64, to: i64, at: i64| Kept {
            run,
            from_ns: from * MS,
            to_ns: to * MS,
            at_ns: at * MS,
        };
        let timeline = Timeline {
            kept: vec![
                part(0, 500, 10_500, 0),
                part(0, 20_500, 30_500, 10_000),
                part(2, 0, 10_000, 20_000),
            ],
            total_ns: 30_000 * MS,
            ..Timeline::default()
        };
        let runs = [1, 2, 3].map(|number| RunInput::unknown(RunNumber(number)));
        let chapters = chapters(marks, &runs, &timeline, outages, &Words::of("en"));
        chapters
            .into_iter()
            .map(|chapter| (chapter.start_ms, chapter.title))
            .collect()
    }

    fn expect(list: &[(u64, &str)]) -> Vec<(u64, String)> {
        list.iter()
            .map(|(at, title)| (*at, (*title).to_owned()))
            .collect()
    }

    #[test]
    fn a_lecture_with_nothing_to_go_to_has_no_chapters() {
        assert_eq!(told(&[], &[]), []);
    }

    #[test]
    fn marks_keep_their_moment_over_pauses_and_runs() {
        let marks = [
            mark(3, 4_000, Some("Questions")),
            mark(1, 5_500, None),
            mark(1, 15_000, Some("In the pause")),
            mark(1, 21_500, Some(" ")),
            mark(2, 3_000, Some("Lost run")),
            mark(3, 90_000, Some("Late")),
            mark(7, 0, Some("Of no run")),
        ];
        let expected = [
            (0, "Start"),
            (5_000, "Mark 1"),
            (10_000, "In the pause"),
            (11_000, "Mark 3"),
            (20_000, "Lost run"),
            (24_000, "Questions"),
            (29_999, "Late"),
        ];
        assert_eq!(told(&marks, &[]), expect(&expected));
    }

    #[test]
    fn what_lies_at_one_moment_is_one_chapter() {
        let outage = Outage {
            from_ns: 20_000 * MS,
            to_ns: 20_000 * MS,
            wall_ms: None,
            length_ms: None,
        };
        let marks = [mark(1, 900, Some("Welcome")), mark(3, 0, Some("Again"))];
        let expected = [(0, "Welcome"), (20_000, "After the interruption · Again")];
        assert_eq!(told(&marks, &[outage]), expect(&expected));
    }
}
