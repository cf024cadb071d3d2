//! What somebody is at a door, and whether the row of the route table lets them pass.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use lectern_domain::access::Role;
use secrecy::SecretString;

use super::session::{self, Claim};
use super::{Caller, Gate, Keys, Pin};
use crate::problem::Fault;
use crate::site::Access;

/// Who signed in with the PIN. No token can be called so.
pub(super) const PODIUM: &str = "+podium";
/// How long a browser that was given the PIN stays signed in, from its last request but one half
/// of it: a kiosk is asked once.
const PODIUM_LASTS: Duration = Duration::from_secs(400 * 86_400);
/// How long a browser elsewhere stays signed in.
const TOKEN_LASTS: Duration = Duration::from_secs(12 * 3600);

/// What the asker of a request that passed may do; handlers find it in the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Permit {
    role: Role,
}

impl Permit {
    /// Whether buttons and pictures are for it; a page without both is for looking only.
    pub(crate) fn may_operate(self) -> bool {
        self.role >= Role::Operator
    }
}

/// Why somebody does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum No {
    /// Nobody has said who they are.
    Nobody,
    /// A token was given, and it is not one.
    WrongToken,
    /// They are known, and may not do this.
    TooLittle { is: Role, needs: Role },
}

/// Somebody who was recognised.
struct Known {
    permit: Permit,
    /// A session that is past its half, to be signed anew.
    renewed: Option<HeaderValue>,
}

/// A layer of each row with a need: refuses, or lets pass with a [`Permit`].
pub(crate) async fn require(
    State((gate, needs)): State<(Arc<Gate>, Role)>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = request
        .extensions()
        .get::<Caller>()
        .copied()
        .expect("the guard is around every route and has named the caller");
    match recognise(&gate.keys(), caller, request.headers()).and_then(|known| suffices(known, needs)) {
        Ok(known) => {
            request.extensions_mut().insert(known.permit);
            let mut answer = next.run(request).await;
            if let Some(cookie) = known.renewed {
                answer.headers_mut().append(header::SET_COOKIE, cookie);
            }
            answer
        }
        Err(no) => {
            let (method, path) = (request.method(), request.uri().path());
            tracing::debug!(%method, path, peer = ?caller.peer, reason = ?no, "a request lacked its role");
            if no == No::Nobody && wants_a_page(request.headers(), method) {
                return Redirect::to("/sign-in").into_response();
            }
            refusal(no, caller.access)
        }
    }
}

fn suffices(known: Known, needs: Role) -> Result<Known, No> {
    let is = known.permit.role;
    if is >= needs {
        Ok(known)
    } else {
        Err(No::TooLittle { is, needs })
    }
}

/// A person at a page or at a form of one, and no program: is shown where to sign in.
fn wants_a_page(headers: &HeaderMap, method: &Method) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok());
    matches!(*method, Method::GET | Method::POST) && accepts.is_some_and(|a| a.contains("text/html"))
}

fn recognise(keys: &Keys, caller: Caller, headers: &HeaderMap) -> Result<Known, No> {
    let free = match caller.access {
        Access::Socket => return Ok(Known::passing(Role::Admin)),
        Access::Loopback if matches!(keys.pin, Pin::None) => Some(Role::Operator),
        Access::Loopback | Access::Remote => None,
    };
    if let Some(given) = headers.get(header::AUTHORIZATION) {
        let token = bearer(given).and_then(|given| of_token(keys, &given));
        let (_, role, _) = token.ok_or(No::WrongToken)?;
        return Ok(Known::passing(free.map_or(role, |free| free.max(role))));
    }
    let now = unix_s();
    let session = Claim::of(headers, caller.secure).and_then(|claim| of_session(keys, caller, &claim, now));
    match (session, free) {
        (Some(known), Some(free)) if free > known.permit.role => Ok(Known::passing(free)),
        (Some(known), _) => Ok(known),
        (None, Some(free)) => Ok(Known::passing(free)),
        (None, None) => Err(No::Nobody),
    }
}

impl Known {
    fn passing(role: Role) -> Self {
        Self {
            permit: Permit { role },
            renewed: None,
        }
    }
}

/// The secret of an `Authorization: Bearer`.
fn bearer(value: &HeaderValue) -> Option<SecretString> {
    let (scheme, secret) = value.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| SecretString::from(secret.trim()))
}

/// Whose secret this is. All tokens are compared, so that the time does not tell which one fits.
fn of_token<'k>(keys: &'k Keys, given: &SecretString) -> Option<(&'k str, Role, &'k SecretString)> {
    let mut found = None;
    for token in &keys.tokens {
        if session::same(&keys.session, given, &token.secret) {
            found = Some((token.name.as_str(), token.role, &token.secret));
        }
    }
    found
}

/// Whose secret was typed at the sign-in page of this door: who, as what, and the secret.
pub(super) fn of_typed<'k>(
    keys: &'k Keys,
    access: Access,
    given: &SecretString,
) -> Option<(&'k str, Role, &'k SecretString)> {
    match &keys.pin {
        // A PIN can be guessed, so it counts at the podium only.
        Pin::Set(pin) if access == Access::Loopback && session::same(&keys.session, given, pin) => {
            Some((PODIUM, Role::Operator, pin))
        }
        Pin::None | Pin::Set(_) | Pin::Unreadable => of_token(keys, given),
    }
}

