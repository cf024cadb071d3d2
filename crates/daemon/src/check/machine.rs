//! Does this machine fit the configuration: are its devices, folders, secrets and programs there,
//! and may this user have them? Looks, and opens nothing that somebody may be using.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use lectern_domain::config::{
    ButtonKind, Config, Create, Credential, LightKind, NotifyKind, PlatformKind, Source, SourceKind,
};
use nix::unistd::{AccessFlags, access};

/// A sentence for each thing that does not fit: `key: what is wrong; what to do`. Blocks for as
/// long as the disks take.
pub(super) fn faults(config: &Config) -> Vec<String> {
    let mut faults = Vec::new();
    faults.extend(storage(&config.storage.path));
    let program = crate::run::source_program();
    if !program.is_file() {
        faults.push(format!(
            "{}: this program records the sources and is missing; install Lectern again",
            program.display()
        ));
    }
    faults.extend(config.sources.iter().filter_map(source));
    for platform in &config.platforms {
        let key = format!("platform.{}", platform.name);
        if let PlatformKind::Directory {
            path,
            label: None,
            create,
        } = &platform.kind
            && !may_be_used(path, *create)
        {
            faults.push(format!(
                "{key}.path: there is no folder {}; mount the share or disk, or set create = true",
                path.display()
            ));
        }
        faults.extend(
            platform
                .credential
                .as_ref()
                .and_then(|one| credential(&format!("{key}."), one)),
        );
        faults.extend(
            platform
                .ca_file
                .as_deref()
                .and_then(|file| certificates(&key, file)),
        );
    }
    let proxy = config.upload.proxy_credential.as_ref();
    let proxy = proxy.filter(|_| config.upload.proxy.is_some());
    faults.extend(proxy.and_then(|one| credential("upload.proxy_", one)));
    for notify in &config.notify {
        let key = format!("notify.{}", notify.name);
        let is_used = match &notify.kind {
            NotifyKind::Webhook { .. } => true,
            NotifyKind::Smtp { user, .. } => user.is_some(),
        };
        let secret = notify.credential.as_ref().filter(|_| is_used);
        faults.extend(secret.and_then(|one| credential(&format!("{key}."), one)));
        faults.extend(
            notify
                .ca_file
                .as_deref()
                .and_then(|file| certificates(&key, file)),
        );
    }
    faults.extend(crate::keys::faults(&config.panel));
    for light in &config.lights {
        let key = format!("light.{}", light.name);
        faults.extend(match &light.kind {
            LightKind::Usb { device, .. } => device.as_deref().and_then(|device| {
                let group = "let the service's user read and write it";
                node(&key, device, AccessFlags::R_OK | AccessFlags::W_OK, group)
            }),
            LightKind::Exec { command } => program_of(&key, command),
        });
    }
    for button in &config.buttons {
        let key = format!("button.{}", button.name);
        faults.extend(match &button.kind {
            ButtonKind::Evdev { device, .. } => node(
                &key,
                device,
                AccessFlags::R_OK,
                "let the service's user read it, for instance by the group input",
            ),
            ButtonKind::Exec { command } => program_of(&key, command),
        });
    }
    faults
}

fn source(source: &Source) -> Option<String> {
    let key = format!("source.{}", source.name);
    match &source.kind {
        SourceKind::V4l2 { device } => node(
            &key,
            Path::new(device),
            AccessFlags::R_OK | AccessFlags::W_OK,
            "let the service's user read and write it, for instance by the group video; `lectern devices` lists \
             the cameras of this machine",
        ),
        SourceKind::Alsa { device } => {
            let card = device.split_once("CARD=")?.1.split(',').next()?;
            let is_there = Path::new("/proc/asound").join(card).exists();
            (!is_there).then(|| {
                format!(
                    "{key}.device: there is no sound card {card}; plug it in, or take a name that `lectern devices` \
                     lists"
                )
            })
        }
        SourceKind::Rtsp { .. }
        | SourceKind::X11 { .. }
        | SourceKind::Pulse { .. }
        | SourceKind::TestVideo
        | SourceKind::TestAudio
        | SourceKind::Gst { .. } => None,
    }
}

