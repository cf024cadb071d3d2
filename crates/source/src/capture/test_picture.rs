//! The test picture: a running clock and bar, and one white picture at each whole second.
//!
//! Picture `n` shows the time from `n / fps` of the monotonic clock on; the one that contains a
//! whole second is white all over. With the test sound's beep it judges sync, so its stamps lie
//! exactly on the grid.

use gst::prelude::*;
use gst_app::AppSrc;
use lectern_domain::config::Video;

use super::paced::{Alarm, Pacer, Woken};
use super::{Head, Hint, Medium};
use crate::clock::{self, SECOND_NS};
use crate::failure::Failure;

/// The size without a configured one.
const SIZE: (u32, u32) = (1280, 720);
/// Brightness of the darkest and the brightest background, of the ink, and of the flash.
const BACKGROUND: (usize, usize) = (24, 72);
const INK: u8 = 180;
const WHITE: u8 = 235;
/// No colour.
const GREY: u8 = 128;
/// Segments of the digits 0 to 9: top, upper left, upper right, middle, lower left, lower right,
/// bottom, from the highest of seven bits down.
const DIGITS: [u8; 10] = [
    0b111_0111, 0b001_0010, 0b101_1101, 0b101_1011, 0b011_1010, 0b110_1011, 0b110_1111, 0b101_0010,
    0b111_1111, 0b111_1011,
];

/// The head of kind `test-video`.
pub(super) fn head(video: &Video) -> Result<Head, Failure> {
    let even = |side: Option<u32>, default: u32| side.map_or(default, |side| (side & !1).max(64));
    let (width, height) = (even(video.width, SIZE.0), even(video.height, SIZE.1));
    let format = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, width, height)
        .fps(gst::Fraction::new(
            i32::try_from(video.fps.max(1)).unwrap_or(30),
            1,
        ))
        .build()
        .map_err(|error| Failure::internal(error.to_string()))?;
    let caps = format
        .to_caps()
        .map_err(|error| Failure::internal(error.to_string()))?;
    let appsrc = AppSrc::builder()
        .caps(&caps)
        .format(gst::Format::Time)
        .is_live(true)
        .max_buffers(8)
        .build();
    let element = appsrc.clone().upcast();
    let fps = video.fps.max(1);
    let pacer = Pacer::start("test-picture", move |alarm| {
        show(alarm, &appsrc, &Painter::new(&format), fps)
    })?;
    Ok(Head {
        element,
        medium: Medium::Pictures,
        pacer: Some(pacer),
        hint: Hint::default(),
    })
}

fn show(alarm: &Alarm, appsrc: &AppSrc, painter: &Painter, fps: u32) {
    let newest = || clock::now_ns() * u64::from(fps) / SECOND_NS;
    let mut index = newest() + 1;
    loop {
        match alarm.wait_until(clock::picture_start(index, fps)) {
            Woken::Stopped => return,
            Woken::Poked => continue,
            Woken::OnTime => {}
        }
        // Half a second late is caught up with; more is left out, as a camera would.
        let missed = newest().saturating_sub(index);
        if missed > u64::from(fps / 2) {
            tracing::warn!(
                pictures = missed,
                "the test picture came too late; pictures were left out"
            );
            index += missed;
        }
        let mut buffer = gst::Buffer::from_mut_slice(painter.paint(index, fps));
        {
            let buffer = buffer.make_mut();
            let start = clock::picture_start(index, fps);
            buffer.set_pts(gst::ClockTime::from_nseconds(start));
            buffer.set_duration(gst::ClockTime::from_nseconds(
                clock::picture_start(index + 1, fps) - start,
            ));
        }
        // Refused only while the pipeline starts or ends; the picture is then nobody's.
        let _taken = appsrc.push_buffer(buffer);
        index += 1;
    }
}

/// Paints pictures of one format.
struct Painter {
    width: usize,
    height: usize,
    stride: usize,
    background: Vec<u8>,
    white: Vec<u8>,
}

