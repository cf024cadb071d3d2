//! How long a start and each question to the queue take when the database knows 100,000 lectures.
//!
//! ```text
//! cargo run --release -p lectern-store --example bench_queue [-- FOLDER [LECTURES]]
//! ```
//! Fills a spool in FOLDER (the build folder without) with LECTURES delivered lectures, each with
//! its folder and `lecture.json`, and 100 that are on their way; the same with 1,000, to show what
//! grows and what does not. Then opens it as the daemon does after a power cut and asks. Shown and
//! not judged: a busy machine is not a slow program.

#![expect(
    clippy::unwrap_used,
    reason = "a measurement that fails may stop where it stands"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use lectern_domain::lecture::LectureState;
use lectern_store::{DueQuery, Options, Store, open};
use rusqlite::{Connection, Transaction, params};

const FEW: u32 = 1_000;
const OPEN: u32 = 100;
const ROUNDS: usize = 21;
const LECTURE_MS: i64 = 3_600_000;
const SOURCES: [&str; 3] = ["camera", "screen", "microphone"];
const SEGMENTS: i64 = 12;
const SEGMENT_BYTES: u64 = 90_000_000;
const FIRST_UNIX_MS: i64 = 1_600_000_000_000;

/// Names and times, in milliseconds.
type Figures = Vec<(&'static str, f64)>;

fn main() {
    let mut args = std::env::args().skip(1);
    let folder = args
        .next()
        .map_or_else(|| PathBuf::from("target/bench-queue"), PathBuf::from);
    let many: u32 = args.next().map_or(100_000, |count| count.parse().unwrap());
    let few = measure(&folder.join("few"), FEW);
    let all = measure(&folder.join("many"), many);
    println!("median ms, {OPEN} lectures on their way");
    println!("{:32} {:>12} {:>12}", "delivered lectures", FEW, many);
    for ((name, few), (_, all)) in few.iter().zip(&all) {
        println!("{name:32} {few:12.2} {all:12.2}");
    }
    for ((name, few), (_, all)) in few.iter().zip(&all) {
        let figure = serde_json::json!({
            "what": format!("{name}, median"),
            "ours": (all * 1_000.0).round() / 1_000.0,
            "unit": "ms",
            "of": format!("{many} lectures"),
            "beside": [[format!("with {FEW} lectures"), (few * 1_000.0).round() / 1_000.0]],
        });
        println!("figure {figure}");
    }
}

fn measure(folder: &Path, delivered: u32) -> Figures {
    if folder.exists() {
        fs::remove_dir_all(folder).unwrap();
    }
    fs::create_dir_all(folder).unwrap();
    let options = options(folder);
    start(&options).close();
    fill(folder, delivered);
    // The first start after it shelves what is new.
    start(&options).close();
    let mut figures = Figures::new();
    figures.push(("start after a power cut", median(|| drop(start(&options)))));

    let store = start(&options);
    ask(&store, delivered, &mut figures);
    store.close();
    fs::remove_dir_all(folder).unwrap();
    figures
}

fn options(folder: &Path) -> Options {
    Options {
        path: folder.canonicalize().unwrap(),
        room: "b-204".parse().unwrap(),
        timezone: Some("UTC".to_owned()),
        reserve: "1MiB".parse().unwrap(),
        sync_every: "1s".parse().unwrap(),
        segment: "1m".parse().unwrap(),
    }
}

fn start(options: &Options) -> Store {
    open(options, FIRST_UNIX_MS).unwrap().0
}

fn median(mut work: impl FnMut()) -> f64 {
    let mut taken: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            work();
            began.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    taken.sort_by(f64::total_cmp);
    taken[ROUNDS / 2]
}

fn ask(store: &Store, delivered: u32, figures: &mut Figures) {
    let db = store.db();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut time = |name, work: &dyn Fn()| figures.push((name, median(work)));
    let due = |phone_first, urgent_only| DueQuery {
        now_unix_ms: i64::MAX,
        platforms: vec!["central".parse().unwrap(), "usb".parse().unwrap()],
        phone_first,
        urgent_only,
    };
    let middle = id(delivered / 2).parse().unwrap();
    time("page of 50 lectures", &|| {
        let page = runtime.block_on(db.lectures(None, 50, None)).unwrap();
        assert_eq!(page.lectures.len(), 50);
    });
    time("page of 50 in the middle", &|| {
        let page = runtime.block_on(db.lectures(None, 50, Some(middle))).unwrap();
        assert_eq!(page.lectures.len(), 50);
    });
    time("page of 50 delivered", &|| {
        let state = Some(LectureState::Delivered);
        let page = runtime.block_on(db.lectures(state, 50, None)).unwrap();
        assert_eq!(page.lectures.len(), 50);
    });
    time("one lecture", &|| {
        assert!(runtime.block_on(db.lecture(middle)).unwrap().is_some());
    });
    time("lecture by the start of its id", &|| {
        assert_eq!(
            runtime
                .block_on(db.find_lecture(&id(delivered / 2)[..8]))
                .unwrap(),
            middle
        );
    });
    time("queue", &|| {
        let queue = runtime.block_on(db.queue()).unwrap();
        assert_eq!(queue.deliveries.len(), OPEN as usize + 20);
    });
    time("queue_summary", &|| {
        assert_eq!(runtime.block_on(db.queue_summary()).unwrap().pending, OPEN);
    });
    time("due_delivery, oldest", &|| {
        assert!(
            runtime
                .block_on(db.due_delivery(due(false, false)))
                .unwrap()
                .is_some()
        );
    });
    time("due_delivery, phone first", &|| {
        assert!(
            runtime
                .block_on(db.due_delivery(due(true, false)))
                .unwrap()
                .is_some()
        );
    });
    time("due_delivery, urgent: none", &|| {
        assert!(
            runtime
                .block_on(db.due_delivery(due(true, true)))
                .unwrap()
                .is_none()
        );
    });
    time("next_due_unix_ms", &|| {
        runtime.block_on(db.next_due_unix_ms()).unwrap();
    });
    time("backlog", &|| {
        assert_eq!(runtime.block_on(db.backlog()).unwrap().len(), 1);
    });
    time("spend", &|| {
        runtime.block_on(db.spend("2026-10-01".to_owned(), 1)).unwrap();
    });
    time("purgeable", &|| {
        assert_eq!(
            runtime.block_on(db.purgeable(i64::MAX)).unwrap().len(),
            KEPT.min(delivered) as usize
        );
    });
}

/// Delivered lectures whose recordings are still here; those before were purged.
const KEPT: u32 = 500;

fn id(number: u32) -> String {
    // The front is spread like that of random ids.
    format!(
        "{:08x}-0000-4000-8000-{number:012x}",
        number.wrapping_mul(2_654_435_761)
    )
}

fn fill(folder: &Path, delivered: u32) {
    let mut connection = Connection::open(folder.join("lectern.db")).unwrap();
    connection.pragma_update(None, "synchronous", "OFF").unwrap();
    let uuid: String = connection
        .query_row("SELECT uuid FROM meta", [], |row| row.get(0))
        .unwrap();
    let tx = connection.transaction().unwrap();
    for number in 0..delivered + OPEN {
        let state = match number {
            number if number >= delivered => "finished",
            number if number + KEPT >= delivered => "delivered",
            _ => "purged",
        };
        lecture(&tx, number, state);
        let home = folder.join("lectures").join(name(number));
        fs::create_dir(&home).unwrap();
        let text = format!(r#"{{"id":"{}","spool":"{uuid}","revision":1}}"#, id(number));
        fs::write(home.join("lecture.json"), text).unwrap();
        if state == "finished" {
            recordings(&home);
        }
    }
    tx.commit().unwrap();
}

/// What a start looks at, of a lecture that is not over: names and sizes.
fn recordings(home: &Path) {
    for source in SOURCES {
        let folder = home.join(source);
        fs::create_dir(&folder).unwrap();
        for segment in 1..=SEGMENTS {
            let file = fs::File::create(folder.join(format!("{segment:08}.mp4"))).unwrap();
            file.set_len(SEGMENT_BYTES).unwrap();
        }
    }
}

fn int(place: usize) -> i64 {
    i64::try_from(place).unwrap()
}

fn name(number: u32) -> String {
    format!("lecture-{number:06}_{}", id(number))
}

/// An hour of three tracks in segments of five minutes; four files of it were sent.
fn lecture(tx: &Transaction<'_>, number: u32, state: &str) {
    let (id, began) = (id(number), FIRST_UNIX_MS + i64::from(number) * LECTURE_MS);
    let (done, purged) = (state != "finished", state == "purged");
    let insert = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
        tx.prepare_cached(sql).unwrap().execute(values).unwrap();
    };
    insert(
        "INSERT INTO lectures (id, folder, state, title, started_unix_ms, planned_end_unix_ms, duration_ms, shelved,
                               purge_unix_ms)
         VALUES (?1, ?2, ?3, 'Lineare Algebra — 线性代数', ?4, ?4 + 3600000, 3600000, ?5, CASE WHEN ?6 THEN ?4 END)",
        params![id, name(number), state, began, done, purged],
    );
    insert(
        "INSERT INTO runs (lecture, run, base_mono_ns, started_unix_ms, end_ns, boot_id)
         VALUES (?1, 1, 0, ?2, 3600000000000, 'an-earlier-boot')",
        params![id, began],
    );
    let hash = format!("{number:064x}");
    let roles = ["presenter", "presentation", "microphone"];
    for (place, (source, role)) in SOURCES.into_iter().zip(roles).enumerate() {
        insert(
            "INSERT INTO tracks VALUES (?1, ?2, ?3, 'v4l2', ?4, NULL)",
            params![id, source, role, int(place)],
        );
        let segments = if purged { 0 } else { SEGMENTS };
        for segment in 1..=segments {
            insert(
                "INSERT INTO segments VALUES (?1, ?2, ?3, 1, 'closed', 0, ?4, ?5, ?6, ?6 + 300000000000)",
                params![
                    id,
                    source,
                    segment,
                    i64::try_from(SEGMENT_BYTES).unwrap(),
                    hash,
                    segment * 300_000_000_000
                ],
            );
        }
    }
    insert(
        "INSERT INTO deliveries (lecture, platform, state, attempts, queued_unix_ms, done_unix_ms)
         VALUES (?1, 'central', ?2, 1, ?3, ?4)",
        params![
            id,
            if done { "done" } else { "queued" },
            began,
            done.then_some(began + 1)
        ],
    );
    let delivery = tx.last_insert_rowid();
    for (place, (file, what, role, mib)) in [
        ("lecture.mp4", "lecture", None, 1_100_i64),
        ("camera.mp4", "track", Some("presenter"), 1_000),
        ("microphone.m4a", "track", Some("microphone"), 40),
        ("lecture.json", "metadata", None, 1),
    ]
    .into_iter()
    .enumerate()
    {
        let parts = if purged { 0 } else { mib / 8 + 1 };
        insert(
            "INSERT INTO files VALUES (?1, ?2, ?3, ?4, CASE WHEN ?5 IS NOT NULL THEN 'x' END, ?5, ?6, ?7, 3600000,
                                       'video/mp4', zeroblob(?8 * 32))",
            params![id, file, int(place), what, role, mib << 20, hash, parts],
        );
        // Of what is on its way, the small files are there: the hardest case for `phone_first`.
        let confirmed = done || mib < 100;
        insert(
            "INSERT INTO delivery_files VALUES (?1, ?2, ?3, ?4, NULL, ?5)",
            params![
                delivery,
                file,
                int(place),
                if confirmed { "confirmed" } else { "pending" },
                confirmed.then_some("there")
            ],
        );
        if confirmed {
            insert(
                "INSERT INTO receipts VALUES (?1, ?2, 'there', '{\"offset\":1}', ?3, ?4, ?5)",
                params![delivery, file, mib << 20, hash, began],
            );
        }
    }
}
