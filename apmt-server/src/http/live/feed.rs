//! What a connection is sent, one message after the other: a snapshot, then deltas as they come.
//!
//! The subscription begins before the snapshot is read, so that nothing falls between them. Dossiers are read when the
//! one before has been sent: a slow reader never has more than one part in memory.

use std::collections::VecDeque;
use std::sync::Arc;

use apmt_client::{Client, DossierDelta, Subscription};
use apmt_core::{ActorName, AsOf, Dossier, Result, Timestamp};
use futures_lite::future::poll_once;

use super::Asked;
use super::hub::Lives;
use super::message::{Frame, Part};
use crate::http::App;

/// The most dossiers that a message has: some 150 KB.
const PART: usize = 100;
/// The most events after a cursor for which it is worked out whom they concern.
const CATCH_UP: u64 = 10_000;

/// The messages of a connection.
#[derive(Debug)]
pub(super) struct Feed {
    client: Client,
    lives: Arc<Lives>,
    asked: Asked,
    live: Subscription,
    stage: Stage,
    /// How much of the log the reader has been given.
    cursor: u64,
}

#[derive(Debug)]
enum Stage {
    Begin,
    Snapshot(Snapshot),
    /// Deltas as they come; one of them may have been looked at already.
    Live(Option<DossierDelta>),
    /// The reader has been told that it lagged, and this is the first dossier of what it is given for it.
    Lagged(DossierDelta),
    Over,
}

/// A snapshot that is being sent.
#[derive(Debug)]
struct Snapshot {
    as_of: Timestamp,
    since: Option<u64>,
    /// What has been read and not sent.
    read: VecDeque<Arc<Dossier>>,
    rest: Rest,
}

/// What of a snapshot has not been read.
#[derive(Debug)]
enum Rest {
    /// The scoreboard after that name.
    Scoreboard(Option<ActorName>),
    Actors(VecDeque<ActorName>),
    Nothing,
}

impl Feed {
    pub(super) fn new(app: &App, asked: Asked) -> Result<Self> {
        let live = match &asked.actor {
            Some(actor) => app.client.subscribe_actor(actor.as_str())?,
            None => app.client.subscribe(),
        };
        Ok(Self {
            client: app.client.clone(),
            lives: Arc::clone(&app.lives),
            asked,
            live,
            stage: Stage::Begin,
            cursor: 0,
        })
    }

    /// The next message; `None` after the last.
    pub(super) async fn next(&mut self) -> Option<Frame> {
        if matches!(self.stage, Stage::Over) {
            return None;
        }
        let lives = Arc::clone(&self.lives);
        let made = tokio::select! {
            biased;
            () = lives.ending() => Ok(None),
            made = self.make() => made,
        };
        Some(self.settle(made))
    }

    /// The next message, if it is there at once.
    pub(super) async fn ready(&mut self) -> Option<Frame> {
        // What has to be read from the store takes its time, and would be read twice.
        let Stage::Live(_) = self.stage else { return None };
        let made = poll_once(self.make()).await?;
        Some(self.settle(made))
    }

    fn settle(&mut self, made: Result<Option<Frame>>) -> Frame {
        match made {
            Ok(Some(frame)) => {
                self.cursor = frame.cursor.unwrap_or(self.cursor);
                frame
            }
            Ok(None) => {
                self.stage = Stage::Over;
                Frame::closing()
            }
            Err(error) => {
                self.stage = Stage::Over;
                Frame::failed(error)
            }
        }
    }

