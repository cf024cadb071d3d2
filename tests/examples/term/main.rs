//! What `scripts/bench term` runs: a term of lectures in one room, with everything on.
//!
//! Lectures of several courses are recorded in compressed days and sent in compressed nights: a
//! day is two minutes in which the window is closed, a night one minute in which it is open.
//! The power goes in the middle of every fifth lecture and once in some nights, the line breaks in
//! others; rate, window and budget are on. Each morning says what the forecast of the evening
//! before was worth. Ends with 1 unless every lecture is on the platform once, whole.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::process::ExitCode;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use lectern_testkit::{CuttingProxy, Rules, TusJudge, free_port};
use lectern_tests::room::{Room, sha256};
use lectern_tests::{figure, until};

/// Minutes of a compressed day, of which the last is the night.
const DAY_MINUTES: i64 = 3;
const COURSES: usize = 18;
const PER_DAY: usize = 6;
/// How long a lecture is recorded, in milliseconds: noise, of which a day has a little more than a
/// night can take.
const LECTURE_MS: u64 = 6_000;
/// Days of which the timetable knows the nights.
const DAYS: i64 = 40;

fn main() -> ExitCode {
    let lectures = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(54);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    // Dropped before the runtime is: the judge and the line live in it.
    let _inside = runtime.enter();
    let mut term = Term::begin(&runtime, lectures);
    term.days();
    term.nights_after();
    term.judgement()
}

struct Term {
    lectures: usize,
    room: Room,
    judge: TusJudge,
    line: CuttingProxy,
    _files: tempfile::TempDir,
    ids: Vec<String>,
    /// When each night begins.
    nights: Vec<Zoned>,
    outages: usize,
    cuts: usize,
    /// Openings since the first lecture, and what the evening said that it would take.
    used: u32,
    promised: Option<u32>,
}

/// The first whole minute after now, and each night from there on.
fn timetable() -> (String, Vec<Zoned>) {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    let first =
        now.start_of_day().unwrap() + (i64::from(now.hour()) * 60 + i64::from(now.minute()) + 1).minutes();
    let nights: Vec<Zoned> = (1..=DAYS)
        .map(|day| &first + (day * DAY_MINUTES - 1).minutes())
        .collect();
    let windows: Vec<String> = nights
        .iter()
        .map(|from| {
            let to = from + 1.minute();
            format!("\"{}-{}\"", from.strftime("%H:%M"), to.strftime("%H:%M"))
        })
        .collect();
    (windows.join(", "), nights)
}

impl Term {
    fn begin(runtime: &tokio::runtime::Runtime, lectures: usize) -> Self {
        let files = tempfile::tempdir().unwrap();
        let judge = runtime
            .block_on(TusJudge::start(files.path(), Rules::default()))
            .unwrap();
        let port = free_port().unwrap();
        let line = runtime
            .block_on(CuttingProxy::start(judge.address(), port))
            .unwrap();
        let (windows, nights) = timetable();
        let tables = format!(
            r#"
[[source]]
name = "camera"
role = "presenter"
kind = "gst"
launch = "videotestsrc is-live=true pattern=snow"
width = 320
height = 180
fps = 10
bitrate = "400kbit/s"
[[source]]
name = "microphone"
role = "microphone"
kind = "test-audio"
bitrate = "64kbit/s"
[[platform]]
name = "central"
kind = "tus"
url = "http://127.0.0.1:{port}/files/"
send = ["lecture", "tracks", "metadata"]
[upload]
window = [{windows}]
rate = "512kbit/s"
# The loopback is no line: its segments of 64 KiB come one a second at this rate.
yield = false
daily = "1GiB"
while_recording = "hold"
"#
        );
        let mut room = Room::new(&tables);
        room.env("LECTERN__ROOM__TIMEZONE", "UTC");
        room.start();
        room.await_sources();
        Self {
            lectures,
            room,
            judge,
            line,
            _files: files,
            ids: Vec::new(),
            nights,
            outages: 0,
            cuts: 0,
            used: 0,
            promised: None,
        }
    }

    fn days(&mut self) {
        println!("night  recorded  at dusk: lectures  MB     forecast nights  delivered by dawn  outages");
        while self.ids.len() < self.lectures {
            let night = self.next_night();
            let today = self.ids.len();
            while self.ids.len() < self.lectures
                && self.ids.len() < today + PER_DAY
                && Timestamp::now() + 15.seconds() < night.timestamp()
            {
                self.lecture();
            }
            self.night(&night);
        }
    }

    fn nights_after(&mut self) {
        let enough = self.used + 30;
        while self.delivered() < self.lectures && self.used < enough {
            let night = self.next_night();
            self.night(&night);
        }
    }

