//! APMT's remote store: another machine's APMT, over HTTP.
//!
//! - **The same promises.** Appending is all or nothing, durable when it returns, and idempotent: every event has its
//!   id before it is sent, so that what is sent again after a lost answer is stored once.
//! - **Patient.** What may succeed later is tried again, ever more slowly and up to a [budget](HttpBuilder::retry_budget);
//!   the server's `Retry-After` is heeded, and all callers together do not storm a server that comes back.
//! - **Together.** A caller alone is sent at once. While two appends are under way, those of further callers wait and are
//!   sent in one request, which the server commits once. Each caller's batch stays all or nothing: one that breaks a
//!   rule is refused alone.
//! - **Packed.** Requests of some size go through gzip, but for servers on this machine.
//! - **The same errors.** An error of the server's store arrives with its kind, and what is invalid with its field,
//!   value and rule.
//! - **No runtime.** Requests run on one thread of the store's own, so the futures run under any executor, and from
//!   plain threads.
//! - **The server judges.** Dossiers are asked of the server, whose policy is the official one; they name it.
//!
//! - **An outbox** (feature `outbox`), for programs that must go on without the network: see below.
//!
//! ```no_run
//! use apmt_core::{Event, Policy, Store};
//! use apmt_store_http::HttpStore;
//! # futures_lite::future::block_on(async {
//! let store = HttpStore::builder("http://127.0.0.1:9300").key("the key that the operator handed out").open()?;
//! store.append(vec![Event::override_of("anne@sba.gov").build()?]).await?;
//! let dossier = store.dossier(&"anne@sba.gov".try_into()?, Default::default(), &Policy::default()).await?;
//! println!("{}", dossier.policy.name);
//! # Ok::<(), apmt_core::Error>(())
//! # }).unwrap();
//! ```
//!
//! # The outbox
//! With a remote store alone, a call waits for the network, and fails when it is away for longer than the budget. An
//! `Outbox` puts the event on this machine's disk, acknowledges it, and delivers it in order as the network allows, over
//! restarts of both ends. The feature `outbox` brings SQLite along.
//!
//! | | waits for | survives the end of the process |
//! |---|---|---|
//! | `Client::record_event` | the server | yes |
//! | `Outbox::record_event` | this machine's disk | yes |
//! | `Client::enqueue` | nothing | no |
//!
//! The module `outbox` says more, and `apmt outbox` looks after one from the command line.

mod address;
mod allowance;
mod builder;
mod failure;
mod group;
#[cfg(feature = "outbox")]
pub mod outbox;
mod pages;
mod retry;
mod sender;
mod store;
mod transport;
mod wire;

use address::Address;
use apmt_core::Result;
use transport::Transport;

pub use builder::HttpBuilder;
#[cfg(feature = "outbox")]
pub use outbox::Outbox;

/// A store that another APMT keeps, reached over HTTP.
///
/// Closing it closes this end only: the server and its store go on. Dropping it waits for nobody; an append whose
/// caller has stopped waiting is brought to its end all the same.
#[derive(Debug)]
pub struct HttpStore {
    address: Address,
    transport: Transport,
}

impl HttpStore {
    /// A store at that URL, such as `http://127.0.0.1:9300`, with the defaults. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Invalid`](apmt_core::ErrorKind::Invalid) for what is no such URL;
    /// [`Unsupported`](apmt_core::ErrorKind::Unsupported) for `https` in a build without the feature `tls`.
    pub fn open(url: &str) -> Result<Self> {
        Self::builder(url).open()
    }

    /// Options for a store at that URL.
    pub fn builder(url: &str) -> HttpBuilder {
        HttpBuilder::new(url)
    }

    /// The server's URL.
    pub fn url(&self) -> &str {
        self.address.as_str()
    }
}
