//! Signing in at the page, guesses and sessions; and what other sites may not.

#![allow(clippy::unwrap_used, reason = "what a test cannot go on without may panic")]

mod script;
mod walls;

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use lectern_domain::access::Role;
use lectern_panel::{Access, Keys, Pin, guarded};
use script::{Script, ready};
use walls::{PIN, door, form, keys, pair, request, secret, send, sign_in, text, with_cookie};

#[tokio::test]
async fn a_kiosk_without_script_signs_in_once_and_stays_so_over_a_restart() {
    let app = door(Access::Loopback, keys(true));
    let page = |path| {
        request("get", path)
            .header(header::ACCEPT, "text/html,*/*;q=0.8")
            .body(Body::empty())
            .unwrap()
    };
    let (status, headers) = send(&app, page("/")).await;
    assert_eq!(
        (status.as_u16(), &headers[header::LOCATION]),
        (303, &"/sign-in".parse().unwrap())
    );
    let html = text(&app, page("/sign-in")).await;
    assert!(
        html.contains("<form method=\"post\" action=\"/sign-in\">"),
        "{html}"
    );
    assert!(
        html.contains("name=\"secret\"") && html.contains("current-password"),
        "{html}"
    );
    let wrong = text(&app, form("1357")).await;
    assert!(
        wrong.contains("role=\"alert\"") && wrong.contains("not right"),
        "{wrong}"
    );
    let (_, headers) = send(&app, form(PIN)).await;
    let set = headers[header::SET_COOKIE].to_str().unwrap();
    assert!(
        set.contains("; Max-Age=34560000; HttpOnly; SameSite=Strict"),
        "for longer than a year: {set}"
    );
    assert!(!set.contains(PIN));
    let cookie = pair(&headers);
    assert_eq!(with_cookie(&app, &cookie, "get", "/").await, 200);
    let restarted = door(Access::Loopback, keys(true));
    assert_eq!(
        with_cookie(&restarted, &cookie, "post", "/api/v1/recording").await,
        200
    );
    let new_pin = Keys {
        pin: Pin::Set("9999".into()),
        ..keys(true)
    };
    let changed = door(Access::Loopback, new_pin);
    assert_eq!(
        with_cookie(&changed, &cookie, "get", "/").await,
        401,
        "the PIN was changed"
    );
    let elsewhere = door(Access::Remote, keys(true));
    let moved = cookie.replace("lectern-session", "__Host-lectern-session");
    assert_eq!(
        with_cookie(&elsewhere, &moved, "get", "/").await,
        401,
        "it counts at the podium only"
    );
    let leave = request("post", "/sign-out").header(header::COOKIE, &cookie);
    let (status, headers) = send(&app, leave.body(Body::empty()).unwrap()).await;
    assert_eq!(status, 204);
    let set = headers[header::SET_COOKIE].to_str().unwrap();
    assert!(set.starts_with("lectern-session=; Path=/; Max-Age=0"), "{set}");
}

#[tokio::test]
async fn a_token_that_is_taken_back_or_lowered_counts_at_once() {
    let cookie = sign_in(&door(Access::Remote, keys(false)), &secret(Role::Admin)).await;
    assert!(cookie.starts_with("__Host-"), "{cookie}");
    for (role, expected) in [(Some(Role::Admin), 200), (Some(Role::Viewer), 403), (None, 401)] {
        let mut keys = keys(false);
        keys.tokens.retain_mut(|token| {
            if token.role != Role::Admin {
                return true;
            }
            token.role = role.unwrap_or(token.role);
            role.is_some()
        });
        let app = door(Access::Remote, keys);
        assert_eq!(
            with_cookie(&app, &cookie, "post", "/api/v1/send-now").await,
            expected
        );
    }
}

#[tokio::test(start_paused = true)]
async fn guesses_are_heard_five_times_and_then_wait() {
    let app = door(Access::Loopback, keys(true));
    for _ in 0..5 {
        assert_eq!(send(&app, form("0000")).await.0, 401);
    }
    for secret in ["0000", PIN] {
        let (status, headers) = send(&app, form(secret)).await;
        assert_eq!(
            (status.as_u16(), &headers[header::RETRY_AFTER]),
            (429, &"5".parse().unwrap())
        );
    }
    let said = text(&app, form(PIN)).await;
    assert!(said.contains("Try again in"), "{said}");
    tokio::time::advance(Duration::from_secs(5)).await;
    sign_in(&app, PIN).await;
}

