//! `lectern-source`, as the sources are started from it: does it speak our version of the wire, and
//! how fast does its encoder encode the pictures of each source? While an upgrade waits, another
//! one lies in its place, which is the next daemon's.

use std::process::Stdio;
use std::time::Duration;

use lectern_capture::Program;
use lectern_domain::api::{Check, SourceStatus};
use lectern_domain::config::Source;
use lectern_domain::trial::EncoderTrial;
use lectern_domain::wire::{Decoder, SourceEvent, WIRE_VERSION};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;
use tokio::time::{Instant, timeout, timeout_at};

const GREETED_WITHIN: Duration = Duration::from_secs(4);
/// All trials together; they run one after the other, so that they do not slow each other.
const TRIED_WITHIN: Duration = Duration::from_secs(9);
/// Below this a scene with much movement, or another program, makes pictures drop.
const HEADROOM: f64 = 1.5;
/// The same for all sources at a time, as a share of the machine.
const LOAD: f64 = 0.7;

/// Starts the program as a source would be and hears its first word; opens nothing.
pub(super) async fn greet(program: &Program) -> Check {
    match timeout(GREETED_WITHIN, wire_of(program)).await {
        Ok(Ok(WIRE_VERSION)) => Check::good(
            "programs",
            format!("lecternd and lectern-source are of one version (wire {WIRE_VERSION})."),
        ),
        Ok(Ok(other)) => Check::bad(
            "programs",
            format!(
                "{} speaks version {other} of the wire and lecternd version {WIRE_VERSION}: no source can be opened.",
                program.path().display()
            ),
            "Install both from one package, then systemctl restart lecternd when no lecture is under way.",
        ),
        Ok(Err(error)) => Check::bad(
            "programs",
            format!(
                "{} could not be asked for its version: {error}.",
                program.path().display()
            ),
            "Install Lectern again.",
        ),
        Err(_) => Check::bad(
            "programs",
            format!(
                "{} said nothing within {} s.",
                program.path().display(),
                GREETED_WITHIN.as_secs()
            ),
            "Run it with --list to see what holds it up.",
        ),
    }
}

