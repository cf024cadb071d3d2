//! `lecternd check`: the configuration was read without fault; now, does this machine fit it?

use std::path::Path;
use std::process::ExitCode;

use lectern_domain::config::{Config, Create, Credential, PlatformKind, SourceKind};
use nix::unistd::{AccessFlags, access};

use crate::EXIT_CONFIG;

/// Prints what does not fit and exits 78, or says what is well and exits 0.
pub(crate) fn run(config: &Config, file: &Path, no_devices: bool) -> ExitCode {
    let faults = if no_devices {
        Vec::new()
    } else {
        machine_faults(config)
    };
    for fault in &faults {
        eprintln!("{}: {fault}", file.display());
    }
    if !faults.is_empty() {
        return ExitCode::from(EXIT_CONFIG);
    }
    println!(
        "{}: room {}, {} sources, {} platforms: well",
        file.display(),
        config.room.id,
        config.sources.len(),
        config.platforms.len()
    );
    ExitCode::SUCCESS
}

fn machine_faults(config: &Config) -> Vec<String> {
    let mut faults = Vec::new();
    faults.extend(storage_fault(&config.storage.path));
    let program = crate::run::source_program();
    if !program.is_file() {
        faults.push(format!(
            "{}: this program records the sources and is missing; install Lectern again",
            program.display()
        ));
    }
    for source in &config.sources {
        if let SourceKind::V4l2 { device } = &source.kind
            && !Path::new(device).exists()
        {
            faults.push(format!(
                "source.{}.device: there is no {device}; `lectern devices` lists the cameras of this machine",
                source.name
            ));
        }
    }
    for platform in &config.platforms {
        if let PlatformKind::Directory {
            path,
            label: None,
            create,
        } = &platform.kind
            && !may_be_used(path, *create)
        {
            faults.push(format!(
                "platform.{}.path: there is no folder {}; mount the share or disk, or set create = true",
                platform.name,
                path.display()
            ));
        }
        if let Some(Credential::File(file)) = &platform.credential
            && let Err(error) = std::fs::File::open(file)
        {
            faults.push(format!(
                "platform.{}.credential_file: {} cannot be read ({error}); give it to the service's user, mode 0600",
                platform.name,
                file.display()
            ));
        }
        if let Some(file) = &platform.ca_file
            && let Err(error) = std::fs::File::open(file)
        {
            faults.push(format!(
                "platform.{}.ca_file: {} cannot be read ({error})",
                platform.name,
                file.display()
            ));
        }
    }
    faults.extend(crate::keys::faults(&config.panel));
    faults
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

/// The folder must be writable, or its nearest existing parent, where it will be made.
fn storage_fault(path: &Path) -> Option<String> {
    let existing = path.ancestors().find(|ancestor| ancestor.exists())?;
    if !existing.is_dir() {
        return Some(format!("storage.path: {} is not a folder", existing.display()));
    }
    access(existing, AccessFlags::W_OK | AccessFlags::X_OK).err().map(|error| {
        format!(
            "storage.path: {} cannot be written by this user ({error}); give the service's user the folder",
            existing.display()
        )
    })
}
