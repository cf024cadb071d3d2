//! The acts of the daemon and of people, through the store's own handles.
//!
//! An act that the lecture's state does not allow does nothing: the sequences are random.

use lectern_domain::api::{ClockTrust, Metadata};
use lectern_domain::config::Send;
use lectern_domain::delivery::{Commit, DeliveryState as D};
use lectern_domain::fact::{Fact, FactKind};
use lectern_domain::finished::{FileRole, FinishedFile};
use lectern_domain::ids::{LectureId, RunId, RunNumber};
use lectern_domain::lecture::LectureState as S;
use lectern_domain::media::Role;
use sha2::{Digest, Sha256};

use super::acts::Act;
use super::told::{TRACKS, Told};
use super::world::{Stop, World};
use crate::db::finishing::NewDelivery;
use crate::db::recording::{NewLecture, NewTrack};
use crate::db::step::RowChange;
use crate::error::DbError;
use crate::spool::segment::hex;
use crate::test_cmaf::CHUNK_NS;

const PLATFORM: &str = "central";

impl World {
    pub(super) fn act(&mut self, act: Act) -> Result<(), Stop> {
        match act {
            Act::Begin => self.begin(),
            Act::Plan => self.plan(),
            Act::CallOff => self.call_off(),
            Act::Chunks(n) => (0..n).try_for_each(|_| self.chunk()),
            Act::Wait(n) => (0..n).try_for_each(|_| self.tick()),
            Act::Encoders => {
                if let Some((told, _)) = self.at_work() {
                    told.change_encoders();
                }
                Ok(())
            }
            Act::Commit(n) => {
                self.process().commit(usize::from(n));
                Ok(())
            }
            Act::Pause => self.step(S::Recording, S::Paused, |run, at| RowChange::PauseFrom {
                run,
                from_ns: at,
            }),
            Act::Resume => self.step(S::Paused, S::Recording, |run, at| RowChange::ResumeAt {
                run,
                to_ns: at,
            }),
            Act::Mark => self.mark(),
            Act::Note => self.note(),
            Act::Beat => self.beat(),
            Act::Stop => self.step(S::Recording, S::Stopping, |run, at| RowChange::EndAt {
                run,
                end_ns: Some(at),
            }),
            Act::Undo => self.step(S::Stopping, S::Recording, |run, _| RowChange::EndAt {
                run,
                end_ns: None,
            }),
            Act::EndRun => self.capture(),
            Act::Finish => self.finish_captured(),
            Act::Deliver(n) => (0..n).try_for_each(|_| self.deliver()),
            Act::Purge => self.purge(),
            Act::Restart => self.restart(),
            Act::Kill | Act::Cut(_) | Act::CutAt(..) | Act::Fault(..) => Ok(()),
        }
    }

    fn begin(&mut self) -> Result<(), Stop> {
        if self.at_work().is_some() {
            return Ok(());
        }
        let unix_ms = self.unix_ms();
        let mut told = Told::new(self.lectures.len() as u128 + 7);
        let planned = self.plan_to_begin();
        told.id = planned.unwrap_or(told.id);
        let new = NewLecture {
            id: told.id,
            metadata: Metadata::default(),
            started_unix_ms: unix_ms,
            planned_end_unix_ms: unix_ms + 3_600_000,
            tracks: TRACKS
                .iter()
                .map(|(source, handler)| NewTrack {
                    source: source.parse().expect("a name"),
                    role: if **handler == *b"vide" {
                        Role::Presenter
                    } else {
                        Role::Microphone
                    },
                    kind: "test".to_owned(),
                    spare_for: None,
                })
                .collect(),
        };
        self.lectures.push(told);
        match self.process().call(|db| async move {
            match planned {
                Some(_) => db.begin_planned(new).await,
                None => db.create_lecture(new).await,
            }
        }) {
            Ok(folder) => {
                let told = self.lectures.last_mut().expect("just pushed");
                told.folder = folder;
                told.state = S::Armed;
                self.open_run(S::Armed)
            }
            Err(DbError::Spool(_)) => {
                self.lectures.pop();
                if let Some(id) = planned {
                    self.not_begun(id);
                }
                Ok(())
            }
            Err(error) => Err(Stop::Violated(format!("a lecture cannot begin: {error}"))),
        }
    }

