//! Many rooms in one process, for those who measure what watches them:
//! `cargo run -p lectern-panel --example rooms COUNT FIRST_PORT`.
//!
//! Each room is a panel of its own on a port of its own, with three sources, a lecture at work
//! and a microphone that speaks ten times a second. The metrics are the real ones; the rooms
//! behind them are scripted.

#[path = "../tests/script/mod.rs"]
mod script;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lectern_domain::api::{
    Census, Command, CurrentLecture, Done, Figures, LectureDetail, LecturePage, Levels, Metadata,
    PlatformState, PlatformStatus, PodiumState, Queue, Refusal, Status,
};
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::LectureState;
use lectern_panel::{Control, Keys, Listeners, Pictures, serve};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;
use tokio::time::interval;

use script::{NINE_UNIX_MS, Script, ready};

/// A scripted room that has been at work for a term.
struct Simulated(Arc<Script>);

#[async_trait]
impl Control for Simulated {
    async fn command(&self, command: Command) -> Result<Done, Refusal> {
        self.0.command(command).await
    }

    fn status(&self) -> watch::Receiver<Arc<Status>> {
        self.0.status()
    }

    fn levels(&self) -> broadcast::Receiver<Levels> {
        self.0.levels()
    }

    fn pictures(&self) -> Pictures {
        self.0.pictures()
    }

    async fn lectures(
        &self,
        state: Option<LectureState>,
        limit: u32,
        after: Option<LectureId>,
    ) -> Result<LecturePage, Refusal> {
        self.0.lectures(state, limit, after).await
    }

    async fn lecture(&self, id: &str) -> Result<LectureDetail, Refusal> {
        self.0.lecture(id).await
    }

    async fn queue(&self) -> Result<Queue, Refusal> {
        self.0.queue().await
    }

    async fn figures(&self) -> Figures {
        Figures {
            census: Some(Census {
                lectures: vec![(LectureState::Delivered, 212), (LectureState::Purged, 740)],
                starts: 9,
                ..Census::default()
            }),
            ..Figures::default()
        }
    }

    fn healthy(&self) -> bool {
        self.0.healthy()
    }
}

fn at_work(status: &mut Status, room: usize) {
    status.room.id = format!("room-{room:03}");
    status.state = PodiumState::Recording;
    status.lecture = Some(CurrentLecture {
        id: LectureId::random(),
        state: LectureState::Recording,
        metadata: Metadata::default(),
        started_unix_ms: NINE_UNIX_MS,
        recorded_ms: 1_200_000,
        running: true,
        ends_unix_ms: NINE_UNIX_MS + 5_400_000,
        paused_unix_ms: None,
        undo_until_unix_ms: None,
        run: 1,
        gap_ms: Some(0),
        bytes: 400_000_000,
        segments_closed: 60,
        marks: 0,
        facts: 0,
    });
    status.uploads.platforms = vec![PlatformStatus {
        name: "central".parse().expect("a plain name"),
        kind: "s3".to_owned(),
        state: PlatformState::Ok,
        message: None,
        next_unix_ms: None,
        pending: 2,
    }];
}

/// What changes from scrape to scrape, for as long as anybody looks.
async fn live(room: Arc<Script>) {
    let mut tenths = interval(Duration::from_millis(100));
    for tenth in 0_u64.. {
        tenths.tick().await;
        let loud = tenth % 50 < 25;
        room.level(if loud { -24.0 } else { -58.0 });
        if tenth % 10 == 0 {
            room.set(|status| {
                for source in &mut status.sources {
                    source.captured += 30;
                    source.bytes += 40_000;
                }
            });
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    const USAGE: &str = "usage: rooms COUNT FIRST_PORT";
    let mut words = std::env::args().skip(1);
    let count: usize = words.next().ok_or(USAGE)?.parse()?;
    let first: u16 = words.next().ok_or(USAGE)?.parse()?;
    let mut lives = JoinSet::new();
    let mut servers = JoinSet::new();
    for (room, port) in (0..count).zip(first..) {
        let script = Script::new(ready());
        script.set(|status| at_work(status, room));
        lives.spawn(live(Arc::clone(&script)));
        let listeners = Listeners {
            socket: None,
            tcp: Some(TcpListener::bind(("127.0.0.1", port))?),
        };
        // Without the signal the program can still be killed.
        let interrupted = async { drop(tokio::signal::ctrl_c().await) };
        let keys = Keys::default().unchanging();
        servers.spawn(serve(listeners, keys, Arc::new(Simulated(script)), interrupted));
    }
    println!("{count} rooms from port {first}");
    while let Some(served) = servers.join_next().await {
        served??;
    }
    lives.shutdown().await;
    Ok(())
}
