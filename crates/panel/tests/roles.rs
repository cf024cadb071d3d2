//! Who may do what: every route of the table, through every door, as everybody who may stand
//! there. `cargo test -p lectern-panel --test roles -- --nocapture` prints it as a table.

#![allow(clippy::unwrap_used, reason = "what a test cannot go on without may panic")]

mod script;
mod walls;

use std::fmt::Write as _;

use axum::body::Body;
use axum::http::header;
use lectern_domain::access::Role;
use lectern_domain::ids::LectureId;
use lectern_panel::{Access, rows};
use walls::{PIN, door, keys, request, secret, send, sign_in, text};

/// Whom each route needs; a route that is not here is not known to this test, and fails it.
const NEEDS: [(&str, &str, Option<Role>); 37] = {
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
        ("post", "/api/v1/recording/more-time", OPERATOR),
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
        ("post", "/api/v1/notify-test", ADMIN),
        ("post", "/api/v1/self-test", ADMIN),
        ("get", "/api/v1/self-test", ADMIN),
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
