//! What every request passes before and after its handler: who may ask, for how long, what a
//! panic becomes, and which headers go out.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use crate::gate::Caller;
use crate::problem::{Fault, PROBLEM_JSON};
use crate::site::Access;

/// How long a handler may take until its answer begins. Streams begin at once.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// No inline script or style, nothing from elsewhere; `blob:` is for the live pictures.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The page uses no device of the browser's machine: the recorder's cameras are not the browser's.
const PERMISSIONS: &str = "camera=(), microphone=(), display-capture=(), geolocation=(), payment=(), usb=(), \
    serial=(), hid=(), bluetooth=(), midi=(), browsing-topics=()";

/// The whole guard, outermost first: headers, panic, time, origin.
pub(crate) async fn guard(State(access): State<Access>, mut request: Request, next: Next) -> Response {
    let caller = *request.extensions_mut().get_or_insert_with(|| Caller::of(access));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let answer = match admit(caller, &request) {
        Err(fault) => {
            tracing::warn!(%method, path, reason = %fault.0.detail, "a request was turned away");
            fault.into_response()
        }
        Ok(()) => {
            let run = AssertUnwindSafe(next.run(request)).catch_unwind();
            match tokio::time::timeout(ANSWER_WITHIN, run).await {
                Ok(Ok(response)) => response,
                Ok(Err(panic)) => {
                    let reason = reason_of(panic.as_ref());
                    tracing::error!(%method, path, reason, "a request handler panicked");
                    Fault::internal(
                        "Lectern failed at this request; it is a fault in the program. The recording is not \
                         touched. Tell the help desk what you did; the log says more.",
                    )
                    .into_response()
                }
                Err(_) => {
                    tracing::warn!(%method, path, "a request took too long and was given up");
                    Fault::unable(
                        "The daemon did not answer in time. What was asked may still happen. Look at the status \
                         before you ask again.",
                    )
                    .into_response()
                }
            }
        }
    };
    finish(answer, caller).await
}

/// Whether the request may reach its handler.
fn admit(caller: Caller, request: &Request) -> Result<(), Fault> {
    let headers = request.headers();
    // Elsewhere a page of another site has no token to come in with, whatever name it uses.
    if caller.access == Access::Loopback {
        check_name(request)?;
    }
    let harmless = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if harmless && !headers.contains_key(header::UPGRADE) {
        return check_use(headers);
    }
    check_origin(headers, caller.secure)
}

/// Other sites may send a person here by a link, and use nothing of it in themselves: not even
/// an event stream or picture that they could not read, but whose seat they would take.
fn check_use(headers: &HeaderMap) -> Result<(), Fault> {
    let says = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    let foreign = says("sec-fetch-site").is_some_and(|site| !matches!(site, b"same-origin" | b"none"));
    let visit = says("sec-fetch-mode") == Some(b"navigate")
        && says("sec-fetch-dest").is_none_or(|dest| dest == b"document");
    if foreign && !visit {
        return Err(Fault::forbidden(
            "Another site wanted to use a part of this recorder's page. Open the page itself.",
        ));
    }
    Ok(())
}

/// A page of another site can make its own name point to 127.0.0.1 (DNS rebinding); the browser
/// then sends that name, and this refuses it.
fn check_name(request: &Request) -> Result<(), Fault> {
    let from_uri = request.uri().authority().map(Authority::as_str);
    let from_headers = request
        .headers()
        .get_all(header::HOST)
        .iter()
        .map(|h| h.to_str().unwrap_or(""));
    let mut named = false;
    for name in from_uri.into_iter().chain(from_headers) {
        named = true;
        if !is_loopback_name(name) {
            return Err(Fault::forbidden(format!(
                "This address answers only to the names localhost, 127.0.0.1 and [::1], not to {name:?}. \
                 Open the page by one of them on the recorder itself."
            )));
        }
    }
    if named {
        Ok(())
    } else {
        Err(Fault::forbidden("The request has no Host header; add one."))
    }
}

fn is_loopback_name(name: &str) -> bool {
    let Ok(authority) = name.parse::<Authority>() else {
        return false;
    };
    let host = authority.host();
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let address = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Another tab of the lecturer's browser must not be able to press Record. Browsers say where a
/// request comes from; programs say nothing, and may.
fn check_origin(headers: &HeaderMap, secure: bool) -> Result<(), Fault> {
    let foreign = || {
        Fault::forbidden(
            "The request comes from another site. Nothing was changed. Use the podium page or the command line.",
        )
    };
    if let Some(site) = headers.get("sec-fetch-site")
        && site != "same-origin"
        && site != "none"
    {
        return Err(foreign());
    }
    if let Some(origin) = headers.get(header::ORIGIN) {
        let origin = origin.to_str().map_err(|_| foreign())?;
        let (scheme, authority) = origin.split_once("://").ok_or_else(foreign)?;
        let host = headers
            .get(header::HOST)
            .and_then(|h| h.to_str().ok())
            .ok_or_else(foreign)?;
        let own = if secure { "https" } else { "http" };
        if scheme != own || !authority.eq_ignore_ascii_case(host) {
            return Err(foreign());
        }
    }
    Ok(())
}

/// Makes problems of the bare refusals that the web framework writes, and adds the headers.
async fn finish(answer: Response, caller: Caller) -> Response {
    let failed = answer.status().is_client_error() || answer.status().is_server_error();
    let kind = answer
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or("");
    let mut answer = if failed && kind != PROBLEM_JSON && !kind.starts_with("text/html") {
        restate(answer).await
    } else {
        answer
    };
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: with it a browser sends `Origin: null` with a plain form, which the walls refuse.
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Not at the podium, whose browser speaks in clear and knows this machine as "localhost".
    if caller.access == Access::Remote {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    answer
}

async fn restate(answer: Response) -> Response {
    let (parts, body) = answer.into_parts();
    // The framework's own sentences are short; anything longer is not one of them.
    let said = axum::body::to_bytes(body, 1024).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let detail = if said.is_empty() {
        parts.status.canonical_reason().unwrap_or("refused")
    } else {
        &said
    };
    let mut problem = Fault::of_status(parts.status, detail).into_response();
    for (name, value) in &parts.headers {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            problem.headers_mut().insert(name, value.clone());
        }
    }
    problem
}

fn reason_of(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given")
}

#[cfg(test)]
mod tests {
    use super::is_loopback_name;

    #[test]
    fn only_names_of_this_machine_are_loopback_names() {
        for good in [
            "localhost",
            "LocalHost:8470",
            "127.0.0.1:8470",
            "127.8.8.8",
            "[::1]:8470",
            "[::1]",
        ] {
            assert!(is_loopback_name(good), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "localhost.evil.example",
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
            "127.0.0.1@evil",
        ] {
            assert!(!is_loopback_name(bad), "{bad}");
        }
    }
}
