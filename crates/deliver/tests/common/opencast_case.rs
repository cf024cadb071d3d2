//! An Opencast, one lecture of three files, and its journal.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use lectern_deliver::{Adapter, Outcome, Patience, Secrets, connect_with};
use lectern_domain::config::{Auth, Credential, PlatformKind};
use lectern_domain::delivery::DeliveryJob;
use lectern_domain::finished::FileRole;
use lectern_domain::media::Role;
use lectern_testkit::{Misdeed, OpencastAuth, OpencastCall, OpencastJudge, OpencastRules};
use tempfile::TempDir;

use super::{BRIEF, Memory, config, free_line, job};

pub(crate) const MIB: u64 = 1024 * 1024;
/// The largest file of the lecture.
pub(crate) const CAMERA: u64 = 3 * MIB + 99;
/// All files of the lecture.
pub(crate) const ALL: u64 = CAMERA + 2 * MIB + 70_000;
pub(crate) const AGENT: &str = "hall b-204";

/// The Opencast at `url`, with the password in a file in `dir`.
pub(crate) fn adapter(url: &str, rules: &OpencastRules, dir: &Path, patience: Patience) -> Adapter {
    let password = dir.join("password");
    std::fs::write(&password, &rules.password).unwrap();
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut platform = config(PlatformKind::Opencast {
        url: url.to_owned(),
        user: rules.user.clone(),
        auth: match rules.auth {
            OpencastAuth::Basic => Auth::Basic,
            OpencastAuth::Digest => Auth::Digest,
        },
        workflow: Some("lectures".to_owned()),
        parameters: vec![("publishToEngage".to_owned(), "true".to_owned())],
        agent: AGENT.to_owned(),
    });
    platform.credential = Some(Credential::File(password));
    connect_with(&platform, Secrets::default(), &free_line(), patience)
}

/// A lecture of camera, screen and sound.
pub(crate) fn lecture(dir: &Path) -> DeliveryJob {
    let files = [
        ("camera.mp4", CAMERA),
        ("screen.mp4", 2 * MIB),
        ("microphone.m4a", 70_000),
    ];
    let mut job = job(dir, &files);
    let roles = [Role::Presenter, Role::Presentation, Role::Microphone];
    for (file, role) in job.files.iter_mut().zip(roles) {
        let (source, _) = file.name.split_once('.').unwrap();
        file.role = FileRole::Track {
            source: source.parse().unwrap(),
            role,
        };
    }
    job.duration_ms = 90 * 60_000;
    job
}

/// An Opencast, the lecture that is to be sent to it, and its journal.
pub(crate) struct Case {
    pub(crate) judge: OpencastJudge,
    pub(crate) memory: Memory,
    pub(crate) rules: OpencastRules,
    pub(crate) dirs: (TempDir, TempDir),
}

impl Case {
    pub(crate) async fn new(rules: OpencastRules) -> Self {
        let dirs = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let judge = OpencastJudge::start(dirs.0.path(), rules.clone()).await.unwrap();
        let memory = Memory::new(lecture(dirs.1.path()));
        Self {
            judge,
            memory,
            rules,
            dirs,
        }
    }

    pub(crate) fn adapter(&self) -> Adapter {
        adapter(&self.judge.url(), &self.rules, self.dirs.1.path(), BRIEF)
    }

    pub(crate) async fn run(&self) -> Outcome {
        super::run(&self.adapter(), &self.memory).await.unwrap()
    }

    pub(crate) fn next(&self, on: OpencastCall, misdeed: Misdeed) {
        self.judge.misbehave(on, misdeed);
    }

    /// There once, in one workflow, with each file as it is here, and the client asked whenever it
    /// had to.
    pub(crate) fn assert_exactly_once(&self) {
        let (mut there, job) = (self.judge.whole(), self.memory.job());
        let mut wanted: Vec<String> = job.files.iter().map(|file| file.sha256.clone()).collect();
        there.sort();
        wanted.sort();
        assert_eq!(there, wanted);
        assert_eq!(self.judge.workflows().len(), 1);
        assert_eq!(self.judge.breaches(), Vec::<String>::new());
        assert_eq!(self.judge.misdeeds_left(), 0, "a misdeed was never met");
    }

    /// The requests after the last slash but for names, in order; registry questions left out.
    pub(crate) fn calls(&self) -> Vec<String> {
        let lecture = self.memory.job().lecture.to_string();
        let seen = self.judge.seen().into_iter();
        seen.map(|seen| format!("{} {}", seen.method, seen.target.replace(&lecture, "ID")))
            .filter(|call| !call.contains("/services/"))
            .collect()
    }
}
