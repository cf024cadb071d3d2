//! The one table of routes. The router and the OpenAPI document are both made from it, so that
//! neither can know a route that the other does not.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, patch, post};
use lectern_domain::access::Role;
use lectern_domain::api::Command;
use lectern_domain::ids::LectureId;
use lectern_domain::lecture::LectureState;
use schemars::{JsonSchema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::control::Control;
use crate::gate::{Gate, Keys, permit, sign_in};
use crate::guard::guard;
use crate::openapi::{Parameter, Shape};
use crate::problem::Fault;
use crate::site::{Access, Closing, Site};
use crate::{api, assets, events, openapi, page, preview, recording, sample};

/// One row: what it answers to, who answers, and what the document says of it.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) summary: &'static str,
    /// The JSON body; none for a route without one.
    pub(crate) takes: Option<Shape>,
    pub(crate) gives: Gives,
    /// Parameters of the query and headers that are heeded.
    pub(crate) parameters: &'static [Parameter],
    /// Who may; `None`: whoever reaches the door.
    pub(crate) needs: Option<Role>,
    handler: MethodRouter<Site>,
}

/// What a successful answer is.
pub(crate) enum Gives {
    /// JSON of this shape.
    Json(Shape),
    /// The OpenAPI document, which does not describe itself.
    Document,
    /// Another media type.
    Media(&'static str),
    /// No answer but a change of protocol.
    WebSocket,
}

impl Route {
    fn get(path: &'static str, summary: &'static str, gives: Gives, handler: MethodRouter<Site>) -> Self {
        Self {
            method: "get",
            path,
            summary,
            takes: None,
            gives,
            parameters: &[],
            needs: Some(Role::Viewer),
            handler,
        }
    }

    fn command(path: &'static str, summary: &'static str, handler: MethodRouter<Site>) -> Self {
        Self {
            method: "post",
            path,
            summary,
            takes: None,
            gives: json(sample::done),
            parameters: &[],
            needs: Some(Role::Operator),
            handler,
        }
    }

    fn takes<T: JsonSchema + Serialize>(mut self, example: fn() -> T) -> Self {
        self.takes = Some(Shape::of(example));
        self
    }

    fn for_role(mut self, role: Role) -> Self {
        self.needs = Some(role);
        self
    }

