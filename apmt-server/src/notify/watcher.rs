//! Watching: whose status turns, who is told, and that it arrives.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use apmt_client::{Client, DossierDelta, Subscription};
use apmt_core::{ActorName, AsOf, Dossier, Error, Event, Result, Status, Timestamp};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::Notifier;
use super::message::{Digest, DigestLine, Message, alert, line};
use super::options::Options;
use super::state::{LEASE, Place, State, Waiting};
use crate::plan::PlanLog;

/// How often a digest is asked for: it is sent within that of its time.
const TICK: Duration = Duration::from_secs(30);
/// How many dossiers are read at a time.
const PAGE: usize = 1000;

/// Watches a client's dossiers and tells who is to be told: see [the module](super).
#[derive(Debug)]
#[must_use = "it watches while it runs"]
pub struct Watcher {
    client: Client,
    plans: PlanLog,
    options: Options,
    place: Place,
    /// The state, as long as this server holds it.
    state: State,
    holds: bool,
    /// When to say again that it does.
    hold_at: Instant,
    /// Whether the state differs from what is kept.
    unsaved: bool,
    /// When to try again, and after how many failures: for each notifier, and for messages that were refused.
    blocked: HashMap<String, (Instant, u32)>,
    refused: HashMap<(String, Uuid), Instant>,
}

impl Watcher {
    /// Opens the state file, unless servers share the store: then it keeps the state. Nothing is watched yet.
    ///
    /// # Errors
    /// [`Locked`](apmt_core::ErrorKind::Locked) where another process notifies by the same file,
    /// [`Corrupt`](apmt_core::ErrorKind::Corrupt) for a file that is none of it, [`Io`](apmt_core::ErrorKind::Io) for
    /// what else the system reports.
    pub fn open(client: Client, options: Options) -> Result<Self> {
        let (place, state) = Place::open(client.store(), &options.state)?;
        Ok(Self {
            plans: PlanLog::new(client.clone()),
            client,
            options,
            holds: matches!(place, Place::File(_)),
            place,
            state,
            hold_at: Instant::now(),
            unsaved: false,
            blocked: HashMap::new(),
            refused: HashMap::new(),
        })
    }

    /// Watches and tells until `stop` is done. A message that is on its way then is finished.
    ///
    /// What the store or a notifier meets is logged, and tried again. Needs a tokio runtime with I/O and time.
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut live = self.client.subscribe();
        let (mut look_at, mut digest_at) = (Instant::now(), Instant::now());
        let tick = TICK.min(self.options.look_every);
        loop {
            let held = self.holds;
            let holds = self.hold().await.map(|()| self.holds);
            if !holds.unwrap_or_else(|error| {
                warn(&error);
                false
            }) {
                // Another server tells; or nobody can, and trying again is all there is to do.
                tokio::select! {
                    () = &mut stop => return,
                    () = tokio::time::sleep(self.options.first_retry) => continue,
                }
            }
            if !held {
                look_at = Instant::now();
            }
            if Instant::now() >= look_at {
                match self.look().await {
                    Ok(()) => look_at = Instant::now() + self.options.look_every,
                    Err(error) => {
                        warn(&error);
                        look_at = Instant::now() + self.options.first_retry.max(Duration::from_secs(1));
                    }
                }
            }
            if Instant::now() >= digest_at {
                digest_at = Instant::now() + tick;
                if let Err(error) = self.digest().await {
                    warn(&error);
                }
            }
            self.deliver().await;
            let wake = self.deliver_at().map_or(digest_at, |at| at.min(digest_at)).min(look_at);
            let wake = if matches!(self.place, Place::File(_)) { wake } else { wake.min(self.hold_at) };
            tokio::select! {
                () = &mut stop => break,
                () = sleep_until(wake) => {}
                delta = live.next() => match self.changed(delta).await {
                    Ok(true) => {}
                    // The log is no longer followed: whoever shut the client down will stop this too.
                    Ok(false) => {
                        tokio::select! {
                            () = &mut stop => break,
                            () = tokio::time::sleep(Duration::from_secs(1)) => live = self.again(),
                        }
                    }
                    Err(error) => {
                        warn(&error);
                        look_at = Instant::now() + self.options.first_retry;
                    }
                },
            }
        }
        if let Place::Shared(shared) = &self.place
            && let Err(error) = shared.let_go().await
        {
            warn(&error);
        }
    }

    fn again(&self) -> Subscription {
        self.client.subscribe()
    }

    /// When the next message that waits is tried, if one does.
    fn deliver_at(&self) -> Option<Instant> {
        let known = |waiting: &&Waiting| self.notifier(&waiting.notifier).is_some();
        // What could not be saved is tried again, but not at once.
        let soonest = Instant::now() + if self.unsaved { self.options.first_retry } else { Duration::ZERO };
        self.state.waiting.iter().filter(known).map(|waiting| self.try_at(waiting).max(soonest)).min()
    }

    fn notifier(&self, name: &str) -> Option<&Arc<dyn Notifier>> {
        self.options.notifiers.iter().find(|notifier| notifier.name() == name)
    }
}

