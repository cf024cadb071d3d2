//! `lectern config`: the defaults with their meaning, and what the files of a room say.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use lectern_domain::config::{Config, ConfigFile, default_text};

use crate::fault::Fault;

/// A file to begin with.
pub(crate) fn default() -> String {
    default_text().to_owned()
}

/// What `file`, the `lectern.d/*.toml` beside it and the environment say together.
pub(crate) fn read(file: &Path) -> Result<Config, Fault> {
    gather(file).map(|(config, ..)| config)
}

/// What all layers say together, the layers in the order in which they count, and the overrides.
type Gathered = (Config, Vec<ConfigFile>, Vec<(String, String)>);

fn gather(file: &Path) -> Result<Gathered, Fault> {
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
    let config = Config::read(&files, &overrides)
        .map_err(|faults| Fault::Configuration(faults.to_string().trim_end().to_owned()))?;
    Ok((config, files, overrides))
}

/// The text of `file` and of `lectern.d/*.toml` beside it, in the order in which they count.
pub(crate) fn show(file: &Path) -> Result<String, Fault> {
    let (_, files, overrides) = gather(file)?;
    let mut out = String::new();
    for file in &files {
        out.push_str(&format!("# {}\n{}\n", file.name, file.text.trim_end()));
    }
    for (name, value) in &overrides {
        out.push_str(&format!("# {name}={value}\n"));
    }
    Ok(out)
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
