//! Connections: one that writes, a few that read, one that listens.

use std::time::Duration;

use apmt_core::{Error, ErrorKind, Result};
use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls, Socket};

use crate::address::Address;
use crate::failure::Sql;

/// How long statements may take and wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    pub(crate) statement: Duration,
    pub(crate) lock: Duration,
}

/// What makes connections.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    config: Config,
    tls: Tls,
    settings: String,
}

#[derive(Clone)]
enum Tls {
    None,
    #[cfg(feature = "tls")]
    Rustls(tokio_postgres_rustls::MakeRustlsConnect),
}

impl Tls {
    #[cfg(feature = "tls")]
    fn of(address: &Address) -> Result<Self> {
        Ok(match address.config.get_ssl_mode() {
            SslMode::Disable => Self::None,
            _ => Self::Rustls(crate::tls::connector(&address.encryption)?),
        })
    }

    /// What is preferred only is not missed.
    #[cfg(not(feature = "tls"))]
    fn of(address: &Address) -> Result<Self> {
        match address.config.get_ssl_mode() {
            SslMode::Require => {
                let message =
                    "sslmode: this build knows no TLS: build apmt-store-postgres with its feature tls";
                Err(Error::new(ErrorKind::Unsupported, message))
            }
            _ => Ok(Self::None),
        }
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            #[cfg(feature = "tls")]
            Self::Rustls(_) => "Rustls",
        })
    }
}

impl Connector {
    pub(crate) fn new(address: &Address, timeouts: Timeouts) -> Result<Self> {
        let tls = Tls::of(address)?;
        Ok(Self { config: address.config.clone(), tls, settings: settings(&address.schema, timeouts) })
    }

    /// A pool of at most that many connections. Nothing is connected yet.
    pub(crate) fn pool(&self, size: usize, patience: Duration) -> Result<Pool> {
        // A connection that is found broken is replaced, without a question to the server each time.
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match &self.tls {
            Tls::None => Manager::from_config(self.config.clone(), NoTls, manager),
            #[cfg(feature = "tls")]
            Tls::Rustls(tls) => Manager::from_config(self.config.clone(), tls.clone(), manager),
        };
        let settings = self.settings.clone();
        Pool::builder(manager)
            .max_size(size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(patience))
            .create_timeout(Some(patience))
            .post_create(Hook::async_fn(move |client, _| {
                let settings = settings.clone();
                Box::pin(async move { client.batch_execute(&settings).await.map_err(HookError::Backend) })
            }))
            .build()
            .map_err(|error| Error::new(ErrorKind::Io, format!("connections cannot be made here: {error}")))
    }

    /// Listens on a channel until the connection breaks. Calls `heard` once it listens, for there may have been something
    /// before, and for every notification.
    pub(crate) async fn listen(&self, channel: &str, heard: impl Fn()) -> Sql<()> {
        match &self.tls {
            Tls::None => listen(self.config.connect(NoTls).await?, channel, heard).await,
            #[cfg(feature = "tls")]
            Tls::Rustls(tls) => listen(self.config.connect(tls.clone()).await?, channel, heard).await,
        }
    }
}

async fn listen<S>(
    (client, mut connection): (tokio_postgres::Client, tokio_postgres::Connection<Socket, S>),
    channel: &str,
    heard: impl Fn(),
) -> Sql<()>
where
    S: tokio_postgres::tls::TlsStream + Unpin,
{
    let statement = format!("LISTEN \"{channel}\"");
    let mut listening = Some(Box::pin(client.batch_execute(&statement)));
    std::future::poll_fn(|cx| {
        loop {
            if let Some(asked) = &mut listening
                && let std::task::Poll::Ready(answer) = asked.as_mut().poll(cx)
            {
                listening = None;
                if let Err(error) = answer {
                    return std::task::Poll::Ready(Err(error.into()));
                }
                heard();
            }
            match std::task::ready!(connection.poll_message(cx)) {
                Some(Ok(tokio_postgres::AsyncMessage::Notification(_))) => heard(),
                Some(Ok(_)) => {}
                Some(Err(error)) => return std::task::Poll::Ready(Err(error.into())),
                None => return std::task::Poll::Ready(Ok(())),
            }
        }
    })
    .await
}

/// What every connection starts with.
///
/// - The tables are found without their schema's name.
/// - A statement, a wait for a lock and a transaction that its server has forgotten end some time, or one machine that
///   hangs would hold up all the others.
/// - What is acknowledged is on the disk, even where the database's default is not to wait for it. A stricter default
///   stays.
/// - No statement here is long enough for being compiled to pay.
fn settings(schema: &str, timeouts: Timeouts) -> String {
    format!(
        "SET search_path TO {schema}, pg_temp;
         SET statement_timeout TO {statement};
         SET lock_timeout TO {lock};
         SET idle_in_transaction_session_timeout TO {idle};
         SET jit TO off;
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';",
        statement = timeouts.statement.as_millis(),
        lock = timeouts.lock.as_millis(),
        idle = IDLE_IN_TRANSACTION.as_millis(),
    )
}

/// How long the server waits for the next statement of a transaction before it undoes it: longer than folding takes,
/// and not so long that a server which hangs keeps the others from writing.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);

/// A transaction that reads, so that all it reads is of one instant.
pub(crate) struct Snapshot(Option<Object>);

impl Snapshot {
    /// A connection on which [`BEGIN`](Self::BEGIN) is to be sent along with the first statements.
    pub(crate) fn new(connection: Object) -> Self {
        Self(Some(connection))
    }

    pub(crate) const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

    pub(crate) fn connection(&self) -> Sql<&Object> {
        self.0
            .as_ref()
            .ok_or_else(|| crate::failure::Failure::lasting(ErrorKind::Closed, "the transaction has ended"))
    }

    /// Ends the transaction, and gives the connection back.
    pub(crate) async fn end(mut self) -> Sql<()> {
        if let Some(connection) = &self.0 {
            connection.batch_execute("COMMIT").await?;
        }
        self.0 = None;
        Ok(())
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // A caller who stopped waiting, or an error: the connection is in the middle of something, and goes.
        if let Some(connection) = self.0.take() {
            drop(Object::take(connection));
        }
    }
}
