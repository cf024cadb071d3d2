//! The way to a platform, for `lectern doctor`: its name, how long its certificate lasts, and
//! whether its clock and ours agree. Signs in nowhere; that is [`crate::Adapter::probe`]'s.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use lectern_domain::api::Check;
use lectern_domain::config::{Platform, PlatformKind};
use reqwest::header::DATE;
use url::{Host, Url};

use crate::credential::Secrets;
use crate::net::{self, Control, Line, Look, Patience};
use crate::probe::Findings;

/// Somebody waits for the doctor.
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(5),
    reply: Duration::from_secs(8),
    idle: Duration::from_secs(8),
};
/// A certificate that ends sooner should have been renewed: those who renew by themselves do it a
/// month before.
const RENEWED_BEFORE: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Clocks that differ by more make signatures and certificates fail before long.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(60);

/// Looks at the way to `platform`, through the line's proxy and signed in to it if there is one;
/// nothing for a folder. An error that the platform's probe meets too is left to it. Ends within
/// some ten seconds, blocks for reading certificates and the proxy's credential.
pub async fn way(platform: &Platform, secrets: &Secrets, line: &Arc<Line>) -> Vec<Check> {
    let (PlatformKind::Tus { url, .. } | PlatformKind::S3 { url, .. } | PlatformKind::Opencast { url, .. }) =
        &platform.kind
    else {
        return Vec::new();
    };
    let mut findings = Findings::about(&platform.name);
    let Ok(url) = net::checked_url(url, "url") else {
        return Vec::new();
    };
    if named(&url, line, &mut findings).await
        && let Ok(control) = Control::new(
            &url,
            platform.ca_file.as_deref(),
            None,
            PATIENCE,
            Arc::clone(line),
            secrets,
        )
    {
        let asked = (Timestamp::now(), Instant::now());
        if let Ok(look) = control.look(&url).await {
            answered(&url, &look, asked, &mut findings);
            through(&url, line, &mut findings);
        }
    }
    findings.into_checks()
}

/// Whether the name is known; behind a proxy that is the proxy's matter.
async fn named(url: &Url, line: &Line, findings: &mut Findings) -> bool {
    let (Some(Host::Domain(name)), None) = (url.host(), &line.rules().proxy) else {
        return true;
    };
    let port = url.port_or_known_default().unwrap_or(443);
    let looked_up = tokio::time::timeout(PATIENCE.connect, tokio::net::lookup_host((name, port))).await;
    let why = match looked_up {
        Ok(Ok(mut addresses)) => match addresses.next() {
            Some(_) => return true,
            None => "it has no address".to_owned(),
        },
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no name server answered within {} s", PATIENCE.connect.as_secs()),
    };
    findings.bad(
        format!("The address of {name} could not be found: {why}."),
        "Check the network cable, the name servers of this machine, and how the platform's url is written.",
    );
    false
}

fn answered(url: &Url, look: &Look, (asked_at, asked): (Timestamp, Instant), findings: &mut Findings) {
    let peer = net::authority(url);
    let took = asked.elapsed();
    if let Some(ends) = look.certificate_ends {
        lasts(&peer, ends.duration_since(Timestamp::now()), took, findings);
    }
    let date = look.headers.get(DATE).and_then(|date| date.to_str().ok());
    let Some(theirs) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) else {
        return;
    };
    let ours = asked_at + took / 2;
    let ahead = ours.duration_since(theirs.timestamp());
    if ahead.abs() > CLOCKS_APART {
        findings.warning(
            format!(
                "The clock of {peer} and ours are {} s apart; ours is {}.",
                ahead.abs().as_secs(),
                if ahead.is_positive() { "ahead" } else { "behind" }
            ),
            "Connect the recorder to a time server; if it has one, tell the platform's operator.",
        );
    }
}

/// The platform answered, and so the proxy let us through.
fn through(url: &Url, line: &Line, findings: &mut Findings) {
    let rules = line.rules();
    if let Some(proxy) = rules.proxy.as_ref().filter(|_| url.scheme() == "https") {
        findings.good(match rules.proxy_credential {
            Some(_) => format!("The proxy {proxy} took the sign-in."),
            None => format!("The proxy {proxy} lets this machine through without a sign-in."),
        });
    }
}

fn lasts(peer: &str, left: SignedDuration, took: Duration, findings: &mut Findings) {
    let days = left.as_hours() / 24;
    let said = format!(
        "{peer} answers in {} ms; its certificate is trusted and lasts for {days} days.",
        took.as_millis()
    );
    if left < RENEWED_BEFORE {
        findings.warning(
            said,
            "Ask the platform's operator to renew it; lectures wait when it has ended.",
        );
    } else {
        findings.good(said);
    }
}

#[cfg(test)]
mod tests {
    use lectern_domain::api::Verdict;

    use super::*;

    fn url() -> Url {
        Url::parse("https://lectures.example/files/").unwrap()
    }

    #[test]
    fn a_certificate_that_ends_soon_is_told_in_time() {
        for (days, verdict) in [(400, Verdict::Good), (15, Verdict::Good), (13, Verdict::Warning)] {
            let mut findings = Findings::about(&"central".parse().unwrap());
            let left = SignedDuration::from_hours(days * 24 + 1);
            lasts(
                "lectures.example:443",
                left,
                Duration::from_millis(40),
                &mut findings,
            );
            let checks = findings.into_checks();
            assert_eq!(checks[0].verdict, verdict, "{checks:?}");
            assert!(checks[0].found.contains(&format!("{days} days")), "{checks:?}");
        }
    }

    #[test]
    fn clocks_that_differ_are_told_and_which_is_ahead() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        for (date, told) in [
            ("Sun, 22 Nov 2026 10:00:20 GMT", None),
            ("Sun, 22 Nov 2026 09:50:00 GMT", Some("ours is ahead")),
            ("Sun, 22 Nov 2026 10:10:00 GMT", Some("ours is behind")),
            ("yesterday", None),
        ] {
            let mut look = Look::default();
            look.headers.insert(DATE, date.parse().unwrap());
            let mut findings = Findings::about(&"central".parse().unwrap());
            answered(&url(), &look, (now, Instant::now()), &mut findings);
            let checks = findings.into_checks();
            match told {
                None => assert_eq!(checks, [], "{date}"),
                Some(words) => assert!(checks[0].found.contains(words), "{checks:?}"),
            }
        }
    }
}
