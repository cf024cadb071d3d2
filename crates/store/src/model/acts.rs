//! What may happen to a spool, and random sequences of it.

use std::io;

use proptest::prelude::*;

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// Somebody starts a lecture, if none is at work.
    Begin,
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

/// Sequences that mostly get somewhere: the common acts often, the rare ones sometimes.
pub(super) fn sequences() -> impl Strategy<Value = Vec<Act>> {
    let life = prop_oneof![
        2 => Just(Act::Begin),
        9 => (1u8..9).prop_map(Act::Chunks),
        2 => (1u8..8).prop_map(Act::Wait),
        1 => Just(Act::Encoders),
        3 => (1u8..4).prop_map(Act::Commit),
        1 => Just(Act::Pause),
        1 => Just(Act::Resume),
        1 => Just(Act::Mark),
        1 => Just(Act::Note),
        1 => Just(Act::Beat),
        2 => Just(Act::Stop),
        1 => Just(Act::Undo),
        2 => Just(Act::EndRun),
        2 => Just(Act::Finish),
        3 => (1u8..9).prop_map(Act::Deliver),
        2 => Just(Act::Purge),
    ];
    let trouble = prop_oneof![
        1 => Just(Act::Restart),
        2 => Just(Act::Kill),
        4 => any::<u64>().prop_map(Act::Cut),
        6 => (0u8..60, any::<u64>()).prop_map(|(ops, seed)| Act::CutAt(ops, seed)),
        2 => (0u8..40, prop_oneof![Just(io::ErrorKind::Other), Just(io::ErrorKind::StorageFull)])
            .prop_map(|(ops, kind)| Act::Fault(ops, kind)),
    ];
    // A beginning that records, so that few sequences are empty; then anything.
    let anything = proptest::collection::vec(prop_oneof![5 => life, 1 => trouble], 4..20);
    (1u8..9, anything).prop_map(|(chunks, rest)| {
        let mut acts = vec![Act::Begin, Act::Chunks(chunks)];
        acts.extend(rest);
        acts
    })
}
