//! APMT's shared store: a PostgreSQL database behind any number of servers.
//!
//! - **Durable.** What [`append`](apmt_core::Store::append) has acknowledged is on the server's disk, and on its
//!   synchronous standbys, if it has any.
//! - **Many writers, one log.** Any number of servers append at once. Positions are 1, 2, 3 … in the order of their
//!   commits, and a reader that goes on from the last one it saw misses none. Group commit makes one transaction of what
//!   a server's callers bring at the same time.
//! - **Dossiers cost days, not events.** Every append keeps a tally an actor and a day, in the same transaction; a
//!   dossier reads the days of its window, all of one instant.
//! - **Patient.** Deadlocks, serialization failures, connections that break and fail-overs are tried again inside the
//!   store, up to a [budget](PostgresBuilder::retry_budget). What was sent once is stored once, and its receipt says so,
//!   even where the answer to the commit was lost.
//! - **No runtime needed.** The connections live on threads of the store's own; the futures run under any executor, and
//!   from plain threads.
//!
//! ```no_run
//! use apmt_core::{Event, Policy, Store};
//! use apmt_store_postgres::PostgresStore;
//! # futures_lite::future::block_on(async {
//! let store = PostgresStore::open("postgres://apmt@db.example.org/apmt?sslmode=verify-full")?;
//! store.append(vec![Event::override_of("anne@sba.gov").build()?]).await?;
//! let dossier = store.dossier(&"anne@sba.gov".try_into()?, Default::default(), &Policy::default()).await?;
//! assert_eq!(dossier.metrics.overrides, 1);
//! # Ok::<(), apmt_core::Error>(())
//! # }).unwrap();
//! ```
//!
//! # The URL
//! `postgres://USER:PASSWORD@HOST:PORT/DATABASE?OPTIONS`, with what is special in a password percent-encoded. Errors and
//! logs show the hosts and the database, and nothing else of it.
//!
//! | option | |
//! |---|---|
//! | `schema` | the schema that holds the tables, so that a database can be shared; `apmt` by default |
//! | `sslmode` | `disable`; `prefer`: encrypted if the server can, its certificate not verified (the default); `require`, `verify-full`: encrypted, certificate and host name verified; `verify-ca`: the host name is not. That `require` verifies is stricter than libpq, where it does not |
//! | `sslrootcert` | a file of PEM certificates: the authorities to trust, instead of this machine's. Given alone, it asks for `verify-full` |
//! | `target_session_attrs` | which of several hosts (`host1,host2`) to take. Unless it is given, the one that may be written, so that a fail-over is followed, and no standby that is behind answers |
//! | `connect_timeout`, `keepalives_idle`, `channel_binding`, … | as [tokio-postgres](https://docs.rs/tokio-postgres) reads them |
//!
//! TLS is the feature `tls`; without it, `require` is refused and `prefer` is `disable`. Between a server and the
//! database there may be a proxy that passes connections or sessions on (HAProxy, PgBouncer in session mode), but none
//! that deals out transactions.
//!
//! # Running it
//! The chapter [`operating`] has the roles, one of which may insert and not read, the tables, retention, and how the tables are laid out on what speaks
//! PostgreSQL's protocol.

mod activity;
mod address;
mod append;
mod builder;
mod cases;
mod connect;
mod days;
mod engine;
mod failure;
mod held;
mod incoming;
mod listen;
mod notes;
#[doc = include_str!("operating.md")]
#[doc = "```sql"]
#[doc = include_str!("roles.sql")]
#[doc = "```"]
pub mod operating {}
mod pipeline;
mod query;
mod refold;
mod retry;
mod rows;
mod schema;
mod seal;
mod store;
#[cfg(feature = "tls")]
mod tls;
mod writer;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use apmt_core::{Calendar, Clock, Result, Timestamp};

pub use builder::PostgresBuilder;

use engine::Engine;

/// A store in a PostgreSQL database, which other servers may share.
///
/// Dropping it lets what was begun come to its end, and does not wait for it; [`close`](apmt_core::Store::close) does.
pub struct PostgresStore {
    engine: Engine,
    /// The database, as errors show it.
    place: String,
    clock: Arc<dyn Clock>,
    calendar: Calendar,
    budget: Duration,
    read_only: bool,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("place", &self.place).finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Opens the database of that URL with the defaults (the machine's clock, the calendar that counts every hour), makes
    /// its tables if they are not there, and waits until it can be used.
    ///
    /// # Errors
    /// [`Invalid`](apmt_core::ErrorKind::Invalid) if the URL breaks a rule,
    /// [`Unsupported`](apmt_core::ErrorKind::Unsupported) if this build or the server cannot do what is needed,
    /// [`Unavailable`](apmt_core::ErrorKind::Unavailable) if the server cannot be reached,
    /// [`Unauthorized`](apmt_core::ErrorKind::Unauthorized) if it does not let this role in or its certificate is not
    /// trusted, [`Mismatch`](apmt_core::ErrorKind::Mismatch) if a newer version made the tables, or another calendar was
    /// used, [`ReadOnly`](apmt_core::ErrorKind::ReadOnly) if it is a standby, [`Io`](apmt_core::ErrorKind::Io) for what
    /// else it reports, such as a database that is not there.
    pub fn open(url: &str) -> Result<Self> {
        Self::builder(url).open()
    }

    /// Options for opening the database of that URL.
    pub fn builder(url: &str) -> PostgresBuilder {
        PostgresBuilder::new(url)
    }

    /// Drops the months of the log that had ended by then, as a whole: cheap, and for good. Returns how many.
    ///
    /// Every event was recorded in one month, UTC, and goes with it. What was derived stays, so no dossier changes; so
    /// do the ids, so that an event which is sent again is still a duplicate. What goes is the evidence:
    /// [`events`](apmt_core::Store::events) begins later, and contributions of dropped events name no case. A case of
    /// which events were dropped is from then on folded from what is left of it, so keep the policy's window and the
    /// longest time that a case stays open. This is for the tables' owner, as a job that runs once a month.
    ///
    /// # Errors
    /// [`Unauthorized`](apmt_core::ErrorKind::Unauthorized) if the role does not own the tables; the other kinds as
    /// for every call.
    pub async fn drop_months_before(&self, before: Timestamp) -> Result<u64> {
        store::drop_months_before(self, before).await
    }

    /// The hosts and the database, without user and password: such as `postgres://db.example.org/apmt`.
    pub fn place(&self) -> &str {
        &self.place
    }
}