    fn open_run(&mut self, from: S) -> Result<(), Stop> {
        let (base_mono_ns, started_unix_ms) = (self.now_ns, self.unix_ms());
        let Some((told, process)) = self.at_work() else {
            return Ok(());
        };
        let id = told.id;
        let run = RunId {
            lecture: id,
            run: RunNumber(told.run + 1),
        };
        let open = RowChange::OpenRun {
            run,
            base_mono_ns,
            started_unix_ms,
            clock: ClockTrust::Trusted,
        };
        let armed = process.call(|db| async move { db.step(id, from, S::Armed, None, vec![open]).await });
        expected(armed)?;
        told.opened_run();
        told.state = S::Armed;
        let began = process.call(|db| async move { db.step(id, S::Armed, S::Recording, None, vec![]).await });
        expected(began)?;
        told.state = S::Recording;
        Ok(())
    }

    /// After a start: the interrupted lecture goes on in a new run, or it is given up.
    pub(super) fn decide(&mut self, go_on: bool) -> Result<(), Stop> {
        let Some((told, process)) = self.at_work() else {
            return Ok(());
        };
        if told.state != S::Interrupted {
            return Ok(());
        }
        if go_on {
            return self.open_run(S::Interrupted);
        }
        let id = told.id;
        let given_up =
            process.call(|db| async move { db.set_state(id, S::Interrupted, S::Captured, None).await });
        expected(given_up)?;
        told.state = S::Captured;
        Ok(())
    }

    fn step(&mut self, from: S, to: S, change: impl FnOnce(RunId, u64) -> RowChange) -> Result<(), Stop> {
        let Some((told, process)) = self.at_work() else {
            return Ok(());
        };
        if told.state != from {
            return Ok(());
        }
        let (id, change) = (told.id, change(told.run_id(), told.next * CHUNK_NS));
        let stepped = process.call(|db| async move { db.step(id, from, to, None, vec![change]).await });
        expected(stepped)?;
        told.state = to;
        Ok(())
    }

    fn mark(&mut self) -> Result<(), Stop> {
        let Some((told, process)) = self.at_work() else {
            return Ok(());
        };
        let (run, at) = (told.run_id(), told.next);
        expected(process.call(|db| async move { db.mark(run, at, None).await }))?;
        told.marks += 1;
        Ok(())
    }

    fn note(&mut self) -> Result<(), Stop> {
        let Some((told, process)) = self.at_work() else {
            return Ok(());
        };
        let fact = Fact {
            run: RunNumber(told.run),
            at_ns: told.next,
            source: None,
            what: FactKind::Dropped,
            detail: "a group of pictures was dropped".to_owned(),
        };
        let id = told.id;
        expected(process.call(|db| async move { db.note(id, vec![fact]).await }))?;
        told.facts += 1;
        Ok(())
    }

    fn beat(&mut self) -> Result<(), Stop> {
        let Some((told, process)) = self.at_work() else {
            return Ok(());
        };
        let (run, seen) = (told.run_id(), told.seen_ns + 10_000_000_000);
        expected(process.call(|db| async move { db.beat(run, seen).await }))?;
        told.seen_ns = seen;
        Ok(())
    }

    fn capture(&mut self) -> Result<(), Stop> {
        let stopping = self.at_work().is_some_and(|(told, _)| told.state == S::Stopping);
        if !stopping {
            return Ok(());
        }
        self.end_run()?;
        let Some((told, process)) = self.at_work() else {
            return Ok(());
        };
        let id = told.id;
        let stepped =
            process.call(|db| async move { db.step(id, S::Stopping, S::Captured, None, vec![]).await });
        expected(stepped)?;
        told.state = S::Captured;
        Ok(())
    }

    fn first_in(&self, states: &[S]) -> Option<usize> {
        self.lectures.iter().position(|told| states.contains(&told.state))
    }

