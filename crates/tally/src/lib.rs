//! Lights and buttons at the podium: what is seen from the last row, and the one key that an
//! instructor finds without looking.
//!
//! Each of them has a thread of its own, `light-NAME` or `button-NAME`, which owns one
//! [`console`](self) and opens it again whenever it went away; nothing here can hold up or end
//! the daemon. What a lamp shows ([`frame`]), what a press means ([`Gesture`], [`wish`]) and when
//! nobody is heard ([`Silence`]) are pure functions.

mod attend;
mod button_program;
mod console;
mod fittings;
mod gesture;
mod keys;
mod lamp_program;
mod look;
mod report;
mod silence;
mod usb;
mod wish;

pub use fittings::{Fittings, Pressed};
pub use gesture::{Act, Gesture, Input};
pub use look::{Frame, Pattern, Scene, Sign, frame};
pub use silence::Silence;
pub use wish::{Press, sign, wish};
