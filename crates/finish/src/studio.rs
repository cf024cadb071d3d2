//! Calls the renderer, one job at a time, each with a time limit, and looks at what it made.
//!
//! Rendering is never worth a lecture: a renderer that is missing, fails or hangs is an answer
//! like any other, and one that keeps failing is not called again.

use std::fs::File;
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lectern_domain::ids::SourceName;
use lectern_domain::render::RenderJob;

use crate::error::FinishError;
use crate::files::{Files, MediaFile};
use crate::job::Progress;
use crate::mp4::init::Kind;
use crate::package::Package;
use crate::scan::{Part, scan};

/// A card takes a third of a second; a slow machine that has just started takes longer.
pub(crate) const CARD_LIMIT: Duration = Duration::from_secs(30);
/// After so many failures in a row there is no use in trying.
const MAX_FAILURES: u32 = 3;
/// A lecture whose source was away more often is not made better by captions.
const MAX_JOBS: u32 = 500;
/// How often a job is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How often the caller is asked meanwhile whether to go on.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// The most of the renderer's words that are read.
const MAX_WORDS_BYTES: u64 = 16 << 10;

/// The way to the renderer while one lecture is finished.
pub(crate) struct Studio<'a> {
    renderer: Option<&'a Path>,
    package: &'a mut Package,
    progress: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
    jobs: u32,
    failures: u32,
}

/// What the renderer made: a file with one header and its samples.
pub(crate) struct Take {
    pub(crate) path: PathBuf,
    pub(crate) part: Part,
}

impl Take {
    /// Enters the file into the table; its index.
    pub(crate) fn keep(self, source: &SourceName, files: &mut Files) -> Option<u32> {
        files.add(MediaFile {
            source: source.clone(),
            told: self.path.clone(),
            path: self.path,
            sha256: None,
        })
    }
}

impl<'a> Studio<'a> {
    pub(crate) fn new(
        renderer: Option<&'a Path>,
        package: &'a mut Package,
        progress: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Self {
        Self {
            renderer,
            package,
            progress,
            jobs: 0,
            failures: 0,
        }
    }

    /// Whether there is a renderer at all.
    pub(crate) fn is_open(&self) -> bool {
        self.renderer.is_some()
    }

    /// A name for a file that is gone when the lecture is finished, or given up.
    pub(crate) fn scratch(&mut self) -> PathBuf {
        self.package.scratch()
    }

    /// Has one file made, within `limit`; `Ok(Err(…))` says in words why it could not be.
    /// Blocking.
    ///
    /// # Errors
    /// [`FinishError::Stopped`] when the caller asks for it meanwhile.
    pub(crate) fn make(
        &mut self,
        limit: Duration,
        kind: Kind,
        job: impl FnOnce(PathBuf) -> RenderJob,
    ) -> Result<Result<Take, String>, FinishError> {
        let Some(renderer) = self.renderer else {
            return Ok(Err("there is no renderer here".to_owned()));
        };
        if self.failures >= MAX_FAILURES || self.jobs >= MAX_JOBS {
            return Ok(Err("the renderer was given up after too many tries".to_owned()));
        }
        self.ask()?;
        self.jobs += 1;
        let out = self.scratch();
        let words = self.scratch();
        let made = match start(renderer, &job(out.clone()), &words) {
            Ok(child) => self.wait(child, limit, &words)?.and_then(|()| look(&out, kind)),
            Err(error) => Err(format!("{}: {error}", renderer.display())),
        };
        self.failures = if made.is_ok() { 0 } else { self.failures + 1 };
        Ok(made.map(|part| Take { path: out, part }))
    }

    /// Tells the caller that work goes on, which may block while a lecture is recorded.
    fn ask(&mut self) -> Result<(), FinishError> {
        let progress = Progress {
            done_bytes: 0,
            total_bytes: 0,
        };
        match (self.progress)(progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(FinishError::Stopped),
        }
    }

    fn wait(
        &mut self,
        mut child: Child,
        limit: Duration,
        words: &Path,
    ) -> Result<Result<(), String>, FinishError> {
        let mut left = limit;
        let mut since_asked = Duration::ZERO;
        loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(Ok(())),
                Ok(Some(status)) => return Ok(Err(last_words(words).unwrap_or_else(|| status.to_string()))),
                Ok(None) => {}
                Err(error) => return Ok(Err(error.to_string())),
            }
            if left.is_zero() {
                end(child);
                return Ok(Err(format!("it took longer than {} s", limit.as_secs())));
            }
            let began = Instant::now();
            std::thread::park_timeout(LOOK_EVERY);
            let passed = began.elapsed();
            // What a caller takes to answer, while a lecture is recorded, is not the renderer's.
            left = left.saturating_sub(passed);
            since_asked += passed;
            if since_asked >= ASK_EVERY {
                since_asked = Duration::ZERO;
                if let Err(stopped) = self.ask() {
                    end(child);
                    return Err(stopped);
                }
            }
        }
    }
}

