//! The writer: one task that commits what many callers hand it in one transaction (group commit).
//!
//! While a transaction is under way, other callers' batches gather in the queue: the next one takes them all. So a lone
//! caller is answered after one transaction, and a thousand callers share one.

use std::time::Duration;

use apmt_core::{Error, Event, Receipt, Result, Timestamp};
use deadpool_postgres::{Object, Pool};
use tokio::sync::{mpsc, oneshot};

use crate::append::{Appender, Group, Incoming, Outcome};
use crate::failure::Sql;
use crate::retry::Attempts;

/// How many batches may wait; a caller beyond waits until there is room.
const QUEUE: usize = 1024;
/// Over so many events, a transaction takes no further batch.
const GROUP: usize = 4096;
/// How many times the writer lets others run while it waits for callers to come back.
const PATIENCE: u32 = 64;

type Reply = oneshot::Sender<Result<Vec<Receipt>>>;

enum Job {
    Append(Incoming, Reply),
    Close(oneshot::Sender<()>),
}

/// A handle on the writer. The task ends when [`close`](Self::close) is called or the handle is dropped; what was
/// queued before is committed first.
#[derive(Debug)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Job>,
}

/// A way to append that does not keep the writer from ending.
pub(crate) struct Appends(mpsc::WeakSender<Job>);

impl Appends {
    /// Whether the writer has not ended yet.
    pub(crate) fn are_taken(&self) -> bool {
        self.0.upgrade().is_some_and(|jobs| !jobs.is_closed())
    }

    pub(crate) async fn append(&self, events: Vec<Event>, now: Timestamp) -> Result<Vec<Receipt>> {
        Writer { jobs: self.0.upgrade().ok_or_else(Error::closed)? }.append(events, now).await
    }
}

/// What the task works through.
pub(crate) struct Queue(mpsc::Receiver<Job>);

impl Writer {
    pub(crate) fn new() -> (Self, Queue) {
        let (jobs, queue) = mpsc::channel(QUEUE);
        (Self { jobs }, Queue(queue))
    }

    pub(crate) fn appends(&self) -> Appends {
        Appends(self.jobs.downgrade())
    }

    pub(crate) async fn append(&self, events: Vec<Event>, now: Timestamp) -> Result<Vec<Receipt>> {
        let payloads = events.iter().map(Event::to_payload).collect();
        let (reply, receipts) = oneshot::channel();
        let job = Job::Append(Incoming { events, payloads, now }, reply);
        self.jobs.send(job).await.map_err(|_| Error::closed())?;
        receipts.await.map_err(|_| Error::closed())?
    }

    pub(crate) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.jobs.send(Job::Close(reply)).await.is_ok() {
            // An answer or its absence: either way the task has ended.
            let _ = closed.await;
        }
    }
}

/// What the task works with.
pub(crate) struct Work {
    pub(crate) pool: Pool,
    pub(crate) appender: Appender,
    pub(crate) budget: Duration,
    /// The database, as errors show it.
    pub(crate) place: String,
}

impl Work {
    /// Works until the queue is closed. Whoever asked for that is to be answered once everything else has ended.
    pub(crate) async fn run(mut self, Queue(mut queue): Queue) -> Option<oneshot::Sender<()>> {
        let mut connection = None;
        let mut last_group = 1;
        while let Some(first) = queue.recv().await {
            let mut batches = Vec::new();
            let mut replies = Vec::new();
            let mut events = 0;
            let mut close = None;
            let mut next = Some(first);
            let mut patience = if last_group > 1 { PATIENCE } else { 0 };
            while let Some(job) = next.take() {
                match job {
                    Job::Append(batch, reply) => {
                        events += batch.events.len();
                        batches.push(batch);
                        replies.push(reply);
                    }
                    Job::Close(reply) => {
                        close = Some(reply);
                        break;
                    }
                }
                if events < GROUP {
                    next = queue.try_recv().ok();
                    // Callers who were answered a moment ago are about to come back: a short wait for them costs less
                    // than a transaction of their own would. This task has its thread to itself.
                    while next.is_none() && batches.len() < last_group && patience > 0 {
                        patience -= 1;
                        std::thread::yield_now();
                        next = queue.try_recv().ok();
                    }
                }
            }
            last_group = batches.len();
            if !batches.is_empty() {
                let group = Group::new(batches);
                let appended = self.append(&mut connection, group).await;
                self.answer(appended, replies);
            }
            if close.is_some() {
                return close;
            }
        }
        None
    }

    /// Appends a group, and tries again what may pass.
    async fn append(&mut self, connection: &mut Option<Object>, mut group: Group) -> Sql<Vec<Outcome>> {
        let mut attempts = Attempts::within(self.budget);
        loop {
            match self.attempt(connection, &mut group).await {
                Ok(outcomes) => return Ok(outcomes),
                Err(failure) => {
                    let in_doubt = group.is_in_doubt();
                    let wait = attempts
                        .again(failure)
                        .map_err(|failure| if in_doubt { failure.in_doubt() } else { failure })?;
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    async fn attempt(&mut self, kept: &mut Option<Object>, group: &mut Group) -> Sql<Vec<Outcome>> {
        let connection = if let Some(connection) = kept.take().filter(|connection| !connection.is_closed()) {
            connection
        } else {
            self.appender.forget();
            self.pool.get().await?
        };
        let appended = self.appender.append(&connection, group).await;
        match &appended {
            // Whatever is wrong may lie with the connection.
            Err(_) => drop(Object::take(connection)),
            Ok(_) => *kept = Some(connection),
        }
        appended
    }

    fn answer(&self, appended: Sql<Vec<Outcome>>, replies: Vec<Reply>) {
        match appended {
            Ok(outcomes) => {
                for (outcome, reply) in outcomes.into_iter().zip(replies) {
                    // A caller who has stopped waiting needs no answer.
                    let _ = reply.send(outcome.map_err(Error::from));
                }
            }
            Err(failure) => {
                for reply in replies {
                    let _ = reply.send(Err(failure.error(&self.place)));
                }
            }
        }
    }
}