    fn next_night(&self) -> Zoned {
        let now = Timestamp::now();
        self.nights
            .iter()
            .find(|night| night.timestamp() > now)
            .expect("the term is over before its timetable")
            .clone()
    }

    /// One lecture; the power goes in the middle of every fifth.
    fn lecture(&mut self) {
        let number = self.ids.len();
        let id = self.room.lectern(&[
            "start",
            "--title",
            &format!("第{number}课 · Leçon {number}"),
            "--course",
            &format!("Course {}", number % COURSES),
        ]);
        self.room.await_recorded(LECTURE_MS / 2);
        if number % 5 == 4 {
            self.outages += 1;
            self.room.kill9();
            self.room.start();
        }
        self.room.await_recorded(LECTURE_MS);
        self.room.lectern(&["stop"]);
        until("the lecture is finished", || {
            let state = self.room.show(&id)["state"].as_str()?.to_owned();
            matches!(state.as_str(), "finished" | "delivering" | "delivered").then_some(())
        });
        self.ids.push(id);
    }

    /// Waits for the night and through it; something breaks in most of them.
    fn night(&mut self, night: &Zoned) {
        wait_till(night.timestamp() - 2.seconds());
        let forecast = self.room.status()["uploads"]["forecast"].clone();
        let (left, bytes) = (
            forecast["lectures"].as_u64().unwrap_or(0),
            forecast["bytes"].as_f64().unwrap_or(0.0) / 1e6,
        );
        let nights = forecast["nights"].as_u64();
        if self.ids.len() == self.lectures && self.promised.is_none() {
            self.promised = nights
                .and_then(|nights| u32::try_from(nights).ok())
                .map(|n| n + self.used);
        }
        wait_till(night.timestamp() + 20.seconds());
        match self.used % 4 {
            1 => {
                self.cuts += 1;
                self.line.reset_after(1);
            }
            2 => {
                self.cuts += 1;
                self.line.stall();
                wait_till(night.timestamp() + 30.seconds());
                self.line.flow();
            }
            3 => {
                self.outages += 1;
                self.room.kill9();
                self.room.start();
            }
            _ => {}
        }
        wait_till(night.timestamp() + 62.seconds());
        self.used += 1;
        println!(
            "{:5}  {:8}  {left:17}  {bytes:5.2}  {:>15}  {:17}  {:7}",
            self.used,
            self.ids.len(),
            nights.map_or("unknown".to_owned(), |nights| nights.to_string()),
            self.delivered(),
            self.outages + self.cuts
        );
    }

    fn delivered(&self) -> usize {
        let page = self.room.lectern(&["lectures", "--state", "delivered", "--json"]);
        let page: serde_json::Value = serde_json::from_str(&page).unwrap();
        page["lectures"].as_array().map_or(0, Vec::len)
    }

    fn judgement(mut self) -> ExitCode {
        let mut wanted = Vec::new();
        for id in &self.ids {
            for file in self.room.show(id)["files"].as_array().unwrap() {
                let name = file["name"].as_str().unwrap();
                wanted.push(sha256(&self.room.lecture_dir(id).join("finished").join(name)));
            }
        }
        self.room.terminate();
        wanted.sort_unstable();
        let mut there: Vec<String> = self
            .judge
            .whole()
            .into_iter()
            .filter_map(|upload| upload.sha256)
            .collect();
        there.sort_unstable();
        let breaches = self.judge.breaches();
        let once = there == wanted && breaches.is_empty();
        println!(
            "{} lectures of {COURSES} courses, {} power cuts, {} broken lines, {} nights (forecast on the last evening: \
             {}): {} of {} files on the platform, each {}",
            self.ids.len(),
            self.outages,
            self.cuts,
            self.used,
            self.promised
                .map_or("unknown".to_owned(), |nights| nights.to_string()),
            there.len(),
            wanted.len(),
            if once { "once" } else { "NOT once" }
        );
        let of = format!(
            "{} lectures, {} power cuts, {} broken lines",
            self.ids.len(),
            self.outages,
            self.cuts
        );
        let promised: Vec<_> = self
            .promised
            .map(|nights| ("the last evening's forecast", nights))
            .into_iter()
            .collect();
        figure::tell(
            "nights until everything was sent",
            self.used,
            "nights",
            &of,
            &promised,
        );
        let files = [("files made", wanted.len())];
        figure::tell("files on the platform", there.len(), "files", &of, &files);
        for breach in &breaches {
            println!("breach: {breach}");
        }
        if once {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

fn wait_till(moment: Timestamp) {
    while let Ok(left) = Duration::try_from(moment.duration_since(Timestamp::now()))
        && !left.is_zero()
    {
        std::thread::park_timeout(left);
    }
}