/// A device that must be there, and be this user's to use.
fn node(key: &str, device: &Path, needed: AccessFlags, grant: &str) -> Option<String> {
    let shown = device.display();
    if !device.exists() {
        return Some(format!(
            "{key}.device: there is no {shown}; plug it in, or give the place where it is now"
        ));
    }
    let error = access(device, needed).err()?;
    Some(format!(
        "{key}.device: {shown} cannot be used by this user ({}); {grant}",
        error.desc()
    ))
}

fn program_of(key: &str, command: &[String]) -> Option<String> {
    let program = command.first()?;
    let path = Path::new(program);
    if !path.is_file() {
        return Some(format!(
            "{key}.command: there is no program {program}; install it, or mend its path"
        ));
    }
    let error = access(path, AccessFlags::X_OK).err()?;
    Some(format!(
        "{key}.command: {program} cannot be run by this user ({}); run `chmod +x` on it",
        error.desc()
    ))
}

/// Whether the secret can be had; its keys begin with `key`. One that systemd loads is there only
/// where systemd started this process.
fn credential(key: &str, credential: &Credential) -> Option<String> {
    match credential {
        Credential::Name(name) => {
            let folder = std::env::var_os("CREDENTIALS_DIRECTORY")?;
            let is_there = Path::new(&folder).join(name).is_file();
            (!is_there).then(|| {
                format!(
                    "{key}credential: systemd gave this service no {name:?}; add LoadCredential={name}:PATH to the \
                     unit, or name a credential_file"
                )
            })
        }
        Credential::File(file) => {
            let shown = file.display();
            match std::fs::File::open(file).and_then(|file| file.metadata()) {
                Err(error) => Some(format!(
                    "{key}credential_file: {shown} cannot be read ({error}); give it to the service's user, mode 0600"
                )),
                Ok(meta) if meta.permissions().mode() & 0o077 != 0 => Some(format!(
                    "{key}credential_file: {shown} can be read by others than its owner; run `chmod 600` on it, and \
                     renew what is in it if others may have read it"
                )),
                Ok(_) => None,
            }
        }
    }
}

fn certificates(key: &str, file: &Path) -> Option<String> {
    let error = std::fs::File::open(file).err()?;
    Some(format!(
        "{key}.ca_file: {} cannot be read ({error}); put the certificates there, readable for the service's user",
        file.display()
    ))
}

/// Whether a delivery to this folder would find it, or make it: as the deliveries judge.
fn may_be_used(path: &Path, create: Create) -> bool {
    let is_mounted =
        |above: &Path| std::fs::read_dir(above).is_ok_and(|mut entries| entries.next().is_some());
    path.is_dir()
        || match create {
            Create::Always => true,
            Create::Never => false,
            Create::Beside => path.parent().is_some_and(is_mounted),
        }
}

/// What a daemon could not come up with: its spool or its socket cannot be where the configuration
/// wants them. Blocks for a look at the disk.
pub(crate) fn place(config: &Config) -> Option<String> {
    let folder = config.control.socket.parent();
    let socket = folder.filter(|folder| access(*folder, AccessFlags::W_OK | AccessFlags::X_OK).is_err());
    storage(&config.storage.path).or_else(|| {
        let folder = socket?.display();
        Some(format!(
            "control.socket: {folder} is not there or cannot be written by this user; make it, or choose another path"
        ))
    })
}

