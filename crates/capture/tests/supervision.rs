//! The supervisor with real processes of paper (`examples/puppet.rs`): what they are told, what is
//! made of their words, and how a spare and its principal meet. Waits for what is to come, with a
//! deadline that a slow machine can keep.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use lectern_capture::clock::monotonic_ns;
use lectern_capture::{Capture, CaptureSettings, Media, Noted, Outputs, RunPlan, Stop};
use lectern_domain::config::{Source, SourceKind};
use lectern_domain::fact::FactKind;
use lectern_domain::ids::{LectureId, RunId, RunNumber};
use lectern_domain::media::Role;
use lectern_domain::track::TrackHealth;
use lectern_domain::wire::FailureReason;
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(60);
const SECOND: u64 = 1_000_000_000;

fn puppet() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let puppet = test.ancestors().nth(2).unwrap().join("examples/puppet");
    let path = puppet.display();
    assert!(
        puppet.is_file(),
        "{path} is not there: `cargo build -p lectern-capture --examples` first"
    );
    puppet
}

fn source(name: &str, spare_for: Option<&str>, script: &str) -> Source {
    Source {
        name: name.parse().unwrap(),
        role: Role::Microphone,
        kind: SourceKind::Gst {
            launch: script.to_owned(),
        },
        required: false,
        spare_for: spare_for.map(|name| name.parse().unwrap()),
        serial: None,
        delay_ms: 0,
        video: None,
        audio: None,
    }
}

/// A stage and everything that came off it so far.
struct Stage {
    capture: Capture,
    out: Outputs,
    plan: RunPlan,
    /// (start, end) of each chunk, nanoseconds of the run, by source.
    chunks: BTreeMap<String, Vec<(u64, u64)>>,
    drained: Vec<String>,
    facts: Vec<Noted>,
}

impl Stage {
    fn open(sources: &[Source], settings: CaptureSettings) -> Self {
        let (capture, out) = Capture::start(puppet(), sources, settings);
        let run = RunId {
            lecture: LectureId::random(),
            run: RunNumber(1),
        };
        let plan = RunPlan {
            run,
            base_ns: monotonic_ns(),
            pauses: vec![],
            stop: None,
        };
        Self {
            capture,
            out,
            plan,
            chunks: BTreeMap::new(),
            drained: Vec::new(),
            facts: Vec::new(),
        }
    }

    fn run_ns(&self) -> u64 {
        monotonic_ns() - self.plan.base_ns
    }

    fn record(&mut self) {
        self.plan.base_ns = monotonic_ns();
        self.follow();
    }

    fn follow(&self) {
        self.capture.follow(Some(self.plan.clone()));
    }

    /// Takes what comes until `enough`.
    async fn until(&mut self, what: &str, mut enough: impl FnMut(&Self) -> bool) {
        let all = async {
            while !enough(self) {
                tokio::select! {
                    media = self.out.media.recv() => match media.unwrap() {
                        Media::Chunk(chunk) => self
                            .chunks
                            .entry(chunk.source.to_string())
                            .or_default()
                            .push((chunk.start_ns, chunk.end_ns)),
                        Media::Drained { source, .. } => self.drained.push(source.to_string()),
                    },
                    fact = self.out.facts.recv() => self.facts.push(fact.unwrap()),
                    changed = self.out.changed.changed() => changed.unwrap(),
                    // For what nobody announces: the time, and counters.
                    () = sleep(Duration::from_millis(20)) => {}
                }
            }
        };
        let waited = timeout(PATIENCE, all).await;
        assert!(waited.is_ok(), "waited in vain for: {what}");
    }

    fn count(&self, name: &str) -> usize {
        self.chunks.get(name).map_or(0, Vec::len)
    }

    fn last_end(&self, name: &str) -> u64 {
        self.chunks[name].last().unwrap().1
    }

    fn told(&self, name: &str) -> Option<String> {
        self.capture.reports()[&name.parse().unwrap()].format.clone()
    }