fn start(renderer: &Path, job: &RenderJob, words: &Path) -> std::io::Result<Child> {
    let job = serde_json::to_vec(job)?;
    let mut child = Command::new(renderer)
        .arg("--render")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(File::create(words)?)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take()
        && let Err(error) = stdin.write_all(&job)
    {
        // It ended before it read; its words say why, and the wait finds it.
        tracing::debug!(%error, "the renderer did not take its job");
    }
    Ok(child)
}

fn end(mut child: Child) {
    if let Err(error) = child.kill().and_then(|()| child.wait().map(|_| ())) {
        tracing::warn!(%error, "a renderer could not be ended");
    }
}

/// The last line that the renderer wrote.
fn last_words(path: &Path) -> Option<String> {
    let mut text = Vec::new();
    File::open(path)
        .ok()?
        .take(MAX_WORDS_BYTES)
        .read_to_end(&mut text)
        .ok()?;
    let text = String::from_utf8_lossy(&text);
    let last = text.lines().rfind(|line| !line.trim().is_empty())?;
    Some(last.trim().to_owned())
}

/// Reads the structure of a rendered file.
fn look(path: &Path, kind: Kind) -> Result<Part, String> {
    let found = File::open(path)
        .and_then(|file| scan(&file))
        .map_err(|error| format!("its file cannot be read: {error}"))?;
    let mut parts = found.parts.into_iter();
    match (parts.next(), parts.next()) {
        (Some(part), None) if part.init.kind == kind && !part.samples.is_empty() => Ok(part),
        _ => Err("its file is not what was asked for".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/programs")
            .join(name)
    }

    /// What comes of `tries` jobs for this renderer within `limit`, and what is left in the folder.
    fn outcome(
        renderer: &Path,
        limit: Duration,
        tries: usize,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> (Vec<Result<String, FinishError>>, usize) {
        let dir = tempfile::tempdir().unwrap();
        let mut package = Package::open(dir.path()).unwrap();
        let mut studio = Studio::new(Some(renderer), &mut package, progress);
        let job = |out| RenderJob::Card {
            out,
            width: 2,
            height: 2,
            behind: None,
            text: String::new(),
        };
        let answers = (0..tries)
            .map(|_| {
                let made = studio.make(limit, Kind::Video, job)?;
                Ok(made.map_or_else(|why| why, |_| "made".to_owned()))
            })
            .collect();
        drop(package);
        let left = std::fs::read_dir(dir.path().join("finished")).unwrap().count();
        (answers, left)
    }

    fn go_on(_: Progress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    #[test]
    fn a_renderer_that_hangs_is_ended() {
        let limit = Duration::from_millis(300);
        let (answers, left) = outcome(&program("never-ends"), limit, 1, &mut go_on);
        assert!(
            matches!(&answers[..], [Ok(why)] if why.contains("longer")),
            "{answers:?}"
        );
        assert_eq!(left, 0);
    }

    #[test]
    fn a_renderer_is_heard_and_given_up_when_it_keeps_failing() {
        let (answers, left) = outcome(&program("complains"), CARD_LIMIT, 4, &mut go_on);
        let answers: Vec<String> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers[..3], ["no encoder is installed"; 3]);
        assert!(answers[3].contains("given up"), "{answers:?}");
        assert_eq!(left, 0);
    }

    #[test]
    fn a_caller_who_leaves_does_not_wait_for_the_renderer() {
        let mut asked = 0;
        let mut leave = |_| {
            asked += 1;
            if asked > 1 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let limit = Duration::from_secs(600);
        let (answers, left) = outcome(&program("never-ends"), limit, 1, &mut leave);
        assert!(matches!(&answers[..], [Err(FinishError::Stopped)]), "{answers:?}");
        assert_eq!(left, 0);
    }
}
