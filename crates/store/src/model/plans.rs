//! Planned lectures in the model: made, called off, taken back and begun, on a disk that forgets.
//!
//! What was confirmed is held against the file on the device, not against the database: it is all
//! that a rebuild has.

use std::collections::BTreeSet;

use lectern_domain::api::Metadata;
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::LectureState as S;
use uuid::Uuid;

use super::world::{Stop, World};
use crate::db::planned::{self, Plan};
use crate::error::DbError;
use crate::plans::{self, Found};

const HOUR_MS: i64 = 3_600_000;

/// What the world was told of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is planned, and its loss would break a promise.
    Planned,
    /// It was called off, and its return would.
    Off,
    /// It is a lecture now.
    Begun,
    /// Something was asked and not confirmed: either may be so until both say the same.
    Asked,
}

/// One plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct ToldPlan {
    pub(super) id: LectureId,
    pub(super) standing: Standing,
}

impl World {
    /// Somebody plans a lecture, each at an hour of its own.
    pub(super) fn plan(&mut self) -> Result<(), Stop> {
        let number = self.plans.len();
        let starts_unix_ms = self.unix_ms() + (1 + i64::try_from(number).expect("a short life")) * HOUR_MS;
        let plan = Plan {
            id: LectureId(Uuid::from_u128(0x1000 + number as u128)),
            metadata: Metadata::default(),
            starts_unix_ms,
            ends_unix_ms: starts_unix_ms + 1,
        };
        self.plans.push(ToldPlan {
            id: plan.id,
            standing: Standing::Asked,
        });
        let planned = self.process().call(|db| async move { db.plan(plan).await });
        self.told(number, Standing::Planned, planned.map(|_| ()))
    }

    /// The last plan that is still to come is called off, or what was called off last taken back.
    pub(super) fn call_off(&mut self) -> Result<(), Stop> {
        let open = |plan: &ToldPlan| matches!(plan.standing, Standing::Planned | Standing::Off);
        let Some(at) = self.plans.iter().rposition(open) else {
            return Ok(());
        };
        let ToldPlan { id, standing } = self.plans[at];
        self.plans[at].standing = Standing::Asked;
        let (to, done) = if standing == Standing::Planned {
            let off = self
                .process()
                .call(|db| async move { db.set_state(id, S::Scheduled, S::Cancelled, None).await });
            (Standing::Off, off)
        } else {
            let back = self
                .process()
                .call(|db| async move { db.restore_planned(id).await });
            (Standing::Planned, back.map(|_| ()))
        };
        self.told(at, to, done)
    }

    fn told(&mut self, at: usize, to: Standing, done: Result<(), DbError>) -> Result<(), Stop> {
        match done {
            Ok(()) => self.plans[at].standing = to,
            // Refused by the disk, and said so.
            Err(DbError::Spool(_)) => {}
            Err(error) => return Err(Stop::Violated(format!("a plan cannot be changed: {error}"))),
        }
        Ok(())
    }

    /// The first plan, if there is one, to be begun; until that is confirmed, it is asked for.
    pub(super) fn plan_to_begin(&mut self) -> Option<LectureId> {
        let plan = self
            .plans
            .iter_mut()
            .find(|plan| plan.standing == Standing::Planned)?;
        plan.standing = Standing::Begun;
        Some(plan.id)
    }

    /// A beginning was in vain: it is planned as before.
    pub(super) fn not_begun(&mut self, id: LectureId) {
        if let Some(plan) = self.plans.iter_mut().find(|plan| plan.id == id) {
            plan.standing = Standing::Planned;
        }
    }

    /// P1: what was confirmed of plans is in the file on the device, whatever becomes of the rows.
    pub(super) fn check_plans(&self) -> Result<(), String> {
        let kept = self.kept_plans()?;
        for plan in &self.plans {
            let there = kept.contains(&plan.id);
            match plan.standing {
                Standing::Planned if !there => {
                    return Err(format!("P1: the plan {} is not on the device", plan.id));
                }
                Standing::Off if there => {
                    return Err(format!("P1: {} was called off and is on the device", plan.id));
                }
                Standing::Planned | Standing::Off | Standing::Begun | Standing::Asked => {}
            }
        }
        Ok(())
    }

    fn kept_plans(&self) -> Result<BTreeSet<LectureId>, String> {
        let Some(bytes) = self.disk.durable(&self.layout.plans()) else {
            return Ok(BTreeSet::new());
        };
        match plans::parse(&bytes) {
            Found::Plans(plans) => Ok(plans.plans.iter().map(|plan| plan.id).collect()),
            Found::Nothing | Found::Unfit(_) | Found::Unread(_) => {
                Err("P1: the file of plans is torn on the device".to_owned())
            }
        }
    }

    /// After a start the rows know every plan that was confirmed, and what was asked for is settled
    /// once rows and file say the same.
    pub(super) fn check_planned(&mut self) -> Result<(), String> {
        let kept = self.kept_plans()?;
        let ledger = &self.running().expect("the daemon runs between two acts").ledger;
        let rows = planned::all(&ledger.connection).map_err(|error| error.to_string())?;
        let rows: BTreeSet<LectureId> = rows.iter().map(|plan| plan.id).collect();
        for plan in &mut self.plans {
            let there = rows.contains(&plan.id);
            match plan.standing {
                Standing::Planned if !there => return Err(format!("P2: the plan {} is gone", plan.id)),
                Standing::Off | Standing::Begun if there => {
                    return Err(format!("P2: {} is planned again", plan.id));
                }
                Standing::Asked if there && kept.contains(&plan.id) => plan.standing = Standing::Planned,
                Standing::Planned | Standing::Off | Standing::Begun | Standing::Asked => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::super::acts::Act;
    use super::super::live;
    use super::super::planted::Planted;

    /// More operations than the longest of these lives takes.
    const OPERATIONS: u8 = 80;

    /// Why lives of plans alone fail, the power or the disk failing at each operation in turn.
    fn failures(planted: Planted) -> impl Iterator<Item = String> {
        let troubles = |at| {
            [
                Act::CutAt(at, u64::from(at)),
                Act::CutAt(at, 1 + 3 * u64::from(at)),
                Act::Fault(at, ErrorKind::Other),
                Act::Fault(at, ErrorKind::StorageFull),
            ]
        };
        let acts = [
            Act::Plan,
            Act::CallOff,
            Act::CallOff,
            Act::Plan,
            Act::Begin,
            Act::Plan,
        ];
        (0..OPERATIONS).flat_map(troubles).filter_map(move |trouble| {
            let life: Vec<Act> = [Act::Plan, trouble].into_iter().chain(acts).collect();
            live(&life, planted).err()
        })
    }

    /// P1: at whichever step the power goes, what was confirmed is in the file on the device.
    #[test]
    fn p1_a_confirmed_plan_outlives_a_cut_and_an_error_at_every_step() {
        assert_eq!(failures(Planted::Nothing).next(), None);
        for planted in [Planted::NoFileSync, Planted::NoFolderSync] {
            let by_plans =
                |why: String| why.starts_with("P1: the plan") || why.starts_with("P1: the file of plans");
            assert!(failures(planted).any(by_plans), "{planted:?} was not found");
        }
    }
}
