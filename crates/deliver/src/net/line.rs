//! The uplink as all connections share it: what they may send together, what they sent, and what
//! is known of the empty line to each platform.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lectern_domain::api::LineStatus;
use lectern_domain::config::Credential;
use lectern_domain::units::Rate;

/// What is older says nothing of the line of today.
const ROUTE_KEPT: Duration = Duration::from_secs(24 * 3600);
/// Over which the rate is told.
const RATE_OVER: Duration = Duration::from_secs(1);
/// Of each byte on the line, this part is payload: the rest is TCP's and IP's heads, and
/// Ethernet's. The kernel paces payload only.
const PAYLOAD_PART: f64 = 0.95;

/// What the configuration says of the line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineRules {
    /// Never more than this, all connections together, with everything that travels around the
    /// payload.
    pub rate: Option<Rate>,
    /// Give way to others. Behind a proxy this cannot be: the delay up to the proxy tells nothing
    /// of the line behind it.
    pub yields: bool,
    /// An HTTP proxy, `http://host:port`, for https. Plain http is for this machine itself only,
    /// and never goes through it.
    pub proxy: Option<String>,
    /// Where the proxy's `user:password` is, if it wants a sign-in. Read anew for each run.
    pub proxy_credential: Option<Credential>,
}

/// The round trip time of an empty line, kept over restarts: who comes when the line is full
/// cannot measure it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `host:port` of the platform.
    pub peer: String,
    /// The least round trip time that was seen, in microseconds.
    pub base_rtt_us: u64,
    /// When, in milliseconds since 1970.
    pub seen_unix_ms: i64,
}

/// The uplink. Cheap to share; nothing in it blocks.
pub struct Line {
    rules: LineRules,
    sent: AtomicU64,
    shared: Mutex<Shared>,
}

#[derive(Default)]
struct Shared {
    routes: BTreeMap<String, Route>,
    /// Open connections by number; the newest tells the status.
    open: BTreeMap<u64, Seen>,
    next: u64,
    /// When how many bytes had been sent, over [`RATE_OVER`].
    sent: VecDeque<(Instant, u64)>,
}

/// What a connection told of itself last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Whether it is about to send.
    pub(super) sending: bool,
    /// Payload bytes a second that it allows itself.
    pub(super) allowed: Option<u64>,
    pub(super) rtt_us: u64,
    pub(super) base_rtt_us: u64,
    pub(super) yielding: bool,
}

impl Line {
    /// A line with these rules, and what was known of its routes.
    #[must_use]
    pub fn new(rules: LineRules, routes: Vec<Route>) -> Arc<Self> {
        let routes = routes
            .into_iter()
            .map(|route| (route.peer.clone(), route))
            .collect();
        Arc::new(Self {
            rules,
            sent: AtomicU64::new(0),
            shared: Mutex::new(Shared {
                routes,
                ..Shared::default()
            }),
        })
    }

    /// Its rules.
    #[must_use]
    pub fn rules(&self) -> &LineRules {
        &self.rules
    }

