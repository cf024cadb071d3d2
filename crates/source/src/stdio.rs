//! The process's place beside its parent: pipes, signals, the end of the daemon.
//!
//! Frames leave through a private copy of standard output; file descriptor 1 itself becomes the
//! log, so that a plugin which prints cannot tear the stream. Must run before any other thread
//! exists: threads inherit the signal mask.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};

/// Takes standard output for frames and points descriptor 1 at standard error.
pub(crate) fn take_stdout() -> io::Result<File> {
    // `try_clone_to_owned` sets close-on-exec: GStreamer's registry scanner, a child of ours,
    // must not keep the daemon's pipe open.
    let frames = io::stdout().as_fd().try_clone_to_owned()?;
    nix::unistd::dup2_stdout(io::stderr())?;
    Ok(File::from(frames))
}

/// Standard input as an unbuffered file.
pub(crate) fn take_stdin() -> io::Result<File> {
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

/// Dies with the daemon, and not before it.
///
/// The kernel kills this process when the thread that started it ends; the end of standard input
/// covers a parent that was gone before this call. A terminal's Ctrl-C and the stop of a service
/// reach the whole group: the daemon decides what they mean, and a source that left early would
/// lose the last chunks.
pub(crate) fn bind_to_parent() -> nix::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    let mut kept = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        kept.add(signal);
    }
    kept.thread_block()
}
