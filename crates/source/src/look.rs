//! `--look` and `--listen`: one picture of one source, or its levels for three seconds, once.
//!
//! The source comes as JSON on standard input, as configured; one JSON document on standard
//! output says what came of it, also when that is a failure. The device is opened as for a
//! recording, with nobody who encodes, and told of in the same frames; here they are read on the
//! spot. Whoever asked holds the clock: a driver that hangs is ended with this process.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use anyhow::Context;
use lectern_domain::config::Source;
use lectern_domain::wire::{Decoder, FailureReason, Frame, SourceEvent, WIRE_VERSION};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::{Value, json};

use crate::capture::{Capture, Reports};
use crate::failure::{Failure, device_name};
use crate::feed::{Feed, Meter};
use crate::inputs::{Input, Inputs};
use crate::outbox::Outbox;
use crate::stdio;

/// A source as JSON is some hundred bytes; whoever sends more is not the command line.
const MAX_SOURCE_BYTES: u64 = 64 << 10;
/// How long an open device may take to its first picture or level.
const FIRST_WITHIN: Duration = Duration::from_secs(8);
/// A camera needs a moment to find the light of the room; then the newest picture is taken.
const SETTLES_WITHIN: Duration = Duration::from_secs(1);
/// How many levels are heard: ten a second, for 3 s.
const LEVELS: usize = 30;
/// How often it is looked whether the device failed, in milliseconds.
const TICK_MS: u16 = 50;
/// Larger pictures are made smaller.
const LARGEST: (i32, i32) = (3840, 2160);

/// Looks at the source on standard input, into the file `picture`, or listens to it without one.
/// Blocks for some seconds, or as long as the device's driver does. The exit code: 1 if the device
/// failed, which is then what the answer says.
///
/// # Errors
/// Standard input holds no source, or the answer cannot be written.
pub(crate) fn examine(picture: Option<&Path>) -> anyhow::Result<i32> {
    stdio::bind_to_parent().context("binding to the parent process")?;
    let mut answers = stdio::take_stdout().context("taking standard output")?;
    let mut text = String::new();
    io::stdin()
        .take(MAX_SOURCE_BYTES)
        .read_to_string(&mut text)
        .context("reading the source")?;
    let source: Source = serde_json::from_str(&text).context("understanding the source")?;
    let (answer, code) = match look(&source, picture)? {
        Ok(found) => (found, 0),
        Err(failure) => (
            json!({ "failure": { "reason": failure.reason.as_str(), "message": failure.message } }),
            1,
        ),
    };
    writeln!(answers, "{answer}").context("writing the answer")?;
    Ok(code)
}

/// Opens the device and gathers what was asked for; a device's failure is the inner one.
fn look(source: &Source, picture: Option<&Path>) -> anyhow::Result<Result<Value, Failure>> {
    let (inputs, heard) = Inputs::channel();
    let (frames, pipe) = io::pipe().context("making a pipe")?;
    let outbox = Outbox::new();
    outbox.say(&SourceEvent::Hello { wire: WIRE_VERSION });
    let writer = outbox
        .start_writer(File::from(OwnedFd::from(pipe)), |error| {
            tracing::debug!(%error, "nobody read on");
        })
        .context("starting the writer")?;
    let meter = Arc::new(Meter::default());
    let reports = Reports {
        inputs: inputs.clone(),
        outbox: Arc::clone(&outbox),
        meter: Arc::clone(&meter),
        feed: Feed::new(meter, inputs),
        looked_at: Arc::new(AtomicBool::new(true)),
        largest_picture: LARGEST,
    };
    let looked = Capture::open(source, None, &reports).and_then(|capture| {
        let mut ends = Ends {
            frames: File::from(OwnedFd::from(frames)),
            decoder: Decoder::default(),
            heard,
            format: None,
        };
        let gathered = match picture {
            Some(file) => ends.picture(source, file),
            None => ends.levels(source),
        };
        let device = capture.device().map(str::to_owned);
        capture.close();
        gathered.map(|mut found| {
            found["device"] = json!(device);
            found["format"] = json!(ends.format);
            found
        })
    });
    outbox.close();
    // The frames' reader is gone, so a writer that still has something fails at once.
    drop(writer.join());
    Ok(looked)
}

