//! A strict S3 store on the stage, with conditions and without.

use async_trait::async_trait;
use lectern_deliver::{Adapter, Patience};
use lectern_domain::delivery::DeliveryJob;
use lectern_testkit::{Misdeed, S3Call, S3Judge, S3On, S3Rules};
use tempfile::TempDir;

use crate::common::Memory;
use crate::common::s3_case::{Wish, adapter};
use crate::stage::Stage;

pub(crate) struct S3<const OLD: bool> {
    judge: S3Judge,
    wish: Wish,
    dirs: (TempDir, TempDir),
}

#[async_trait]
impl<const OLD: bool> Stage for S3<OLD> {
    const CAN_ALWAYS_TELL: bool = true;

    async fn new() -> Self {
        let dirs = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut rules = S3Rules::default();
        if OLD {
            rules.checksums.clear();
            rules.ignores_if_none_match = true;
        }
        let wish = Wish::of(&rules);
        Self {
            judge: S3Judge::start(dirs.0.path(), rules).await.unwrap(),
            wish,
            dirs,
        }
    }

    fn adapter(&self) -> Adapter {
        adapter(
            &self.judge.url(),
            &self.wish,
            self.dirs.1.path(),
            Patience::default(),
        )
    }

    fn whole(&self) -> Vec<String> {
        self.judge
            .objects()
            .into_iter()
            .map(|object| object.sha256)
            .collect()
    }

    fn break_off(&self, _memory: &Memory, bytes: u64) {
        let on = S3On::Next(S3Call::UploadPart);
        self.judge.misbehave(on, Misdeed::ResetAfter(bytes));
    }

    fn occupy(&self, _job: &DeliveryJob) -> bool {
        // `p5_another_object_is_never_written_over` in tests/s3.rs does it by a second delivery.
        false
    }

    fn breaches(&self) -> Vec<String> {
        self.judge.breaches()
    }
}
