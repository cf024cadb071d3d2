//! `lectern export`: copies a lecture's finished files from the daemon's folder into another one
//! and checks every byte of them against `SHA256SUMS`. It only reads the lecture.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use lectern_domain::api::LectureDetail;
use sha2::{Digest, Sha256};

use crate::fault::Fault;
use crate::figures::{bytes, columns};

/// The folder of the finished files, and the list of their sums in it.
const FINISHED: &str = "finished";
const SUMS: &str = "SHA256SUMS";

/// One line of `SHA256SUMS`.
struct Sum {
    sha256: String,
    name: String,
}

/// Blocking: this program does nothing else meanwhile.
pub(crate) fn run(detail: &LectureDetail, dir: &Path) -> Result<String, Fault> {
    let lecture = detail.summary.id;
    let from = Path::new(&detail.folder).join(FINISHED);
    let text = match fs::read_to_string(from.join(SUMS)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Fault::failed(
                format!(
                    "Lecture {lecture} is {} and has no finished files here.",
                    detail.summary.state
                ),
                "Nothing was copied.",
                "Wait for it with \"lectern wait … --until finished\"; after it was sent and purged, the platform has it.",
            ));
        }
        Err(error) => return Err(unreadable(&from.join(SUMS), &error)),
    };
    let sums = read_sums(&text)?;
    fs::create_dir_all(dir).map_err(|error| unwritable(dir, &error))?;
    let mut rows = Vec::new();
    for sum in &sums {
        let size = copy(&from.join(&sum.name), &dir.join(&sum.name), Some(&sum.sha256))?;
        rows.push(vec![
            dir.join(&sum.name).display().to_string(),
            bytes(size),
            "checked".into(),
        ]);
    }
    let size = copy(&from.join(SUMS), &dir.join(SUMS), None)?;
    rows.push(vec![
        dir.join(SUMS).display().to_string(),
        bytes(size),
        String::new(),
    ]);
    // The names are on the disk only after this.
    File::open(dir)
        .and_then(|d| d.sync_all())
        .map_err(|error| unwritable(dir, &error))?;
    Ok(columns(&rows))
}

fn read_sums(text: &str) -> Result<Vec<Sum>, Fault> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let (sha256, name) = line.split_once(char::is_whitespace)?;
            // `sha256sum` writes two spaces, or a space and an asterisk.
            let name = name.trim_start().trim_start_matches('*');
            let plain = Path::new(name).file_name().is_some_and(|file| file == name);
            let whole = sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit());
            (plain && whole).then(|| Sum {
                sha256: sha256.to_ascii_lowercase(),
                name: name.to_owned(),
            })
        })
        .collect::<Option<Vec<Sum>>>()
        .filter(|sums| !sums.is_empty())
        .ok_or_else(|| {
            Fault::failed(
                "SHA256SUMS of the lecture was not understood.",
                "Nothing was copied; the lecture is as it was.",
                "Run \"lecternd fsck\" on the recorder, and keep the disk.",
            )
        })
}

/// Copies one file by way of a `.part` file; returns its size. A file that is there already with
/// the same bytes is left alone; with others, it is not overwritten.
fn copy(from: &Path, to: &Path, expected: Option<&str>) -> Result<u64, Fault> {
    if to.exists() {
        let mut there = File::open(to).map_err(|error| unwritable(to, &error))?;
        let mut here = File::open(from).map_err(|error| unreadable(from, &error))?;
        let (there, _) = hash(&mut there, &mut io::sink()).map_err(|error| unwritable(to, &error))?;
        let (here, size) = hash(&mut here, &mut io::sink()).map_err(|error| unreadable(from, &error))?;
        if there == here && expected.is_none_or(|e| e == here) {
            return Ok(size);
        }
        return Err(Fault::failed(
            format!("{} is there already and is another file.", to.display()),
            "It was not touched, and the lecture is as it was.",
            "Name an empty folder.",
        ));
    }
    let part = part_of(to);
    let mut source = File::open(from).map_err(|error| unreadable(from, &error))?;
    let mut target = File::create(&part).map_err(|error| unwritable(&part, &error))?;
    let (sha256, size) = hash(&mut source, &mut target).map_err(|error| unwritable(&part, &error))?;
    if expected.is_some_and(|expected| expected != sha256) {
        // A damaged copy under any name would be taken for a good one some day.
        drop(fs::remove_file(&part));
        return Err(Fault::failed(
            format!("{} does not have the sum that SHA256SUMS says.", from.display()),
            "The other files of the lecture are as they were; this one was not copied.",
            "Run \"lecternd fsck\" on the recorder, and keep the disk.",
        ));
    }
    target
        .sync_all()
        .and_then(|()| fs::rename(&part, to))
        .map_err(|error| unwritable(to, &error))?;
    Ok(size)
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// Copies all bytes and returns their SHA-256 in lower-case hexadecimal, and their number.
fn hash(from: &mut impl Read, to: &mut impl Write) -> io::Result<(String, u64)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut size = 0;
    loop {
        let n = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&buffer[..n]);
        to.write_all(&buffer[..n])?;
        size += n as u64;
    }
    let sha256 = hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok((sha256, size))
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    let todo = match error.kind() {
        io::ErrorKind::PermissionDenied => "Run it as root or as the user lectern.",
        _ => "Run it on the recorder itself; the log of lecternd may say more.",
    };
    Fault::failed(
        format!("{} cannot be read: {error}.", path.display()),
        "The lecture is as it was.",
        todo,
    )
}

fn unwritable(path: &Path, error: &io::Error) -> Fault {
    Fault::failed(
        format!("{} cannot be written: {error}.", path.display()),
        "The lecture is as it was; files that were listed as checked are complete.",
        "Name a folder with enough space that you may write to.",
    )
}
