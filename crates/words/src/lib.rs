//! Every sentence that people read, in five languages: the page, the messages of the recorder and
//! its refusals. English logs and the command line come from the same files, so that the podium
//! and the help desk speak of the same thing.
//!
//! A [`Voice`] says a key of the catalogues (`lang/*/*.ftl`, Fluent) in one language, with lengths,
//! times, sizes and names of sources written as that language writes them. The catalogues are part
//! of the program; whatever is missing in one is said in English, and a test sees to it that
//! nothing is. Nothing here blocks or does I/O.

mod catalogue;
mod language;
mod voice;
mod written;

pub use language::{Language, Script};
pub use voice::Voice;
