//! Finishing, end to end: recordings made by real encoders in, files judged by ffmpeg, ffprobe,
//! sha256sum and an MP4 library that this project did not write.

#![expect(
    clippy::unwrap_used,
    reason = "tests may unwrap; the lint knows only functions marked as tests"
)]

mod clip;
mod damage;
mod package;
mod probe;
mod recording;
mod sync;
mod tables;
