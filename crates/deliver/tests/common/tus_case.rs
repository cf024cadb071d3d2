//! A judge, one lecture, and its journal.

use hyper::Method;
use lectern_deliver::{Adapter, Outcome, Secrets, connect_with};
use lectern_domain::config::PlatformKind;
use lectern_testkit::{Misdeed, On, Rules, TusJudge};
use tempfile::TempDir;

use super::{BRIEF, Memory, config, free_line, job};

pub(crate) const MIB: u64 = 1024 * 1024;
pub(crate) const SIZE: u64 = 4 * MIB + 99;

/// A judge, one lecture of [`SIZE`] bytes to be sent to it, and its journal.
pub(crate) struct Case {
    pub(crate) judge: TusJudge,
    pub(crate) memory: Memory,
    pub(crate) receipts: bool,
    _dirs: (TempDir, TempDir),
}

impl Case {
    pub(crate) async fn new(rules: Rules) -> Self {
        let dirs = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let judge = TusJudge::start(dirs.0.path(), rules).await.unwrap();
        let memory = Memory::new(job(dirs.1.path(), &[("lecture.mp4", SIZE)]));
        Self {
            judge,
            memory,
            receipts: false,
            _dirs: dirs,
        }
    }

    pub(crate) fn adapter(&self) -> Adapter {
        let receipt_url = self.receipts.then(|| self.judge.receipt_url());
        connect_with(
            &config(PlatformKind::Tus {
                url: self.judge.url(),
                receipt_url,
            }),
            Secrets::default(),
            &free_line(),
            BRIEF,
        )
    }

    pub(crate) async fn run(&self) -> Outcome {
        super::run(&self.adapter(), &self.memory).await.unwrap()
    }

    pub(crate) fn next(&self, method: Method, misdeed: Misdeed) {
        self.judge.misbehave(On::Next(method), misdeed);
    }

    /// Whole there once, with not one byte sent twice and no breach of the protocol.
    pub(crate) fn assert_exactly_once(&self) {
        let whole = self.judge.whole();
        let sha256 = self.memory.job().files[0].sha256.clone();
        assert_eq!(
            whole
                .iter()
                .filter_map(|upload| upload.sha256.clone())
                .collect::<Vec<_>>(),
            [sha256]
        );
        assert_eq!(whole[0].received, SIZE, "bytes were sent twice");
        assert_eq!(self.judge.breaches(), Vec::<String>::new());
        assert_eq!(self.judge.misdeeds_left(), 0, "a misdeed was never met");
    }

    pub(crate) fn methods(&self) -> String {
        self.judge
            .seen()
            .iter()
            .map(|seen| seen.method.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    }
}
