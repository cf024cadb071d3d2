//! A folder on the stage.

use async_trait::async_trait;
use lectern_deliver::{Adapter, Secrets, connect};
use lectern_domain::config::{Create, PlatformKind};
use lectern_domain::delivery::{DeliveryJob, FilePhase};
use lectern_testkit::sha256_of_file;
use tempfile::TempDir;

use crate::common::{Memory, config, free_line};
use crate::stage::Stage;

pub(crate) struct Directory {
    dir: TempDir,
}

#[async_trait]
impl Stage for Directory {
    const CAN_ALWAYS_TELL: bool = true;

    async fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn adapter(&self) -> Adapter {
        let kind = PlatformKind::Directory {
            path: self.dir.path().to_owned(),
            label: None,
            create: Create::Never,
        };
        connect(&config(kind), Secrets::default(), &free_line())
    }

    fn whole(&self) -> Vec<String> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.dir.path()).unwrap() {
            let folder = entry.unwrap().path();
            // The manifest lies beside the lectures.
            if !folder.is_dir() {
                continue;
            }
            for file in std::fs::read_dir(folder).unwrap() {
                let path = file.unwrap().path();
                if path.extension().is_none_or(|ext| ext != "part") {
                    found.push(sha256_of_file(&path).unwrap());
                }
            }
        }
        found
    }

    fn break_off(&self, memory: &Memory, bytes: u64) {
        // What a kill in the middle leaves: the part, and the phase that was committed for it.
        let job = memory.job();
        let file = &job.files[0];
        let folder = self.dir.path().join(&job.folder);
        std::fs::create_dir(&folder).unwrap();
        let begun = std::fs::read(&file.path).unwrap()[..usize::try_from(bytes).unwrap()].to_owned();
        let remote = format!("{}.part", file.name);
        std::fs::write(folder.join(&remote), begun).unwrap();
        memory.set_phase(0, FilePhase::Bound { remote });
    }

    fn occupy(&self, job: &DeliveryJob) -> bool {
        let folder = self.dir.path().join(&job.folder);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join(&job.files[0].name), b"somebody else's").unwrap();
        true
    }

    fn breaches(&self) -> Vec<String> {
        Vec::new()
    }
}