/// Seeing.
impl Watcher {
    /// Looks at everybody, and at whoever has been told of and is on no scoreboard any more.
    async fn look(&mut self) -> Result<()> {
        let now = self.client.status().await?.now;
        let mut gone: HashSet<ActorName> = self.state.told.keys().cloned().collect();
        let mut after = None;
        loop {
            let page = self.page(now, after.as_ref()).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.actor.clone());
            for dossier in &page {
                gone.remove(&dossier.actor);
                self.judge(dossier).await?;
            }
        }
        for actor in gone {
            let dossier = self.client.get_dossier_at(actor.as_str(), AsOf::At(now)).await?;
            self.judge(&dossier).await?;
        }
        self.save().await
    }

    async fn page(&self, now: Timestamp, after: Option<&ActorName>) -> Result<Vec<Dossier>> {
        self.client.store().dossiers(AsOf::At(now), self.client.policy(), after, PAGE).await
    }

    /// Looks at whoever has changed; false at the end of what is followed.
    async fn changed(&mut self, delta: Option<Result<DossierDelta>>) -> Result<bool> {
        let Some(delta) = delta.transpose()? else { return Ok(false) };
        let was_told = self.state.told.contains_key(&delta.actor);
        if delta.dossier.status == Status::Pip || was_told {
            // A look in between may know more than the delta: asked anew, what is judged is never older than before.
            let dossier = self.client.get_dossier(delta.actor.as_str()).await?;
            self.judge(&dossier).await?;
            self.save().await?;
        }
        Ok(true)
    }

    /// Begins or ends an episode.
    async fn judge(&mut self, dossier: &Dossier) -> Result<()> {
        let was_told = self.state.told.contains_key(&dossier.actor);
        if dossier.status != Status::Pip {
            if was_told {
                self.state.told.remove(&dossier.actor);
                self.unsaved = true;
            }
            return Ok(());
        }
        if was_told || !self.options.alerts || self.plans.of(&dossier.actor).await?.is_some() {
            return Ok(());
        }
        let person = self.options.directory.person(&dossier.actor);
        let message = alert(
            new_id(dossier.as_of)?,
            dossier,
            person,
            self.options.link.as_deref(),
            &self.options.fallback,
        );
        tracing::info!(actor = %dossier.actor, "a plan is recommended: whoever is responsible will be told");
        if message.to.is_empty() && self.options.notifiers.iter().any(|notifier| notifier.is_addressed()) {
            tracing::warn!(
                actor = %dossier.actor,
                "nobody is there to write to: name a supervisor with an address in the directory, or `to` in the settings"
            );
        }
        self.state.told.insert(dossier.actor.clone(), dossier.as_of);
        self.enqueue(&Message::Alert(message));
        Ok(())
    }

    /// Makes the digest, when it is due.
    async fn digest(&mut self) -> Result<()> {
        let Some((schedule, to)) = self.options.digest.clone() else { return Ok(()) };
        let now = self.client.status().await?.now;
        let due = schedule.latest(now);
        if self.state.digest.is_none_or(|last| due > last) {
            if self.state.digest.is_some() {
                self.digest_of(now, to).await?;
            }
            self.state.digest = Some(due);
            self.unsaved = true;
        }
        self.save().await
    }

    async fn digest_of(&mut self, now: Timestamp, to: Vec<String>) -> Result<()> {
        let directory = Arc::clone(&self.options.directory);
        let open = self.plans.open().await?;
        let mut plans: BTreeMap<&ActorName, _> = open.iter().map(|plan| (&plan.actor, plan)).collect();
        let mut dossiers = Vec::new();
        let mut after = None;
        loop {
            let page = self.page(now, after.as_ref()).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.actor.clone());
            dossiers.extend(
                page.into_iter()
                    .filter(|dossier| plans.contains_key(&dossier.actor) || dossier.status.is_raised()),
            );
        }
        let mut lines: Vec<DigestLine> = Vec::with_capacity(dossiers.len());
        for dossier in &dossiers {
            lines.push(line(dossier, directory.person(&dossier.actor), plans.remove(&dossier.actor)));
        }
        // Who is on a plan and on no scoreboard, as after a leave.
        for (actor, plan) in plans {
            let dossier = self.client.get_dossier_at(actor.as_str(), AsOf::At(now)).await?;
            lines.push(line(&dossier, directory.person(actor), Some(plan)));
        }
        lines.sort_by(|a, b| b.status.cmp(&a.status).then_with(|| a.actor.cmp(&b.actor)));

        let mut own: BTreeMap<&str, Vec<DigestLine>> = BTreeMap::new();
        for line in &lines {
            if let Some(email) = directory.person(&line.actor).supervisor_email()
                && !to.iter().any(|to| to == email)
            {
                own.entry(email).or_default().push(line.clone());
            }
        }
        let link = self.options.link.as_ref().map(|link| format!("{link}/"));
        for (email, lines) in own {
            let to = vec![email.to_owned()];
            let digest = Digest { id: new_id(now)?, as_of: now, lines, link: link.clone(), to };
            self.enqueue_for(&Message::Digest(digest), true);
        }
        self.enqueue(&Message::Digest(Digest { id: new_id(now)?, as_of: now, lines, link, to }));
        Ok(())
    }
}

