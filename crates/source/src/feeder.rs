//! Feeds one run's encoder: which buffers belong to the run, and under which stamp.
//!
//! A stamp of the monotonic clock becomes time of the run; what lies outside the run is left
//! out; what the encoder cannot take in time is dropped here, where it can be counted. Runs on
//! the capture's streaming thread and never waits.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};

use gst_app::AppSrc;

use crate::clock::{self, SECOND_NS};
use crate::form::Form;
use crate::grid::Grid;

/// A key frame is asked for when this much of the run has passed since the last, in nanoseconds.
pub(crate) const KEY_EVERY_NS: u64 = 2 * SECOND_NS;
/// Raw pictures that may wait for the encoder. A 1080p screen takes 8 MiB each.
const MAX_PICTURES: u64 = 8;
/// Coded pictures that may wait for the muxer.
const MAX_CODED: u64 = 250;
/// Blocks of sound that may wait for the encoder; 10 ms each with every source here.
const MAX_BLOCKS: u64 = 500;
/// The last picture is shown at most this long: a device that stalled has no picture to show.
const MAX_HOLD_NS: u64 = SECOND_NS;
/// A block of sound this near to the end of the one before follows it without a seam.
const ROUNDING_SAMPLES: u64 = 4;

/// Where a run lies on the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// The monotonic clock at run time zero.
    pub(crate) base_ns: u64,
    /// The moment in run time from which pictures and sound belong to the run: a resumed track
    /// must not begin with what was captured in the pause.
    pub(crate) from_ns: u64,
    /// Added to every stamp.
    pub(crate) delay_ns: i64,
    /// The run's end, once it is known, in run time.
    pub(crate) until_ns: Option<u64>,
}

/// Where a moment lies relative to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Before,
    At(u64),
    After,
}

impl Window {
    fn place(&self, mono_ns: u64) -> Place {
        let run_ns = i128::from(mono_ns) - i128::from(self.base_ns) + i128::from(self.delay_ns);
        match u64::try_from(run_ns) {
            Err(_) => Place::Before,
            Ok(at) if at < self.from_ns => Place::Before,
            Ok(at) if self.until_ns.is_some_and(|until| at >= until) => Place::After,
            Ok(at) => Place::At(at),
        }
    }
}

/// What became of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The encoder has it.
    Fed,
    /// It does not belong to the run, or cannot begin it.
    Outside,
    /// The encoder could not follow.
    Dropped,
    /// It lies past the end of the run: everything of the run has been fed.
    PastEnd,
}

/// Where a track of pictures ends, in run time: the feeder knows it before it ends the stream,
/// and the muxer needs it to know how long the last picture lasts.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrackEnd(Arc<AtomicU64>);

impl TrackEnd {
    fn set(&self, end_ns: u64) {
        self.0.store(end_ns, Release);
    }

    /// The end in nanoseconds of the run, if there is one.
    pub(crate) fn get(&self) -> Option<u64> {
        Some(self.0.load(Acquire)).filter(|end_ns| *end_ns > 0)
    }
}

/// The feeder of one run.
pub(crate) struct Feeder {
    source: AppSrc,
    window: Window,
    kind: Kind,
    /// The distance of two pictures, in nanoseconds.
    picture_ns: u64,
    /// The stamp of the newest picture, in run time.
    last_ns: Option<u64>,
    end: TrackEnd,
}

enum Kind {
    Pictures {
        grid: Grid,
        /// When the next key frame is due.
        key_due_ns: u64,
    },
    Coded {
        /// Nothing can be decoded before a key frame, nor after a dropped picture.
        waiting_for_key: bool,
    },
    Sound {
        channels: u32,
        /// The sample after the last one fed, in run time.
        next: Option<u64>,
    },
}

impl Feeder {
    /// A feeder of `form` into `source`; it tells `end` where the track ends.
    pub(crate) fn new(source: AppSrc, form: &Form, fps: u32, window: Window, end: TrackEnd) -> Self {
        let rate = form.rate().unwrap_or((fps, 1));
        let kind = match form {
            Form::Pictures { .. } => Kind::Pictures {
                grid: Grid::new(rate),
                key_due_ns: 0,
            },
            Form::Coded { .. } => Kind::Coded {
                waiting_for_key: true,
            },
            Form::Sound { channels, .. } => Kind::Sound {
                channels: *channels,
                next: None,
            },
        };
        let picture_ns = Grid::new(rate).period_ns();
        Self {
            source,
            window,
            kind,
            picture_ns,
            last_ns: None,
            end,
        }
    }

