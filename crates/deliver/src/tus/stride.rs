//! How long one PATCH is.
//!
//! When a line breaks, what its buffers held is lost and sent again: on a fast line before a slow
//! server that was measured as 3 to 7 MiB for one long PATCH, and 0.1 to 0.9 MiB for pieces of
//! one MiB, because the server confirms each. But each piece costs a round trip, and some servers
//! take long to put one away. So pieces are short while they pass quickly, and grow while each
//! takes long: a slow line, whose buffers are soon full, loses no time then. Pure: no clock.

use std::time::Duration;

use lectern_domain::finished::PART_BYTES;

pub(super) const SHORTEST_BYTES: u64 = 512 * 1024;
const LONGEST_BYTES: u64 = PART_BYTES;
/// Above this, a round trip and a server's bookkeeping are worth sharing among more bytes.
const SLOW: Duration = Duration::from_millis(250);
/// Below this, they are not worth the risk.
const QUICK: Duration = Duration::from_millis(100);

/// With a digest a piece counts in whole or not at all: what broke off is sent again.
const LONGEST_DIGESTED_BYTES: u64 = 1024 * 1024;

/// The length of the next piece.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stride {
    bytes: u64,
    longest: u64,
}

impl Default for Stride {
    fn default() -> Self {
        Self {
            bytes: SHORTEST_BYTES,
            longest: LONGEST_BYTES,
        }
    }
}

impl Stride {
    /// For pieces that travel with a digest.
    pub(super) fn digested() -> Self {
        Self {
            longest: LONGEST_DIGESTED_BYTES,
            ..Self::default()
        }
    }

    pub(super) fn bytes(self) -> u64 {
        self.bytes
    }

    /// Learns from a piece that was confirmed after this time.
    pub(super) fn took(&mut self, time: Duration) {
        if time > SLOW {
            self.bytes = (self.bytes * 2).min(self.longest);
        } else if time < QUICK {
            self.bytes = (self.bytes / 2).max(SHORTEST_BYTES);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: f64 = 1024.0 * 1024.0;

    /// Sends 400 MiB over a line of this rate and wait per piece; gives the last stride in bytes
    /// and the share of the line that was used.
    fn over(mib_per_s: f64, wait_s: f64) -> (u64, f64) {
        let (mut stride, mut sent, mut time) = (Stride::default(), 0.0, 0.0);
        while sent < 400.0 * MIB {
            let bytes = stride.bytes() as f64;
            let took = bytes / (mib_per_s * MIB) + wait_s;
            stride.took(Duration::from_secs_f64(took));
            sent += bytes;
            time += took;
        }
        (stride.bytes(), sent / (mib_per_s * MIB) / time)
    }

    #[test]
    fn a_line_that_is_quick_keeps_little_at_risk() {
        assert_eq!(over(500.0, 0.003).0, SHORTEST_BYTES);
        assert_eq!(over(100.0, 0.02).0, SHORTEST_BYTES);
    }

    #[test]
    fn a_slow_line_is_used_in_full() {
        let (stride, used) = over(2.4, 0.05);
        assert_eq!(stride, LONGEST_BYTES);
        assert!(used > 0.98, "{used}");
    }

    #[test]
    fn a_server_that_is_slow_to_confirm_is_asked_less_often() {
        let (stride, used) = over(5.0, 0.5);
        assert_eq!(stride, LONGEST_BYTES);
        assert!(used > 0.7, "{used}");
    }
}
