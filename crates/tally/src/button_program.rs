//! A button behind a program that runs all the time and prints a line for each press.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use tracing::warn;

use crate::console::{Console, Heard, Wake};
use crate::gesture::Input;
use crate::lamp_program::kill;
use crate::wish::Press;

/// Longer lines are no words of ours.
const LINE_BOUND: usize = 64;

/// See the module.
pub(crate) struct ButtonProgram {
    name: String,
    child: Child,
    stdout: ChildStdout,
    lines: Lines,
}

impl ButtonProgram {
    /// Starts the program.
    ///
    /// # Errors
    /// It cannot be run.
    pub(crate) fn start(name: &str, command: &[String]) -> io::Result<Self> {
        let (program, arguments) = command
            .split_first()
            .ok_or_else(|| io::Error::other("no program is named"))?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let stdout = child.stdout.take().expect("it was asked for two lines above");
        Ok(Self {
            name: name.to_owned(),
            child,
            stdout,
            lines: Lines::default(),
        })
    }
}

impl Console for ButtonProgram {
    fn hear(&mut self, wake: &Wake, within: Option<Duration>) -> io::Result<Vec<Heard>> {
        if !wake.wait(Some(self.stdout.as_fd()), within)? {
            return Ok(Vec::new());
        }
        let mut bytes = [0; 512];
        let count = self.stdout.read(&mut bytes)?;
        if count == 0 {
            return Err(io::Error::other("its program ended or closed its output"));
        }
        let now = Instant::now();
        let heard = |line: String| {
            let heard = word(&line, now);
            if heard.is_none() && !line.is_empty() {
                warn!(button = %self.name, line, "the program of a button printed a line that is no press");
            }
            heard
        };
        Ok(self
            .lines
            .take(&bytes[..count])
            .into_iter()
            .filter_map(heard)
            .collect())
    }
}

impl Drop for ButtonProgram {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}

fn word(line: &str, now: Instant) -> Option<Heard> {
    Some(match line {
        "press" => Heard::Edge(Input::Press, now),
        "release" => Heard::Edge(Input::Release, now),
        "start" => Heard::Press(Press::Start),
        "stop" => Heard::Press(Press::Stop),
        "pause" => Heard::Press(Press::Pause),
        "resume" => Heard::Press(Press::Resume),
        "mark" => Heard::Press(Press::Mark),
        _ => return None,
    })
}

/// Cuts a stream of bytes into lines, whatever it is.
#[derive(Debug, Default)]
struct Lines {
    line: Vec<u8>,
}

impl Lines {
    /// The lines that `bytes` ended, trimmed; what is beyond [`LINE_BOUND`] of a line is dropped.
    fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for byte in bytes {
            if *byte == b'\n' {
                lines.push(String::from_utf8_lossy(&self.line).trim().to_owned());
                self.line.clear();
            } else if self.line.len() < LINE_BOUND {
                self.line.push(*byte);
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_come_in_pieces_and_be_far_too_long() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(b"pre"), Vec::<String>::new());
        assert_eq!(lines.take(b"ss\r\nrelease\n"), ["press", "release"]);
        assert_eq!(lines.take(&[b'x'; 100_000]), Vec::<String>::new());
        let long = lines.take(b"\nmark\n");
        assert_eq!((long[0].len(), long[1].as_str()), (LINE_BOUND, "mark"));
    }

    #[test]
    fn each_word_is_a_press_and_nothing_else_is() {
        let now = Instant::now();
        for (line, heard) in [
            ("press", Some(Heard::Edge(Input::Press, now))),
            ("release", Some(Heard::Edge(Input::Release, now))),
            ("start", Some(Heard::Press(Press::Start))),
            ("mark", Some(Heard::Press(Press::Mark))),
            ("PRESS", None),
            ("", None),
        ] {
            assert_eq!(word(line, now), heard, "{line}");
        }
    }
}
