//! The mouse pointer, which is in no picture that the X server gives out.
//!
//! Pure: an image with a place, blended over the pixels of a part of the screen.

use x11rb::protocol::xfixes::GetCursorImageReply;

use super::area::Area;

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

    /// What it covers of a screen of `size`.
    pub(super) fn area(&self, size: (u16, u16)) -> Option<Area> {
        let height = self.pixels.len() / self.width.max(1);
        let sides = [self.width, height].map(|side| i64::try_from(side).unwrap_or(0));
        Area::clipped(self.left.into(), self.top.into(), sides[0], sides[1], size)
    }

    /// Blends the pointer over the pixels of `part`: 32 bits each, blue first, rows without
    /// padding.
    pub(super) fn draw(&self, pixels: &mut [u8], part: Area) {
        if self.width == 0 {
            return;
        }
        let width = usize::from(part.width());
        for (row, line) in self.pixels.chunks_exact(self.width).enumerate() {
            let Some(y) = place(self.top, row, part.top, part.bottom) else {
                continue;
            };
            for (column, argb) in line.iter().enumerate() {
                let Some(x) = place(self.left, column, part.left, part.right) else {
                    continue;
                };
                let at = (y * width + x) * 4;
                if let Some(pixel) = pixels.get_mut(at..at + 4) {
                    blend(pixel, *argb);
                }
            }
        }
    }
}

/// How far `start` + `offset` lies behind `from`, if it lies between it and `end`.
fn place(start: i32, offset: usize, from: u16, end: u16) -> Option<usize> {
    let at = i64::from(start) + i64::try_from(offset).ok()?;
    let inside = at >= i64::from(from) && at < i64::from(end);
    inside.then(|| usize::try_from(at - i64::from(from)).ok())?
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
        pointer(1, 1, vec![0xff0a_141e, 0, half, 0xff00_0000]).draw(&mut screen, Area::whole(4, 4).unwrap());
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
            pointer(left, top, vec![u32::MAX; 4]).draw(&mut screen, Area::whole(4, 4).unwrap());
            assert!(screen.iter().filter(|byte| **byte != 7).count() <= 4);
        }
    }

    #[test]
    fn a_part_shows_what_of_the_pointer_lies_in_it() {
        let mut screen = vec![7u8; 8 * 8 * 4];
        let pointer = pointer(3, 3, vec![0xff00_0001, 0xff00_0002, 0xff00_0003, 0xff00_0004]);
        let part = Area::clipped(4, 4, 4, 4, (8, 8)).unwrap();
        pointer.draw(&mut screen[..part.bytes()], part);
        assert_eq!(screen[0], 4, "its lower right corner");
        assert_eq!(screen.iter().filter(|byte| **byte != 7).count(), 3);
        assert_eq!(pointer.area((8, 8)), Area::clipped(2, 2, 4, 4, (8, 8)));
        assert_eq!(pointer.area((2, 2)), None);
    }
}
