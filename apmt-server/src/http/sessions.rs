//! Sessions of browsers, which cannot keep a key out of a page's reach.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use apmt_core::{Result, Timestamp};
use axum::http::{HeaderMap, header};
use lru::LruCache;

use crate::keys::{Digest, KeyEntry, random_text};

/// A session that was not used for so long has ended: an hour.
const IDLE_MS: u64 = 60 * 60 * 1000;
/// And so has one that began so long ago: 12 hours.
pub(super) const TOTAL_MS: u64 = 12 * 60 * 60 * 1000;
/// How many sessions a key may have; one more ends the one that was not used for the longest. Each key has its own
/// room, so that one that stands in a web page pushes nobody else's out.
const MOST: NonZeroUsize = NonZeroUsize::new(1000).unwrap();

/// The cookie's name.
const COOKIE: &str = "apmt_session";

/// The sessions, in memory: a restart ends them all.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<Box<str>, LruCache<Digest, Session>>>);

struct Session {
    entry: Arc<KeyEntry>,
    began: Timestamp,
    used: Timestamp,
}

impl Session {
    fn lives(&self, now: Timestamp) -> bool {
        now.since(self.used) < IDLE_MS && now.since(self.began) < TOTAL_MS
    }
}

/// A session's id as the server knows it: the key's id, and the digest of what only the browser has.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SessionId {
    key: Box<str>,
    digest: Digest,
}

impl SessionId {
    /// The id in the request's cookie.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
        let mut pairs =
            cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(name, _)| name.trim() == COOKIE)?;
        let (key, secret) = value.trim().split_once('.')?;
        Some(Self { key: key.into(), digest: Digest::of(secret) })
    }
}

impl Sessions {
    /// Begins a session, and gives the cookie's value: new random bits each time, so that nobody can know it before.
    pub(super) fn begin(&self, entry: Arc<KeyEntry>, now: Timestamp) -> Result<String> {
        let secret = random_text::<32>()?;
        let (key, digest) = (entry.id().into(), Digest::of(&secret));
        let value = format!("{}.{secret}", entry.id());
        let session = Session { entry, began: now, used: now };
        self.with(|sessions| sessions.entry(key).or_insert_with(|| LruCache::new(MOST)).put(digest, session));
        Ok(value)
    }

    /// The key with which a session that lives was begun. Asking is a use of it.
    pub(super) fn entry(&self, id: &SessionId, now: Timestamp) -> Option<Arc<KeyEntry>> {
        self.with(|sessions| {
            let sessions = sessions.get_mut(&id.key)?;
            let session = sessions.get_mut(&id.digest)?;
            if session.lives(now) {
                session.used = now;
                return Some(Arc::clone(&session.entry));
            }
            sessions.pop(&id.digest);
            None
        })
    }

    pub(super) fn end(&self, id: &SessionId) {
        self.with(|sessions| sessions.get_mut(&id.key).and_then(|sessions| sessions.pop(&id.digest)));
    }

    fn with<T>(&self, work: impl FnOnce(&mut HashMap<Box<str>, LruCache<Digest, Session>>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions(..)")
    }
}

/// `Set-Cookie` for a session that begins; for one that ends, the value is empty.
pub(super) fn set_cookie(value: &str, secure: bool) -> String {
    let max_age = if value.is_empty() { 0 } else { TOTAL_MS / 1000 };
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={max_age}{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{KeyFile, Scope};

    fn id(value: &str) -> SessionId {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, format!("theme=dark; {COOKIE}={value}").parse().unwrap());
        SessionId::of(&headers).unwrap()
    }

    fn entry(name: &str) -> Arc<KeyEntry> {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::new(folder.path().join("keys.json"));
        Arc::new(file.create(name, Scope::Read, None).unwrap().0)
    }

    #[test]
    fn a_session_ends_when_it_is_idle_and_in_any_case_in_the_end() {
        let (sessions, start) = (Sessions::default(), Timestamp::from_millis(0));
        let at = |ms: u64| start.plus_millis(ms as i64);
        let idle = id(&sessions.begin(entry("a"), start).unwrap());
        assert!(sessions.entry(&idle, at(IDLE_MS - 1)).is_some());
        assert!(sessions.entry(&idle, at(2 * IDLE_MS - 1)).is_none());
        assert!(sessions.entry(&idle, start).is_none(), "what has ended has ended");
        let busy = id(&sessions.begin(entry("a"), start).unwrap());
        let mut now = 0;
        while now < TOTAL_MS {
            assert!(sessions.entry(&busy, at(now)).is_some(), "{now}");
            now += IDLE_MS / 2;
        }
        assert!(sessions.entry(&busy, at(TOTAL_MS)).is_none());
    }

    #[test]
    fn a_key_that_logs_in_without_end_pushes_out_its_own_sessions_only() {
        let (sessions, now) = (Sessions::default(), Timestamp::from_millis(0));
        let other = id(&sessions.begin(entry("other"), now).unwrap());
        let entry = entry("a");
        let first = id(&sessions.begin(Arc::clone(&entry), now).unwrap());
        for _ in 1..MOST.get() {
            sessions.begin(Arc::clone(&entry), now).unwrap();
        }
        assert!(sessions.entry(&first, now).is_some());
        for _ in 0..MOST.get() {
            sessions.begin(Arc::clone(&entry), now).unwrap();
        }
        assert!(sessions.entry(&first, now).is_none());
        assert!(sessions.entry(&other, now).is_some());
        sessions.end(&other);
        assert!(sessions.entry(&other, now).is_none());
    }

    #[test]
    fn no_cookie_is_no_session() {
        for cookies in
            ["", "apmt_session", "apmt_session=", "apmt_session=x", "apmt_sessions=a.b", "a=apmt_session=a.b"]
        {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookies.parse().unwrap());
            assert!(SessionId::of(&headers).is_none(), "{cookies}");
        }
    }
}
