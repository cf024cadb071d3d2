//! Every route through the application itself, without a network: what it answers, in which
//! shape, and to whom it does not.

#![allow(clippy::unwrap_used, reason = "what a test cannot go on without may panic")]

mod asking;
mod exchange;
mod script;

use std::sync::Arc;

use asking::{get, post, problem, request, room, send};
use axum::body::Body;
use axum::http::{Method, Request, header};
use lectern_domain::api::{Command, Metadata, PodiumState, Refusal, RetryRequest};
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::LectureState;
use lectern_panel::{Access, app};
use script::{NINE_UNIX_MS, Script, detail, ready};
use serde_json::json;
use tower::ServiceExt;

#[tokio::test]
async fn every_page_to_look_at_answers() {
    let (room, app) = room();
    let id = LectureId::random();
    room.add(detail(id, LectureState::Finished, "Cell biology", NINE_UNIX_MS));
    room.picture("camera", &Arc::from(&b"\xff\xd8jpeg"[..]));
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/api/v1/status", "application/json"),
        ("/api/v1/lectures?state=finished&limit=5", "application/json"),
        (&format!("/api/v1/lectures/{id}"), "application/json"),
        (
            &format!("/api/v1/lectures/{}", &id.to_string()[..6]),
            "application/json",
        ),
        ("/api/v1/queue", "application/json"),
        ("/api/v1/openapi.json", "application/json"),
        ("/preview/camera.jpg", "image/jpeg"),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
        ("/healthz", "text/plain; charset=utf-8"),
        ("/static/panel.css", "text/css; charset=utf-8"),
        ("/static/layout.css", "text/css; charset=utf-8"),
        ("/static/rest.js", "text/javascript; charset=utf-8"),
        ("/static/pictures.js", "text/javascript; charset=utf-8"),
        ("/static/panel.js", "text/javascript; charset=utf-8"),
        ("/static/icon.svg", "image/svg+xml"),
    ] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        assert_eq!(answer.header(header::CONTENT_TYPE), kind, "{path}");
        let policy = answer.header(header::CONTENT_SECURITY_POLICY);
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header(header::REFERRER_POLICY), "same-origin", "{path}");
    }
    assert_eq!(get(&app, "/api/v1/status").await.json()["state"], "ready");
    room.fall_sick();
    problem(&get(&app, "/healthz").await, 503, "unable");
}