    /// Bytes that left through it since it was made: what was written to connections for bytes,
    /// TLS and repetitions included, and the length of each small request before encryption.
    #[must_use]
    pub fn sent_bytes(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// How it is; `None` while no connection is open.
    #[must_use]
    pub fn status(&self) -> Option<LineStatus> {
        let shared = self.shared();
        let newest = shared.open.values().next_back()?;
        let mut sending = shared.open.values().filter(|seen| seen.sending).peekable();
        let allowed = match sending.peek() {
            Some(_) => sending.map(|seen| seen.allowed).sum::<Option<u64>>(),
            None => newest.allowed,
        };
        Some(LineStatus {
            rate_bps: shared.rate_bps(Instant::now(), self.sent_bytes()),
            allowed_bps: allowed.map(|bytes| bytes.saturating_mul(8)),
            rtt_us: newest.rtt_us,
            base_rtt_us: newest.base_rtt_us,
            yielding: shared.open.values().any(|seen| seen.yielding),
        })
    }

    /// What is known of its routes, to be kept over a restart.
    #[must_use]
    pub fn routes(&self) -> Vec<Route> {
        let now = unix_ms();
        let shared = self.shared();
        shared
            .routes
            .values()
            .filter(|route| fresh(route, now))
            .cloned()
            .collect()
    }

    pub(super) fn count(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The empty line to `peer` in microseconds, if it was seen within a day.
    pub(super) fn base_rtt_us(&self, peer: &str) -> Option<u64> {
        let now = unix_ms();
        let shared = self.shared();
        let route = shared.routes.get(peer).filter(|route| fresh(route, now))?;
        Some(route.base_rtt_us)
    }

    /// Keeps what was seen of the empty line to `peer`, `age` ago.
    pub(super) fn keep_base(&self, peer: &str, base_rtt_us: u64, age: Duration) {
        let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let seen_unix_ms = unix_ms().saturating_sub(age_ms);
        let mut shared = self.shared();
        let route = Route {
            peer: peer.to_owned(),
            base_rtt_us,
            seen_unix_ms,
        };
        shared.routes.insert(peer.to_owned(), route);
    }

    /// Payload bytes a second that each sending connection may take of the configured rate.
    pub(super) fn share(&self) -> Option<f64> {
        let whole = self.rules.rate?.0 as f64 / 8.0 * PAYLOAD_PART;
        let sending = self.shared().open.values().filter(|seen| seen.sending).count();
        Some(whole / sending.max(1) as f64)
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Forgets what is older than the span, keeping one sample before it.
    fn took(&mut self, now: Instant, sent: u64) {
        self.sent.push_back((now, sent));
        while let Some((second, _)) = self.sent.get(1)
            && now.duration_since(*second) >= RATE_OVER
        {
            self.sent.pop_front();
        }
    }

    fn rate_bps(&self, now: Instant, sent: u64) -> u64 {
        let recent = self
            .sent
            .iter()
            .find(|(at, _)| now.saturating_duration_since(*at) <= RATE_OVER)
            .or(self.sent.back());
        let Some((from, before)) = recent else { return 0 };
        let span = now.saturating_duration_since(*from).as_secs_f64();
        match sent.saturating_sub(*before) {
            bytes if span > 0.0 => (bytes as f64 * 8.0 / span) as u64,
            _ => 0,
        }
    }
}

/// An open connection's place at the line, given back when dropped.
pub(super) struct Seat {
    line: Arc<Line>,
    number: u64,
}

impl Seat {
    pub(super) fn take(line: &Arc<Line>) -> Self {
        let mut shared = line.shared();
        let number = shared.next;
        shared.next += 1;
        shared.open.insert(number, Seen::default());
        drop(shared);
        Self {
            line: Arc::clone(line),
            number,
        }
    }

    /// Tells how the connection is.
    pub(super) fn tell(&self, seen: Seen) {
        let sent = self.line.sent_bytes();
        let mut shared = self.line.shared();
        shared.open.insert(self.number, seen);
        shared.took(Instant::now(), sent);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.line.shared().open.remove(&self.number);
    }
}

/// A time in the future is this machine's clock put right since: believed.
fn fresh(route: &Route, now_unix_ms: i64) -> bool {
    let kept_ms = i64::try_from(ROUTE_KEPT.as_millis()).unwrap_or(i64::MAX);
    now_unix_ms.saturating_sub(route.seen_unix_ms) < kept_ms
}

fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capped(mbit: u64) -> Arc<Line> {
        let rules = LineRules {
            rate: Some(Rate(mbit * 1_000_000)),
            ..LineRules::default()
        };
        Line::new(rules, Vec::new())
    }

    fn sending(allowed: Option<u64>) -> Seen {
        Seen {
            sending: true,
            allowed,
            ..Seen::default()
        }
    }

    #[test]
    fn p9_the_rate_is_shared_by_those_who_send() {
        let line = capped(8);
        assert_eq!(line.share(), Some(950_000.0));
        let (first, second) = (Seat::take(&line), Seat::take(&line));
        first.tell(sending(None));
        assert_eq!(line.share(), Some(950_000.0), "an idle connection takes nothing");
        second.tell(sending(None));
        assert_eq!(line.share(), Some(475_000.0));
        drop(first);
        assert_eq!(line.share(), Some(950_000.0));
        assert_eq!(Line::new(LineRules::default(), Vec::new()).share(), None);
    }

    #[test]
    fn the_status_is_of_open_connections_only() {
        let line = capped(8);
        assert_eq!(line.status(), None);
        let seat = Seat::take(&line);
        line.count(1000);
        seat.tell(Seen {
            rtt_us: 34_000,
            base_rtt_us: 20_000,
            yielding: true,
            ..sending(Some(125_000))
        });
        let status = line.status().unwrap();
        assert_eq!(status.allowed_bps, Some(1_000_000));
        assert_eq!((status.rtt_us, status.base_rtt_us), (34_000, 20_000));
        assert!(status.yielding);
        drop(seat);
        assert_eq!(line.status(), None);
        assert_eq!(line.sent_bytes(), 1000);
    }

    #[test]
    fn the_rate_is_that_of_the_last_second() {
        let mut shared = Shared::default();
        let begun = Instant::now();
        for tick in 0..=200 {
            let sent = if tick <= 100 { tick * 2500 } else { 250_000 };
            let now = begun + Duration::from_millis(tick * 20);
            shared.took(now, sent);
            if tick == 100 {
                assert_eq!(shared.rate_bps(now, sent), 1_000_000);
            }
        }
        assert_eq!(shared.rate_bps(begun + Duration::from_secs(4), 250_000), 0);
        assert!(shared.sent.len() <= 60, "{}", shared.sent.len());
    }

    #[test]
    fn an_empty_line_is_remembered_for_a_day() {
        let route = |peer: &str, age_ms: i64| Route {
            peer: peer.to_owned(),
            base_rtt_us: 20_000,
            seen_unix_ms: unix_ms() - age_ms,
        };
        let day_ms = 24 * 3600 * 1000;
        let line = Line::new(
            LineRules::default(),
            vec![
                route("a:443", day_ms - 60_000),
                route("b:443", day_ms + 60_000),
                route("c:443", -day_ms),
            ],
        );
        assert_eq!(line.base_rtt_us("a:443"), Some(20_000));
        assert_eq!(line.base_rtt_us("b:443"), None);
        assert_eq!(line.base_rtt_us("c:443"), Some(20_000), "the clock was put right");
        line.keep_base("b:443", 18_000, Duration::from_secs(60));
        let kept: Vec<_> = line
            .routes()
            .into_iter()
            .map(|route| (route.peer, route.base_rtt_us))
            .collect();
        assert_eq!(
            kept,
            [
                ("a:443".to_owned(), 20_000),
                ("b:443".to_owned(), 18_000),
                ("c:443".to_owned(), 20_000)
            ]
        );
    }
}
