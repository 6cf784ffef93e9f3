//! The store's methods, each as a request.

use apmt_core::contribution::Cursor;
use apmt_core::event::MAX_BATCH_BYTES;
use apmt_core::policy::PolicyName;
use apmt_core::{
    Activity, ActorName, AsOf, CaseId, Clock, Contribution, Dossier, Error, Event, Invalid, Policy, Receipt,
    Recorded, Result, SealStore, SharedNotes, Store, StoreStatus, SystemClock, Timestamp, Window,
};
use async_trait::async_trait;
use uuid::Uuid;

use crate::HttpStore;
use crate::pages::Query;
use crate::wire::{Activities, Case, Contributions, Dossiers, Log, read};

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for HttpStore {
    /// Sends the batch, alone or with those of other callers. The events have their ids before they are sent, so that
    /// the batch may be sent again; an event without an instant is given it by the server's store.
    async fn append(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        if events.is_empty() {
            // Nothing is sent, and a closed store refuses even that.
            return if self.transport.is_closed() { Err(Error::closed()) } else { Ok(Vec::new()) };
        }
        let (count, lines) = (events.len(), lines(events)?);
        self.transport.append(count, lines.into()).await
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Recorded>> {
        self.page::<Log>("events", Query::new(), Some(after.to_string()), limit).await
    }

    async fn event(&self, id: Uuid) -> Result<Option<Recorded>> {
        let url = self.address.of(&["events", &id.to_string()], []);
        match self.transport.get(url).await {
            Ok(body) => read(&body).map(Some),
            // A server that knows nothing under this path would not say what is missing.
            Err(failure) if failure.missing.as_deref() == Some("event") => Ok(None),
            Err(failure) => Err(failure.error()),
        }
    }

    async fn case(&self, case_id: &CaseId) -> Result<Vec<Recorded>> {
        let Case { events } = self.get("case", vec![("case_id", case_id.to_string())]).await?;
        Ok(events)
    }

    async fn contributions(
        &self,
        actor: &ActorName,
        window: Window,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<Contribution>> {
        let mut query = vec![("actor", actor.to_string())];
        query.extend(span(window));
        self.page::<Contributions>("contributions", query, after.map(|cursor| cursor.to_string()), limit)
            .await
    }

    async fn activity(&self, actor: &ActorName, window: Window) -> Result<Activity> {
        let mut query = vec![("actor", actor.to_string())];
        query.extend(span(window));
        self.get("activity", query).await
    }

    async fn activities(
        &self,
        window: Window,
        after: Option<&ActorName>,
        limit: usize,
    ) -> Result<Vec<Activity>> {
        self.page::<Activities>("activities", span(window), after.map(ToString::to_string), limit).await
    }

    async fn status(&self) -> Result<StoreStatus> {
        self.get("status", Query::new()).await
    }

    /// The server's dossier, under its policy and not the one given: the dossier names it.
    async fn dossier(&self, actor: &ActorName, as_of: AsOf, _policy: &Policy) -> Result<Dossier> {
        self.get("dossier", vec![("actor", actor.to_string()), ("as_of", said(as_of))]).await
    }

    /// The server's dossiers, under its policy and not the one given: the dossiers name it.
    async fn dossiers(
        &self,
        as_of: AsOf,
        _policy: &Policy,
        after: Option<&ActorName>,
        limit: usize,
    ) -> Result<Vec<Dossier>> {
        // All pages are of one instant, and only the server's clock can say which one is now.
        let as_of = match as_of {
            AsOf::At(instant) => instant,
            relative => relative.resolve(&self.status().await?),
        };
        let query = vec![("as_of", as_of.to_string())];
        self.page::<Dossiers>("dossiers", query, after.map(ToString::to_string), limit).await
    }

    fn notes(&self) -> Option<&dyn SharedNotes> {
        None
    }

    fn seal(&self) -> Option<&dyn SealStore> {
        None
    }

    /// Closes this end: what was begun is finished, and the server goes on.
    async fn close(&self) -> Result<()> {
        self.transport.close().await;
        Ok(())
    }
}

/// What only a server is asked.
impl HttpStore {
    /// The policy that the server judges by.
    ///
    /// # Errors
    /// What the connection or the server met.
    pub async fn policy(&self) -> Result<PolicyName> {
        self.get("policy", Query::new()).await
    }
}

/// The batch as NDJSON, each event with its id.
fn lines(events: Vec<Event>) -> Result<Vec<u8>> {
    let now = SystemClock.now();
    let mut lines = Vec::new();
    for mut event in events {
        event.identify(now);
        lines.extend_from_slice(event.to_json().as_bytes());
        lines.push(b'\n');
        if lines.len() > MAX_BATCH_BYTES {
            let rule = format!("must be at most {MAX_BATCH_BYTES} bytes of JSON: send it in parts");
            return Err(Invalid::missing("batch", rule).into());
        }
    }
    Ok(lines)
}

/// A window as a query: without a start where it has none.
fn span(window: Window) -> Query {
    let mut query = vec![("until", window.until.to_string())];
    // The start lies outside the window, so a window that holds all of time starts before what can be written.
    if window.after >= Timestamp::MIN {
        query.push(("since", window.after.to_string()));
    }
    query
}

fn said(as_of: AsOf) -> String {
    match as_of {
        AsOf::Now => "now".to_owned(),
        AsOf::Latest => "latest".to_owned(),
        AsOf::At(instant) => instant.to_string(),
    }
}
