//! Promise P5 as a matrix: the sender is killed before and after each commit, and before the
//! effect, after the effect and after the answer of each request; it is started again, and in the
//! end each platform has each file once, whole, with the right hash, and every receipt is here.
//!
//! The sender is `examples/courier`: the daemon's queue, runner and adapters. Which points there
//! are is not written here but counted in a run that nobody disturbs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod arena;

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use arena::{Arena, Kind, example};
use lectern_testkit::Moment;
use lectern_tests::figure;
use tokio::process::{Child, Command};

/// A run that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);
/// Points that are tried at the same time.
const AT_ONCE: usize = 4;

/// Where the sender dies.
#[derive(Clone, Copy, Debug)]
enum Point {
    Commit(&'static str, usize),
    Request(usize, Moment),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p5_p6_a_folder_gets_each_file_once_wherever_we_die() {
    matrix(Kind::Directory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p5_p6_tus_gets_each_file_once_wherever_we_die() {
    matrix(Kind::Tus).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p5_p6_s3_gets_each_file_once_wherever_we_die() {
    matrix(Kind::S3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p5_p6_opencast_gets_one_lecture_wherever_we_die() {
    matrix(Kind::Opencast).await;
}

async fn matrix(kind: Kind) {
    let template = Arena::open(kind).await;
    template.fill();
    let spool = template.copy_of_spool();
    let (commits, requests) = undisturbed(&template).await;
    assert!(commits >= 8, "{kind:?}: {commits} commits");
    let deaths = (0..commits).flat_map(|at| [Point::Commit("before", at), Point::Commit("after", at)]);
    let kills = (1..=requests).flat_map(|n| {
        [Moment::BeforeEffect, Moment::AfterEffect, Moment::AfterReply]
            .map(|moment| Point::Request(n, moment))
    });
    let points: Vec<Point> = deaths.chain(kills).collect();
    let mut survived = 0;
    for some in points.chunks(AT_ONCE) {
        let tried = some
            .iter()
            .map(|point| tokio::spawn(die_at(kind, *point, spool.path().to_owned())));
        for tried in tried.collect::<Vec<_>>() {
            survived += usize::from(!tried.await.unwrap());
        }
    }
    println!(
        "{kind:?}: {} points ({commits} commits, {requests} requests), {} killed, each file once",
        points.len(),
        points.len() - survived
    );
    // That each file is there once was asserted after each.
    let what = format!("points at which a sender to {kind:?} was killed, each file once");
    figure::tell::<u64>(
        &what,
        points.len(),
        "points",
        format!("{commits} commits, {requests} requests"),
        &[],
    );
    // Only the answer to the last request can come too late to kill for.
    assert!(survived <= 1, "{kind:?}: {survived} runs were not killed");
}

/// How many commits and requests there are.
async fn undisturbed(arena: &Arena) -> (usize, usize) {
    let mut child = sender(arena, &[]);
    drop(child.stdin.take());
    let (status, said) = ended(child).await;
    assert!(status.success(), "{said}");
    arena.assert_once("undisturbed");
    (said.trim().parse().unwrap(), arena.requests())
}

/// Kills the sender at a point and starts it again; true when it was killed.
async fn die_at(kind: Kind, point: Point, spool: PathBuf) -> bool {
    let arena = Arena::open(kind).await;
    arena.take_spool(&spool);
    let number;
    let words = match point {
        Point::Commit(when, at) => {
            number = at.to_string();
            vec![when, number.as_str()]
        }
        Point::Request(..) => Vec::new(),
    };
    let mut child = sender(&arena, &words);
    if let Point::Request(n, moment) = point {
        arena.kill_on(child.id().unwrap(), n, moment);
    }
    drop(child.stdin.take());
    let (status, said) = ended(child).await;
    let killed = status.signal() == Some(9);
    assert!(killed || status.success(), "{kind:?} {point:?}: {status} {said}");
    assert!(
        killed || matches!(point, Point::Request(_, Moment::AfterReply)),
        "{kind:?} {point:?} was not reached"
    );

    let mut again = sender(&arena, &[]);
    drop(again.stdin.take());
    let (status, said) = ended(again).await;
    assert!(
        status.success(),
        "{kind:?} {point:?}, started again: {status} {said}"
    );
    arena.assert_once(&format!("killed at {point:?}"));
    killed
}

fn sender(arena: &Arena, words: &[&str]) -> Child {
    Command::new(example("courier"))
        .arg(arena.config())
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn ended(child: Child) -> (ExitStatus, String) {
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output())
        .await
        .expect("the sender ends")
        .unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (output.status, said.concat())
}
