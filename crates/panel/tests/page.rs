//! The page as it is answered: states, languages, planned lectures, corrections, and what is never
//! shown.

#![allow(clippy::unwrap_used, reason = "what a test cannot go on without may panic")]

mod asking;
mod script;

use std::sync::Arc;

use asking::{get, problem, read_by_a_person, request, room, send};
use axum::body::Body;
use axum::http::{Method, Request, header};
use lectern_domain::api::{Message, Metadata, PodiumState, Refusal, Severity};
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::LectureState;
use lectern_domain::track::TrackHealth;
use lectern_domain::wire::FailureReason;
use script::{NINE_UNIX_MS, detail};

#[tokio::test]
async fn the_page_says_each_state_in_a_word_a_shape_and_its_buttons() {
    let (room, app) = room();
    for (state, word, button) in [
        (PodiumState::Ready, "Ready", "Record"),
        (PodiumState::Starting, "Starting", "Pause"),
        (PodiumState::Recording, "Recording", "Mark"),
        (PodiumState::Paused, "Paused", "Resume"),
        (PodiumState::Saved, "Saved", "Undo stop"),
        (PodiumState::Fault, "Fault", "Record"),
    ] {
        room.go(state);
        let page = read_by_a_person(&get(&app, "/").await.text);
        assert!(
            page.contains(&format!("</svg><span>{word}</span></h1>")),
            "{word}"
        );
        assert!(
            page.contains(&format!("<span>{button}</span>")),
            "{word}: {button}"
        );
        assert!(
            page.contains("Help desk 4444") && page.contains("61 hours"),
            "{word}"
        );
        assert!(
            !page.contains("<script>") && !page.contains("style="),
            "nothing inline"
        );
    }
}

/// WCAG 2.2.1: who is slow is told that the time to undo ends, in words that stand still, and can
/// have more of it.
#[tokio::test]
async fn whoever_needs_more_time_to_undo_is_told_in_time_and_gets_it() {
    const WARNING: &str = "The time to undo the stop ends soon.";
    let (room, app) = room();
    room.go(PodiumState::Saved);
    let page = read_by_a_person(&get(&app, "/").await.text);
    assert!(page.contains("action=\"/api/v1/recording/more-time\""));
    let told = format!(
        "<p class=\"unseen\" id=\"grace\" role=\"status\"><span data-from=\"{}\">{WARNING} For more, press More time.</span></p>",
        NINE_UNIX_MS - 10_000
    );
    assert!(page.contains(&told), "{page}");
    room.set(|status| {
        status.allowed.retain(|word| word != "more-time");
        let until = &mut status.lecture.as_mut().unwrap().undo_until_unix_ms;
        *until = Some(NINE_UNIX_MS + 20_001);
    });
    let page = get(&app, "/").await.text;
    assert!(!page.contains("more-time"), "ten times were enough");
    let later = format!("<span data-from=\"{}\" hidden>{WARNING}</span>", NINE_UNIX_MS + 1);
    assert!(page.contains(&later), "{page}");
    room.go(PodiumState::Ready);
    assert!(!get(&app, "/").await.text.contains(WARNING));
}

fn asked_in(path: &str, name: header::HeaderName, value: &str) -> Request<Body> {
    request(Method::GET, path)
        .header(name, value)
        .body(Body::empty())
        .unwrap()
}

#[tokio::test]
async fn the_page_speaks_the_chosen_language_else_the_browsers_else_the_rooms() {
    let (room, app) = room();
    room.set(|status| status.room.languages = vec!["fr".into(), "ar".into(), "ru".into()]);
    for (name, value, lang, dir, word) in [
        (header::ACCEPT_LANGUAGE, "de", "fr", "ltr", "Prêt"),
        (header::ACCEPT_LANGUAGE, "en, ru;q=0.5", "ru", "ltr", "Готово"),
        (header::COOKIE, "a=b; lectern-language=ar", "ar", "rtl", "جاهز"),
        (header::COOKIE, "lectern-language=zh", "fr", "ltr", "Prêt"),
    ] {
        let page = send(&app, asked_in("/", name, value)).await.text;
        assert!(
            page.contains(&format!("<html lang=\"{lang}\" dir=\"{dir}\">")),
            "{value}"
        );
        assert!(page.contains(&format!("<span>{word}</span></h1>")), "{value}");
        assert!(
            page.contains("href=\"/?language=ru\"") && !page.contains("?language=zh"),
            "only what the room offers"
        );
    }
    let chosen = get(&app, "/?language=ar").await;
    assert_eq!(
        (chosen.status.as_u16(), chosen.header(header::LOCATION)),
        (303, "/")
    );
    let cookie = chosen.header(header::SET_COOKIE);
    assert!(
        cookie.starts_with("lectern-language=ar; Path=/; SameSite=Strict; Max-Age="),
        "{cookie}"
    );
    assert_eq!(get(&app, "/?language=zh").await.header(header::SET_COOKIE), "");
}

