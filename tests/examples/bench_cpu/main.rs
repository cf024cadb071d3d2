//! What three tracks cost: Lectern beside bare `gst-launch-1.0` and `ffmpeg` doing the same job.
//!
//! ```text
//! cargo build --release --bins && cargo build --release -p lectern-source --example paint
//! cargo run --release -p lectern-tests --example bench_cpu [-- ROUNDS [SECONDS [SCENE...]]]
//! ```
//! A 1080p screen at 15 pictures a second, a 720p camera at 30 and stereo sound, the same x264 and
//! AAC settings, in turn on one X server and one sound server. The camera is a pipe that this
//! program fills at its pace. Counted are user and system seconds of all processes of a contender
//! in a window of media time after its start; the X server's own are beside it. A round in which
//! a contender got less than [`WHOLE`] of the camera's pictures did less work and counts for no
//! ratio. Shown and not judged: a busy machine is not a slow program.

#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a measurement that fails may stop where it stands, and needs three digits"
)]

mod camera;
mod contender;
mod processes;
mod stage;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use contender::{Contender, KINDS, Kind};
use lectern_tests::figure;
use processes::{Tree, load};
use stage::{SCENES, Stage};

/// The part of the camera's pictures that must be there.
const WHOLE: f64 = 0.97;

/// What one contender did in one round.
struct Figures {
    cores: f64,
    parts: BTreeMap<String, f64>,
    server_cores: f64,
    pss_mib: f64,
    tracks: Vec<contender::Track>,
}

impl Figures {
    fn is_whole(&self) -> bool {
        self.tracks.iter().all(|track| track.part_of_nominal() >= WHOLE)
    }
}

fn main() {
    let mut words = std::env::args().skip(1);
    let mut number = |default: u64| {
        words.next().map_or(default, |word| {
            word.parse().expect("ROUNDS and SECONDS are numbers")
        })
    };
    let (rounds, seconds) = (number(3), number(20));
    let mut scenes: Vec<String> = words.collect();
    if scenes.is_empty() {
        scenes = SCENES.map(String::from).to_vec();
    }
    let only = std::env::var("LECTERN_BENCH_ONLY").unwrap_or_default();
    let kinds: Vec<Kind> = KINDS
        .into_iter()
        .filter(|kind| only.is_empty() || only.split(',').any(|name| name == kind.name()))
        .collect();
    let stage = Stage::build();
    println!("load before: {}; {rounds} rounds of {seconds} s each", load());
    for scene in &scenes {
        let scene = scene.as_str();
        let painted = stage.paint(scene);
        let mut all: BTreeMap<Kind, Vec<Figures>> = BTreeMap::new();
        for round in 0..rounds {
            // Another one begins each round: none is always the first on a quiet machine.
            for place in 0..kinds.len() {
                let kind = kinds[(place + usize::try_from(round).unwrap()) % kinds.len()];
                let figures = measure(&stage, kind, Duration::from_secs(seconds));
                print_round(scene, round + 1, kind, &figures);
                all.entry(kind).or_default().push(figures);
            }
        }
        drop(painted);
        print_summary(scene, &all);
        tell(scene, &all);
    }
    println!("load after: {}", load());
}

fn measure(stage: &Stage, kind: Kind, window: Duration) -> Figures {
    let contender = Contender::start(kind, stage);
    contender.await_steady();
    let (tree, server) = (Tree::of(contender.pid()), Tree::of(stage.server_pid()));
    let (began, cpu, server_cpu) = (Instant::now(), tree.cpu_s(), server.cpu_s());
    stage::rest(window);
    let took = began.elapsed().as_secs_f64();
    let since = |before: BTreeMap<String, f64>, mut now: BTreeMap<String, f64>| {
        for (name, cpu_s) in &mut now {
            *cpu_s = (*cpu_s - before.get(name).unwrap_or(&0.0)) / took;
        }
        now
    };
    let (parts, server) = (since(cpu, tree.cpu_s()), since(server_cpu, server.cpu_s()));
    let pss_mib = tree.pss_mib();
    Figures {
        cores: parts.values().sum(),
        parts,
        server_cores: server.values().sum(),
        pss_mib,
        tracks: contender.finish(),
    }
}

