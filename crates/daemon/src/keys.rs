//! Reads what opens the panel's port: the PIN, the tokens, certificate and key. Keeps the key
//! that sessions are signed with beside the database.
//!
//! What cannot be read closes a door and never opens one, and the recording goes on either way.
//! No secret is in an error or a log.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use lectern_domain::config::{self, Config, Credential};
use lectern_panel::{Keys, Pin, SHORTEST_PIN, SHORTEST_TOKEN, SessionKey, Tls, Token};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use tracing::warn;

/// No PIN, token, certificate or key is longer; a wrong path may name a huge file.
const LONGEST_BYTES: u64 = 256 * 1024;
/// In `storage.path`. Without it everybody signs in again.
const SESSION_KEY: &str = "panel.key";

/// Where the panel's secrets lie, to be read again and again.
pub(crate) struct Lockers {
    panel: config::Panel,
    /// What systemd made for this service (`$CREDENTIALS_DIRECTORY`), if it made one.
    credentials: Option<PathBuf>,
    session: SessionKey,
}

impl Lockers {
    /// Reads the key of sessions, or makes one. Blocks for one small file.
    pub(crate) fn open(config: &Config) -> Self {
        Self {
            panel: config.panel.clone(),
            credentials: credentials(),
            session: session_key(&config.storage.path),
        }
    }

    /// The same for another configuration of the panel. Who has signed in stays so.
    pub(crate) fn guarding(&self, panel: config::Panel) -> Self {
        Self {
            panel,
            credentials: self.credentials.clone(),
            session: self.session.clone(),
        }
    }

    /// The keys as they are on the disk now, and a sentence for each that cannot be had. Blocks for
    /// a few small files.
    pub(crate) fn keys(&self) -> (Keys, Vec<String>) {
        let mut faults = Vec::new();
        let pin = match self.panel.pin_file.as_deref().map(pin) {
            None => Pin::None,
            Some(Ok(pin)) => Pin::Set(pin),
            Some(Err(fault)) => {
                faults.push(fault);
                Pin::Unreadable
            }
        };
        let mut tokens = Vec::new();
        for token in &self.panel.tokens {
            match secret(token, self.credentials.as_deref()) {
                Ok(secret) => tokens.push(Token {
                    name: token.name.clone(),
                    role: token.role,
                    secret,
                }),
                Err(fault) => faults.push(fault),
            }
        }
        let tls = self
            .panel
            .tls
            .as_ref()
            .map(tls)
            .and_then(|tls| tls.inspect_err(|more| faults.extend_from_slice(more)).ok());
        let keys = Keys {
            session: self.session.clone(),
            pin,
            tokens,
            tls,
        };
        (keys, faults)
    }
}

/// What of the panel's files does not fit, for `lecternd check`. A credential of systemd is
/// looked for only where systemd started this process. Blocks for a few small files.
pub(crate) fn faults(panel: &config::Panel) -> Vec<String> {
    let credentials = credentials();
    let mut faults = Vec::new();
    faults.extend(panel.pin_file.as_deref().and_then(|file| pin(file).err()));
    for token in &panel.tokens {
        if matches!(token.credential, Credential::File(_)) || credentials.is_some() {
            faults.extend(secret(token, credentials.as_deref()).err());
        }
    }
    faults.extend(
        panel
            .tls
            .as_ref()
            .and_then(|files| tls(files).err())
            .into_iter()
            .flatten(),
    );
    faults
}

fn credentials() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

fn pin(file: &Path) -> Result<SecretString, String> {
    private(file)
        .and_then(|bytes| text(&bytes, SHORTEST_PIN))
        .map_err(|why| {
            format!(
                "panel.pin_file: {} {why}; until then nobody can sign in at the podium",
                file.display()
            )
        })
}

fn secret(token: &config::PanelToken, credentials: Option<&Path>) -> Result<SecretString, String> {
    let (key, shown, bytes) = match &token.credential {
        Credential::File(file) => ("credential_file", file.display().to_string(), private(file)),
        Credential::Name(name) => (
            "credential",
            format!("{name:?}"),
            match credentials {
                // systemd guards the directory itself; the mode of the files below it varies.
                Some(directory) => read(&directory.join(name)),
                None => Err(format!(
                    "cannot be read: systemd gave this service no credentials; add LoadCredential={name}:PATH to the \
                     unit of lecternd, or name a credential_file"
                )),
            },
        ),
    };
    bytes
        .and_then(|bytes| text(&bytes, SHORTEST_TOKEN))
        .map_err(|why| format!("panel.token.{}.{key}: {shown} {why}", token.name))
}

fn tls(files: &config::TlsFiles) -> Result<Tls, Vec<String>> {
    let named = |key: &str, file: &Path, why: &str| format!("panel.{key}: {} {why}", file.display());
    let certificate = read(&files.certificate).map_err(|why| named("tls_cert", &files.certificate, &why));
    let key = private(&files.key).map_err(|why| named("tls_key", &files.key, &why));
    match (certificate, key) {
        (Ok(certificate), Ok(key)) => Tls::from_pem(&certificate, &key).map_err(|error| {
            let (name, file) = match error {
                lectern_panel::TlsError::Key(_) => ("tls_key", &files.key),
                lectern_panel::TlsError::Certificate(_) | lectern_panel::TlsError::Pair(_) => {
                    ("tls_cert", &files.certificate)
                }
            };
            vec![named(name, file, &error.to_string())]
        }),
        (certificate, key) => Err(certificate.err().into_iter().chain(key.err()).collect()),
    }
}

