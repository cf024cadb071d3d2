//! Lights and buttons at the podium: what the lamps show, and what a press asks for. A press goes
//! the way of a press on the page, through the conductor's requests; a refusal is seen on the
//! lamps and read in the log. Nobody at a button can be asked to try again in a second: what a
//! recorder refuses because it is just being started is asked again by itself.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use lectern_capture::clock::monotonic_ns;
use lectern_domain::api::{Command, Done, Levels, PodiumState, Refusal, Status};
use lectern_domain::config::Config;
use lectern_tally::{Fittings, Pressed, Silence, sign, wish};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tracing::{debug, error, info, warn};

use crate::conductor::Request;

/// Presses that nobody has looked at yet; a hand makes a few in a second, and more are dropped.
const PRESS_BOUND: usize = 8;
/// How often it is looked whether a silence has become too long.
const LISTEN_EVERY: Duration = Duration::from_secs(1);
/// How long a recorder and its sources may take to be back, until the lamps say that they are not;
/// the page and the command line wait as long.
const BACK_WITHIN: Duration = Duration::from_secs(8);
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// What the podium's task works with.
struct Podium {
    fittings: Fittings,
    presses: mpsc::Receiver<Pressed>,
    requests: mpsc::Sender<Request>,
    status: watch::Receiver<Arc<Status>>,
    /// Heard only for the lamps.
    levels: Option<broadcast::Receiver<Levels>>,
    silence: Silence,
}

/// The task that minds the podium, if the room has lights or buttons.
pub(crate) struct Minder {
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
}

impl Minder {
    /// Starts the threads of all lights and buttons, and their task. A podium that cannot be had
    /// is noted, and the recorder goes on without.
    pub(crate) fn start(
        config: &Config,
        requests: mpsc::Sender<Request>,
        status: watch::Receiver<Arc<Status>>,
        levels: &broadcast::Sender<Levels>,
    ) -> Self {
        let nobody = Self {
            stop: None,
            task: None,
        };
        if config.lights.is_empty() && config.buttons.is_empty() {
            return nobody;
        }
        let (out, presses) = mpsc::channel(PRESS_BOUND);
        let fittings = match fitted(config, out) {
            Ok(fittings) => fittings,
            Err(error) => {
                error!(error = %error, "lights and buttons have no threads; the page and the command line work");
                return nobody;
            }
        };
        let podium = Podium {
            fittings,
            presses,
            requests,
            status,
            levels: (!config.lights.is_empty()).then(|| levels.subscribe()),
            silence: Silence::default(),
        };
        let (stop, stopped) = oneshot::channel();
        Self {
            stop: Some(stop),
            task: Some(tokio::spawn(podium.mind(stopped))),
        }
    }

    /// Puts the lamps out and waits for the threads.
    pub(crate) async fn close(self) {
        drop(self.stop);
        if let Some(task) = self.task
            && task.await.is_err()
        {
            warn!("the podium's task panicked");
        }
    }
}

fn fitted(config: &Config, out: mpsc::Sender<Pressed>) -> io::Result<Fittings> {
    Fittings::start(&config.lights, &config.buttons, move |pressed| {
        if let Err(error) = out.try_send(pressed) {
            warn!(error = %error, "a press was dropped: presses came faster than they are answered");
        }
    })
}

