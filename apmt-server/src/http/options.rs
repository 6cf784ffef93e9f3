//! What a router is made with.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::Rate;
use crate::audit::AuditLog;
use crate::directory::Directory;
use crate::keys::Keys;

/// How often a key may ask if nothing is said.
const RATE_OF_A_KEY: Rate = Rate::per_second(NonZeroU32::new(1000).unwrap());

/// Who may use a [router](super::router), and its limits.
///
/// ```
/// use std::time::Duration;
/// use apmt_server::http::RouterOptions;
/// let options = RouterOptions::new().with_max_concurrent(64).with_request_timeout(Duration::from_secs(5));
/// assert_eq!(options.max_concurrent(), 64);
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until a router is made with them"]
pub struct RouterOptions {
    max_concurrent: usize,
    request_timeout: Duration,
    retry_after: Duration,
    max_live: usize,
    live_ping: Duration,
    live_send_timeout: Duration,
    origins: Vec<String>,
    keys: Option<Keys>,
    secure_cookies: bool,
    hosts: Option<Vec<String>>,
    rate: Limit,
    audit: Option<AuditLog>,
    dashboard: bool,
    directory: Arc<Directory>,
}

/// What was said of a rate.
#[derive(Clone, Copy, Debug)]
enum Limit {
    /// Nothing: there is one for keys.
    Usual,
    None,
    At(Rate),
}

impl Default for RouterOptions {
    fn default() -> Self {
        Self {
            max_concurrent: 1024,
            request_timeout: Duration::from_secs(30),
            retry_after: Duration::from_secs(1),
            max_live: 1024,
            live_ping: Duration::from_secs(20),
            live_send_timeout: Duration::from_secs(60),
            origins: Vec::new(),
            keys: None,
            secure_cookies: false,
            hosts: None,
            rate: Limit::Usual,
            audit: None,
            dashboard: true,
            directory: Arc::default(),
        }
    }
}

impl RouterOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many requests may be at work at once, at least 1; one more is answered 503 at once. The default is 1024.
    pub fn with_max_concurrent(mut self, requests: usize) -> Self {
        // A semaphore takes no more than this.
        self.max_concurrent = requests.clamp(1, usize::MAX >> 4);
        self
    }

    /// How long a request may take, the reading of its body included; then it is answered 503. The default is 30 s.
    pub fn with_request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// What `Retry-After` says, in whole seconds and at least 1. The default is 1 s.
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = wait;
        self
    }

    /// Lets in only who has one of these keys, and to what its scope allows: see [who may](super#who-may). Without keys
    /// everybody may do everything, and whoever mounts the router guards it.
    pub fn with_keys(mut self, keys: Keys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Whether browsers are told to send a session's cookie over TLS only. Say so where the service answers over TLS;
    /// [`Server`](crate::serve::Server) does. It is also done where a login says that its page came over TLS.
    pub fn with_secure_cookies(mut self, secure: bool) -> Self {
        self.secure_cookies = secure;
        self
    }

    /// Answers only requests for one of these hosts, or for this machine's own names (`localhost`, `127.0.0.1`,
    /// `[::1]`), on any port; others are answered 421. Unless this is said, every host is answered; a
    /// [`Server`](crate::serve::Server) without keys answers this machine's own names and those that are said here.
    pub fn with_hosts(mut self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let hosts = hosts.into_iter().map(|host| host.into().trim().to_ascii_lowercase());
        self.hosts = Some(hosts.collect());
        self
    }

    /// How often each key may ask; where there are no keys, each address. More is answered 429. The default is 1000 a
    /// second for each key, which keeps one that has run wild from the others' way, and no limit where there are no
    /// keys. `None` is no limit.
    pub fn with_rate(mut self, rate: Option<Rate>) -> Self {
        self.rate = rate.map_or(Limit::None, Limit::At);
        self
    }

    /// Writes a line for each read of what is recorded about people.
    pub fn with_audit(mut self, audit: AuditLog) -> Self {
        self.audit = Some(audit);
        self
    }

    /// The keys that are let in.
    pub const fn keys(&self) -> Option<&Keys> {
        self.keys.as_ref()
    }

    /// Whether browsers are told to send a session's cookie over TLS only.
    pub const fn secure_cookies(&self) -> bool {
        self.secure_cookies
    }

    /// The hosts for which requests are answered, besides this machine's own names; `None` is every host.
    pub fn hosts(&self) -> Option<&[String]> {
        self.hosts.as_deref()
    }

    /// How often each key may ask, or each address where there are no keys.
    pub fn rate(&self) -> Option<Rate> {
        match self.rate {
            Limit::Usual => self.keys.as_ref().map(|_| RATE_OF_A_KEY),
            Limit::None => None,
            Limit::At(rate) => Some(rate),
        }
    }

    /// Where reads of what is recorded about people are written down.
    pub const fn audit(&self) -> Option<&AuditLog> {
        self.audit.as_ref()
    }

    /// How many connections may follow [`GET /live`](super::live) at once, at least 1; one more is answered 503. They
    /// count among no other limit. The default is 1024.
    pub fn with_max_live(mut self, connections: usize) -> Self {
        self.max_live = connections.clamp(1, u32::MAX as usize);
        self
    }

    /// How often a live connection is pinged, at least every millisecond; one that has not answered by the next time is
    /// closed. The default is 20 s.
    pub fn with_live_ping(mut self, interval: Duration) -> Self {
        self.live_ping = interval.max(Duration::from_millis(1));
        self
    }

    /// How long a live connection may take nothing of what is sent before it is closed. The default is 60 s.
    pub fn with_live_send_timeout(mut self, timeout: Duration) -> Self {
        self.live_send_timeout = timeout;
        self
    }

    /// Of which other sites pages may follow `GET /live`, as browsers name them: `https://board.agency.gov`, without a
    /// path. Pages of this server always may. The default is none.
    pub fn with_origins<O: Into<String>>(mut self, origins: impl IntoIterator<Item = O>) -> Self {
        self.origins = origins.into_iter().map(Into::into).collect();
        self
    }

    /// Whether the [supervisor's screen](crate::dashboard) is served too. It is, unless this says otherwise.
    pub fn with_dashboard(mut self, dashboard: bool) -> Self {
        self.dashboard = dashboard;
        self
    }

    /// Who people are and to whom they report, for notices. The default knows nobody.
    pub fn with_directory(mut self, directory: impl Into<Arc<Directory>>) -> Self {
        self.directory = directory.into();
        self
    }

    /// How many requests may be at work at once.
    pub const fn max_concurrent(&self) -> usize {
        self.max_concurrent
    }

    /// How long a request may take.
    pub const fn request_timeout(&self) -> Duration {
        self.request_timeout
    }

    /// Who people are and to whom they report.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// What `Retry-After` says.
    pub const fn retry_after(&self) -> Duration {
        self.retry_after
    }

    /// How many connections may follow `GET /live` at once.
    pub const fn max_live(&self) -> usize {
        self.max_live
    }

    /// How often a live connection is pinged.
    pub const fn live_ping(&self) -> Duration {
        self.live_ping
    }

    /// How long a live connection may take nothing of what is sent.
    pub const fn live_send_timeout(&self) -> Duration {
        self.live_send_timeout
    }

    /// Of which other sites pages may follow `GET /live`.
    pub fn origins(&self) -> &[String] {
        &self.origins
    }

    /// Whether the supervisor's screen is served too.
    pub const fn dashboard(&self) -> bool {
        self.dashboard
    }
}
