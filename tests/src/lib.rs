//! What the end-to-end tests share: a room of real processes in a temporary folder, and the
//! judges of what came out of it.
//!
//! The binaries are those of the same target folder; `cargo build --workspace` makes them. No
//! test sleeps for a state: it waits for it with a deadline that a slow machine can keep.

pub mod figure;
pub mod fragments;
pub mod look;
pub mod media;
pub mod padding;
pub mod player;
pub mod room;
pub mod signs;
pub mod socket;
pub mod things;

pub use room::{Room, until};
