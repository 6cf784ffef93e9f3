//! The store's own threads: a runtime that keeps the connections, the writer and the listener, so that the store's
//! futures run under any executor, and from plain threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use apmt_core::{Error, ErrorKind, Result};
use deadpool_postgres::{Object, Pool};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::{OwnedRwLockReadGuard, RwLock, oneshot};

use crate::connect::Connector;
use crate::days::pack::Packing;
use crate::failure::{Failure, Sql};
use crate::incoming::Intake;
use crate::listen;
use crate::writer::{Appends, Queue, Work, Writer};

/// How many threads drive the connections.
const THREADS: usize = 2;

/// A handle on the threads, which end once it is dropped, or closed, and what was begun is done.
#[derive(Debug)]
pub(crate) struct Engine {
    handle: Handle,
    readers: Pool,
    pub(crate) writer: Writer,
    closed: AtomicBool,
    /// Held by every call that reads, so that closing can wait for them.
    reading: Arc<RwLock<()>>,
}

/// What is run beside the readers.
pub(crate) struct Parts {
    pub(crate) readers: Pool,
    pub(crate) work: Work,
    pub(crate) connector: Connector,
    pub(crate) channel: String,
    pub(crate) on_append: Option<Arc<dyn Fn() + Send + Sync>>,
    /// Absent where nothing may be written.
    pub(crate) intake: Option<Intake>,
    pub(crate) packing: Packing,
}

/// A call that reads, until it is dropped.
pub(crate) struct Call {
    _reading: OwnedRwLockReadGuard<()>,
}

impl Engine {
    /// Starts the threads, has `prepare` make the parts there, and waits for it.
    pub(crate) fn start<F>(prepare: impl FnOnce() -> F + Send + 'static) -> Result<Self>
    where
        F: Future<Output = Result<Parts>>,
    {
        let failed = |error: std::io::Error| {
            Error::new(ErrorKind::Io, format!("the store's threads could not be started: {error}"))
                .with_source(error)
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("apmt-postgres")
            .enable_all()
            .build()
            .map_err(failed)?;
        let handle = runtime.handle().clone();
        let (writer, queue) = Writer::new();
        let appends = writer.appends();
        let (prepared, answer) = std::sync::mpsc::sync_channel(1);
        thread::Builder::new()
            .name("apmt-postgres".to_owned())
            .spawn(move || run(&runtime, prepare, queue, appends, &prepared))
            .map_err(failed)?;
        let readers = answer
            .recv()
            .map_err(|_| Error::new(ErrorKind::Io, "opening the store panicked: this is a bug"))??;
        let closed = AtomicBool::new(false);
        Ok(Self { handle, readers, writer, closed, reading: Arc::default() })
    }

    /// Begins a call that reads.
    pub(crate) async fn call(&self) -> Result<Call> {
        let reading = Arc::clone(&self.reading).read_owned().await;
        if self.closed.load(Ordering::SeqCst) { Err(Error::closed()) } else { Ok(Call { _reading: reading }) }
    }

    /// A connection to read on.
    pub(crate) async fn connection(&self) -> Sql<Object> {
        let pool = self.readers.clone();
        // Connecting and waiting need the store's runtime.
        Ok(self.handle.spawn(async move { pool.get().await }).await.map_err(|_| ended())??)
    }

    /// Does what waits for times as well as for the database.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Sql<T>> + Send + 'static,
    ) -> Sql<T> {
        self.handle.spawn(work).await.map_err(|_| ended())?
    }

    pub(crate) async fn sleep(&self, time: Duration) -> Sql<()> {
        let slept = async move {
            tokio::time::sleep(time).await;
            Ok(())
        };
        self.run(slept).await
    }

    /// Waits for what was begun; afterwards everything is refused.
    pub(crate) async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        drop(self.reading.write().await);
        self.writer.close().await;
    }
}

fn ended() -> Failure {
    Failure::lasting(ErrorKind::Closed, Error::closed().to_string())
}

fn run<F: Future<Output = Result<Parts>>>(
    runtime: &Runtime,
    prepare: impl FnOnce() -> F,
    queue: Queue,
    appends: Appends,
    prepared: &std::sync::mpsc::SyncSender<Result<Pool>>,
) {
    runtime.block_on(async {
        let parts = match prepare().await {
            Ok(parts) => parts,
            Err(error) => {
                let _ = prepared.send(Err(error));
                return;
            }
        };
        // Whoever waited for it may have gone; then the queue is closed, and so this ends.
        let _ = prepared.send(Ok(parts.readers.clone()));
        if let Some(heard) = parts.on_append {
            runtime.spawn(listen::run(parts.connector, parts.channel, heard));
        }
        if let Some(intake) = parts.intake {
            runtime.spawn(intake.run(appends));
        }
        runtime.spawn(parts.packing.run());
        let close = parts.work.run(queue).await;
        parts.readers.close();
        if let Some(close) = close {
            let close: oneshot::Sender<()> = close;
            let _ = close.send(());
        }
    });
}
