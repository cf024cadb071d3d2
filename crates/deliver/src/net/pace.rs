//! What a connection does every 20 ms while it sends: look at the socket, have the pilot decide,
//! tell the kernel; and notice a peer that takes nothing any more.
//!
//! There is no task for this: the future that sends polls it, so it ends with the sending.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::line::{Line, Seat, Seen};
use super::pilot::{Pilot, State, TICK};
use super::socket::{self, Sample};

/// What is left of a connection that ends leaves at this rate at least, in bytes a second: the
/// kernel keeps up to 128 KiB of it back. At the pace of one who gives way that would be a quarter
/// of a minute, in which the server holds the upload for a sender that is gone.
const LAST: u64 = 128 * 1024;

/// Bytes were on their way, and the peer confirmed none for this long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stalled(pub(super) Duration);

/// The steering of one connection.
pub(super) struct Pace {
    socket: Arc<TcpStream>,
    line: Arc<Line>,
    seat: Seat,
    /// `host:port` of the platform.
    peer: String,
    /// `None`: nothing but the configured rate limits it.
    pilot: Option<Pilot>,
    begun: Instant,
    ticks: Interval,
    idle: Duration,
    moved: Moved,
    /// What the kernel was told last.
    told: Option<u64>,
}

/// When the peer confirmed a byte last, or had none to confirm.
#[derive(Clone, Copy, Debug)]
struct Moved {
    acked_bytes: u64,
    at: Instant,
}

impl Pace {
    /// Takes the socket over. `direct` is false behind a proxy.
    pub(super) fn new(
        socket: Arc<TcpStream>,
        line: &Arc<Line>,
        peer: String,
        direct: bool,
        idle: Duration,
    ) -> Self {
        let yields = line.rules().yields && direct;
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let now = Instant::now();
        let mut pace = Self {
            pilot: yields.then(|| Pilot::new(line.base_rtt_us(&peer), Duration::ZERO)),
            seat: Seat::take(line),
            line: Arc::clone(line),
            socket,
            peer,
            begun: now,
            ticks,
            idle,
            moved: Moved {
                acked_bytes: 0,
                at: now,
            },
            told: None,
        };
        // Before the first byte: the kernel's own start is a burst. The handshake has shown the
        // round trip time.
        let sample = socket::look(&pace.socket).unwrap_or_default();
        pace.steer(&sample);
        pace
    }

    /// A request begins: from now on something is expected to move.
    pub(super) fn begin(&mut self) {
        self.moved.at = Instant::now();
        self.ticks.reset_immediately();
    }

    /// The request has ended; others may have our share of the rate.
    pub(super) fn end(&mut self) {
        if let Some(pilot) = &self.pilot
            && pilot.base_us() > 0
        {
            let age = pilot.base_age(self.begun.elapsed());
            self.line.keep_base(&self.peer, pilot.base_us(), age);
        }
        self.seat.tell(self.seen(&Sample::default(), false));
    }

    /// Does what is due; ready only when the connection is to be given up. Wakes the task for the
    /// next time.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Stalled> {
        while self.ticks.poll_tick(cx).is_ready() {
            let Some(sample) = socket::look(&self.socket) else {
                continue;
            };
            self.steer(&sample);
            if self.moved.rests(&sample, Instant::now()) >= self.idle {
                return Poll::Ready(Stalled(self.idle));
            }
        }
        Poll::Pending
    }

    fn steer(&mut self, sample: &Sample) {
        let share = self.line.share();
        let allowed = match &mut self.pilot {
            Some(pilot) => {
                let before = pilot.state();
                let ceiling = share.unwrap_or(f64::INFINITY);
                let rate = pilot.step(sample, self.begun.elapsed(), ceiling);
                note(&self.peer, before, pilot, sample, rate);
                Some(rate)
            }
            None => share,
        };
        // Whole kilobytes: the kernel need not hear of less.
        let allowed = allowed.map(|rate| ((rate / 1000.0).max(1.0) as u64).saturating_mul(1000));
        if allowed != self.told {
            match socket::pace(&self.socket, allowed) {
                Ok(()) => self.told = allowed,
                Err(error) => tracing::debug!(%error, "the kernel refused to pace the upload"),
            }
        }
        self.seat.tell(self.seen(sample, true));
    }

    fn seen(&self, sample: &Sample, sending: bool) -> Seen {
        Seen {
            sending,
            allowed: self.told,
            rtt_us: sample.rtt_us,
            base_rtt_us: self.pilot.as_ref().map_or(0, Pilot::base_us),
            yielding: matches!(self.pilot.as_ref().map(Pilot::state), Some(State::Yield { .. })),
        }
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        let share = self.line.share().map_or(LAST, |share| share as u64);
        let last = LAST.min(share);
        if self.told.is_some_and(|told| told < last)
            && let Err(error) = socket::pace(&self.socket, Some(last))
        {
            tracing::debug!(%error, "the kernel refused to let the rest of an upload go");
        }
    }
}

