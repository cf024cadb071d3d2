//! A strict store, one lecture of three parts, and its journal.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use lectern_deliver::{Adapter, Line, LineRules, Outcome, Patience, Secrets, connect_with};
use lectern_domain::config::{Checksum, Credential, PlatformKind};
use lectern_domain::delivery::DeliveryJob;
use lectern_domain::finished::PART_BYTES;
use lectern_testkit::{Misdeed, S3Call, S3Judge, S3On, S3Rules};
use tempfile::TempDir;

use super::{BRIEF, Memory, config, job};

/// Two whole parts, and a little of a third.
pub(crate) const SIZE: u64 = 2 * PART_BYTES + 4321;
pub(crate) const PREFIX: &str = "lectures/";

/// How the platform is configured, apart from its address.
#[derive(Clone)]
pub(crate) struct Wish {
    pub(crate) checksum: Checksum,
    pub(crate) path_style: bool,
    pub(crate) region: String,
    pub(crate) bucket: String,
    pub(crate) keys: String,
    pub(crate) ca_file: Option<PathBuf>,
    /// An HTTP proxy, which also finds names that this machine does not know.
    pub(crate) proxy: Option<String>,
}

impl Wish {
    /// What the store asks for.
    pub(crate) fn of(rules: &S3Rules) -> Self {
        Self {
            checksum: Checksum::Auto,
            path_style: true,
            region: rules.region.clone(),
            bucket: rules.bucket.clone(),
            keys: format!("{}:{}", rules.access, rules.secret),
            ca_file: None,
            proxy: None,
        }
    }
}

/// A store at `url`, with a credential that lies in `dir`.
pub(crate) fn adapter(url: &str, wish: &Wish, dir: &Path, patience: Patience) -> Adapter {
    let keys = dir.join("keys");
    std::fs::write(&keys, &wish.keys).unwrap();
    std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut platform = config(PlatformKind::S3 {
        url: url.to_owned(),
        bucket: wish.bucket.clone(),
        region: wish.region.clone(),
        prefix: PREFIX.to_owned(),
        path_style: wish.path_style,
        checksum: wish.checksum,
    });
    platform.credential = Some(Credential::File(keys));
    platform.ca_file = wish.ca_file.clone();
    let rules = LineRules {
        proxy: wish.proxy.clone(),
        ..LineRules::default()
    };
    connect_with(
        &platform,
        Secrets::default(),
        &Line::new(rules, Vec::new()),
        patience,
    )
}

/// Where the file of this index belongs.
pub(crate) fn key(job: &DeliveryJob, index: usize) -> String {
    format!("{PREFIX}{}/{}", job.folder, job.files[index].name)
}

/// A judge, one lecture of [`SIZE`] bytes to be sent to it, and its journal.
pub(crate) struct Case {
    pub(crate) judge: S3Judge,
    pub(crate) memory: Memory,
    pub(crate) wish: Wish,
    pub(crate) dirs: (TempDir, TempDir),
}

impl Case {
    pub(crate) async fn new(rules: S3Rules) -> Self {
        Self::of(rules, &[("lecture.mp4", SIZE)]).await
    }

    pub(crate) async fn of(rules: S3Rules, files: &[(&str, u64)]) -> Self {
        let dirs = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let wish = Wish::of(&rules);
        let judge = S3Judge::start(dirs.0.path(), rules).await.unwrap();
        let memory = Memory::new(job(dirs.1.path(), files));
        Self {
            judge,
            memory,
            wish,
            dirs,
        }
    }

    pub(crate) fn adapter(&self) -> Adapter {
        adapter(&self.judge.url(), &self.wish, self.dirs.1.path(), BRIEF)
    }

    pub(crate) async fn run(&self) -> Outcome {
        super::run(&self.adapter(), &self.memory).await.unwrap()
    }

    pub(crate) async fn until_settled(&self) -> Outcome {
        super::until_settled(&|| self.adapter(), &self.memory).await
    }

    pub(crate) fn next(&self, call: S3Call, misdeed: Misdeed) {
        self.judge.misbehave(S3On::Next(call), misdeed);
    }

    /// Every file whole there once, nothing left over, no breach of the protocol, and at most
    /// `twice` bytes sent twice.
    pub(crate) fn assert_exactly_once(&self, twice: u64) {
        let job = self.memory.job();
        let mut wanted: Vec<_> = (0..job.files.len())
            .map(|index| (key(&job, index), job.files[index].sha256.clone(), 1))
            .collect();
        wanted.sort();
        let there: Vec<_> = self
            .judge
            .objects()
            .into_iter()
            .map(|object| (object.key, object.sha256, object.written))
            .collect();
        assert_eq!(there, wanted);
        assert_eq!(self.judge.open_uploads(), [], "an upload is left over");
        assert_eq!(self.judge.breaches(), Vec::<String>::new());
        assert_eq!(self.judge.misdeeds_left(), 0, "a misdeed was never met");
        let size: u64 = job.files.iter().map(|file| file.size_bytes).sum();
        let again = self.judge.received() - size;
        assert!(
            again <= twice,
            "{again} bytes were sent twice, and {twice} may be"
        );
    }

    pub(crate) fn calls(&self) -> Vec<S3Call> {
        self.judge.calls().into_iter().map(|(call, _)| call).collect()
    }

    pub(crate) fn count(&self, call: S3Call) -> usize {
        self.calls().into_iter().filter(|one| *one == call).count()
    }
}
