//! A platform that the checks can look into.

pub(crate) mod directory;
pub(crate) mod opencast;
pub(crate) mod s3;
pub(crate) mod tus;

use async_trait::async_trait;
use lectern_deliver::Adapter;
use lectern_domain::delivery::{DeliveryJob, FilePhase};

use crate::common::Memory;

/// A platform that can be looked into.
#[async_trait]
pub(crate) trait Stage: Sized {
    /// Whether files are sent one by one, so that the small ones of all lectures may go first.
    const FILE_BY_FILE: bool = true;
    /// Whether it can tell at any time what it has; else a lost last reply may need a person.
    const CAN_ALWAYS_TELL: bool;
    async fn new() -> Self;
    fn adapter(&self) -> Adapter;
    /// SHA-256 of every whole file there, one entry for each copy.
    fn whole(&self) -> Vec<String>;
    /// Has the first file's sending break off after `bytes`, once.
    fn break_off(&self, memory: &Memory, bytes: u64);
    /// Puts another file where the first file of the job belongs, if the protocol has such a place.
    fn occupy(&self, job: &DeliveryJob) -> bool;
    /// What the client did against the protocol.
    fn breaches(&self) -> Vec<String>;
}

/// The platform has each file of the job exactly once, and the client kept to the protocol.
pub(crate) fn assert_exactly_once(stage: &impl Stage, job: &DeliveryJob, context: &str) {
    let mut wanted: Vec<_> = job.files.iter().map(|file| file.sha256.clone()).collect();
    let mut there = stage.whole();
    wanted.sort();
    there.sort();
    assert_eq!(there, wanted, "{context}");
    assert_eq!(stage.breaches(), Vec::<String>::new(), "{context}");
    for file in &job.files {
        assert!(
            matches!(file.phase, FilePhase::Confirmed { .. }),
            "{context}: {file:?}"
        );
    }
}
