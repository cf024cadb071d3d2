//! The journal of deliveries: each intent committed before the act that it permits (P5).
//!
//! A commit is checked against the domain's state machine: a state is entered only by an arrow
//! that leads to it, a file changes only while its delivery is under way, and nothing changes a
//! confirmed file any more. A delivery is done only when every file has its receipt (P6).

use lectern_domain::delivery::{Commit, DeliveryEvent, DeliveryState, FilePhase};
use lectern_domain::ids::{DeliveryId, LectureId, PlatformName};
use lectern_domain::lecture::LectureState;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::Db;
use super::document::phase;
use super::recording::state_of;
use super::rows::get_text;
use crate::clock;
use crate::error::DbError;

impl Db {
    /// Commits one step of a delivery; returns after the COMMIT.
    ///
    /// # Errors
    /// [`DbError::Conflict`] for a step that the delivery's state does not allow,
    /// [`DbError::NotFound`] for an unknown delivery or file. Nothing changed then.
    pub async fn commit_delivery(&self, id: DeliveryId, commit: Commit) -> Result<(), DbError> {
        self.call("commit a step of a delivery", move |ledger| {
            let lecture = row(&ledger.connection, id)?.lecture;
            ledger.change(lecture, |tx| apply(tx, id, &commit))
        })
        .await
    }

    /// Begins a waiting or parked delivery again.
    ///
    /// # Errors
    /// [`DbError::Conflict`] in any other state.
    pub async fn retry_delivery(&self, id: DeliveryId) -> Result<(), DbError> {
        self.step_delivery(id, DeliveryEvent::Retry).await
    }

    /// Calls a delivery off that is not under way.
    ///
    /// # Errors
    /// [`DbError::Conflict`] when it is under way or over.
    pub async fn cancel_delivery(&self, id: DeliveryId) -> Result<(), DbError> {
        self.step_delivery(id, DeliveryEvent::Cancel).await
    }

    /// Begins every waiting and parked delivery of a lecture again, to all platforms or to one;
    /// returns how many. Those of other lectures stay as they are.
    ///
    /// # Errors
    /// [`DbError::NotFound`] for an unknown lecture.
    pub async fn retry_lecture(
        &self,
        lecture: LectureId,
        platform: Option<PlatformName>,
    ) -> Result<u32, DbError> {
        self.call("begin deliveries again", move |ledger| {
            ledger.change(lecture, |tx| {
                state_of(tx, lecture)?;
                let stuck = [DeliveryState::Waiting, DeliveryState::Parked];
                requeue(tx, lecture, platform.as_ref(), &stuck)
            })
        })
        .await
    }

    /// Puts one lecture's deliveries, or all, before the others and outside the hours, until they
    /// are done, and ends their waits; returns how many are to be sent. Parked ones stay parked.
    /// All or nothing.
    ///
    /// # Errors
    /// [`DbError::NotFound`] for an unknown lecture.
    pub async fn send_now(&self, lecture: Option<LectureId>) -> Result<u32, DbError> {
        self.call("put deliveries first", move |ledger| {
            let lectures = match lecture {
                Some(lecture) => vec![lecture],
                None => lectures_to_send(&ledger.connection)?,
            };
            ledger.change_all(&lectures, |tx, lecture| {
                state_of(tx, lecture)?;
                requeue(tx, lecture, None, &[DeliveryState::Waiting])?;
                hurry(tx, lecture)
            })
        })
        .await
    }

    /// Ends the wait of every delivery; returns how many waited. For a clock that was set back:
    /// what waited for a time that is far away now is tried at once, in its order.
    ///
    /// # Errors
    /// The database failed; nothing changed then.
    pub async fn end_waits(&self) -> Result<u32, DbError> {
        self.call("end the wait of deliveries", |ledger| {
            let lectures = waiting_lectures(&ledger.connection)?;
            ledger.change_all(&lectures, |tx, lecture| {
                requeue(tx, lecture, None, &[DeliveryState::Waiting])
            })
        })
        .await
    }

