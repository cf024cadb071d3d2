//! The cutting proxy as a program, for scripts:
//! `lectern-testkit-proxy --to HOST:PORT [--listen PORT] [--reset-after BYTES]`.
//!
//! Prints `listening on ADDRESS`, and when its input ends `forwarded N returned N resets N
//! connections N`. It cuts nothing that it was not told to cut.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use lectern_testkit::CuttingProxy;
use tokio::io::AsyncReadExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let (mut to, mut port, mut reset_after) = (None::<SocketAddr>, 0u16, None::<u64>);
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        let value = args.next().with_context(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--to" => {
                to = Some(
                    value
                        .parse()
                        .context("--to takes an address such as 127.0.0.1:1080")?,
                )
            }
            "--listen" => port = value.parse().context("--listen takes a port")?,
            "--reset-after" => reset_after = Some(value.parse().context("--reset-after takes bytes")?),
            _ => bail!("unknown {flag}; known are --to, --listen, --reset-after"),
        }
    }
    let proxy = CuttingProxy::start(to.context("--to is needed")?, port).await?;
    if let Some(bytes) = reset_after {
        proxy.reset_after(bytes);
    }
    println!("listening on {}", proxy.address());
    let mut ignored = Vec::new();
    tokio::io::stdin().read_to_end(&mut ignored).await?;
    println!(
        "forwarded {} returned {} resets {} connections {}",
        proxy.forwarded(),
        proxy.returned(),
        proxy.resets(),
        proxy.connections()
    );
    Ok(())
}
