//! Real S3 servers of others, as child processes: moto, which imitates Amazon's answers, and s3s-fs,
//! which checks signatures and keeps its objects in a folder.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::{Child, Command};

use crate::small::{free_port, wait_until};

/// The one bucket that is made.
pub const REAL_S3_BUCKET: &str = "lectures";
/// What requests are signed with; moto takes any, s3s-fs these.
pub const REAL_S3_KEYS: (&str, &str) = ("LECTERNTESTACCESS", "lectern/test+secret");

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RealS3Kind {
    /// moto, in Python; objects live in its memory.
    Moto,
    /// s3s-fs, in Rust; objects live in a folder.
    S3sFs,
}

/// A running server; killed when it is dropped.
pub struct RealS3 {
    kind: RealS3Kind,
    child: Child,
    port: u16,
    dir: PathBuf,
}

impl RealS3Kind {
    /// Whether `fixtures/s3-servers/install.sh` has installed it.
    #[must_use]
    pub fn is_installed(self) -> bool {
        self.program().is_file()
    }

    fn program(self) -> PathBuf {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"),
            PathBuf::from,
        );
        let home = target.join("s3-servers");
        match self {
            Self::Moto => home.join("venv/bin/moto_server"),
            Self::S3sFs => home.join("bin/s3s-fs"),
        }
    }
}

impl RealS3 {
    /// Starts it on a free port of 127.0.0.1 with an empty [`REAL_S3_BUCKET`], and returns when it answers.
    /// `dir` is where s3s-fs keeps its objects.
    ///
    /// # Errors
    /// When it is not installed (the error says how), or does not start.
    pub async fn start(kind: RealS3Kind, dir: &Path) -> anyhow::Result<Self> {
        let program = kind.program();
        if !kind.is_installed() {
            bail!(
                "{} is not there: run fixtures/s3-servers/install.sh once",
                program.display()
            );
        }
        let port = free_port()?;
        let mut command = Command::new(&program);
        match kind {
            RealS3Kind::Moto => command.args(["-H", "127.0.0.1", "-p", &port.to_string()]),
            RealS3Kind::S3sFs => {
                std::fs::create_dir_all(dir.join(REAL_S3_BUCKET))?;
                command
                    .args(["--host", "127.0.0.1", "--port", &port.to_string()])
                    .args(["--access-key", REAL_S3_KEYS.0, "--secret-key", REAL_S3_KEYS.1])
                    .arg(dir)
            }
        };
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let server = Self {
            kind,
            child,
            port,
            dir: dir.to_owned(),
        };
        wait_until("the S3 server listens", Duration::from_secs(60), || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        })
        .await?;
        if kind == RealS3Kind::Moto {
            server.exchange("PUT", "")?;
        }
        Ok(server)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The bytes of an object, whose key must be plain ASCII. Blocks.
    ///
    /// # Errors
    /// When it is not there.
    pub fn object(&self, key: &str) -> anyhow::Result<Vec<u8>> {
        match self.kind {
            RealS3Kind::S3sFs => Ok(std::fs::read(self.dir.join(REAL_S3_BUCKET).join(key))?),
            // moto asks for no signature.
            RealS3Kind::Moto => self.exchange("GET", &format!("/{key}")),
        }
    }

    /// Kills it as a power cut would (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// One request without a body; gives the body of its answer.
    fn exchange(&self, method: &str, path: &str) -> anyhow::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        write!(
            stream,
            "{method} /{REAL_S3_BUCKET}{path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            self.port
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.context("an answer without an end of its head")?;
        if !answer.starts_with(b"HTTP/1.1 200") {
            bail!("{method} {path}: {}", String::from_utf8_lossy(&answer[..end]));
        }
        Ok(answer.split_off(end + 4))
    }
}