    async fn step_delivery(&self, id: DeliveryId, event: DeliveryEvent) -> Result<(), DbError> {
        self.call("change a delivery", move |ledger| {
            let lecture = row(&ledger.connection, id)?.lecture;
            ledger.change(lecture, |tx| {
                let now = row(tx, id)?.state;
                let next = now
                    .step(event)
                    .map_err(|refused| DbError::Conflict(refused.to_string()))?;
                enter(tx, id, next, None, None)?;
                settle_lecture(tx, lecture)
            })
        })
        .await
    }
}

struct DeliveryRow {
    lecture: LectureId,
    state: DeliveryState,
}

fn row(connection: &Connection, id: DeliveryId) -> Result<DeliveryRow, DbError> {
    connection
        .prepare_cached("SELECT lecture, state FROM deliveries WHERE id = ?1")?
        .query_row([id.0], |row| {
            Ok(DeliveryRow {
                lecture: get_text(row, "lecture")?,
                state: get_text(row, "state")?,
            })
        })
        .optional()?
        .ok_or_else(|| DbError::NotFound(format!("delivery {id}")))
}

fn apply(tx: &Transaction<'_>, id: DeliveryId, commit: &Commit) -> Result<(), DbError> {
    let DeliveryRow { lecture, state: now } = row(tx, id)?;
    match commit {
        Commit::State { state } => {
            use DeliveryEvent as E;
            allowed(
                id,
                now,
                *state,
                &[E::Begin, E::Lacking, E::Complete, E::Sent, E::Doubt, E::Verified],
            )?;
            if *state == DeliveryState::Done {
                all_confirmed(tx, id)?;
            }
            enter(tx, id, *state, None, None)?;
            if *state == DeliveryState::Reconciling
                && matches!(
                    now,
                    DeliveryState::Queued | DeliveryState::Waiting | DeliveryState::Reconciling
                )
            {
                tx.execute(
                    "UPDATE deliveries SET attempts = attempts + 1 WHERE id = ?1",
                    [id.0],
                )?;
            }
            if state_of(tx, lecture)? == LectureState::Finished {
                tx.execute(
                    "UPDATE lectures SET state = 'delivering' WHERE id = ?1",
                    [lecture.to_string()],
                )?;
            }
            settle_lecture(tx, lecture)
        }
        Commit::File { name, phase } => {
            if !takes_back(now, phase) {
                under_way(id, now)?;
            }
            set_phase(tx, id, name, phase)
        }
        Commit::Receipt {
            name,
            location,
            evidence,
        } => {
            under_way(id, now)?;
            receipt(tx, id, lecture, name, location, evidence)
        }
        Commit::Waiting { until_unix_ms, why } => {
            allowed(id, now, DeliveryState::Waiting, &[DeliveryEvent::Wait])?;
            enter(tx, id, DeliveryState::Waiting, Some(*until_unix_ms), Some(why))
        }
        Commit::Deferred { why } => {
            allowed(id, now, DeliveryState::Queued, &[DeliveryEvent::Defer])?;
            enter(tx, id, DeliveryState::Queued, None, why.as_deref())
        }
        Commit::Parked { why } => {
            allowed(id, now, DeliveryState::Parked, &[DeliveryEvent::Park])?;
            enter(tx, id, DeliveryState::Parked, None, Some(why))
        }
    }
}

/// Whether one of `events` leads from `now` to `next`.
fn allowed(
    id: DeliveryId,
    now: DeliveryState,
    next: DeliveryState,
    events: &[DeliveryEvent],
) -> Result<(), DbError> {
    if events.iter().any(|event| now.step(*event) == Ok(next)) {
        return Ok(());
    }
    Err(DbError::Conflict(format!(
        "delivery {id} is {now} and cannot become {next}"
    )))
}

