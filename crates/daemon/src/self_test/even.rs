//! Whether a preview picture shows one even colour: a lens with its cap on, a cable without signal.
//!
//! Nothing is decoded. A block of 8 x 8 points without any detail takes the fewest bits that the
//! coder has, so a picture of nothing else is as small as a picture of its size can be; the sizes
//! stand in its headers.

/// What an even block of brightness takes by the customary tables, and one of colour.
const BRIGHT_BITS: u64 = 6;
const COLOUR_BITS: u64 = 4;
/// Above the least by this part, in hundredths, there is something to be seen: a ball that takes a
/// fortieth of a black picture is nine above.
const NOTHING_BELOW: u64 = 105;

/// Whether the JPEG shows one even colour; what is no baseline JPEG does not.
pub(super) fn is_even(jpeg: &[u8]) -> bool {
    measure(jpeg).is_some_and(|(least_bits, bytes)| bytes * 800 < least_bits * NOTHING_BELOW)
}

/// In how many bits the blocks of a JPEG could be coded at the least, and in how many bytes they are.
fn measure(jpeg: &[u8]) -> Option<(u64, u64)> {
    let mut least_bits = 0;
    let mut at = 2;
    // One that is cut says nothing of its blocks.
    if !jpeg.ends_with(&[0xff, 0xd9]) {
        return None;
    }
    loop {
        let [0xff, marker, high, low] = *jpeg.get(at..at + 4)?.first_chunk::<4>()? else {
            return None;
        };
        let body = jpeg.get(at + 4..)?;
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
        match marker {
            0xc0 | 0xc1 => least_bits = least_bits_of(body)?,
            // The coded blocks are between this segment and the two bytes of the end.
            0xda => return Some((least_bits, (jpeg.len() as u64).checked_sub(at as u64 + 2)?)),
            _ => {}
        }
    }
}

/// The least bits for the blocks of a frame of this header. Its first component is the brightness.
fn least_bits_of(frame: &[u8]) -> Option<u64> {
    let [_, h1, h0, w1, w0, count] = *frame.first_chunk::<6>()?;
    let sampling = |component: usize| {
        let both = *frame.get(6 + component * 3 + 1)?;
        Some((u64::from(both >> 4), u64::from(both & 15)))
    };
    let all: Vec<(u64, u64)> = (0..usize::from(count)).map(sampling).collect::<Option<_>>()?;
    let across = all.iter().map(|(h, _)| *h).max()?.max(1);
    let down = all.iter().map(|(_, v)| *v).max()?.max(1);
    let units = |points: [u8; 2], factor: u64| u64::from(u16::from_be_bytes(points)).div_ceil(8 * factor);
    let mut bits = std::iter::once(BRIGHT_BITS).chain(std::iter::repeat(COLOUR_BITS));
    let each: u64 = all
        .iter()
        .map(|(h, v)| h * v * bits.next().unwrap_or(COLOUR_BITS))
        .sum();
    Some(units([w1, w0], across) * units([h1, h0], down) * each)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The headers of a 640 x 360 picture in 4:2:0, and so many bytes of blocks.
    fn jpeg(coded_bytes: usize) -> Vec<u8> {
        let mut all = vec![0xff, 0xd8];
        all.extend([0xff, 0xdb, 0, 4, 0, 0]);
        all.extend([0xff, 0xc0, 0, 17, 8, 1, 104, 2, 128, 3]);
        all.extend([1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
        all.extend([0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]);
        all.extend(vec![0; coded_bytes]);
        all.extend([0xff, 0xd9]);
        all
    }

    #[test]
    fn a_picture_of_one_colour_is_as_small_as_it_can_be() {
        // 40 x 23 units of 4 blocks of brightness and 2 of colour.
        assert_eq!(measure(&jpeg(3_680)), Some((29_440, 3_680)));
        // Measured with the encoder that the sources use.
        for (picture, coded_bytes, even) in [
            ("black", 3_682, true),
            ("blue", 3_684, true),
            ("a ball on black", 4_020, false),
            ("a gradient", 7_472, false),
            ("bars", 17_002, false),
        ] {
            assert_eq!(is_even(&jpeg(coded_bytes)), even, "{picture}");
        }
    }

    #[test]
    fn what_is_no_picture_is_not_even() {
        let whole = jpeg(3_680);
        for end in 0..whole.len().min(60) {
            assert!(!is_even(&whole[..end]), "cut after {end} bytes");
        }
        assert!(!is_even(&[0xff; 64]));
    }
}
