//! The thread that has the outbox's file: everything that is read or written goes over its desk.
//!
//! A commit waits for the disk, and while it waits, other callers' work gathers in the queue: the next transaction takes
//! it all (group commit).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use apmt_core::{Error, ErrorKind, Result};
use apmt_store_sqlite::file::explained;
use async_channel::{Receiver, Sender};
use rusqlite::Connection;

use super::signal::Signal;

/// How much work may wait; a caller beyond waits until there is room.
const QUEUE: usize = 1024;
/// So many pieces of work go into one transaction at most.
const GROUP: usize = 1024;

enum Job {
    Write(Box<dyn Write>),
    Read(Box<dyn FnOnce(&Connection) + Send>),
}

/// A piece of work of a transaction.
trait Write: Send {
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    /// Tells whoever asked for it, once the transaction has ended.
    fn answer(self: Box<Self>, committed: Result<()>);
}

struct Work<T, F> {
    /// `None` once it is begun.
    begin: Option<F>,
    made: Option<T>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T: Send, F: FnOnce(&Connection) -> rusqlite::Result<T> + Send> Write for Work<T, F> {
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if let Some(work) = self.begin.take() {
            self.made = Some(work(connection)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<()>) {
        let made = self.made;
        // A caller who has stopped waiting needs no answer.
        let _ = self.reply.send(committed.and_then(|()| made.ok_or_else(Error::closed)));
    }
}

/// A handle on the thread, which ends once the desk is closed or dropped; what was queued before is done first.
#[derive(Debug)]
pub(super) struct Desk {
    path: PathBuf,
    jobs: Sender<Job>,
    /// Closed once the thread has let go of the file.
    ended: std::sync::Mutex<std::sync::mpsc::Receiver<()>>,
}

impl Desk {
    pub(super) fn start(connection: Connection, path: &Path, signal: Arc<Signal>) -> Result<Self> {
        let (jobs, queue) = async_channel::bounded(QUEUE);
        let (end, ended) = std::sync::mpsc::channel();
        let thread_path = path.to_owned();
        let started = thread::Builder::new().name("apmt-outbox".to_owned()).spawn(move || {
            run(&connection, &thread_path, &queue, &signal);
            // The last to close the file copies the log back into it, and removes the log.
            drop(connection);
            drop(end);
        });
        started.map_err(|error| {
            Error::new(ErrorKind::Io, "the outbox's thread could not be started").with_source(error)
        })?;
        Ok(Self { path: path.to_owned(), jobs, ended: ended.into() })
    }

    /// Does that in a transaction, perhaps with others' work; it is on the disk when this returns.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let work = Work { begin: Some(work), made: None, reply };
        self.jobs.send(Job::Write(Box::new(work))).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Reads that, as it is committed.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let job = Job::Read(Box::new(move |connection| {
            let transaction = connection.unchecked_transaction();
            let _ = reply.send(transaction.and_then(|transaction| read(&transaction)));
        }));
        self.jobs.send(job).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?.map_err(|error| explained(&self.path, &error))
    }

    /// Takes no more work, and waits so long at most for what was queued to be done.
    pub(super) fn close(&self, wait: Duration) {
        self.jobs.close();
        if let Ok(ended) = self.ended.lock() {
            // Nothing is ever sent: the answer is that nobody is left who could.
            let _ = ended.recv_timeout(wait);
        }
    }
}

/// What everything answers once the outbox is shut down.
pub(super) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the outbox has been shut down: open it again to go on")
}

fn run(connection: &Connection, path: &Path, queue: &Receiver<Job>, signal: &Signal) {
    let mut next = queue.recv_blocking().ok();
    while let Some(job) = next.take() {
        let mut group = Vec::new();
        let mut job = Some(job);
        while let Some(taken) = job.take() {
            match taken {
                Job::Write(work) => group.push(work),
                // What is read comes after what was written before.
                Job::Read(read) if group.is_empty() => read(connection),
                read @ Job::Read(_) => {
                    next = Some(read);
                    break;
                }
            }
            if group.len() < GROUP {
                job = queue.try_recv().ok();
            }
        }
        if !group.is_empty() {
            commit(connection, path, group);
            signal.committed();
        }
        if next.is_none() {
            next = queue.recv_blocking().ok();
        }
    }
}

fn commit(connection: &Connection, path: &Path, mut group: Vec<Box<dyn Write>>) {
    let done = connection.execute_batch("BEGIN IMMEDIATE").and_then(|()| {
        for work in &mut group {
            work.run(connection)?;
        }
        connection.execute_batch("COMMIT")
    });
    if done.is_err() {
        // One that fails leaves nothing to roll back.
        let _ = connection.execute_batch("ROLLBACK");
    }
    for work in group {
        work.answer(done.as_ref().map_or_else(|error| Err(explained(path, error)), |()| Ok(())));
    }
}
