//! Talks to the X server: what changed, and the pixels of that, over shared memory where it can.
//!
//! The shared memory is a file without a name, read like a file: the server writes it before its
//! reply, so no mapping and no unsafe code is needed. All calls block for the server's answer.

use std::fs::File;
use std::os::unix::fs::FileExt;

use nix::sys::memfd::{MFdFlags, memfd_create};
use x11rb::connection::{Connection, RequestConnection};
use x11rb::errors::ReplyError;
use x11rb::protocol::damage::{self, ConnectionExt as _};
use x11rb::protocol::shm::{self, ConnectionExt as _};
use x11rb::protocol::xfixes::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, ConnectionExt as _, EventMask, ImageFormat, ImageOrder,
};
use x11rb::protocol::{ErrorKind, Event};
use x11rb::rust_connection::RustConnection;

use super::address;
use super::area::{self, Area};
use super::canvas::Canvas;
use super::pointer::Pointer;
use super::trouble::Trouble;

/// An open screen.
pub(crate) struct Screen {
    connection: RustConnection,
    root: u32,
    whole: Area,
    shared: Option<Shared>,
    /// Without it everything counts as changed all the time.
    watch: Option<Watch>,
    has_pointer: bool,
    pointer: Option<Pointer>,
    /// Where the pointer was and is, since the last [`Self::update`].
    under_pointer: Vec<Area>,
    /// Anything else changed since then.
    dirty: bool,
    /// Nothing was taken yet.
    fresh: bool,
}

/// Memory that the server writes pictures into.
struct Shared {
    segment: u32,
    file: File,
}

/// The server's account of what was drawn.
#[derive(Clone, Copy)]
struct Watch {
    damage: u32,
    /// Where the server puts what it is asked for.
    region: u32,
}

/// Pixels of one piece of the screen.
enum Taken {
    /// In the shared memory, from this byte on.
    Shared(u64),
    Sent(Vec<u8>),
}

impl Screen {
    /// Connects to `display`, else to that of the environment, and asks for its extensions.
    pub(super) fn connect(display: Option<&str>) -> Result<Self, Trouble> {
        let (connection, number) = address::open(display)?;
        let setup = connection.setup();
        let screen = setup
            .roots
            .get(number)
            .ok_or_else(|| Trouble::Name("no such screen".into()))?;
        let depth = screen.root_depth;
        let bits = setup
            .pixmap_formats
            .iter()
            .find(|format| format.depth == depth)
            .map_or(0, |f| f.bits_per_pixel);
        if bits != 32 || setup.image_byte_order != ImageOrder::LSB_FIRST {
            return Err(Trouble::Depth { depth, bits });
        }
        let root = screen.root;
        let whole = whole(screen.width_in_pixels, screen.height_in_pixels)?;
        // Tells when the screen changes its size.
        let events = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
        connection.change_window_attributes(root, &events)?.check()?;
        let mut screen = Self {
            connection,
            root,
            whole,
            shared: None,
            watch: None,
            has_pointer: false,
            pointer: None,
            under_pointer: Vec::new(),
            dirty: true,
            fresh: true,
        };
        screen.shared = screen.share()?;
        if screen.has(xfixes::X11_EXTENSION_NAME)? {
            let version = screen.connection.xfixes_query_version(4, 0)?.reply()?;
            screen.has_pointer = version.major_version >= 1;
            if version.major_version >= 2 {
                screen.watch = screen.watch_damage()?;
            }
        }
        Ok(screen)
    }

    /// Takes over the size that the screen has now, after [`Trouble::Resized`]. Everything of it
    /// then counts as changed.
    pub(super) fn resize(&mut self) -> Result<(), Trouble> {
        let now = self.connection.get_geometry(self.root)?.reply()?;
        if (now.width, now.height) == self.size() {
            return Err(Trouble::Refused("a part of the screen cannot be read".into()));
        }
        self.whole = whole(now.width, now.height)?;
        if let Some(old) = self.shared.take() {
            self.connection.shm_detach(old.segment)?;
        }
        self.shared = self.share()?;
        self.under_pointer.clear();
        (self.dirty, self.fresh) = (true, true);
        Ok(())
    }