    fn finish_captured(&mut self) -> Result<(), Stop> {
        let Some(at) = self.first_in(&[S::Captured]) else {
            return Ok(());
        };
        let id = self.lectures[at].id;
        let finishing = self
            .process()
            .call(|db| async move { db.set_state(id, S::Captured, S::Finishing, None).await });
        expected(finishing)?;
        self.lectures[at].state = S::Finishing;
        let folder = self.layout.finished(&self.lectures[at].folder);
        let files = ["lecture.mp4", "lecture.json"].map(|name| made_up(id, name));
        for (file, bytes) in &files {
            if self.write_finished(&folder, &file.name, bytes).is_err() {
                let again = self
                    .process()
                    .call(|db| async move { db.set_state(id, S::Finishing, S::Captured, None).await });
                expected(again)?;
                self.lectures[at].state = S::Captured;
                return Ok(());
            }
        }
        let files = files.map(|(file, _)| file).to_vec();
        let deliveries = vec![NewDelivery {
            platform: PLATFORM.parse().expect("a name"),
            send: vec![Send::Lecture, Send::Metadata],
        }];
        let finished = self
            .process()
            .call(|db| async move { db.finished(id, files, 1_000, deliveries).await });
        expected(finished)?;
        self.lectures[at].state = S::Finished;
        Ok(())
    }

    /// One COMMIT of the delivery of the oldest lecture that is not delivered.
    fn deliver(&mut self) -> Result<(), Stop> {
        let Some(at) = self.first_in(&[S::Finished, S::Delivering]) else {
            return Ok(());
        };
        let id = self.lectures[at].id;
        let detail = self
            .process()
            .call(|db| async move { db.lecture(id).await })
            .map_err(|error| Stop::Violated(error.to_string()))?
            .ok_or_else(|| Stop::Violated("a lecture is gone".to_owned()))?;
        let delivery = &detail.deliveries[0];
        let confirmed = delivery.locations.len();
        let commit = match delivery.state {
            D::Queued => Commit::State {
                state: D::Reconciling,
            },
            D::Reconciling => Commit::State { state: D::Sending },
            D::Sending => Commit::State { state: D::Verifying },
            D::Verifying if confirmed < detail.files.len() => Commit::Receipt {
                name: detail.files[confirmed].name.clone(),
                location: "there".to_owned(),
                evidence: serde_json::json!({}),
            },
            D::Verifying => Commit::State { state: D::Done },
            other => return Err(Stop::Violated(format!("a delivery is {other}"))),
        };
        let done = matches!(commit, Commit::State { state: D::Done });
        let delivery = delivery.id;
        expected(
            self.process()
                .call(|db| async move { db.commit_delivery(delivery, commit).await }),
        )?;
        let told = &mut self.lectures[at];
        told.state = if done { S::Delivered } else { S::Delivering };
        told.delivered = done;
        Ok(())
    }

    /// Asks for the deletion of every lecture: one that may not go must be refused.
    fn purge(&mut self) -> Result<(), Stop> {
        for at in 0..self.lectures.len() {
            let told = &mut self.lectures[at];
            let (id, delivered, before) = (told.id, told.delivered, told.purging);
            told.purging |= delivered;
            let refused = match self.process().call(|db| async move { db.purge(id).await }) {
                Ok(_) if delivered => {
                    self.lectures[at].state = S::Purged;
                    continue;
                }
                Ok(_) => format!("P6: {id} was deleted before it was delivered"),
                // Decided, and the disk failed: the next start ends it.
                Err(DbError::Spool(_)) => continue,
                // A suspect segment is in no finished file; else what was delivered may go, once.
                Err(DbError::Conflict(_)) => {
                    self.lectures[at].purging = before;
                    let gone = self.lectures[at].state == S::Purged;
                    if !delivered || gone || self.disk.state().faults > 0 {
                        continue;
                    }
                    format!("{id} was delivered and may not be deleted")
                }
                Err(error) => error.to_string(),
            };
            return Err(Stop::Violated(refused));
        }
        Ok(())
    }
}

fn expected(result: Result<(), DbError>) -> Result<(), Stop> {
    result.map_err(|error| Stop::Violated(error.to_string()))
}

fn made_up(lecture: LectureId, name: &str) -> (FinishedFile, Vec<u8>) {
    let bytes = format!("made-up bytes of {name} of {lecture}").into_bytes();
    let mut hash = Sha256::new();
    hash.update(&bytes);
    let file = FinishedFile {
        name: name.to_owned(),
        role: if name == "lecture.mp4" {
            FileRole::Lecture
        } else {
            FileRole::Metadata
        },
        size_bytes: bytes.len() as u64,
        sha256: hex(hash),
        parts: Vec::new(),
        duration_ms: None,
        content_type: "video/mp4".to_owned(),
    };
    (file, bytes)
}
