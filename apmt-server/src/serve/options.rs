//! How the server is run.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use apmt_client::Client;

use crate::http::RouterOptions;

/// Where the server listens if nothing is said: this machine only.
pub const DEFAULT_ADDRESS: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9300));

/// What a [`Server`](super::Server) is run with.
///
/// ```
/// use apmt_client::Client;
/// use apmt_server::serve::ServeOptions;
/// let options = ServeOptions::new(Client::open("memory:")?).with_address(([127, 0, 0, 1], 0).into());
/// assert_eq!(options.address().port(), 0);
/// # Ok::<(), apmt_client::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until a server runs with them"]
pub struct ServeOptions {
    client: Client,
    address: SocketAddr,
    router: RouterOptions,
    max_connections: usize,
    header_timeout: Duration,
    drain_timeout: Duration,
    shutdown_timeout: Duration,
}

impl ServeOptions {
    /// The defaults, for the store and the policy of that client.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            address: DEFAULT_ADDRESS,
            router: RouterOptions::default(),
            max_connections: 4096,
            header_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(30),
        }
    }

    /// Where to listen; a port of 0 is any that is free. The default is [`DEFAULT_ADDRESS`].
    pub fn with_address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// The limits of the router.
    pub fn with_router(mut self, router: RouterOptions) -> Self {
        self.router = router;
        self
    }

    /// How many connections may be open at once, at least 1; the next one waits until another closes. The default is
    /// 4096.
    pub fn with_max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections.clamp(1, usize::MAX >> 4);
        self
    }

    /// How long a connection may take to send a request's head, and how long it may stand idle. The default is 10 s.
    pub fn with_header_timeout(mut self, timeout: Duration) -> Self {
        self.header_timeout = timeout;
        self
    }

    /// How long requests that are under way at the end may take to finish. The default is 30 s.
    pub fn with_drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// How long the client's shutdown may take after that. The default is 30 s.
    pub fn with_shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// The client whose store is served.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Where to listen.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The limits of the router.
    pub const fn router(&self) -> &RouterOptions {
        &self.router
    }

    /// How many connections may be open at once.
    pub const fn max_connections(&self) -> usize {
        self.max_connections
    }

    /// How long a connection may take to send a request's head.
    pub const fn header_timeout(&self) -> Duration {
        self.header_timeout
    }

    /// How long requests that are under way at the end may take to finish.
    pub const fn drain_timeout(&self) -> Duration {
        self.drain_timeout
    }

    /// How long the client's shutdown may take.
    pub const fn shutdown_timeout(&self) -> Duration {
        self.shutdown_timeout
    }
}
