//! A disk that is known by the label of its file system, wherever it is plugged in and mounted.
//!
//! udev keeps a link for each label; the kernel's list of mounts tells where that device is. Only
//! `/dev` and `/proc` are read, which are memory: nothing here waits for a disk.

use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::stat::{major, minor};

use crate::fault::Fault;

/// Where the system tells of its disks.
#[derive(Clone, Debug)]
pub(super) struct Disks {
    by_label: PathBuf,
    mounts: PathBuf,
}

impl Default for Disks {
    fn default() -> Self {
        Self {
            by_label: PathBuf::from("/dev/disk/by-label"),
            mounts: PathBuf::from("/proc/self/mountinfo"),
        }
    }
}

impl Disks {
    /// Where the file system with this label is mounted.
    pub(super) fn mount_point(&self, label: &str) -> Result<PathBuf, Fault> {
        // The link's target is the device; a link that dangles is a disk that was just pulled.
        let device = std::fs::canonicalize(self.by_label.join(udev_name(label)))
            .map_err(|_| Fault::later(format!("The disk {label} is not plugged in.")))?;
        let number = std::fs::metadata(&device)
            .map(|meta| format!("{}:{}", major(meta.rdev()), minor(meta.rdev())))
            .map_err(|_| Fault::later(format!("The disk {label} is not plugged in.")))?;
        let mounts = std::fs::read(&self.mounts)
            .map_err(|error| Fault::later(format!("{} cannot be read: {error}.", self.mounts.display())))?;
        find(&mounts, &device, &number).ok_or_else(|| {
            Fault::later(format!(
                "The disk {label} is plugged in and not mounted: mount {} where lecternd can write.",
                device.display()
            ))
        })
    }
}

/// The mount point of a device in `/proc/self/mountinfo`, known by its number or, where file
/// systems have numbers of their own, by its path. The last mount of the whole file system counts.
fn find(mounts: &[u8], device: &Path, number: &str) -> Option<PathBuf> {
    mounts
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let mut fields = line.split(|byte| *byte == b' ').filter(|field| !field.is_empty());
            let mut head = fields.by_ref().skip(2);
            let (its_number, root, point) = (head.next()?, head.next()?, head.next()?);
            let source = fields.skip_while(|field| *field != b"-").nth(2)?;
            let same = its_number == number.as_bytes() || unescaped(source) == device;
            (same && root == b"/").then(|| unescaped(point))
        })
        .next_back()
}

/// A path of mountinfo: blanks and backslashes stand there as `\040` and the like.
fn unescaped(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                bytes.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

/// A label as udev writes it into the name of its link: letters of any script stay, other signs
/// than a few become `\x20` and the like.
fn udev_name(label: &str) -> String {
    use std::fmt::Write;
    let mut name = String::with_capacity(label.len());
    for sign in label.chars() {
        if sign.is_ascii_alphanumeric() || "#+-.:=@_".contains(sign) || !sign.is_ascii() {
            name.push(sign);
        } else {
            write!(name, "\\x{:02x}", u32::from(sign)).expect("writing to a string cannot fail");
        }
    }
    name
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Disks of a folder's own: `by-label` and `mountinfo`.
    pub(in crate::directory) fn disks_in(dir: &Path) -> Disks {
        Disks {
            by_label: dir.join("by-label"),
            mounts: dir.join("mountinfo"),
        }
    }

    #[test]
    fn labels_are_sought_as_udev_writes_them() {
        for (label, name) in [
            ("LECTURES", "LECTURES"),
            ("My Disk/1", "My\\x20Disk\\x2f1"),
            ("محاضرات", "محاضرات"),
            ("a\\b\"", "a\\x5cb\\x22"),
        ] {
            assert_eq!(udev_name(label), name);
        }
    }

    #[test]
    fn a_disk_is_found_by_number_or_path_where_its_whole_file_system_is_mounted() {
        let mounts = b"22 28 0:21 / /proc rw shared:12 - proc proc rw\n\
            40 28 8:17 /sub /srv/sub rw - vfat /dev/sdb1 rw\n\
            41 28 8:17 / /media/LECTURES\\040OLD rw shared:1 - vfat /dev/sdb1 rw\n\
            42 28 0:44 / /media/b\\134t rw - btrfs /dev/sdc1 rw\n";
        let at = |device: &str, number: &str| find(mounts, Path::new(device), number);
        assert_eq!(
            at("/dev/sdb1", "8:17"),
            Some(PathBuf::from("/media/LECTURES OLD"))
        );
        assert_eq!(at("/dev/sdc1", "8:33"), Some(PathBuf::from("/media/b\\t")));
        assert_eq!(at("/dev/sdd1", "8:49"), None);
        assert_eq!(find(b"", Path::new("/dev/sdb1"), "8:17"), None);
        assert_eq!(
            find(b"41 28 8:17 /\n- - -\n", Path::new("/dev/sdb1"), "8:17"),
            None
        );
    }

    #[test]
    fn a_disk_that_is_away_or_not_mounted_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let disks = disks_in(dir.path());
        let told = || disks.mount_point("LECTURES").unwrap_err().to_string();
        assert_eq!(told(), "The disk LECTURES is not plugged in.");
        std::fs::create_dir(dir.path().join("by-label")).unwrap();
        let device = dir.path().join("sdb1");
        std::os::unix::fs::symlink(&device, dir.path().join("by-label/LECTURES")).unwrap();
        assert_eq!(told(), "The disk LECTURES is not plugged in.");
        std::fs::write(&device, "").unwrap();
        std::fs::write(dir.path().join("mountinfo"), "").unwrap();
        assert!(told().starts_with("The disk LECTURES is plugged in and not mounted: mount "));
        let line = format!("41 28 8:17 / /media/x rw - vfat {} rw\n", device.display());
        std::fs::write(dir.path().join("mountinfo"), line).unwrap();
        assert_eq!(disks.mount_point("LECTURES").unwrap(), Path::new("/media/x"));
    }
}
