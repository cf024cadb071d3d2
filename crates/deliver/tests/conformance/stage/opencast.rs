//! A faithful Opencast on the stage, with both ways to sign in.

use std::time::Duration;

use async_trait::async_trait;
use lectern_deliver::{Adapter, Patience};
use lectern_domain::delivery::DeliveryJob;
use lectern_testkit::{Misdeed, OpencastAuth, OpencastCall, OpencastJudge, OpencastRules};
use tempfile::TempDir;

use crate::common::{Memory, opencast_case};
use crate::stage::Stage;

pub(crate) struct Opencast<const DIGEST: bool> {
    judge: OpencastJudge,
    rules: OpencastRules,
    dirs: (TempDir, TempDir),
}

#[async_trait]
impl<const DIGEST: bool> Stage for Opencast<DIGEST> {
    const FILE_BY_FILE: bool = false;
    const CAN_ALWAYS_TELL: bool = true;

    async fn new() -> Self {
        let dirs = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let rules = OpencastRules {
            auth: if DIGEST {
                OpencastAuth::Digest
            } else {
                OpencastAuth::Basic
            },
            ..OpencastRules::default()
        };
        Self {
            judge: OpencastJudge::start(dirs.0.path(), rules.clone()).await.unwrap(),
            rules,
            dirs,
        }
    }

    fn adapter(&self) -> Adapter {
        // What is absent after a lost handing in is asked for once more, as much later.
        let patience = Patience {
            idle: Duration::from_secs(1),
            ..Patience::default()
        };
        opencast_case::adapter(&self.judge.url(), &self.rules, self.dirs.1.path(), patience)
    }

    fn whole(&self) -> Vec<String> {
        self.judge.whole()
    }

    fn break_off(&self, _memory: &Memory, bytes: u64) {
        self.judge
            .misbehave(OpencastCall::Add, Misdeed::ResetAfter(bytes));
    }

    fn occupy(&self, job: &DeliveryJob) -> bool {
        self.judge
            .occupy(&job.lecture.to_string(), "presenter/source", b"somebody else's");
        true
    }

    fn breaches(&self) -> Vec<String> {
        self.judge.breaches()
    }
}
