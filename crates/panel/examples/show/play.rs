//! Lets time pass in a room: the clock, the meter, the pictures, and what follows a stop.

use std::sync::Arc;
use std::time::Duration;

use lectern_domain::api::{PodiumState, Status};
use lectern_domain::lecture::LectureState;

use crate::scenes::Scene;
use crate::script::{Script, detail};

const CAMERA: [&[u8]; 2] = [
    include_bytes!("pictures/camera-1.jpg"),
    include_bytes!("pictures/camera-2.jpg"),
];
const SCREEN: &[u8] = include_bytes!("pictures/screen-1.jpg");
const STEP: Duration = Duration::from_millis(100);
const STEP_MS: u64 = 100;
/// The clock is moved every so many steps.
const TICK: u64 = 5;

/// Plays until it is dropped.
pub(crate) async fn play(room: Arc<Script>, scene: Scene) {
    let camera = CAMERA.map(Arc::from);
    let screen = Arc::from(SCREEN);
    let live = !matches!(scene, Scene::Fault | Scene::Starting);
    let mut timer = tokio::time::interval(STEP);
    for step in 0u64.. {
        timer.tick().await;
        if live && scene != Scene::Lost && step % 3 == 0 {
            room.picture("camera", &camera[usize::from(step / 12 % 2 == 1)]);
        }
        if live && step % 20 == 0 {
            room.picture("screen", &screen);
        }
        if live {
            room.level(loudness(scene, step));
        }
        if step % TICK != 0 {
            continue;
        }
        let mut over = None;
        room.set(|status| over = pass(status, scene));
        if let Some(stopped) = over {
            room.add(stopped);
            room.go(PodiumState::Ready);
            room.set(|status| {
                status.lecture = None;
                status.queue.pending += 1;
                status.queue.pending_lectures += 1;
            });
        }
    }
}

fn loudness(scene: Scene, step: u64) -> f32 {
    #[allow(clippy::cast_precision_loss, reason = "a scene does not run for years")]
    let phase = step as f32;
    match scene {
        Scene::Quiet => -63.0 + 2.0 * (phase * 0.9).sin(),
        Scene::Muted => -120.0,
        _ => -22.0 + 7.0 * (phase * 0.9).sin() + 5.0 * (phase * 0.31).sin(),
    }
}

/// Half a second passes; returns the lecture whose time to undo is over.
fn pass(status: &mut Status, scene: Scene) -> Option<lectern_domain::api::LectureDetail> {
    let passed_ms = TICK * STEP_MS;
    status.now_unix_ms += i64::try_from(passed_ms).expect("half a second is small");
    let now = status.now_unix_ms;
    if let Some(next) = &mut status.next
        && scene == Scene::Countdown
        && next.starts_unix_ms <= now
    {
        next.starts_unix_ms += 60_000;
    }
    let lecture = status.lecture.as_mut()?;
    if lecture.running {
        lecture.recorded_ms += passed_ms;
        lecture.bytes += 190_000;
    }
    if lecture.undo_until_unix_ms.is_none_or(|until| until >= now) {
        return None;
    }
    if scene == Scene::Saved {
        lecture.undo_until_unix_ms = Some(now + 10_000);
        return None;
    }
    let title = lecture.metadata.title.as_deref().unwrap_or("Untitled");
    Some(detail(
        lecture.id,
        LectureState::Finished,
        title,
        lecture.started_unix_ms,
    ))
}