impl Painter {
    fn new(format: &gst_video::VideoInfo) -> Self {
        let (width, height) = (format.width() as usize, format.height() as usize);
        let stride = usize::try_from(format.stride()[0]).unwrap_or(width);
        let luma = format.offset()[1];
        let mut background = vec![GREY; format.size()];
        for (number, row) in background[..luma].chunks_exact_mut(stride).enumerate() {
            let (dark, bright) = BACKGROUND;
            row.fill(u8::try_from(dark + (bright - dark) * number / height.max(1)).unwrap_or(INK));
        }
        let mut white = vec![GREY; format.size()];
        white[..luma].fill(WHITE);
        Self {
            width,
            height,
            stride,
            background,
            white,
        }
    }

    /// Picture `index` of the clock.
    fn paint(&self, index: u64, fps: u32) -> Vec<u8> {
        let fps = u64::from(fps);
        if index.is_multiple_of(fps) {
            return self.white.clone();
        }
        let mut picture = self.background.clone();
        let (second, part) = (index / fps, index % fps);
        self.bar(&mut picture, part, fps);
        self.clock(&mut picture, second, part);
        picture
    }

    /// A bar that crosses the picture once a second, in its lowest quarter.
    fn bar(&self, picture: &mut [u8], part: u64, fps: u64) {
        let thick = self.width / 32;
        let left =
            (self.width - thick) * usize::try_from(part).unwrap_or(0) / usize::try_from(fps).unwrap_or(1);
        self.fill(picture, left, self.height * 3 / 4, thick, self.height / 4);
    }

    /// Hours, minutes and seconds of the clock, and the picture's number within the second.
    fn clock(&self, picture: &mut [u8], second: u64, part: u64) {
        let pairs = [second / 3600 % 100, second / 60 % 60, second % 60, part % 100];
        // Eight digits, three gaps, margins: 26 half-widths.
        let half = self.width / 28;
        let mut left = half;
        for pair in pairs {
            for digit in [pair / 10, pair % 10] {
                self.digit(picture, usize::try_from(digit).unwrap_or(0), left, half * 2);
                left += half * 5 / 2;
            }
            left += half;
        }
    }

    fn digit(&self, picture: &mut [u8], digit: usize, left: usize, wide: usize) {
        let (top, thick) = (self.height / 5, (wide / 5).max(2));
        let segments = [
            (0, 0, wide, thick),
            (0, 0, thick, wide),
            (wide - thick, 0, thick, wide),
            (0, wide - thick, wide, thick),
            (0, wide, thick, wide),
            (wide - thick, wide, thick, wide),
            (0, 2 * wide - thick, wide, thick),
        ];
        let lit = DIGITS.get(digit).copied().unwrap_or(0);
        for (number, (x, y, w, h)) in segments.into_iter().enumerate() {
            if lit & (0b100_0000 >> number) != 0 {
                self.fill(picture, left + x, top + y, w, h);
            }
        }
    }

    /// Inks a rectangle of the brightness plane, as far as it lies in the picture.
    fn fill(&self, picture: &mut [u8], left: usize, top: usize, width: usize, height: usize) {
        let right = (left + width).min(self.width);
        for row in top..(top + height).min(self.height) {
            if let Some(line) = picture.get_mut(row * self.stride + left..row * self.stride + right) {
                line.fill(INK);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painter(width: u32, height: u32) -> Painter {
        let format = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, width, height)
            .build()
            .unwrap();
        Painter::new(&format)
    }

    #[test]
    fn only_the_picture_at_the_whole_second_is_white() {
        let painter = painter(640, 360);
        let mean = |picture: &[u8]| {
            picture[..640 * 360]
                .iter()
                .map(|byte| u64::from(*byte))
                .sum::<u64>()
                / (640 * 360)
        };
        assert_eq!(mean(&painter.paint(300, 30)), u64::from(WHITE));
        assert!((301..330).all(|index| mean(&painter.paint(index, 30)) < 120));
    }

    #[test]
    fn consecutive_pictures_differ_in_any_size() {
        for (width, height) in [(64, 64), (1280, 720), (320, 1000)] {
            let painter = painter(width, height);
            assert!((1..29).all(|index| painter.paint(index, 30) != painter.paint(index + 1, 30)));
        }
    }
}