fn of_session(keys: &Keys, caller: Caller, claim: &Claim, now_unix_s: u64) -> Option<Known> {
    let (role, secret) = if claim.who == PODIUM {
        match &keys.pin {
            Pin::Set(pin) if caller.access == Access::Loopback => (Role::Operator, pin),
            Pin::None | Pin::Set(_) | Pin::Unreadable => return None,
        }
    } else {
        let token = keys.tokens.iter().find(|token| token.name == claim.who)?;
        (token.role, &token.secret)
    };
    claim.holds(&keys.session, secret, now_unix_s).then(|| {
        let left_s = claim.until_unix_s - now_unix_s;
        let half_over = left_s < lasts(&claim.who).as_secs() / 2;
        Known {
            permit: Permit { role },
            renewed: half_over.then(|| cookie(keys, caller, &claim.who, secret, now_unix_s)),
        }
    })
}

/// Whether the request carries a session that can be ended.
pub(super) fn signed_in(keys: &Keys, caller: Caller, headers: &HeaderMap) -> bool {
    Claim::of(headers, caller.secure)
        .and_then(|claim| of_session(keys, caller, &claim, unix_s()))
        .is_some()
}

/// The `Set-Cookie` for somebody who gave their secret.
pub(super) fn cookie(
    keys: &Keys,
    caller: Caller,
    who: &str,
    secret: &SecretString,
    now_unix_s: u64,
) -> HeaderValue {
    let lasts_s = lasts(who).as_secs();
    session::cookie(&keys.session, who, secret, now_unix_s, lasts_s, caller.secure)
}

fn lasts(who: &str) -> Duration {
    if who == PODIUM { PODIUM_LASTS } else { TOKEN_LASTS }
}

/// Seconds since 1970; a clock before that counts as that.
pub(super) fn unix_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// The problem document of a `No`, with the challenge that RFC 6750 wants beside it.
fn refusal(no: No, access: Access) -> Response {
    let (fault, challenge) = match no {
        No::Nobody => (
            Fault::unauthorized(match access {
                Access::Loopback => {
                    "This recorder asks for a PIN. Nothing was changed. Sign in at /sign-in, or use the command line."
                }
                Access::Socket | Access::Remote => {
                    "This address answers only to those who may come in. Nothing was changed. Send your token as \
                     \"Authorization: Bearer\", or sign in at /sign-in."
                }
            }),
            "Bearer realm=\"lectern\"",
        ),
        No::WrongToken => (
            Fault::unauthorized(
                "The token is not one of this recorder. Nothing was changed. Ask its admin for a new one.",
            ),
            "Bearer realm=\"lectern\", error=\"invalid_token\"",
        ),
        No::TooLittle { is, needs } => (
            Fault::forbidden(format!(
                "This needs the role {needs}, and yours here is {is}. Nothing was changed. Ask somebody who has it, \
                 or use the command line on the recorder."
            )),
            "Bearer realm=\"lectern\", error=\"insufficient_scope\"",
        ),
    };
    let challenged = fault.status() == StatusCode::UNAUTHORIZED || access == Access::Remote;
    let mut answer = fault.into_response();
    if challenged {
        answer
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::super::{SessionKey, Token};
    use super::*;

    const NOW: u64 = 1_795_251_600;

    /// A day after day: is the cookie of somebody who signed in at `NOW` renewed, or over?
    fn after(access: Access, typed: &str, later: Duration) -> Option<bool> {
        let keys = Keys {
            session: SessionKey::new([7; 32]),
            pin: Pin::Set("2468".into()),
            tokens: vec![Token {
                name: "operations".into(),
                role: Role::Viewer,
                secret: "a-token-that-nobody-guesses".into(),
            }],
            tls: None,
        };
        let caller = Caller::of(access);
        let (who, _, secret) = of_typed(&keys, access, &SecretString::from(typed)).unwrap();
        let cookie = cookie(&keys, caller, who, secret, NOW);
        let pair = cookie.to_str().unwrap().split(';').next().unwrap();
        let headers = HeaderMap::from_iter([(header::COOKIE, pair.parse().unwrap())]);
        let claim = Claim::of(&headers, caller.secure).unwrap();
        of_session(&keys, caller, &claim, NOW + later.as_secs()).map(|known| known.renewed.is_some())
    }

    #[test]
    fn a_session_in_use_is_renewed_past_its_half_and_an_unused_one_ends() {
        let day = Duration::from_secs(86_400);
        for (later, renewed) in [
            (Duration::ZERO, Some(false)),
            (199 * day, Some(false)),
            (201 * day, Some(true)),
            (400 * day, None),
        ] {
            assert_eq!(after(Access::Loopback, "2468", later), renewed, "{later:?}");
        }
        let hour = Duration::from_secs(3600);
        for (later, renewed) in [(5 * hour, Some(false)), (7 * hour, Some(true)), (12 * hour, None)] {
            let token = "a-token-that-nobody-guesses";
            assert_eq!(after(Access::Remote, token, later), renewed, "{later:?}");
        }
    }
}
