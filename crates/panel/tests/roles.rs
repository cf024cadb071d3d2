//! Who may do what: every route of the table, through every door, as everybody who may stand
//! there. `cargo test -p lectern-panel --test roles -- --nocapture` prints it as a table.

#![allow(clippy::unwrap_used, reason = "what a test cannot go on without may panic")]

mod script;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use lectern_domain::access::Role;
use lectern_domain::ids::LectureId;
use lectern_panel::{Access, Keys, Pin, SessionKey, Token, guarded, rows};
use script::{Script, ready};
use tower::ServiceExt;

const PIN: &str = "2468";
const FORM: &str = "application/x-www-form-urlencoded";

/// Whom each route needs; a route that is not here is not known to this test, and fails it.
const NEEDS: [(&str, &str, Option<Role>); 33] = {
    const ALL: Option<Role> = None;
    const VIEWER: Option<Role> = Some(Role::Viewer);
    const OPERATOR: Option<Role> = Some(Role::Operator);
    const ADMIN: Option<Role> = Some(Role::Admin);
    [
        ("get", "/", VIEWER),
        ("get", "/api/v1/status", VIEWER),
        ("post", "/api/v1/recording", OPERATOR),
        ("post", "/api/v1/recording/pause", OPERATOR),
        ("post", "/api/v1/recording/resume", OPERATOR),
        ("post", "/api/v1/recording/stop", OPERATOR),
        ("post", "/api/v1/recording/undo", OPERATOR),
        ("post", "/api/v1/recording/mark", OPERATOR),
        ("post", "/api/v1/recording/extend", OPERATOR),
        ("get", "/api/v1/lectures", VIEWER),
        ("post", "/api/v1/lectures", OPERATOR),
        ("get", "/api/v1/lectures/{id}", VIEWER),
        ("patch", "/api/v1/lectures/{id}", OPERATOR),
        ("post", "/api/v1/lectures/{id}/begin", OPERATOR),
        ("post", "/api/v1/lectures/{id}/cancel", OPERATOR),
        ("post", "/api/v1/lectures/{id}/restore", OPERATOR),
        ("post", "/api/v1/lectures/{id}/retry", ADMIN),
        ("post", "/api/v1/lectures/{id}/send-now", ADMIN),
        ("post", "/api/v1/send-now", ADMIN),
        ("post", "/api/v1/doctor", ADMIN),
        ("get", "/api/v1/queue", VIEWER),
        ("get", "/api/v1/events", VIEWER),
        ("get", "/api/v1/preview", OPERATOR),
        ("get", "/preview/{file}", OPERATOR),
        ("get", "/metrics", VIEWER),
        ("get", "/healthz", ALL),
        ("get", "/api/v1/openapi.json", VIEWER),
        ("get", "/live", VIEWER),
        ("get", "/static/{file}", ALL),
        ("get", "/sign-in", ALL),
        ("post", "/sign-in", ALL),
        ("post", "/sign-out", ALL),
        ("post", "/lectures/{id}", OPERATOR),
    ]
};

/// Who stands at a door: with nothing, with a token in the header, or signed in at the page.
#[derive(Clone, Copy, Debug)]
enum As {
    Nobody,
    Stranger,
    Bearer(Role),
    SignedIn(Role),
    Pin,
}

/// Each column of the matrix: the door, whether the podium has a PIN, who, and what they then are.
const COLUMNS: [(&str, Access, bool, As, Option<Role>); 16] = {
    use Access::{Loopback, Remote, Socket};
    use As::{Bearer, Nobody, SignedIn, Stranger};
    use Role::{Admin, Operator, Viewer};
    [
        ("socket", Socket, true, Nobody, Some(Admin)),
        ("podium", Loopback, false, Nobody, Some(Operator)),
        (
            "podium, admin's token",
            Loopback,
            false,
            Bearer(Admin),
            Some(Admin),
        ),
        (
            "podium, viewer's token",
            Loopback,
            false,
            Bearer(Viewer),
            Some(Operator),
        ),
        ("podium with PIN", Loopback, true, Nobody, None),
        ("podium with PIN, given", Loopback, true, As::Pin, Some(Operator)),
        (
            "podium with PIN, admin",
            Loopback,
            true,
            SignedIn(Admin),
            Some(Admin),
        ),
        ("podium with PIN, wrong token", Loopback, true, Stranger, None),
        ("elsewhere", Remote, true, Nobody, None),
        ("elsewhere, wrong token", Remote, true, Stranger, None),
        ("elsewhere, viewer", Remote, true, Bearer(Viewer), Some(Viewer)),
        (
            "elsewhere, operator",
            Remote,
            true,
            Bearer(Operator),
            Some(Operator),
        ),
        ("elsewhere, admin", Remote, true, Bearer(Admin), Some(Admin)),
        (
            "elsewhere, viewer at page",
            Remote,
            true,
            SignedIn(Viewer),
            Some(Viewer),
        ),
        (
            "elsewhere, operator at page",
            Remote,
            true,
            SignedIn(Operator),
            Some(Operator),
        ),
        (
            "elsewhere, admin at page",
            Remote,
            true,
            SignedIn(Admin),
            Some(Admin),
        ),
    ]
};

fn secret(role: Role) -> String {
    format!("{role}-token-that-nobody-guesses")
}

