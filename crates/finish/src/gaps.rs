//! Where a track has nothing although the lecture goes on: for `lecture.json`, so that nobody
//! has to find a hole by watching.

use crate::timeline::Timeline;
use crate::track::Track;

/// Shorter holes are not worth a line: a source's hiccup, the rest of a chunk.
const MIN_GAP_NS: i64 = 500_000_000;

/// The track's holes as `[from, to)` in nanoseconds of the lecture.
pub(crate) fn gaps(track: &Track<'_>, timeline: &Timeline) -> Vec<(i64, i64)> {
    let mut out: Vec<(i64, i64)> = Vec::new();
    // Until here the track has something, in the lecture's time.
    let mut covered = 0;
    for kept in &timeline.kept {
        for sample in track.run(kept.run) {
            if sample.end_ns <= kept.from_ns || sample.pts_ns >= kept.to_ns {
                continue;
            }
            let begins = kept.map(sample.pts_ns);
            if begins - covered >= MIN_GAP_NS {
                out.push((covered, begins));
            }
            covered = covered.max(kept.map(sample.end_ns.min(kept.to_ns)));
        }
    }
    if timeline.total_ns - covered >= MIN_GAP_NS {
        out.push((covered, timeline.total_ns));
    }
    out
}
