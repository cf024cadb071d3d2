//! The real @tus/server from npm, as a child process that can be killed and started again.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A running server; killed when it is dropped.
pub struct RealTus {
    child: Child,
    dir: PathBuf,
    port: u16,
}

impl RealTus {
    /// Starts it on `127.0.0.1:port` with its uploads in `dir`, and returns when it listens.
    ///
    /// # Errors
    /// When it is not installed (the error says how), or does not start.
    pub async fn start(dir: &Path, port: u16) -> anyhow::Result<Self> {
        let home = home();
        if !home.join("node_modules/@tus/server").is_dir() {
            bail!(
                "@tus/server is not in {}: run fixtures/tus-server/install.sh once (needs npm)",
                home.display()
            );
        }
        let mut child = Command::new("node")
            .arg("server.mjs")
            .arg(dir)
            .arg(port.to_string())
            .current_dir(&home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting node")?;
        let stdout = child.stdout.take().context("node has no stdout")?;
        match BufReader::new(stdout).lines().next_line().await? {
            Some(line) if line == "listening" => Ok(Self {
                child,
                dir: dir.to_owned(),
                port,
            }),
            other => bail!("@tus/server did not start on port {port}: {other:?}"),
        }
    }

    /// Where uploads are created.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/files", self.port)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills it as a power cut would (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// The files that it holds in whole, each with its SHA-256. Blocks.
    ///
    /// # Errors
    /// When its folder cannot be read.
    pub fn whole_files(&self) -> anyhow::Result<Vec<(PathBuf, String)>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let Some(stem) = path.to_str().and_then(|path| path.strip_suffix(".json")) else {
                continue;
            };
            let info: serde_json::Value = serde_json::from_slice(&std::fs::read(&path)?)?;
            let size = info["size"].as_u64().context("an upload without a size")?;
            let data = PathBuf::from(stem);
            if std::fs::metadata(&data)?.len() == size {
                let sha256 = crate::sha256_of_file(&data)?;
                found.push((data, sha256));
            }
        }
        Ok(found)
    }
}

/// Where `install.sh` puts it.
fn home() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"),
        PathBuf::from,
    );
    target.join("tus-server")
}