    fn for_all(mut self) -> Self {
        self.needs = None;
        self
    }
}

fn json<T: JsonSchema + Serialize>(example: fn() -> T) -> Gives {
    Gives::Json(Shape::of(example))
}

/// What the list of lectures can be asked for.
const OF_LECTURES: [Parameter; 3] = [
    Parameter {
        place: "query",
        name: "state",
        meaning: "Only lectures in this state.",
        schema: SchemaGenerator::subschema_for::<LectureState>,
    },
    Parameter {
        place: "query",
        name: "limit",
        meaning: "At most so many; 20 when absent.",
        schema: |_| json_schema!({ "type": "integer", "minimum": 1, "maximum": api::MAX_LIMIT }),
    },
    Parameter {
        place: "query",
        name: "after",
        meaning: "Only lectures older than this one: the last page's \"next\".",
        schema: SchemaGenerator::subschema_for::<LectureId>,
    },
];

/// What a stream of events can be told.
const OF_EVENTS: [Parameter; 1] = [Parameter {
    place: "header",
    name: "Last-Event-ID",
    meaning: "The id of the last event that was heard; what is still so is not told again.",
    schema: |_| json_schema!({ "type": "string" }),
}];

/// Every route of the contract. Files of the page are added beside it: they are no API.
pub(crate) fn table() -> Vec<Route> {
    use Gives::{Media, WebSocket};
    let lectures = Route {
        parameters: &OF_LECTURES,
        ..Route::get(
            "/api/v1/lectures",
            "Lists lectures, newest first",
            json(sample::lectures),
            get(api::lectures),
        )
    };
    let amend = Route {
        method: "patch",
        handler: patch(recording::amend),
        ..Route::command(
            "/api/v1/lectures/{id}",
            "Mends what is said about a lecture, until it is sent",
            post(recording::amend),
        )
        .takes(sample::metadata)
    };
    vec![
        Route::get("/", "The podium page", Media("text/html"), get(api::front)),
        Route::get(
            "/api/v1/status",
            "What the recorder does now",
            json(sample::status),
            get(api::status),
        ),
        Route::command(
            "/api/v1/recording",
            "Starts a lecture",
            recording::with(Command::Start),
        )
        .takes(sample::start),
        Route::command(
            "/api/v1/recording/pause",
            "Pauses: nothing reaches the disk",
            recording::plain(|| Command::Pause),
        ),
        Route::command(
            "/api/v1/recording/resume",
            "Goes on after a pause",
            recording::plain(|| Command::Resume),
        ),
        Route::command(
            "/api/v1/recording/stop",
            "Stops; can be undone for a while",
            recording::plain(|| Command::Stop),
        ),
        Route::command(
            "/api/v1/recording/undo",
            "Takes the stop back",
            recording::plain(|| Command::Undo),
        ),
        Route::command(
            "/api/v1/recording/more-time",
            "Gives the time to take the stop back anew, at least 20 seconds, ten times at most",
            recording::plain(|| Command::MoreTime),
        ),
        Route::command(
            "/api/v1/recording/mark",
            "Remembers this moment",
            recording::with(Command::Mark),
        )
        .takes(sample::mark),
        Route::command(
            "/api/v1/recording/extend",
            "Moves the planned end",
            recording::with(Command::Extend),
        )
        .takes(sample::extend),
        lectures,
        Route::command(
            "/api/v1/lectures",
            "Plans a lecture, which will begin by itself",
            recording::with(Command::Plan),
        )
        .takes(sample::plan),
        Route::command(
            "/api/v1/lectures/{id}/begin",
            "Begins a planned lecture before its time",
            recording::about(Command::Begin),
        ),
        Route::command(
            "/api/v1/lectures/{id}/cancel",
            "A planned lecture does not take place; can be taken back until its time is over",
            recording::about(Command::Cancel),
        ),
        Route::command(
            "/api/v1/lectures/{id}/restore",
            "Takes the cancelling back",
            recording::about(Command::Restore),
        ),
        Route::get(
            "/api/v1/lectures/{id}",
            "All that is known of a lecture",
            json(sample::lecture),
            get(api::lecture),
        ),
        amend,
        Route::command(
            "/api/v1/lectures/{id}/retry",
            "Finishes a failed lecture again, or begins its parked and waiting deliveries again, to all \
             platforms or one",
            recording::about_with(Command::Retry),
        )
        .takes(sample::retry)
        .for_role(Role::Admin),
        Route::command(
            "/api/v1/lectures/{id}/send-now",
            "Sends a lecture now, whatever the time of day",
            recording::about(|id| Command::SendNow(Some(id))),
        )
        .for_role(Role::Admin),
        Route::command(
            "/api/v1/send-now",
            "Sends all that waits now",
            recording::plain(|| Command::SendNow(None)),
        )
        .for_role(Role::Admin),
        Route {
            gives: json(sample::doctor),
            ..Route::command(
                "/api/v1/doctor",
                "Looks at the clock, the timetable and every platform; sends nothing that stays",
                post(api::doctor),
            )
            .for_role(Role::Admin)
        },
        Route {
            gives: json(sample::notified),
            ..Route::command(
                "/api/v1/notify-test",
                "Sends a test notice to each who is told, and says who took it",
                post(api::notify_test),
            )
            .for_role(Role::Admin)
        },
        Route::command(
            "/api/v1/self-test",
            "Begins a self test: records a minute, judges it, probes the platforms, deletes it",
            recording::with(Command::SelfTest),
        )
        .takes(sample::self_test_request)
        .for_role(Role::Admin),
        Route::get(
            "/api/v1/self-test",
            "The self test under way, or the last one",
            json(sample::self_test),
            get(api::self_test),
        )
        .for_role(Role::Admin),
        Route::get(
            "/api/v1/queue",
            "The way to the platforms",
            json(sample::queue),
            get(api::queue),
        ),
        Route {
            parameters: &OF_EVENTS,
            ..Route::get(
                "/api/v1/events",
                "Server-sent events: state (Status), levels (Levels), uploads (Queue); each carries a JSON document",
                Media("text/event-stream"),
                get(events::stream),
            )
        },
        Route::get(
            "/api/v1/preview",
            "Live pictures. Send any text to ask; each answer is the source's index (1 byte) and a JPEG",
            WebSocket,
            get(preview::socket),
        )
        .for_role(Role::Operator),
        Route::get(
            "/preview/{file}",
            "The latest picture of a source: {source}.jpg",
            Media("image/jpeg"),
            get(preview::still),
        )
        .for_role(Role::Operator),
        Route::get(
            "/metrics",
            "Figures for Prometheus",
            Media("text/plain"),
            get(api::metrics),
        ),
        Route::get(
            "/healthz",
            "Whether the daemon makes progress: 200 or 503",
            Media("text/plain"),
            get(api::healthz),
        )
        .for_all(),
        Route::get(
            "/api/v1/openapi.json",
            "This document",
            Gives::Document,
            get(openapi::document),
        ),
    ]
}

/// What only pages need, and no program: no part of the contract, but of the same walls.
fn pages() -> Vec<Route> {
    use Gives::Media;
    vec![
        Route::get(
            "/live",
            "The parts of the page that changed",
            Media("text/event-stream"),
            get(page::live::stream),
        ),
        Route::command(
            "/lectures/{id}",
            "Mends what is said about a lecture, from the page's form",
            post(recording::amend),
        ),
        Route::get(
            "/static/{file}",
            "The page's style, script and icon",
            Media("text/css"),
            get(assets::file),
        )
        .for_all(),
        Route::get(
            "/sign-in",
            "Where the PIN or a token is given",
            Media("text/html"),
            get(sign_in::show),
        )
        .for_all(),
        Route::command("/sign-in", "Gives it", post(sign_in::answer)).for_all(),
        Route::command("/sign-out", "Ends the session", post(sign_in::leave)).for_all(),
    ]
}

/// Every route with its method and who may use it; `None`: whoever reaches the door. For tests
/// and documents; the router is made from the same rows.
#[must_use]
pub fn rows() -> Vec<(&'static str, &'static str, Option<Role>)> {
    let all = table().into_iter().chain(pages());
    all.map(|row| (row.method, row.path, row.needs)).collect()
}

/// The whole application for one door with a podium that asks nobody. Without a server there is
/// nobody who ends its streams; for tests and for embedding. [`crate::serve`] is the usual way.
pub fn app(control: Arc<dyn Control>, access: Access) -> Router {
    guarded(control, access, Keys::default())
}

/// As [`app`], with keys: a PIN at the podium, tokens elsewhere.
pub fn guarded(control: Arc<dyn Control>, access: Access, keys: Keys) -> Router {
    let (_, closing) = Closing::new();
    let site = Site::new(control, closing, Gate::new(keys.unchanging()));
    router(site, access)
}

/// `access` is the door of requests that do not carry a [`Caller`](crate::gate::Caller).
pub(crate) fn router(site: Site, access: Access) -> Router {
    let mut router = Router::new();
    for row in table().into_iter().chain(pages()) {
        let handler = match row.needs {
            None => row.handler,
            Some(role) => {
                let gate = Arc::clone(&site.gate);
                row.handler
                    .route_layer(from_fn_with_state((gate, role), permit::require))
            }
        };
        router = router.route(row.path, handler);
    }
    router
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(access, guard))
        .with_state(site)
}

async fn unknown(State(_): State<Site>, uri: Uri) -> Response {
    Fault::not_found(format!(
        "There is nothing at {}. See /api/v1/openapi.json.",
        uri.path()
    ))
    .into_response()
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    Fault::invalid(
        StatusCode::METHOD_NOT_ALLOWED,
        format!(
            "{} does not take {method}; the Allow header says what it takes.",
            uri.path()
        ),
    )
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_route_is_named_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for route in table().into_iter().chain(pages()) {
            assert!(
                seen.insert((route.method, route.path)),
                "{} {}",
                route.method,
                route.path
            );
        }
    }
}
