//! What all requests share: the control, the seats for long streams and the sign to close.

use std::sync::Arc;

use lectern_domain::ids::LectureId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::control::Control;
use crate::gate::Gate;
use crate::metrics::Ears;
use crate::problem::Fault;

/// The most event streams (pages and programs together) at one time. A page holds one.
pub const MAX_EVENT_STREAMS: usize = 32;
/// The most preview sockets at one time. A page holds one.
pub const MAX_PREVIEWS: usize = 16;

/// Through which door requests come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The control socket: whoever may open the file may do everything.
    Socket,
    /// The panel's port, from this machine: the podium, which may be asked for a PIN. A browser
    /// may be on the other side, so the name it believes to talk to is checked as well.
    Loopback,
    /// The panel's port, from another machine: over TLS, and with a token only.
    Remote,
}

impl Access {
    /// All doors.
    pub const ALL: [Self; 3] = [Self::Socket, Self::Loopback, Self::Remote];
}

/// What every handler gets. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) control: Arc<dyn Control>,
    pub(crate) closing: Closing,
    pub(crate) gate: Arc<Gate>,
    /// Tells this life of the program from every other: revisions count from its beginning.
    pub(crate) epoch: Arc<str>,
    /// What the microphones hear, for the metrics.
    pub(crate) ears: Arc<Ears>,
    events: Arc<Semaphore>,
    previews: Arc<Semaphore>,
}

impl Site {
    pub(crate) fn new(control: Arc<dyn Control>, closing: Closing, gate: Gate) -> Self {
        Self {
            control,
            closing,
            gate: Arc::new(gate),
            epoch: LectureId::random().to_string()[..8].into(),
            ears: Arc::default(),
            events: Arc::new(Semaphore::new(MAX_EVENT_STREAMS)),
            previews: Arc::new(Semaphore::new(MAX_PREVIEWS)),
        }
    }

    /// A seat for one event stream, given back when it is dropped.
    pub(crate) fn event_seat(&self) -> Result<OwnedSemaphorePermit, Fault> {
        Arc::clone(&self.events).try_acquire_owned().map_err(|_| {
            Fault::unable(format!(
                "{MAX_EVENT_STREAMS} pages or programs are listening already. The recording is not touched. \
                 Close a page and try again."
            ))
        })
    }

    /// A seat for one preview socket, given back when it is dropped.
    pub(crate) fn preview_seat(&self) -> Result<OwnedSemaphorePermit, Fault> {
        Arc::clone(&self.previews).try_acquire_owned().map_err(|_| {
            Fault::unable(format!(
                "{MAX_PREVIEWS} pages are showing live pictures already. The recording is not touched. \
                 Close a page and try again."
            ))
        })
    }

    /// Waits until no preview socket is open.
    pub(crate) async fn previews_ended(&self) {
        let all = u32::try_from(MAX_PREVIEWS).expect("the number of seats is small");
        // Only a closed semaphore refuses, and this one is never closed.
        drop(self.previews.acquire_many(all).await);
    }

    /// Event streams and preview sockets that are open now.
    pub(crate) fn open_streams(&self) -> (usize, usize) {
        (
            MAX_EVENT_STREAMS - self.events.available_permits(),
            MAX_PREVIEWS - self.previews.available_permits(),
        )
    }
}

/// The sign for streams to end. An application that is not served ([`crate::app`]) never gets it.
#[derive(Clone)]
pub(crate) struct Closing(watch::Receiver<bool>);

impl Closing {
    pub(crate) fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Returns when the server closes; never when nobody can close it.
    pub(crate) async fn wait(&mut self) {
        if self.0.wait_for(|closing| *closing).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
