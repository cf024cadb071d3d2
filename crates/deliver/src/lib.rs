//! Deliver: a finished lecture's way to its platforms, exactly once.
//!
//! [`Courier::run`] drives one delivery by the state machine of `lectern_domain::delivery`. It
//! commits each intent through [`Journal`] before the act that the intent permits, and after any
//! doubt asks the [`Platform`] what it has before a byte is sent. What a run needs arrives in its
//! job; what it learnt leaves as commits. There is no database, no queue, no timetable here: the
//! daemon decides when a delivery runs and on which thread (one named `deliver`, with a tokio
//! runtime of its own).

mod again;
mod backoff;
mod connect;
mod contents;
mod courier;
mod credential;
mod directory;
mod fault;
#[doc(hidden)]
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod journal;
mod net;
mod opencast;
mod package;
mod parcel;
mod passage;
mod platform;
mod probe;
mod reading;
mod run;
mod s3;
mod traces;
mod tus;
mod way;

pub use again::{Still, ask_again};
pub use connect::{connect, connect_with};
pub use courier::{Courier, CourierError, Outcome};
pub use credential::Secrets;
pub use fault::Fault;
pub use journal::{Journal, JournalError};
pub use net::{Line, LineRules, Patience, Route};
pub use package::{Farewell, Package, PackagePlatform, PackageStanding};
pub use parcel::{OnProgress, Parcel, Progress};
pub use passage::{ALL_ARE_SAFE, ONE_IS_SAFE};
pub use platform::{Adapter, Platform, Proof, Standing};
pub use traces::Traces;
pub use tus::LAST_PIECE_BYTES;
pub use way::way;