    pub(super) fn width(&self) -> u16 {
        self.whole.width()
    }

    pub(super) fn height(&self) -> u16 {
        self.whole.height()
    }

    fn has(&self, extension: &'static str) -> Result<bool, Trouble> {
        Ok(self.connection.extension_information(extension)?.is_some())
    }

    /// Shares memory with the server; `None` where it cannot (an older one, or one over TCP).
    fn share(&self) -> Result<Option<Shared>, Trouble> {
        if !self.has(shm::X11_EXTENSION_NAME)? {
            return Ok(None);
        }
        let version = self.connection.shm_query_version()?.reply()?;
        if (version.major_version, version.minor_version) < (1, 2) {
            return Ok(None);
        }
        let memory = |error: &dyn std::fmt::Display| Trouble::Memory(error.to_string());
        let file = File::from(memfd_create("lectern-screen", MFdFlags::MFD_CLOEXEC).map_err(|e| memory(&e))?);
        file.set_len(self.whole.bytes() as u64).map_err(|e| memory(&e))?;
        let theirs = std::os::fd::OwnedFd::from(file.try_clone().map_err(|e| memory(&e))?);
        let segment = self
            .connection
            .generate_id()
            .map_err(|error| Trouble::Refused(error.to_string()))?;
        let attached = self.connection.shm_attach_fd(segment, theirs, false)?.check();
        match attached {
            Ok(()) => Ok(Some(Shared { segment, file })),
            Err(ReplyError::ConnectionError(error)) => Err(error.into()),
            Err(ReplyError::X11Error(_)) => Ok(None),
        }
    }

    fn watch_damage(&self) -> Result<Option<Watch>, Trouble> {
        if !self.has(damage::X11_EXTENSION_NAME)? {
            return Ok(None);
        }
        self.connection.damage_query_version(1, 1)?.reply()?;
        let id = || {
            self.connection
                .generate_id()
                .map_err(|error| Trouble::Refused(error.to_string()))
        };
        let (damage, region) = (id()?, id()?);
        self.connection
            .damage_create(damage, self.root, damage::ReportLevel::NON_EMPTY)?
            .check()?;
        self.connection.xfixes_create_region(region, &[])?.check()?;
        Ok(Some(Watch { damage, region }))
    }

    /// Whether anything was drawn, or the pointer moved, since the last [`Self::update`].
    pub(super) fn has_changed(&mut self) -> Result<bool, Trouble> {
        while let Some(event) = self.connection.poll_for_event()? {
            match event {
                Event::DamageNotify(_) => self.dirty = true,
                Event::ConfigureNotify(event)
                    if event.window == self.root && (event.width, event.height) != self.size() =>
                {
                    return Err(Trouble::Resized);
                }
                _ => {}
            }
        }
        let pointer = self.read_pointer()?;
        if !Pointer::looks_same(pointer.as_ref(), self.pointer.as_ref()) {
            let size = self.size();
            let places = [&self.pointer, &pointer].into_iter().flatten();
            self.under_pointer
                .extend(places.filter_map(|pointer| pointer.area(size)));
            self.pointer = pointer;
        }
        Ok(self.fresh || self.dirty || !self.under_pointer.is_empty() || self.watch.is_none())
    }

    fn read_pointer(&self) -> Result<Option<Pointer>, Trouble> {
        if !self.has_pointer {
            return Ok(None);
        }
        match self.connection.xfixes_get_cursor_image()?.reply() {
            Ok(image) => Ok(Some(Pointer::from_image(image))),
            Err(ReplyError::ConnectionError(error)) => Err(error.into()),
            // A server without a pointer device has no image of one.
            Err(ReplyError::X11Error(_)) => Ok(None),
        }
    }

