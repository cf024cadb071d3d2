//! `lectern config`: the defaults with their meaning, what the files of a room say together, and
//! the schema that editors go by.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use lectern_domain::config::{Config, ConfigFile, Settings, default_text};

use crate::fault::Fault;

/// A file to begin with.
pub(crate) fn default() -> String {
    default_text().to_owned()
}

/// The JSON Schema of the file.
pub(crate) fn schema() -> String {
    format!("{:#}\n", lectern_domain::config::schema())
}

/// What `file`, the `lectern.d/*.toml` beside it and the environment say together.
pub(crate) fn read(file: &Path) -> Result<Config, Fault> {
    gather(file).map(|(config, _)| config)
}

/// Every key with its value and who set it, as TOML or as one JSON document.
pub(crate) fn show(file: &Path, json: bool) -> Result<String, Fault> {
    let (_, settings) = gather(file)?;
    if json {
        serde_json::to_string_pretty(&settings)
            .map(|text| text + "\n")
            .map_err(|error| Fault::Failed(format!("the settings cannot be written as JSON: {error}")))
    } else {
        Ok(settings.to_toml())
    }
}

fn gather(file: &Path) -> Result<(Config, Settings), Fault> {
    let mut files = Vec::new();
    for path in layers(file).map_err(|error| unreadable(file, &error))? {
        let bytes = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
        let name = path.display().to_string();
        files
            .push(ConfigFile::decode(&name, bytes).map_err(|fault| Fault::Configuration(fault.to_string()))?);
    }
    let overrides: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("LECTERN__"))
        .collect();
    let examined = Config::examine(&files, &overrides);
    match (examined.config, examined.faults) {
        (Some(config), None) => Ok((config, examined.settings)),
        (_, faults) => {
            let said = faults.map(|faults| faults.to_string()).unwrap_or_default();
            Err(Fault::Configuration(said))
        }
    }
}

fn layers(file: &Path) -> io::Result<Vec<PathBuf>> {
    let beside = file.parent().unwrap_or(Path::new("")).join("lectern.d");
    let mut more = Vec::new();
    match fs::read_dir(&beside) {
        Ok(entries) => {
            for entry in entries {
                let path = entry?.path();
                if path.extension().is_some_and(|e| e == "toml") {
                    more.push(path);
                }
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    more.sort();
    Ok(std::iter::once(file.to_owned()).chain(more).collect())
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    Fault::Configuration(format!(
        "{} cannot be read: {error}.\nNothing was changed.\nName the file with --config, and check who may read it.",
        path.display()
    ))
}