fn print_round(scene: &str, round: u64, kind: Kind, figures: &Figures) {
    let tracks: Vec<String> = figures.tracks.iter().map(contender::Track::describe).collect();
    println!(
        "{scene:<7} round {round}  {:<10} {:.3} cores  X {:.3}  PSS {:>4.0} MiB  {}",
        kind.name(),
        figures.cores,
        figures.server_cores,
        figures.pss_mib,
        tracks.join("  ")
    );
    if figures.parts.len() > 1 {
        let parts = figures
            .parts
            .iter()
            .map(|(name, cores)| format!("{name} {cores:.3}"));
        println!("                  {}", parts.collect::<Vec<_>>().join("  "));
    }
}

fn print_summary(scene: &str, all: &BTreeMap<Kind, Vec<Figures>>) {
    let of = |kind: Kind, value: fn(&Figures) -> f64| -> Vec<f64> {
        all.get(&kind).into_iter().flatten().map(value).collect()
    };
    println!("\n{scene:<7}            cores min/median/max   with the X server     kbit/s of all tracks");
    for kind in all.keys() {
        println!(
            "        {:<10} {}    {}    {}",
            kind.name(),
            spread(of(*kind, |f| f.cores)),
            spread(of(*kind, |f| f.cores + f.server_cores)),
            spread(of(*kind, |f| f.tracks.iter().map(|track| track.kbit_s).sum())),
        );
    }
    for other in all.keys().filter(|kind| **kind != Kind::Lectern) {
        let (ours, theirs) = (all.get(&Kind::Lectern), all.get(other));
        let rounds = ours.into_iter().flatten().zip(theirs.into_iter().flatten());
        let ratios: Vec<f64> = rounds
            .filter(|(ours, theirs)| ours.is_whole() && theirs.is_whole())
            .map(|(ours, theirs)| ours.cores / theirs.cores)
            .collect();
        println!(
            "        Lectern / {:<10} {} ({} rounds)",
            other.name(),
            spread(ratios.clone()),
            ratios.len()
        );
    }
    println!();
}

/// The medians for the table of `scripts/bench`. A peer stands beside only the rounds that both
/// did whole, so each ratio is one of the same work.
fn tell(scene: &str, all: &BTreeMap<Kind, Vec<Figures>>) {
    let Some(ours) = all.get(&Kind::Lectern) else {
        return;
    };
    for (other, theirs) in all.iter().filter(|(kind, _)| **kind != Kind::Lectern) {
        let both: Vec<_> = ours
            .iter()
            .zip(theirs)
            .filter(|(ours, theirs)| ours.is_whole() && theirs.is_whole())
            .collect();
        if both.is_empty() {
            println!(
                "{scene}: no round in which both {} and Lectern got every picture",
                other.name()
            );
            continue;
        }
        let of = format!("{} rounds", both.len());
        for (what, unit, value) in [
            (
                "processor",
                "cores",
                (|f: &Figures| f.cores) as fn(&Figures) -> f64,
            ),
            ("memory", "MiB", |f| f.pss_mib),
        ] {
            let what = format!("{what} of three tracks, {scene}, beside {}", other.name());
            let ours: Vec<f64> = both.iter().map(|(ours, _)| value(ours)).collect();
            let theirs: Vec<f64> = both.iter().map(|(_, theirs)| value(theirs)).collect();
            let peer = [(other.name(), figure::median(&theirs))];
            figure::tell(&what, figure::median(&ours), unit, &of, &peer);
        }
    }
}

fn spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    match values.as_slice() {
        [] => "-".to_owned(),
        [first, .., last] if *last >= 100.0 => {
            format!("{first:.0}/{:.0}/{last:.0}", values[values.len() / 2])
        }
        [only] => format!("{only:.3}"),
        [first, .., last] => format!("{first:.3}/{:.3}/{last:.3}", values[values.len() / 2]),
    }
}