/// The folder must be writable, or its nearest existing parent, where it will be made.
fn storage(path: &Path) -> Option<String> {
    let existing = path.ancestors().find(|ancestor| ancestor.exists())?;
    if !existing.is_dir() {
        return Some(format!(
            "storage.path: {} is not a folder; move it away, or choose another path",
            existing.display()
        ));
    }
    access(existing, AccessFlags::W_OK | AccessFlags::X_OK)
        .err()
        .map(|error| {
            format!(
                "storage.path: {} cannot be written by this user ({}); give the service's user the folder",
                existing.display(),
                error.desc()
            )
        })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use lectern_domain::config::ConfigFile;

    use super::*;

    #[test]
    fn a_place_that_cannot_be_used_is_found_before_the_daemon_starts_anew() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().display();
        fs::write(dir.path().join("file"), "").unwrap();
        let place_of = |spool: &str, socket: &str| {
            let text = format!(
                "[room]\nid = \"r\"\n[storage]\npath = \"{root}/{spool}\"\n[control]\nsocket = \"{root}/{socket}\"\n\
                 [[source]]\nname = \"camera\"\nrole = \"presenter\"\nkind = \"test-video\"\n"
            );
            let file = ConfigFile::decode("lectern.toml", text.into_bytes()).unwrap();
            place(&Config::read(&[file], &[]).unwrap())
        };
        assert_eq!(place_of("spool", "socket"), None);
        let spool = place_of("file", "socket").unwrap();
        assert!(
            spool.starts_with("storage.path: ") && spool.contains("is not a folder"),
            "{spool}"
        );
        let socket = place_of("spool", "run/socket").unwrap();
        assert!(socket.starts_with("control.socket: "), "{socket}");
    }

    #[test]
    fn each_thing_that_is_not_there_is_named_once() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().display();
        let loose = dir.path().join("token");
        fs::write(&loose, "a-token-that-others-can-read").unwrap();
        fs::set_permissions(&loose, fs::Permissions::from_mode(0o644)).unwrap();
        let text = format!(
            "[room]\nid = \"r\"\n[storage]\npath = \"{root}/spool\"\n\
             [[source]]\nname = \"camera\"\nrole = \"presenter\"\nkind = \"v4l2\"\ndevice = \"{root}/video9\"\n\
             [[source]]\nname = \"sound\"\nrole = \"microphone\"\nkind = \"alsa\"\ndevice = \"hw:CARD=NoSuchCard,DEV=0\"\n\
             [[platform]]\nname = \"a\"\nkind = \"tus\"\nurl = \"https://a.example/\"\ncredential_file = \"{root}/token\"\n\
             ca_file = \"{root}/ca.pem\"\n\
             [[platform]]\nname = \"b\"\nkind = \"directory\"\npath = \"{root}/mnt/b\"\n\
             [[notify]]\nname = \"n\"\nkind = \"webhook\"\nurl = \"https://a.example/\"\ncredential_file = \"{root}/none\"\n\
             [[light]]\nname = \"l\"\nkind = \"busylight\"\ndevice = \"{root}/hidraw9\"\n\
             [[light]]\nname = \"m\"\nkind = \"exec\"\ncommand = [\"{root}/lamp\"]\n\
             [[button]]\nname = \"p\"\nkind = \"evdev\"\ndevice = \"{root}/event9\"\n\
             [[button]]\nname = \"q\"\nkind = \"exec\"\ncommand = [\"{root}/token\"]\n"
        );
        let file = ConfigFile {
            name: "lectern.toml".into(),
            text,
        };
        let config = Config::read(&[file], &[]).unwrap_or_else(|faults| panic!("{faults}"));
        let faults = faults(&config);
        for (key, word) in [
            ("source.camera.device", "plug it in"),
            ("source.sound.device", "NoSuchCard"),
            ("platform.a.credential_file", "chmod 600"),
            ("platform.a.ca_file", "cannot be read"),
            ("platform.b.path", "mount the share"),
            ("notify.n.credential_file", "mode 0600"),
            ("light.l.device", "hidraw9"),
            ("light.m.command", "no program"),
            ("button.p.device", "event9"),
        ] {
            let said: Vec<_> = faults.iter().filter(|fault| fault.starts_with(key)).collect();
            assert!(said.len() == 1 && said[0].contains(word), "{key}: {faults:#?}");
        }
        assert!(
            !faults.iter().any(|fault| fault.contains("a-token-that")),
            "{faults:#?}"
        );
    }
}
