//! How a remote store is opened.

use std::fmt;
use std::time::Duration;

use apmt_core::{Error, ErrorKind, Invalid, Result};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use crate::HttpStore;
use crate::address::Address;
use crate::retry::Retry;
use crate::sender::Sender;
use crate::transport::Transport;

/// How long a connection is kept while nothing is sent on it: a little less than a server does, or requests would now
/// and then meet a connection that is just being closed.
const IDLE: Duration = Duration::from_secs(8);

/// Options for a remote store; see [`HttpStore::builder`].
///
/// ```
/// use std::time::Duration;
/// use apmt_store_http::HttpStore;
/// let store = HttpStore::builder("http://127.0.0.1:9300").retry_budget(Duration::from_secs(5)).open()?;
/// assert_eq!(store.url(), "http://127.0.0.1:9300/");
/// # Ok::<(), apmt_core::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until open() is called"]
pub struct HttpBuilder {
    url: String,
    key: Option<String>,
    gzip: Option<bool>,
    connect_timeout: Duration,
    request_timeout: Duration,
    retry_budget: Duration,
    max_idle_connections: usize,
}

impl fmt::Debug for HttpBuilder {
    /// Without the URL, in which somebody may have put a password, and the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpBuilder")
            .field("has_key", &self.key.is_some())
            .field("connect_timeout", &self.connect_timeout)
            .field("request_timeout", &self.request_timeout)
            .field("retry_budget", &self.retry_budget)
            .finish_non_exhaustive()
    }
}

impl HttpBuilder {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            key: None,
            gzip: None,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(35),
            retry_budget: Duration::from_secs(30),
            max_idle_connections: 64,
        }
    }

    /// The key that the server asks for: it is sent as a bearer token (RFC 6750), and appears in no error, log or debug
    /// output. Use `https` where others may listen: `http` sends it in the clear.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Whether requests over 1 KiB are packed with gzip, and packed answers are asked for. The default is yes, but for
    /// servers on this machine: there the way costs nothing, and the packing does.
    pub fn gzip(mut self, gzip: bool) -> Self {
        self.gzip = Some(gzip);
        self
    }

    /// How long a connection may take to be made; 5 s by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long one attempt may take, from the connection to the answer's last byte. The default is 35 s: a little
    /// more than a server takes before it says itself that it was too slow.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// For how long a call goes on trying again: no attempt begins later than this after the call. The default is
    /// 30 s; nothing is tried again with zero.
    ///
    /// Besides, all calls of the store together try again at most a hundred times at once, and then ten times a second
    /// and once in ten calls; attempts that succeed do not count. A call beyond waits on until its own budget ends, so
    /// that a thousand callers do not keep down a server that is coming back.
    pub fn retry_budget(mut self, budget: Duration) -> Self {
        self.retry_budget = budget;
        self
    }

    /// How many connections are kept open while nothing is sent on them; 64 by default.
    pub fn max_idle_connections(mut self, connections: usize) -> Self {
        self.max_idle_connections = connections;
        self
    }

    /// The store. Nothing is sent yet.
    ///
    /// # Errors
    /// As for [`HttpStore::open`]; [`Invalid`](ErrorKind::Invalid) for a key that is empty or has other characters than
    /// visible ASCII; [`Io`](ErrorKind::Io) if the thread cannot be started.
    pub fn open(self) -> Result<HttpStore> {
        let address = Address::new(&self.url)?;
        let mut client = reqwest::Client::builder()
            .user_agent(concat!("apmt/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.connect_timeout)
            .timeout(self.request_timeout)
            .pool_max_idle_per_host(self.max_idle_connections)
            .pool_idle_timeout(IDLE)
            // A redirected append would arrive without its events.
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true);
        let local = address.is_local();
        if local {
            client = client.no_proxy();
        }
        let gzip = self.gzip.unwrap_or(!local);
        client = client.gzip(gzip);
        if let Some(key) = &self.key {
            if !local && address.is_in_the_clear() {
                tracing::warn!("a key is sent over http, where others may read it: use https");
            }
            client = client.default_headers(HeaderMap::from_iter([(AUTHORIZATION, bearer(key)?)]));
        }
        let client = client.build().map_err(|error| {
            Error::new(ErrorKind::Io, format!("connections cannot be made here: {error}")).with_source(error)
        })?;
        let query = [("atomic", "true".to_owned()), ("receipts", "true".to_owned())];
        let sender = Sender::new(client, address.of(&["events"], query), gzip);
        let transport = Transport::start(sender, Retry::within(self.retry_budget))?;
        Ok(HttpStore { address, transport })
    }
}

/// The header that holds the key. Its errors never repeat it.
fn bearer(key: &str) -> Result<HeaderValue> {
    let header = if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        HeaderValue::try_from(format!("Bearer {key}")).ok()
    } else {
        None
    };
    let Some(mut header) = header else {
        let rule = "must be visible ASCII without blanks, and not empty: give it as the server's operator handed it out";
        return Err(Invalid::missing("key", rule).into());
    };
    // Whatever prints a request leaves it out.
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        let builder = HttpBuilder::new("http://127.0.0.1:9300").key("apmt_secret");
        assert!(!format!("{builder:?}").contains("secret"), "{builder:?}");
        assert!(!format!("{:?}", bearer("apmt_secret")).contains("secret"));
        assert!(!format!("{:?}", builder.open().unwrap()).contains("secret"));
    }

    #[test]
    fn a_key_is_visible_ascii() {
        for key in ["", " ", "secret two", "secret\n", "secret\r\nx: y", "s\u{e9}cret", "secret\0"] {
            let error = HttpBuilder::new("http://127.0.0.1:9300").key(key).open().unwrap_err();
            assert_eq!(error.invalid().map(Invalid::field), Some("key"), "{key:?}");
            assert!(!format!("{error} {error:?}").contains("cret"), "{error}");
        }
    }
}
