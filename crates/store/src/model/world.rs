//! A room with its disk, its daemon and its lectures, and everything that may happen to them.
//!
//! Time, power and errors are the test's. An act that the power cut unwinds out of leaves the
//! daemon dead; it is started again on what the disk kept, as often as it takes, and then the
//! promises are held against it (`check.rs`).

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use lectern_domain::lecture::LectureState as S;
use uuid::Uuid;

use super::acts::Act;
use super::disk::{ModelDisk, PowerCut};
use super::memory;
use super::plans::ToldPlan;
use super::planted::Planted;
use super::process::Process;
use super::told::Told;
use crate::clock;
use crate::disk::Disk;
use crate::layout::Layout;
use crate::meta::{self, Meta};
use crate::recovery::Recovery;
use crate::spool::writer::FolderLost;

/// The kernel's boot in the model.
pub(super) const BOOT: &str = "5eed5eed-0000-4000-8000-000000000000";
/// Five chunks a segment.
pub(super) const SEGMENT_NS: u64 = 5 * crate::test_cmaf::CHUNK_NS;
pub(super) const SYNC: Duration = Duration::from_millis(600);
/// How often the spool thread looks after its timer here: with each chunk.
pub(super) const TICK: Duration = Duration::from_nanos(crate::test_cmaf::CHUNK_NS);
/// Wall clock at the beginning of the world.
pub(super) const UNIX_MS: i64 = 1_789_000_000_000;

/// Why an act did not come to its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// The daemon ended itself, as it says it does.
    Ended,
    /// A promise was broken.
    Violated(String),
}

impl From<FolderLost> for Stop {
    fn from(_: FolderLost) -> Self {
        Self::Ended
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(process) = self.process.take()
            && !std::thread::panicking()
        {
            memory::give_back(process.ledger.connection);
        }
    }
}

/// The whole of it.
pub(super) struct World {
    pub(super) disk: ModelDisk,
    pub(super) layout: Layout,
    pub(super) uuid: Uuid,
    pub(super) lectures: Vec<Told>,
    pub(super) plans: Vec<ToldPlan>,
    pub(super) now_ns: u64,
    process: Option<Process>,
    epoch: Instant,
    cut_seed: u64,
    /// Power cuts so far.
    pub(super) cuts: u64,
    /// Segments that recovery took in.
    pub(super) salvaged: u64,
}

impl World {
    pub(super) fn new(planted: Planted) -> Self {
        let root = Path::new("/spool");
        let mut disk = ModelDisk::new(root);
        let layout = Layout::new(root);
        let uuid = Uuid::from_u128(1);
        let connection = memory::take(uuid);
        let meta = Meta {
            uuid,
            room: "b-204".to_owned(),
            created_unix_ms: 0,
        };
        meta::write(&mut disk, &layout, &meta).expect("an empty disk takes it");
        let mut process = Process::new(connection, &layout, uuid, &disk);
        process.start().expect("an empty spool opens");
        // From here on: the making of the spool itself is not what is tried.
        disk.state().planted = planted;
        Self {
            disk,
            layout,
            uuid,
            lectures: Vec::new(),
            plans: Vec::new(),
            now_ns: 0,
            process: Some(process),
            epoch: clock::now(),
            cut_seed: 0,
            cuts: 0,
            salvaged: 0,
        }
    }

    fn now(&self) -> Instant {
        self.epoch + Duration::from_nanos(self.now_ns)
    }

    pub(super) fn unix_ms(&self) -> i64 {
        UNIX_MS + i64::try_from(self.now_ns / 1_000_000).expect("a short test")
    }

