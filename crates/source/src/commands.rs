//! The thread that reads the daemon's commands from standard input.
//!
//! It only decodes and hands over; what a command means in which state is the session's. A torn
//! or foreign stream ends the process, because nothing after it can be trusted (P10).

use std::fs::File;
use std::io::{self, Read};
use std::thread::JoinHandle;

use lectern_domain::wire::{Decoder, SourceCommand};

use crate::inputs::{Input, Inputs};

/// Starts the thread `commands`. It ends with the stream or with the engine. Nobody joins it: it
/// waits in a read that only the daemon can end, and owns nothing that must be put in order.
pub(crate) fn start(stdin: File, inputs: Inputs) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("commands".into())
        .spawn(move || read_all(stdin, &inputs))
}

fn read_all(mut stdin: File, inputs: &Inputs) {
    let mut decoder = Decoder::default();
    let mut part = [0; 4096];
    loop {
        let read = match stdin.read(&mut part) {
            Ok(0) => return inputs.put(Input::EndOfCommands),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return inputs.put(Input::BadCommands(error.to_string())),
        };
        decoder.feed(&part[..read]);
        loop {
            match decoder.next_frame::<SourceCommand>() {
                Ok(Some(frame)) => inputs.put(Input::Command(frame.message)),
                Ok(None) => break,
                Err(error) => return inputs.put(Input::BadCommands(error.to_string())),
            }
        }
    }
}
