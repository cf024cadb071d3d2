//! One child from start to end, and how it is judged.
//!
//! It says something every 500 ms, or it has hung; its device delivers, or it is reported stalled
//! and later ended, because a driver that stopped delivering often only comes back with a new
//! open; it flushes after a stop, or the stop goes on without it.

use std::sync::Arc;

use lectern_domain::ids::RunId;
use lectern_domain::wire::FailureReason;

use crate::child::SourceProcess;

const SECOND: u64 = 1_000_000_000;
/// A child speaks every 500 ms; silence for this long means that it has hung.
const SILENT_NS: u64 = 5 * SECOND;
/// No new data for this long is worth a word to people.
const STALLED_NS: u64 = 2 * SECOND;
/// No new data for this long ends the child.
const STARVED_NS: u64 = 6 * SECOND;
/// From the start of the child to its first data: the media library's first start on a machine
/// reads every plugin from a cold disk, and is begun anew if it is not let finish. A child that
/// hangs meanwhile is found by its silence.
const STARTED_NS: u64 = 60 * SECOND;
/// A child may take this long to flush after a stop; then the stop goes on without it.
const DRAIN_NS: u64 = 5 * SECOND;
/// What a life must last to count as a success.
pub(crate) const WORKED_NS: u64 = 5 * SECOND;

/// How a life ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The daemon quits, or nobody takes media any more.
    Quit,
    /// The child is gone.
    Failed { reason: FailureReason, message: String },
}

/// What the child's encoder does, as far as we told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoder {
    Resting,
    Encoding(RunId),
    Draining { since_ns: u64 },
}

/// What belongs to one child.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) process: SourceProcess,
    pub(crate) encoder: Encoder,
    pub(crate) init: Option<(RunId, Arc<[u8]>)>,
    pub(crate) live: bool,
    pub(crate) captured: u64,
    pub(crate) started_ns: u64,
    pub(crate) heard_ns: u64,
    pub(crate) data_ns: u64,
}

impl Life {
    /// A child that was started just now.
    pub(crate) fn new(process: SourceProcess, now_ns: u64) -> Self {
        Self {
            process,
            encoder: Encoder::Resting,
            init: None,
            live: false,
            captured: 0,
            started_ns: now_ns,
            heard_ns: now_ns,
            data_ns: now_ns,
        }
    }

    /// Takes `spent_ns` out of every silence: the time in which we waited for a slow disk and did
    /// not listen is not the child's.
    pub(crate) fn excuse(&mut self, spent_ns: u64, now_ns: u64) {
        let later = |since_ns: &mut u64| *since_ns = since_ns.saturating_add(spent_ns).min(now_ns);
        later(&mut self.started_ns);
        later(&mut self.heard_ns);
        later(&mut self.data_ns);
        if let Encoder::Draining { since_ns } = &mut self.encoder {
            later(since_ns);
        }
    }

    /// Whether its device has been silent for long enough to say so.
    pub(crate) fn stalled(&self, now_ns: u64) -> bool {
        self.live && now_ns.saturating_sub(self.data_ns) > STALLED_NS
    }

    /// Whether it may go on.
    pub(crate) fn judge(&self, now_ns: u64) -> Result<(), End> {
        let failed = |reason, message: &str| {
            Err(End::Failed {
                reason,
                message: message.to_owned(),
            })
        };
        if now_ns.saturating_sub(self.heard_ns) > SILENT_NS {
            return failed(
                FailureReason::Crashed,
                "the source process did not answer and was killed",
            );
        }
        if let Encoder::Draining { since_ns } = self.encoder
            && now_ns.saturating_sub(since_ns) > DRAIN_NS
        {
            return failed(
                FailureReason::Crashed,
                "the source did not flush its encoder in time and was killed",
            );
        }
        let (since_ns, patience_ns) = if self.live {
            (self.data_ns, STARVED_NS)
        } else {
            (self.started_ns, STARTED_NS)
        };
        let silent_ns = now_ns.saturating_sub(since_ns);
        if silent_ns > patience_ns {
            let ms = silent_ns / 1_000_000;
            return failed(
                FailureReason::Stalled,
                &format!("no data arrived from the device for {ms} ms"),
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn p4_a_slow_disk_is_not_taken_for_a_silent_device() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let process = SourceProcess::start(Path::new("/bin/true"), &"camera".parse().unwrap()).unwrap();
            let mut life = Life::new(process, 100 * SECOND);
            life.live = true;
            assert!(life.judge(104 * SECOND).is_ok());
            assert!(life.stalled(104 * SECOND));
            // Ten seconds in which the spool took nothing.
            life.excuse(10 * SECOND, 110 * SECOND);
            assert!(life.judge(114 * SECOND).is_ok());
            assert!(!life.stalled(111 * SECOND));
            assert!(
                life.judge(117 * SECOND).is_err(),
                "the silence after it is the child's"
            );
            assert!(life.process.kill().await.is_some());
        });
    }
}
