//! The MP4 boxes that finishing needs: read from fragments, written as one plain index.
//!
//! Knows bytes and ticks; must not know lectures, runs, pauses, or where a file lies. Readers
//! here take bytes that a crash, a bad disk or a stranger may have written: they answer
//! [`Malformed`], and never panic, loop, or allocate by a length that they only read.

pub(crate) mod aac;
pub(crate) mod avc;
pub(crate) mod builder;
pub(crate) mod chapters;
pub(crate) mod fragment;
pub(crate) mod init;
pub(crate) mod moov;
pub(crate) mod reader;
pub(crate) mod verify;

pub(crate) use reader::Malformed;
