//! A configuration that is read anew (SIGHUP), and a program that was replaced.
//!
//! | file | what |
//! |---|---|
//! | `reader` | the task that reads the files at each SIGHUP |
//! | `sections` | pure: what of another configuration is taken over at once, and what waits |
//! | `moment` | pure: whether what waits may be taken over now |
//! | `launch` | how this process was started, to be started so again |
//!
//! What is taken over at once is handed to those that use it. The rest, and a new program, are
//! taken over by starting anew: when nothing is recorded or finished, the daemon ends in good
//! order and executes itself in the same process, which systemd sees as a reload. It begins with
//! the files that were checked, and reads the disk again when it is ready. The conductor decides
//! when (`conductor/reload.rs`).

mod launch;
mod moment;
mod reader;
mod sections;

use lectern_domain::config;
use tokio::sync::watch;

pub(crate) use self::launch::{Launch, Unfit};
pub(crate) use self::moment::{Ahead, Busy, Moment, When};
pub(crate) use self::reader::{READING_BOUND, Reading, read_at};
pub(crate) use self::sections::compare;
use crate::courier::Orders;

/// What may wait besides sections of the configuration: another program, of an upgrade.
pub(crate) const PROGRAM: &str = "program";

/// Those that are handed a new configuration while they work.
pub(crate) struct Parties {
    /// Platforms, hours, budgets.
    pub(crate) courier: Orders,
    /// PIN, tokens, certificate. Being sent it, the panel reads their files again.
    pub(crate) panel: watch::Sender<config::Panel>,
    /// Who is told, in which room.
    pub(crate) herald: lectern_herald::Renewer,
}
