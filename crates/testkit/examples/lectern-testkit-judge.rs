//! A judge as a program, for clients of others and for scripts that kill it:
//! `lectern-testkit-judge tus|s3|opencast --dir FOLDER [--listen PORT]`.
//!
//! Prints `listening on URL`. Each line `report` on its input is answered with one line of JSON:
//! what lies there whole, and the breaches. It ends with its input, and goes on with the same
//! folder when it is started again. Keys and passwords are those of
//! `S3Rules::default()` and `OpencastRules::default()`.

use std::path::PathBuf;

use anyhow::{Context, bail};
use lectern_testkit::{OpencastJudge, OpencastRules, Rules, S3Judge, S3Rules, TusJudge};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};

/// The judges that can be run.
enum Judge {
    Tus(TusJudge),
    S3(S3Judge),
    Opencast(OpencastJudge),
}

impl Judge {
    async fn start(kind: &str, dir: &std::path::Path, port: u16) -> anyhow::Result<Self> {
        match kind {
            "tus" => {
                let rules = Rules {
                    port,
                    ..Rules::default()
                };
                Ok(Self::Tus(TusJudge::start(dir, rules).await?))
            }
            "s3" => {
                let rules = S3Rules {
                    port,
                    ..S3Rules::default()
                };
                Ok(Self::S3(S3Judge::start(dir, rules).await?))
            }
            "opencast" => {
                let rules = OpencastRules {
                    port,
                    ..OpencastRules::default()
                };
                Ok(Self::Opencast(OpencastJudge::start(dir, rules).await?))
            }
            _ => bail!("unknown judge {kind}; known are tus, s3 and opencast"),
        }
    }

    fn url(&self) -> String {
        match self {
            Self::Tus(judge) => judge.url(),
            Self::S3(judge) => judge.url(),
            Self::Opencast(judge) => judge.url(),
        }
    }

    fn report(&self) -> serde_json::Value {
        let (whole, breaches): (Vec<_>, _) = match self {
            Self::Tus(judge) => {
                let whole = judge.whole().into_iter();
                let whole = whole.map(
                    |upload| json!({ "name": upload.id, "size": upload.length, "sha256": upload.sha256 }),
                );
                (whole.collect(), judge.breaches())
            }
            Self::S3(judge) => {
                let whole = judge.objects().into_iter();
                let whole = whole.map(
                    |object| json!({ "name": object.key, "size": object.size, "sha256": object.sha256 }),
                );
                (whole.collect(), judge.breaches())
            }
            Self::Opencast(judge) => {
                let whole = judge.whole().into_iter();
                let whole = whole.map(|lecture| json!({ "name": lecture }));
                (whole.collect(), judge.breaches())
            }
        };
        json!({ "whole": whole, "breaches": breaches })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let (mut dir, mut port) = (None::<PathBuf>, 0u16);
    let mut args = std::env::args().skip(1);
    let kind = args.next().context("which judge? tus, s3 or opencast")?;
    while let Some(flag) = args.next() {
        let value = args.next().with_context(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--dir" => dir = Some(value.into()),
            "--listen" => port = value.parse().context("--listen takes a port")?,
            _ => bail!("unknown {flag}; known are --dir, --listen"),
        }
    }
    let judge = Judge::start(&kind, &dir.context("--dir is needed")?, port).await?;
    println!("listening on {}", judge.url());
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match line.as_str() {
            "report" => println!("{}", judge.report()),
            other => bail!("unknown {other}; known is report"),
        }
    }
    Ok(())
}
