//! When a segment begins and ends, as one pure function.
//!
//! A segment file is an init and the chunks as they came. A new one begins with the first chunk
//! of a track in a run, with a key chunk at or past the configured length, with a key chunk of
//! another encoder (its init would not fit the old file), and with the first key chunk after a
//! write error. Chunks that could not be decoded from where they would lie are dropped, counted.

/// Why a track has no open segment although it had one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The disk is full, or the reserve is reached.
    NoSpace,
    /// Any other error.
    Io,
}

/// Where a track stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing of it was written in this run.
    Fresh,
    /// A segment is open.
    Open {
        /// Start of its first chunk, nanoseconds of the run.
        start_ns: u64,
    },
    /// Its last segment ended in an error.
    Broken(Fault),
}

/// What matters of an arriving chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// A decoder can begin here.
    pub(crate) key: bool,
    /// Its start, nanoseconds of the run.
    pub(crate) start_ns: u64,
    /// It comes from the encoder of the open segment.
    pub(crate) same_init: bool,
    /// The disk has room again; asked only when the stage is broken for want of space.
    pub(crate) room: bool,
}

/// What to do with a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Begin a segment with it.
    Begin,
    /// Append it to the open one.
    Append,
    /// Close the open one, then begin with it.
    Rotate,
    /// Drop it and count it.
    Drop,
}

/// Decides over one chunk; `segment_ns` is the configured length.
pub(crate) const fn step(stage: Stage, arrival: Arrival, segment_ns: u64) -> Step {
    match stage {
        Stage::Fresh => Step::Begin,
        Stage::Open { start_ns } => {
            if !arrival.same_init {
                return if arrival.key { Step::Rotate } else { Step::Drop };
            }
            if arrival.key && arrival.start_ns.saturating_sub(start_ns) >= segment_ns {
                Step::Rotate
            } else {
                Step::Append
            }
        }
        Stage::Broken(Fault::NoSpace) => {
            if arrival.key && arrival.room {
                Step::Begin
            } else {
                Step::Drop
            }
        }
        Stage::Broken(Fault::Io) => {
            if arrival.key {
                Step::Begin
            } else {
                Step::Drop
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_arrival_is_decided_as_written() {
        const S: u64 = 1_000;
        let open = Stage::Open { start_ns: 500 };
        let nospace = Stage::Broken(Fault::NoSpace);
        let io = Stage::Broken(Fault::Io);
        // Stage, key, start, same init, room, what to do.
        let table = [
            (Stage::Fresh, true, 0, false, false, Step::Begin),
            (Stage::Fresh, false, 0, false, false, Step::Begin),
            (open, true, 1_499, true, false, Step::Append),
            (open, true, 1_500, true, false, Step::Rotate),
            (open, false, 9_999, true, false, Step::Append),
            (open, true, 600, false, false, Step::Rotate),
            (open, false, 9_999, false, false, Step::Drop),
            // A clock that went back is no reason to cut.
            (open, true, 0, true, false, Step::Append),
            (nospace, true, 0, false, false, Step::Drop),
            (nospace, false, 0, false, true, Step::Drop),
            (nospace, true, 0, false, true, Step::Begin),
            (io, false, 0, true, true, Step::Drop),
            (io, true, 0, true, false, Step::Begin),
        ];
        for (stage, key, start_ns, same_init, room, expected) in table {
            let arrival = Arrival {
                key,
                start_ns,
                same_init,
                room,
            };
            assert_eq!(step(stage, arrival, S), expected, "{stage:?} {arrival:?}");
        }
    }
}
