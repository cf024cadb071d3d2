//! Paints what a lecture shows on an X display, for measurements: a still slide, a pen that writes
//! on it, a video in it, or a document that scrolls over the whole screen.
//!
//! ```text
//! cargo run --release -p lectern-source --example paint -- DISPLAY still|pen|video|scroll
//! ```
//! Says `painted` once everything stands on the screen, and ends when its input ends. What moves
//! lies in the server's memory beforehand, so painting costs next to nothing beside the capture.

use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::Context;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    ChangeGCAux, ConnectionExt, CreateGCAux, CreateWindowAux, Gcontext, ImageFormat, Rectangle, WindowClass,
};
use x11rb::rust_connection::RustConnection;

/// Pictures of the video; it runs to and fro.
const FRAMES: u16 = 24;
/// Size of the video.
const VIDEO: (u16, u16) = (960, 540);
/// The distance of two steps of what moves: faster than any screen here is captured.
const STEP: Duration = Duration::from_millis(40);
/// Lines that the document moves with each step.
const SCROLL: i16 = 6;

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let usage = "usage: paint DISPLAY still|pen|video|scroll";
    let (display, scene) = (words.next().context(usage)?, words.next().context(usage)?);
    let canvas = Canvas::open(&display)?;
    let (width, height) = canvas.size;
    canvas.document(canvas.window, height)?;
    let (ends, ended) = sync_channel::<()>(0);
    std::thread::spawn(move || {
        // Whatever comes, its end is what counts.
        let _read = std::io::stdin().read_to_end(&mut Vec::new());
        drop(ends);
    });
    match scene.as_str() {
        "still" => {
            canvas.painted()?;
            // An error is the end that is waited for.
            let _ended = ended.recv();
        }
        "pen" => {
            canvas.painted()?;
            every_step(&ended, |n| {
                let turn = n as f32 / 9.0;
                let line = 60.0 + (turn / 40.0).floor() % 9.0 * 110.0;
                let (x, y) = (60.0 + turn % 40.0 * 45.0, line + 30.0 * (turn * 2.6).sin());
                canvas.fill(
                    canvas.window,
                    0x00c0_2020,
                    Rectangle {
                        x: x as i16,
                        y: y as i16,
                        width: 6,
                        height: 6,
                    },
                )?;
                canvas
                    .connection
                    .warp_pointer(x11rb::NONE, canvas.window, 0, 0, 0, 0, x as i16, y as i16)?;
                Ok(canvas.connection.flush()?)
            })?;
        }
        "video" => {
            let frames = (0..FRAMES)
                .map(|n| canvas.video_frame(n))
                .collect::<anyhow::Result<Vec<u32>>>()?;
            let (x, y) = (clamp(width - VIDEO.0) - 80, clamp(height - VIDEO.1) / 2);
            canvas.painted()?;
            every_step(&ended, |n| {
                let (round, at) = (n / frames.len(), n % frames.len());
                let frame = if round % 2 == 0 { at } else { frames.len() - 1 - at };
                canvas.copy(frames[frame], 0, (x, y), VIDEO)
            })?;
        }
        "scroll" => {
            let tall = canvas.pixmap(width, 2 * height)?;
            canvas.document(tall, 2 * height)?;
            canvas.painted()?;
            let lines = usize::from(height) / usize::from(SCROLL.unsigned_abs());
            every_step(&ended, |n| {
                let top = SCROLL * i16::try_from(n % lines).unwrap_or(0);
                canvas.copy(tall, top, (0, 0), (width, height))
            })?;
        }
        _ => anyhow::bail!(usage),
    }
    Ok(())
}

/// Paints one step after the other until the input ends.
fn every_step(
    ended: &Receiver<()>,
    mut paint: impl FnMut(usize) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (mut due, mut step) = (Instant::now(), 0);
    while ended.recv_timeout(due.saturating_duration_since(Instant::now())) == Err(RecvTimeoutError::Timeout)
    {
        paint(step)?;
        (due, step) = (due + STEP, step + 1);
    }
    Ok(())
}

fn clamp(pixels: u16) -> i16 {
    i16::try_from(pixels).unwrap_or(i16::MAX)
}

/// A window over the whole screen.
struct Canvas {
    connection: RustConnection,
    window: u32,
    gc: Gcontext,
    size: (u16, u16),
    has_font: bool,
}

