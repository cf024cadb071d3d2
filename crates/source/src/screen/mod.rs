//! The screen of an X server, without Xlib: its I/O error handler would end the process.
//!
//! At each tick of the configured rate a thread takes a picture if something was drawn (DAMAGE), if
//! the pointer moved, if the engine wants one, and otherwise every [`HEARTBEAT_NS`], so that chunks
//! keep closing on a still screen. The death of the server is an error like any other.

mod grab;
mod pointer;

use gst::prelude::*;
use gst_app::AppSrc;
use lectern_domain::config::Video;
use lectern_domain::wire::FailureReason;

use crate::capture::{Alarm, Head, Hint, Medium, Pacer, Reports, Woken};
use crate::clock::{self, SECOND_NS};
use crate::failure::Failure;
use crate::feed::KeySeen;
use crate::inputs::Input;
pub(crate) use grab::Screen;
use grab::Trouble;

/// The longest time without a picture, in nanoseconds.
const HEARTBEAT_NS: u64 = 300_000_000;

/// The head of kind `x11`, for a screen that answered.
pub(crate) fn head(screen: Screen, video: &Video, reports: &Reports) -> Result<Head, Failure> {
    let fps = video.fps.max(1);
    let side = |pixels: u16| i32::from(pixels);
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", "BGRx")
        .field("width", side(screen.width()))
        .field("height", side(screen.height()))
        .field(
            "framerate",
            gst::Fraction::new(i32::try_from(fps).unwrap_or(30), 1),
        )
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
        .build();
    let pool = pool(&caps, screen.picture_bytes())?;
    let appsrc = AppSrc::builder()
        .caps(&caps)
        .format(gst::Format::Time)
        .is_live(true)
        .max_buffers(4)
        .build();
    let element = appsrc.clone().upcast();
    let reports = reports.clone();
    let pacer = Pacer::start("screen", move |alarm| {
        if let Err(trouble) = watch(alarm, screen, &pool, &appsrc, fps, reports.feed.key_seen()) {
            reports.inputs.put_now(Input::CaptureFailed(failure(&trouble)));
        }
    })?;
    Ok(Head {
        element,
        medium: Medium::Pictures,
        pacer: Some(pacer),
        hint: Hint::default(),
    })
}

/// Buffers are used again: a fresh one of 8 MiB costs two thousand page faults.
fn pool(caps: &gst::Caps, bytes: usize) -> Result<gst::BufferPool, Failure> {
    let pool = gst::BufferPool::new();
    let mut settings = pool.config();
    let size =
        u32::try_from(bytes).map_err(|_| Failure::internal("a picture of the screen exceeds 4 GiB"))?;
    settings.set_params(Some(caps), size, 2, 0);
    pool.set_config(settings)
        .map_err(|error| Failure::internal(error.to_string()))?;
    pool.set_active(true)
        .map_err(|error| Failure::internal(error.to_string()))?;
    Ok(pool)
}

/// Captures until the alarm says stop.
fn watch(
    alarm: &Alarm,
    mut screen: Screen,
    pool: &gst::BufferPool,
    appsrc: &AppSrc,
    fps: u32,
    key_seen: &KeySeen,
) -> Result<(), Trouble> {
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
            Woken::OnTime => wanted |= key_seen.take(),
        }
        // A tick that was missed is left out; the grid stays.
        tick = newest().max(tick + 1);
        let at_ns = clock::picture_start(tick, fps);
        let changed = screen.has_changed()?;
        if wanted || changed || at_ns + tick_ns / 2 >= pushed_ns + HEARTBEAT_NS {
            let Ok(mut buffer) = pool.acquire_buffer(None) else {
                return Ok(());
            };
            {
                let buffer = buffer.make_mut();
                buffer.set_pts(gst::ClockTime::from_nseconds(at_ns));
                if let Ok(mut pixels) = buffer.map_writable() {
                    screen.grab(&mut pixels)?;
                }
            }
            // Refused only while the pipeline starts or ends; the picture is then nobody's.
            let _taken = appsrc.push_buffer(buffer);
            (pushed_ns, wanted) = (at_ns, false);
        }
    }
}

fn failure(trouble: &Trouble) -> Failure {
    let reason = match trouble {
        Trouble::Connect(_) => FailureReason::NotFound,
        Trouble::Denied(_) => FailureReason::Denied,
        Trouble::Name(_) => FailureReason::Config,
        Trouble::Depth { .. } => FailureReason::Unsupported,
        Trouble::Gone(_) | Trouble::Resized => FailureReason::Lost,
        Trouble::Refused(_) | Trouble::Memory(_) => FailureReason::Internal,
    };
    Failure::new(reason, trouble.to_string())
}

/// Connects to the display. Fast when nobody listens there, so that it can be tried often.
///
/// # Errors
/// The display is not there, refuses us, or has another depth of colour than 24.
pub(crate) fn connect(display: Option<&str>) -> Result<Screen, Failure> {
    Screen::connect(display).map_err(|trouble| failure(&trouble))
}
