//! Moving a log from one store to another: every event with its id, its instant, its place and the time of its
//! recording.
//!
//! - In bounded memory, a page at a time. What is there already is compared, not copied again, so a migration that was
//!   broken off goes on where it was.
//! - A store gives an event the time that its clock shows when the event is handed to it, so the target is opened with
//!   a clock that is set to the time of recording before each. Events that were recorded at one instant go in one
//!   batch.
//! - Positions count from 1 in the target. Where the source has dropped its oldest events, they move up by so many.
//! - Afterwards both logs are read in full and compared event by event; so is every actor's activity of all time, and
//!   every dossier as of the newest event.

use std::fmt::Write as _;

use apmt_core::time::ManualClock;
use apmt_core::{
    ActorName, AsOf, Dossier, Error, Event, Policy, Receipt, Recorded, Store, Timestamp, Window,
};
use futures_lite::future::poll_once;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// How many events are read and written at a time: no more than a store's queue holds batches, so that all of a page
/// can be on its way in order.
const PAGE: usize = 1000;
/// Over so many bytes, a batch takes no further event.
const BATCH_BYTES: usize = 4 << 20;
/// How many actors are compared at a time.
const ACTORS: usize = 200;

/// What a migration came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Moved {
    /// How many events were copied now.
    pub(crate) copied: u64,
    /// How many were there already.
    pub(crate) there: u64,
    /// The SHA-256 of the log's JSON Lines, which is the same on both sides.
    pub(crate) log_digest: String,
    /// How many actors have a dossier.
    pub(crate) dossiers: u64,
    /// As of when.
    pub(crate) as_of: Timestamp,
    /// The SHA-256 of the dossiers' JSON Lines, which is the same on both sides.
    pub(crate) dossiers_digest: String,
}

/// What is being done, for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Comparing,
    Copying,
    Verifying,
}

/// Why a migration stopped.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// A store could not be read or written.
    Store(Error),
    /// The two stores do not agree; the text says where.
    Differ(String),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// A migration under way.
pub(crate) struct Migration<'a> {
    pub(crate) from: &'a dyn Store,
    pub(crate) to: &'a dyn Store,
    /// The target's clock.
    pub(crate) clock: &'a ManualClock,
    /// Is told what is being done, and how many events of how many are done.
    pub(crate) progress: &'a mut dyn FnMut(Doing, u64, u64),
}

