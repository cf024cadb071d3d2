//! Which parts of the screen changed: rectangles, and how many of them are worth a request each.
//!
//! Pure. A request to the X server costs about as much as a few thousand pixels, so rectangles
//! that lie close together are taken as one.

/// Pixels that a request more costs as much as.
const REQUEST_PIXELS: u64 = 16 * 1024;
/// Past so many pieces what lies between them is taken along.
const MAX_PIECES: usize = 16;

/// A rectangle within the screen; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) left: u16,
    pub(super) top: u16,
    /// The first column and the first row that do not belong to it.
    pub(super) right: u16,
    pub(super) bottom: u16,
}

impl Area {
    /// A whole screen of this size; `None` for one without a pixel.
    pub(super) fn whole(width: u16, height: u16) -> Option<Self> {
        Self::clipped(0, 0, width.into(), height.into(), (width, height))
    }

    /// What of a rectangle lies on a screen of `size`, widened to even sides: four pixels share
    /// their colour.
    pub(super) fn clipped(left: i64, top: i64, width: i64, height: i64, size: (u16, u16)) -> Option<Self> {
        let cut = |at: i64, end: u16| u16::try_from(at.clamp(0, end.into())).unwrap_or(end);
        let area = Self {
            left: cut(left, size.0) & !1,
            top: cut(top, size.1) & !1,
            right: cut(left + width + ((left + width) & 1), size.0),
            bottom: cut(top + height + ((top + height) & 1), size.1),
        };
        let seen =
            left < i64::from(size.0) && top < i64::from(size.1) && left + width > 0 && top + height > 0;
        (seen && width > 0 && height > 0).then_some(area)
    }

    pub(super) fn width(&self) -> u16 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> u16 {
        self.bottom - self.top
    }

    pub(super) fn pixels(&self) -> u64 {
        u64::from(self.width()) * u64::from(self.height())
    }

    /// Bytes of its pixels at 32 bits each.
    pub(super) fn bytes(&self) -> usize {
        usize::from(self.width()) * usize::from(self.height()) * 4
    }

    /// The smallest one around both.
    fn around(&self, other: &Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }
}

/// Joins what is cheaper to take together. The result covers all of `changed` and has at most
/// [`MAX_PIECES`] pieces, which together are no larger than the whole screen.
pub(super) fn pieces(changed: Vec<Area>, whole: Area) -> Vec<Area> {
    let mut pieces = changed;
    let mut slack = REQUEST_PIXELS;
    loop {
        pieces = join(&pieces, slack);
        if pieces.len() <= MAX_PIECES {
            break;
        }
        slack *= 4;
    }
    if pieces.iter().map(Area::pixels).sum::<u64>() >= whole.pixels() {
        vec![whole]
    } else {
        pieces
    }
}

fn join(changed: &[Area], slack: u64) -> Vec<Area> {
    let mut joined: Vec<Area> = Vec::with_capacity(changed.len());
    for area in changed {
        let mut area = *area;
        // What has grown may now swallow another.
        while let Some(at) = joined
            .iter()
            .position(|other| area.around(other).pixels() <= area.pixels() + other.pixels() + slack)
        {
            area = area.around(&joined.swap_remove(at));
        }
        joined.push(area);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (u16, u16) = (1920, 1080);

    fn area(left: i64, top: i64, width: i64, height: i64) -> Area {
        Area::clipped(left, top, width, height, SIZE).unwrap()
    }

    #[test]
    fn what_is_off_the_screen_is_cut_and_the_rest_made_even() {
        let is = |found: Option<Area>| found.map(|a| (a.left, a.top, a.right, a.bottom));
        assert_eq!(is(Area::clipped(3, 5, 2, 2, SIZE)), Some((2, 4, 6, 8)));
        assert_eq!(is(Area::clipped(-10, -10, 11, 11, SIZE)), Some((0, 0, 2, 2)));
        assert_eq!(
            is(Area::clipped(1919, 1079, 50, 50, SIZE)),
            Some((1918, 1078, 1920, 1080))
        );
        assert_eq!(is(Area::clipped(0, 0, 9, 9, (7, 5))), Some((0, 0, 7, 5)));
        assert_eq!(is(Area::clipped(0, 0, 0, 5, SIZE)), None);
        assert_eq!(is(Area::clipped(1920, 0, 5, 5, SIZE)), None);
        assert_eq!(is(Area::clipped(-5, 0, 5, 5, SIZE)), None);
        assert_eq!(is(Area::clipped(i64::from(i32::MIN), 0, 10, 10, SIZE)), None);
        assert_eq!(Area::whole(0, 10), None);
    }

    #[test]
    fn near_ones_become_one_and_far_ones_stay() {
        let whole = Area::whole(SIZE.0, SIZE.1).unwrap();
        let words = (0..20).map(|n| area(n * 12, 100, 10, 14)).collect();
        assert_eq!(pieces(words, whole).len(), 1);
        let far = vec![area(0, 0, 16, 16), area(1900, 1060, 16, 16)];
        assert_eq!(pieces(far.clone(), whole), far);
        assert_eq!(pieces(Vec::new(), whole), []);
    }

    #[test]
    fn many_are_bounded_and_all_is_covered() {
        let whole = Area::whole(SIZE.0, SIZE.1).unwrap();
        let mut number = 1u64;
        let mut next = |below: i64| {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            i64::try_from(number >> 33).unwrap() % below
        };
        for count in [1, 15, 17, 400] {
            let changed: Vec<Area> = (0..count)
                .map(|_| area(next(1900), next(1060), 1 + next(80), 1 + next(60)))
                .collect();
            let pieces = pieces(changed.clone(), whole);
            assert!(pieces.len() <= MAX_PIECES, "{}", pieces.len());
            assert!(pieces.iter().map(Area::pixels).sum::<u64>() <= whole.pixels());
            for one in &changed {
                assert!(pieces.iter().any(|piece| piece.around(one) == *piece), "{one:?}");
            }
        }
    }
}
