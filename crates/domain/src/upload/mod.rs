//! When lectures may be sent: the timetable of the uplink, what may be spent on it, and how long
//! the queue will take. Pure: the wall clock and the room's time zone are arguments.

mod budget;
mod forecast;
mod timetable;
mod window;

pub use budget::{Allowance, Budget, Spent, Today};
pub use forecast::{Backlog, forecast};
pub use timetable::{Hours, Timetable};
pub use window::{BadWindow, Window};

use serde::{Deserialize, Serialize};

use crate::config::Credential;
use crate::units::{Rate, Size, Span};

/// `[upload]`: when and how finished lectures are sent to platforms over the network. Folders
/// (`directory`) take part in the timetable, but in no rate and no budget.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Upload {
    /// When lectures may be sent, in the room's time zone; empty: always.
    pub window: Vec<Window>,
    /// Never more than this, all connections together.
    pub rate: Option<Rate>,
    /// Give way to other traffic of the line (P9).
    #[serde(rename = "yield")]
    pub yields: bool,
    /// Bytes that may be sent in one day of the room's calendar.
    pub daily: Option<Size>,
    /// Bytes that may be sent in one month of the room's calendar.
    pub monthly: Option<Size>,
    /// A window begins up to this later in each room, by a hash of the room's id: a fleet does
    /// not begin at one stroke.
    pub stagger: Span,
    /// What happens to uploads while a lecture is being recorded.
    pub while_recording: WhileRecording,
    /// Sound and small files of all lectures go before large ones.
    pub phone_first: bool,
    /// An HTTP proxy, `http://host:port`, that all platforms are reached through. The delay that
    /// `yield` steers by ends at the proxy: behind one, timetable and rate alone protect a class.
    pub proxy: Option<String>,
    /// Where the proxy's `user:password` is, if it wants them.
    pub proxy_credential: Option<Credential>,
}

impl Default for Upload {
    fn default() -> Self {
        Self {
            window: Vec::new(),
            rate: None,
            yields: true,
            daily: None,
            monthly: None,
            stagger: Span(0),
            while_recording: WhileRecording::Yield,
            phone_first: true,
            proxy: None,
            proxy_credential: None,
        }
    }
}

/// What happens to uploads while a lecture is being recorded in this room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhileRecording {
    /// They go on, as gently as `yield` says.
    #[default]
    Yield,
    /// They wait.
    Hold,
}
