//! `lecternd check`: is the configuration sound by itself, in what its parts say of each other,
//! and does this machine fit it? Three layers; all that is wrong in all of them comes at once.

mod machine;

use std::path::Path;
use std::process::ExitCode;

use lectern_domain::config::{Config, Layer};

pub(crate) use machine::place;

use crate::EXIT_CONFIG;
use crate::load;

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
    let examined = match load::examine(file) {
        Ok(examined) => examined,
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
            eprintln!("{}: {fault}", file.display());
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

fn summary(config: &Config) -> String {
    format!(
        "room {}, {} sources, {} platforms",
        config.room.id,
        config.sources.len(),
        config.platforms.len()
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
    use super::*;

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
