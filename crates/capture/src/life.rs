//! One child from start to end, and how it is judged.
//!
//! It says something every 500 ms, or it has hung; its device delivers, or it is reported stalled
//! and later ended, because a driver that stopped delivering often only comes back with a new
//! open; its encoder gives chunks while it captures, or it has hung; it flushes after a stop, or
//! the stop goes on without it.
//!
//! People and the spare hear of a silence early, because that costs nothing if it was wrong. The
//! child is ended late: on a machine that is out of breath it is starved, not hung, and a new
//! process would make that worse. A device that comes back by itself is recording again at once;
//! one that needs a new open gets one within a second of the end of the old process.

use std::sync::Arc;

use lectern_domain::config::Encoder;
use lectern_domain::ids::RunId;
use lectern_domain::wire::FailureReason;

use crate::absence::Absence;
use crate::child::SourceProcess;
use crate::delivery::Watch;
use crate::encoding::Encoding;
use crate::gate::Gate;
use crate::spare::Duty;

const SECOND: u64 = 1_000_000_000;
/// A child speaks every 500 ms; silence for this long means that it has hung.
const SILENT_NS: u64 = 5 * SECOND;
/// No new data for this long is worth a word to people: three life signs, and many pictures or
/// levels, have failed to come.
const STALLED_NS: u64 = 3 * SECOND / 2;
/// No new data for this long ends the child.
const STARVED_NS: u64 = 6 * SECOND;
/// No chunk for this long from an encoder that has begun ends the child. Longer than a device
/// may be silent: an encoder that is given nothing gives nothing.
const MUTE_NS: u64 = 8 * SECOND;
/// From the start of the child to its first data: the media library's first start on a machine
/// reads every plugin from a cold disk, and is begun anew if it is not let finish. A child that
/// hangs meanwhile is found by its silence. The same for the first chunk of an encoder: a network
/// camera may take long to send a key frame.
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

/// What belongs to one child. Times are of the monotonic clock, in nanoseconds.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) process: SourceProcess,
    pub(crate) encoding: Encoding,
    /// When its encoder was last told to begin, and when it last gave a chunk since then.
    pub(crate) asked_ns: u64,
    pub(crate) chunk_ns: Option<u64>,
    pub(crate) init: Option<(RunId, Arc<[u8]>)>,
    pub(crate) live: bool,
    /// It was told that somebody looks at its pictures.
    pub(crate) looked_at: bool,
    pub(crate) captured: u64,
    pub(crate) started_ns: u64,
    pub(crate) heard_ns: u64,
    pub(crate) data_ns: u64,
}

/// What outlives a child.
#[derive(Debug)]
pub(crate) struct Across {
    pub(crate) gate: Gate,
    /// The run whose end was reported, so that it is reported once.
    pub(crate) drained: Option<RunId>,
    /// What its spare is told.
    pub(crate) watch: Watch,
    /// What it does as a spare.
    pub(crate) duty: Duty,
    /// The run in which it stands in for its principal.
    pub(crate) standing_in: Option<RunId>,
    pub(crate) absence: Absence,
    /// The device that was here first; another one at its place is refused.
    pub(crate) identity: Option<String>,
    /// Encoders that took a child along.
    pub(crate) shunned: Vec<Encoder>,
    /// The run and the encoder's name that it was told.
    pub(crate) encoder_noted: Option<(RunId, String)>,
}

impl Across {
    pub(crate) fn new(now_ns: u64) -> Self {
        Self {
            gate: Gate::default(),
            drained: None,
            watch: Watch::new(now_ns),
            duty: Duty::default(),
            standing_in: None,
            absence: Absence::default(),
            identity: None,
            shunned: Vec::new(),
            encoder_noted: None,
        }
    }
}

impl Life {
    /// A child that was started just now.
    pub(crate) fn new(process: SourceProcess, now_ns: u64) -> Self {
        Self {
            process,
            encoding: Encoding::Resting,
            asked_ns: now_ns,
            chunk_ns: None,
            init: None,
            live: false,
            looked_at: false,
            captured: 0,
            started_ns: now_ns,
            heard_ns: now_ns,
            data_ns: now_ns,
        }
    }

