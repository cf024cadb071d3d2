//! A strict tus server on the stage: with and without receipts, keeping and moving what is finished,
//! with and without digests of pieces.

use async_trait::async_trait;
use lectern_deliver::{Adapter, Secrets, connect};
use lectern_domain::config::PlatformKind;
use lectern_domain::delivery::DeliveryJob;
use lectern_testkit::{Misdeed, On, Rules, TusChecksum, TusJudge};
use tempfile::TempDir;

use crate::common::{Memory, config, free_line};
use crate::stage::Stage;

pub(crate) struct Tus<const RECEIPTS: bool, const MOVES: bool, const DIGESTS: bool> {
    judge: TusJudge,
    _dir: TempDir,
}

#[async_trait]
impl<const RECEIPTS: bool, const MOVES: bool, const DIGESTS: bool> Stage for Tus<RECEIPTS, MOVES, DIGESTS> {
    const CAN_ALWAYS_TELL: bool = RECEIPTS || !MOVES;

    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let rules = Rules {
            moves_finished: MOVES,
            relative_location: RECEIPTS,
            checksums: if DIGESTS {
                vec![TusChecksum::Sha1, TusChecksum::Sha256]
            } else {
                Vec::new()
            },
            ..Rules::default()
        };
        Self {
            judge: TusJudge::start(dir.path(), rules).await.unwrap(),
            _dir: dir,
        }
    }

    fn adapter(&self) -> Adapter {
        let receipt_url = RECEIPTS.then(|| self.judge.receipt_url());
        connect(
            &config(PlatformKind::Tus {
                url: self.judge.url(),
                receipt_url,
            }),
            Secrets::default(),
            &free_line(),
        )
    }

    fn whole(&self) -> Vec<String> {
        self.judge
            .whole()
            .into_iter()
            .filter_map(|upload| upload.sha256)
            .collect()
    }

    fn break_off(&self, _memory: &Memory, bytes: u64) {
        self.judge
            .misbehave(On::Next(hyper::Method::PATCH), Misdeed::ResetAfter(bytes));
    }

    fn occupy(&self, job: &DeliveryJob) -> bool {
        // An upload has an address of its own; only a receipt can speak of another file.
        let _: &DeliveryJob = job;
        false
    }

    fn breaches(&self) -> Vec<String> {
        self.judge.breaches()
    }
}