impl Podium {
    async fn mind(mut self, mut stopped: oneshot::Receiver<()>) {
        let mut listen = interval(LISTEN_EVERY);
        listen.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // One press at a time: the next is judged by the state that this one leads to. One that is
        // only waiting to be asked again gives way to the next.
        let mut asked: Option<Asked> = None;
        self.show();
        loop {
            tokio::select! {
                biased;
                // An error means that the minder is gone, which is the same.
                _ = &mut stopped => break,
                due = due(&mut asked) => {
                    asked = asked.take().and_then(|asked| match due {
                        Due::Answer(answer) => self.told(asked, answer),
                        Due::Again => self.send(asked.pressed, asked.command, asked.until),
                    });
                }
                changed = self.status.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    self.show();
                }
                Some(pressed) = self.presses.recv(), if asked.as_ref().is_none_or(Asked::rests) => {
                    // A finger that is lifted asks for nothing, and takes nothing back.
                    if let Some(command) = self.meant(&pressed) {
                        asked = self.send(pressed, command, Instant::now() + BACK_WITHIN);
                    }
                }
                level = level(&mut self.levels) => {
                    self.silence = self.silence.level(level.rms_dbfs, now());
                }
                _ = listen.tick(), if self.levels.is_some() => self.show(),
            }
        }
        let fittings = self.fittings;
        if tokio::task::spawn_blocking(move || fittings.close())
            .await
            .is_err()
        {
            warn!("lights and buttons could not be closed");
        }
    }

    fn show(&mut self) {
        let (state, tested) = {
            let status = self.status.borrow_and_update();
            (status.state, status.self_test.is_some_and(|test| test.recording))
        };
        self.silence = self.silence.recording(state == PodiumState::Recording, now());
        let silent = self.levels.is_some() && self.silence.is_too_long(now());
        // Who sees the lamp must know that cameras and microphones are at work, whatever for.
        let shown = if tested && state == PodiumState::Ready {
            PodiumState::Recording
        } else {
            state
        };
        self.fittings.show(sign(shown, silent));
    }

    /// What a press asks for in the present state.
    fn meant(&self, pressed: &Pressed) -> Option<Command> {
        let status = self.status.borrow();
        let next = status.next.as_ref().filter(|next| next.counting_down);
        let command = wish(pressed.press, &status.allowed, next.map(|next| next.id));
        if command.is_none() {
            debug!(button = %pressed.button, press = pressed.press.as_str(), "a press meant nothing here");
        }
        command
    }

    fn send(&self, pressed: Pressed, command: Command, until: Instant) -> Option<Asked> {
        let (reply, answer) = oneshot::channel();
        if self.requests.try_send((command.clone(), reply)).is_err() {
            warn!(button = %pressed.button, command = command.as_str(), "a press was dropped: the recorder is busy or leaves");
            self.fittings.refuse();
            return None;
        }
        Some(Asked {
            pressed,
            command,
            until,
            stage: Stage::Sent(answer),
        })
    }

    /// What is left to do about a press that was answered so; `None`: nothing.
    fn told(&self, asked: Asked, answer: Option<Result<Done, Refusal>>) -> Option<Asked> {
        let button = &asked.pressed.button;
        let (press, command) = (asked.pressed.press.as_str(), asked.command.as_str());
        match answer {
            Some(Ok(_)) => info!(button = %button, press, command, "a press at the podium was carried out"),
            Some(Err(Refusal::Soon { message })) if Instant::now() < asked.until => {
                debug!(button = %button, press, command, reason = message.text, "a press came too early and is asked again");
                return Some(Asked {
                    stage: Stage::Rests(Instant::now() + ASK_AGAIN),
                    ..asked
                });
            }
            Some(Err(refusal)) => {
                warn!(button = %button, press, command, reason = refusal.message(), "a press at the podium was refused");
                self.fittings.refuse();
            }
            None => {
                warn!(button = %button, press, command, "a press at the podium was not answered: the recorder leaves");
                self.fittings.refuse();
            }
        }
        None
    }
}

/// A press that is not answered for good.
struct Asked {
    pressed: Pressed,
    command: Command,
    /// Asked again up to then while the recorder is being started.
    until: Instant,
    stage: Stage,
}

impl Asked {
    fn rests(&self) -> bool {
        matches!(self.stage, Stage::Rests(_))
    }
}

enum Stage {
    /// The recorder has it.
    Sent(oneshot::Receiver<Result<Done, Refusal>>),
    /// It is asked again then.
    Rests(Instant),
}

/// What a press has waited for.
enum Due {
    /// `None` if there will be no answer.
    Answer(Option<Result<Done, Refusal>>),
    Again,
}

/// What is next for the press that was asked; for ever when nothing was.
async fn due(asked: &mut Option<Asked>) -> Due {
    match asked.as_mut().map(|asked| &mut asked.stage) {
        Some(Stage::Sent(answer)) => Due::Answer(answer.await.ok()),
        Some(Stage::Rests(until)) => {
            sleep_until(*until).await;
            Due::Again
        }
        None => std::future::pending().await,
    }
}

/// The next level; for ever when there are none.
async fn level(levels: &mut Option<broadcast::Receiver<Levels>>) -> Levels {
    if let Some(levels) = levels {
        loop {
            match levels.recv().await {
                Ok(level) => return level,
                // Those that were missed are older than the next.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => break,
            }
        }
    }
    std::future::pending().await
}

fn now() -> Duration {
    Duration::from_nanos(monotonic_ns())
}

