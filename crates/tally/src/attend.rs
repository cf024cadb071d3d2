//! The thread of one console: opens it, shows and hears through it, and opens it again when it
//! went away.

use std::io;
use std::time::{Duration, Instant};

use lectern_domain::config::Colours;
use tracing::{info, warn};

use crate::console::{Console, Heard, Wake};
use crate::fittings::Board;
use crate::gesture::{Act, Gesture, Input};
use crate::look::{Calm, frame};
use crate::wish::Press;

/// Between two attempts to open what is not there.
const RETRY_EVERY: Duration = Duration::from_secs(3);
/// What stayed for so long is there, for the log.
const SETTLES: Duration = Duration::from_secs(1);

/// One console and where its presses go.
pub(crate) struct Attendant<O, P> {
    /// `light` or `button`.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) colours: Colours,
    pub(crate) wake: Wake,
    /// Opens it.
    pub(crate) open: O,
    /// Takes a press; must not block.
    pub(crate) press: P,
}

/// What the log has said last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    There,
    Gone,
}

impl<O, P> Attendant<O, P>
where
    O: FnMut() -> io::Result<Box<dyn Console>>,
    P: Fn(Press),
{
    /// Attends until the board is left. Blocks.
    pub(crate) fn run(mut self, board: &Board) {
        let mut told = Told::Nothing;
        while !board.is_left() {
            let Err(error) = self.serve(board, &mut told) else {
                return;
            };
            if told != Told::Gone {
                warn!(
                    kind = self.kind, name = %self.name, error = %error, seconds = RETRY_EVERY.as_secs(),
                    "a light or button is not there and is tried again"
                );
                told = Told::Gone;
            }
            self.rest(board);
        }
    }

    /// Waits for the next attempt. A change of the scene wakes it, and it goes on waiting.
    fn rest(&self, board: &Board) {
        let until = Instant::now() + RETRY_EVERY;
        while !board.is_left() {
            let rest = until.saturating_duration_since(Instant::now());
            if rest.is_zero() || self.wake.wait(None, Some(rest)).is_err() {
                return;
            }
        }
    }

    /// Serves one console while it is there.
    fn serve(&mut self, board: &Board, told: &mut Told) -> io::Result<()> {
        let mut console = (self.open)()?;
        let opened = Instant::now();
        let mut finger = Finger::new(console.bounce());
        let mut calm = Calm::default();
        let outcome = loop {
            if board.is_left() {
                console.end();
                break Ok(());
            }
            let now = Instant::now();
            let frame = calm.step(
                frame(&board.scene(), &self.colours, board.time(now)),
                board.time(now),
            );
            let again = match console.show(&frame, now) {
                Ok(again) => again,
                Err(error) => break Err(error),
            };
            if *told != Told::There && now.duration_since(opened) >= SETTLES {
                info!(kind = self.kind, name = %self.name, "a light or button is there");
                *told = Told::There;
            }
            let settles = (*told != Told::There).then_some(SETTLES);
            let deadline = finger.deadline().map(|at| at.saturating_sub(board.time(now)));
            let within = [again, settles, deadline].into_iter().flatten().min();
            match console.hear(&self.wake, within) {
                Ok(heard) => {
                    for press in finger.feel(&heard, board) {
                        (self.press)(press);
                    }
                }
                Err(error) => break Err(error),
            }
        };
        // Pulled out with a finger on it: nothing was meant.
        board.felt(false);
        outcome
    }
}

/// A gesture and its clock.
struct Finger {
    gesture: Gesture,
    bounce: Duration,
}

impl Finger {
    fn new(bounce: Duration) -> Self {
        Self {
            gesture: Gesture::default(),
            bounce,
        }
    }

    fn deadline(&self) -> Option<Duration> {
        self.gesture.deadline(self.bounce)
    }

    /// What was meant by what was heard, and by the time that went by.
    fn feel(&mut self, heard: &[Heard], board: &Board) -> Vec<Press> {
        let mut presses = Vec::new();
        for one in heard {
            match one {
                Heard::Press(press) => presses.push(*press),
                Heard::Edge(input, at) => {
                    let at = board.time(*at);
                    // What was due before the edge comes before it.
                    self.step(Input::Time, at, board, &mut presses);
                    self.step(*input, at, board, &mut presses);
                }
            }
        }
        self.step(Input::Time, board.time(Instant::now()), board, &mut presses);
        presses
    }

    fn step(&mut self, input: Input, at: Duration, board: &Board, presses: &mut Vec<Press>) {
        let (next, act) = self.gesture.step(input, at, self.bounce);
        self.gesture = next;
        let Some(act) = act else { return };
        board.felt(act == Act::Felt);
        if matches!(act, Act::Tap | Act::Hold) {
            presses.push(Press::Act(act));
        }
    }
}
