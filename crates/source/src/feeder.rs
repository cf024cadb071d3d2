//! Feeds one coder: which buffers it gets, and under which stamp.
//!
//! Stamps are of the monotonic clock, with the source's delay added; a coder knows no run, so one
//! that was warm before a run needs no other axis. What lies outside the window is left out; what
//! the coder cannot take in time is dropped here, where it can be counted. Runs on the capture's
//! streaming thread and never waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Release};

use gst_app::AppSrc;

use crate::clock::{self, SECOND_NS};
use crate::feed::REPEATED;
use crate::form::Form;
use crate::grid::Grid;
use crate::piece::{Piece, Whole};
use crate::window::{Place, Window};

/// A key frame is asked for when this much has passed since the last, in nanoseconds.
pub(crate) const KEY_EVERY_NS: u64 = 2 * SECOND_NS;
/// The same where every picture since then showed the same as the last: a key frame of a full
/// screen costs as much as a dozen that repeat it, and nothing is gained by seeking between them.
const STILL_KEY_EVERY_NS: u64 = 8 * SECOND_NS;
/// Raw pictures that may wait for the encoder. A 1080p screen takes 3 MiB each.
const MAX_PICTURES: u64 = 8;
/// Coded pictures that may wait for the parser.
const MAX_CODED: u64 = 250;
/// Pieces of sound that may wait for the encoder: 40 ms each with every source here.
const MAX_PIECES: u64 = 125;
/// A block of sound this near to the end of the one before follows it without a seam.
const ROUNDING_SAMPLES: u64 = 4;

/// When the pictures' key frames are due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum KeyRule {
    /// [`KEY_EVERY_NS`] after the last; [`STILL_KEY_EVERY_NS`] while nothing moves.
    #[default]
    Distance,
    /// At each whole second of the clock, so that all sources have one at the same moments.
    WholeSeconds,
}

/// What became of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The coder has it.
    Fed,
    /// It does not belong to the window, or cannot begin it.
    Outside,
    /// The coder could not follow.
    Dropped,
    /// It was left out on purpose.
    Shed,
    /// It lies past the end of the window: everything before has been fed.
    PastEnd,
}

/// The feeder of one coder.
pub(crate) struct Feeder {
    source: AppSrc,
    /// Set before the end of the stream: the coder knows by it that the end was meant.
    ending: Arc<AtomicBool>,
    window: Window,
    kind: Kind,
}

enum Kind {
    Pictures {
        grid: Grid,
        /// Only each so-manieth place is taken.
        pace: u64,
        keys: Keys,
        /// Nothing was fed yet: the first picture is a key frame of itself.
        fresh: bool,
    },
    Coded {
        /// Nothing can be decoded before a key frame, nor after a dropped picture.
        waiting_for_key: bool,
    },
    Sound {
        channels: u32,
        /// The sample after the last one fed.
        next: Option<u64>,
        /// What is gathered for the encoder.
        piece: Piece,
    },
}

/// When pictures become key frames: by time, because a count of pictures would stretch to minutes
/// on a still screen.
#[derive(Debug, Default)]
struct Keys {
    rule: KeyRule,
    /// When the last one was; none before the first and after a wish for one.
    last_ns: Option<u64>,
    /// Something was new since then.
    moved: bool,
}

impl Keys {
    /// Whether the picture at `at_ns` is to be one; it then counts as one.
    fn is_due(&mut self, at_ns: u64, repeated: bool) -> bool {
        self.moved |= !repeated;
        let due = self.last_ns.is_none_or(|last_ns| match self.rule {
            KeyRule::Distance if self.moved => at_ns >= last_ns + KEY_EVERY_NS,
            KeyRule::Distance => at_ns >= last_ns + STILL_KEY_EVERY_NS,
            KeyRule::WholeSeconds => at_ns / SECOND_NS > last_ns / SECOND_NS,
        });
        if due {
            (self.last_ns, self.moved) = (Some(at_ns), false);
        }
        due
    }
}

impl Feeder {
    /// A feeder of `form` into `source`, whose caps are those of `form`. `ending` is set by
    /// [`Self::finish`].
    pub(crate) fn new(
        source: AppSrc,
        ending: Arc<AtomicBool>,
        form: &Form,
        fps: u32,
        window: Window,
        rule: KeyRule,
    ) -> Self {
        let kind = match form {
            Form::Pictures { .. } => Kind::Pictures {
                grid: Grid::new(form.rate().unwrap_or((fps, 1))),
                pace: 1,
                keys: Keys {
                    rule,
                    ..Keys::default()
                },
                fresh: true,
            },
            Form::Coded { .. } => Kind::Coded {
                waiting_for_key: true,
            },
            Form::Sound { channels, .. } => Kind::Sound {
                channels: *channels,
                next: None,
                piece: Piece::default(),
            },
        };
        Self {
            source,
            ending,
            window,
            kind,
        }
    }