impl Canvas {
    fn open(display: &str) -> anyhow::Result<Self> {
        let (connection, number) = RustConnection::connect(Some(display))?;
        let screen = connection.setup().roots[number].clone();
        let size = (screen.width_in_pixels, screen.height_in_pixels);
        let (window, gc, font) = (
            connection.generate_id()?,
            connection.generate_id()?,
            connection.generate_id()?,
        );
        let settings = CreateWindowAux::new()
            .override_redirect(1)
            .background_pixel(screen.white_pixel);
        connection.create_window(
            screen.root_depth,
            window,
            screen.root,
            0,
            0,
            size.0,
            size.1,
            0,
            WindowClass::INPUT_OUTPUT,
            0,
            &settings,
        )?;
        connection.map_window(window)?;
        connection.create_gc(gc, window, &CreateGCAux::new().graphics_exposures(0))?;
        // Every X server has this one built in; without it the text becomes bars.
        let has_font = connection.open_font(font, b"fixed")?.check().is_ok();
        if has_font {
            connection.change_gc(gc, &ChangeGCAux::new().font(font))?;
        }
        Ok(Self {
            connection,
            window,
            gc,
            size,
            has_font,
        })
    }

    /// Waits until the server has drawn all of it, and says so.
    fn painted(&self) -> anyhow::Result<()> {
        self.connection.get_input_focus()?.reply()?;
        println!("painted");
        Ok(())
    }

    fn pixmap(&self, width: u16, height: u16) -> anyhow::Result<u32> {
        let pixmap = self.connection.generate_id()?;
        self.connection
            .create_pixmap(24, pixmap, self.window, width, height)?
            .check()?;
        Ok(pixmap)
    }

    fn fill(&self, onto: u32, rgb: u32, rectangle: Rectangle) -> anyhow::Result<()> {
        self.connection.change_gc(
            self.gc,
            &ChangeGCAux::new().foreground(rgb).background(0x00ff_ffff),
        )?;
        self.connection.poly_fill_rectangle(onto, self.gc, &[rectangle])?;
        Ok(())
    }

    /// Text and coloured boxes on white.
    fn document(&self, onto: u32, height: u16) -> anyhow::Result<()> {
        let whole = Rectangle {
            x: 0,
            y: 0,
            width: self.size.0,
            height,
        };
        self.fill(onto, 0x00ff_ffff, whole)?;
        let mut number = 12_345u32;
        for (row, y) in (20..height).step_by(18).enumerate() {
            for column in 0..3i16 {
                number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let (x, y) = (30 + column * 620, clamp(y));
                let text = format!("{row:03} {number:08x} that every picture of a lecture shall be kept");
                self.fill(
                    onto,
                    0x0010_2030,
                    Rectangle {
                        x,
                        y,
                        width: 8,
                        height: 8,
                    },
                )?;
                if self.has_font {
                    self.connection
                        .image_text8(onto, self.gc, x + 16, y + 9, text.as_bytes())?;
                }
            }
            if row % 12 == 5 {
                let mark = Rectangle {
                    x: clamp(self.size.0) - 200,
                    y: clamp(y),
                    width: 160,
                    height: 90,
                };
                self.fill(onto, 0x0020_60a0 + (number & 0x001f_1f1f), mark)?;
            }
        }
        Ok(())
    }

    /// A picture as a camera would show it: soft shapes that move, and a little noise.
    fn video_frame(&self, number: u16) -> anyhow::Result<u32> {
        let (width, height) = VIDEO;
        let pixmap = self.pixmap(width, height)?;
        let mut noise = u32::from(number) + 1;
        let turn = f32::from(number) / f32::from(FRAMES);
        // A request may be as long as 256 KiB on every server.
        for top in (0..height).step_by(60) {
            let rows = 60.min(height - top);
            let mut pixels = Vec::with_capacity(usize::from(width) * usize::from(rows) * 4);
            for y in top..top + rows {
                for x in 0..width {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let (u, v) = (f32::from(x) / 160.0, f32::from(y) / 120.0);
                    let wave =
                        ((u + turn * 2.0).sin() + (v * 1.3 - turn).cos() + (u * v * 0.3 + turn).sin()) / 6.0;
                    let shade = (0.5 + wave) * 230.0 + (noise >> 28) as f32;
                    let shade = shade.clamp(0.0, 255.0) as u8;
                    pixels.extend_from_slice(&[shade, shade / 2 + 60, 255 - shade, 0]);
                }
            }
            self.connection.put_image(
                ImageFormat::Z_PIXMAP,
                pixmap,
                self.gc,
                width,
                rows,
                0,
                clamp(top),
                0,
                24,
                &pixels,
            )?;
        }
        Ok(pixmap)
    }

    fn copy(&self, from: u32, top: i16, to: (i16, i16), size: (u16, u16)) -> anyhow::Result<()> {
        self.connection
            .copy_area(from, self.window, self.gc, 0, top, to.0, to.1, size.0, size.1)?;
        self.connection.flush()?;
        Ok(())
    }
}
