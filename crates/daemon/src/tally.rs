//! Lights and buttons at the podium: what the lamps show, and what a press asks for. A press goes
//! the way of a press on the page, through the conductor's requests; a refusal is seen on the
//! lamps and read in the log.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use lectern_capture::clock::monotonic_ns;
use lectern_domain::api::{Done, Levels, PodiumState, Refusal, Status};
use lectern_domain::config::Config;
use lectern_tally::{Fittings, Pressed, Silence, sign, wish};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, error, info, warn};

use crate::conductor::Request;

/// Presses that nobody has looked at yet; a hand makes a few in a second, and more are dropped.
const PRESS_BOUND: usize = 8;
/// How often it is looked whether a silence has become too long.
const LISTEN_EVERY: Duration = Duration::from_secs(1);

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
        // One press at a time: the next is judged by the state that this one leads to.
        let mut asked: Option<Asked> = None;
        self.show();
        loop {
            tokio::select! {
                biased;
                // An error means that the minder is gone, which is the same.
                _ = &mut stopped => break,
                answer = answered(&mut asked) => {
                    if let Some(asked) = asked.take() {
                        self.told(&asked, answer);
                    }
                }
                changed = self.status.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    self.show();
                }
                Some(pressed) = self.presses.recv(), if asked.is_none() => asked = self.ask(pressed),
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

    fn ask(&self, pressed: Pressed) -> Option<Asked> {
        let status = Arc::clone(&self.status.borrow());
        let next = status.next.as_ref().filter(|next| next.counting_down);
        let Some(command) = wish(pressed.press, &status.allowed, next.map(|next| next.id)) else {
            debug!(button = %pressed.button, press = pressed.press.as_str(), "a press meant nothing here");
            return None;
        };
        let (reply, answer) = oneshot::channel();
        let word = command.as_str();
        if self.requests.try_send((command, reply)).is_err() {
            warn!(button = %pressed.button, command = word, "a press was dropped: the recorder is busy or leaves");
            self.fittings.refuse();
            return None;
        }
        Some(Asked {
            pressed,
            word,
            answer,
        })
    }

    fn told(&self, asked: &Asked, answer: Option<Result<Done, Refusal>>) {
        let (button, press, command) = (&asked.pressed.button, asked.pressed.press.as_str(), asked.word);
        match answer {
            Some(Ok(_)) => info!(button = %button, press, command, "a press at the podium was carried out"),
            Some(Err(refusal)) => {
                warn!(button = %button, press, command, reason = refusal.message(), "a press at the podium was refused");
                self.fittings.refuse();
            }
            None => {
                warn!(button = %button, press, command, "a press at the podium was not answered: the recorder leaves");
                self.fittings.refuse();
            }
        }
    }
}

/// A press that waits for its answer.
struct Asked {
    pressed: Pressed,
    word: &'static str,
    answer: oneshot::Receiver<Result<Done, Refusal>>,
}

/// The answer to what was asked, `None` if there will be none; for ever when nothing was asked.
async fn answered(asked: &mut Option<Asked>) -> Option<Result<Done, Refusal>> {
    match asked {
        Some(asked) => (&mut asked.answer).await.ok(),
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
