//! The thread that delivers: one delivery at a time, on a runtime of its own.
//!
//! One flow and not several, because the uplink is shared with classes. Whatever it needs to
//! remember is committed through the runner's journal before it acts; this folder only decides
//! whose turn it is and when:
//!
//! | file | what |
//! |---|---|
//! | `gate` | pure: hours, budgets, a recording, a clock that is wrong |
//! | `holds` | pure: platforms that are left alone for a while |
//! | `mends` | files of platforms that refuse everybody, watched for a change |
//! | `rounds` | the loop: look, choose, deliver, sleep |
//! | `turn` | one delivery, watched, and taken back when its turn is over |
//! | `terms` | what the configuration says, and how it becomes another one |
//! | `purse` | what left on which day, and how fast |
//! | `board` | what people are told of all that |
//! | `asker`, `prospects` | questions to platforms beside the delivery under way |

mod asker;
mod bell;
mod board;
mod gate;
mod holds;
mod mends;
mod prospects;
mod purse;
mod rounds;
mod terms;
mod turn;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use lectern_capture::clock::unix_ms;
use lectern_deliver::Route;
use lectern_domain::api::{DeliveryView, UploadStatus};
use lectern_domain::config::Config;
use lectern_store::Db;
use tokio::sync::{mpsc, watch};
use tracing::{error, warn};

pub(crate) use self::asker::Asker;
pub(crate) use self::bell::Bell;
use self::board::Board;
pub(crate) use self::gate::Around;
use self::holds::Holds;
use self::mends::Mends;
pub(crate) use self::prospects::Prospects;
use self::purse::Purse;
use self::rounds::{PAUSE, Rounds};
pub(crate) use self::terms::Orders;
use self::terms::Terms;
use crate::counts::Counts;
use crate::priority::{self, Work};
use crate::room_time;

/// Events not yet taken by the conductor; progress is dropped when they lag.
const EVENT_BOUND: usize = 32;
/// How long a blocking write of a platform may outlast the end of the daemon.
const SHARE_HANGS: Duration = Duration::from_secs(1);

/// What the thread says.
#[derive(Debug)]
pub(crate) enum CourierEvent {
    /// The delivery on its way; `None` when none is.
    Progress(Option<DeliveryView>),
    /// The queue is another than before.
    Changed,
}

/// The way to the thread. [`Courier::close`] joins it.
pub(crate) struct Courier {
    stop: watch::Sender<bool>,
    uploads: watch::Receiver<Arc<UploadStatus>>,
    asker: Asker,
    prospects: Prospects,
    thread: JoinHandle<()>,
}

impl Courier {
    /// Starts the thread. Deliveries depend on what `around` shows; `bell` calls for them, and
    /// how they end is counted in `counts`.
    ///
    /// # Errors
    /// When the system has no thread or runtime to give.
    pub(crate) async fn start(
        config: Arc<Config>,
        db: Db,
        around: watch::Receiver<Around>,
        bell: Arc<Bell>,
        counts: Arc<Counts>,
    ) -> std::io::Result<(Self, Orders, mpsc::Receiver<CourierEvent>)> {
        let (stop, stopped) = watch::channel(false);
        let (out, events) = mpsc::channel(EVENT_BOUND);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (board, uploads) = Board::new(&config);
        let zone = room_time::zone(&config);
        let terms = Terms::new(config, routes(&db).await);
        let (orders, told) = Orders::new(Arc::clone(&terms));
        let asker = Asker {
            terms: told.clone(),
            runtime: runtime.handle().clone(),
            stopped: stopped.clone(),
        };
        let prospects = Prospects {
            asker: asker.clone(),
            around: around.clone(),
            uploads: uploads.clone(),
        };
        let mut rounds = Rounds {
            purse: Purse::new(db.clone(), Arc::clone(&terms.line), zone, unix_ms()),
            terms,
            told,
            db,
            stopped,
            bell,
            around,
            out,
            holds: Holds::default(),
            mends: Mends::default(),
            board,
            counts,
            begun: None,
        };
        let thread = std::thread::Builder::new()
            .name("deliver".to_owned())
            .spawn(move || {
                priority::lower(Work::Deliver);
                // A platform's answer that nobody foresaw must not end all deliveries.
                while catch_unwind(AssertUnwindSafe(|| runtime.block_on(rounds.run()))).is_err() {
                    error!("delivering broke down; it goes on after a while");
                    runtime.block_on(rounds.rest(PAUSE));
                }
                // A write that hangs in a dead share must not hold up the end of the daemon.
                runtime.shutdown_timeout(SHARE_HANGS);
            })?;
        let courier = Self {
            stop,
            uploads,
            asker,
            prospects,
            thread,
        };
        Ok((courier, orders, events))
    }

    /// How the uplink is, as it changes.
    pub(crate) fn uploads(&self) -> watch::Receiver<Arc<UploadStatus>> {
        self.uploads.clone()
    }

    /// Asks platforms again.
    pub(crate) fn asker(&self) -> Asker {
        self.asker.clone()
    }

    /// Looks at clock, hours and platforms.
    pub(crate) fn prospects(&self) -> Prospects {
        self.prospects.clone()
    }

    /// Asks the thread to end at its next safe point.
    pub(crate) fn tell_to_stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits for the thread.
    pub(crate) fn close(self) {
        self.tell_to_stop();
        if self.thread.join().is_err() {
            warn!("deliver thread panicked");
        }
    }
}

/// What was known of the routes before.
async fn routes(db: &Db) -> Vec<Route> {
    let known = db.routes().await.unwrap_or_else(|error| {
        // It is measured anew.
        warn!(error = %error, "what is known of the line could not be read");
        Vec::new()
    });
    let routes = known.into_iter().map(|row| Route {
        peer: row.peer,
        base_rtt_us: row.base_rtt_us,
        seen_unix_ms: row.seen_unix_ms,
    });
    routes.collect()
}