#[tokio::test]
async fn a_pin_that_cannot_be_read_lets_nobody_in() {
    let keys = Keys {
        pin: Pin::Unreadable,
        ..keys(true)
    };
    let app = door(Access::Loopback, keys);
    assert_eq!(with_cookie(&app, "", "get", "/api/v1/status").await, 401);
    assert_eq!(send(&app, form(PIN)).await.0, 401);
    assert_eq!(send(&app, form("")).await.0, 401);
    let page = text(&app, request("get", "/sign-in").body(Body::empty()).unwrap()).await;
    assert!(page.contains("cannot be checked"), "{page}");
}

#[tokio::test]
async fn the_sign_in_page_speaks_the_languages_of_the_room() {
    let room = Script::new(ready());
    room.set(|s| s.room.languages = ["en", "fr", "zh", "ru", "ar"].map(str::to_owned).into());
    let app = guarded(room, Access::Loopback, keys(true));
    let mut seen = Vec::new();
    for (tag, dir) in [
        ("en", "ltr"),
        ("fr", "ltr"),
        ("zh", "ltr"),
        ("ru", "ltr"),
        ("ar", "rtl"),
    ] {
        let asked = request("get", "/sign-in").header(header::ACCEPT_LANGUAGE, tag);
        let page = text(&app, asked.body(Body::empty()).unwrap()).await;
        assert!(
            page.contains(&format!("<html lang=\"{tag}\" dir=\"{dir}\">")),
            "{page}"
        );
        let heading = page.split("<h1>").nth(1).unwrap().split("</h1>").next().unwrap();
        assert!(
            !heading.starts_with("sign-in") && !seen.contains(&heading.to_owned()),
            "{heading}"
        );
        seen.push(heading.to_owned());
        let chosen = request("get", &format!("/sign-in?language={tag}"))
            .body(Body::empty())
            .unwrap();
        let (_, headers) = send(&app, chosen).await;
        assert_eq!(pair(&headers), format!("lectern-language={tag}"));
    }
}

#[tokio::test]
async fn other_sites_change_nothing_and_use_nothing() {
    let app = door(Access::Loopback, keys(false));
    let (host, site) = ("localhost:8470", "same-origin");
    let refused = [
        ("post", host, "http://evil.example", site),
        ("post", host, "https://localhost:8470", site),
        ("post", host, "http://localhost:9999", site),
        ("post", host, "null", site),
        ("post", host, "http://localhost:8470", "cross-site"),
        ("post", host, "http://localhost:8470", "same-site"),
        (
            "post",
            "recorder.evil.example",
            "http://recorder.evil.example",
            site,
        ),
        ("get", "recorder.evil.example", "", "none"),
        ("get", host, "", "cross-site"),
        ("get", host, "", "same-site"),
    ];
    for (method, host, origin, site) in refused {
        let mut asked = Request::builder()
            .method(method.to_uppercase().as_str())
            .uri(if method == "post" {
                "/api/v1/recording"
            } else {
                "/api/v1/events"
            })
            .header(header::HOST, host)
            .header("sec-fetch-site", site);
        if !origin.is_empty() {
            asked = asked.header(header::ORIGIN, origin);
        }
        let (status, headers) = send(&app, asked.body(Body::empty()).unwrap()).await;
        assert_eq!(status, 403, "{method} {host} {origin} {site}");
        assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
    }
    let visit = request("get", "/")
        .header("sec-fetch-site", "cross-site")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "document");
    let (status, headers) = send(&app, visit.body(Body::empty()).unwrap()).await;
    assert_eq!(status, 200, "a link leads to the page");
    for name in [
        "content-security-policy",
        "permissions-policy",
        "x-content-type-options",
    ] {
        assert!(headers.contains_key(name), "{name}");
    }
    assert!(
        !headers.contains_key(header::STRICT_TRANSPORT_SECURITY),
        "the podium speaks in clear"
    );
    let elsewhere = door(Access::Remote, keys(false));
    let asked = request("post", "/api/v1/recording")
        .header(header::AUTHORIZATION, format!("Bearer {}", secret(Role::Admin)));
    let clear = asked.header(header::ORIGIN, "http://localhost:8470");
    let (status, headers) = send(&elsewhere, clear.body(Body::empty()).unwrap()).await;
    assert_eq!(status, 403, "an unencrypted page beside it is another site");
    assert!(headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    assert_eq!(
        send(&elsewhere, request("options", "/").body(Body::empty()).unwrap())
            .await
            .0,
        405
    );
}