    /// Brings `canvas`, which has this screen's size, up to date, with the pointer over it.
    /// Whether anything of it changed.
    pub(super) fn update(&mut self, canvas: &mut Canvas) -> Result<bool, Trouble> {
        let pieces = area::pieces(self.changes()?, self.whole);
        let taken = self.take(&pieces)?;
        for (piece, taken) in pieces.iter().zip(taken) {
            let pointer = self.pointer.as_ref();
            let row_bytes = usize::from(piece.width()) * 4;
            canvas.paint(*piece, |part, pixels| {
                let skipped = usize::from(part.top - piece.top) * row_bytes;
                match (&taken, &self.shared) {
                    (Taken::Shared(start), Some(shared)) => shared
                        .file
                        .read_exact_at(pixels, start + skipped as u64)
                        .map_err(|error| Trouble::Memory(error.to_string()))?,
                    (Taken::Sent(data), _) => {
                        let data = data
                            .get(skipped..skipped + pixels.len())
                            .ok_or_else(|| Trouble::Refused("it sent too few pixels".into()))?;
                        pixels.copy_from_slice(data);
                    }
                    (Taken::Shared(_), None) => {}
                }
                if let Some(pointer) = pointer {
                    pointer.draw(pixels, part);
                }
                Ok::<(), Trouble>(())
            })?;
        }
        Ok(!pieces.is_empty())
    }

    /// What changed since the last call, which the server and we forget by that.
    fn changes(&mut self) -> Result<Vec<Area>, Trouble> {
        let mut changes = std::mem::take(&mut self.under_pointer);
        let drawn = std::mem::take(&mut self.dirty);
        let first = std::mem::take(&mut self.fresh);
        let Some(Watch { damage, region }) = self.watch else {
            return Ok(vec![self.whole]);
        };
        if drawn {
            // Before the pixels are taken: what is drawn meanwhile is reported again.
            self.connection.damage_subtract(damage, x11rb::NONE, region)?;
            let region = self.connection.xfixes_fetch_region(region)?.reply()?;
            changes.extend(region.rectangles.iter().filter_map(|part| {
                let (left, top) = (part.x.into(), part.y.into());
                Area::clipped(left, top, part.width.into(), part.height.into(), self.size())
            }));
        }
        Ok(if first { vec![self.whole] } else { changes })
    }

    /// Asks for the pixels of all pieces, then waits for all of them. Together they are no larger
    /// than the screen, so each has a place of its own in the shared memory.
    fn take(&self, pieces: &[Area]) -> Result<Vec<Taken>, Trouble> {
        let (root, all, format) = (self.root, !0, ImageFormat::Z_PIXMAP);
        let mut taken = Vec::with_capacity(pieces.len());
        match &self.shared {
            Some(Shared { segment, .. }) => {
                let (mut asked, mut start) = (Vec::with_capacity(pieces.len()), 0);
                for piece in pieces {
                    let (x, y) = corner(piece);
                    let (width, height) = (piece.width(), piece.height());
                    asked.push(self.connection.shm_get_image(
                        root,
                        x,
                        y,
                        width,
                        height,
                        all,
                        format.into(),
                        *segment,
                        start,
                    )?);
                    taken.push(Taken::Shared(start.into()));
                    start += u32::try_from(piece.bytes()).unwrap_or(0);
                }
                for answer in asked {
                    answer.reply().map_err(resized)?;
                }
            }
            None => {
                for piece in pieces {
                    let (x, y) = corner(piece);
                    let (width, height) = (piece.width(), piece.height());
                    let answer = self
                        .connection
                        .get_image(format, root, x, y, width, height, all)?;
                    taken.push(Taken::Sent(answer.reply().map_err(resized)?.data));
                }
            }
        }
        Ok(taken)
    }

    fn size(&self) -> (u16, u16) {
        (self.whole.width(), self.whole.height())
    }
}

fn whole(width: u16, height: u16) -> Result<Area, Trouble> {
    Area::whole(width, height).ok_or_else(|| Trouble::Refused("the screen has no pixels".into()))
}

fn corner(area: &Area) -> (i16, i16) {
    let place = |at: u16| i16::try_from(at).unwrap_or(i16::MAX);
    (place(area.left), place(area.top))
}

/// A part that we ask for may no longer exist; the notice of it is then still on its way.
fn resized(error: ReplyError) -> Trouble {
    match error {
        ReplyError::X11Error(error) if error.error_kind == ErrorKind::Match => Trouble::Resized,
        error => error.into(),
    }
}
