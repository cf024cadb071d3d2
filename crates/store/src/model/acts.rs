//! What may happen to a spool, and random sequences of it.

use std::io;

use proptest::prelude::*;

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// Somebody starts a lecture, if none is at work; the first that is planned, if one is.
    Begin,
    /// Somebody plans a lecture.
    Plan,
    /// The last plan is called off, or taken back.
    CallOff,
    /// So many chunks of 200 ms arrive on both tracks.
    Chunks(u8),
    /// Time passes and nothing arrives, in steps of 200 ms.
    Wait(u8),
    /// Both encoders begin anew: another init, so another segment.
    Encoders,
    /// The database enters so many of the segments that were sealed.
    Commit(u8),
    Pause,
    Resume,
    Mark,
    Note,
    Beat,
    Stop,
    Undo,
    /// The time to undo is over: the run ends, its rows are committed.
    EndRun,
    /// Finished files are made and entered.
    Finish,
    /// So many steps of a delivery are committed.
    Deliver(u8),
    /// A lecture that may go is deleted; one that may not is asked for, too.
    Purge,
    /// The daemon ends in good order and starts again.
    Restart,
    /// The daemon is killed and starts again; memory stays.
    Kill,
    /// The power goes; the seed says what the disk keeps.
    Cut(u64),
    /// The power goes in the operation that is so many operations ahead.
    CutAt(u8, u64),
    /// The operation that is so many operations ahead fails.
    Fault(u8, io::ErrorKind),
}

/// A stretch of a life, and what may come in its way.
fn episode() -> impl Strategy<Value = Vec<Act>> {
    use Act as A;
    prop_oneof![
        4 => (1u8..9).prop_map(|n| vec![A::Begin, A::Chunks(n)]),
        6 => (1u8..9, 1u8..4).prop_map(|(n, rows)| vec![A::Chunks(n), A::Commit(rows)]),
        1 => (1u8..5).prop_map(|n| vec![A::Encoders, A::Chunks(n)]),
        2 => (1u8..6, 1u8..4).prop_map(|(wait, n)| vec![A::Pause, A::Wait(wait), A::Resume, A::Chunks(n)]),
        1 => Just(vec![A::Pause]),
        2 => Just(vec![A::Mark, A::Note, A::Beat]),
        2 => (1u8..5).prop_map(|n| vec![A::Stop, A::Wait(1), A::Undo, A::Chunks(n)]),
        1 => Just(vec![A::Stop]),
        5 => Just(vec![A::Stop, A::EndRun, A::Finish]),
        5 => (1u8..12).prop_map(|steps| vec![A::EndRun, A::Finish, A::Deliver(steps)]),
        4 => Just(vec![A::Purge]),
        3 => Just(vec![A::Plan]),
        2 => Just(vec![A::Plan, A::CallOff]),
        1 => Just(vec![A::CallOff]),
    ]
}

fn trouble() -> impl Strategy<Value = Vec<Act>> {
    let kinds = prop_oneof![Just(io::ErrorKind::Other), Just(io::ErrorKind::StorageFull)];
    prop_oneof![
        12 => Just(vec![]),
        1 => Just(vec![Act::Restart]),
        1 => Just(vec![Act::Kill]),
        2 => any::<u64>().prop_map(|seed| vec![Act::Cut(seed)]),
        3 => (0u8..60, any::<u64>()).prop_map(|(ops, seed)| vec![Act::CutAt(ops, seed)]),
        1 => (0u8..60, any::<u64>()).prop_map(|(ops, seed)| vec![Act::CutAt(ops, seed), Act::Kill]),
        2 => (0u8..40, kinds).prop_map(|(ops, kind)| vec![Act::Fault(ops, kind)]),
    ]
}

/// Random lives: each begins to record, then anything may follow.
pub(super) fn sequences() -> impl Strategy<Value = Vec<Act>> {
    let rest = proptest::collection::vec((trouble(), episode()), 3..12);
    (1u8..9, rest).prop_map(|(chunks, rest)| {
        let mut acts = vec![Act::Begin, Act::Chunks(chunks)];
        for (trouble, episode) in rest {
            acts.extend(trouble);
            acts.extend(episode);
        }
        acts
    })
}
