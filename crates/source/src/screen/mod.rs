//! The screen of an X server, without Xlib: its I/O error handler would end the process.
//!
//! At each tick of the configured rate a thread takes what was drawn (DAMAGE) or lies under a
//! pointer that moved, and paints it over the picture that it keeps. A picture goes out when it
//! changed, when the engine wants one, and otherwise every [`HEARTBEAT_NS`], so that chunks keep
//! closing on a still screen; that one is the same memory again, marked as a repeat. A screen of
//! another size goes on as pictures of another form. The death of the server is an error like any
//! other.

mod address;
mod area;
mod canvas;
mod convert;
mod grab;
mod pointer;
mod trouble;

use std::sync::Arc;

use gst::prelude::*;
use gst_app::AppSrc;
use lectern_domain::config::Video;

use crate::capture::{Alarm, Head, Hint, Medium, Pacer, Reports, Woken};
use crate::clock::{self, SECOND_NS};
use crate::failure::Failure;
use crate::feed::Feed;
use crate::inputs::Input;
pub(crate) use address::open;
use canvas::Canvas;
pub(crate) use grab::Screen;
pub(crate) use trouble::Trouble;

/// The longest time without a picture, in nanoseconds. A process that is killed loses a still
/// screen's last chunk, which ends with the next picture.
const HEARTBEAT_NS: u64 = 400_000_000;
/// The least distance of two pictures while nothing is recorded, in nanoseconds: only the small
/// pictures are looked at then.
const IDLE_NS: u64 = SECOND_NS / 5;

/// The head of kind `x11`, for a screen that answered.
pub(crate) fn head(screen: Screen, video: &Video, reports: &Reports) -> Result<Head, Failure> {
    let fps = video.fps.max(1);
    let canvas = Canvas::new(screen.width(), screen.height(), fps)?;
    let appsrc = AppSrc::builder()
        .caps(&canvas.caps()?)
        .format(gst::Format::Time)
        .is_live(true)
        .max_buffers(4)
        .build();
    let element = appsrc.clone().upcast();
    let reports = reports.clone();
    let pacer = Pacer::start("screen", move |alarm| {
        let feed = Arc::clone(&reports.feed);
        if let Err(failure) = watch(alarm, screen, canvas, &appsrc, fps, &feed) {
            reports.inputs.put_now(Input::CaptureFailed(failure));
        }
    })?;
    Ok(Head {
        element,
        medium: Medium::Pictures,
        pacer: Some(pacer),
        hint: Hint::default(),
    })
}

/// Captures until the alarm says stop.
fn watch(
    alarm: &Alarm,
    mut screen: Screen,
    mut canvas: Canvas,
    appsrc: &AppSrc,
    fps: u32,
    feed: &Feed,
) -> Result<(), Failure> {
    let tick_ns = SECOND_NS / u64::from(fps);
    let newest = || clock::now_ns() * u64::from(fps) / SECOND_NS;
    let (mut tick, mut pushed_ns, mut wanted) = (newest(), 0, true);
    loop {
        match alarm.wait_until(clock::picture_start(tick + 1, fps)) {
            Woken::Stopped => return Ok(()),
            Woken::Poked => {
                wanted = true;
                continue;
            }
            Woken::OnTime => wanted |= feed.key_seen().take(),
        }
        // A tick that was missed is left out; the grid stays.
        tick = newest().max(tick + 1);
        let at_ns = clock::picture_start(tick, fps);
        // Ticks are not exact in nanoseconds.
        let has_passed = |time_ns: u64| at_ns + tick_ns / 2 >= pushed_ns + time_ns;
        let may_go = wanted || feed.is_seated() || has_passed(IDLE_NS);
        let changed = match look(&mut screen, &mut canvas, may_go) {
            Err(Trouble::Resized) => {
                screen.resize()?;
                canvas = Canvas::new(screen.width(), screen.height(), fps)?;
                appsrc.set_caps(Some(&canvas.caps()?));
                look(&mut screen, &mut canvas, true)?
            }
            looked => looked?,
        };
        if wanted || changed || has_passed(HEARTBEAT_NS) {
            // Refused only while the pipeline starts or ends; the picture is then nobody's.
            let _taken = appsrc.push_buffer(canvas.picture(at_ns, !changed));
            (pushed_ns, wanted) = (at_ns, false);
        }
    }
}

/// Brings `canvas` up to date if `may_go`; whether it changed.
fn look(screen: &mut Screen, canvas: &mut Canvas, may_go: bool) -> Result<bool, Trouble> {
    Ok(screen.has_changed()? && may_go && screen.update(canvas)?)
}

/// Connects to the display. Fast when nobody listens there, so that it can be tried often.
///
/// # Errors
/// The display is not there, refuses us, or has another depth of colour than 24.
pub(crate) fn connect(display: Option<&str>) -> Result<Screen, Failure> {
    Ok(Screen::connect(display)?)
}
