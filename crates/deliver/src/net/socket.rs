//! What the kernel lets an unprivileged process do with a TCP socket: keep its queue short, pace
//! it, and see how the line is.
//!
//! The options that no crate offers are declared with nix's own macros, so that the unsafe calls
//! stay in that crate.

use std::time::Duration;

use nix::sys::socket::{getsockopt, setsockopt};
use socket2::SockRef;
use tokio::net::TcpStream;

/// Unsent bytes that the kernel may hold: enough to keep a line busy, little enough that a lower
/// rate bites at once.
const NOT_SENT_BYTES: u32 = 128 * 1024;
/// "Lower effort" (RFC 8622) in the byte that holds the DSCP: routers that know it serve everybody
/// else first.
const LOWER_EFFORT: u32 = 0x04;
/// Fills a line and is everywhere; a system's other default, such as bbr, would pace against us.
const CONGESTION: &[u8] = b"cubic";
/// Takes the kernel's own limit away.
const UNPACED: u64 = u64::MAX;

/// The options' types, which the macros make public.
mod option {
    use nix::{getsockopt_impl, setsockopt_impl, sockopt_impl};

    sockopt_impl!(
        /// Bytes a second that the kernel lets out at most, evenly; needs no queueing discipline.
        MaxPacingRate,
        Both,
        libc::SOL_SOCKET,
        libc::SO_MAX_PACING_RATE,
        u64
    );
    sockopt_impl!(
        /// How the connection is.
        TcpInfo,
        GetOnly,
        libc::IPPROTO_TCP,
        libc::TCP_INFO,
        [u32; super::INFO_WORDS]
    );
}

/// The beginning of `struct tcp_info`, up to the last field that is read here. Linux has had these
/// since 4.9; what is longer there is cut by the kernel.
const INFO_WORDS: usize = 38;
/// Where the fields are, in words of 32 bits: part of the kernel's ABI (linux/tcp.h).
mod word {
    pub(super) const UNACKED: usize = 24 / 4;
    pub(super) const RTT: usize = 68 / 4;
    pub(super) const RTTVAR: usize = 72 / 4;
    /// Two words.
    pub(super) const BYTES_ACKED: usize = 120 / 4;
    pub(super) const NOT_SENT_BYTES: usize = 144 / 4;
    pub(super) const MIN_RTT: usize = 148 / 4;
}

/// How a connection is at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sample {
    /// Smoothed round trip time, in microseconds; 0 before the first.
    pub(super) rtt_us: u64,
    /// Its mean deviation, in microseconds.
    pub(super) deviation_us: u64,
    /// The least of the last minutes as the kernel keeps it, in microseconds.
    pub(super) least_rtt_us: u64,
    /// Bytes that the peer's kernel has confirmed.
    pub(super) acked_bytes: u64,
    /// Bytes that wait in our kernel.
    pub(super) unsent_bytes: u64,
    /// Whether something was sent and not yet confirmed.
    pub(super) in_flight: bool,
}

/// Sets what holds for the whole life of an upload's socket. A kernel that refuses one of these
/// costs promptness, not correctness.
pub(super) fn tune(socket: &TcpStream, idle: Duration) {
    let options = SockRef::from(socket);
    let v6 = socket.local_addr().is_ok_and(|address| address.is_ipv6());
    let tried = [
        ("TCP_NODELAY", options.set_tcp_nodelay(true)),
        ("TCP_NOTSENT_LOWAT", options.set_tcp_notsent_lowat(NOT_SENT_BYTES)),
        ("TCP_USER_TIMEOUT", options.set_tcp_user_timeout(Some(idle))),
        ("SO_KEEPALIVE", options.set_keepalive(true)),
        (
            "DSCP",
            match v6 {
                true => options.set_tclass_v6(LOWER_EFFORT),
                false => options.set_tos_v4(LOWER_EFFORT),
            },
        ),
        ("TCP_CONGESTION", options.set_tcp_congestion(CONGESTION)),
    ];
    for (option, result) in tried {
        if let Err(error) = result {
            tracing::debug!(option, %error, "an option of the upload's socket was refused");
        }
    }
}

/// Lets at most `bytes_per_s` out, from now on; `None`: as much as goes.
pub(super) fn pace(socket: &TcpStream, bytes_per_s: Option<u64>) -> nix::Result<()> {
    setsockopt(socket, option::MaxPacingRate, &bytes_per_s.unwrap_or(UNPACED))
}

/// What it was told last.
#[cfg(test)]
pub(super) fn paced(socket: &TcpStream) -> nix::Result<u64> {
    getsockopt(socket, option::MaxPacingRate)
}

/// Looks at the connection; `None` where the kernel does not tell.
pub(super) fn look(socket: &TcpStream) -> Option<Sample> {
    let info = getsockopt(socket, option::TcpInfo).ok()?;
    let mut acked = [0; 8];
    acked[..4].copy_from_slice(&info[word::BYTES_ACKED].to_ne_bytes());
    acked[4..].copy_from_slice(&info[word::BYTES_ACKED + 1].to_ne_bytes());
    Some(Sample {
        rtt_us: info[word::RTT].into(),
        deviation_us: info[word::RTTVAR].into(),
        least_rtt_us: info[word::MIN_RTT].into(),
        acked_bytes: u64::from_ne_bytes(acked),
        unsent_bytes: info[word::NOT_SENT_BYTES].into(),
        in_flight: info[word::UNACKED] > 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    async fn pair(address: &str) -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind(address).await.unwrap();
        let (ours, theirs) = tokio::join!(
            TcpStream::connect(listener.local_addr().unwrap()),
            listener.accept()
        );
        (ours.unwrap(), theirs.unwrap().0)
    }

    #[tokio::test]
    async fn p9_a_socket_is_marked_as_lower_effort_paced_and_read() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let (mut ours, mut theirs) = pair(address).await;
            tune(&ours, Duration::from_secs(60));
            let options = SockRef::from(&ours);
            if address.starts_with('[') {
                assert_eq!(options.tclass_v6().unwrap(), LOWER_EFFORT);
            } else {
                assert_eq!(options.tos_v4().unwrap(), LOWER_EFFORT);
            }
            assert_eq!(options.tcp_notsent_lowat().unwrap(), NOT_SENT_BYTES);
            assert_eq!(options.tcp_user_timeout().unwrap(), Some(Duration::from_secs(60)));

            pace(&ours, Some(1_000_000)).unwrap();
            assert_eq!(paced(&ours).unwrap(), 1_000_000);
            pace(&ours, None).unwrap();

            let before = look(&ours).unwrap().acked_bytes;
            ours.write_all(&[7; 5000]).await.unwrap();
            theirs.read_exact(&mut [0; 5000]).await.unwrap();
            // The peer's kernel may delay its last confirmation by 40 ms.
            let acked = async {
                while look(&ours).unwrap().acked_bytes < before + 5000 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(10), acked)
                .await
                .unwrap();
            let sample = look(&ours).unwrap();
            assert!(
                sample.rtt_us > 0 && sample.least_rtt_us <= sample.rtt_us,
                "{sample:?}"
            );
            assert_eq!((sample.unsent_bytes, sample.in_flight), (0, false));
        }
    }
}
