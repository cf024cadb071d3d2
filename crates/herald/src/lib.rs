//! Tells people who are not in the room: that a person must do something, that it is over, and in
//! the morning how yesterday was.
//!
//! Who is told is the configuration's (`[[notify]]`). What is told are the messages of the status
//! that a person must act on, once they have stood for a while; nothing that leaves the room names
//! a person or a lecture's title. A notice is committed through [`Journal`] before it is sent and
//! forgotten once it was taken, so that a crash neither loses it nor tells of a trouble twice.
//!
//! [`Herald`] owns a thread of its own: a receiver that is slow, down or hostile holds up nothing
//! else. Recording, finishing and sending know nothing of it.

mod concern;
mod fault;
mod herald;
mod journal;
mod mail;
mod morning;
mod notice;
mod outbox;
mod proxy;
mod rounds;
mod sign;
mod standing;
mod trust;
mod way;
mod webhook;

pub use herald::{Herald, Renewer, Settings, Tester};
pub use journal::{Journal, JournalError, ReadSecret};
pub use notice::{Event, Notice, RoomName};
pub use sign::{SIGNATURE_HEADER, signature};
