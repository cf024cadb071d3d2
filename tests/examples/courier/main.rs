//! Delivers whatever a spool has to deliver, and dies by SIGKILL at the commit that it is told:
//! the half of the crash matrix that no server can play.
//!
//! `courier CONFIG [before N | after N]`: N counts commits from 0. It begins when standard input
//! closes, so that a judge can be told its pid before the first request. The queue is the daemon's, and
//! so are the runner and the adapters; only waits are not waited for. Prints how many commits
//! were made; ends with 0 when every delivery is done, 2 when one is left that cannot be.

use std::error::Error;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use lectern_deliver::{Courier, Journal, JournalError, Line, LineRules, Outcome, Secrets, connect};
use lectern_domain::config::{Config, ConfigFile};
use lectern_domain::delivery::Commit;
use lectern_domain::ids::DeliveryId;
use lectern_store::{Db, DueQuery, Options};
use nix::sys::signal::{Signal, raise};
use tokio::sync::watch;

/// Runs in a row of which none came to an end.
const VAIN_RUNS: u32 = 200;

/// When to die.
#[derive(Clone, Copy)]
enum Death {
    Never,
    Before(usize),
    After(usize),
}

struct Mortal {
    db: Db,
    death: Death,
    commits: AtomicUsize,
}

#[async_trait]
impl Journal for Mortal {
    async fn commit(&self, delivery: DeliveryId, commit: Commit) -> Result<(), JournalError> {
        let number = self.commits.fetch_add(1, Ordering::Relaxed);
        if matches!(self.death, Death::Before(at) if at == number) {
            die();
        }
        self.db
            .commit_delivery(delivery, commit)
            .await
            .map_err(|error| JournalError(Box::new(error)))?;
        if matches!(self.death, Death::After(at) if at == number) {
            die();
        }
        Ok(())
    }
}

/// Nothing is flushed, closed or told, as when the power goes.
fn die() -> ! {
    raise(Signal::SIGKILL).ok();
    unreachable!("SIGKILL cannot be refused")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let (config, death) = match words.as_slice() {
        [config] => (*config, Death::Never),
        [config, "before", number] => (*config, Death::Before(number.parse()?)),
        [config, "after", number] => (*config, Death::After(number.parse()?)),
        _ => return Err("usage: courier CONFIG [before N | after N]".into()),
    };
    let text = std::fs::read_to_string(config)?;
    let name = config.to_owned();
    let config = Config::read(&[ConfigFile { name, text }], &[])?;
    let options = Options {
        path: config.storage.path.clone(),
        room: config.room.id.clone(),
        timezone: config.room.timezone.clone(),
        reserve: config.storage.reserve,
        sync_every: config.storage.sync_every,
        segment: config.storage.segment,
    };
    let (store, _events) = lectern_store::open(&options, jiff::Timestamp::now().as_millisecond())?;
    let journal = Mortal {
        db: store.db(),
        death,
        commits: AtomicUsize::new(0),
    };
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    let line = Line::new(LineRules::default(), Vec::new());
    let query = DueQuery {
        now_unix_ms: i64::MAX,
        platforms: config
            .platforms
            .iter()
            .map(|platform| platform.name.clone())
            .collect(),
        phone_first: config.upload.phone_first,
        urgent_only: false,
    };
    let (_going, stop) = watch::channel(false);
    let mut vain = 0;
    while let Some(job) = store.db().due_delivery(query.clone()).await? {
        let platform = config
            .platforms
            .iter()
            .find(|platform| platform.name == job.platform)
            .ok_or("a platform that is not configured")?;
        let adapter = connect(platform, Secrets::from_env(), &line);
        let outcome = Courier::default()
            .run(job, &adapter, &journal, &|_| {}, stop.clone())
            .await?;
        match outcome {
            Outcome::Done | Outcome::Deferred => vain = 0,
            Outcome::Waiting { .. } if vain < VAIN_RUNS => {
                vain += 1;
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            left => {
                eprintln!("courier: {left:?}");
                return Ok(ExitCode::from(2));
            }
        }
    }
    println!("{}", journal.commits.load(Ordering::Relaxed));
    store.close();
    Ok(ExitCode::SUCCESS)
}
