//! How live connections end: with the server, with the client that it serves, with the store.

use std::sync::Arc;
use std::time::Duration;

use apmt_client::{Client, Policy};
use apmt_core::contribution::Cursor;
use apmt_core::{
    Activity, ActorName, AsOf, CaseId, Contribution, Dossier, Error, ErrorKind, Event, MemoryStore, Receipt,
    Recorded, Result, Store, StoreStatus, Window,
};
use apmt_server::RouterOptions;
use apmt_server::serve::ServeOptions;
use futures_lite::future::block_on;
use serde_json::json;
use uuid::Uuid;

use super::server_sent::Events;
use super::viewer::Viewer;
use super::{serve, still};
use crate::support::Served;

/// Whoever follows is told, and holds up nobody.
#[test]
fn with_the_server() {
    let client = still().url("memory:").build().unwrap();
    let options = ServeOptions::new(client).with_address(Served::any());
    // If it waited for those who follow, this test would take an hour.
    let served = Served::run(options.with_drain_timeout(Duration::from_secs(3600)));
    let mut viewer = Viewer::new(served.address, "");
    let mut mute = Viewer::new(served.address, "");
    let mut events = Events::open(served.address, "", &[]);
    events.next_of("snapshot");
    let reader = std::thread::spawn(move || {
        assert_eq!(viewer.next(), json!({"type": "closing"}));
        viewer.close_code()
    });
    let report = served.stop();
    assert!(report.is_clean() && report.store_closed, "{report}");
    assert_eq!(reader.join().unwrap(), Some(1001));
    assert_eq!(events.next_of("closing").0, json!({"type": "closing"}));
    assert_eq!(events.next(), None);
    assert_eq!(mute.close_code(), Some(1001));
}

/// As a router does that is mounted elsewhere, and that nobody tells of the end.
#[test]
fn with_the_client() {
    let client = still().url("memory:").build().unwrap();
    let served = serve(client.clone(), RouterOptions::new());
    let mut viewer = Viewer::new(served.address, "");
    let mut events = Events::open(served.address, "", &[]);
    events.next_of("snapshot");
    block_on(client.record_event(json!({"type": "OVERRIDE", "actor": "anne"}))).unwrap();
    assert!(block_on(client.shutdown(Duration::from_secs(60))).is_clean());
    assert_eq!(viewer.delta()["actor"], "anne", "what is recorded is told first");
    assert_eq!(viewer.next()["type"], "closing");
    assert_eq!(viewer.close_code(), Some(1001));
    events.next_of("delta");
    events.next_of("closing");
    assert_eq!(events.next(), None);
}

#[test]
fn with_the_store() {
    for (kind, status, code) in [(ErrorKind::Corrupt, 500, 1011), (ErrorKind::Unavailable, 503, 1013)] {
        let store = Arc::new(Failing { inner: MemoryStore::new(), kind });
        let served = serve(Client::builder().store(store).build().unwrap(), RouterOptions::new());
        let mut viewer = Viewer::open(served.address, "");
        let message = viewer.next();
        assert_eq!((&message["type"], &message["problem"]["status"]), (&json!("error"), &json!(status)));
        assert_eq!(message["problem"]["detail"], "the scoreboard is not to be had");
        assert_eq!(viewer.close_code(), Some(code));
        let mut events = Events::open(served.address, "", &[]);
        assert_eq!(events.next_of("error").0["problem"]["status"], status);
        assert_eq!(events.next(), None);
    }
}

/// A store without a scoreboard.
#[derive(Debug)]
struct Failing {
    inner: MemoryStore,
    kind: ErrorKind,
}

#[async_trait::async_trait]
impl Store for Failing {
    async fn append(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        self.inner.append(events).await
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Recorded>> {
        self.inner.events(after, limit).await
    }

    async fn event(&self, id: Uuid) -> Result<Option<Recorded>> {
        self.inner.event(id).await
    }

    async fn case(&self, case_id: &CaseId) -> Result<Vec<Recorded>> {
        self.inner.case(case_id).await
    }

    async fn contributions(
        &self,
        actor: &ActorName,
        window: Window,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<Contribution>> {
        self.inner.contributions(actor, window, after, limit).await
    }

    async fn activity(&self, actor: &ActorName, window: Window) -> Result<Activity> {
        self.inner.activity(actor, window).await
    }

    async fn activities(
        &self,
        window: Window,
        after: Option<&ActorName>,
        limit: usize,
    ) -> Result<Vec<Activity>> {
        self.inner.activities(window, after, limit).await
    }

    async fn status(&self) -> Result<StoreStatus> {
        self.inner.status().await
    }

    async fn dossiers(&self, _: AsOf, _: &Policy, _: Option<&ActorName>, _: usize) -> Result<Vec<Dossier>> {
        Err(Error::new(self.kind, "the scoreboard is not to be had"))
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}
