//! What all judges share: what they do wrong on command, and the killing of a client at a moment
//! that a test names.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// What a judge does wrong, once. Each judge says which of them it knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misdeed {
    /// Resets the connection after this many body bytes were stored, over as many requests as
    /// that takes.
    ResetAfter(u64),
    /// Stores this many body bytes, counted in the same way, then neither reads nor answers.
    StallAfter(u64),
    /// Stores this many body bytes, counted in the same way, resets the connection, and takes so
    /// many requests for requests beside the old one, as a server does that has not noticed the
    /// break (tus: 423).
    HoldAfter(u64, u32),
    /// Does as asked, then resets the connection instead of answering.
    SwallowReply,
    /// Does nothing and closes the connection without a byte.
    Nothing,
    /// Does nothing and answers this status, with `Retry-After` in seconds if given.
    Status(u16, Option<u32>),
    /// Does nothing and answers 200 with a web page.
    Html,
    /// Reads the body at this many bytes a second, and answers as it should.
    SlowReader(u64),
    /// Finds the digest of the body wrong though it is right, and drops the body.
    Mismatch,
    /// Forgets the upload before the request is looked at.
    Expire,
    /// tus: answers a creation with this Location. S3: does nothing and sends the client there (307).
    Location(String),
    /// tus: answers with this Upload-Offset.
    Offset(u64),
    /// S3: answers a completion with 200 and an error inside; `true` when the object came into
    /// being all the same.
    ErrorInside(bool),
}

impl Misdeed {
    /// Counts the body bytes of one request against a misdeed that waits for more than those:
    /// true when it is to wait on.
    pub(crate) fn waits(&mut self, body: Option<u64>) -> bool {
        match (self, body) {
            (Self::ResetAfter(left) | Self::StallAfter(left) | Self::HoldAfter(left, _), Some(body))
                if *left > body =>
            {
                *left -= body;
                true
            }
            _ => false,
        }
    }

    /// How many body bytes are stored before it strikes.
    pub(crate) fn room(misdeed: Option<&Self>) -> u64 {
        match misdeed {
            Some(Self::ResetAfter(bytes) | Self::StallAfter(bytes) | Self::HoldAfter(bytes, _)) => *bytes,
            _ => u64::MAX,
        }
    }

    /// Waits as long as a slow reader takes for this many bytes.
    pub(crate) async fn pace(misdeed: Option<&Self>, bytes: u64) {
        if let Some(Self::SlowReader(rate)) = misdeed {
            tokio::time::sleep(Duration::from_secs_f64(bytes as f64 / *rate as f64)).await;
        }
    }
}

/// When in the life of a request its client is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It has arrived; it has no effect and gets no answer.
    BeforeEffect,
    /// It has had its effect; no answer leaves.
    AfterEffect,
    /// Its answer has left: at the client's next request, which has no effect any more, or
    /// [`LINGER`](crate::LINGER) later, whichever comes first.
    AfterReply,
}

/// The order to kill, and how far it has come. Requests are counted from the order on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Order {
    #[default]
    None,
    /// This many requests are still to come, the last of them the one that counts.
    Waiting { pid: u32, left: usize, moment: Moment },
    /// The request with this ticket is the one.
    Aimed { pid: u32, ticket: u64, moment: Moment },
    /// Its answer has left.
    Lingering { pid: u32 },
}

/// What happens to requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Arrived(u64),
    Effected(u64),
    Replied(u64),
    LingerOver,
}

/// The whole machine: what the order becomes, and whom to kill now.
fn step(order: Order, event: Event) -> (Order, Option<u32>) {
    use {Event as E, Moment as M, Order as O};
    match (order, event) {
        (
            O::Waiting {
                pid,
                left: 0 | 1,
                moment,
            },
            E::Arrived(ticket),
        ) => match moment {
            M::BeforeEffect => (O::None, Some(pid)),
            M::AfterEffect | M::AfterReply => (O::Aimed { pid, ticket, moment }, None),
        },
        (O::Waiting { pid, left, moment }, E::Arrived(_)) => (
            O::Waiting {
                pid,
                left: left - 1,
                moment,
            },
            None,
        ),
        (
            O::Aimed {
                pid,
                ticket,
                moment: M::AfterEffect,
            },
            E::Effected(this),
        ) if this == ticket => (O::None, Some(pid)),
        (
            O::Aimed {
                pid,
                ticket,
                moment: M::AfterReply,
            },
            E::Replied(this),
        ) if this == ticket => (O::Lingering { pid }, None),
        (O::Lingering { pid }, E::Arrived(_) | E::LingerOver) => (O::None, Some(pid)),
        (O::None | O::Waiting { .. } | O::Aimed { .. } | O::Lingering { .. }, _) => (order, None),
    }
}

