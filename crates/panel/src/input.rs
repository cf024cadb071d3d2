//! Reads bodies and queries: JSON, a form, or nothing; every fault in words, nothing panics.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use lectern_domain::api::{
    ExtendRequest, LAST_UNIX_MS, MAX_MINUTES, MAX_SELF_TEST_SECONDS, MAX_TEXT_CHARS, MIN_SELF_TEST_SECONDS,
    MarkRequest, Metadata, PlanRequest, RetryRequest, SelfTestRequest, StartRequest,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, error::Category};

use crate::problem::Fault;

/// The most that a request body may take.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;

/// Form fields that are numbers; all others are text.
const NUMBERS: [&str; 3] = ["minutes", "seconds", "starts_unix_ms"];

/// A checked body, and how it came.
pub(crate) struct Input<T> {
    pub(crate) body: T,
    pub(crate) sender: Sender,
}

/// Who sent a command: decides how it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A program, or the page's script: answered with JSON.
    Program,
    /// A form of a page without script: answered with a page.
    Form,
}

/// What a body must fulfil beyond its type.
pub(crate) trait Check: DeserializeOwned {
    /// Trims and checks it.
    fn check(self) -> Result<Self, Fault>;
}

impl<S: Send + Sync, T: Check> FromRequest<S> for Input<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &S) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let bytes = axum::body::to_bytes(body, MAX_BODY_BYTES).await.map_err(|_| {
            Fault::invalid(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("The body is longer than {MAX_BODY_BYTES} bytes, or ended before its time. Send a shorter one."),
            )
        })?;
        let kind = parts
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .unwrap_or("");
        let kind = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        let (value, sender) = match kind.as_str() {
            "application/x-www-form-urlencoded" => (from_form(&bytes)?, sender_of(&parts)),
            // A command without a body needs no type either.
            "application/json" | "" if bytes.is_empty() => (parse(b"{}")?, Sender::Program),
            "application/json" => (parse(&bytes)?, Sender::Program),
            other => {
                return Err(Fault::invalid(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    format!("The body's type {other:?} is not understood; send application/json."),
                ));
            }
        };
        Ok(Self {
            body: T::check(value)?,
            sender,
        })
    }
}

fn sender_of(parts: &Parts) -> Sender {
    let accept = parts
        .headers
        .get(header::ACCEPT)
        .and_then(|v| v.to_str().ok())
        .unwrap_or("");
    if accept.contains("text/html") {
        Sender::Form
    } else {
        Sender::Program
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    // Derived readers take a list of the values for an object; nobody writes that on purpose.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Fault::invalid(
            StatusCode::UNPROCESSABLE_ENTITY,
            "The body is a list; send an object, such as {}. Nothing was changed.",
        ));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let status = match error.classify() {
            Category::Data => StatusCode::UNPROCESSABLE_ENTITY,
            Category::Syntax | Category::Eof | Category::Io => StatusCode::BAD_REQUEST,
        };
        // serde_json's sentence ends in "at line L column C".
        Fault::invalid(
            status,
            format!("The body is not what was expected: {error}. Nothing was changed."),
        )
    })
}

/// A form's fields as the JSON that a program would have sent: blank ones are null, so that a name
/// that nobody knows is refused with and without a value.
fn from_form<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Fault> {
    let unreadable = |why: String| {
        Fault::invalid(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("The form was not understood: {why}. Nothing was changed."),
        )
    };
    let mut object = Map::new();
    for (name, text) in form_fields(bytes) {
        let text = text.trim();
        let value = if text.is_empty() {
            Value::Null
        } else if NUMBERS.contains(&name.as_str()) {
            let number: i64 = text
                .parse()
                .map_err(|_| unreadable(format!("{name} must be a whole number")))?;
            Value::from(number)
        } else {
            Value::from(text)
        };
        object.insert(name, value);
    }
    serde_json::from_value(Value::Object(object)).map_err(|error| unreadable(error.to_string()))
}

/// `a=b&c=d` with `+` and `%xx`; what is not valid UTF-8 becomes the replacement character.
fn form_fields(bytes: &[u8]) -> impl Iterator<Item = (String, String)> + '_ {
    bytes
        .split(|b| *b == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let mut halves = pair.splitn(2, |b| *b == b'=');
            let name = halves.next().unwrap_or_default();
            (unescape(name), unescape(halves.next().unwrap_or_default()))
        })
}

fn unescape(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        out.push(match (first, tail) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            (other, _) => other,
        });
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

/// A checked query. `deny_unknown_fields` on `T` makes a misspelt key a fault.
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        axum::extract::Query::<T>::try_from_uri(&parts.uri)
            .map(|query| Self(query.0))
            .map_err(|error| {
                Fault::invalid(
                    StatusCode::BAD_REQUEST,
                    format!("The query was not understood: {}.", error.body_text()),
                )
            })
    }
}

fn text(name: &str, value: Option<String>) -> Result<Option<String>, Fault> {
    let Some(value) = value else { return Ok(None) };
    let value = value.trim();
    let unfit = |why: String| {
        Err(Fault::invalid(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("{name} {why}."),
        ))
    };
    let chars = value.chars().count();
    if chars > MAX_TEXT_CHARS {
        return unfit(format!(
            "has {chars} characters; at most {MAX_TEXT_CHARS} are allowed"
        ));
    }
    if value.chars().any(char::is_control) {
        return unfit("has a control character (a line break, a tab); write it in one line".into());
    }
    Ok(Some(value.to_owned()))
}

