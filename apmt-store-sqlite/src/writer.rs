//! The writer: one thread that commits what many callers hand it in one transaction (group commit).
//!
//! A commit waits for the disk, and while it waits, other callers' batches gather in the queue: the next transaction
//! takes them all. So a lone caller is answered after one commit, and a thousand callers share one.

use std::path::{Path, PathBuf};
use std::thread;

use apmt_core::{Calendar, Error, Event, Receipt, Result, Timestamp};
use rusqlite::Connection;

use crate::append::{Appender, Incoming, Work};
use crate::error::explained;

/// How many batches may wait; a caller beyond waits until there is room.
const QUEUE: usize = 1024;
/// Over so many events, a transaction takes no further batch.
const GROUP: usize = 4096;

type Reply = oneshot::Sender<Result<Vec<Receipt>>>;

enum Job {
    Append(Incoming, Reply),
    /// Something else, between two transactions that append.
    Other(Work),
    Close(oneshot::Sender<()>),
}

/// A handle on the writer's thread. The thread ends, and lets go of the file, when [`close`](Self::close) is called or
/// the handle is dropped; what was queued before is committed first.
#[derive(Debug)]
pub(crate) struct Writer {
    path: PathBuf,
    jobs: async_channel::Sender<Job>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(connection: Connection, path: &Path, calendar: Calendar) -> Result<Self> {
        let (jobs, queue) = async_channel::bounded(QUEUE);
        let (path, shown) = (path.to_owned(), path.to_owned());
        let started = thread::Builder::new().name("apmt-sqlite-writer".to_owned()).spawn(move || {
            match Appender::new(&connection, calendar) {
                Ok(appender) => run(appender, &queue, &path),
                Err(error) => refuse_all(&queue, &path, &error),
            }
            // The last to close the file copies the log back into it, and removes the log.
            drop(connection);
        });
        let thread = started.map_err(|error| {
            Error::new(apmt_core::ErrorKind::Io, "the writer's thread could not be started")
                .with_source(error)
        })?;
        Ok(Self { path: shown, jobs, thread: Some(thread) })
    }

    pub(crate) async fn append(&self, events: Vec<Event>, now: Timestamp) -> Result<Vec<Receipt>> {
        let payloads = events.iter().map(Event::to_payload).collect();
        let (reply, receipts) = oneshot::channel();
        let job = Job::Append(Incoming { events, payloads, now }, reply);
        self.jobs.send(job).await.map_err(|_| Error::closed())?;
        receipts.await.map_err(|_| Error::closed())?
    }

    /// Does something else than to append, in one transaction, and leaves what is derived as it is.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Calendar) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let in_transaction = |connection: &Connection, calendar: &Calendar| {
            transaction(connection, |connection| work(connection, calendar))
        };
        self.do_work(false, in_transaction).await
    }

    /// Does something that may change what the log comes to: what the writer has in memory is forgotten.
    pub(crate) async fn run_and_forget<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Calendar) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        self.do_work(true, work).await
    }

    async fn do_work<T: Send + 'static>(
        &self,
        changes_events: bool,
        work: impl FnOnce(&Connection, &Calendar) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let run = Box::new(move |connection: &Connection, calendar: &Calendar| {
            // A caller who has stopped waiting needs no answer.
            let _ = reply.send(work(connection, calendar));
        });
        let job = Job::Other(Work { changes_events, run });
        self.jobs.send(job).await.map_err(|_| Error::closed())?;
        let done = answer.await.map_err(|_| Error::closed())?;
        done.map_err(|error| explained(&self.path, &error))
    }

    pub(crate) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.jobs.send(Job::Close(reply)).await.is_ok() {
            // An answer or its absence: either way the thread has ended.
            let _ = closed.await;
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs.close();
        if let Some(thread) = self.thread.take() {
            // Waits for the commit that is under way, and for what was queued.
            let _ = thread.join();
        }
    }
}

fn run(mut appender: Appender<'_>, queue: &async_channel::Receiver<Job>, path: &Path) {
    let mut last_group = 1;
    while let Ok(first) = queue.recv_blocking() {
        let mut incoming = Vec::new();
        let mut replies = Vec::new();
        let mut events = 0;
        let mut close = None;
        let mut other = None;
        let mut next = Some(first);
        let mut patience = if last_group > 1 { PATIENCE } else { 0 };
        while let Some(job) = next.take() {
            match job {
                Job::Append(batch, reply) => {
                    events += batch.events.len();
                    incoming.push(batch);
                    replies.push(reply);
                }
                Job::Other(work) => {
                    other = Some(work);
                    break;
                }
                Job::Close(reply) => {
                    close = Some(reply);
                    break;
                }
            }
            if events < GROUP {
                next = queue.try_recv().ok();
                // Callers who were answered a moment ago are about to come back: a short wait for them costs less
                // than a commit of their own would.
                while next.is_none() && incoming.len() < last_group && patience > 0 {
                    patience -= 1;
                    thread::yield_now();
                    next = queue.try_recv().ok();
                }
            }
        }
        // What is done in between says nothing of how many callers there are.
        if other.is_none() {
            last_group = incoming.len();
        }
        if !incoming.is_empty() {
            answer(appender.append(incoming), replies, path);
        }
        if let Some(work) = other {
            appender.run(work);
        }
        if let Some(reply) = close {
            queue.close();
            drop(appender);
            let _ = reply.send(());
            break;
        }
    }
}

/// How many times the writer lets others run while it waits for callers to come back.
const PATIENCE: u32 = 64;

fn answer(appended: rusqlite::Result<Vec<crate::append::Outcome>>, replies: Vec<Reply>, path: &Path) {
    match appended {
        Ok(outcomes) => {
            for (outcome, reply) in outcomes.into_iter().zip(replies) {
                // A caller who has stopped waiting needs no answer.
                let _ = reply.send(outcome.map_err(Error::from));
            }
        }
        Err(error) => {
            for reply in replies {
                let _ = reply.send(Err(explained(path, &error)));
            }
        }
    }
}

/// A file that cannot be written to: every caller is told why.
fn refuse_all(queue: &async_channel::Receiver<Job>, path: &Path, error: &rusqlite::Error) {
    while let Ok(job) = queue.recv_blocking() {
        match job {
            Job::Append(_, reply) => {
                let _ = reply.send(Err(explained(path, error)));
            }
            // Whoever waits for it is told that the store is closed.
            Job::Other(work) => drop(work),
            Job::Close(reply) => {
                queue.close();
                let _ = reply.send(());
            }
        }
    }
}

/// Does something in one transaction.
pub(crate) fn transaction<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let done = work(connection).and_then(|done| connection.execute_batch("COMMIT").map(|()| done));
    if done.is_err() {
        // A rollback that fails leaves nothing to roll back.
        let _ = connection.execute_batch("ROLLBACK");
    }
    done
}