/// Kills a client, once, when its time has come. Shared by all connections of a judge.
#[derive(Default)]
pub(crate) struct Sword {
    inner: Mutex<(Order, u64)>,
}

/// What a connection does after it told of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on.
    Live,
    /// The client is dead: nothing more is done for it.
    Dead,
    /// Tell again after [`LINGER`](crate::LINGER).
    Linger,
}

impl Sword {
    pub(crate) fn order(&self, pid: u32, n: usize, moment: Moment) {
        assert_ne!(pid, std::process::id(), "a judge does not kill its own process");
        self.lock().0 = Order::Waiting { pid, left: n, moment };
    }

    /// True while an order has not been carried out.
    pub(crate) fn pending(&self) -> bool {
        self.lock().0 != Order::None
    }

    /// A request has arrived; gives its ticket.
    pub(crate) fn arrived(&self) -> (u64, Verdict) {
        let ticket = {
            let mut inner = self.lock();
            inner.1 += 1;
            inner.1
        };
        (ticket, self.tell(Event::Arrived(ticket)))
    }

    pub(crate) fn effected(&self, ticket: u64) -> Verdict {
        self.tell(Event::Effected(ticket))
    }

    pub(crate) fn replied(&self, ticket: u64) -> Verdict {
        self.tell(Event::Replied(ticket))
    }

    pub(crate) fn linger_over(&self) {
        self.tell(Event::LingerOver);
    }

    fn tell(&self, event: Event) -> Verdict {
        let mut inner = self.lock();
        let (order, victim) = step(inner.0, event);
        inner.0 = order;
        match victim {
            Some(pid) => {
                let pid = i32::try_from(pid).expect("a process id of Linux fits");
                // A client that is dead already is as dead as was asked for.
                let sent = kill(Pid::from_raw(pid), Signal::SIGKILL);
                assert!(
                    matches!(sent, Ok(()) | Err(Errno::ESRCH)),
                    "killing {pid}: {sent:?}"
                );
                Verdict::Dead
            }
            None if matches!((order, event), (Order::Lingering { .. }, Event::Replied(_))) => Verdict::Linger,
            None => Verdict::Live,
        }
    }

    fn lock(&self) -> MutexGuard<'_, (Order, u64)> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PID: u32 = 7;

    fn waiting(left: usize, moment: Moment) -> Order {
        Order::Waiting {
            pid: PID,
            left,
            moment,
        }
    }

    fn aimed(ticket: u64, moment: Moment) -> Order {
        Order::Aimed {
            pid: PID,
            ticket,
            moment,
        }
    }

    #[test]
    fn each_moment_strikes_when_it_says() {
        use {Event as E, Moment as M};
        let lingering = Order::Lingering { pid: PID };
        for (order, event, becomes, dies) in [
            (Order::None, E::Arrived(1), Order::None, false),
            (
                waiting(2, M::BeforeEffect),
                E::Arrived(1),
                waiting(1, M::BeforeEffect),
                false,
            ),
            (waiting(1, M::BeforeEffect), E::Arrived(2), Order::None, true),
            (
                waiting(1, M::AfterEffect),
                E::Arrived(2),
                aimed(2, M::AfterEffect),
                false,
            ),
            (
                aimed(2, M::AfterEffect),
                E::Effected(1),
                aimed(2, M::AfterEffect),
                false,
            ),
            (aimed(2, M::AfterEffect), E::Effected(2), Order::None, true),
            (
                waiting(1, M::AfterReply),
                E::Arrived(2),
                aimed(2, M::AfterReply),
                false,
            ),
            (
                aimed(2, M::AfterReply),
                E::Effected(2),
                aimed(2, M::AfterReply),
                false,
            ),
            (
                aimed(2, M::AfterReply),
                E::Arrived(3),
                aimed(2, M::AfterReply),
                false,
            ),
            (aimed(2, M::AfterReply), E::Replied(2), lingering, false),
            (lingering, E::Arrived(3), Order::None, true),
            (lingering, E::LingerOver, Order::None, true),
            (lingering, E::Replied(3), lingering, false),
            (
                waiting(1, M::AfterReply),
                E::LingerOver,
                waiting(1, M::AfterReply),
                false,
            ),
        ] {
            let (after, victim) = step(order, event);
            assert_eq!((after, victim.is_some()), (becomes, dies), "{order:?} {event:?}");
        }
    }

    #[test]
    fn an_order_for_a_request_that_never_comes_stays_pending() {
        let sword = Sword::default();
        assert!(!sword.pending());
        sword.order(u32::MAX >> 1, 2, Moment::BeforeEffect);
        assert_eq!(sword.arrived(), (1, Verdict::Live));
        assert!(sword.pending());
    }
}
