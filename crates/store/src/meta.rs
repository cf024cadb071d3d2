//! `meta.json`: which database the spool belongs to.
//!
//! The database's `meta` row and this file carry one UUID. If they differ, another disk is
//! mounted or another database was put back, and nothing may be written.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::disk::{Disk, read_whole};
use crate::error::OpenError;
use crate::layout::Layout;

/// The most that `meta.json` may take.
const LIMIT_BYTES: u64 = 64 << 10;

/// The content of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    /// Equal to the database's.
    pub(crate) uuid: Uuid,
    /// The room when the spool was made.
    pub(crate) room: String,
    /// When it was made.
    pub(crate) created_unix_ms: i64,
}

/// Reads it; `None` when there is no such file.
pub(crate) fn read<D: Disk>(disk: &mut D, layout: &Layout) -> Result<Option<Meta>, OpenError> {
    let path = layout.meta();
    let bytes = match read_whole(disk, &path, LIMIT_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::io(&path, "read")(error)),
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| OpenError::Damaged {
            path,
            detail: format!("it is not understood: {error}"),
        })
}

/// Writes it: temporary file, fsync, rename, fsync of the folder.
pub(crate) fn write<D: Disk>(disk: &mut D, layout: &Layout, meta: &Meta) -> Result<(), OpenError> {
    let path = layout.meta();
    let tmp = path.with_extension("json.tmp");
    let text = serde_json::to_vec_pretty(meta).expect("three plain fields have a JSON form");
    let mut file = disk.create_private(&tmp).map_err(OpenError::io(&tmp, "made"))?;
    let done = disk
        .append(&mut file, &text)
        .and_then(|()| disk.sync_all(&mut file))
        .and_then(|()| disk.rename(&tmp, &path))
        .and_then(|()| disk.sync_dir(layout.root()));
    done.map_err(OpenError::io(&path, "written"))
}
