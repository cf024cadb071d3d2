//! What Opencast says of our files, compared with what we hold.
//!
//! It tells no digest of its own when a file arrives. Its workflows inspect the tracks and then
//! tell size and MD5, and remove tracks that they are done with: what is told must agree, and what
//! is not told is said to be not told.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use lectern_domain::delivery::DeliveryFile;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use super::describe::Place;
use super::document::{Element, MediaPackage};
use super::sign_in::hex;
use crate::fault::Fault;

/// The files of a lecture as Opencast is to have them.
pub(super) struct Ours<'a> {
    pub(super) file: &'a DeliveryFile,
    pub(super) place: Place,
}

/// What was found of one file.
pub(super) enum Found {
    /// An element that contradicts nothing, with what it tells.
    Agreeing(Value),
    /// Nothing that could be it.
    Nothing,
}

/// Looks for a file in what a workflow has. `sent` is the package that we handed in, if its
/// handle is known: then only its elements can be ours.
pub(super) async fn find(
    ours: &Ours<'_>,
    there: &MediaPackage,
    sent: Option<&MediaPackage>,
    peer: &str,
) -> Result<Found, Fault> {
    let known =
        |element: &&Element| sent.is_none_or(|sent| sent.elements.iter().any(|ours| ours.id == element.id));
    let fits = |element: &&Element| element.flavor == ours.place.flavor;
    let mut candidates: Vec<&Element> = there.elements.iter().filter(fits).filter(known).collect();
    if candidates.is_empty() {
        candidates = there.elements.iter().filter(fits).collect();
    }
    let mut other = None;
    for element in candidates {
        match compare(ours.file, element).await? {
            None => {
                return Ok(Found::Agreeing(json!({
                    "element": element.id,
                    "flavor": element.flavor,
                    "size": element.size,
                    "checksum": element.checksum.as_ref().map(|sum| format!("{}:{}", sum.kind, sum.hex)),
                })));
            }
            Some(difference) => other = Some(difference),
        }
    }
    match other {
        Some(difference) => Err(Fault::person(
            format!(
                "{peer} has another file for {} of this lecture: {difference}.",
                ours.file.name
            ),
            "Compare both there, and remove the wrong one.",
        )),
        None => Ok(Found::Nothing),
    }
}

/// How an element differs from our file, by all that is told.
async fn compare(file: &DeliveryFile, element: &Element) -> Result<Option<String>, Fault> {
    if let Some(size) = element.size
        && size != file.size_bytes
    {
        return Ok(Some(format!("{size} bytes there and {} here", file.size_bytes)));
    }
    let Some(told) = element.checksum.as_ref().filter(|sum| !sum.hex.is_empty()) else {
        return Ok(None);
    };
    let held = match told.kind.as_str() {
        "sha-256" | "sha256" => file.sha256.clone(),
        "md5" => md5_of(file).await?,
        _ => return Ok(None),
    };
    let differs = !held.eq_ignore_ascii_case(&told.hex);
    Ok(differs.then(|| format!("{} {} there and {held} here", told.kind, told.hex)))
}

async fn md5_of(file: &DeliveryFile) -> Result<String, Fault> {
    let path = file.path.clone();
    let read = tokio::task::spawn_blocking(move || md5_of_file(path)).await;
    read.unwrap_or_else(|died| Err(io::Error::other(died)))
        .map_err(|error| {
            Fault::person(
                format!(
                    "The finished file {} cannot be read: {error}.",
                    file.path.display()
                ),
                "Check the spool with `lecternd fsck` and the disk it is on.",
            )
        })
}

fn md5_of_file(path: PathBuf) -> io::Result<String> {
    let (mut file, mut hash) = (File::open(path)?, Md5::new());
    let mut block = vec![0; 128 * 1024];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hex(&hash.finalize())),
            read => hash.update(&block[..read]),
        }
    }
}
