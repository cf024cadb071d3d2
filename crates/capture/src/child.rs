//! One child process and its two pipes, as messages.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use lectern_domain::ids::SourceName;
use lectern_domain::wire::{self, Decoder, Frame, SourceCommand, SourceEvent, WireError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::timeout;

use crate::program::Program;

/// A command that a healthy child takes at once; one that does not within this has hung.
const SEND_WITHIN: Duration = Duration::from_secs(2);
/// A quitting child has this long to flush before it is killed.
const QUIT_WITHIN: Duration = Duration::from_secs(2);

/// Why a child is of no more use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChildError {
    #[error("{program} cannot be started: {source}; install Lectern again or repair its permissions")]
    Start { program: String, source: std::io::Error },
    #[error("its pipe broke: {0}")]
    Pipe(#[from] std::io::Error),
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("it did not take a command within {} s", SEND_WITHIN.as_secs())]
    Deaf,
}

/// A running source process. Dropping it kills the process.
#[derive(Debug)]
pub(crate) struct SourceProcess {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    decoder: Decoder,
    buffer: Vec<u8>,
}

impl SourceProcess {
    /// Starts `program --name NAME`. Its log goes where ours goes.
    pub(crate) fn start(program: &Program, name: &SourceName) -> Result<Self, ChildError> {
        let failed = |source| ChildError::Start {
            program: program.path().display().to_string(),
            source,
        };
        let mut child = program
            .command()
            .arg("--name")
            .arg(name.as_str())
            // Each lecture's encoder has threads of its own. With as many arenas as the C library
            // likes, what they free stays with each of them, and a source grows with every lecture.
            .env("MALLOC_ARENA_MAX", "2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (stdin, stdout) = child
            .stdin
            .take()
            .zip(child.stdout.take())
            .ok_or_else(|| failed(std::io::Error::other("it has no pipes")))?;
        Ok(Self {
            child,
            stdin,
            stdout,
            decoder: Decoder::default(),
            buffer: vec![0; 128 * 1024],
        })
    }

    /// Tells the child something.
    pub(crate) async fn send(&mut self, command: &SourceCommand) -> Result<(), ChildError> {
        let frame = wire::encode(command, &[]);
        timeout(SEND_WITHIN, self.stdin.write_all(&frame))
            .await
            .map_err(|_| ChildError::Deaf)??;
        Ok(())
    }

    /// The next event, or `None` at the end of the stream. May be dropped at any await without
    /// loss: bytes go into the decoder in the same step in which they were read.
    pub(crate) async fn event(&mut self) -> Result<Option<Frame<SourceEvent>>, ChildError> {
        loop {
            if let Some(frame) = self.decoder.next_frame()? {
                return Ok(Some(frame));
            }
            let count = self.stdout.read(&mut self.buffer).await?;
            if count == 0 {
                return Ok(None);
            }
            self.decoder.feed(&self.buffer[..count]);
        }
    }

    /// Ends the process now and collects it.
    pub(crate) async fn kill(mut self) -> Option<ExitStatus> {
        // Killing fails only if it has ended already; then it is collected all the same.
        drop(self.child.kill().await);
        self.child.wait().await.ok()
    }

    /// Collects a process that closed its pipe; kills it if it lingers.
    pub(crate) async fn reap(mut self) -> Option<ExitStatus> {
        match timeout(QUIT_WITHIN, self.child.wait()).await {
            Ok(status) => status.ok(),
            Err(_) => self.kill().await,
        }
    }
}