fn under_way(id: DeliveryId, now: DeliveryState) -> Result<(), DbError> {
    match now {
        DeliveryState::Reconciling | DeliveryState::Sending | DeliveryState::Verifying => Ok(()),
        DeliveryState::Queued
        | DeliveryState::Done
        | DeliveryState::Waiting
        | DeliveryState::Parked
        | DeliveryState::Cancelled => Err(DbError::Conflict(format!(
            "delivery {id} is {now}; its files change only while it is under way"
        ))),
    }
}

/// Whether a file of a parked delivery becomes less certain: its run parks first and forgets then,
/// so that a cut in between parks again and never sends without a person's word.
fn takes_back(now: DeliveryState, next: &FilePhase) -> bool {
    now == DeliveryState::Parked && matches!(next, FilePhase::Creating | FilePhase::Bound { .. })
}

fn enter(
    tx: &Transaction<'_>,
    id: DeliveryId,
    state: DeliveryState,
    next_unix_ms: Option<i64>,
    message: Option<&str>,
) -> Result<(), DbError> {
    let done_unix_ms = (state == DeliveryState::Done).then(clock::wall_unix_ms);
    tx.execute(
        "UPDATE deliveries SET state = ?2, next_unix_ms = ?3, message = ?4, done_unix_ms = ?5,
                urgent = urgent AND ?2 NOT IN ('done', 'cancelled') WHERE id = ?1",
        params![id.0, state.as_str(), next_unix_ms, message, done_unix_ms],
    )?;
    Ok(())
}

fn all_confirmed(tx: &Transaction<'_>, id: DeliveryId) -> Result<(), DbError> {
    let open: u32 = tx.query_row(
        "SELECT count(*) FROM delivery_files f WHERE delivery = ?1 AND NOT (phase = 'confirmed'
            AND EXISTS (SELECT 1 FROM receipts r WHERE r.delivery = f.delivery AND r.name = f.name))",
        [id.0],
        |row| row.get(0),
    )?;
    if open == 0 {
        return Ok(());
    }
    Err(DbError::Conflict(format!(
        "delivery {id} cannot be done: {open} of its files have no receipt"
    )))
}

fn set_phase(tx: &Transaction<'_>, id: DeliveryId, name: &str, next: &FilePhase) -> Result<(), DbError> {
    let now = tx
        .prepare_cached("SELECT * FROM delivery_files WHERE delivery = ?1 AND name = ?2")?
        .query_row(params![id.0, name], phase)
        .optional()?
        .ok_or_else(|| DbError::NotFound(format!("file {name} of delivery {id}")))?;
    let confirmed = |phase: &FilePhase| matches!(phase, FilePhase::Confirmed { .. });
    if confirmed(&now) || confirmed(next) {
        return Err(DbError::Conflict(format!(
            "file {name} of delivery {id} is confirmed by a receipt only, and never changes after it"
        )));
    }
    write_phase(tx, id, name, next)?;
    Ok(())
}

/// Writes the columns of a phase.
pub(crate) fn write_phase(
    tx: &Transaction<'_>,
    id: DeliveryId,
    name: &str,
    phase: &FilePhase,
) -> rusqlite::Result<usize> {
    let (word, remote, location) = match phase {
        FilePhase::Pending => ("pending", None, None),
        FilePhase::Creating => ("creating", None, None),
        FilePhase::Bound { remote } => ("bound", Some(remote), None),
        FilePhase::Completing { remote } => ("completing", Some(remote), None),
        FilePhase::Confirmed { location } => ("confirmed", None, Some(location)),
    };
    tx.execute(
        "UPDATE delivery_files SET phase = ?3, remote = ?4, location = ?5 WHERE delivery = ?1 AND name = ?2",
        params![id.0, name, word, remote, location],
    )
}

