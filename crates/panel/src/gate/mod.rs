//! Who comes in, and as what: the PIN at the podium, tokens and TLS for other machines.
//!
//! A door ([`Access`](crate::Access)) decides what somebody is without a word: everything at the
//! control socket, an operator at the podium without a PIN, nobody elsewhere. A token in the
//! request or a session cookie raises that. [`permit`] asks for what the row of the route table
//! demands; secrets come from the daemon, as [`Keys`], and are never logged.

pub(crate) mod permit;
mod session;
pub(crate) mod sign_in;
mod throttle;
mod tls;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lectern_domain::access::Role;
use secrecy::SecretString;
use tokio::sync::watch;

use crate::site::Access;
use throttle::Throttle;

pub use session::SessionKey;
pub(crate) use tls::{Greeted, greet};
pub use tls::{Tls, TlsError};

/// The shortest token that is taken: one that cannot be guessed over a network.
pub const SHORTEST_TOKEN: usize = 20;
/// The shortest PIN that is taken.
pub const SHORTEST_PIN: usize = 4;

/// What opens the panel's port. The default is a podium that asks nobody, and nothing for other
/// machines.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// What sessions are signed with. When it changes, everybody signs in again.
    pub session: SessionKey,
    /// What the podium asks for.
    pub pin: Pin,
    /// Who may come in from other machines.
    pub tokens: Vec<Token>,
    /// What connections from other machines are encrypted with; without it there are none.
    pub tls: Option<Tls>,
}

impl Keys {
    /// For [`serve`](crate::serve), when they stay as they are.
    #[must_use]
    pub fn unchanging(self) -> watch::Receiver<Arc<Self>> {
        watch::channel(Arc::new(self)).1
    }
}

/// What the podium asks for.
#[derive(Clone, Default)]
pub enum Pin {
    /// Nothing: whoever stands there may record.
    #[default]
    None,
    /// This PIN.
    Set(SecretString),
    /// One is demanded and cannot be read: nobody gets in there until it can be.
    Unreadable,
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Set(_) => "Set(…)",
            Self::Unreadable => "Unreadable",
        })
    }
}

/// A secret and what its bearer may do.
#[derive(Clone, Debug)]
pub struct Token {
    /// For logs and sessions; not secret.
    pub name: String,
    /// What its bearer may do.
    pub role: Role,
    /// The secret.
    pub secret: SecretString,
}

/// Where a request comes from; the server puts it into the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) access: Access,
    /// The other side, for TCP.
    pub(crate) peer: Option<IpAddr>,
    /// Whether it came encrypted.
    pub(crate) secure: bool,
}

impl Caller {
    /// Who comes through this door when no server says more.
    pub(crate) fn of(access: Access) -> Self {
        Self {
            access,
            peer: None,
            secure: access == Access::Remote,
        }
    }
}

/// The keys of now, and who tried too often. Shared by all requests.
pub(crate) struct Gate {
    keys: watch::Receiver<Arc<Keys>>,
    /// Guesses at the podium and from elsewhere are counted apart, so that nobody far away can
    /// lock the podium.
    podium: Mutex<Throttle>,
    elsewhere: Mutex<Throttle>,
}

impl Gate {
    pub(crate) fn new(keys: watch::Receiver<Arc<Keys>>) -> Self {
        Self {
            keys,
            podium: Mutex::new(Throttle::new(throttle::FREE)),
            elsewhere: Mutex::new(Throttle::new(throttle::FREE_OF_ALL)),
        }
    }

    /// The keys of now.
    pub(crate) fn keys(&self) -> Arc<Keys> {
        self.keys.borrow().clone()
    }

    fn throttle(&self, access: Access) -> MutexGuard<'_, Throttle> {
        let throttle = match access {
            Access::Remote => &self.elsewhere,
            Access::Socket | Access::Loopback => &self.podium,
        };
        // A count of guesses is as good after a panic as before.
        throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