#[cfg(test)]
mod tests {
    use lectern_domain::api::{
        ClockTrust, ConfigStatus, QueueSummary, RoomStatus, StorageStatus, UploadStatus,
    };
    use lectern_tally::{Act, Press};

    use super::*;
    use crate::refusals::leaving;

    /// A podium without lamps, whose buttons and recorder are the test.
    struct Room {
        presses: mpsc::Sender<Pressed>,
        requests: mpsc::Receiver<Request>,
        _status: watch::Sender<Arc<Status>>,
        minder: Minder,
    }

    impl Room {
        fn ready() -> Self {
            let (press, presses) = mpsc::channel(PRESS_BOUND);
            let (asks, requests) = mpsc::channel(1);
            let (told, status) = watch::channel(Arc::new(status()));
            let podium = Podium {
                fittings: Fittings::start(&[], &[], |_| {}).unwrap(),
                presses,
                requests: asks,
                status,
                levels: None,
                silence: Silence::default(),
            };
            let (stop, stopped) = oneshot::channel();
            Self {
                presses: press,
                requests,
                _status: told,
                minder: Minder {
                    stop: Some(stop),
                    task: Some(tokio::spawn(podium.mind(stopped))),
                },
            }
        }

        async fn press(&self, press: Press) {
            let button = "desk".parse().unwrap();
            self.presses.send(Pressed { button, press }).await.unwrap();
        }

        /// The next request is this one, and is answered so.
        async fn answer(&mut self, word: &str, answer: Result<Done, Refusal>) {
            let (command, reply) = self.requests.recv().await.unwrap();
            assert_eq!(command.as_str(), word);
            reply.send(answer).unwrap();
        }

        /// Nothing more is asked, and it ends.
        async fn ends_quietly(mut self) {
            let more = tokio::time::timeout(2 * BACK_WITHIN, self.requests.recv()).await;
            assert!(
                more.is_err(),
                "{:?}",
                more.map(|more| more.map(|(command, _)| command))
            );
            self.minder.close().await;
        }
    }

    fn status() -> Status {
        Status {
            version: String::new(),
            room: RoomStatus {
                id: "a-101".into(),
                name: "A 101".into(),
                help: None,
                languages: Vec::new(),
                timezone: None,
            },
            state: PodiumState::Ready,
            now_unix_ms: 0,
            revision: 1,
            allowed: vec!["start".to_owned()],
            lecture: None,
            next: None,
            required: Vec::new(),
            config: ConfigStatus::default(),
            self_test: None,
            sources: Vec::new(),
            storage: StorageStatus {
                path: String::new(),
                free_bytes: 0,
                reserve_bytes: 0,
                recordable_ms: 0,
                purgeable_bytes: 0,
            },
            clock: ClockTrust::Trusted,
            queue: QueueSummary::default(),
            uploads: UploadStatus::default(),
            messages: Vec::new(),
        }
    }

    fn done() -> Result<Done, Refusal> {
        Ok(Done {
            lecture: None,
            state: None,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn p1_a_press_while_the_recorder_starts_is_asked_again_until_it_is_answered() {
        let mut room = Room::ready();
        room.press(Press::Start).await;
        room.answer("start", Err(leaving())).await;
        // A finger that is lifted takes nothing back.
        room.press(Press::Act(Act::Released)).await;
        let asked = Instant::now();
        room.answer("start", Err(leaving())).await;
        assert!(asked.elapsed() >= ASK_AGAIN);
        room.answer("start", done()).await;
        room.ends_quietly().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_newer_press_takes_the_place_of_one_that_is_to_be_asked_again() {
        let mut room = Room::ready();
        room.press(Press::Start).await;
        room.answer("start", Err(leaving())).await;
        room.press(Press::Stop).await;
        room.answer("stop", done()).await;
        room.ends_quietly().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_recorder_that_does_not_come_back_is_left_alone_after_a_while() {
        let mut room = Room::ready();
        let pressed = Instant::now();
        room.press(Press::Start).await;
        while pressed.elapsed() < BACK_WITHIN {
            room.answer("start", Err(leaving())).await;
        }
        assert!(pressed.elapsed() < BACK_WITHIN + 2 * ASK_AGAIN);
        room.ends_quietly().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_press_that_is_to_be_asked_again_does_not_hold_up_the_end() {
        let mut room = Room::ready();
        room.press(Press::Start).await;
        room.answer("start", Err(leaving())).await;
        let ended = Instant::now();
        room.minder.close().await;
        assert!(ended.elapsed() < ASK_AGAIN);
    }
}