/// Where the news of a capture arrive.
struct Ends {
    frames: File,
    decoder: Decoder,
    heard: Receiver<Input>,
    format: Option<String>,
}

impl Ends {
    /// Writes the newest picture, once the camera has had time to settle, into `file`.
    fn picture(&mut self, source: &Source, file: &Path) -> Result<Value, Failure> {
        let mut due = Instant::now() + FIRST_WITHIN;
        let mut newest = None;
        while let Some(frame) = self.next(due)? {
            if matches!(frame.message, SourceEvent::Picture { .. }) {
                if newest.is_none() {
                    due = Instant::now() + SETTLES_WITHIN;
                }
                newest = Some(frame.blob);
            }
        }
        let jpeg = newest.ok_or_else(|| nothing_came(source, "picture"))?;
        std::fs::write(file, &jpeg).map_err(|error| {
            Failure::internal(format!("{} could not be written: {error}", file.display()))
        })?;
        Ok(json!({ "picture": file.display().to_string(), "bytes": jpeg.len() }))
    }

    /// Gathers the levels of three seconds.
    fn levels(&mut self, source: &Source) -> Result<Value, Failure> {
        let due = Instant::now() + FIRST_WITHIN;
        let (mut levels, mut clipped_in_all) = (Vec::with_capacity(LEVELS), 0_u32);
        while levels.len() < LEVELS
            && let Some(frame) = self.next(due)?
        {
            if let SourceEvent::Level {
                rms_dbfs,
                peak_dbfs,
                clipped,
            } = frame.message
            {
                let loudest = |channels: &[f32]| channels.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                levels.push(json!({ "rms_dbfs": loudest(&rms_dbfs), "peak_dbfs": loudest(&peak_dbfs) }));
                clipped_in_all = clipped_in_all.saturating_add(clipped);
            }
        }
        if levels.is_empty() {
            return Err(nothing_came(source, "sound"));
        }
        Ok(json!({ "levels": levels, "clipped": clipped_in_all }))
    }

    /// The next frame; `None` when none came until `due`.
    fn next(&mut self, due: Instant) -> Result<Option<Frame<SourceEvent>>, Failure> {
        loop {
            self.hear()?;
            let unreadable =
                |why: &dyn std::fmt::Display| Failure::internal(format!("reading frames: {why}"));
            if let Some(frame) = self.decoder.next_frame().map_err(|error| unreadable(&error))? {
                return Ok(Some(frame));
            }
            if Instant::now() >= due {
                return Ok(None);
            }
            let mut ready = [PollFd::new(self.frames.as_fd(), PollFlags::POLLIN)];
            match poll(&mut ready, PollTimeout::from(TICK_MS)) {
                Ok(0) | Err(Errno::EINTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(unreadable(&error)),
            }
            let mut bytes = [0; 64 << 10];
            let count = self.frames.read(&mut bytes).map_err(|error| unreadable(&error))?;
            self.decoder.feed(&bytes[..count]);
        }
    }

    /// Takes what the capture said meanwhile.
    fn hear(&mut self) -> Result<(), Failure> {
        for input in self.heard.try_iter() {
            match input {
                Input::Delivered(format) => self.format = Some(format),
                Input::FormChanged { to, .. } => self.format = Some(to),
                Input::CaptureFailed(failure) => return Err(failure),
                // Nothing is encoded, and nobody gives commands.
                _ => {}
            }
        }
        Ok(())
    }
}

fn nothing_came(source: &Source, what: &str) -> Failure {
    let (device, seconds) = (device_name(source), FIRST_WITHIN.as_secs());
    Failure::new(
        FailureReason::Lost,
        format!("{device}: it opened, and no {what} came within {seconds} s"),
    )
}