    /// Makes the next message; `None` where the client has been shut down.
    async fn make(&mut self) -> Result<Option<Frame>> {
        if matches!(self.stage, Stage::Begin) {
            self.cursor = self.live.start().await?;
            self.stage = Stage::Snapshot(self.begin().await?);
        }
        match &mut self.stage {
            Stage::Snapshot(snapshot) => {
                snapshot.read_part(&self.client).await?;
                let (frame, last) = snapshot.part(self.cursor);
                if last {
                    self.stage = Stage::Live(None);
                }
                Ok(Some(frame))
            }
            Stage::Lagged(_) => Ok(self.catch_up().await),
            Stage::Live(looked_at) => {
                let delta = match looked_at.take() {
                    Some(delta) => delta,
                    None => match self.live.next().await {
                        Some(delta) => delta?,
                        None => return Ok(None),
                    },
                };
                if delta.lagged {
                    self.stage = Stage::Lagged(delta);
                    return Ok(Some(Frame::lagged(self.cursor)));
                }
                Ok(Some(self.lives.delta(&delta)))
            }
            Stage::Begin | Stage::Over => Ok(None),
        }
    }

    /// Finds out what the first snapshot has to have.
    async fn begin(&self) -> Result<Snapshot> {
        let as_of = self.client.status().await?.now;
        let snapshot = |since, rest| Snapshot { as_of, since, read: VecDeque::new(), rest };
        if let Some(actor) = &self.asked.actor {
            return Ok(snapshot(None, Rest::Actors([actor.clone()].into())));
        }
        if let Some(after) = self.asked.after
            && let Some(changed) = self.client.changed_since(after, CATCH_UP).await?
        {
            return Ok(snapshot(Some(after), Rest::Actors(changed.into())));
        }
        Ok(snapshot(None, Rest::Scoreboard(None)))
    }

    /// What a reader that lagged is given: the newest dossiers of those who changed meanwhile, as many as are there.
    async fn catch_up(&mut self) -> Option<Frame> {
        let Stage::Lagged(first) = std::mem::replace(&mut self.stage, Stage::Live(None)) else { return None };
        let (mut cursor, mut as_of) = (first.cursor, first.dossier.as_of);
        let mut dossiers = vec![first.dossier];
        let mut last = true;
        // An error comes again, and so does the end: either is found next time.
        while let Some(Some(Ok(delta))) = poll_once(self.live.next()).await {
            if !delta.lagged {
                self.stage = Stage::Live(Some(delta));
                break;
            }
            if dossiers.len() == PART {
                self.stage = Stage::Lagged(delta);
                last = false;
                break;
            }
            cursor = delta.cursor;
            as_of = as_of.max(delta.dossier.as_of);
            dossiers.push(delta.dossier);
        }
        let (since, cursor) = (Some(self.cursor), last.then_some(cursor));
        Some(Frame::snapshot(&Part { cursor, since, as_of, last, dossiers: &dossiers }))
    }
}

impl Snapshot {
    /// Reads until there is a part to send and it is known whether it is the last.
    async fn read_part(&mut self, client: &Client) -> Result<()> {
        let (store, policy, as_of) = (client.store(), client.policy(), AsOf::At(self.as_of));
        while self.read.len() <= PART {
            match &mut self.rest {
                Rest::Nothing => break,
                Rest::Scoreboard(after) => {
                    let page = store.dossiers(as_of, policy, after.as_ref(), PART).await?;
                    // A store may give less than it is asked for: only nothing is the end.
                    match page.last() {
                        Some(dossier) => *after = Some(dossier.actor.clone()),
                        None => self.rest = Rest::Nothing,
                    }
                    self.read.extend(page.into_iter().map(Arc::new));
                }
                Rest::Actors(actors) => match actors.front() {
                    Some(actor) => {
                        self.read.push_back(Arc::new(store.dossier(actor, as_of, policy).await?));
                        actors.pop_front();
                    }
                    None => self.rest = Rest::Nothing,
                },
            }
        }
        Ok(())
    }

    /// The next part of what was read, and whether it is the last.
    fn part(&mut self, cursor: u64) -> (Frame, bool) {
        let dossiers: Vec<Arc<Dossier>> = self.read.drain(..self.read.len().min(PART)).collect();
        let last = self.read.is_empty() && matches!(self.rest, Rest::Nothing);
        let (since, as_of, cursor) = (self.since, self.as_of, last.then_some(cursor));
        (Frame::snapshot(&Part { cursor, since, as_of, last, dossiers: &dossiers }), last)
    }
}