#[tokio::test]
async fn a_person_is_refused_in_her_language_and_a_program_in_english() {
    let (room, app) = room();
    room.set(|status| status.room.languages = vec!["en".into(), "fr".into()]);
    let refusal = || Refusal::Unable {
        message: lectern_domain::api::Sentence {
            text: "English.".into(),
            key: "sentence-fault".into(),
            args: lectern_domain::api::Args::new(),
        },
    };
    for (language, expected) in [
        (Some("fr"), "L’enregistrement est impossible pour l’instant."),
        (None, "English."),
    ] {
        room.refuse(refusal());
        let mut press = request(Method::POST, "/api/v1/recording");
        if let Some(language) = language {
            press = press.header(header::ACCEPT_LANGUAGE, language);
        }
        let answer = send(&app, press.body(Body::empty()).unwrap()).await;
        assert_eq!(problem(&answer, 503, "unable"), expected);
    }
}

#[tokio::test]
async fn what_is_said_of_a_lecture_is_corrected_on_the_page_until_it_is_sent() {
    let (room, app) = room();
    let ids = [LectureId::random(), LectureId::random()];
    room.add(detail(ids[0], LectureState::Delivered, "Sent", NINE_UNIX_MS));
    room.add(detail(ids[1], LectureState::Finished, "Kept", NINE_UNIX_MS));
    let page = get(&app, "/").await.text;
    assert!(page.contains(&format!("/?mend={}", ids[1])) && !page.contains(&format!("/?mend={}", ids[0])));
    let page = get(&app, &format!("/?mend={}", ids[1])).await.text;
    assert!(page.contains(&format!("action=\"/lectures/{}\"", ids[1])) && page.contains("value=\"Kept\""));
    let form = request(Method::POST, &format!("/lectures/{}", ids[1]))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "text/html")
        .body(Body::from("title=Cell+biology&course=&presenter=&language=en"))
        .unwrap();
    assert_eq!(send(&app, form).await.header(header::LOCATION), "/");
    assert!(get(&app, "/").await.text.contains("Cell biology"));
}

#[tokio::test]
async fn a_planned_lecture_counts_down_begins_and_can_be_left_out() {
    let (room, app) = room();
    let id = LectureId::random();
    let planned = |starts_in_ms: i64| lectern_domain::api::PlannedLecture {
        id,
        metadata: Metadata {
            title: Some("Entropy".into()),
            ..Metadata::default()
        },
        starts_unix_ms: NINE_UNIX_MS + starts_in_ms,
        ends_unix_ms: NINE_UNIX_MS + 5_400_000,
        counting_down: starts_in_ms <= 60_000,
        undo_until_unix_ms: None,
    };
    let begin = format!("action=\"/api/v1/lectures/{id}/begin\"");
    let cancel = format!("action=\"/api/v1/lectures/{id}/cancel\"");
    for (starts_in_ms, state, near) in [
        (42_000, "starting", true),
        (1_200_000, "ready", true),
        (3_600_000, "ready", false),
    ] {
        room.set(|status| status.next = Some(planned(starts_in_ms)));
        let page = get(&app, "/").await.text;
        assert!(
            page.contains(&format!("data-state=\"{state}\"")),
            "{starts_in_ms}"
        );
        assert_eq!(
            page.contains(&begin) && page.contains(&cancel),
            near,
            "{starts_in_ms}"
        );
    }
    room.set(|status| status.next = Some(planned(42_000)));
    assert!(get(&app, "/").await.text.contains(">0:42</p>"));
    room.set(|status| {
        let next = status.next.as_mut().unwrap();
        next.undo_until_unix_ms = Some(NINE_UNIX_MS + 10_000);
    });
    let page = get(&app, "/").await.text;
    assert!(page.contains(&format!("/lectures/{id}/restore")) && !page.contains(&cancel));
}

#[tokio::test]
async fn p7_a_paused_page_shows_no_picture() {
    let (room, app) = room();
    room.picture("camera", &Arc::from(&b"\xff\xd8jpeg"[..]));
    room.go(PodiumState::Recording);
    assert!(get(&app, "/").await.text.contains("src=\"/preview/camera.jpg\""));
    room.go(PodiumState::Paused);
    assert!(!get(&app, "/").await.text.contains("/preview/camera.jpg"));
}

#[tokio::test]
async fn a_lost_source_and_a_message_are_said_in_words() {
    let (room, app) = room();
    room.go(PodiumState::Recording);
    room.set(|status| {
        status.sources[0].health = TrackHealth::Restarting;
        status.sources[0].reason = Some(FailureReason::Lost);
        status.messages.push(Message {
            severity: Severity::Warning,
            code: "source-lost".into(),
            subject: Some("camera".into()),
            what: "The camera is unplugged.".into(),
            safe: "Sound and slides are still being recorded.".into(),
            todo: "Push the cable back in or call 4444.".into(),
            ..Message::default()
        });
    });
    let page = read_by_a_person(&get(&app, "/").await.text);
    for text in [
        "Lost. Is the cable in?",
        "Trying again",
        "Being saved here: Screen and Microphone.",
        "The camera is unplugged.",
        "Sound and slides are still being recorded.",
        "Push the cable back in or call 4444.",
    ] {
        assert!(page.contains(text), "{text}");
    }
}