/// As [`text`], and a blank one counts as absent: a new lecture has nothing to blank out.
fn given(name: &str, value: Option<String>) -> Result<Option<String>, Fault> {
    Ok(text(name, value)?.filter(|t| !t.is_empty()))
}

/// A day bounds every plan; what the room allows is the daemon's to say.
fn minutes(value: u32) -> Result<u32, Fault> {
    if (1..=MAX_MINUTES).contains(&value) {
        return Ok(value);
    }
    Err(Fault::invalid(
        StatusCode::UNPROCESSABLE_ENTITY,
        format!("minutes is {value}; allowed are 1 to {MAX_MINUTES}, such as 90."),
    ))
}

impl Check for StartRequest {
    fn check(self) -> Result<Self, Fault> {
        Ok(Self {
            title: given("title", self.title)?,
            course: given("course", self.course)?,
            presenter: given("presenter", self.presenter)?,
            language: given("language", self.language)?,
            minutes: self.minutes.map(minutes).transpose()?,
        })
    }
}

/// What is past is the daemon's to say: it has the clock.
impl Check for PlanRequest {
    fn check(self) -> Result<Self, Fault> {
        if !(0..=LAST_UNIX_MS).contains(&self.starts_unix_ms) {
            return Err(Fault::invalid(
                StatusCode::UNPROCESSABLE_ENTITY,
                format!(
                    "starts_unix_ms is {}; give milliseconds since 1970, such as 1788249600000.",
                    self.starts_unix_ms
                ),
            ));
        }
        Ok(Self {
            starts_unix_ms: self.starts_unix_ms,
            minutes: minutes(self.minutes)?,
            title: given("title", self.title)?,
            course: given("course", self.course)?,
            presenter: given("presenter", self.presenter)?,
            language: given("language", self.language)?,
        })
    }
}

impl Check for Metadata {
    fn check(self) -> Result<Self, Fault> {
        if self == Self::default() {
            return Err(Fault::invalid(
                StatusCode::UNPROCESSABLE_ENTITY,
                "Nothing to change was named; give title, course, presenter or language.",
            ));
        }
        Ok(Self {
            title: text("title", self.title)?,
            course: text("course", self.course)?,
            presenter: text("presenter", self.presenter)?,
            language: text("language", self.language)?,
        })
    }
}

impl Check for MarkRequest {
    fn check(self) -> Result<Self, Fault> {
        Ok(Self {
            label: given("label", self.label)?,
        })
    }
}

impl Check for ExtendRequest {
    fn check(self) -> Result<Self, Fault> {
        Ok(Self {
            minutes: minutes(self.minutes)?,
        })
    }
}

/// Whether the lecture goes there is the daemon's to say.
impl Check for RetryRequest {
    fn check(self) -> Result<Self, Fault> {
        Ok(self)
    }
}

impl Check for SelfTestRequest {
    fn check(self) -> Result<Self, Fault> {
        let allowed = MIN_SELF_TEST_SECONDS..=MAX_SELF_TEST_SECONDS;
        match self.seconds {
            Some(seconds) if !allowed.contains(&seconds) => Err(Fault::invalid(
                StatusCode::UNPROCESSABLE_ENTITY,
                format!(
                    "seconds is {seconds}; allowed are {MIN_SELF_TEST_SECONDS} to {MAX_SELF_TEST_SECONDS}. Nothing was \
                     changed."
                ),
            )),
            _ => Ok(self),
        }
    }
}

/// The body of a command that takes nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

impl Check for Nothing {
    fn check(self) -> Result<Self, Fault> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_reads_as_the_json_it_stands_for() {
        let form = Bytes::from_static(b"title=Cell+biology+%E2%80%93+I&course=&minutes=90");
        let start: StartRequest = from_form(&form).unwrap();
        assert_eq!(start.title.as_deref(), Some("Cell biology – I"));
        assert_eq!((start.course, start.minutes), (None, Some(90)));
    }

    #[test]
    fn a_body_that_only_could_be_understood_is_refused() {
        for list in ["[]", " \n[null,null,null,null,5]", "[{}]"] {
            assert_eq!(
                parse::<Nothing>(list.as_bytes()).unwrap_err().0.status,
                422,
                "{list}"
            );
            assert_eq!(
                parse::<StartRequest>(list.as_bytes()).unwrap_err().0.status,
                422,
                "{list}"
            );
        }
        for form in ["{", "stop=", "x"] {
            let form = Bytes::from_static(form.as_bytes());
            assert!(from_form::<Nothing>(&form).is_err(), "{form:?}");
        }
        assert!(from_form::<Nothing>(&Bytes::new()).is_ok());
    }

    #[test]
    fn texts_are_trimmed_and_bounded() {
        assert_eq!(given("title", Some("  ".into())).unwrap(), None);
        assert_eq!(text("title", Some(" a ".into())).unwrap().as_deref(), Some("a"));
        assert!(text("title", Some("é".repeat(300))).is_ok());
        let fault = text("title", Some("é".repeat(301))).unwrap_err();
        assert_eq!(
            fault.0.detail,
            "title has 301 characters; at most 300 are allowed."
        );
        assert!(text("title", Some("a\nb".into())).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_form_reader_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let bytes = Bytes::from(bytes);
            drop(from_form::<StartRequest>(&bytes));
            drop(from_form::<ExtendRequest>(&bytes));
        }
    }
}
