//! Whether the files that a platform is reached by were changed: its credential, its certificate
//! authority, and the credential of the proxy on the way to it. For a platform that refuses
//! everybody, a change is worth a try.

use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use lectern_domain::config::{Platform, PlatformKind};

use crate::credential::Secrets;
use crate::net::LineRules;

/// What the files looked like at one moment; equal as long as nobody touched them. Knows nothing
/// of what is in them and prints nothing.
///
/// A change of owner or mode is one too: the remedy for a credential that others can read is
/// `chmod`. So is a file that came to be, and one that a link leads to instead of another.
#[derive(Clone, PartialEq, Eq)]
pub struct Traces(Vec<Result<Trace, io::ErrorKind>>);

/// One file. The time of its last change of any kind is in it too, so that a new secret of the same
/// length is seen, written into the same file with the times of an old one.
#[derive(Clone, PartialEq, Eq)]
struct Trace {
    device: u64,
    inode: u64,
    mode: u32,
    owner: (u32, u32),
    size_bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Traces {
    /// Looks at the files of `platform` and of the way to it; nothing when none are named. Opens
    /// none of them. Blocks for as long as the file systems take to say what they know of three
    /// names.
    #[must_use]
    pub fn of(platform: &Platform, rules: &LineRules, secrets: &Secrets) -> Self {
        let path = |credential| secrets.path(credential);
        let goes_through = match &platform.kind {
            PlatformKind::Tus { .. } | PlatformKind::S3 { .. } | PlatformKind::Opencast { .. } => {
                rules.proxy.is_some()
            }
            PlatformKind::Directory { .. } => false,
        };
        let proxy = rules.proxy_credential.as_ref().filter(|_| goes_through);
        let files: [Option<PathBuf>; 3] = [
            platform.credential.as_ref().and_then(path),
            platform.ca_file.clone(),
            proxy.and_then(path),
        ];
        Self(files.iter().flatten().map(|path| trace(path)).collect())
    }

    /// Whether there is no file that could be changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Traces(of {} files)", self.0.len())
    }
}

fn trace(path: &Path) -> Result<Trace, io::ErrorKind> {
    let meta = std::fs::metadata(path).map_err(|error| error.kind())?;
    Ok(Trace {
        device: meta.dev(),
        inode: meta.ino(),
        mode: meta.mode(),
        owner: (meta.uid(), meta.gid()),
        size_bytes: meta.len(),
        modified: (meta.mtime(), meta.mtime_nsec()),
        changed: (meta.ctime(), meta.ctime_nsec()),
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, write};
    use std::os::unix::fs::PermissionsExt;

    use lectern_domain::config::Credential;

    use super::*;

    fn platform(credential: Option<Credential>, ca_file: Option<PathBuf>) -> Platform {
        Platform {
            name: "central".parse().unwrap(),
            kind: PlatformKind::Tus {
                url: "https://lectures.example/files/".to_owned(),
                receipt_url: None,
            },
            send: Vec::new(),
            credential,
            ca_file,
        }
    }

    /// Whatever a person may do to mend a credential or an authority.
    #[test]
    fn every_way_of_mending_a_file_is_seen_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (token, authority) = (dir.path().join("token"), dir.path().join("ca.pem"));
        let by_file = platform(Some(Credential::File(token.clone())), Some(authority.clone()));
        let by_name = platform(Some(Credential::Name("token".to_owned())), None);
        let secrets = Secrets::in_directory(dir.path().to_owned());
        let rules = LineRules::default();
        let look = || {
            (
                Traces::of(&by_file, &rules, &secrets),
                Traces::of(&by_name, &rules, &secrets),
            )
        };
        let mut before = look();
        let acts: [(&str, bool, &dyn Fn()); 6] = [
            ("it is there", true, &|| write(&token, "canary-1").unwrap()),
            ("it is renamed over", true, &|| {
                let new = dir.path().join("new");
                write(&new, "canary-2").unwrap();
                std::fs::set_permissions(&new, Permissions::from_mode(0o640)).unwrap();
                std::fs::rename(&new, &token).unwrap();
            }),
            ("others may not read it any more", true, &|| {
                std::fs::set_permissions(&token, Permissions::from_mode(0o600)).unwrap();
            }),
            ("it is longer", true, &|| write(&token, "canary-three").unwrap()),
            ("the authority is there", false, &|| {
                write(&authority, "pem").unwrap()
            }),
            ("the authority is gone", false, &|| {
                std::fs::remove_file(&authority).unwrap()
            }),
        ];
        for (act, concerns_credential, done) in acts {
            done();
            let now = look();
            assert!(now.0 != before.0, "{act}");
            assert_eq!(now.1 != before.1, concerns_credential, "{act}");
            // Reading is no change.
            assert!(std::fs::read(&token).is_ok() && look() == now, "{act}");
            before = now;
        }
        assert!(!format!("{before:?}").contains("canary"));
    }

    #[test]
    fn what_names_no_file_has_no_traces() {
        let rules = LineRules::default();
        assert!(Traces::of(&platform(None, None), &rules, &Secrets::default()).is_empty());
        // systemd gave no credentials: no file can mend that.
        let named = platform(Some(Credential::Name("token".to_owned())), None);
        assert!(Traces::of(&named, &rules, &Secrets::default()).is_empty());
    }

    /// The credential of the proxy concerns whoever is reached through it, and nobody else.
    #[test]
    fn a_proxys_credential_is_a_file_of_all_that_go_through_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("proxy-user");
        let rules = LineRules {
            proxy: Some("http://proxy.example:3128".to_owned()),
            proxy_credential: Some(Credential::File(file.clone())),
            ..LineRules::default()
        };
        let direct = LineRules {
            proxy: None,
            ..rules.clone()
        };
        let folder = Platform {
            kind: PlatformKind::Directory {
                path: dir.path().to_owned(),
                label: None,
                create: lectern_domain::config::Create::Never,
            },
            ..platform(None, None)
        };
        let (secrets, remote) = (Secrets::default(), platform(None, None));
        let before = Traces::of(&remote, &rules, &secrets);
        write(&file, "user:canary").unwrap();
        assert!(Traces::of(&remote, &rules, &secrets) != before);
        assert!(Traces::of(&remote, &direct, &secrets).is_empty());
        assert!(Traces::of(&folder, &rules, &secrets).is_empty());
    }
}