/// A file that only its owner can read.
fn private(file: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let meta = fs::metadata(file).map_err(|error| unreadable(&error))?;
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!(
            "was refused, because others than its owner can read it (mode {mode:04o}); run `chmod 600` on it, and \
             renew what is in it if others may have read it"
        ));
    }
    read(file)
}

fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(file)
        .and_then(|file| file.take(LONGEST_BYTES).read_to_end(&mut bytes))
        .map_err(|error| unreadable(&error))?;
    Ok(bytes)
}

fn unreadable(error: &io::Error) -> String {
    format!("cannot be read ({error}); give it to the service's user, mode 0600")
}

/// One line, without its end.
fn text(bytes: &[u8], shortest: usize) -> Result<SecretString, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is no text".to_owned())?;
    let text = text.trim();
    let chars = text.chars().count();
    if text.chars().any(char::is_control) {
        return Err("has more than one line; write the secret alone into it".to_owned());
    }
    if chars < shortest {
        return Err(format!(
            "holds {chars} characters, and fewer than {shortest} can be guessed; make a longer one"
        ));
    }
    Ok(SecretString::from(text))
}

/// The key of `storage.path`, made at the first start.
fn session_key(spool: &Path) -> SessionKey {
    let path = spool.join(SESSION_KEY);
    let known = private(&path)
        .ok()
        .and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    if let Some(bytes) = known {
        return SessionKey::new(bytes);
    }
    let mut bytes = Zeroizing::new([0; 32]);
    let made = File::open("/dev/urandom").and_then(|mut random| random.read_exact(bytes.as_mut_slice()));
    if let Err(error) = made {
        // All zeros is a key like any other: a session is signed with its secret as well.
        warn!(%error, "panel found no random bytes for its sessions");
    }
    if let Err(error) = keep(&path, bytes.as_slice()) {
        warn!(%error, file = %path.display(), "panel could not keep its key; a restart will end its sessions");
    }
    SessionKey::new(*bytes)
}

/// Written beside and renamed, so that a power cut leaves none or a whole one.
fn keep(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let next = path.with_extension("key.tmp");
    match fs::remove_file(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&next)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&next, path)
}

#[cfg(test)]
mod tests {
    use lectern_domain::config::ConfigFile;
    use secrecy::ExposeSecret;

    use super::*;

    const SMALL: &str = "[room]\nid = \"b-204\"\n[[source]]\nname = \"camera\"\nrole = \"presenter\"\nkind = \"test-video\"\n";

    fn config(dir: &Path, panel: &str) -> Config {
        let text = format!("{SMALL}[storage]\npath = \"{}\"\n[panel]\n{panel}", dir.display());
        let file = ConfigFile {
            name: "lectern.toml".into(),
            text,
        };
        Config::read(&[file], &[]).unwrap()
    }

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_pin_that_others_can_read_closes_the_podium_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pin");
        let config = config(dir.path(), &format!("pin_file = \"{}\"", file.display()));
        let lockers = Lockers::open(&config);
        for (text, mode, says) in [
            ("2468\n", 0o640, "mode 0640"),
            ("24\n", 0o600, "holds 2 characters"),
            ("24\n68\n", 0o600, "more than one line"),
        ] {
            write(&file, text, mode);
            let (keys, faults) = lockers.keys();
            assert!(matches!(keys.pin, Pin::Unreadable));
            assert!(
                faults[0].contains(says) && faults[0].starts_with("panel.pin_file: "),
                "{faults:?}"
            );
            assert!(!faults[0].contains(text.trim()), "{faults:?}");
            assert_eq!(super::faults(&config.panel), faults);
        }
        write(&file, "2468\n", 0o600);
        let (keys, faults) = lockers.keys();
        assert!(
            matches!(&keys.pin, Pin::Set(pin) if pin.expose_secret() == "2468"),
            "taken anew"
        );
        assert!(faults.is_empty(), "{faults:?}");
    }

    #[test]
    fn a_token_or_certificate_that_cannot_be_read_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().display();
        let panel = format!(
            "tls_cert = \"{root}/cert.pem\"\ntls_key = \"{root}/key.pem\"\n[[panel.token]]\nname = \"noc\"\n\
             role = \"viewer\"\ncredential_file = \"{root}/noc\"\n"
        );
        let config = config(dir.path(), &panel);
        let lockers = Lockers::open(&config);
        let (keys, faults) = lockers.keys();
        assert!(keys.tokens.is_empty() && keys.tls.is_none());
        for (fault, key) in faults.iter().zip([
            "panel.token.noc.credential_file",
            "panel.tls_cert",
            "panel.tls_key",
        ]) {
            assert!(
                fault.starts_with(key) && fault.contains("cannot be read"),
                "{fault}"
            );
        }
        write(&dir.path().join("noc"), "a-token-that-nobody-guesses\n", 0o600);
        write(&dir.path().join("cert.pem"), "no certificate", 0o644);
        write(&dir.path().join("key.pem"), "no key", 0o600);
        let (keys, faults) = lockers.keys();
        assert_eq!(keys.tokens[0].name, "noc");
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].contains("no readable certificate"), "{faults:?}");
    }

    #[test]
    fn the_key_of_sessions_outlives_a_restart_and_is_nobody_elses() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path(), "");
        drop(Lockers::open(&config));
        let path = dir.path().join(SESSION_KEY);
        let first = fs::read(&path).unwrap();
        assert_eq!(first.len(), 32);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(Lockers::open(&config));
        assert_eq!(fs::read(&path).unwrap(), first);
        fs::write(&path, "cut").unwrap();
        drop(Lockers::open(&config));
        let second = fs::read(&path).unwrap();
        assert!(second.len() == 32 && second != first);
    }
}
