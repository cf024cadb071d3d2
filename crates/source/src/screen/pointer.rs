//! The mouse pointer, which is in no picture that the X server gives out.
//!
//! Pure: an image with a place, blended over the pixels of a screen.

use x11rb::protocol::xfixes::GetCursorImageReply;

/// The pointer's image and where its upper left corner lies; may reach over the screen's edges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pointer {
    left: i32,
    top: i32,
    width: usize,
    /// Changes with the image.
    serial: u32,
    /// Colours multiplied with their opacity, 0xAARRGGBB.
    pixels: Vec<u32>,
}

impl Pointer {
    /// The pointer as the server describes it.
    pub(super) fn from_image(image: GetCursorImageReply) -> Self {
        Self {
            left: i32::from(image.x) - i32::from(image.xhot),
            top: i32::from(image.y) - i32::from(image.yhot),
            width: usize::from(image.width),
            serial: image.cursor_serial,
            pixels: image.cursor_image,
        }
    }

    /// Whether a picture with the one shows the same as with the other.
    pub(super) fn looks_same(one: Option<&Self>, other: Option<&Self>) -> bool {
        let key = |pointer: &Self| (pointer.left, pointer.top, pointer.serial);
        one.map(key) == other.map(key)
    }

    /// Blends the pointer over `screen`: 32 bits a pixel, blue first, rows without padding.
    pub(super) fn draw(&self, screen: &mut [u8], width: usize, height: usize) {
        if self.width == 0 {
            return;
        }
        for (row, line) in self.pixels.chunks_exact(self.width).enumerate() {
            let Some(y) = place(self.top, row, height) else {
                continue;
            };
            for (column, argb) in line.iter().enumerate() {
                let Some(x) = place(self.left, column, width) else {
                    continue;
                };
                let at = (y * width + x) * 4;
                if let Some(pixel) = screen.get_mut(at..at + 4) {
                    blend(pixel, *argb);
                }
            }
        }
    }
}

/// `start` + `offset`, if it lies below `end` and not before zero.
fn place(start: i32, offset: usize, end: usize) -> Option<usize> {
    let at = usize::try_from(i64::from(start) + i64::try_from(offset).ok()?).ok()?;
    (at < end).then_some(at)
}

/// One pixel over another.
fn blend(under: &mut [u8], argb: u32) {
    let [blue, green, red, opacity] = argb.to_le_bytes();
    let rest = 255 - u16::from(opacity);
    for (channel, over) in under.iter_mut().zip([blue, green, red]) {
        let kept = (u16::from(*channel) * rest + 127) / 255;
        *channel = u8::try_from(kept + u16::from(over)).unwrap_or(u8::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer(left: i32, top: i32, pixels: Vec<u32>) -> Pointer {
        Pointer {
            left,
            top,
            width: 2,
            serial: 1,
            pixels,
        }
    }

    #[test]
    fn opaque_covers_transparent_keeps_and_half_mixes() {
        let mut screen = vec![100u8; 4 * 4 * 4];
        let half = 0x8040_0000;
        pointer(1, 1, vec![0xff0a_141e, 0, half, 0xff00_0000]).draw(&mut screen, 4, 4);
        let pixel = |x: usize, y: usize| screen[(y * 4 + x) * 4..][..3].to_vec();
        assert_eq!(pixel(1, 1), [0x1e, 0x14, 0x0a]);
        assert_eq!(pixel(2, 1), [100, 100, 100]);
        assert_eq!(pixel(1, 2), [50, 50, 114]);
        assert_eq!(pixel(2, 2), [0, 0, 0]);
        assert_eq!(pixel(0, 0), [100, 100, 100]);
    }

    #[test]
    fn a_pointer_over_the_edge_is_cut() {
        for (left, top) in [(-1, -1), (3, 3), (-5, 0), (0, 900), (i32::MIN, i32::MAX)] {
            let mut screen = vec![7u8; 4 * 4 * 4];
            pointer(left, top, vec![u32::MAX; 4]).draw(&mut screen, 4, 4);
            assert!(screen.iter().filter(|byte| **byte != 7).count() <= 4);
        }
    }
}
