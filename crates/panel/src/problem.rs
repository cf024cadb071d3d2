//! Every refusal, as an RFC 9457 problem document with a stable `type`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lectern_domain::api::{Problem, Refusal};

/// The media type of problem documents.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// It was not begun and in so many seconds it can be: the value of `Retry-After`. Clients take it
/// for leave to ask again by themselves, so it is told for nothing else that begins something.
const AGAIN_AFTER_S: &str = "1";

/// A request that was not fulfilled. Boxed, because it travels in the `Err` of every handler. The
/// second part: whether it may be asked again at once.
#[derive(Clone, Debug)]
pub(crate) struct Fault(pub(crate) Box<Problem>, bool);

/// Title and type's last word. The title is the same for every problem of a type.
fn named(word: &str) -> (String, &'static str) {
    let title = match word {
        "refused" => "Not possible in this state",
        "not-found" => "Not found",
        "unable" => "Not possible now",
        "unauthorized" => "Sign in first",
        "forbidden" => "Not allowed from there",
        "internal" => "The daemon failed at it",
        _ => "The request makes no sense",
    };
    (format!("urn:lectern:problem:{word}"), title)
}

impl Fault {
    fn new(word: &str, status: StatusCode, detail: impl Into<String>) -> Self {
        let (kind, title) = named(word);
        let problem = Problem {
            kind,
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            state: None,
            allowed: Vec::new(),
        };
        Self(Box::new(problem), false)
    }

    /// What the client sent makes no sense; `status` says in which way.
    pub(crate) fn invalid(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::new("invalid", status, detail)
    }

    /// There is no such thing.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new("not-found", StatusCode::NOT_FOUND, detail)
    }

    /// It cannot be done now.
    pub(crate) fn unable(detail: impl Into<String>) -> Self {
        Self::new("unable", StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// Nobody has said who asks, or not so that it is believed.
    pub(crate) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new("unauthorized", StatusCode::UNAUTHORIZED, detail)
    }

    /// Whoever asks may not.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new("forbidden", StatusCode::FORBIDDEN, detail)
    }

    /// The daemon failed.
    pub(crate) fn internal(detail: impl Into<String>) -> Self {
        Self::new("internal", StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    /// The fault that says what a bare status says, for answers that a library made.
    pub(crate) fn of_status(status: StatusCode, detail: impl Into<String>) -> Self {
        let word = match status {
            StatusCode::NOT_FOUND => "not-found",
            StatusCode::UNAUTHORIZED => "unauthorized",
            StatusCode::FORBIDDEN => "forbidden",
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => "unable",
            status if status.is_server_error() => "internal",
            _ => "invalid",
        };
        Self::new(word, status, detail)
    }

    /// Its HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::State {
                state,
                allowed,
                message,
            } => {
                let mut fault = Self::new("refused", StatusCode::CONFLICT, message);
                fault.0.state = Some(state);
                fault.0.allowed = allowed.into_iter().map(str::to_owned).collect();
                fault
            }
            Refusal::NotFound { message } => Self::not_found(message),
            Refusal::Invalid { message } => Self::invalid(StatusCode::UNPROCESSABLE_ENTITY, message),
            Refusal::Unable { message } => Self::unable(message),
            Refusal::Soon { message } => Self(Self::unable(message).0, true),
            Refusal::Internal { message } => Self::internal(message),
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&*self.0).expect("a problem has only texts and numbers");
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON))];
        let again = HeaderValue::from_static(AGAIN_AFTER_S);
        let again = self.1.then_some([(header::RETRY_AFTER, again)]);
        let mut response = (self.status(), kind, body).into_response();
        response.headers_mut().extend(again.into_iter().flatten());
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_status_and_its_type() {
        let message = || "why".to_owned();
        let state = Refusal::State {
            state: "paused".into(),
            allowed: vec!["resume"],
            message: message().into(),
        };
        for (refusal, status, kind) in [
            (state, 409, "urn:lectern:problem:refused"),
            (
                Refusal::NotFound {
                    message: message().into(),
                },
                404,
                "urn:lectern:problem:not-found",
            ),
            (
                Refusal::Invalid {
                    message: message().into(),
                },
                422,
                "urn:lectern:problem:invalid",
            ),
            (
                Refusal::Unable {
                    message: message().into(),
                },
                503,
                "urn:lectern:problem:unable",
            ),
            (
                Refusal::Soon {
                    message: message().into(),
                },
                503,
                "urn:lectern:problem:unable",
            ),
            (
                Refusal::Internal {
                    message: message().into(),
                },
                500,
                "urn:lectern:problem:internal",
            ),
        ] {
            let is_soon = matches!(refusal, Refusal::Soon { .. });
            let fault = Fault::from(refusal);
            assert_eq!((fault.0.status, fault.0.kind.as_str()), (status, kind));
            assert_eq!(fault.0.detail, "why");
            let response = fault.into_response();
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), is_soon);
        }
    }
}
