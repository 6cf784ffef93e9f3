//! How the server is run.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use apmt_client::Client;

#[cfg(feature = "tls")]
use super::Tls;
use crate::http::RouterOptions;
use crate::notify;
use crate::seal::SealOptions;

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
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    notify: Option<notify::Options>,
    seal: Option<SealOptions>,
    max_connections: usize,
    header_timeout: Duration,
    write_timeout: Duration,
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
            #[cfg(feature = "tls")]
            tls: None,
            notify: None,
            seal: None,
            max_connections: 4096,
            header_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(30),
        }
    }

    /// Where to listen; a port of 0 is any that is free. The default is [`DEFAULT_ADDRESS`].
    pub fn with_address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Who may use the service, and the router's limits.
    ///
    /// With [keys](RouterOptions::with_keys) the server listens on any address. Without, it listens on this machine's
    /// own, and answers for its own names and the [hosts](RouterOptions::with_hosts) that are given only.
    pub fn with_router(mut self, router: RouterOptions) -> Self {
        self.router = router;
        self
    }

    /// Answers over TLS, and has browsers send the cookies of sessions over TLS only.
    #[cfg(feature = "tls")]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Tells supervisors when a plan is recommended, while the server runs.
    pub fn with_notify(mut self, notify: notify::Options) -> Self {
        self.notify = Some(notify);
        self
    }

    /// Seals the log and signs checkpoints of it, while the server runs and once more at its end. The store must keep a
    /// seal: another server's does not.
    pub fn with_seal(mut self, seal: SealOptions) -> Self {
        self.seal = Some(seal);
        self
    }

    /// How many connections may be open at once, at least 1; the next one waits until another closes. The default is
    /// 4096.
    pub fn with_max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections.clamp(1, usize::MAX >> 4);
        self
    }

    /// How long a connection may take to send a request's head, and how long it may stand idle; and
    /// how long a TLS handshake may take. The default is 10 s.
    pub fn with_header_timeout(mut self, timeout: Duration) -> Self {
        self.header_timeout = timeout;
        self
    }

    /// How long a connection may take nothing of what is sent before it is cut off. The default is 60 s.
    pub fn with_write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = timeout;
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

    /// Who may use the service, and the router's limits.
    pub const fn router(&self) -> &RouterOptions {
        &self.router
    }

    /// The certificate and key for TLS, if the server answers over TLS.
    #[cfg(feature = "tls")]
    pub const fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// Whether the server answers over TLS.
    pub const fn is_over_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        let over_tls = self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        let over_tls = false;
        over_tls
    }

    /// Who is told when a plan is recommended.
    pub const fn notify(&self) -> Option<&notify::Options> {
        self.notify.as_ref()
    }

    /// How the log is sealed.
    pub const fn seal(&self) -> Option<&SealOptions> {
        self.seal.as_ref()
    }

    /// How many connections may be open at once.
    pub const fn max_connections(&self) -> usize {
        self.max_connections
    }

    /// How long a connection may take to send a request's head.
    pub const fn header_timeout(&self) -> Duration {
        self.header_timeout
    }

    /// How long a connection may take nothing of what is sent.
    pub const fn write_timeout(&self) -> Duration {
        self.write_timeout
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
