//! The screen as it was last seen, in the encoder's format; only what changed is painted over.
//!
//! The picture is one buffer that is handed out without a copy. A part that is painted while an
//! encoder still reads the picture makes GStreamer copy it first; that is rare, as a picture is
//! encoded long before the next one is taken.

use gst_video::{VideoFrameRef, VideoInfo};

use super::area::Area;
use super::convert::{BT601, BT709, Matrix};
use crate::failure::Failure;
use crate::feed::REPEATED;

/// Rows that are converted at a time: their pixels stay in the processor's cache.
const BAND_ROWS: u16 = 16;
/// What small pictures' players take for granted ends here.
const SMALL_ROWS: u32 = 576;

/// The picture.
pub(super) struct Canvas {
    info: VideoInfo,
    matrix: Matrix,
    picture: gst::Buffer,
    /// One band of pixels as the screen has them.
    band: Vec<u8>,
}

impl Canvas {
    /// A black one of this size.
    pub(super) fn new(width: u16, height: u16, fps: u32) -> Result<Self, Failure> {
        let rate = gst::Fraction::new(i32::try_from(fps).unwrap_or(30), 1);
        let info = VideoInfo::builder(gst_video::VideoFormat::I420, width.into(), height.into())
            .fps(rate)
            .par(gst::Fraction::new(1, 1))
            .build()
            .map_err(|error| Failure::internal(format!("a screen of {width}x{height}: {error}")))?;
        let picture = gst::Buffer::with_size(info.size())
            .map_err(|error| Failure::internal(format!("no memory for a picture: {error}")))?;
        Ok(Self {
            matrix: if info.height() > SMALL_ROWS { BT709 } else { BT601 },
            info,
            picture,
            band: vec![0; usize::from(width) * usize::from(BAND_ROWS) * 4],
        })
    }

    /// Its format, with the colours that [`Self::paint`] makes.
    pub(super) fn caps(&self) -> Result<gst::Caps, Failure> {
        self.info
            .to_caps()
            .map_err(|error| Failure::internal(error.to_string()))
    }

    /// The picture with a stamp, its memory shared; perhaps marked as one that was out before.
    pub(super) fn picture(&self, at_ns: u64, repeated: bool) -> gst::Buffer {
        let mut picture = self.picture.copy();
        let marked = picture.make_mut();
        marked.set_pts(gst::ClockTime::from_nseconds(at_ns));
        if repeated {
            marked.set_flags(REPEATED);
        }
        picture
    }

    /// Paints `area`, whose sides are even but for those at the screen's own edge. `read` fills a
    /// band of it with pixels, 32 bits each, blue first, no padding.
    pub(super) fn paint<E>(
        &mut self,
        area: Area,
        mut read: impl FnMut(Area, &mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self {
            info,
            matrix,
            picture,
            band,
        } = self;
        let Ok(mut frame) = VideoFrameRef::from_buffer_ref_writable(picture.make_mut(), info) else {
            tracing::error!("a picture of the screen could not be written to");
            return Ok(());
        };
        let strides: [usize; 3] = [0, 1, 2].map(|plane| usize::try_from(info.stride()[plane]).unwrap_or(0));
        let [y, u, v, _] = frame.planes_data_mut();
        let row_bytes = usize::from(area.width()) * 4;
        for top in (area.top..area.bottom).step_by(BAND_ROWS.into()) {
            let bottom = area.bottom.min(top.saturating_add(BAND_ROWS));
            let part = Area { top, bottom, ..area };
            let pixels = &mut band[..part.bytes()];
            read(part, pixels)?;
            for (n, pair) in pixels.chunks(2 * row_bytes).enumerate() {
                let (upper, lower) = pair.split_at(row_bytes);
                // The last row of an odd height stands for two.
                let lower = if lower.is_empty() { upper } else { lower };
                let row = usize::from(top) + 2 * n;
                let at = |row: usize, stride: usize, column: usize| row * stride + column;
                let (left, width) = (usize::from(area.left), usize::from(area.width()));
                for (n, line) in pair.chunks(row_bytes).enumerate() {
                    matrix.luma(line, &mut y[at(row + n, strides[0], left)..][..width]);
                }
                let half = width.div_ceil(2);
                matrix.chroma(
                    upper,
                    lower,
                    &mut u[at(row / 2, strides[1], left / 2)..][..half],
                    &mut v[at(row / 2, strides[2], left / 2)..][..half],
                );
            }
        }
        Ok(())
    }
}
