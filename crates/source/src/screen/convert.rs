//! From the pixels of a screen to the planes that an encoder takes.
//!
//! Pure arithmetic on rows, written so that the compiler makes vector instructions of it: sums of
//! three products of bytes in narrow integers. Limited range, chroma between its four pixels.

/// How much of red, green and blue makes the brightness and the two colours, in 1/256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Matrix {
    luma: [u32; 3],
    /// Colours: the smaller parts are taken away.
    blue: [i16; 3],
    red: [i16; 3],
}

/// ITU-R BT.709, for high definition.
pub(super) const BT709: Matrix = Matrix {
    luma: [47, 157, 16],
    blue: [-26, -86, 112],
    red: [112, -102, -10],
};
/// ITU-R BT.601, for small pictures.
pub(super) const BT601: Matrix = Matrix {
    luma: [66, 129, 25],
    blue: [-38, -74, 112],
    red: [112, -94, -18],
};

impl Matrix {
    /// The brightness of a row of pixels, blue first, 32 bits each.
    pub(super) fn luma(&self, pixels: &[u8], out: &mut [u8]) {
        let [red, green, blue] = self.luma;
        let (pixels, _) = pixels.as_chunks::<4>();
        for (pixel, out) in pixels.iter().zip(out) {
            let pixel = u32::from_le_bytes(*pixel);
            let (b, g, r) = (pixel & 0xff, pixel >> 8 & 0xff, pixel >> 16 & 0xff);
            // 219 of 255 at most, above 16: it fits.
            *out = (((red * r + green * g + blue * b + 128) >> 8) + 16) as u8;
        }
    }

    /// The colours of two rows of pixels, one for each two by two of them. The last column of an
    /// odd width stands for two.
    pub(super) fn chroma(&self, upper: &[u8], lower: &[u8], blue: &mut [u8], red: &mut [u8]) {
        let (above, last_above) = upper.as_chunks::<8>();
        let (below, last_below) = lower.as_chunks::<8>();
        let rows = above.iter().zip(below);
        for ((above, below), (blue, red)) in rows.zip(blue.iter_mut().zip(red.iter_mut())) {
            (*blue, *red) = self.colours(*above, *below);
        }
        if let (Some(above), Some(below)) = (twice(last_above), twice(last_below))
            && let (Some(blue), Some(red)) = (blue.last_mut(), red.last_mut())
        {
            (*blue, *red) = self.colours(above, below);
        }
    }

    /// The colours of four pixels.
    #[inline]
    fn colours(&self, above: [u8; 8], below: [u8; 8]) -> (u8, u8) {
        // Red and blue of a pixel in one word, with room above each for the sum of four.
        let split = |row: [u8; 8]| {
            let row = u64::from_le_bytes(row);
            (row as u32, (row >> 32) as u32)
        };
        let ((one, two), (three, four)) = (split(above), split(below));
        let outer = |pixel: u32| pixel & 0x00ff_00ff;
        let inner = |pixel: u32| pixel >> 8 & 0xff;
        let outer = outer(one) + outer(two) + outer(three) + outer(four) + 0x0002_0002;
        let inner = inner(one) + inner(two) + inner(three) + inner(four) + 2;
        let (r, g, b) = (
            (outer >> 18 & 0xff) as i16,
            (inner >> 2 & 0xff) as i16,
            (outer >> 2 & 0xff) as i16,
        );
        // 112 * 255 is the most on either side of zero.
        let sum = |[red, green, blue]: [i16; 3]| (((red * r + green * g + blue * b + 128) >> 8) + 128) as u8;
        (sum(self.blue), sum(self.red))
    }
}

/// A single pixel beside itself.
fn twice(pixel: &[u8]) -> Option<[u8; 8]> {
    let pixel: [u8; 4] = pixel.try_into().ok()?;
    let [b, g, r, x] = pixel;
    Some([b, g, r, x, b, g, r, x])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same in real numbers: brightness, blue, red.
    fn exact(kr: f64, kb: f64, [b, g, r]: [u8; 3]) -> [f64; 3] {
        let [b, g, r] = [b, g, r].map(|part| f64::from(part) / 255.0);
        let y = kr * r + (1.0 - kr - kb) * g + kb * b;
        let blue = (b - y) / (1.0 - kb) / 2.0;
        let red = (r - y) / (1.0 - kr) / 2.0;
        [16.0 + 219.0 * y, 128.0 + 224.0 * blue, 128.0 + 224.0 * red]
    }

    #[test]
    fn every_colour_is_right_within_two_steps() {
        for (matrix, kr, kb) in [(BT709, 0.2126, 0.0722), (BT601, 0.299, 0.114)] {
            for colour in 0..=4096u32 {
                let part = |shift: u32| u8::try_from((colour >> shift & 15) * 17).unwrap();
                let bgr = [part(0), part(4), part(8)];
                let pixel = [bgr[0], bgr[1], bgr[2], 0xaa];
                let two = [pixel, pixel].concat();
                let (mut y, mut u, mut v) = ([0; 2], [0; 1], [0; 1]);
                matrix.luma(&two, &mut y);
                matrix.chroma(&two, &two, &mut u, &mut v);
                let wanted = exact(kr, kb, bgr);
                for (is, wanted) in [y[0], u[0], v[0]].into_iter().zip(wanted) {
                    assert!((f64::from(is) - wanted).abs() < 2.0, "{bgr:?}: {is} for {wanted}");
                }
            }
        }
    }

    #[test]
    fn greys_stay_grey_and_black_and_white_are_the_limits() {
        for grey in 0..=255u8 {
            let two = [grey, grey, grey, 0].repeat(2);
            for matrix in [BT709, BT601] {
                let (mut y, mut u, mut v) = ([0; 2], [0; 1], [0; 1]);
                matrix.luma(&two, &mut y);
                matrix.chroma(&two, &two, &mut u, &mut v);
                assert_eq!((u[0], v[0]), (128, 128), "grey {grey}");
                assert_eq!(
                    y[0],
                    16 + u8::try_from((u32::from(grey) * 220 + 128) >> 8).unwrap()
                );
            }
        }
    }

    #[test]
    fn four_pixels_share_a_colour_and_an_odd_column_stands_for_two() {
        let (black, blue) = ([0, 0, 0, 0], [255, 0, 0, 0]);
        let upper = [black, blue, blue].concat();
        let lower = [black, blue, blue].concat();
        let (mut u, mut v) = ([0; 2], [0; 2]);
        BT709.chroma(&upper, &lower, &mut u, &mut v);
        assert_eq!(u, [184, 240], "half of it, all of it");
        assert!(v[0] > v[1]);
    }
}
