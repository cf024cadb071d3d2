//! `lectern-source`: one camera, screen or microphone in a process of its own.
//!
//! The daemon starts one per `[[source]]` and speaks to it over standard input and output (see
//! `lectern_domain::wire`); for people there are `--list`, `--look` and `--listen`. This is the only
//! program that links GStreamer: what a driver, a plugin or an X server breaks, it breaks here. No
//! policy lives here: whether to restart, to wait or to record is the daemon's.

mod capture;
mod clock;
mod commands;
mod devices;
mod element;
mod encode;
mod engine;
mod failure;
mod feed;
mod feeder;
mod form;
mod grid;
mod identity;
mod inputs;
mod library;
mod log;
mod look;
mod outbox;
mod piece;
mod render;
mod screen;
mod session;
mod shed;
mod sound_line;
mod stdio;
mod window;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

/// One camera, screen or microphone of Lectern, started by lecternd; for people only --list. What
/// it does for "lectern devices" needs the source as JSON on standard input.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The name of the [[source]], for the process list and the log
    #[arg(long, required_unless_present_any = ["list", "render", "look", "listen", "trial"])]
    name: Option<String>,
    /// Print the devices of this machine as JSON and exit
    #[arg(long)]
    list: bool,
    /// Make the file that the job on standard input asks for and exit; for finishing
    #[arg(long, conflicts_with_all = ["list", "name"])]
    render: bool,
    /// Make a picture of the source on standard input, say in JSON what came of it, and exit
    #[arg(long, value_name = "FILE", conflicts_with_all = ["list", "name", "render"])]
    look: Option<PathBuf>,
    /// Measure the source on standard input for three seconds, print its levels as JSON and exit
    #[arg(long, conflicts_with_all = ["list", "name", "render", "look"])]
    listen: bool,
    /// Try the encoder of the source on standard input, print its speed as JSON and exit
    #[arg(long, conflicts_with_all = ["list", "name", "render", "look", "listen"])]
    trial: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log::start();
    let ended = match arguments.name {
        _ if arguments.render => render(),
        _ if arguments.trial => trial(),
        _ if arguments.listen => look::examine(None),
        _ if arguments.look.is_some() => look::examine(arguments.look.as_deref()),
        Some(name) if !arguments.list => serve(&name),
        Some(_) | None => list(),
    };
    match ended {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the source could not start");
            ExitCode::FAILURE
        }
    }
}

/// Prints the devices.
fn list() -> anyhow::Result<i32> {
    let mut text = serde_json::to_string_pretty(&devices::list()?)?;
    text.push('\n');
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(0)
}

/// Makes one file for finishing.
fn render() -> anyhow::Result<i32> {
    stdio::bind_to_parent().context("binding to the parent process")?;
    render::render()
}

/// Tries an encoder for the doctor.
fn trial() -> anyhow::Result<i32> {
    stdio::bind_to_parent().context("binding to the parent process")?;
    encode::measure()
}

/// Serves the daemon until it says so or goes away; the exit code.
fn serve(name: &str) -> anyhow::Result<i32> {
    let _span = tracing::info_span!("source", name).entered();
    stdio::bind_to_parent().context("binding to the parent process")?;
    let frames = stdio::take_stdout().context("taking standard output")?;
    let stdin = stdio::take_stdin().context("taking standard input")?;

    let (inputs, heard) = inputs::Inputs::channel();
    let outbox = outbox::Outbox::new();
    let gone = inputs.clone();
    let writer = outbox
        .start_writer(frames, move |error| {
            tracing::warn!(%error, "the daemon went away");
            gone.put_now(inputs::Input::DaemonGone);
        })
        .context("starting the writer")?;
    commands::start(stdin, inputs.clone()).context("starting the reader of commands")?;
    Ok(engine::Engine::new(inputs, outbox).run(&heard, writer))
}
