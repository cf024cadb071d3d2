//! All lights and buttons of a room: their threads, and the board that they read.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use lectern_domain::config::{Button, ButtonKind, Colours, Light, LightKind};
use lectern_domain::ids::FittingName;
use tracing::warn;

use crate::attend::Attendant;
use crate::button_program::ButtonProgram;
use crate::console::{Bell, Console, Wake, bell};
use crate::keys::Keys;
use crate::lamp_program::LampProgram;
use crate::look::{Scene, Sign};
use crate::usb::UsbLamp;
use crate::wish::Press;

/// A press, and where it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pressed {
    /// Which button.
    pub button: FittingName,
    /// What was meant.
    pub press: Press,
}

/// What all threads read. Only the latest scene counts, so there is room for one.
pub(crate) struct Board {
    began: Instant,
    scene: Mutex<Scene>,
    left: AtomicBool,
    bells: Vec<Bell>,
}

impl Board {
    /// A moment on the clock of scenes and gestures.
    pub(crate) fn time(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.began)
    }

    pub(crate) fn scene(&self) -> Scene {
        *self.scene.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }

    /// A finger is on a button, or no longer.
    pub(crate) fn felt(&self, felt: bool) {
        self.change(|scene, _| scene.felt = felt);
    }

    fn change(&self, how: impl FnOnce(&mut Scene, Duration)) {
        let now = self.time(Instant::now());
        let changed = {
            let mut scene = self.scene.lock().unwrap_or_else(PoisonError::into_inner);
            let before = *scene;
            how(&mut scene, now);
            *scene != before
        };
        if changed {
            self.ring();
        }
    }

    fn ring(&self) {
        for bell in &self.bells {
            bell.ring();
        }
    }
}

/// The threads. [`Fittings::close`] joins them.
pub struct Fittings {
    board: Arc<Board>,
    threads: Vec<JoinHandle<()>>,
}

impl Fittings {
    /// Starts a thread for each light and button. `press` is called by the buttons' threads and
    /// must not block. What is not plugged in is waited for.
    ///
    /// # Errors
    /// The system has no thread or descriptor to give.
    pub fn start(
        lights: &[Light],
        buttons: &[Button],
        press: impl Fn(Pressed) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let mut bells = Vec::new();
        let mut wakes = Vec::new();
        for _ in 0..lights.len() + buttons.len() {
            let (bell, wake) = bell()?;
            bells.push(bell);
            wakes.push(wake);
        }
        let board = Arc::new(Board {
            began: Instant::now(),
            scene: Mutex::default(),
            left: AtomicBool::new(false),
            bells,
        });
        let mut fittings = Self {
            board,
            threads: Vec::new(),
        };
        let mut wakes = wakes.into_iter();
        for (light, wake) in lights.iter().zip(wakes.by_ref()) {
            let (name, kind) = (light.name.to_string(), light.kind.clone());
            let open = move || open_light(&name, &kind);
            fittings.attend("light", &light.name, light.colours, wake, open, |_| {})?;
        }
        let press = Arc::new(press);
        for (button, wake) in buttons.iter().zip(wakes) {
            let (name, kind) = (button.name.to_string(), button.kind.clone());
            let open = move || open_button(&name, &kind);
            let (press, name) = (Arc::clone(&press), button.name.clone());
            let told = move |what| {
                press(Pressed {
                    button: name.clone(),
                    press: what,
                });
            };
            fittings.attend("button", &button.name, Colours::default(), wake, open, told)?;
        }
        Ok(fittings)
    }

    fn attend(
        &mut self,
        kind: &'static str,
        name: &FittingName,
        colours: Colours,
        wake: Wake,
        open: impl FnMut() -> io::Result<Box<dyn Console>> + Send + 'static,
        press: impl Fn(Press) + Send + 'static,
    ) -> io::Result<()> {
        let board = Arc::clone(&self.board);
        let attendant = Attendant {
            kind,
            name: name.to_string(),
            colours,
            wake,
            open,
            press,
        };
        let thread = thread::Builder::new()
            .name(format!("{kind}-{name}"))
            .spawn(move || attendant.run(&board))?;
        self.threads.push(thread);
        Ok(())
    }

    /// All lamps show this from now on. Does not block.
    pub fn show(&self, sign: Sign) {
        self.board.change(|scene, now| {
            if scene.sign != sign {
                scene.sign = sign;
                scene.since = now;
            }
        });
    }

    /// All lamps say for a second that a press was refused. Does not block.
    pub fn refuse(&self) {
        self.board.change(|scene, now| scene.refused = Some(now));
    }

    /// Puts all lamps out and ends the threads. Blocks for about a second at most, longer only
    /// while a USB device does not answer.
    pub fn close(mut self) {
        self.leave();
    }

    fn leave(&mut self) {
        self.board.left.store(true, Ordering::Release);
        self.board.ring();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                warn!("the thread of a light or button panicked");
            }
        }
    }
}

impl Drop for Fittings {
    fn drop(&mut self) {
        self.leave();
    }
}

fn open_light(name: &str, kind: &LightKind) -> io::Result<Box<dyn Console>> {
    Ok(match kind {
        LightKind::Usb { model, device } => Box::new(UsbLamp::open(*model, device.as_deref())?),
        LightKind::Exec { command } => Box::new(LampProgram::new(name, command)),
    })
}

fn open_button(name: &str, kind: &ButtonKind) -> io::Result<Box<dyn Console>> {
    Ok(match kind {
        ButtonKind::Evdev { device, key } => Box::new(Keys::open(device, *key)?),
        ButtonKind::Exec { command } => Box::new(ButtonProgram::start(name, command)?),
    })
}

#[cfg(test)]
#[path = "fittings_tests.rs"]
mod tests;
