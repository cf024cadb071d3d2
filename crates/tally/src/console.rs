//! The one trait of everything at the podium that shines or can be pressed, and how its thread is
//! woken.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::gesture::Input;
use crate::look::Frame;
use crate::wish::Press;

/// What came from a console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A contact closed or opened, at this moment.
    Edge(Input, Instant),
    /// A key that means one thing.
    Press(Press),
}

/// A light, a button, or both: it shows what it can show and says what was pressed. Owned by one
/// thread. An error means that it is gone; it is dropped, and opened again after a while.
pub(crate) trait Console {
    /// Shows a frame. Returns after how long it wants to be called again by itself.
    /// May block for as long as a USB transfer.
    ///
    /// # Errors
    /// The device is gone, or the program cannot be run.
    fn show(&mut self, _frame: &Frame, _now: Instant) -> io::Result<Option<Duration>> {
        Ok(None)
    }

    /// Waits until something was pressed, the thread is woken, or `within` is over (`None`: as
    /// long as it takes).
    ///
    /// # Errors
    /// The device is gone, or the program ended.
    fn hear(&mut self, wake: &Wake, within: Option<Duration>) -> io::Result<Vec<Heard>> {
        wake.wait(None, within).map(|_| Vec::new())
    }

    /// How long its contacts bounce.
    fn bounce(&self) -> Duration {
        Duration::ZERO
    }

    /// The last thing before the end: the podium goes dark. At most a second.
    fn end(&mut self) {}
}

/// The end that wakes a thread.
#[derive(Debug)]
pub(crate) struct Bell(UnixStream);

impl Bell {
    /// Wakes the thread, now or as soon as it waits. Never blocks.
    pub(crate) fn ring(&self) {
        // Full means that it has been rung already, closed that the thread is gone.
        drop((&self.0).write_all(&[1]));
    }
}

/// The end that is woken.
#[derive(Debug)]
pub(crate) struct Wake(UnixStream);

/// Both ends.
///
/// # Errors
/// The system has no descriptors left.
pub(crate) fn bell() -> io::Result<(Bell, Wake)> {
    let (bell, wake) = UnixStream::pair()?;
    bell.set_nonblocking(true)?;
    wake.set_nonblocking(true)?;
    Ok((Bell(bell), Wake(wake)))
}

impl Wake {
    /// Blocks until it is rung, `other` can be read (then `true`), or `within` is over.
    ///
    /// # Errors
    /// The descriptor is no good.
    pub(crate) fn wait(&self, other: Option<BorrowedFd<'_>>, within: Option<Duration>) -> io::Result<bool> {
        let mut fds = vec![PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        fds.extend(other.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
        // One millisecond more: a deadline must be over when the wait is.
        let timeout = within.map_or(PollTimeout::NONE, |within| {
            PollTimeout::try_from(within.saturating_add(Duration::from_millis(1))).unwrap_or(PollTimeout::MAX)
        });
        match poll(&mut fds, timeout) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(false),
            Err(errno) => return Err(errno.into()),
        }
        // Hung up counts: the read that follows says so.
        let came = |fd: &PollFd<'_>| fd.revents().is_some_and(|flags| !flags.is_empty());
        let (rung, readable) = (came(&fds[0]), fds.get(1).is_some_and(came));
        if rung {
            let mut rings = [0; 64];
            // What is left is read at the next wait, and wakes once too often.
            drop((&self.0).read(&mut rings));
        }
        Ok(readable)
    }
}
