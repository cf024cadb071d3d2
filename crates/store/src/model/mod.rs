//! The model: the store on a disk that forgets what was not synced, through random lives.
//!
//! The writer, the database code, recovery, deletion and `fsck` are the product's own; the disk
//! is a model (`disk.rs`), the two threads are stepped by hand (`process.rs`), and SQLite works
//! in memory: its COMMIT is taken at its word, and a power cut leaves it alone. A sequence is a
//! list of acts (`acts.rs`); after each start of the daemon the promises P1, P2, P3 and P6 are
//! checked (`check.rs`), and at its end `fsck` finds nothing. Three bugs are planted to prove
//! that the model can fail.
//!
//! `cargo test` runs a small number of sequences; `LECTERN_MODEL_CASES` asks for more:
//! `LECTERN_MODEL_CASES=100000 cargo test --release -p lectern-store --lib model -- --nocapture`.

mod acts;
mod check;
mod dice;
mod disk;
mod life;
mod memory;
mod names;
mod pages;
mod plans;
mod planted;
mod process;
mod told;
mod world;

use std::cell::RefCell;
use std::time::Instant;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRunner};

use acts::{Act, sequences};
use lectern_domain::lecture::LectureState;
use planted::Planted;
use world::World;

/// Sequences of an ordinary test run.
const CASES: u32 = 2_000;
/// Sequences within which a planted bug must be found.
const CASES_FOR_A_BUG: u32 = 500;
/// Runs side by side: the sequences share nothing.
const THREADS: u32 = 2;

/// What was tried.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    sequences: u64,
    acts: u64,
    cuts: u64,
    faults: u64,
    operations: u64,
    lectures: u64,
    delivered: u64,
    purged: u64,
    salvaged: u64,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.sequences += other.sequences;
        self.acts += other.acts;
        self.cuts += other.cuts;
        self.faults += other.faults;
        self.operations += other.operations;
        self.lectures += other.lectures;
        self.delivered += other.delivered;
        self.purged += other.purged;
        self.salvaged += other.salvaged;
    }
}

/// One life. The error is the promise that was broken.
fn live(acts: &[Act], planted: Planted) -> Result<Count, String> {
    let mut world = World::new(planted);
    for act in acts {
        world.perform(*act)?;
    }
    world.finish()?;
    let state = world.disk.state();
    Ok(Count {
        sequences: 1,
        acts: acts.len() as u64,
        cuts: world.cuts,
        faults: u64::from(state.faults),
        operations: state.ops,
        lectures: world.lectures.len() as u64,
        delivered: world.lectures.iter().filter(|told| told.delivered).count() as u64,
        purged: world
            .lectures
            .iter()
            .filter(|told| told.state == LectureState::Purged)
            .count() as u64,
        salvaged: world.salvaged,
    })
}

/// Runs `cases` random sequences; the error names the smallest that breaks a promise.
fn run(cases: u32, planted: Planted) -> (Count, Result<(), TestError<Vec<Act>>>) {
    let config = Config {
        cases,
        failure_persistence: None,
        // The default is a cipher, and takes half of the time of an unoptimised test.
        rng_algorithm: RngAlgorithm::XorShift,
        max_shrink_iters: 2_000,
        ..Config::default()
    };
    let count = RefCell::new(Count::default());
    let result = TestRunner::new(config).run(&sequences(), |acts| {
        let lived = live(&acts, planted).map_err(TestCaseError::fail)?;
        count.borrow_mut().add(lived);
        Ok(())
    });
    (count.into_inner(), result)
}

#[test]
fn p1_p2_p3_p6_no_sequence_of_acts_cuts_and_errors_breaks_a_promise() {
    let cases = std::env::var("LECTERN_MODEL_CASES").map_or(CASES, |text| {
        text.parse()
            .expect("LECTERN_MODEL_CASES is a number of sequences")
    });
    let began = Instant::now();
    let mut total = Count::default();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| run(cases.div_ceil(THREADS), Planted::Nothing)))
            .collect();
        for run in runs {
            let (count, result) = run.join().expect("a violation is an error, not a panic");
            total.add(count);
            if let Err(error) = result {
                panic!("{error}");
            }
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    let Count {
        sequences,
        acts,
        cuts,
        faults,
        operations,
        lectures,
        delivered,
        purged,
        salvaged,
    } = total;
    println!(
        "model: {sequences} sequences, {acts} acts, {lectures} lectures ({delivered} delivered, {purged} \
         purged), {salvaged} segments salvaged, {operations} disk operations, {cuts} power cuts, {faults} disk errors, 0 violations; {:.0} sequences/s",
        sequences as f64 / seconds
    );
    let figure = serde_json::json!({
        "what": "promises broken in random lives of the store",
        "ours": 0,
        "unit": "promises",
        "of": format!("{sequences} lives, {cuts} power cuts, {faults} disk errors"),
        "beside": [["promised bound", 0]],
    });
    println!("figure {figure}");
}

/// A disk that refuses an fsync, a daemon that is killed after it, and then a power cut: memory
/// shows bytes that the device never got, and no later fsync tells.
#[test]
fn p1_what_a_failed_sync_lost_is_not_closed_by_the_next_start() {
    let broken = |planted| {
        let lives = (0..60).map(|ops| {
            let fault = Act::Fault(ops, std::io::ErrorKind::Other);
            vec![
                Act::Begin,
                Act::Chunks(2),
                fault,
                Act::Chunks(3),
                Act::Wait(4),
                Act::Kill,
            ]
        });
        lives.filter(|acts| live(acts, planted).is_err()).count()
    };
    assert_eq!(broken(Planted::Nothing), 0);
    assert!(broken(Planted::StaleCache) > 0, "the model knows this trap");
}

/// The model finds each bug that is planted: it can fail.
#[test]
fn the_model_finds_every_planted_bug() {
    for planted in [Planted::NoFileSync, Planted::NoFolderSync, Planted::CommitFirst] {
        let (count, result) = run(CASES_FOR_A_BUG, planted);
        let Err(TestError::Fail(reason, acts)) = result else {
            panic!("{planted:?} was not found in {CASES_FOR_A_BUG} sequences: {result:?}");
        };
        println!(
            "planted {planted:?}: found in sequence {}, smallest {acts:?}: {reason}",
            count.sequences + 1
        );
        let figure = serde_json::json!({
            "what": format!("lives until the planted bug {planted:?} was found"),
            "ours": count.sequences + 1,
            "unit": "lives",
            "of": "one search",
            "beside": [["lives it may take", CASES_FOR_A_BUG]],
        });
        println!("figure {figure}");
    }
}