    fn facts_of(&self, name: &str) -> Vec<FactKind> {
        let about = |noted: &&Noted| noted.fact.source.as_ref().unwrap().as_str() == name;
        self.facts
            .iter()
            .filter(about)
            .map(|noted| noted.fact.what)
            .collect()
    }

    async fn stop(&mut self, sources: usize) {
        self.plan.stop = Some(Stop {
            at_ns: self.run_ns(),
            hold: false,
        });
        self.follow();
        self.until("the end of all", |stage| stage.drained.len() == sources)
            .await;
    }
}

fn on_stage<F: Future<Output = ()>>(play: F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(play);
}

#[test]
fn p4_a_spare_covers_what_its_principal_leaves_out_and_no_hole_lies_between_them() {
    on_stage(async {
        let sources = [
            source("principal", None, "chunks=10"),
            source("spare", Some("principal"), ""),
        ];
        let mut stage = Stage::open(&sources, CaptureSettings::default());
        stage
            .until("both live", |s| {
                s.told("principal").is_some() && s.told("spare").is_some()
            })
            .await;
        stage.record();
        // Half a second of chunks in each of its lives, so the spare is told to rest in none.
        stage
            .until("two deaths and a return", |s| s.count("principal") > 25)
            .await;
        let principal = stage.chunks["principal"].clone();
        let died_at = principal[9].1;
        let spare = &stage.chunks["spare"];
        assert!(spare[0].0 >= died_at, "the spare rested until it was needed");
        assert!(
            spare[0].0 - died_at < 2 * SECOND,
            "the spare began {} ms after its principal",
            (spare[0].0 - died_at) / 1_000_000
        );
        let whole = spare.windows(2).all(|pair| pair[0].1 == pair[1].0);
        assert!(
            whole,
            "a principal that dies again does not find its spare asleep: {spare:?}"
        );
        assert_eq!(stage.facts_of("spare"), [FactKind::SpareOn]);
        let lost_and_back = [FactKind::SourceLost, FactKind::SourceBack];
        assert_eq!(stage.facts_of("principal")[..2], lost_and_back);
        let report = &stage.capture.reports()[&"spare".parse().unwrap()];
        assert!(report.standing_in);
        stage.stop(2).await;
        stage.capture.shutdown().await;
    });
}

#[test]
fn p4_a_spare_rests_again_after_its_principal_was_steady() {
    on_stage(async {
        let sources = [source("desk", None, ""), source("lapel", Some("desk"), "")];
        let mut stage = Stage::open(&sources, CaptureSettings::default());
        stage
            .until("both live", |s| {
                s.told("desk").is_some() && s.told("lapel").is_some()
            })
            .await;
        stage.record();
        stage
            .until("the principal's chunks", |s| s.count("desk") > 5)
            .await;
        assert_eq!(stage.count("lapel"), 0);
        let pid = child("desk");
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
        stage
            .until("the spare's rest", |s| {
                s.facts_of("lapel") == [FactKind::SpareOn, FactKind::SpareOff]
            })
            .await;
        let end = stage.last_end("lapel");
        let back = stage.chunks["desk"].windows(2).find(|pair| pair[1].0 > pair[0].1);
        let (_, back) = back
            .map(|pair| (pair[0].1, pair[1].0))
            .expect("the principal was away");
        assert!(
            end > back + SECOND,
            "they overlap: spare until {end}, principal from {back}"
        );
        // A spare that rests answers the stop at once, in the same breath as the others.
        let resting = stage.count("lapel");
        stage.stop(2).await;
        assert!(stage.count("lapel") - resting <= 1, "flushed, not begun again");
        let report = &stage.capture.reports()[&"desk".parse().unwrap()];
        assert_eq!(report.restarts, 1);
        assert!(report.lost_ms_total > 0);
        stage.capture.shutdown().await;
    });
}

