//! The podium page and the HTTP API, the same on the control socket and on the panel's port.
//!
//! This room turns requests into [`Control`] calls and answers into pages, JSON, pictures and
//! figures. It owns no state of a lecture and decides nothing: what is allowed, what is stored
//! and what is sent is the daemon's, behind the trait. It must never know the rooms `store`,
//! `capture`, `finish` or `deliver`, and nothing that a request does may end the daemon (P10):
//! bodies, times and the number of open streams are bounded, and a panic in a handler is
//! answered with 500.
//!
//! Everything runs on the one runtime that polls [`serve`]; no thread is started here.

// The scripted room of the tests is written for those who use this crate from outside.
#[cfg(test)]
extern crate self as lectern_panel;

mod api;
mod assets;
mod control;
mod events;
mod feed;
mod gate;
mod guard;
mod hearing;
mod input;
mod metrics;
mod openapi;
mod page;
mod preview;
mod problem;
mod recording;
mod routes;
mod sample;
mod serve;
mod site;

pub use control::{Control, Pictures};
pub use gate::{Keys, Pin, SHORTEST_PIN, SHORTEST_TOKEN, SessionKey, Tls, TlsError, Token};
pub use routes::{app, guarded, rows};
pub use serve::{DRAIN, Listeners, MAX_CONNECTIONS, ServeError, serve};
pub use site::{Access, MAX_EVENT_STREAMS, MAX_PREVIEWS};
