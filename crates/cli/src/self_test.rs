//! `lectern self-test`: begins one, waits until it is over, and tells what it found. What it
//! records is the daemon's to judge and to delete.

use std::time::Duration;

use lectern_domain::api::{Done, SelfTest, SelfTestRequest, SelfTestState, SelfTestStep, Verdict};
use tokio::time::{Instant, sleep};

use crate::client::Client;
use crate::fault::Fault;
use crate::figures::columns;

/// A question costs the daemon next to nothing.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// For what follows the recording: a lecture may be in the finisher before it, and platforms have
/// their own time to answer.
const ENDS_WITHIN: Duration = Duration::from_secs(15 * 60);

/// Begins a self test and returns what became of it when it is over.
///
/// # Errors
/// The daemon's refusal, and [`Fault::TimedOut`] when it does not end.
pub(crate) async fn run(client: &Client, seconds: u32) -> Result<SelfTest, Fault> {
    let request = SelfTestRequest {
        seconds: Some(seconds),
    };
    let _: Done = client.post("/api/v1/self-test", &request).await?;
    let deadline = Instant::now() + Duration::from_secs(u64::from(seconds)) + ENDS_WITHIN;
    loop {
        let test: SelfTest = client.get("/api/v1/self-test").await?;
        if test.state != SelfTestState::Running {
            return Ok(test);
        }
        if Instant::now() >= deadline {
            return Err(Fault::TimedOut(
                "The self test did not end in time.\nNo lecture is touched; it goes on, and deletes itself.\nLook at \
                 \"lectern status\", then test again."
                    .to_owned(),
            ));
        }
        sleep(ASK_EVERY).await;
    }
}

/// As a table: how, what, in how many seconds, what was found and what to do; the sum last.
pub(crate) fn report(test: &SelfTest) -> String {
    let rows: Vec<Vec<String>> = test.steps.iter().map(row).collect();
    let sum = match test.state {
        SelfTestState::Passed if test.worst() == Verdict::Warning => "passed, with something to look at",
        SelfTestState::Passed => "passed: the room records, finishes and reaches its platforms",
        SelfTestState::Failed => "FAILED",
        SelfTestState::GaveWay => "ended early: a lecture began",
        SelfTestState::Running => "under way",
        SelfTestState::Never => "none was made since the recorder started",
    };
    format!("{}{sum}\n", columns(&rows))
}

fn row(step: &SelfTestStep) -> Vec<String> {
    let check = &step.check;
    let word = match check.verdict {
        Verdict::Good => "good",
        Verdict::Warning => "warning",
        Verdict::Bad => "BAD",
    };
    let tenths = step.took_ms.div_ceil(100);
    let said = format!("{} {}", check.found, check.todo);
    vec![
        word.to_owned(),
        check.subject.clone(),
        format!("{}.{} s", tenths / 10, tenths % 10),
        said.trim_end().to_owned(),
    ]
}

/// What a script is told by the exit code.
///
/// # Errors
/// [`Fault::Failed`] when something is bad, [`Fault::TimedOut`] when a lecture came between: the
/// room was not tested, and trying again makes sense.
pub(crate) fn verdict(test: &SelfTest) -> Result<(), Fault> {
    match test.state {
        SelfTestState::Passed => Ok(()),
        SelfTestState::GaveWay => Err(Fault::TimedOut(
            "The self test ended early, because a lecture began.\nThe lecture is being recorded; what the test had \
             recorded is deleted.\nTest again when no lecture is near."
                .to_owned(),
        )),
        SelfTestState::Failed | SelfTestState::Running | SelfTestState::Never => Err(Fault::failed(
            "the self test found what does not work",
            "What it recorded is deleted; lectures are not touched.",
            "Mend what is marked BAD, then test again.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lectern_domain::api::Check;

    #[test]
    fn a_test_is_a_table_and_an_exit_code() {
        let step = |check, took_ms| SelfTestStep { check, took_ms };
        let mut test = SelfTest {
            state: SelfTestState::Passed,
            began_unix_ms: Some(0),
            seconds: 60,
            steps: vec![
                step(Check::good("record", "60.0 s were recorded and closed."), 61_240),
                step(Check::good("track.camera", "60.0 s long."), 1_300),
            ],
        };
        assert_eq!(
            report(&test),
            "good  record        61.3 s  60.0 s were recorded and closed.\n\
             good  track.camera  1.3 s   60.0 s long.\n\
             passed: the room records, finishes and reaches its platforms\n"
        );
        assert_eq!(verdict(&test), Ok(()));
        test.steps.push(step(
            Check::bad("platform.central", "It refuses the token.", "Renew it."),
            90,
        ));
        test.state = SelfTestState::Failed;
        assert!(
            report(&test)
                .contains("BAD   platform.central  0.1 s   It refuses the token. Renew it.\nFAILED\n")
        );
        assert_eq!(verdict(&test).map_err(|fault| fault.exit_code()), Err(1));
        test.state = SelfTestState::GaveWay;
        assert_eq!(verdict(&test).map_err(|fault| fault.exit_code()), Err(75));
    }
}
