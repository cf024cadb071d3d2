//! A platform and its judge: what the configuration says of it, and what came of it.

use std::path::{Path, PathBuf};

use lectern_testkit::{Moment, OpencastJudge, OpencastRules, Rules, S3Judge, S3Rules, TusJudge};

/// Which platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    Tus,
    S3,
    Opencast,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Directory, Self::Tus, Self::S3, Self::Opencast];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::Tus => "tus",
            Self::S3 => "s3",
            Self::Opencast => "opencast",
        }
    }

    /// A size of which a file takes several requests.
    pub(crate) const fn several_requests(self) -> u64 {
        match self {
            Self::Directory | Self::Tus | Self::Opencast => 1_200_000,
            // Two parts.
            Self::S3 => 9_000_000,
        }
    }
}

enum Judge {
    Directory(PathBuf),
    Tus(TusJudge),
    S3(S3Judge),
    Opencast(OpencastJudge),
}

/// See the module.
pub(crate) struct Platform {
    kind: Kind,
    judge: Judge,
    keys: String,
}

const TOKEN: &str = "only-for-the-judge";

impl Platform {
    /// Opens it with its things below `dir`.
    pub(crate) async fn open(kind: Kind, dir: &Path) -> Self {
        let dir = dir.join(kind.name());
        let store = dir.join("store");
        std::fs::create_dir_all(&store).unwrap();
        let (judge, keys) = match kind {
            Kind::Directory => {
                let keys = format!("path = \"{}\"\n", store.display());
                (Judge::Directory(store), keys)
            }
            Kind::Tus => {
                let rules = Rules {
                    bearer: Some(TOKEN.to_owned()),
                    moves_finished: true,
                    ..Rules::default()
                };
                let judge = TusJudge::start(&store, rules).await.unwrap();
                let keys = format!(
                    "url = \"{}\"\nreceipt_url = \"{}\"\n{}",
                    judge.url(),
                    judge.receipt_url(),
                    credential(&dir, TOKEN)
                );
                (Judge::Tus(judge), keys)
            }
            Kind::S3 => {
                let rules = S3Rules::default();
                let secret = format!("{}:{}", rules.access, rules.secret);
                let (bucket, region) = (rules.bucket.clone(), rules.region.clone());
                let judge = S3Judge::start(&store, rules).await.unwrap();
                let keys = format!(
                    "url = \"{}\"\nbucket = \"{bucket}\"\nregion = \"{region}\"\nprefix = \"room/\"\n{}",
                    judge.url(),
                    credential(&dir, &secret)
                );
                (Judge::S3(judge), keys)
            }
            Kind::Opencast => {
                let rules = OpencastRules::default();
                let (user, password) = (rules.user.clone(), rules.password.clone());
                let judge = OpencastJudge::start(&store, rules).await.unwrap();
                let keys = format!(
                    "url = \"{}\"\nuser = \"{user}\"\nworkflow = \"schedule-and-upload\"\n{}",
                    judge.url(),
                    credential(&dir, &password)
                );
                (Judge::Opencast(judge), keys)
            }
        };
        Self { kind, judge, keys }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Its `[[platform]]`.
    pub(crate) fn table(&self) -> String {
        let name = self.kind.name();
        format!(
            "[[platform]]\nname = \"{name}\"\nkind = \"{name}\"\nsend = [\"lecture\", \"tracks\", \"metadata\"]\n{}",
            self.keys
        )
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> usize {
        match &self.judge {
            Judge::Directory(_) => 0,
            Judge::Tus(judge) => judge.seen().len(),
            Judge::S3(judge) => judge.seen().len(),
            Judge::Opencast(judge) => judge.seen().len(),
        }
    }

    pub(crate) fn kill_on(&self, pid: u32, n: usize, moment: Moment) {
        match &self.judge {
            Judge::Directory(_) => unreachable!("a folder gets no requests"),
            Judge::Tus(judge) => judge.kill_on(pid, n, moment),
            Judge::S3(judge) => judge.kill_on(pid, n, moment),
            Judge::Opencast(judge) => judge.kill_on(pid, n, moment),
        }
    }

    /// The SHA-256 of every complete object, one entry for each time that it was made.
    pub(crate) fn there(&self) -> Vec<String> {
        match &self.judge {
            Judge::Directory(folder) => in_folder(folder),
            Judge::Tus(judge) => judge
                .whole()
                .into_iter()
                .filter_map(|upload| upload.sha256)
                .collect(),
            Judge::S3(judge) => judge
                .objects()
                .into_iter()
                .flat_map(|object| std::iter::repeat_n(object.sha256, object.written))
                .collect(),
            Judge::Opencast(judge) => judge.whole(),
        }
    }

    /// What was done against the protocol.
    pub(crate) fn breaches(&self) -> Vec<String> {
        match &self.judge {
            Judge::Directory(_) => Vec::new(),
            Judge::Tus(judge) => judge.breaches(),
            Judge::S3(judge) => judge.breaches(),
            Judge::Opencast(judge) => judge.breaches(),
        }
    }
}

/// The key that names a secret's file.
fn credential(dir: &Path, secret: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = dir.join("secret");
    std::fs::write(&path, secret).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    format!("credential_file = \"{}\"\n", path.display())
}

/// Every file below a folder, except what the platform writes for itself.
fn in_folder(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().contains("lectern-manifest"))
            {
                found.push(lectern_testkit::sha256_of_file(&path).unwrap());
            }
        }
    }
    found
}
