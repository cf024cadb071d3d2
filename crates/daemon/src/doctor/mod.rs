//! `lectern doctor`: everything that must work, looked at while the recorder goes on.
//!
//! | file | what |
//! |---|---|
//! | `sources`, `judged` | two seconds of every source, and what they mean |
//! | `program` | `lectern-source`: its version, and how fast its encoders are |
//! | `disk` | the spool's disk: kind, room, speed |
//! | `access` | who may read and write what |
//! | `service` | systemd and memory |
//! | `lectures`, `fonts` | what waits for a person; fonts of the room's languages |
//! | `aside` | threads for looks that block |
//!
//! Clock, hours and platforms are the courier's to look at, who is told is the herald's. Everything goes on at a time and ends
//! within thirteen seconds; what hangs becomes a finding. Nothing here can touch a recording
//! (P10): devices are watched and not opened, the disk gets a small file without a name, and
//! encoders are tried only while nothing is recorded. What only somebody outside of the service
//! can see, such as other programs and units, the command line adds.

mod access;
mod aside;
mod disk;
mod fonts;
mod judged;
mod lectures;
mod program;
mod service;
mod sources;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lectern_capture::Program;
use lectern_domain::api::{self, Check, Levels, Status};
use lectern_domain::config::Config;
use lectern_herald::Tester;
use lectern_panel::Pictures;
use lectern_store::Db;
use tokio::sync::{broadcast, watch};
use tokio::time::timeout;

use self::aside::Aside;
use self::program::Wanted;
use self::sources::{Seen, Window};
use crate::courier::Prospects;
use crate::space;

/// A look that blocks may take so long.
const ASIDE_WITHIN: Duration = Duration::from_secs(12);
/// The database answers at once or stands still.
const COUNTED_WITHIN: Duration = Duration::from_secs(12);

/// What the doctor asks.
pub(crate) struct Patient {
    pub(crate) config: Arc<Config>,
    pub(crate) prospects: Prospects,
    pub(crate) status: watch::Receiver<Arc<Status>>,
    pub(crate) levels: broadcast::Sender<Levels>,
    pub(crate) pictures: Pictures,
    pub(crate) db: Db,
    /// Knows who is told of what a person must do.
    pub(crate) tester: Tester,
    /// `lectern-source`, as the sources are started from it.
    pub(crate) program: Arc<Program>,
}

/// Looks at everything; its threads are joined when it is dropped.
pub(crate) struct Doctor {
    patient: Patient,
    disk: Aside,
    files: Aside,
}

impl Doctor {
    pub(crate) fn new(patient: Patient) -> Self {
        Self {
            patient,
            disk: Aside::new("doctor-disk"),
            files: Aside::new("doctor-files"),
        }
    }

    /// Looks at everything, all at a time.
    pub(crate) async fn look(&self) -> api::Doctor {
        let patient = &self.patient;
        let status = Arc::clone(&patient.status.borrow());
        let window = Window {
            status: &patient.status,
            levels: patient.levels.subscribe(),
            pictures: &patient.pictures,
        };
        let (prospects, told, seen, programs, disk, files, lectures, fonts) = tokio::join!(
            patient.prospects.look(),
            patient.tester.probe(),
            sources::watch(window),
            self.programs(&status),
            self.disk(&status),
            self.files(),
            timeout(COUNTED_WITHIN, lectures::look(&patient.db, &status)),
            fonts::look(&patient.config.room.languages),
        );
        let mut checks = files;
        let (greeting, encoders) = programs;
        checks.push(greeting);
        checks.extend(self.sources(&seen, encoders));
        checks.extend(disk);
        checks.extend(prospects);
        checks.extend(told);
        checks.extend(lectures.unwrap_or_else(|_| vec![lectures::hangs()]));
        checks.extend(fonts);
        api::Doctor {
            checks: grouped(checks),
        }
    }

    /// What was seen of each source, and behind it how its encoder did.
    fn sources(&self, seen: &[Seen], mut encoders: Vec<Check>) -> Vec<Check> {
        let mut checks = Vec::new();
        for seen in seen {
            let mut configured = self.patient.config.sources.iter();
            if let Some(configured) = configured.find(|source| source.name == seen.source.name) {
                checks.extend(judged::judge(seen, configured));
            }
            let subject = format!("source.{}", seen.source.name);
            checks.extend(encoders.extract_if(.., |check| check.subject == subject));
        }
        checks.extend(encoders);
        checks
    }

    /// The version of `lectern-source`, then its encoders: while nothing is recorded.
    async fn programs(&self, status: &Status) -> (Check, Vec<Check>) {
        let (program, config) = (&self.patient.program, &self.patient.config);
        let greeting = program::greet(program).await;
        let wanted: Vec<Wanted> = status
            .sources
            .iter()
            .filter_map(|source| {
                let configured = config.sources.iter().find(|one| one.name == source.name)?;
                Wanted::of(source, configured)
            })
            .collect();
        let encoders = tokio::select! {
            biased;
            // The trial at work is killed by that.
            () = self.patient.prospects.recording_begins() => vec![Check::good(
                "source",
                "Encoders were not tried, because a lecture is recorded.",
            )],
            checks = program::try_encoders(program, wanted) => checks,
        };
        (greeting, encoders)
    }

    async fn disk(&self, status: &Status) -> Vec<Check> {
        let task = disk::Task {
            storage: status.storage.clone(),
            needed: space::configured_rate(&self.patient.config),
            recording: self.patient.prospects.is_recording(),
        };
        let found = self
            .disk
            .run(ASIDE_WITHIN, move |stop| disk::look(&task, stop))
            .await;
        found.unwrap_or_else(|_| vec![disk::hangs()])
    }

    async fn files(&self) -> Vec<Check> {
        let config = Arc::clone(&self.patient.config);
        let found = self.files.run(ASIDE_WITHIN, move |_| {
            let mut checks = service::judge(&service::Around::read(), env!("CARGO_PKG_VERSION"));
            checks.extend(access::look(&config));
            checks.extend(lectures::quarantine(Path::new(&config.storage.path)));
            checks
        });
        found.await.unwrap_or_else(|_| {
            vec![Check::bad(
                "access",
                "The files that the configuration names could not be looked at in time.",
                "Check the disk, and whether a network share that they lie on hangs.",
            )]
        })
    }
}

/// The order of the groups: from the machine to the sources to the way out.
const GROUPS: [&str; 12] = [
    "service", "config", "programs", "source", "disk", "access", "clock", "upload", "platform", "notify",
    "lectures", "fonts",
];

/// Brings what belongs together together and keeps the order otherwise.
fn grouped(mut checks: Vec<Check>) -> Vec<Check> {
    let place = |check: &Check| {
        let known = GROUPS.iter().position(|group| *group == check.group());
        known.unwrap_or(GROUPS.len())
    };
    checks.sort_by_key(place);
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_stand_by_their_groups_in_their_order() {
        let subjects = [
            "platform.a",
            "disk",
            "source.camera",
            "new",
            "source",
            "disk",
            "service",
        ];
        let checks = subjects
            .map(|subject| Check::good(subject, "It is well."))
            .to_vec();
        let sorted = grouped(checks);
        let sorted: Vec<&str> = sorted.iter().map(|check| check.subject.as_str()).collect();
        assert_eq!(
            sorted,
            [
                "service",
                "source.camera",
                "source",
                "disk",
                "disk",
                "platform.a",
                "new"
            ]
        );
    }
}
