//! Talks to the X server: what changed, and the pixels, over shared memory where it can.
//!
//! The shared memory is a file without a name, read like a file: the server writes it before its
//! reply, so no mapping and no unsafe code is needed. All calls block for the server's answer.

use std::fs::File;
use std::os::unix::fs::FileExt;

use nix::sys::memfd::{MFdFlags, memfd_create};
use x11rb::connection::{Connection, RequestConnection};
use x11rb::errors::{ConnectError, ConnectionError, ReplyError};
use x11rb::protocol::Event;
use x11rb::protocol::damage::{self, ConnectionExt as _};
use x11rb::protocol::shm::{self, ConnectionExt as _};
use x11rb::protocol::xfixes::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, ConnectionExt as _, EventMask, ImageFormat, ImageOrder,
};
use x11rb::rust_connection::RustConnection;

use super::pointer::Pointer;

/// Why the screen could not be captured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// Nobody listens there.
    #[error("no X server answers ({0}); is the desktop running?")]
    Connect(String),
    /// It answers and does not let us in.
    #[error("the X server refuses us ({0}); is XAUTHORITY set for this user?")]
    Denied(String),
    /// The display's name cannot be understood.
    #[error("not the name of a display, such as \":0\" ({0})")]
    Name(String),
    /// Pixels of another layout than 32 bits, blue first.
    #[error("its colour depth of {depth} in {bits} bits cannot be recorded; 24 in 32 can")]
    Depth {
        /// Bits of colour.
        depth: u8,
        /// Bits of a pixel.
        bits: u8,
    },
    /// The connection broke: the server ended.
    #[error("the X server went away ({0})")]
    Gone(String),
    /// Another resolution was set.
    #[error("the screen changed its size")]
    Resized,
    /// The server refused a request that it must know.
    #[error("the X server refused a request ({0})")]
    Refused(String),
    /// No memory could be shared.
    #[error("no memory to share with the X server ({0})")]
    Memory(String),
}

impl From<ConnectionError> for Trouble {
    fn from(error: ConnectionError) -> Self {
        Self::Gone(error.to_string())
    }
}

impl From<ReplyError> for Trouble {
    fn from(error: ReplyError) -> Self {
        match error {
            ReplyError::ConnectionError(error) => error.into(),
            ReplyError::X11Error(error) => Self::Refused(format!("{:?}", error.error_kind)),
        }
    }
}

impl From<ConnectError> for Trouble {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::DisplayParsingError(error) => Self::Name(error.to_string()),
            ConnectError::SetupAuthenticate(_) | ConnectError::SetupFailed(_) => {
                Self::Denied(error.to_string())
            }
            error => Self::Connect(error.to_string()),
        }
    }
}

/// An open screen.
pub(crate) struct Screen {
    connection: RustConnection,
    root: u32,
    width: u16,
    height: u16,
    shared: Option<Shared>,
    /// Without DAMAGE everything counts as changed all the time.
    damage: Option<u32>,
    has_pointer: bool,
    pointer: Option<Pointer>,
    dirty: bool,
}

/// Memory that the server writes pictures into.
struct Shared {
    segment: u32,
    file: File,
}

impl Screen {
    /// Connects to `display`, else to that of the environment, and asks for its extensions.
    pub(super) fn connect(display: Option<&str>) -> Result<Self, Trouble> {
        let (connection, number) = RustConnection::connect(display)?;
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
        let (root, width, height) = (screen.root, screen.width_in_pixels, screen.height_in_pixels);
        // Tells when the screen changes its size.
        let events = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
        connection.change_window_attributes(root, &events)?.check()?;
        let mut screen = Self {
            connection,
            root,
            width,
            height,
            shared: None,
            damage: None,
            has_pointer: false,
            pointer: None,
            dirty: true,
        };
        screen.shared = screen.share()?;
        screen.watch_damage()?;
        screen.has_pointer = screen.has(xfixes::X11_EXTENSION_NAME)?
            && screen
                .connection
                .xfixes_query_version(4, 0)?
                .reply()?
                .major_version
                >= 1;
        Ok(screen)
    }

    pub(super) fn width(&self) -> u16 {
        self.width
    }

    pub(super) fn height(&self) -> u16 {
        self.height
    }

    /// Bytes of one picture.
    pub(super) fn picture_bytes(&self) -> usize {
        usize::from(self.width) * usize::from(self.height) * 4
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
        file.set_len(self.picture_bytes() as u64)
            .map_err(|e| memory(&e))?;
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

    fn watch_damage(&mut self) -> Result<(), Trouble> {
        if !self.has(damage::X11_EXTENSION_NAME)? {
            return Ok(());
        }
        self.connection.damage_query_version(1, 1)?.reply()?;
        let damage = self
            .connection
            .generate_id()
            .map_err(|error| Trouble::Refused(error.to_string()))?;
        self.connection
            .damage_create(damage, self.root, damage::ReportLevel::NON_EMPTY)?
            .check()?;
        self.damage = Some(damage);
        Ok(())
    }

    /// Whether anything was drawn, or the pointer moved, since the last [`Self::grab`].
    pub(super) fn has_changed(&mut self) -> Result<bool, Trouble> {
        while let Some(event) = self.connection.poll_for_event()? {
            match event {
                Event::DamageNotify(_) => self.dirty = true,
                Event::ConfigureNotify(event)
                    if event.window == self.root
                        && (event.width, event.height) != (self.width, self.height) =>
                {
                    return Err(Trouble::Resized);
                }
                _ => {}
            }
        }
        let pointer = self.read_pointer()?;
        let moved = !Pointer::looks_same(pointer.as_ref(), self.pointer.as_ref());
        self.pointer = pointer;
        self.dirty |= moved;
        Ok(self.dirty || self.damage.is_none())
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

    /// Writes the screen with its pointer into `pixels`: 32 bits each, blue first, no padding.
    pub(super) fn grab(&mut self, pixels: &mut [u8]) -> Result<(), Trouble> {
        self.dirty = false;
        if let Some(damage) = self.damage {
            // Before the picture is taken: what is drawn meanwhile is reported again.
            self.connection
                .damage_subtract(damage, x11rb::NONE, x11rb::NONE)?;
        }
        let (root, width, height) = (self.root, self.width, self.height);
        let taken = match &self.shared {
            Some(Shared { segment, .. }) => {
                let format = ImageFormat::Z_PIXMAP.into();
                self.connection
                    .shm_get_image(root, 0, 0, width, height, !0, format, *segment, 0)?
                    .reply()
                    .map(|_| None)
            }
            None => self
                .connection
                .get_image(ImageFormat::Z_PIXMAP, root, 0, 0, width, height, !0)?
                .reply()
                .map(|image| Some(image.data)),
        };
        let data = taken.map_err(|error| match error {
            // The part that we ask for no longer exists; the notice of it is still on its way.
            ReplyError::X11Error(error) if error.error_kind == x11rb::protocol::ErrorKind::Match => {
                Trouble::Resized
            }
            error => error.into(),
        })?;
        match (data, &self.shared) {
            (Some(data), _) => {
                let length = data.len().min(pixels.len());
                pixels[..length].copy_from_slice(&data[..length]);
            }
            (None, Some(shared)) => {
                shared
                    .file
                    .read_exact_at(pixels, 0)
                    .map_err(|error| Trouble::Memory(error.to_string()))?;
            }
            (None, None) => {}
        }
        if let Some(pointer) = &self.pointer {
            pointer.draw(pixels, usize::from(width), usize::from(height));
        }
        Ok(())
    }
}