fn keys(pin: bool) -> Keys {
    Keys {
        session: SessionKey::new([7; 32]),
        pin: if pin { Pin::Set(PIN.into()) } else { Pin::None },
        tokens: Role::ALL
            .map(|role| Token {
                name: format!("our-{role}"),
                role,
                secret: secret(role).into(),
            })
            .into(),
        tls: None,
    }
}

fn door(access: Access, keys: Keys) -> Router {
    let room = Script::new(ready());
    room.picture("camera", &Arc::from(&b"\xff\xd8jpeg"[..]));
    guarded(room, access, keys)
}

fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(method.to_uppercase().as_str())
        .uri(path)
        .header(header::HOST, "localhost:8470")
}

async fn send(app: &Router, request: Request<Body>) -> (StatusCode, HeaderMap) {
    let response = app.clone().oneshot(request).await.unwrap();
    (response.status(), response.headers().clone())
}

async fn text(app: &Router, request: Request<Body>) -> String {
    let body = app.clone().oneshot(request).await.unwrap().into_body();
    String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

fn form(secret: &str) -> Request<Body> {
    request("post", "/sign-in")
        .header(header::CONTENT_TYPE, FORM)
        .header(header::ACCEPT, "text/html")
        .body(Body::from(format!("secret={secret}")))
        .unwrap()
}

fn pair(headers: &HeaderMap) -> String {
    let cookie = headers[header::SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// Signs in at the page and returns the cookie.
async fn sign_in(app: &Router, secret: &str) -> String {
    let (status, headers) = send(app, form(secret)).await;
    assert_eq!(status, 303);
    assert_eq!(headers[header::LOCATION], "/");
    pair(&headers)
}

async fn with_cookie(app: &Router, cookie: &str, method: &str, path: &str) -> StatusCode {
    let request = request(method, path).header(header::COOKIE, cookie);
    send(app, request.body(Body::empty()).unwrap()).await.0
}

#[tokio::test]
async fn each_route_lets_in_whom_it_needs_and_nobody_less() {
    let mut known: Vec<_> = NEEDS.to_vec();
    let mut all = rows();
    known.sort_unstable();
    all.sort_unstable();
    assert_eq!(all, known, "every route is in this test, with whom it needs");
    let mut table = String::new();
    for (number, (name, ..)) in (1..).zip(COLUMNS) {
        writeln!(table, "{number:>2} {name}").unwrap();
    }
    write!(table, "\n{:<40}{:<9}", "route", "needs").unwrap();
    for number in 1..=COLUMNS.len() {
        write!(table, "{number:>4}").unwrap();
    }
    let mut columns = Vec::new();
    for (_, access, pin, who, is) in COLUMNS {
        let app = door(access, keys(pin));
        let proof = match who {
            As::Nobody => None,
            As::Stranger => Some((header::AUTHORIZATION, "Bearer nobody-knows-this-token".to_owned())),
            As::Bearer(role) => Some((header::AUTHORIZATION, format!("Bearer {}", secret(role)))),
            As::SignedIn(role) => Some((header::COOKIE, sign_in(&app, &secret(role)).await)),
            As::Pin => Some((header::COOKIE, sign_in(&app, PIN).await)),
        };
        columns.push((app, proof, is));
    }
    let mut wrong = Vec::new();
    for (method, path, needs) in NEEDS {
        write!(
            table,
            "\n{:<40}{:<9}",
            format!("{} {path}", method.to_uppercase()),
            needs.map_or("-", Role::as_str)
        )
        .unwrap();
        for ((app, proof, is), (name, ..)) in columns.iter().zip(COLUMNS) {
            let file = if path.starts_with("/static") {
                "panel.css"
            } else {
                "camera.jpg"
            };
            let path = path
                .replace("{id}", &LectureId::random().to_string())
                .replace("{file}", file);
            let mut request = request(method, &path).header(header::CONTENT_TYPE, "application/json");
            if let Some((header, value)) = proof {
                request = request.header(header, value);
            }
            let body = if (method, path.as_str()) == ("post", "/sign-in") {
                Body::from(format!("{{\"secret\":\"{}\"}}", secret(Role::Admin)))
            } else {
                Body::from("{}")
            };
            let (status, headers) = send(app, request.body(body).unwrap()).await;
            let said = match status.as_u16() {
                401 | 403 => status.as_str().to_owned(),
                _ => "yes".to_owned(),
            };
            let expected = match (needs, is) {
                (None, _) => "yes",
                (Some(_), None) => "401",
                (Some(needs), Some(is)) if *is < needs => "403",
                (Some(_), Some(_)) => "yes",
            };
            if said != expected {
                wrong.push(format!("{method} {path} for {name}: {status}, not {expected}"));
            }
            assert_eq!(
                status == 401,
                headers.contains_key(header::WWW_AUTHENTICATE) && status != 403,
                "{path}"
            );
            write!(table, "{said:>4}").unwrap();
        }
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

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
async fn a_viewer_gets_the_page_without_buttons_and_pictures() {
    let app = door(Access::Remote, keys(false));
    for (role, operates) in [(Role::Viewer, false), (Role::Operator, true)] {
        let asked = request("get", "/").header(header::AUTHORIZATION, format!("Bearer {}", secret(role)));
        let page = text(&app, asked.body(Body::empty()).unwrap()).await;
        assert!(page.contains("Hall B-204"), "{page}");
        assert_eq!(
            page.contains("action=\"/api/v1/recording\""),
            operates,
            "{role}: {page}"
        );
        assert_eq!(page.contains("/preview/camera.jpg"), operates, "{role}: {page}");
    }
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
