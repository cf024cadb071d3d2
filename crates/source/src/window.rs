//! What a coder gets of what the device delivers: from one stamp to another, to the sample.
//!
//! Pure but for the buffers.

use crate::clock;

/// What a coder gets of what the device delivers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Added to every stamp of the monotonic clock; what it gives is the stamp.
    pub(crate) delay_ns: i64,
    /// The first stamp: a resumed track must not begin with what was captured in the pause.
    pub(crate) from_ns: u64,
    /// The stamp at which it ends, once it is known.
    pub(crate) until_ns: Option<u64>,
}

/// Where a moment lies relative to a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before it.
    Before,
    /// In it, under this stamp.
    At(u64),
    /// Past its end.
    After,
}

impl Window {
    /// Where what was captured at this moment of the monotonic clock lies.
    pub(crate) fn place(&self, mono_ns: u64) -> Place {
        match mono_ns.checked_add_signed(self.delay_ns) {
            None => Place::Before,
            Some(at) if at < self.from_ns => Place::Before,
            Some(at) if self.until_ns.is_some_and(|until| at >= until) => Place::After,
            Some(at) => Place::At(at),
        }
    }

    /// What lies in the window of a block of sound that begins there with sample `first`, and how
    /// many frames that is: what was said after the end is not even encoded (P7).
    pub(crate) fn within(
        &self,
        block: &gst::Buffer,
        first: u64,
        channels: u32,
    ) -> Option<(gst::Buffer, u64)> {
        let frame_bytes = 4 * u64::from(channels);
        let all = block.size() as u64 / frame_bytes;
        let last = self
            .until_ns
            .map(|until_ns| clock::to_ticks(until_ns, clock::SOUND_TICKS));
        let frames = last.map_or(all, |last| all.min(last.saturating_sub(first)));
        if frames == all {
            return Some((block.clone(), all));
        }
        let bytes = usize::try_from(frames * frame_bytes)
            .ok()
            .filter(|bytes| *bytes > 0)?;
        let begin = block.copy_region(gst::BufferCopyFlags::MEMORY, ..bytes).ok()?;
        Some((begin, frames))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SECOND_NS;

    #[test]
    fn the_window_opens_and_closes_at_its_ends() {
        let mut window = Window {
            from_ns: 1_000,
            delay_ns: 0,
            until_ns: None,
        };
        assert_eq!(window.place(999), Place::Before);
        assert_eq!(window.place(1_000), Place::At(1_000));
        window.until_ns = Some(1_050);
        assert_eq!(window.place(1_049), Place::At(1_049));
        assert_eq!(window.place(1_050), Place::After);
    }

    #[test]
    fn p7_a_block_of_sound_is_cut_at_the_end_of_the_window() {
        gst::init().unwrap();
        let block = gst::Buffer::from_slice((0..480u16).flat_map(|n| [n as u8; 8]).collect::<Vec<_>>());
        let mut window = Window {
            delay_ns: 0,
            from_ns: 0,
            until_ns: None,
        };
        let cut = |window: &Window, first| {
            let (kept, frames) = window.within(&block, first, 2)?;
            let kept = kept.map_readable().unwrap();
            assert!(block.map_readable().unwrap().starts_with(&kept));
            Some((kept.len(), frames))
        };
        assert_eq!(cut(&window, 48_000), Some((3_840, 480)));
        window.until_ns = Some(SECOND_NS);
        // Ends there, begins 100 samples before, begins there.
        assert_eq!(cut(&window, 47_520), Some((3_840, 480)));
        assert_eq!(cut(&window, 47_900), Some((800, 100)));
        assert_eq!(cut(&window, 48_000), None);
    }

    #[test]
    fn a_delay_moves_the_stamps_and_not_the_ends() {
        let early = Window {
            from_ns: 1_000,
            delay_ns: -100,
            until_ns: Some(1_500),
        };
        assert_eq!(early.place(50), Place::Before);
        assert_eq!(early.place(1_050), Place::Before);
        assert_eq!(early.place(1_100), Place::At(1_000));
        assert_eq!(early.place(1_600), Place::After);
        let late = Window {
            delay_ns: 100,
            ..early
        };
        assert_eq!(late.place(950), Place::At(1_050));
    }
}