impl Migration<'_> {
    /// Copies what is missing, and verifies all of it.
    pub(crate) async fn run(mut self) -> Result<Moved, Stopped> {
        let there = self.to.status().await?.position;
        let mut after = self.compare(Doing::Comparing, there).await?.after;
        let mut copied = 0;
        loop {
            let page = self.from.events(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.position;
            let count = page.len() as u64;
            self.copy(page, there + copied).await?;
            copied += count;
            self.tell(Doing::Copying, there + copied).await?;
        }
        let compared = self.compare(Doing::Verifying, there + copied).await?;
        let newest = (self.from.status().await?.position, self.to.status().await?.position);
        if newest != (compared.after, there + copied) {
            return Err(Stopped::Differ(
                "events were recorded while the log was moved: stop whatever records, and run this again"
                    .to_owned(),
            ));
        }
        let status = self.from.status().await?;
        let as_of = status.latest.unwrap_or(status.now);
        let (dossiers, dossiers_digest) = self.compare_actors(as_of).await?;
        Ok(Moved { copied, there, log_digest: compared.digest, dossiers, as_of, dossiers_digest })
    }

    /// Appends a page, all of it on its way at once, each instant of recording in a batch of its own.
    async fn copy(&self, page: Vec<Recorded>, before: u64) -> Result<(), Stopped> {
        let mut appends = Vec::new();
        let mut page = page.into_iter().peekable();
        while let Some(first) = page.next() {
            let recorded_at = first.recorded_at;
            let mut bytes = first.event.json_bytes();
            let mut batch: Vec<Event> = vec![first.event];
            while let Some(next) = page.next_if(|next| next.recorded_at == recorded_at && bytes < BATCH_BYTES)
            {
                bytes += next.event.json_bytes();
                batch.push(next.event);
            }
            self.clock.set(recorded_at);
            let mut append = self.to.append(batch);
            // Polled once, the store has read its clock and queued the batch behind those before it.
            let receipts = poll_once(&mut append).await;
            appends.push((append, receipts));
        }
        let mut expected = before;
        for (append, receipts) in appends {
            let receipts = match receipts {
                Some(receipts) => receipts?,
                None => append.await?,
            };
            for Receipt { position, duplicate, id, .. } in receipts {
                expected += 1;
                if duplicate || position != expected {
                    let message = format!(
                        "event {id} came to position {position} and not {expected}: something else writes to the target"
                    );
                    return Err(Stopped::Differ(message));
                }
            }
        }
        Ok(())
    }

    /// Compares the first so many events of both logs.
    async fn compare(&mut self, doing: Doing, count: u64) -> Result<Compared, Stopped> {
        let mut hash = Sha256::new();
        let (mut after, mut done) = (0, 0);
        while done < count {
            let limit = usize::try_from(count - done).unwrap_or(PAGE).min(PAGE);
            let there = self.to.events(done, limit).await?;
            let here = self.from.events(after, there.len()).await?;
            if there.is_empty() || here.len() < there.len() {
                let message = format!(
                    "one store has {} events, and the other at least {count}: is the target another log's?",
                    done + here.len().min(there.len()) as u64
                );
                return Err(Stopped::Differ(message));
            }
            for (mut here, there) in here.into_iter().zip(there) {
                after = here.position;
                done += 1;
                here.position = done;
                // A retraction that has not been copied yet has marked it in one log, and not in the other.
                let same_mark = doing == Doing::Comparing || here.retracted == there.retracted;
                if here.clone().with_retracted(false) != there.clone().with_retracted(false) || !same_mark {
                    let message = format!(
                        "position {done} of the target is {} and should be {}: it is another log's, or it was changed",
                        described(&there),
                        described(&here)
                    );
                    return Err(Stopped::Differ(message));
                }
                hash.update(serde_json::to_vec(&here).unwrap_or_default());
                hash.update(b"\n");
            }
            self.tell(doing, done).await?;
        }
        Ok(Compared { after, digest: hex(hash) })
    }

    /// Compares what counts for every actor, at any time and as of then.
    async fn compare_actors(&self, as_of: Timestamp) -> Result<(u64, String), Stopped> {
        let differ = |actor: Option<&ActorName>| {
            let whose = actor.map_or_else(|| "somebody".to_owned(), ToString::to_string);
            Stopped::Differ(format!(
                "what counts for {whose} is not the same in both stores: either the source has dropped the oldest months \
                 of its log, and what they came to cannot be moved, or this is a bug"
            ))
        };
        let mut after: Option<ActorName> = None;
        loop {
            let window = Window::all_until(Timestamp::MAX);
            let here = self.from.activities(window, after.as_ref(), ACTORS).await?;
            let there = self.to.activities(window, after.as_ref(), ACTORS).await?;
            if here != there {
                let other = here.iter().zip(&there).find(|(here, there)| here != there);
                return Err(differ(other.map(|(here, _)| &here.actor)));
            }
            let Some(last) = here.last() else { break };
            after = Some(last.actor.clone());
        }
        let (policy, as_of) = (Policy::default(), AsOf::At(as_of));
        let mut hashes = (Sha256::new(), Sha256::new());
        let (mut after, mut count) = (None, 0);
        loop {
            let here = self.from.dossiers(as_of, &policy, after.as_ref(), ACTORS).await?;
            let there = self.to.dossiers(as_of, &policy, after.as_ref(), ACTORS).await?;
            add(&mut hashes.0, &here);
            add(&mut hashes.1, &there);
            count += here.len() as u64;
            let Some(last) = here.last() else { break };
            after = Some(last.actor.clone());
        }
        let (here, there) = (hex(hashes.0), hex(hashes.1));
        if here == there { Ok((count, here)) } else { Err(differ(None)) }
    }

    async fn tell(&mut self, doing: Doing, done: u64) -> Result<(), Stopped> {
        let total = self.from.status().await?.position;
        (self.progress)(doing, done, total);
        Ok(())
    }
}

/// Logs that agree.
struct Compared {
    /// The source's position of the last event that was compared.
    after: u64,
    digest: String,
}

fn described(recorded: &Recorded) -> String {
    format!("{} of {}, recorded at {}", recorded.id, recorded.occurred_at, recorded.recorded_at)
}

fn add(hash: &mut Sha256, dossiers: &[Dossier]) {
    for dossier in dossiers {
        hash.update(serde_json::to_vec(dossier).unwrap_or_default());
        hash.update(b"\n");
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a text never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