    pub(super) fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the daemon runs between two acts")
    }

    /// The daemon, if it runs.
    pub(super) fn running(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    /// The lecture at work, if there is one, and the process.
    pub(super) fn at_work(&mut self) -> Option<(&mut Told, &mut Process)> {
        let told = self.lectures.last_mut().filter(|told| {
            matches!(
                told.state,
                S::Armed | S::Recording | S::Paused | S::Stopping | S::Interrupted
            )
        })?;
        Some((
            told,
            self.process.as_mut().expect("the daemon runs between two acts"),
        ))
    }

    /// Lets one thing happen, with all that follows from it.
    pub(super) fn perform(&mut self, act: Act) -> Result<(), String> {
        match act {
            Act::Kill => self.start_again(false),
            Act::Cut(seed) => self.power_cut(seed),
            Act::CutAt(ops, seed) => {
                self.cut_seed = seed;
                self.disk.state().cut_in = Some(u32::from(ops));
                Ok(())
            }
            Act::Fault(ops, kind) => {
                self.disk.state().fault_in = Some((u32::from(ops), kind));
                Ok(())
            }
            _ => self.guard(|world| world.act(act)),
        }
    }

    /// The end of every sequence: the power goes once more, and all is checked.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        self.disk.state().cut_in = None;
        self.disk.state().fault_in = None;
        self.power_cut(self.cut_seed ^ 0x5eed)?;
        let mut disk = self.disk.clone();
        let faulty = self.disk.state().faults > 0;
        super::check::fsck(&self.process().ledger, &mut disk, faulty)
    }

    /// Runs a piece of the daemon's work; the power may go in it.
    fn guard(&mut self, work: impl FnOnce(&mut Self) -> Result<(), Stop>) -> Result<(), String> {
        let before = self.disk.state().faults;
        let result = catch_unwind(AssertUnwindSafe(|| {
            work(self)?;
            let now = self.now();
            self.process().settle(now)?;
            Ok(())
        }));
        if self.disk.state().faults != before
            && let Some(told) = self.lectures.last_mut()
        {
            told.faulty = true;
        }
        self.check_unlinked()?;
        match result {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Stop::Ended)) => self.start_again(false),
            Ok(Err(Stop::Violated(what))) => Err(what),
            Err(payload) if payload.is::<PowerCut>() => self.power_cut(self.cut_seed),
            Err(payload) => resume_unwind(payload),
        }
    }

    fn power_cut(&mut self, seed: u64) -> Result<(), String> {
        self.cuts += 1;
        self.check_durable(&self.process.as_ref().expect("the daemon ran").ledger)?;
        self.disk.cut(seed);
        self.start_again(true)
    }

    /// The daemon is gone; it starts on what there is, through every cut and error that is still
    /// to come.
    fn start_again(&mut self, after_cut: bool) -> Result<(), String> {
        let dead = self.process.take().expect("the daemon ran");
        let mut connection = dead.ledger.connection;
        let mut seed = self.cut_seed;
        let mut cut = after_cut;
        loop {
            let faults = self.disk.state().faults;
            let mut process = Process::new(connection, &self.layout, self.uuid, &self.disk);
            let started = catch_unwind(AssertUnwindSafe(|| process.start()));
            self.check_unlinked()?;
            match started {
                // What the disk would not let go goes with the next start.
                Ok(Ok(recovery)) if !recovery.undeleted.is_empty() && self.disk.state().faults > faults => {}
                Ok(Ok(recovery)) => {
                    self.process = Some(process);
                    return self.recovered(&recovery, cut);
                }
                Ok(Err(_)) if self.disk.state().faults > faults => {}
                Ok(Err(error)) => return Err(format!("the spool does not open: {error}")),
                Err(payload) if payload.is::<PowerCut>() => {
                    seed = seed.rotate_left(7);
                    self.cuts += 1;
                    cut = true;
                    self.check_durable(&process.ledger)?;
                    self.disk.cut(seed);
                }
                Err(payload) => resume_unwind(payload),
            }
            connection = process.ledger.connection;
        }
    }

    /// What was found is what must be there; then the lecture at work goes on, or not.
    fn recovered(&mut self, recovery: &Recovery, cut: bool) -> Result<(), String> {
        self.salvaged += u64::from(recovery.salvaged_segments);
        self.check_recovered(recovery, cut)?;
        let go_on = !self.cut_seed.is_multiple_of(3);
        self.guard(|world| world.decide(go_on))
    }

    /// Time goes on by one step.
    pub(super) fn tick(&mut self) -> Result<(), Stop> {
        self.now_ns += u64::try_from(TICK.as_nanos()).expect("a fifth of a second");
        let now = self.now();
        self.process().settle(now)?;
        Ok(())
    }

    /// The next chunk of both tracks arrives.
    pub(super) fn chunk(&mut self) -> Result<(), Stop> {
        let (now, now_ns) = (self.now(), self.now_ns);
        let Some((told, process)) = self.at_work() else {
            return Ok(());
        };
        if told.state == S::Recording {
            for chunk in told.next_chunks(now_ns) {
                process.append(&chunk, now)?;
            }
        }
        self.tick()
    }

    /// The open run ends and its rows are committed.
    pub(super) fn end_run(&mut self) -> Result<(), Stop> {
        let now = self.now();
        let Some((told, process)) = self.at_work() else {
            return Ok(());
        };
        process.end_run(told.run_id(), now)?;
        Ok(())
    }

    /// The daemon ends in good order and starts again.
    pub(super) fn restart(&mut self) -> Result<(), Stop> {
        let now = self.now();
        self.process().close(now)?;
        Err(Stop::Ended)
    }

    /// The finisher's own writing: a part, synced, renamed, the folder synced.
    pub(super) fn write_finished(&mut self, folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let disk = self.process().disk();
        let part = folder.join(format!("{name}.part"));
        let mut file = disk.create_private(&part)?;
        disk.append(&mut file, bytes)?;
        disk.sync_all(&mut file)?;
        disk.rename(&part, &folder.join(name))?;
        disk.sync_dir(folder)
    }
}