#[test]
fn p4_a_source_that_was_away_at_the_end_of_a_lecture_is_missed_in_no_later_one() {
    on_stage(async {
        let name = "lectern";
        let sources = [source(name, None, ""), source("table", Some(name), "")];
        let mut stage = Stage::open(&sources, CaptureSettings::default());
        stage
            .until("both live", |s| {
                s.told(name).is_some() && s.told("table").is_some()
            })
            .await;
        stage.record();
        stage.until("its chunks", |s| s.count(name) > 5).await;
        nix::sys::signal::kill(child(name), nix::sys::signal::Signal::SIGKILL).unwrap();
        let report = |s: &Stage| s.capture.reports()[&name.parse().unwrap()].clone();
        stage.until("its death", |s| report(s).restarts == 1).await;
        stage.stop(2).await;
        stage.capture.follow(None);
        stage
            .until("its return", |s| {
                let report = report(s);
                report.health == TrackHealth::Live && report.captured > 3
            })
            .await;

        let before = (stage.facts.len(), stage.count(name));
        stage.plan.run.run = RunNumber(2);
        stage.plan.stop = None;
        stage.record();
        stage
            .until("chunks of the next run", |s| s.count(name) > before.1 + 5)
            .await;
        assert_eq!(stage.facts[before.0..], [], "it was there all the time");
        stage.drained.clear();
        stage.stop(2).await;
        stage.capture.shutdown().await;
    });
}

/// The thread that listens stands still for longer than a silent child is allowed to be.
#[test]
fn p4_a_machine_out_of_breath_is_not_taken_for_a_silent_source() {
    on_stage(async {
        let mut stage = Stage::open(&[source("pulpit", None, "")], CaptureSettings::default());
        stage.until("it live", |s| s.told("pulpit").is_some()).await;
        stage.record();
        stage.until("its chunks", |s| s.count("pulpit") > 5).await;
        let before = stage.facts.len();
        let stand_still = std::time::Instant::now() + std::time::Duration::from_secs(6);
        while let Some(left) = stand_still.checked_duration_since(std::time::Instant::now()) {
            std::thread::park_timeout(left);
        }
        let chunks = stage.count("pulpit");
        stage
            .until("what waited, and more", |s| s.count("pulpit") > chunks + 40)
            .await;
        let report = &stage.capture.reports()[&"pulpit".parse().unwrap()];
        assert_eq!((report.health, report.restarts), (TrackHealth::Live, 0));
        assert_eq!(stage.facts[before..], [], "it delivered all the time");
        stage.stop(1).await;
        stage.capture.shutdown().await;
    });
}

/// The process of a source; tests run beside each other, so its name is used in one of them only.
fn child(name: &str) -> nix::unistd::Pid {
    let parent = std::process::id().to_string();
    let found = std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let ours = stat.rsplit_once(')')?.1.split_whitespace().nth(1)? == parent;
        let cmdline = std::fs::read(entry.path().join("cmdline")).ok()?;
        let named = cmdline.split(|b| *b == 0).any(|word| word == name.as_bytes());
        (ours && named).then(|| nix::unistd::Pid::from_raw(pid))
    });
    found.expect("its process")
}

#[test]
fn the_first_device_is_expected_and_a_hardware_encoder_that_broke_is_shunned() {
    on_stage(async {
        let script = "device=A-17 encoder=vaapi breaks-encoder";
        let settings = CaptureSettings { pre_roll_ns: 5 };
        let mut stage = Stage::open(&[source("camera", None, script)], settings);
        let first = "expect=None shun=[] pre_roll_ns=5";
        stage
            .until("it live", |s| s.told("camera").as_deref() == Some(first))
            .await;
        stage.record();
        let second = r#"expect=Some("A-17") shun=[Vaapi] pre_roll_ns=5"#;
        stage
            .until("its second life", |s| s.told("camera").as_deref() == Some(second))
            .await;
        stage.until("its chunks", |s| s.count("camera") > 0).await;
        let report = stage.capture.reports()[&"camera".parse().unwrap()].clone();
        assert_eq!(report.reason, Some(FailureReason::Encoder));
        assert_eq!(report.device.as_deref(), Some("A-17"));
        assert_eq!(report.encoder.as_deref(), Some("vaapi of paper"));
        stage.until("the facts", |s| s.facts.len() == 3).await;
        let facts = [FactKind::Encoder, FactKind::SourceLost, FactKind::SourceBack];
        assert_eq!(stage.facts_of("camera"), facts);
        stage.stop(1).await;
        stage.capture.shutdown().await;
    });
}