    /// Its encoder is told, or begins by itself, to do something else.
    pub(crate) fn turn(&mut self, encoding: Encoding, now_ns: u64) {
        if encoding != self.encoding {
            (self.asked_ns, self.chunk_ns) = (now_ns, None);
        }
        self.encoding = encoding;
    }

    /// Takes `spent_ns` out of every silence: the time in which we waited for a slow disk and did
    /// not listen is not the child's.
    pub(crate) fn excuse(&mut self, spent_ns: u64, now_ns: u64) {
        let later = |since_ns: &mut u64| *since_ns = since_ns.saturating_add(spent_ns).min(now_ns);
        later(&mut self.started_ns);
        later(&mut self.heard_ns);
        later(&mut self.data_ns);
        later(&mut self.asked_ns);
        if let Some(chunk_ns) = &mut self.chunk_ns {
            later(chunk_ns);
        }
        if let Encoding::Draining { since_ns, .. } = &mut self.encoding {
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
        match self.encoding {
            Encoding::Draining { since_ns, .. } if now_ns.saturating_sub(since_ns) > DRAIN_NS => {
                return failed(
                    FailureReason::Crashed,
                    "the source did not flush its encoder in time and was killed",
                );
            }
            Encoding::Run(_) if self.live => {
                let (since_ns, patience_ns) = self
                    .chunk_ns
                    .map_or((self.asked_ns, STARTED_NS), |at_ns| (at_ns, MUTE_NS));
                if now_ns.saturating_sub(since_ns) > patience_ns {
                    return failed(
                        FailureReason::Encoder,
                        "the device delivers and the encoder gives nothing; the source was killed",
                    );
                }
            }
            Encoding::Draining { .. } | Encoding::Run(_) | Encoding::Resting => {}
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
    use super::*;
    use crate::program::Program;

    /// A life of a child that delivers at 100 s, for what needs no process.
    fn with_life(judge: impl FnOnce(&mut Life)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let process =
                SourceProcess::start(&Program::hold("/bin/true".into()), &"camera".parse().unwrap()).unwrap();
            let mut life = Life::new(process, 100 * SECOND);
            life.live = true;
            judge(&mut life);
            assert!(life.process.kill().await.is_some());
        });
    }

    #[test]
    fn p4_a_slow_disk_is_not_taken_for_a_silent_device() {
        with_life(|life| {
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
        });
    }

    #[test]
    fn p4_each_kind_of_silence_has_its_own_patience_and_name() {
        let reason = |life: &Life, at_ns| match life.judge(at_ns) {
            Err(End::Failed { reason, .. }) => Some(reason),
            Err(End::Quit) | Ok(()) => None,
        };
        let run = RunId {
            lecture: lectern_domain::ids::LectureId::random(),
            run: lectern_domain::ids::RunNumber(1),
        };
        with_life(|life| {
            assert!(!life.stalled(101 * SECOND), "one late life sign is nothing");
            assert!(life.stalled(102 * SECOND));
            assert_eq!(reason(life, 105 * SECOND), None);
            assert_eq!(
                reason(life, 106 * SECOND),
                Some(FailureReason::Crashed),
                "it hangs"
            );
            life.heard_ns = 108 * SECOND;
            assert_eq!(reason(life, 108 * SECOND), Some(FailureReason::Stalled));

            // The device delivers, the encoder does not.
            let talk = |life: &mut Life, now_ns| (life.heard_ns, life.data_ns) = (now_ns, now_ns);
            life.turn(Encoding::Run(run), 110 * SECOND);
            talk(life, 140 * SECOND);
            assert_eq!(
                reason(life, 140 * SECOND),
                None,
                "a key frame may be long in coming"
            );
            talk(life, 171 * SECOND);
            assert_eq!(reason(life, 171 * SECOND), Some(FailureReason::Encoder));
            life.chunk_ns = Some(165 * SECOND);
            assert_eq!(reason(life, 171 * SECOND), None);
            talk(life, 174 * SECOND);
            assert_eq!(reason(life, 174 * SECOND), Some(FailureReason::Encoder));

            let draining = Encoding::Draining {
                since_ns: 170 * SECOND,
                owed: 1,
                next: None,
            };
            life.turn(draining, 170 * SECOND);
            assert_eq!(reason(life, 175 * SECOND), None);
            talk(life, 176 * SECOND);
            assert_eq!(reason(life, 176 * SECOND), Some(FailureReason::Crashed));
        });
    }
}
