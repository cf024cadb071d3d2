//! Reads the configuration's files and environment; what they mean is `lectern-domain`'s.

use std::path::{Path, PathBuf};

use lectern_domain::config::{Config, ConfigFile, Examined, Faults};

/// Why there is no configuration. The text is for the terminal and the journal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("{}: cannot be read: {source}; name the configuration with --config FILE", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{0}")]
    Faults(Faults),
    #[error("{0}")]
    Place(String),
}

/// The configuration in `path`, then `lectern.d/*.toml` beside it, then the environment.
pub(crate) fn config(path: &Path) -> Result<Config, LoadError> {
    let (files, env) = layers(path)?;
    Config::read(&files, &env).map_err(LoadError::Faults)
}

/// The same with all that is wrong with it, for `lecternd check`.
pub(crate) fn examine(path: &Path) -> Result<Examined, LoadError> {
    let (files, env) = layers(path)?;
    Ok(Config::examine(&files, &env))
}

/// What lies over each other: files, then variables.
type Layers = (Vec<ConfigFile>, Vec<(String, String)>);

fn layers(path: &Path) -> Result<Layers, LoadError> {
    let mut files = vec![file(path)?];
    let folder = path.parent().unwrap_or(Path::new(".")).join("lectern.d");
    if folder.is_dir() {
        let refused = |source| LoadError::Read {
            path: folder.clone(),
            source,
        };
        let mut parts = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(refused)? {
            let path = entry.map_err(refused)?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                parts.push(path);
            }
        }
        parts.sort();
        for part in parts {
            files.push(file(&part)?);
        }
    }
    let env: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(key, _)| key.starts_with("LECTERN__"))
        .collect();
    Ok((files, env))
}

fn file(path: &Path) -> Result<ConfigFile, LoadError> {
    let refused = |source| LoadError::Read {
        path: path.to_owned(),
        source,
    };
    let bytes = std::fs::read(path).map_err(refused)?;
    ConfigFile::decode(&path.display().to_string(), bytes).map_err(|fault| LoadError::Faults(fault.into()))
}
