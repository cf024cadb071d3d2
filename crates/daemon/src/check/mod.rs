//! `lecternd check`: is the configuration sound by itself, in what its parts say of each other,
//! and does this machine fit it? Three layers; all that is wrong in all of them comes at once.

mod machine;

use std::path::Path;
use std::process::ExitCode;

use lectern_domain::config::{Config, Layer, Settings};
use lectern_domain::reason;

pub(crate) use machine::place;

use crate::EXIT_CONFIG;
use crate::load::Files;

/// Which layers are looked at beside the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Depth {
    /// What values say of each other.
    pub(crate) references: bool,
    /// Disk, devices, credentials, keys and certificates.
    pub(crate) machine: bool,
}

/// Prints every fault and exits 78, or says what is well and exits 0; says in both cases which
/// layers were looked at.
pub(crate) fn run(file: &Path, depth: Depth) -> ExitCode {
    // A daemon that asks hands the very files on with which the next one would begin.
    let handed_on = Files::handed_on().ok().flatten();
    let examined = match handed_on.map_or_else(|| Files::read(file), Ok) {
        Ok(files) => files.examine(),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let of = |layer| examined.faults.as_ref().and_then(|faults| faults.of(layer));
    let (text, references) = (of(Layer::Text), of(Layer::References));
    let mut is_well = true;
    for faults in text.iter().chain(references.iter().filter(|_| depth.references)) {
        eprintln!("{faults}");
        is_well = false;
    }
    let config = examined.config.as_ref().filter(|_| text.is_none());
    if let Some(config) = config.filter(|_| depth.machine) {
        for fault in machine::faults(config) {
            eprintln!("{}", placed(&fault, &examined.settings, file));
            is_well = false;
        }
    }
    let looked_at = looked_at(depth, config.is_some());
    match config.filter(|_| is_well) {
        Some(config) => {
            println!("{}: {}: well\n{looked_at}", file.display(), summary(config));
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("{looked_at}");
            ExitCode::from(EXIT_CONFIG)
        }
    }
}

/// A fault of the machine, `key: what is wrong`, as those of the text are printed: behind the place
/// of its key, or behind the file if it says nothing of that.
fn placed(fault: &str, settings: &Settings, file: &Path) -> String {
    let (key, _) = fault.split_once(": ").unwrap_or((fault, ""));
    match settings.place(key) {
        Some(place) => format!("{place} {}", reason(fault)),
        None => format!("{}: {}", file.display(), reason(fault)),
    }
}

fn summary(config: &Config) -> String {
    let counted = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    format!(
        "room {}, {}, {}",
        config.room.id,
        counted(config.sources.len(), "source"),
        counted(config.platforms.len(), "platform")
    )
}

/// `looked at: …; not looked at: …`, with the reason.
fn looked_at(depth: Depth, is_readable: bool) -> String {
    let mut at = vec!["text and schema"];
    let mut not_at = Vec::new();
    match depth.references {
        true => at.push("cross-references"),
        false => not_at.push("cross-references (left out as asked)"),
    }
    match (depth.machine, is_readable) {
        (true, true) => at.push("this machine"),
        (true, false) => not_at.push("this machine (the text has faults)"),
        (false, _) => not_at.push("this machine (left out as asked)"),
    }
    let mut said = format!("looked at: {}", at.join(", "));
    if !not_at.is_empty() {
        said.push_str("; not looked at: ");
        said.push_str(&not_at.join(", "));
    }
    said
}

#[cfg(test)]
mod tests {
    use lectern_domain::config::ConfigFile;

    use super::*;

    #[test]
    fn a_fault_of_the_machine_stands_at_the_line_of_its_key() {
        let text = "[room]\nid = \"r\"\n[[source]]\nname = \"camera\"\nrole = \"presenter\"\nkind = \"v4l2\"\n\
                    device = \"/dev/none\"\n";
        let file = ConfigFile {
            name: "lectern.toml".into(),
            text: text.into(),
        };
        let variable = ("LECTERN__CONTROL__SOCKET".to_owned(), "/nowhere/s".to_owned());
        let settings = Config::examine(&[file], &[variable]).settings;
        let placed = |fault: &str| placed(fault, &settings, Path::new("lectern.toml"));
        for (fault, said) in [
            (
                "source.camera.device: there is no /dev/none; plug it in",
                "lectern.toml:7:10 source.camera.device: there is no /dev/none; plug it in",
            ),
            (
                "control.socket: it is gone (No such file or directory (os error 2)); make it",
                "LECTERN__CONTROL__SOCKET:1:1 control.socket: it is gone (No such file or directory); make it",
            ),
            ("storage.path: a default", "lectern.toml: storage.path: a default"),
        ] {
            assert_eq!(placed(fault), said);
        }
    }

    #[test]
    fn each_layer_that_was_left_out_is_named() {
        let depth = |references, machine| Depth { references, machine };
        for (depth, is_readable, said) in [
            (
                depth(true, true),
                true,
                "looked at: text and schema, cross-references, this machine",
            ),
            (
                depth(true, true),
                false,
                "looked at: text and schema, cross-references; not looked at: this machine (the text has faults)",
            ),
            (
                depth(true, false),
                true,
                "looked at: text and schema, cross-references; not looked at: this machine (left out as asked)",
            ),
            (
                depth(false, false),
                true,
                "looked at: text and schema; not looked at: cross-references (left out as asked), this machine (left \
                 out as asked)",
            ),
        ] {
            assert_eq!(looked_at(depth, is_readable), said);
        }
    }
}
