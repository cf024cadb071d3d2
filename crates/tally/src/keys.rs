//! Buttons that Linux takes for keyboards, through evdev.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use evdev::{Device, EventSummary, InputEvent};

use crate::console::{Console, Heard, Wake};
use crate::gesture::{BOUNCE, Input};

/// An event older than this has a time stamp that cannot be believed: the clock was set.
const OLDEST: Duration = Duration::from_secs(5);

/// An open keyboard.
pub(crate) struct Keys {
    device: Device,
    only: Option<u16>,
}

impl Keys {
    /// Opens and takes the device, so that what is pressed on it does not type into the page.
    ///
    /// # Errors
    /// It is not plugged in, may not be opened, or another program has taken it.
    pub(crate) fn open(path: &Path, only: Option<u16>) -> io::Result<Self> {
        let mut device = Device::open(path)?;
        device.set_nonblocking(true)?;
        device.grab()?;
        Ok(Self { device, only })
    }
}

impl Console for Keys {
    fn hear(&mut self, wake: &Wake, within: Option<Duration>) -> io::Result<Vec<Heard>> {
        if !wake.wait(Some(self.device.as_fd()), within)? {
            return Ok(Vec::new());
        }
        let only = self.only;
        match self.device.fetch_events() {
            Ok(events) => Ok(events
                .filter_map(|event| heard(event, event.timestamp(), only))
                .collect()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn bounce(&self) -> Duration {
        BOUNCE
    }
}

/// The kernel's time stamp tells a tap from a bounce even when this thread was late.
fn heard(event: InputEvent, at: SystemTime, only: Option<u16>) -> Option<Heard> {
    let EventSummary::Key(_, key, value) = event.destructure() else {
        return None;
    };
    let input = match value {
        1 => Input::Press,
        0 => Input::Release,
        // It repeats.
        _ => return None,
    };
    let age = at.elapsed().ok().filter(|age| *age < OLDEST).unwrap_or_default();
    let now = Instant::now();
    let at = now.checked_sub(age).unwrap_or(now);
    only.is_none_or(|only| key.code() == only)
        .then_some(Heard::Edge(input, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use evdev::{EventType, KeyCode};

    #[test]
    fn only_the_chosen_key_counts_and_its_repeats_do_not() {
        let event = |code: KeyCode, value| InputEvent::new(EventType::KEY.0, code.0, value);
        let edge = |event| match heard(event, SystemTime::now(), Some(KeyCode::KEY_F13.0)) {
            Some(Heard::Edge(input, _)) => Some(input),
            Some(Heard::Press(_)) | None => None,
        };
        assert_eq!(edge(event(KeyCode::KEY_F13, 1)), Some(Input::Press));
        assert_eq!(edge(event(KeyCode::KEY_F13, 2)), None);
        assert_eq!(edge(event(KeyCode::KEY_F13, 0)), Some(Input::Release));
        assert_eq!(edge(event(KeyCode::KEY_A, 1)), None);
    }

    #[test]
    fn an_event_keeps_its_own_time_unless_that_cannot_be() {
        let event = InputEvent::new(EventType::KEY.0, 183, 1);
        let age = |stamp: SystemTime| match heard(event, stamp, None) {
            Some(Heard::Edge(_, at)) => at.elapsed(),
            Some(Heard::Press(_)) | None => panic!("an edge"),
        };
        let now = SystemTime::now();
        assert!(age(now - Duration::from_secs(1)) >= Duration::from_secs(1));
        assert!(age(now - Duration::from_secs(3_600)) < Duration::from_secs(600));
        assert!(age(now + Duration::from_secs(3_600)) < Duration::from_secs(600));
    }
}
