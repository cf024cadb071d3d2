//! `lectern wait`: asks after one lecture until it has come far enough, or cannot, or the time is
//! over. Once the daemon has answered, a restart of it in between is waited out: that is what one
//! waits through when testing an outage.

use std::time::Duration;

use lectern_domain::api::LectureDetail;
use lectern_domain::lecture::LectureState;
use lectern_domain::units::Span;
use tokio::time::{Instant, sleep, timeout_at};

use crate::about;
use crate::args::Id;
use crate::client::Client;
use crate::fault::Fault;

/// The document is small, and the daemon answers in about a millisecond.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// How a state stands to the one that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Reached,
    OnItsWay,
    /// It will not get there by itself.
    Never,
}

pub(crate) async fn run(client: &Client, id: &Id, until: LectureState, limit: Span) -> Result<String, Fault> {
    let deadline = Instant::now() + limit.duration();
    // The first question decides whether there is a daemon and such a lecture.
    let mut last: LectureDetail = ask(client, id, deadline).await?.ok_or_else(|| {
        Fault::TimedOut(format!(
            "The daemon did not answer within {limit}.\nNothing was changed.\nTry again."
        ))
    })?;
    let whole: Id = last
        .summary
        .id
        .to_string()
        .parse()
        .map_err(|e: &str| Fault::Usage(e.into()))?;
    loop {
        let state = last.summary.state;
        match progress(state, until) {
            Progress::Reached => return Ok(format!("{whole}  {state}\n")),
            Progress::Never => {
                let reason = last
                    .summary
                    .reason
                    .as_deref()
                    .map(|r| format!(": {r}"))
                    .unwrap_or_default();
                return Err(Fault::Failed(format!(
                    "Lecture {whole} is {state}{reason}\nWhat was recorded of it is kept as its state says.\nIt will not \
                     become {until} by itself; see \"lectern show {whole}\"."
                )));
            }
            Progress::OnItsWay => {}
        }
        if timeout_at(deadline, sleep(ASK_EVERY)).await.is_err() {
            return Err(late(&whole, state, until, limit));
        }
        match ask(client, &whole, deadline).await {
            Ok(Some(detail)) => last = detail,
            Ok(None) => return Err(late(&whole, state, until, limit)),
            Err(Fault::NoDaemon(_) | Fault::TimedOut(_)) => {}
            Err(other) => return Err(other),
        }
    }
}

/// One question; `None` when the time is over before the answer.
async fn ask(client: &Client, id: &Id, deadline: Instant) -> Result<Option<LectureDetail>, Fault> {
    timeout_at(deadline, client.get(&about(id)))
        .await
        .ok()
        .transpose()
}

fn late(id: &Id, state: LectureState, until: LectureState, limit: Span) -> Fault {
    Fault::TimedOut(format!(
        "Lecture {id} is {state} and not {until} after {limit}.\nNothing was changed; it goes on.\nWait again, with a \
         longer --timeout if need be."
    ))
}

/// How far along its way a lecture is; `None` beside the way.
const fn milestone(state: LectureState) -> Option<u8> {
    use LectureState as S;
    match state {
        S::Scheduled => Some(0),
        S::Armed => Some(1),
        // A pause and an outage are stops on the way: what lay before them has been reached.
        S::Recording | S::Paused | S::Interrupted => Some(2),
        S::Stopping => Some(3),
        S::Captured => Some(4),
        S::Finishing => Some(5),
        S::Finished => Some(6),
        S::Delivering => Some(7),
        S::Delivered => Some(8),
        S::Purged => Some(9),
        S::Failed | S::Cancelled => None,
    }
}

fn progress(state: LectureState, until: LectureState) -> Progress {
    use LectureState as S;
    if state == until {
        return Progress::Reached;
    }
    let Some(here) = milestone(state) else {
        return Progress::Never;
    };
    let possible = match until {
        S::Cancelled => here == 0,
        S::Paused | S::Interrupted => here <= 3,
        S::Failed => here < 6,
        S::Scheduled
        | S::Armed
        | S::Recording
        | S::Stopping
        | S::Captured
        | S::Finishing
        | S::Finished
        | S::Delivering
        | S::Delivered
        | S::Purged => {
            if Some(here) >= milestone(until) {
                return Progress::Reached;
            }
            true
        }
    };
    if possible {
        Progress::OnItsWay
    } else {
        Progress::Never
    }
}

#[cfg(test)]
mod tests {
    use super::{LectureState as S, Progress as P, progress};

    #[test]
    fn what_lies_behind_is_reached_and_what_cannot_come_is_said() {
        for (state, until, expected) in [
            (S::Recording, S::Recording, P::Reached),
            (S::Delivered, S::Finished, P::Reached),
            (S::Purged, S::Delivered, P::Reached),
            (S::Recording, S::Delivered, P::OnItsWay),
            (S::Paused, S::Recording, P::Reached),
            (S::Paused, S::Finished, P::OnItsWay),
            (S::Interrupted, S::Delivered, P::OnItsWay),
            (S::Recording, S::Paused, P::OnItsWay),
            (S::Finished, S::Paused, P::Never),
            (S::Finishing, S::Failed, P::OnItsWay),
            (S::Failed, S::Finished, P::Never),
            (S::Failed, S::Failed, P::Reached),
            (S::Cancelled, S::Recording, P::Never),
            (S::Purged, S::Failed, P::Never),
        ] {
            assert_eq!(progress(state, until), expected, "{state} until {until}");
        }
    }
}
