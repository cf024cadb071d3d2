//! Where a track has nothing although the lecture goes on: for `lecture.json`, so that nobody
//! has to find a hole by watching.

use crate::timeline::Timeline;
use crate::track::Track;

/// Shorter holes are not worth a line; a chunk that was dropped has 200 ms.
const MIN_GAP_NS: i64 = 250_000_000;
/// Where two parts are joined, the rest of one chunk and the wait for another lie side by side.
const MIN_GAP_AT_JOINT_NS: i64 = 500_000_000;

/// The track's holes as `[from, to)` in nanoseconds of the lecture. The time of a card is none.
pub(crate) fn gaps(track: &Track<'_>, timeline: &Timeline) -> Vec<(i64, i64)> {
    let mut out: Vec<(i64, i64)> = Vec::new();
    // Until here the track has something, in the lecture's time.
    let mut covered = 0;
    let mut note = |from: i64, to: i64, least: i64| {
        if to - from >= least {
            out.push((from, to));
        }
    };
    let mut part_end = 0;
    for kept in &timeline.kept {
        if kept.at_ns > part_end {
            note(covered, part_end, MIN_GAP_AT_JOINT_NS);
            covered = kept.at_ns;
        }
        part_end = kept.at_ns + kept.len_ns();
        let mut least = MIN_GAP_AT_JOINT_NS;
        for sample in track.run(kept.run) {
            if sample.end_ns <= kept.from_ns || sample.pts_ns >= kept.to_ns {
                continue;
            }
            note(covered, kept.map(sample.pts_ns), least);
            least = MIN_GAP_NS;
            covered = covered.max(kept.map(sample.end_ns.min(kept.to_ns)));
        }
    }
    note(covered, timeline.total_ns, MIN_GAP_AT_JOINT_NS);
    out
}