/// Telling.
impl Watcher {
    fn enqueue(&mut self, message: &Message) {
        self.enqueue_for(message, false);
    }

    /// Has a message wait for every notifier, or for those only that write to addresses.
    fn enqueue_for(&mut self, message: &Message, addressed_only: bool) {
        for notifier in &self.options.notifiers {
            let wanted = if notifier.is_addressed() { !message.to().is_empty() } else { !addressed_only };
            if wanted {
                let waiting = Waiting { notifier: notifier.name().to_owned(), message: message.clone() };
                self.state.waiting.push_back(waiting);
            }
        }
        self.unsaved = true;
    }

    /// Sees to it that this server holds the state, if no other does, and that the others know.
    async fn hold(&mut self) -> Result<()> {
        let Place::Shared(shared) = &self.place else { return Ok(()) };
        if self.holds && Instant::now() < self.hold_at {
            return Ok(());
        }
        match shared.hold().await? {
            Some(_) if self.holds => {}
            Some(state) => {
                tracing::info!("this server tells, and no other one");
                self.state = state;
                self.holds = true;
            }
            None => self.lose(),
        }
        self.hold_at = Instant::now() + LEASE / 3;
        Ok(())
    }

    /// Another server has taken this one's place, which was silent for too long, and knows what was kept.
    fn lose(&mut self) {
        if self.holds {
            tracing::warn!("another server tells from now on");
        }
        (self.holds, self.unsaved, self.state) = (false, false, State::default());
    }

    /// Keeps what has changed.
    async fn save(&mut self) -> Result<()> {
        if !self.unsaved {
            return Ok(());
        }
        match &self.place {
            Place::File(file) => file.save(&self.state)?,
            Place::Shared(shared) => {
                if !shared.save(&self.state).await? {
                    self.lose();
                }
                self.hold_at = Instant::now() + LEASE / 3;
            }
        }
        self.unsaved = false;
        Ok(())
    }

    /// Makes sure that no other server delivers from now on.
    async fn hold_now(&mut self) -> Result<()> {
        self.hold_at = Instant::now();
        self.hold().await
    }

    /// Goes on holding the state, however long something else takes.
    async fn go_on_holding(&self) -> Infallible {
        loop {
            tokio::time::sleep(LEASE / 3).await;
            if let Place::Shared(shared) = &self.place
                && let Err(error) = shared.hold().await
            {
                warn(&error);
            }
        }
    }

    /// When a message is tried next.
    fn try_at(&self, waiting: &Waiting) -> Instant {
        let blocked = self.blocked.get(&waiting.notifier).map(|(at, _)| *at);
        let refused = self.refused.get(&(waiting.notifier.clone(), waiting.message.id())).copied();
        blocked.max(refused).unwrap_or_else(Instant::now)
    }

    /// Delivers what can be delivered now. Nothing is sent that is not kept, or that another server may send.
    async fn deliver(&mut self) {
        let mut index = 0;
        loop {
            if let Err(error) = self.save().await {
                return warn(&error);
            }
            let Some(waiting) = self.state.waiting.get(index).cloned() else { return };
            let notifier = self.notifier(&waiting.notifier);
            // Somebody took it out of the settings: it may come back.
            let Some(notifier) = notifier.filter(|_| self.try_at(&waiting) <= Instant::now()).cloned() else {
                index += 1;
                continue;
            };
            if let Err(error) = self.hold_now().await {
                return warn(&error);
            }
            if !self.holds {
                return;
            }
            let (name, id) = (waiting.notifier, waiting.message.id());
            let sent = tokio::select! {
                sent = notifier.notify(&waiting.message) => sent,
                never = self.go_on_holding() => match never {},
            };
            match sent {
                Ok(()) => {
                    tracing::info!(notifier = name, message = %id, "delivered");
                    self.blocked.remove(&name);
                    self.refused.remove(&(name, id));
                    self.state.waiting.remove(index);
                    self.unsaved = true;
                }
                Err(error) if error.is_refused() => {
                    tracing::error!(notifier = name, message = %id, error = said(&error), "refused; it is tried again");
                    self.refused.insert((name, id), Instant::now() + self.options.longest_retry);
                }
                Err(error) => {
                    let failures = self.blocked.get(&name).map_or(0, |(_, failures)| *failures);
                    let wait = self.options.first_retry.saturating_mul(2_u32.saturating_pow(failures));
                    let wait = wait.min(self.options.longest_retry);
                    tracing::warn!(notifier = name, message = %id, error = said(&error), ?wait, "not delivered; it is tried again");
                    self.blocked.insert(name, (Instant::now() + wait, failures.saturating_add(1)));
                }
            }
        }
    }
}

fn warn(error: &Error) {
    tracing::warn!(%error, "the notifier could not do its work; it tries again");
}

/// An error with what lies under it.
fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

/// An id of version 7, as events have them.
fn new_id(now: Timestamp) -> Result<Uuid> {
    Ok(Event::custom("X_MESSAGE").build()?.identify(now))
}
