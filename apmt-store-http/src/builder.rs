//! How a remote store is opened.

use std::time::Duration;

use apmt_core::{Error, ErrorKind, Result};

use crate::HttpStore;
use crate::address::Address;
use crate::retry::Retry;
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
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until open() is called"]
pub struct HttpBuilder {
    url: String,
    connect_timeout: Duration,
    request_timeout: Duration,
    retry_budget: Duration,
    max_idle_connections: usize,
}

impl HttpBuilder {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(35),
            retry_budget: Duration::from_secs(30),
            max_idle_connections: 64,
        }
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
    /// As for [`HttpStore::open`]; [`Io`](ErrorKind::Io) if the thread cannot be started.
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
        if address.is_local() {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| {
            Error::new(ErrorKind::Io, format!("connections cannot be made here: {error}")).with_source(error)
        })?;
        let transport = Transport::start(client, Retry::within(self.retry_budget))?;
        Ok(HttpStore { address, transport })
    }
}