#[tokio::test]
async fn every_command_reaches_the_daemon_as_it_was_given() {
    let room = Script::new(ready());
    let app = app(room.clone(), Access::Socket);
    let id = LectureId::random();
    room.add(detail(id, LectureState::Failed, "Cell biology", NINE_UNIX_MS));
    let start = json!({ "title": " Cell biology ", "minutes": 90 }).to_string();
    let answer = post(&app, "/api/v1/recording", "application/json", start).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["state"]),
        (200, &json!("recording"))
    );
    for (path, body) in [
        ("/api/v1/recording/mark", r#"{"label":"exam"}"#),
        ("/api/v1/recording/extend", r#"{"minutes":10}"#),
        ("/api/v1/recording/pause", ""),
        ("/api/v1/recording/resume", "{}"),
        ("/api/v1/recording/stop", ""),
        ("/api/v1/recording/more-time", ""),
        ("/api/v1/recording/undo", ""),
        (&format!("/api/v1/lectures/{id}/retry"), ""),
        (
            &format!("/api/v1/lectures/{id}/retry"),
            r#"{"platform":"central"}"#,
        ),
        (&format!("/api/v1/lectures/{}/send-now", &id.to_string()[..8]), ""),
        ("/api/v1/send-now", ""),
    ] {
        let answer = post(&app, path, "application/json", body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
    let patch = request(Method::PATCH, &format!("/api/v1/lectures/{id}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(r#"{"course":"BIO-201"}"#))
        .unwrap();
    assert_eq!(send(&app, patch).await.status, 200);
    let words: Vec<&str> = room.given().iter().map(Command::as_str).collect();
    let expected = [
        "start",
        "mark",
        "extend",
        "pause",
        "resume",
        "stop",
        "more-time",
        "undo",
        "retry",
        "retry",
        "send-now",
        "send-now",
        "amend",
    ];
    assert_eq!(words, expected);
    let Command::Start(request) = &room.given()[0] else {
        panic!("the first was start")
    };
    assert_eq!(
        (request.title.as_deref(), request.minutes),
        (Some("Cell biology"), Some(90))
    );
    let course = Metadata {
        course: Some("BIO-201".into()),
        ..Metadata::default()
    };
    assert_eq!(room.given()[8], Command::Retry(id, RetryRequest::default()));
    let platform = Some("central".parse().unwrap());
    assert_eq!(room.given()[9], Command::Retry(id, RetryRequest { platform }));
    assert_eq!(room.given()[12], Command::Amend(id, course));
}

#[tokio::test]
async fn a_refused_transition_is_409_and_names_the_state_and_what_is_allowed() {
    let (_, app) = room();
    let answer = post(&app, "/api/v1/recording/pause", "application/json", "").await;
    problem(&answer, 409, "refused");
    assert_eq!(
        (&answer.json()["state"], &answer.json()["allowed"]),
        (&json!("ready"), &json!(["start"]))
    );
}

#[tokio::test]
async fn bad_requests_are_problems_that_say_what_is_wrong() {
    let (room, app) = room();
    let json = "application/json";
    let start = "/api/v1/recording";
    let detail = problem(
        &post(&app, start, json, "{\n  \"title\": oops\n}").await,
        400,
        "invalid",
    );
    assert!(detail.contains("line 2 column 12"), "{detail}");
    let detail = problem(&post(&app, start, json, r#"{"titel":"a"}"#).await, 422, "invalid");
    assert!(
        detail.contains("unknown field `titel`, expected one of `title`"),
        "{detail}"
    );
    problem(
        &post(&app, start, json, r#"{"minutes":"ten"}"#).await,
        422,
        "invalid",
    );
    problem(&post(&app, start, json, r#"{"minutes":0}"#).await, 422, "invalid");
    problem(&post(&app, start, "text/yaml", "a: b").await, 415, "invalid");
    problem(
        &post(&app, start, json, vec![b' '; 65 * 1024]).await,
        413,
        "invalid",
    );
    let form = "application/x-www-form-urlencoded";
    problem(
        &post(&app, "/api/v1/recording/extend", form, "minutes=many").await,
        422,
        "invalid",
    );
    problem(
        &post(&app, "/api/v1/recording/extend", json, "").await,
        422,
        "invalid",
    );
    for path in [
        "/api/v1/lectures?state=flying",
        "/api/v1/lectures?limit=0",
        "/api/v1/lectures?limit=x",
        "/api/v1/lectures?after=x",
        "/api/v1/lectures?stat=finished",
    ] {
        problem(&get(&app, path).await, 400, "invalid");
    }
    problem(&get(&app, "/nowhere").await, 404, "not-found");
    problem(&get(&app, "/api/v1/lectures/0123").await, 404, "not-found");
    problem(&get(&app, "/preview/loft.jpg").await, 404, "not-found");
    problem(&get(&app, "/preview/camera.jpg").await, 404, "not-found");
    problem(&get(&app, "/static/../Cargo.toml").await, 404, "not-found");
    let answer = post(&app, "/api/v1/status", json, "").await;
    problem(&answer, 405, "invalid");
    assert_eq!(answer.header(header::ALLOW), "GET,HEAD");
    problem(&get(&app, "/api/v1/lectures/%ff").await, 400, "invalid");
    problem(&get(&app, "/api/v1/preview").await, 400, "invalid");
    assert_eq!(room.given(), []);
}

#[tokio::test]
async fn other_sites_cannot_press_a_button() {
    let (room, app) = room();
    let press = |name: &'static str, value: &'static str| {
        let request = request(Method::POST, "/api/v1/recording")
            .header(name, value)
            .body(Body::empty())
            .unwrap();
        send(&app, request)
    };
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://evil.example"),
        ("origin", "http://localhost:9999"),
        ("origin", "null"),
    ] {
        problem(&press(name, value).await, 403, "forbidden");
    }
    let socket = request(Method::GET, "/api/v1/preview")
        .header(header::ORIGIN, "http://evil.example")
        .header(header::UPGRADE, "websocket")
        .body(Body::empty())
        .unwrap();
    problem(&send(&app, socket).await, 403, "forbidden");
    assert_eq!(room.given(), []);
    assert_eq!(press("sec-fetch-site", "same-origin").await.status, 200);
    room.go(PodiumState::Ready);
    assert_eq!(press("origin", "http://localhost:8470").await.status, 200);
}

#[tokio::test]
async fn a_name_that_is_not_this_machine_is_refused_on_the_port_and_not_on_the_socket() {
    let (room, port) = room();
    let socket = app(room, Access::Socket);
    let asked = |host: &'static str| {
        Request::get("/api/v1/status")
            .header(header::HOST, host)
            .body(Body::empty())
            .unwrap()
    };
    problem(
        &send(&port, asked("rebound.example:8470")).await,
        403,
        "forbidden",
    );
    let nameless = Request::get("/api/v1/status").body(Body::empty()).unwrap();
    problem(&send(&port, nameless).await, 403, "forbidden");
    assert_eq!(send(&port, asked("[::1]:8470")).await.status, 200);
    assert_eq!(send(&socket, asked("lectern")).await.status, 200);
}

#[tokio::test]
async fn forms_work_without_script() {
    let (room, app) = room();
    let form = |path: &str, body: &'static str| {
        request(Method::POST, path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(body))
            .unwrap()
    };
    let answer = send(&app, form("/api/v1/recording", "title=Zell+%3Cb%3E")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header(header::LOCATION)),
        (303, "/")
    );
    let page = get(&app, "/").await.text;
    assert!(
        page.contains("Zell &lt;b&gt;") && page.contains("action=\"/api/v1/recording/pause\""),
        "{page}"
    );
    assert_eq!(room.given().len(), 1);
    let refused = send(&app, form("/api/v1/recording/undo", "")).await;
    assert_eq!(refused.status, 409);
    assert!(
        refused.text.contains("undo is not possible now"),
        "the page says why"
    );
}

#[tokio::test]
async fn p10_a_panic_in_a_handler_is_answered_and_ends_nothing() {
    let (room, app) = room();
    room.panic_from_now_on();
    let detail = problem(
        &post(&app, "/api/v1/recording", "application/json", "").await,
        500,
        "internal",
    );
    assert!(detail.contains("The recording is not touched"), "{detail}");
    problem(&get(&app, "/").await, 500, "internal");
    assert_eq!(get(&app, "/api/v1/status").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_does_not_answer_is_given_up() {
    let (room, app) = room();
    room.hang_from_now_on();
    let detail = problem(
        &post(&app, "/api/v1/recording", "application/json", "").await,
        503,
        "unable",
    );
    assert!(detail.contains("may still happen"), "{detail}");
}

#[tokio::test]
async fn refusals_of_the_daemon_keep_their_sentence() {
    let (room, app) = room();
    let message = || "What happened. What is safe. What to do.".to_owned();
    for (refusal, status, kind) in [
        (
            Refusal::Unable {
                message: message().into(),
            },
            503,
            "unable",
        ),
        (
            Refusal::Invalid {
                message: message().into(),
            },
            422,
            "invalid",
        ),
        (
            Refusal::NotFound {
                message: message().into(),
            },
            404,
            "not-found",
        ),
        (
            Refusal::Internal {
                message: message().into(),
            },
            500,
            "internal",
        ),
    ] {
        room.refuse(refusal);
        let detail = problem(
            &post(&app, "/api/v1/recording", "application/json", "").await,
            status,
            kind,
        );
        assert_eq!(detail, message());
    }
}

#[tokio::test]
async fn files_are_sent_once_and_then_only_when_they_changed() {
    let (_, app) = room();
    let tag = get(&app, "/static/panel.js")
        .await
        .header(header::ETAG)
        .to_owned();
    let again = request(Method::GET, "/static/panel.js")
        .header(header::IF_NONE_MATCH, &tag)
        .body(Body::empty())
        .unwrap();
    let answer = send(&app, again).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (304, ""));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn p10_no_malformed_request_ends_the_daemon(
        path in "/(api/v1/(recording|lectures|events|preview)/?)?[ -~]{0,40}",
        kind in "(application/json|application/x-www-form-urlencoded|[ -~]{0,20})",
        body in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        method in "(GET|POST|PATCH|DELETE|HEAD)",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (_, app) = room();
            let Ok(request) = request(method.parse().unwrap(), &path).header(header::CONTENT_TYPE, kind).body(Body::from(body)) else {
                return;
            };
            // Only the head: an event stream has no end.
            let answer = app.clone().oneshot(request).await.unwrap();
            assert_ne!(answer.status(), 500, "{path}");
            assert_eq!(get(&app, "/healthz").await.status, 200);
        });
    }
}

#[test]
fn p10_every_seed_of_the_fuzzer_is_answered() {
    let seeds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/seeds/requests");
    for seed in std::fs::read_dir(seeds).unwrap() {
        let asked = exchange::exchange(&std::fs::read(seed.unwrap().path()).unwrap());
        assert!(asked, "a seed is no request");
    }
}