#[test]
fn p4_a_killed_source_is_back_while_the_disk_takes_nothing() {
    on_stage(async {
        let mut stage = Stage::open(&[source("podium", None, "")], CaptureSettings::default());
        let live = |s: &Stage| s.capture.reports()[&"podium".parse().unwrap()].health == TrackHealth::Live;
        stage.until("it live", live).await;
        stage.record();
        stage.until("its chunks", |s| s.count("podium") > 0).await;
        // From here on nobody takes media; a hundred chunks are five seconds of one like this.
        let report = |s: &Stage| s.capture.reports()[&"podium".parse().unwrap()].clone();
        let waited = timeout(PATIENCE, async {
            while stage.out.media.len() < 100 {
                sleep(Duration::from_millis(20)).await;
            }
            nix::sys::signal::kill(child("podium"), nix::sys::signal::Signal::SIGKILL).unwrap();
            while report(&stage).restarts == 0 || report(&stage).health != TrackHealth::Live {
                sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(
            waited.await.is_ok(),
            "it waited for the disk: {:?}",
            report(&stage)
        );
        stage.stop(1).await;
        stage.capture.shutdown().await;
    });
}

#[test]
fn a_source_hears_when_somebody_looks_at_its_pictures_and_when_nobody_does() {
    on_stage(async {
        let mut stage = Stage::open(&[source("camera", None, "")], CaptureSettings::default());
        let (_, picture) = stage.capture.pictures().remove(0);
        let shows = |byte: u8| {
            let picture = picture.clone();
            move |_: &Stage| {
                picture
                    .borrow()
                    .as_ref()
                    .is_some_and(|shown| *shown.jpeg == [byte])
            }
        };
        let (first, second) = (stage.capture.audience().join(), stage.capture.audience().join());
        stage.until("that somebody looks", shows(1)).await;
        drop(first);
        assert!(stage.capture.audience().is_there());
        drop(second);
        stage.until("that nobody looks", shows(0)).await;
        stage.capture.shutdown().await;
    });
}

#[test]
fn p7_a_resume_while_the_encoder_still_flushes_loses_nothing_after_its_moment() {
    on_stage(async {
        let mut stage = Stage::open(
            &[source("microphone", None, "drains=700")],
            CaptureSettings::default(),
        );
        stage.until("it live", |s| s.told("microphone").is_some()).await;
        stage.record();
        stage.until("its chunks", |s| s.count("microphone") > 5).await;
        let from = stage.run_ns();
        stage.plan.pauses = vec![(from, None)];
        stage.follow();
        stage
            .until("time to pass", |s| s.run_ns() > from + SECOND / 5)
            .await;
        let to = stage.run_ns();
        stage.plan.pauses = vec![(from, Some(to))];
        stage.follow();
        stage
            .until("its chunks", |s| s.last_end("microphone") > to + SECOND)
            .await;
        for (start, end) in &stage.chunks["microphone"] {
            assert!(
                *end <= from || *start >= to,
                "{start}..{end} touches the pause {from}..{to}"
            );
        }
        // It was paused again and stopped before it had flushed: every order is answered.
        stage.plan.pauses.push((stage.run_ns(), None));
        stage.follow();
        stage.stop(1).await;
        assert_eq!(stage.drained, ["microphone"]);
        stage.capture.shutdown().await;
    });
}
