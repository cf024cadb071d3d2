//! The thread that tells people: its owner, and questions to it.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::tz::TimeZone;
use lectern_domain::api::{Check, Status, Verdict};
use lectern_domain::config::{Config, Notify};
use lectern_words::Voice;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tracing::warn;

use crate::journal::{Journal, ReadSecret};
use crate::notice::{RoomName, Scribe};
use crate::proxy::Proxy;
use crate::rounds::Rounds;
use crate::way::Way;

/// How long a look-up of a name may outlast the end of the daemon.
const NAMES_HANG: Duration = Duration::from_millis(200);
/// How long one who is told may take when somebody waits for the answer.
const ASKED_WITHIN: Duration = Duration::from_secs(12);

/// Who is told, and in which room.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) room: RoomName,
    pub(crate) zone: TimeZone,
    pub(crate) targets: Vec<Notify>,
    proxy: Option<Proxy>,
    secrets: ReadSecret,
}

impl Settings {
    /// From the configuration; `zone` is the room's.
    #[must_use]
    pub fn new(config: &Config, zone: TimeZone, secrets: ReadSecret) -> Self {
        Self {
            room: RoomName {
                id: config.room.id.to_string(),
                name: config.room.name.clone(),
            },
            zone,
            targets: config.notify.clone(),
            proxy: Proxy::of(&config.upload),
            secrets,
        }
    }

    pub(crate) fn way(&self, target: &Notify) -> Way {
        Way {
            target: target.clone(),
            secrets: self.secrets.clone(),
            proxy: self.proxy.clone(),
        }
    }
}

/// The owner of the thread `herald`. [`Herald::close`] joins it.
pub struct Herald {
    stop: watch::Sender<bool>,
    settings: watch::Sender<Arc<Settings>>,
    tester: Tester,
    thread: JoinHandle<()>,
}

impl Herald {
    /// Starts the thread; it runs also when nobody is told, because a new configuration may name
    /// somebody. `now` is the wall clock in milliseconds since 1970.
    ///
    /// # Errors
    /// When the system has no thread or runtime to give.
    pub fn start(
        settings: Settings,
        status: watch::Receiver<Arc<Status>>,
        journal: Arc<dyn Journal>,
        now: fn() -> i64,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (settings, renewed) = watch::channel(Arc::new(settings));
        let (stop, stopped) = watch::channel(false);
        let tester = Tester {
            settings: renewed.clone(),
            runtime: runtime.handle().clone(),
            now,
        };
        let rounds = Rounds::new(renewed, status, journal, now);
        let thread = std::thread::Builder::new()
            .name("herald".to_owned())
            .spawn(move || {
                runtime.block_on(rounds.run(stopped));
                runtime.shutdown_timeout(NAMES_HANG);
            })?;
        Ok(Self {
            stop,
            settings,
            tester,
            thread,
        })
    }

    /// Hands it another configuration while it works.
    #[must_use]
    pub fn renewer(&self) -> Renewer {
        Renewer(self.settings.clone())
    }

    /// Asks those who are told.
    #[must_use]
    pub fn tester(&self) -> Tester {
        self.tester.clone()
    }

    /// Asks the thread to end; what is on its way is sent again after the next start.
    pub fn tell_to_stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits for the thread: at most a fraction of a second.
    pub fn close(self) {
        self.tell_to_stop();
        if self.thread.join().is_err() {
            warn!("herald thread panicked");
        }
    }
}

/// Hands the herald another configuration; cheap to clone.
#[derive(Clone)]
pub struct Renewer(watch::Sender<Arc<Settings>>);

impl Renewer {
    /// Tells others from now on, or otherwise; does not block. What waits for a name that is gone
    /// is dropped.
    pub fn renew(&self, settings: Settings) {
        self.0.send_replace(Arc::new(settings));
    }
}

/// Asks those who are told, on the herald's runtime and beside what is on its way; cheap to clone.
#[derive(Clone)]
pub struct Tester {
    settings: watch::Receiver<Arc<Settings>>,
    runtime: Handle,
    now: fn() -> i64,
}

/// What is asked.
#[derive(Clone, Copy)]
enum Question {
    /// Whether it could be reached.
    Look,
    /// Whether it takes a notice.
    Test,
}

impl Tester {
    /// Looks at each who is told, all at once: connects, checks its certificate, signs in to a mail
    /// server; tells nothing. Ends within twelve seconds.
    pub async fn probe(&self) -> Vec<Check> {
        self.ask(Question::Look).await
    }

    /// Sends a test notice to each who is told, all at once. Ends within twelve seconds.
    pub async fn test(&self) -> Vec<Check> {
        self.ask(Question::Test).await
    }

    async fn ask(&self, question: Question) -> Vec<Check> {
        let settings = Arc::clone(&self.settings.borrow());
        let now = (self.now)();
        let asked: Vec<_> = settings
            .targets
            .iter()
            .map(|target| {
                let way = settings.way(target);
                let notice = Scribe {
                    target,
                    room: &settings.room,
                    zone: &settings.zone,
                    now_unix_ms: now,
                }
                .test();
                let answer = self.runtime.spawn(async move {
                    match question {
                        Question::Look => way.look(ASKED_WITHIN).await,
                        Question::Test => {
                            let body = serde_json::to_string(&notice).unwrap_or_default();
                            way.send(&body, now, ASKED_WITHIN).await
                        }
                    }
                });
                (format!("notify.{}", target.name), answer)
            })
            .collect();
        let voice = Voice::english(settings.zone.clone(), now);
        let good = voice.word(match question {
            Question::Look => "notice-reached",
            Question::Test => "notice-taken",
        });
        let mut checks = Vec::new();
        for (subject, answer) in asked {
            let (verdict, found, todo) = match answer.await {
                Ok(Ok(())) => (Verdict::Good, good.clone(), String::new()),
                Ok(Err(fault)) => (Verdict::Bad, fault.what, fault.todo),
                Err(_) => (Verdict::Bad, voice.word("notice-leaving"), String::new()),
            };
            checks.push(Check {
                subject,
                verdict,
                found,
                todo,
            });
        }
        checks
    }
}