async fn wire_of(program: &Program) -> std::io::Result<u32> {
    // Its standard input ends at once, which asks it to end.
    let mut child = program
        .command()
        .args(["--name", "doctor"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut out = child.stdout.take().ok_or(std::io::ErrorKind::BrokenPipe)?;
    let mut decoder = Decoder::default();
    let mut bytes = [0; 4096];
    loop {
        let read = out.read(&mut bytes).await?;
        decoder.feed(&bytes[..read]);
        match decoder
            .next_frame::<SourceEvent>()
            .map_err(std::io::Error::other)?
        {
            Some(frame) => {
                return match frame.message {
                    SourceEvent::Hello { wire } => Ok(wire),
                    _ => Err(std::io::Error::other("its first word was not its version")),
                };
            }
            None if read == 0 => return Err(std::io::Error::other("it ended without a word")),
            None => {}
        }
    }
}

/// One source to be tried.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    subject: String,
    source: Source,
}

impl Wanted {
    /// `None` for sound, for what is recorded as it comes, and for what has not been seen yet.
    pub(super) fn of(status: &SourceStatus, configured: &Source) -> Option<Self> {
        let format = status.format.as_deref()?;
        let size = format.split('@').next()?;
        let (width, height) = size.split_once('x')?;
        let (width, height) = (width.parse().ok()?, height.parse().ok()?);
        let mut source = configured.clone();
        let video = source.video.as_mut()?;
        // A screen has the size that it has.
        (video.width, video.height) = (video.width.or(Some(width)), video.height.or(Some(height)));
        Some(Self {
            subject: format!("source.{}", status.name),
            source,
        })
    }
}

/// Tries the encoder of each source, one after the other.
pub(super) async fn try_encoders(program: &Program, wanted: Vec<Wanted>) -> Vec<Check> {
    let deadline = Instant::now() + TRIED_WITHIN;
    let mut checks = Vec::new();
    let mut load = 0.0;
    let mut together = 0;
    for Wanted { subject, source } in wanted {
        let outcome = timeout_at(deadline, try_one(program, &source)).await;
        checks.push(match outcome {
            Ok(Ok(trial)) => {
                // A spare works instead of another.
                if source.spare_for.is_none() {
                    load += trial.speed.map_or(1.0, |speed| 1.0 / speed.max(0.01));
                    together += 1;
                }
                judge(&subject, &trial)
            }
            Ok(Err(error)) => Check::warning(
                subject,
                format!("Its encoder could not be tried: {error}."),
                "Run \"lecternd check\" and look at journalctl -u lecternd.",
            ),
            Err(_) => Check::warning(
                subject,
                "Its encoder was not tried: the time was over.",
                "Ask again when this machine has nothing else to do.",
            ),
        });
    }
    if together > 1 {
        checks.push(all_at_a_time(load));
    }
    checks
}

async fn try_one(program: &Program, source: &Source) -> std::io::Result<EncoderTrial> {
    let mut child: Child = program
        .command()
        .arg("--trial")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = child.stdin.take().ok_or(std::io::ErrorKind::BrokenPipe)?;
    stdin.write_all(&serde_json::to_vec(source)?).await?;
    drop(stdin);
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        return Err(std::io::Error::other(format!(
            "lectern-source ended with {}",
            output.status
        )));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn judge(subject: &str, trial: &EncoderTrial) -> Check {
    let encoder = &trial.encoder;
    let todo = "Lower its width, height or fps, or use a machine with a hardware encoder.";
    match (trial.speed, &trial.why) {
        (Some(speed), _) => {
            let said = format!("{encoder} encodes its pictures {speed:.1} times as fast as they come.");
            if speed < 1.0 {
                Check::bad(subject, said, todo)
            } else if speed < HEADROOM {
                Check::warning(subject, said, todo)
            } else {
                Check::good(subject, said)
            }
        }
        (None, why) => Check::bad(
            subject,
            format!(
                "{encoder} cannot encode its pictures: {}.",
                why.as_deref().unwrap_or("no reason was told")
            ),
            todo,
        ),
    }
}

fn all_at_a_time(load: f64) -> Check {
    let said = format!(
        "All encoders together take {:.0} % of this machine.",
        load * 100.0
    );
    if load > LOAD {
        Check::warning(
            "source",
            said,
            "Lower width, height or fps of a source: other programs and much movement need room too.",
        )
    } else {
        Check::good("source", said)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use lectern_domain::api::Verdict;

    use super::*;

    fn trial(speed: Option<f64>) -> EncoderTrial {
        EncoderTrial {
            encoder: "x264".into(),
            speed,
            why: speed.is_none().then(|| "it is too slow".into()),
        }
    }

    #[test]
    fn headroom_is_judged_alone_and_together() {
        for (speed, verdict) in [
            (Some(4.2), Verdict::Good),
            (Some(1.2), Verdict::Warning),
            (Some(0.8), Verdict::Bad),
            (None, Verdict::Bad),
        ] {
            assert_eq!(
                judge("source.camera", &trial(speed)).verdict,
                verdict,
                "{speed:?}"
            );
        }
        assert_eq!(all_at_a_time(0.4).verdict, Verdict::Good);
        assert_eq!(all_at_a_time(0.9).verdict, Verdict::Warning);
    }

    #[tokio::test]
    async fn p10_a_program_that_is_missing_or_another_one_is_told() {
        for program in ["/nowhere/lectern-source", "/bin/true", "/bin/echo"] {
            let check = greet(&Program::hold(program.into())).await;
            assert_eq!(check.verdict, Verdict::Bad, "{check:?}");
        }
    }

    /// The new one may speak another wire; no source is started from it.
    #[tokio::test]
    async fn p10_an_upgrade_that_waits_is_no_finding_about_the_sources() {
        let place = tempfile::tempdir().unwrap();
        let (path, new) = (place.path().join("lectern-source"), place.path().join("new"));
        // Links stand for the files: what is written cannot be executed while another test forks.
        symlink("/bin/echo", &path).unwrap();
        let program = Program::hold(path.clone());
        let before = greet(&program).await;
        symlink("/bin/true", &new).unwrap();
        std::fs::rename(&new, &path).unwrap();
        assert_eq!(greet(&program).await, before);
        assert_ne!(greet(&Program::hold(path)).await, before, "the next daemon's");
    }
}
