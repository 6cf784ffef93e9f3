//! What a router is made with.

use std::time::Duration;

/// The limits of a [router](super::router).
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
}

impl Default for RouterOptions {
    fn default() -> Self {
        Self {
            max_concurrent: 1024,
            request_timeout: Duration::from_secs(30),
            retry_after: Duration::from_secs(1),
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

    /// How many requests may be at work at once.
    pub const fn max_concurrent(&self) -> usize {
        self.max_concurrent
    }

    /// How long a request may take.
    pub const fn request_timeout(&self) -> Duration {
        self.request_timeout
    }

    /// What `Retry-After` says.
    pub const fn retry_after(&self) -> Duration {
        self.retry_after
    }
}
