//! Lectern's vocabulary: what every other room speaks and none owns.
//!
//! Ids and units ([`ids`], [`units`]), the state machines with their pure `step`
//! ([`lecture`], [`track`], [`segment`], [`delivery`]), the wire format between the daemon and
//! a source ([`wire`]), what a recording has to tell of itself ([`fact`]), when lectures may be
//! sent ([`upload`]), who may do what ([`access`]), causes in plain words ([`reason`]), texts
//! without their secrets ([`masked`]), the typed configuration ([`config`]), and the documents of
//! the HTTP API ([`api`]). No I/O, no clock, no runtime lives here: a function of this
//! crate gives the same answer on any machine at any time.

pub mod access;
pub mod api;
pub mod config;
pub mod delivery;
pub mod fact;
pub mod finished;
#[doc(hidden)]
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
pub mod ids;
pub mod lecture;
mod mask;
pub mod media;
pub mod notice;
mod reason;
pub mod render;
pub mod segment;
pub mod track;
pub mod trial;
pub mod units;
pub mod upload;
pub mod wire;

pub use mask::masked;
pub use reason::reason;
