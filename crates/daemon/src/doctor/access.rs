//! Who may read and write what: the spool, the control socket, credentials, devices.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use lectern_domain::api::Check;
use lectern_domain::config::{Config, Credential, SourceKind};
use nix::unistd::{AccessFlags, Gid, Group, Uid, User, access, geteuid};

/// The group whose members may use the control socket.
const GROUP: &str = "lectern";

/// Looks at the files that the configuration names. Blocks for as long as their disks take.
pub(super) fn look(config: &Config) -> Vec<Check> {
    let proxy = config.upload.proxy_credential.as_ref();
    let proxy = proxy.filter(|_| config.upload.proxy.is_some());
    let mut checks: Vec<Check> = config
        .platforms
        .iter()
        .map(|platform| {
            let key = format!("platform.{}.credential_file", platform.name);
            (key, platform.credential.as_ref())
        })
        .chain([("upload.proxy_credential_file".to_owned(), proxy)])
        .filter_map(|(key, credential)| match credential {
            Some(Credential::File(file)) => private(&key, file),
            Some(Credential::Name(_)) | None => None,
        })
        .chain(config.platforms.iter().filter_map(|platform| {
            let file = platform.ca_file.as_ref()?;
            readable(&format!("platform.{}.ca_file", platform.name), file)
        }))
        .chain(crate::keys::faults(&config.panel).into_iter().map(|fault| {
            Check::bad(
                "access",
                format!("{}.", capital(fault.trim_end_matches('.'))),
                "Until then this door of the page stays shut.",
            )
        }))
        .chain(config.sources.iter().filter_map(|source| match &source.kind {
            SourceKind::V4l2 { device } => node(Path::new(device), "video"),
            SourceKind::Alsa { .. } => node(Path::new("/dev/snd"), "audio"),
            SourceKind::Rtsp { .. }
            | SourceKind::X11 { .. }
            | SourceKind::Pulse { .. }
            | SourceKind::TestVideo
            | SourceKind::TestAudio
            | SourceKind::Gst { .. } => None,
        }))
        .collect();
    checks.extend(spool(&config.storage.path));
    checks.extend(socket(&config.control.socket));
    if checks.is_empty() {
        checks.push(Check::good(
            "access",
            format!(
                "{} may use what the configuration names, and nobody else may read recordings or credentials.",
                user_name(geteuid())
            ),
        ));
    }
    checks
}

fn spool(path: &Path) -> Option<Check> {
    let folder = std::fs::metadata(path).ok()?;
    if folder.uid() != geteuid().as_raw() {
        return Some(Check::warning(
            "access",
            format!(
                "{} belongs to {} and not to {}.",
                path.display(),
                user_name(Uid::from_raw(folder.uid())),
                user_name(geteuid())
            ),
            format!("chown -R {}: {}", user_name(geteuid()), path.display()),
        ));
    }
    is_open(&folder, 0o007).then(|| {
        Check::warning(
            "access",
            format!(
                "Everybody on this machine may look into {} (mode {:04o}).",
                path.display(),
                mode(&folder)
            ),
            format!("chmod 0750 {}", path.display()),
        )
    })
}

fn socket(path: &Path) -> Option<Check> {
    let socket = std::fs::metadata(path).ok()?;
    if is_open(&socket, 0o002) {
        return Some(Check::bad(
            "access",
            format!(
                "Everybody on this machine may command the recorder: {} has mode {:04o}.",
                path.display(),
                mode(&socket)
            ),
            format!("chmod 0660 {}", path.display()),
        ));
    }
    let ours = Group::from_name(GROUP).ok().flatten()?;
    (Gid::from_raw(socket.gid()) != ours.gid).then(|| {
        Check::warning(
            "access",
            format!(
                "The group {GROUP} may not use the control socket {}.",
                path.display()
            ),
            format!("Start the daemon as the user {GROUP}, as its unit does."),
        )
    })
}

/// A file with a secret: readable by us and by nobody else.
fn private(key: &str, file: &Path) -> Option<Check> {
    readable(key, file).or_else(|| {
        let found = std::fs::metadata(file).ok()?;
        is_open(&found, 0o077).then(|| {
            Check::bad(
                "access",
                format!(
                    "Others may read the secret in {} ({key}, mode {:04o}), so it is refused.",
                    file.display(),
                    mode(&found)
                ),
                format!("chmod 0600 {}", file.display()),
            )
        })
    })
}

fn readable(key: &str, file: &Path) -> Option<Check> {
    let error = access(file, AccessFlags::R_OK).err()?;
    Some(Check::bad(
        "access",
        format!("{} ({key}) cannot be read: {}.", file.display(), error.desc()),
        format!("Give the file to {}, mode 0600.", user_name(geteuid())),
    ))
}

/// A device that is there and refuses us. One that is missing is told by its source.
fn node(device: &Path, group: &str) -> Option<Check> {
    let needed = if device.is_dir() {
        AccessFlags::R_OK | AccessFlags::X_OK
    } else {
        AccessFlags::R_OK | AccessFlags::W_OK
    };
    (device.exists() && access(device, needed).is_err()).then(|| {
        let user = user_name(geteuid());
        Check::bad(
            "access",
            format!("{user} may not open {}.", device.display()),
            format!("usermod -a -G {group} {user}, then start the daemon again."),
        )
    })
}

fn mode(found: &Metadata) -> u32 {
    found.permissions().mode() & 0o7777
}

fn is_open(found: &Metadata, to: u32) -> bool {
    mode(found) & to != 0
}

fn user_name(uid: Uid) -> String {
    let user = User::from_uid(uid).ok().flatten();
    user.map_or_else(|| format!("the user {uid}"), |user| user.name)
}

/// Findings are sentences; `lecternd check` begins its lines with a key.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use lectern_domain::api::Verdict;

    use super::*;

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_others_may_read_or_command_is_told_with_the_command_that_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        fs::write(&file, "secret").unwrap();
        for (mode, todo) in [
            (0o600, None),
            (0o640, Some("chmod 0600")),
            (0o604, Some("chmod 0600")),
        ] {
            set(&file, mode);
            let check = private("platform.central.credential_file", &file);
            assert_eq!(check.is_some(), todo.is_some(), "{mode:o}");
            assert!(check.is_none_or(|check| check.todo.starts_with(todo.unwrap())));
        }
        set(folder.path(), 0o750);
        assert_eq!(spool(folder.path()), None);
        set(folder.path(), 0o755);
        assert_eq!(spool(folder.path()).unwrap().verdict, Verdict::Warning);
        set(&file, 0o666);
        assert_eq!(socket(&file).unwrap().verdict, Verdict::Bad);
    }

    #[test]
    fn a_file_that_is_missing_is_told_and_a_device_is_left_to_its_source() {
        let gone = Path::new("/nowhere/token");
        assert_eq!(
            readable("platform.central.ca_file", gone).unwrap().verdict,
            Verdict::Bad
        );
        assert_eq!(node(gone, "video"), None);
        assert_eq!(capital("panel.pin_file: no"), "Panel.pin_file: no");
    }
}