    /// Goes on where `before` was: pictures of the same rate stay on one grid.
    pub(crate) fn follow(&mut self, before: &Self) {
        if let (Kind::Pictures { grid, .. }, Kind::Pictures { grid: old, .. }) =
            (&mut self.kind, &before.kind)
            && grid.rate() == old.rate()
        {
            *grid = old.clone();
        }
    }

    /// Takes another form, if the coder can: coded pictures carry their parameters along.
    pub(crate) fn reform(&mut self, form: &Form) -> bool {
        match (&mut self.kind, form) {
            (Kind::Coded { waiting_for_key }, Form::Coded { caps }) => {
                *waiting_for_key = true;
                self.source.set_caps(Some(caps));
                true
            }
            _ => false,
        }
    }

    /// Takes only each `pace`-th picture from now on.
    pub(crate) fn set_pace(&mut self, new: u64) {
        if let Kind::Pictures { pace, .. } = &mut self.kind {
            *pace = new.max(1);
        }
    }

    /// Ends the window at this stamp.
    pub(crate) fn stop_at(&mut self, until_ns: u64) {
        self.window.until_ns = Some(until_ns);
    }

    /// Makes the next picture a key frame.
    pub(crate) fn force_key(&mut self) {
        match &mut self.kind {
            Kind::Pictures { keys, .. } => keys.last_ns = None,
            // A network camera decides itself; each block of sound is a key.
            Kind::Coded { .. } | Kind::Sound { .. } => {}
        }
    }

    /// Whether the coder would take another picture.
    pub(crate) fn has_room(&self) -> bool {
        self.source.current_level_buffers() < MAX_PICTURES
    }

    /// Takes a buffer that was captured at `mono_ns`.
    pub(crate) fn take(&mut self, buffer: &gst::Buffer, mono_ns: u64) -> Taken {
        let at_ns = match self.window.place(mono_ns) {
            Place::Before => return Taken::Outside,
            Place::After => return Taken::PastEnd,
            Place::At(at_ns) => at_ns,
        };
        let full = |source: &AppSrc, most: u64| source.current_level_buffers() >= most;
        match &mut self.kind {
            Kind::Pictures {
                grid,
                pace,
                keys,
                fresh,
            } => {
                let Some(placed) = grid.place(at_ns) else {
                    return Taken::Outside;
                };
                if placed.place % *pace != 0 {
                    return Taken::Shed;
                }
                if full(&self.source, MAX_PICTURES) {
                    return Taken::Dropped;
                }
                // The first picture is one anyway, and the encoder is not ready for a wish.
                if keys.is_due(placed.at_ns, buffer.flags().contains(REPEATED)) && !*fresh {
                    request_key(&self.source);
                }
                *fresh = false;
                push(&self.source, buffer, placed.at_ns, grid.period_ns() * *pace)
            }
            Kind::Coded { waiting_for_key } => {
                let delta = buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
                if *waiting_for_key && delta {
                    return Taken::Outside;
                }
                if full(&self.source, MAX_CODED) {
                    *waiting_for_key = true;
                    return Taken::Dropped;
                }
                *waiting_for_key = false;
                push_coded(&self.source, buffer, at_ns)
            }
            Kind::Sound {
                channels,
                next,
                piece,
            } => {
                let stamped = clock::to_ticks(at_ns, clock::SOUND_TICKS);
                let first = match *next {
                    // A delay need not be a whole number of samples: rounding may tip by one.
                    Some(next) if stamped.abs_diff(next) <= ROUNDING_SAMPLES => next,
                    Some(next) if stamped < next => return Taken::Outside,
                    Some(_) | None => stamped,
                };
                let Some((block, frames)) = self.window.within(buffer, first, *channels) else {
                    return Taken::PastEnd;
                };
                if full(&self.source, MAX_PIECES) {
                    return Taken::Dropped;
                }
                // What was dropped becomes silence: sound is counted in samples, and a hole
                // would move all that follows.
                if let Some(missing) = next.map(|next| first - next).filter(|missing| *missing > 0) {
                    if let Some(before) = piece.take() {
                        push_sound(&self.source, &before);
                    }
                    push_silence(&self.source, first - missing, missing, *channels);
                }
                *next = Some(first + frames);
                piece
                    .add(first, frames, &block)
                    .map_or(Taken::Fed, |whole| push_sound(&self.source, &whole))
            }
        }
    }

    /// Ends the stream; the coder gives out what it holds.
    pub(crate) fn finish(mut self) {
        if let Kind::Sound { piece, .. } = &mut self.kind
            && let Some(rest) = piece.take()
        {
            push_sound(&self.source, &rest);
        }
        self.ending.store(true, Release);
        if let Err(error) = self.source.end_of_stream() {
            tracing::debug!(%error, "the coder refused the end of its stream");
        }
    }
}

