//! Serves the podium page with a scripted room behind it, so that anybody can look at it and
//! press its buttons without a camera: `cargo run -p lectern-panel --example show [SCENE]`.
//!
//! Scenes: ready, starting, recording, lost, paused, saved, fault. The port is 8471 unless
//! `PORT` says otherwise. It is a stage for the page and never part of the product.

#[path = "../tests/script/mod.rs"]
mod script;

use std::sync::Arc;
use std::time::Duration;

use lectern_domain::api::{Message, PodiumState, Severity};
use lectern_domain::ids::{DeliveryId, LectureId};
use lectern_domain::lecture::LectureState;
use lectern_domain::track::TrackHealth;
use lectern_domain::wire::FailureReason;
use lectern_panel::{Listeners, serve};

use script::{Script, detail, ready};

const CAMERA: [&[u8]; 2] = [
    include_bytes!("pictures/camera-1.jpg"),
    include_bytes!("pictures/camera-2.jpg"),
];
const SCREEN: &[u8] = include_bytes!("pictures/screen-1.jpg");
const STEP: Duration = Duration::from_millis(100);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scene = std::env::args().nth(1).unwrap_or_else(|| "ready".into());
    let port: u16 = std::env::var("PORT")
        .ok()
        .and_then(|p| p.parse().ok())
        .unwrap_or(8471);
    let room = Script::new(ready());
    set_the_stage(&room, &scene);
    let play = tokio::spawn(play(Arc::clone(&room), scene));
    let tcp = std::net::TcpListener::bind(("127.0.0.1", port))?;
    println!("http://{}/", tcp.local_addr()?);
    let interrupted = async {
        // Without the signal the program can still be killed.
        drop(tokio::signal::ctrl_c().await);
    };
    serve(
        Listeners {
            socket: None,
            tcp: Some(tcp),
        },
        room,
        interrupted,
    )
    .await?;
    play.abort();
    Ok(())
}

fn set_the_stage(room: &Script, scene: &str) {
    let day = 86_400_000;
    let began = script::NINE_UNIX_MS;
    for (title, state, ago) in [
        ("Organic chemistry II", LectureState::Delivered, day + 3_600_000),
        (
            "Introduction to statistics: what a sample can and cannot tell us",
            LectureState::Delivered,
            7_200_000,
        ),
        ("History of the Niger delta", LectureState::Finished, 5_400_000),
    ] {
        room.add(detail(LectureId::random(), state, title, began - ago));
    }
    room.set(|status| {
        status.queue.pending = 3;
        status.queue.pending_lectures = 3;
        if scene == "ready" {
            status.queue.pending = 0;
            status.queue.pending_lectures = 0;
        }
    });
    let state = match scene {
        "starting" => PodiumState::Starting,
        "recording" | "lost" => PodiumState::Recording,
        "paused" => PodiumState::Paused,
        "saved" => PodiumState::Saved,
        "fault" => PodiumState::Fault,
        _ => PodiumState::Ready,
    };
    room.go(state);
    room.set(|status| {
        if let Some(lecture) = &mut status.lecture {
            lecture.metadata.title = Some("Cell biology".into());
            lecture.recorded_ms = if scene == "starting" { 0 } else { 2_539_000 };
            lecture.started_unix_ms -= 2_600_000;
            lecture.ends_unix_ms -= 2_600_000;
        }
        match scene {
            "starting" => status
                .sources
                .iter_mut()
                .for_each(|s| s.health = TrackHealth::Starting),
            "lost" => {
                lose(&mut status.sources[0]);
                status.messages.push(Message {
                    severity: Severity::Warning,
                    code: "source-lost".into(),
                    subject: Some("camera".into()),
                    what: "The camera is unplugged.".into(),
                    safe: "Sound and slides are still being recorded.".into(),
                    todo: "Push the cable back in or call 4444.".into(),
                    ..Message::default()
                });
                status.messages.push(Message {
                    severity: Severity::Info,
                    code: "delivery-waiting".into(),
                    subject: Some("central".into()),
                    what: "The video platform does not answer.".into(),
                    safe: "Three lectures are kept here.".into(),
                    todo: "It is tried again at 11:00.".into(),
                    ..Message::default()
                });
            }
            "fault" => {
                status.sources.iter_mut().for_each(lose);
                status.storage.recordable_ms = 0;
                status.queue.parked = 1;
                status.messages.push(Message {
                    severity: Severity::Error,
                    code: "disk-full".into(),
                    subject: None,
                    what: "The disk of the recorder is full.".into(),
                    safe: "Every lecture so far is safe.".into(),
                    todo: "Call 4444 before the lecture.".into(),
                    ..Message::default()
                });
            }
            _ => {}
        }
    });
}

fn lose(source: &mut lectern_domain::api::SourceStatus) {
    source.health = TrackHealth::Restarting;
    source.reason = Some(FailureReason::Lost);
    source.has_picture = false;
}

/// Lets time pass: the clock, the meter, the pictures, and what follows a stop.
async fn play(room: Arc<Script>, scene: String) {
    let camera = CAMERA.map(Arc::from);
    let screen = Arc::from(SCREEN);
    let step_ms = STEP.as_millis() as u64;
    let mut timer = tokio::time::interval(STEP);
    for step in 0u64.. {
        timer.tick().await;
        let live = scene != "fault" && scene != "starting";
        if live && scene != "lost" && step % 3 == 0 {
            room.picture("camera", &camera[usize::from(step / 12 % 2 == 1)]);
        }
        if live && step % 20 == 0 {
            room.picture("screen", &screen);
        }
        if live {
            let phase = step as f32;
            room.level(-22.0 + 7.0 * (phase * 0.9).sin() + 5.0 * (phase * 0.31).sin());
        }
        if step % 5 != 0 {
            continue;
        }
        let mut over = false;
        let mut sent = None;
        room.set(|status| {
            status.now_unix_ms += 5 * step_ms as i64;
            if let Some(lecture) = &mut status.lecture {
                if lecture.running {
                    lecture.recorded_ms += 5 * step_ms;
                    lecture.bytes += 190_000;
                }
                over = scene != "saved"
                    && lecture
                        .undo_until_unix_ms
                        .is_some_and(|until| until < status.now_unix_ms);
                if over {
                    sent = Some((
                        lecture.id,
                        lecture.metadata.title.clone(),
                        lecture.started_unix_ms,
                    ));
                }
            }
        });
        if over {
            if let Some((id, title, began)) = sent {
                room.add(detail(
                    id,
                    LectureState::Finished,
                    title.as_deref().unwrap_or("Untitled"),
                    began,
                ));
                room.set(|status| {
                    status.queue.pending += 1;
                    status.queue.pending_lectures += 1;
                });
            }
            room.go(PodiumState::Ready);
        }
        // Shown so that the row of a delivery is exercised by eye as well.
        if scene == "recording" && step == 0 {
            room.set(|status| status.queue.active = Some(delivery()));
        }
    }
}

fn delivery() -> lectern_domain::api::DeliveryView {
    lectern_domain::api::DeliveryView {
        id: DeliveryId(1),
        lecture: LectureId::random(),
        title: Some("History of the Niger delta".into()),
        platform: "central".parse().expect("a well-formed name"),
        state: lectern_domain::delivery::DeliveryState::Sending,
        sent_bytes: 610_000_000,
        total_bytes: 1_500_000_000,
        attempts: 1,
        next_unix_ms: None,
        message: None,
        done_unix_ms: None,
        locations: Vec::new(),
    }
}