    /// Ends the run at `until_ns` of the run.
    pub(crate) fn stop_at(&mut self, until_ns: u64) {
        self.window.until_ns = Some(until_ns);
    }

    /// Makes the next picture a key frame.
    pub(crate) fn force_key(&mut self) {
        match &mut self.kind {
            Kind::Pictures { key_due_ns, .. } => *key_due_ns = 0,
            // A network camera decides itself; each block of sound is a key.
            Kind::Coded { .. } | Kind::Sound { .. } => {}
        }
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
            Kind::Pictures { grid, key_due_ns } => {
                if full(&self.source, MAX_PICTURES) {
                    return Taken::Dropped;
                }
                let Some(at_ns) = grid.place(at_ns) else {
                    return Taken::Outside;
                };
                if at_ns >= *key_due_ns {
                    // The first picture is one anyway, and the encoder is not ready for a wish.
                    if self.last_ns.is_some() {
                        request_key(&self.source);
                    }
                    *key_due_ns = at_ns + KEY_EVERY_NS;
                }
                self.last_ns = Some(at_ns);
                push(&self.source, buffer, at_ns, self.picture_ns)
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
                self.last_ns = self.last_ns.max(Some(at_ns));
                push_coded(&self.source, buffer, at_ns)
            }
            Kind::Sound { channels, next } => {
                let stamped = clock::to_ticks(at_ns, clock::SOUND_TICKS);
                let frames = buffer.size() as u64 / (4 * u64::from(*channels));
                let first = match *next {
                    // The run's zero lies between two samples: rounding may tip by one.
                    Some(next) if stamped.abs_diff(next) <= ROUNDING_SAMPLES => next,
                    Some(next) if stamped < next => return Taken::Outside,
                    Some(_) | None => stamped,
                };
                if full(&self.source, MAX_BLOCKS) {
                    return Taken::Dropped;
                }
                // What was dropped becomes silence: sound is counted in samples, and a hole
                // would move all that follows.
                if let Some(missing) = next.map(|next| first - next).filter(|missing| *missing > 0) {
                    push_silence(&self.source, first - missing, missing, *channels);
                }
                *next = Some(first + frames);
                let (start, end) = (ns_of(first), ns_of(first + frames));
                push(&self.source, buffer, start, end - start)
            }
        }
    }

    /// Ends the stream. The last picture lasts until the end of the run: the track of a still
    /// screen must be as long as the others.
    pub(crate) fn finish(self) {
        if let Some(last_ns) = self.last_ns {
            let next_ns = last_ns + self.picture_ns;
            let end_ns = self
                .window
                .until_ns
                .map_or(next_ns, |until_ns| until_ns.min(last_ns + MAX_HOLD_NS));
            self.end.set(clock::snap_picture(end_ns.max(last_ns)));
        }
        if let Err(error) = self.source.end_of_stream() {
            tracing::debug!(%error, "the encoder refused the end of its stream");
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
        // The encoder's pipeline reports why; here the buffer only counts.
        Err(_) => Taken::Dropped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_opens_at_zero_and_closes_at_its_end() {
        let mut window = Window {
            base_ns: 1_000,
            from_ns: 0,
            delay_ns: 0,
            until_ns: None,
        };
        assert_eq!(window.place(999), Place::Before);
        assert_eq!(window.place(1_000), Place::At(0));
        window.from_ns = 20;
        assert_eq!(window.place(1_019), Place::Before);
        assert_eq!(window.place(1_020), Place::At(20));
        window.until_ns = Some(50);
        assert_eq!(window.place(1_049), Place::At(49));
        assert_eq!(window.place(1_050), Place::After);
    }

    #[test]
    fn a_delay_moves_the_stamps_and_not_the_end() {
        let window = Window {
            base_ns: 1_000,
            from_ns: 0,
            delay_ns: -100,
            until_ns: Some(500),
        };
        assert_eq!(window.place(1_050), Place::Before);
        assert_eq!(window.place(1_100), Place::At(0));
        assert_eq!(window.place(1_600), Place::After);
        let early = Window {
            base_ns: 1_000,
            from_ns: 0,
            delay_ns: 100,
            until_ns: None,
        };
        assert_eq!(early.place(950), Place::At(50));
    }
}
