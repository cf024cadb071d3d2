//! Asks platforms whether they still have what they confirmed, beside the delivery that is under
//! way.

use std::sync::Arc;
use std::time::Duration;

use lectern_deliver::{Secrets, Still, ask_again};
use lectern_domain::delivery::DeliveryJob;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use super::terms::Terms;
use crate::space::Word;

/// How long platforms may take to say whether they still have a lecture: a share reads it back.
/// Less than the recording that is left when room begins to be made.
const ASKED_WITHIN: Duration = Duration::from_secs(10 * 60);

/// Asks platforms on the courier's runtime; cheap to clone.
#[derive(Clone)]
pub(crate) struct Asker {
    pub(super) terms: watch::Receiver<Arc<Terms>>,
    pub(super) runtime: Handle,
    pub(super) stopped: watch::Receiver<bool>,
}

impl Asker {
    /// What the configuration says now.
    pub(super) fn terms(&self) -> Arc<Terms> {
        Arc::clone(&self.terms.borrow())
    }

    /// Whether the platforms of these done deliveries still have them. Sends and changes nothing;
    /// ends within [`ASKED_WITHIN`], a dead share or not.
    pub(crate) async fn ask(&self, deliveries: Vec<DeliveryJob>) -> Word {
        let (terms, stopped) = (self.terms(), self.stopped.clone());
        let mut asking = self.runtime.spawn(async move {
            for job in deliveries {
                let name = job.platform.clone();
                let Some(platform) = terms.platform(&name) else {
                    return Word::Silent(format!("{name} is not configured any more."));
                };
                let platform = lectern_deliver::connect(platform, Secrets::from_env(), &terms.line);
                match ask_again(&job, &platform, stopped.clone()).await {
                    Still::Held => {}
                    Still::Denied(why) => return Word::Denied(format!("{name}: {why}")),
                    Still::Silent(why) => return Word::Silent(format!("{name}: {why}")),
                }
            }
            Word::Held
        });
        match timeout(ASKED_WITHIN, &mut asking).await {
            Ok(said) => said.unwrap_or_else(|_| Word::Silent("The recorder is shutting down.".to_owned())),
            Err(_) => {
                asking.abort();
                let minutes = ASKED_WITHIN.as_secs() / 60;
                Word::Silent(format!("No word came within {minutes} minutes."))
            }
        }
    }
}