impl Moved {
    /// How long nothing has moved that should. Judges by what the peer has confirmed, not by what
    /// our kernel took: its buffers hide a stalled line, and at a low rate they hide a living one.
    fn rests(&mut self, sample: &Sample, now: Instant) -> Duration {
        let pending = sample.in_flight || sample.unsent_bytes > 0;
        if !pending || sample.acked_bytes != self.acked_bytes {
            *self = Self {
                acked_bytes: sample.acked_bytes,
                at: now,
            };
        }
        now.duration_since(self.at)
    }
}

/// Says when we give way and when we are back.
fn note(peer: &str, before: State, pilot: &Pilot, sample: &Sample, rate: f64) {
    let (rtt_ms, base_ms) = (sample.rtt_us / 1000, pilot.base_us() / 1000);
    let kbps = (rate * 8.0 / 1000.0) as u64;
    match (before, pilot.state()) {
        (State::Yield { .. }, State::Yield { .. }) | (State::Run, State::Run) => {
            tracing::trace!(peer, rtt_ms, base_ms, kbps, "the upload was steered");
        }
        (_, State::Yield { .. }) => {
            tracing::debug!(
                peer,
                rtt_ms,
                base_ms,
                kbps,
                "the upload gave way to others on the line"
            );
        }
        (from, to) if std::mem::discriminant(&from) != std::mem::discriminant(&to) => {
            tracing::debug!(
                peer,
                rtt_ms,
                base_ms,
                kbps,
                ?from,
                ?to,
                "the upload changed its pace"
            );
        }
        _ => tracing::trace!(peer, rtt_ms, base_ms, kbps, "the upload was steered"),
    }
}

#[cfg(test)]
mod tests {
    use lectern_domain::units::Rate;
    use tokio::net::TcpListener;

    use super::super::line::LineRules;
    use super::*;

    #[tokio::test]
    async fn p9_the_rest_of_a_connection_leaves_soon_and_within_the_rate() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        for (rate, last) in [(None, LAST), (Some(Rate(400_000)), 45_000)] {
            let line = Line::new(
                LineRules {
                    yields: true,
                    rate,
                    ..LineRules::default()
                },
                Vec::new(),
            );
            let socket = Arc::new(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap());
            let mut pace = Pace::new(
                Arc::clone(&socket),
                &line,
                "platform:80".to_owned(),
                true,
                Duration::from_secs(60),
            );
            // What one who gives way is told.
            pace.told = Some(8_000);
            socket::pace(&socket, pace.told).unwrap();
            drop(pace);
            let left = socket::paced(&socket).unwrap();
            assert!((last..=last.max(50_000)).contains(&left), "{rate:?}: {left}");
        }
    }

    #[test]
    fn only_what_the_peer_confirmed_counts_as_movement() {
        let begun = Instant::now();
        let mut moved = Moved {
            acked_bytes: 0,
            at: begun,
        };
        let mut rests = |second, acked_bytes, unsent_bytes, in_flight| {
            let sample = Sample {
                acked_bytes,
                unsent_bytes,
                in_flight,
                ..Sample::default()
            };
            moved
                .rests(&sample, begun + Duration::from_secs(second))
                .as_secs()
        };
        assert_eq!(rests(1, 1000, 5000, true), 0);
        assert_eq!(
            rests(60, 1000, 9000, true),
            59,
            "the kernel taking more is nothing"
        );
        assert_eq!(rests(61, 1000, 9000, false), 60, "the peer's window is closed");
        assert_eq!(rests(62, 1001, 9000, true), 0);
        assert_eq!(rests(70, 10_001, 0, false), 0);
        assert_eq!(
            rests(200, 10_001, 0, false),
            0,
            "an answer is waited for by others"
        );
        assert_eq!(rests(201, 10_001, 500, true), 1);
    }
}