fn ns_of(sample: u64) -> u64 {
    clock::from_ticks(sample, clock::SOUND_TICKS)
}

/// Pushes the buffer's memory under a new stamp; the bytes are shared, not copied.
fn push(source: &AppSrc, buffer: &gst::Buffer, at_ns: u64, duration_ns: u64) -> Taken {
    let mut stamped = buffer.copy();
    {
        let stamped = stamped.make_mut();
        stamped.set_pts(gst::ClockTime::from_nseconds(at_ns));
        stamped.set_dts(gst::ClockTime::NONE);
        stamped.set_duration(gst::ClockTime::from_nseconds(duration_ns));
        stamped.unset_flags(gst::BufferFlags::DISCONT | gst::BufferFlags::GAP);
    }
    taken(source.push_buffer(stamped))
}

/// Pushes a coded picture; its decoding time keeps its distance to the new stamp.
fn push_coded(source: &AppSrc, buffer: &gst::Buffer, at_ns: u64) -> Taken {
    let at_ns = clock::snap_picture(at_ns);
    let ahead_ns = match (buffer.pts(), buffer.dts()) {
        (Some(pts), Some(dts)) => pts.nseconds().saturating_sub(dts.nseconds()),
        _ => 0,
    };
    let mut stamped = buffer.copy();
    {
        let stamped = stamped.make_mut();
        stamped.set_pts(gst::ClockTime::from_nseconds(at_ns));
        let dts_ns = clock::snap_picture(at_ns.saturating_sub(ahead_ns));
        stamped.set_dts(gst::ClockTime::from_nseconds(dts_ns));
        stamped.unset_flags(gst::BufferFlags::DISCONT);
    }
    taken(source.push_buffer(stamped))
}

fn push_sound(source: &AppSrc, piece: &Whole) -> Taken {
    let (start, end) = (ns_of(piece.first), ns_of(piece.first + piece.frames));
    push(source, &piece.bytes, start, end - start)
}

fn push_silence(source: &AppSrc, first: u64, frames: u64, channels: u32) {
    let Ok(bytes) = usize::try_from(frames * 4 * u64::from(channels)) else {
        return;
    };
    let silence = gst::Buffer::from_mut_slice(vec![0u8; bytes]);
    push(
        source,
        &silence,
        ns_of(first),
        ns_of(first + frames) - ns_of(first),
    );
}

/// Asks the encoder, in the stream itself, to make the next picture a key frame.
fn request_key(source: &AppSrc) {
    use gst::prelude::ElementExtManual;
    let event = gst_video::DownstreamForceKeyUnitEvent::builder()
        .all_headers(true)
        .build();
    if !source.send_event(event) {
        tracing::warn!("the encoder did not take the request for a key frame");
    }
}

fn taken(pushed: Result<gst::FlowSuccess, gst::FlowError>) -> Taken {
    match pushed {
        Ok(_) => Taken::Fed,
        // The coder's pipeline reports why; here the buffer only counts.
        Err(_) => Taken::Dropped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_still_screen_has_few_key_frames_and_a_change_one_at_once() {
        let seconds = |keys: &mut Keys, pictures: &[(u64, bool)]| -> Vec<u64> {
            let due = pictures
                .iter()
                .filter(|(s, same)| keys.is_due(s * SECOND_NS, *same));
            due.map(|(s, _)| *s).collect()
        };
        let moving: Vec<_> = (0..9).map(|s| (s, false)).collect();
        assert_eq!(seconds(&mut Keys::default(), &moving), [0, 2, 4, 6, 8]);
        let still: Vec<_> = (0..20).map(|s| (s, s > 0)).collect();
        assert_eq!(seconds(&mut Keys::default(), &still), [0, 8, 16]);
        let once: Vec<_> = (0..20).map(|s| (s, s != 0 && s != 5)).collect();
        assert_eq!(seconds(&mut Keys::default(), &once), [0, 5, 13]);
        let mut wished = Keys::default();
        assert_eq!(seconds(&mut wished, &[(0, false), (1, true)]), [0]);
        wished.last_ns = None;
        assert_eq!(seconds(&mut wished, &[(2, true), (3, true)]), [2]);
    }

    #[test]
    fn with_pre_roll_key_frames_come_on_the_second() {
        let mut keys = Keys {
            rule: KeyRule::WholeSeconds,
            ..Keys::default()
        };
        let due: Vec<u64> = (13..60)
            .map(|n| n * SECOND_NS / 10)
            .filter(|at_ns| keys.is_due(*at_ns, *at_ns > 3 * SECOND_NS))
            .collect();
        let seconds = [13, 20, 30, 40, 50].map(|n| n * SECOND_NS / 10);
        assert_eq!(due, seconds);
    }
}