fn receipt(
    tx: &Transaction<'_>,
    id: DeliveryId,
    lecture: LectureId,
    name: &str,
    location: &str,
    evidence: &serde_json::Value,
) -> Result<(), DbError> {
    let confirmed = FilePhase::Confirmed {
        location: location.to_owned(),
    };
    if write_phase(tx, id, name, &confirmed)? == 0 {
        return Err(DbError::NotFound(format!("file {name} of delivery {id}")));
    }
    // A receipt that is committed again after a doubt says the same thing anew.
    tx.execute(
        "INSERT INTO receipts (delivery, name, location, evidence, size_bytes, sha256, unix_ms)
         SELECT ?1, ?2, ?3, ?4, size_bytes, sha256, ?5 FROM files WHERE lecture = ?6 AND name = ?2
         ON CONFLICT (delivery, name) DO UPDATE
            SET location = excluded.location, evidence = excluded.evidence, unix_ms = excluded.unix_ms",
        params![
            id.0,
            name,
            location,
            evidence.to_string(),
            clock::wall_unix_ms(),
            lecture.to_string()
        ],
    )?;
    Ok(())
}

/// Makes a lecture `delivered` when no delivery of it is open any more and at least one is done.
fn settle_lecture(tx: &Transaction<'_>, lecture: LectureId) -> Result<(), DbError> {
    tx.execute(
        "UPDATE lectures SET state = 'delivered' WHERE id = ?1 AND state IN ('finished', 'delivering')
            AND EXISTS (SELECT 1 FROM deliveries WHERE lecture = ?1 AND state = 'done')
            AND NOT EXISTS (SELECT 1 FROM deliveries WHERE lecture = ?1 AND state NOT IN ('done', 'cancelled'))",
        [lecture.to_string()],
    )?;
    Ok(())
}

/// Queues a lecture's deliveries in these states again; `None`: to all platforms.
fn requeue(
    tx: &Transaction<'_>,
    lecture: LectureId,
    platform: Option<&PlatformName>,
    from: &[DeliveryState],
) -> Result<u32, DbError> {
    let rows: Vec<(i64, DeliveryState)> = tx
        .prepare_cached(
            "SELECT id, state FROM deliveries WHERE lecture = ?1 AND (?2 IS NULL OR platform = ?2) ORDER BY id",
        )?
        .query_map(params![lecture.to_string(), platform.map(PlatformName::as_str)], |row| {
            Ok((row.get("id")?, get_text(row, "state")?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut count = 0;
    for (id, state) in rows.into_iter().filter(|(_, state)| from.contains(state)) {
        let next = state
            .step(DeliveryEvent::Retry)
            .map_err(|refused| DbError::Conflict(refused.to_string()))?;
        enter(tx, DeliveryId(id), next, None, None)?;
        count += 1;
    }
    Ok(count)
}

/// Marks what is to be sent of a lecture; returns how many deliveries that are.
fn hurry(tx: &Transaction<'_>, lecture: LectureId) -> Result<u32, DbError> {
    let marked = tx
        .prepare_cached(
            "UPDATE deliveries SET urgent = 1
             WHERE lecture = ?1 AND state NOT IN ('done', 'cancelled') AND state <> 'parked'",
        )?
        .execute([lecture.to_string()])?;
    Ok(u32::try_from(marked).unwrap_or(u32::MAX))
}

/// Lectures of which something is to be sent without a person's help.
fn lectures_to_send(connection: &Connection) -> rusqlite::Result<Vec<LectureId>> {
    connection
        .prepare_cached(
            "SELECT DISTINCT lecture FROM deliveries INDEXED BY deliveries_open
             WHERE state NOT IN ('done', 'cancelled') AND state <> 'parked' ORDER BY lecture",
        )?
        .query_map([], |row| get_text(row, "lecture"))?
        .collect()
}

fn waiting_lectures(connection: &Connection) -> rusqlite::Result<Vec<LectureId>> {
    connection
        .prepare_cached(
            "SELECT DISTINCT lecture FROM deliveries INDEXED BY deliveries_open
             WHERE state NOT IN ('done', 'cancelled') AND state = 'waiting' ORDER BY lecture",
        )?
        .query_map([], |row| get_text(row, "lecture"))?
        .collect()
}
