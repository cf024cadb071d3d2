//! Addresses of platforms and cameras, checked as far as it goes without asking the network.
//!
//! Only what decides whether a configuration is sound: scheme, host, loopback or not, secrets.
//! Whoever connects parses the address in full. No fault repeats an address that has a password.

use std::net::IpAddr;

use super::tree::shown;

/// The parts of an address that a check needs.
struct Parts<'a> {
    scheme: &'a str,
    has_user: bool,
    host: &'a str,
}

fn parts(text: &str) -> Result<Parts<'_>, String> {
    if text
        .chars()
        .any(|c| c.is_control() || c.is_whitespace() || c == '\\')
    {
        return Err("has a space or another character that an address cannot have".to_owned());
    }
    let (scheme, rest) = text
        .split_once("://")
        .ok_or_else(|| format!("{} has no scheme", quoted(text)))?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let (user, host_port) = match authority.rsplit_once('@') {
        Some((user, host_port)) => (Some(user), host_port),
        None => (None, authority),
    };
    let (host, port) = match host_port.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':').or(rest.is_empty().then_some(""))),
        None => match host_port.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (host_port, Some("")),
        },
    };
    if host.is_empty() {
        return Err(format!("{} has no host", quoted(text)));
    }
    if !port.is_some_and(|port| port.is_empty() || port.parse::<u16>().is_ok_and(|port| port > 0)) {
        return Err(format!("{} has a port that is not 1 to 65535", quoted(text)));
    }
    Ok(Parts {
        scheme,
        has_user: user.is_some(),
        host,
    })
}

/// The address in quotes, unless it may hold a secret.
fn quoted(text: &str) -> String {
    if text.contains('@') || text.contains('?') {
        "the address".to_owned()
    } else {
        shown(text)
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// `https://…`; `http://…` to this machine only, because a token would go in the clear.
pub(super) fn web(text: &str) -> Result<String, String> {
    let parts = parts(text)?;
    if parts.has_user {
        return Err("a secret must not stand in this file, and the address has a user before @".to_owned());
    }
    match parts.scheme {
        "https" => Ok(text.to_owned()),
        "http" if is_loopback(parts.host) => Ok(text.to_owned()),
        "http" => Err(format!("{} would cross the network unencrypted", quoted(text))),
        other => Err(format!("its scheme is {}", shown(other))),
    }
}

/// `http://host:port` of a proxy. What goes through it is encrypted end to end where the platform
/// is not on this machine.
pub(super) fn proxy(text: &str) -> Result<String, String> {
    let parts = parts(text)?;
    if parts.has_user {
        return Err(
"a secret must not stand in this file, and the address has a user before @: user:password belongs into \
             a file of its own, mode 0600, that proxy_credential_file names"
                .to_owned(),
        );
    }
    let after = text.split_once("://").map_or("", |(_, rest)| rest);
    let plain = after.strip_suffix('/').unwrap_or(after);
    if parts.scheme != "http" {
        Err(format!("its scheme is {}", shown(parts.scheme)))
    } else if plain.contains(['/', '?', '#']) {
        Err(format!("{} has a path", quoted(text)))
    } else {
        Ok(text.to_owned())
    }
}

/// `rtsp://…` or `rtsps://…`; user and password may stand in it, cameras have no other way.
pub(super) fn camera(text: &str) -> Result<String, String> {
    match parts(text)?.scheme {
        "rtsp" | "rtsps" => Ok(text.to_owned()),
        other => Err(format!("its scheme is {}", shown(other))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_spoken_to_without_tls() {
        for good in [
            "https://a.example/files/",
            "http://localhost:1080/",
            "http://127.0.0.1:1/",
            "http://[::1]:80/f",
        ] {
            assert_eq!(web(good).as_deref(), Ok(good));
        }
        for bad in [
            "http://a.example/",
            "http://127.0.0.1.example/",
            "http://127.0.0.1@a.example/",
            "https:///x",
            "https://a:x/",
            "https://a:0/",
            "https://[::1/",
            "ftp://a/",
            "a.example",
            "https://a b/",
        ] {
            assert!(web(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_proxy_is_a_host_and_nothing_else() {
        for good in [
            "http://proxy.example:3128",
            "http://10.0.0.1:8080/",
            "http://[::1]:80",
        ] {
            assert_eq!(proxy(good).as_deref(), Ok(good));
        }
        for bad in [
            "https://proxy.example:3128",
            "http://a/b",
            "proxy:3128",
            "http://u:p@a:1",
        ] {
            assert!(proxy(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_with_a_password_is_never_repeated() {
        for bad in [
            "http://u:hunter2@a/",
            "ftp://u:hunter2@a/",
            "https://u:hunter2@a:x/",
            "ftp://a/?t=hunter2",
        ] {
            let wrong = web(bad).expect_err("each of them is wrong");
            assert!(!wrong.contains("hunter2"), "{wrong}");
        }
        assert_eq!(
            camera("rtsp://u:p@10.0.0.9/stream").as_deref(),
            Ok("rtsp://u:p@10.0.0.9/stream")
        );
    }
}
