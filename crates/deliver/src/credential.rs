//! Reads a platform's secret from where the configuration says it is.
//!
//! The secret is read anew for each run, so that a renewed one is taken without a restart. It is
//! never in an error, a log, the journal or a proof.

use std::fmt;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use lectern_domain::config::Credential;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::fault::Fault;

/// No token is longer; a wrong path may name a huge file.
const LONGEST_BYTES: u64 = 64 * 1024;

/// Where secrets are on this machine.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    directory: Option<PathBuf>,
}

impl Secrets {
    /// The directory that systemd made for this service (`$CREDENTIALS_DIRECTORY`), if it made one.
    #[must_use]
    pub fn from_env() -> Self {
        Self {
            directory: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
        }
    }

    /// A credential directory of one's own, for tests.
    #[must_use]
    pub fn in_directory(directory: PathBuf) -> Self {
        Self {
            directory: Some(directory),
        }
    }

    /// The secret, or in sentences why there is none and what to do. Blocks for one small file.
    ///
    /// # Errors
    /// It cannot be read, or others than its owner can.
    pub fn open(&self, credential: &Credential) -> Result<SecretString, String> {
        self.read(credential).map_err(|fault| fault.to_string())
    }

    /// Where the secret is, if this machine has a place for it.
    pub(crate) fn path(&self, credential: &Credential) -> Option<PathBuf> {
        match credential {
            Credential::File(path) => Some(path.clone()),
            Credential::Name(name) => self.directory.as_ref().map(|directory| directory.join(name)),
        }
    }

    /// The secret without its final line break. Blocks for one small file.
    pub(crate) fn read(&self, credential: &Credential) -> Result<SecretString, Fault> {
        match credential {
            Credential::File(path) => read_private(path),
            Credential::Name(name) => {
                let Some(directory) = &self.directory else {
                    return Err(Fault::refused(
                        format!(
                            "The credential \"{name}\" cannot be read: systemd gave this service no credentials."
                        ),
                        format!(
                            "Add LoadCredential={name}:PATH to the unit of lecternd, or name a credential_file."
                        ),
                    ));
                };
                let path = directory.join(name);
                // systemd guards the directory itself; the mode of the files below it varies.
                read_text(&path).map_err(|error| {
                    Fault::refused(
                        format!(
                            "The credential \"{name}\" cannot be read from {}: {error}.",
                            path.display()
                        ),
                        format!("Check LoadCredential={name}:PATH in the unit of lecternd and restart it."),
                    )
                })
            }
        }
    }
}

/// A secret as the bearer of a request, marked so that nothing prints it.
#[derive(Clone)]
pub(crate) struct Bearer(pub(crate) HeaderValue);

impl Bearer {
    pub(crate) fn new(secret: &SecretString) -> Result<Self, Fault> {
        let text = SecretString::from(format!("Bearer {}", secret.expose_secret()));
        let mut value = HeaderValue::from_str(text.expose_secret()).map_err(|_| {
            Fault::refused(
                "The credential holds characters that cannot stand in a request.",
                "Write the token alone into the credential, on one line.",
            )
        })?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(…)")
    }
}

fn read_private(path: &Path) -> Result<SecretString, Fault> {
    let shown = path.display();
    let unreadable = |error: &io::Error| {
        Fault::refused(
            format!("The credential file {shown} cannot be read: {error}."),
            "Check credential_file and that the user of lecternd may read it.",
        )
    };
    let meta = std::fs::metadata(path).map_err(|error| unreadable(&error))?;
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Fault::refused(
            format!(
                "The credential file {shown} was refused: others than its owner can read it (mode {mode:04o})."
            ),
            format!("Run `chmod 600 {shown}`, and renew the token if others may have read it."),
        ));
    }
    read_text(path).map_err(|error| unreadable(&error))
}

fn read_text(path: &Path) -> io::Result<SecretString> {
    let mut text = String::new();
    std::fs::File::open(path)?
        .take(LONGEST_BYTES)
        .read_to_string(&mut text)?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is empty"));
    }
    Ok(SecretString::from(secret))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    fn sentence(fault: &Fault) -> String {
        assert!(matches!(fault, Fault::Refused { .. }), "{fault:?}");
        fault.to_string()
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_the_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "canary\n").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let shown = path.display();
        let text = sentence(
            &Secrets::default()
                .read(&Credential::File(path.clone()))
                .unwrap_err(),
        );
        assert_eq!(
            text,
            format!(
                "The credential file {shown} was refused: others than its owner can read it (mode 0640). \
                 Run `chmod 600 {shown}`, and renew the token if others may have read it."
            )
        );
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let secret = Secrets::default().read(&Credential::File(path)).unwrap();
        assert_eq!(secret.expose_secret(), "canary");
    }

    #[test]
    fn a_credential_that_is_missing_or_empty_says_where_it_was_sought() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("empty"), "\n").unwrap();
        let secrets = Secrets::in_directory(dir.path().to_owned());
        for name in ["missing", "empty"] {
            let text = sentence(&secrets.read(&Credential::Name(name.to_owned())).unwrap_err());
            assert!(text.contains(dir.path().to_str().unwrap()), "{text}");
            assert!(text.contains(&format!("LoadCredential={name}:PATH")), "{text}");
        }
        let text = sentence(
            &Secrets::default()
                .read(&Credential::Name("x".to_owned()))
                .unwrap_err(),
        );
        assert!(
            text.contains("systemd gave this service no credentials"),
            "{text}"
        );
    }

    #[test]
    fn a_bearer_prints_nothing_of_its_secret() {
        let bearer = Bearer::new(&SecretString::from("canary")).unwrap();
        assert!(!format!("{bearer:?} {:?}", bearer.0).contains("canary"));
        let fault = Bearer::new(&SecretString::from("cana\nry")).unwrap_err();
        assert!(!format!("{fault:?} {fault}").contains("cana"));
    }
}
