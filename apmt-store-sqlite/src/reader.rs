//! The readers: a small pool of threads, each with a connection of its own, so that a query never keeps an executor's
//! thread from other work, and never waits for the writer.

use std::path::{Path, PathBuf};
use std::thread;

use apmt_core::{Error, ErrorKind, Result};
use rusqlite::Connection;

use crate::error::explained;

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// A handle on the readers' threads, which end when it is dropped.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    jobs: async_channel::Sender<Job>,
    threads: Vec<thread::JoinHandle<()>>,
    /// Closed once every thread has ended.
    ended: async_channel::Receiver<()>,
}

impl Readers {
    pub(crate) fn start(connections: Vec<Connection>, path: &Path) -> Result<Self> {
        let (jobs, queue) = async_channel::unbounded::<Job>();
        let (end, ended) = async_channel::bounded(1);
        let mut threads = Vec::with_capacity(connections.len());
        for connection in connections {
            let (queue, end) = (queue.clone(), end.clone());
            let started = thread::Builder::new().name("apmt-sqlite-reader".to_owned()).spawn(move || {
                while let Ok(job) = queue.recv_blocking() {
                    job(&connection);
                }
                drop(connection);
                drop(end);
            });
            threads.push(started.map_err(|error| {
                Error::new(ErrorKind::Io, "a reader's thread could not be started").with_source(error)
            })?);
        }
        Ok(Self { path: path.to_owned(), jobs, threads, ended })
    }

    /// Runs a query in one transaction, so that all it reads is of one instant.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let answer = connection.unchecked_transaction().and_then(|transaction| {
                let answer = query(&transaction)?;
                transaction.finish()?;
                Ok(answer)
            });
            // A caller who has stopped waiting needs no answer.
            let _ = reply.send(answer);
        });
        self.jobs.send(job).await.map_err(|_| Error::closed())?;
        answer.await.map_err(|_| Error::closed())?.map_err(|error| explained(&self.path, &error))
    }

    /// Finishes the queries that were begun, and refuses others.
    pub(crate) async fn close(&self) {
        self.jobs.close();
        // Nothing is ever sent: the answer is that nobody is left who could.
        let _ = self.ended.recv().await;
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.jobs.close();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
