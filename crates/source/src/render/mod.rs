//! `lectern-source --render`: makes one file that a finished lecture needs and nobody recorded.
//!
//! Reads one [`RenderJob`] on standard input, writes one fragmented MP4 file, ends. It captures
//! nothing and knows no lecture; whoever asked looks at the exit code and at the file. A process
//! of its own, so that a decoder which breaks on a damaged picture breaks only this file, within
//! a stated time.

mod card;
mod line;
mod sound;

use std::io::Read;

use anyhow::Context;
use lectern_domain::render::RenderJob;

/// A job is some hundred bytes; whoever sends more is not finishing.
const MAX_JOB_BYTES: u64 = 64 << 10;

/// Does the job on standard input. Blocks until the file is written.
///
/// # Errors
/// No job, no encoder or decoder, or a file that cannot be read or written. What was written by
/// then is left to the caller to remove.
pub(crate) fn render() -> anyhow::Result<i32> {
    let mut text = String::new();
    std::io::stdin()
        .take(MAX_JOB_BYTES)
        .read_to_string(&mut text)
        .context("reading the job")?;
    let job: RenderJob = serde_json::from_str(&text).context("understanding the job")?;
    crate::library::load()?;
    match &job {
        RenderJob::Card {
            out,
            width,
            height,
            behind,
            text,
        } => card::make_card(out, (*width, *height), behind.as_deref(), text)?,
        RenderJob::Sound {
            out,
            from,
            rate,
            channels,
        } => sound::encode_again(from, out, *rate, *channels)?,
    }
    Ok(0)
}
