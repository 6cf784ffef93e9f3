//! Who asks.

use std::fmt;
use std::sync::Arc;

use apmt_core::{Event, Invalid};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::problem::Problem;
use super::sessions::{SessionId, Sessions};
use super::{App, origin};
use crate::keys::{KeyEntry, Keys, Refusal, Scope};

/// Who asks: what handlers, and middleware under the router, find in a request's extensions.
#[derive(Clone)]
pub struct Caller(Option<Keyed>);

#[derive(Clone)]
struct Keyed {
    keys: Keys,
    entry: Arc<KeyEntry>,
    session: Option<(Arc<Sessions>, SessionId)>,
}

impl Caller {
    /// Whoever reaches a service without keys, and may do everything.
    pub(super) const OPEN: Self = Self(None);

    /// The key that let the caller in; none where the service has no keys.
    pub fn key(&self) -> Option<&KeyEntry> {
        self.0.as_ref().map(|keyed| &*keyed.entry)
    }

    /// What the caller may do: everything where the service has no keys.
    pub fn scope(&self) -> Scope {
        self.key().map_or(Scope::Admin, KeyEntry::scope)
    }

    /// Whether the caller would still be let in: the key has not been revoked, nor changed, nor has it expired, and the
    /// session, if that is how the caller came in, has not ended. Asking counts as a use of the session.
    ///
    /// For answers that take long, such as a stream: ask now and then, and end the answer when this is false. It costs
    /// about as much as letting a request in.
    pub fn holds(&self) -> bool {
        self.0.as_ref().is_none_or(|keyed| {
            let session = keyed.session.as_ref();
            keyed.keys.holds(&keyed.entry)
                && session.is_none_or(|(sessions, id)| sessions.entry(id, keyed.keys.now()).is_some())
        })
    }
}

/// Refuses an event that a caller of that scope may not record.
pub(super) fn may_record(scope: Scope, event: &Event) -> Result<(), Invalid> {
    if scope.may_record(event) {
        return Ok(());
    }
    let rule = format!("needs a key of scope supervise; this one's is {scope}");
    Err(Invalid::new("type", event.event_type().name(), rule))
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("key", &self.key()).finish_non_exhaustive()
    }
}

/// Finds out who asks, from the header `Authorization` or else from the session's cookie.
pub(super) fn identify(app: &App, method: &Method, headers: &HeaderMap) -> Result<Caller, Problem> {
    let Some(keys) = app.options.keys() else { return Ok(Caller::OPEN) };
    let keyed = |entry, session| Caller(Some(Keyed { keys: keys.clone(), entry, session }));
    if let Some(sent) = headers.get(header::AUTHORIZATION) {
        let key = bearer(sent).ok_or_else(|| {
            unauthorized("the header Authorization must be: Bearer, a blank, and the key", INVALID)
        })?;
        let entry = keys.check(key).map_err(refused)?;
        return Ok(keyed(entry, None));
    }
    let Some(id) = SessionId::of(headers) else {
        return Err(unauthorized(
            "this needs a key: send it as Authorization: Bearer KEY (apmt key create makes one)",
            HeaderValue::from_static("Bearer"),
        ));
    };
    let entry = app.sessions.entry(&id, keys.now()).filter(|entry| keys.holds(entry));
    let entry = entry.ok_or_else(|| unauthorized("the session has ended: log in again", INVALID))?;
    // A browser sends the cookie by itself, whoever wrote the page.
    let only_reads = matches!(*method, Method::GET | Method::HEAD) && !headers.contains_key(header::UPGRADE);
    if !only_reads && !origin::is_own(headers) {
        return Err(origin::foreign());
    }
    Ok(keyed(entry, Some((Arc::clone(&app.sessions), id))))
}

const INVALID: HeaderValue = HeaderValue::from_static("Bearer error=\"invalid_token\"");

/// The key in the header, whose scheme is written in any case (RFC 9110, 11.1).
fn bearer(sent: &HeaderValue) -> Option<&str> {
    let (scheme, key) = sent.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

fn unauthorized(detail: impl Into<String>, challenge: HeaderValue) -> Problem {
    Problem::unauthorized(StatusCode::UNAUTHORIZED, detail).with_header(header::WWW_AUTHENTICATE, challenge)
}

/// Why a key is not let in. Only who has the key's secret is told that it was revoked or has expired.
pub(super) fn refused(refusal: Refusal) -> Problem {
    let advice = match refusal {
        Refusal::Unknown => "check that all of it was sent",
        _ => "ask whoever made it for a new one (apmt key create)",
    };
    unauthorized(format!("{refusal}: {advice}"), INVALID)
}

#[cfg(test)]
mod tests {
    use apmt_core::Timestamp;
    use apmt_core::time::ManualClock;

    use super::*;
    use crate::keys::KeyFile;

    #[test]
    fn a_caller_holds_as_long_as_the_key_and_the_session() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        let start = Timestamp::from_millis(0);
        let clock = Arc::new(ManualClock::at(start));
        let file = KeyFile::new(&path).with_clock(Arc::clone(&clock) as _);
        let create = |name: &str, expires_at| file.create(name, Scope::Read, expires_at).unwrap().1;
        let made = ["revoked", "shown the door"].map(|name| create(name, None));
        let expires = create("expires", Some(start.plus_millis(2)));
        let keys = Keys::open_with_clock(&path, Arc::clone(&clock) as _).unwrap();
        let sessions = Arc::new(Sessions::default());
        let caller = |key: &crate::keys::Key, session| {
            Caller(Some(Keyed { keys: keys.clone(), entry: keys.check(key.reveal()).unwrap(), session }))
        };
        let (revoked, expires, stays) =
            (caller(&made[0], None), caller(&expires, None), caller(&made[1], None));
        let cookie = sessions.begin(keys.check(made[1].reveal()).unwrap(), keys.now()).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, format!("apmt_session={cookie}").parse().unwrap());
        let id = SessionId::of(&headers).unwrap();
        let browser = caller(&made[1], Some((Arc::clone(&sessions), id.clone())));
        assert!([&revoked, &expires, &stays, &browser, &Caller::OPEN].iter().all(|caller| caller.holds()));

        file.revoke("revoked").unwrap();
        keys.refresh();
        clock.advance(std::time::Duration::from_millis(2));
        sessions.end(&id);
        assert!(![&revoked, &expires, &browser].iter().any(|caller| caller.holds()));
        assert!(stays.holds() && Caller::OPEN.holds());
    }
}
