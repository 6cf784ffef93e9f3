//! Recording and asking.

use apmt_client::{AsOf, Client, ErrorKind, Event, EventType, IntoEvent, Measure};
use futures_lite::future::block_on;
use serde_json::json;
use uuid::Uuid;

use crate::support::{NOW, TestStore, at, client_on, decision};

fn client() -> Client {
    client_on(&TestStore::new()).build().unwrap()
}

#[test]
fn everything_that_becomes_an_event_is_taken() {
    let client = client();
    block_on(async {
        let value = json!({"type": "OVERRIDE", "actor": "anne@sba.gov"});
        let event = decision("anne@sba.gov");
        let text = r#"{"type": "OVERRIDE", "actor": "anne@sba.gov"}"#;
        client.record_event(&value).await.unwrap();
        client.record_event(value).await.unwrap();
        client.record_event(event).await.unwrap();
        client.record_event(Event::decision("Anne@SBA.gov ")).await.unwrap();
        client.record_event(text).await.unwrap();
        client.record_event(text.to_owned()).await.unwrap();
        client.record_event(text.as_bytes()).await.unwrap();
        client.record_event(Event::decision("anne@sba.gov").build()).await.unwrap();
        let dossier = client.get_dossier("ANNE@sba.gov").await.unwrap();
        assert_eq!((dossier.metrics.decisions, dossier.metrics.overrides), (8, 5));
        assert_eq!(dossier.as_of, at(NOW));
    });
}

#[test]
fn the_client_gives_the_id() {
    let client = client();
    let receipt = block_on(client.record_event(Event::decision("anne@sba.gov"))).unwrap();
    assert_eq!((receipt.id.get_version_num(), receipt.position, receipt.duplicate), (7, 1, false));

    let id = Uuid::from_u128(1);
    let first = block_on(client.record_event(Event::decision("anne@sba.gov").id(id))).unwrap();
    let again = block_on(client.record_event(Event::decision("anne@sba.gov").id(id))).unwrap();
    assert_eq!((first.id, first.position, first.duplicate), (id, 2, false));
    assert_eq!((again.id, again.position, again.duplicate), (id, 2, true));
    assert_eq!(block_on(client.event(id)).unwrap().unwrap().position, 2);
}

#[test]
fn a_bad_event_of_a_batch_is_named_and_nothing_is_stored() {
    let client = client();
    let batch = [json!({"type": "OVERRIDE", "actor": "anne@sba.gov"}), json!({"type": "OVERIDE"})];
    let error = block_on(client.record_events(&batch)).unwrap_err();
    assert_eq!(error.invalid().unwrap().index(), Some(1));
    assert_eq!(error.invalid().unwrap().nearest(), Some("OVERRIDE"));

    let future = Event::decision("anne@sba.gov").at(at("2026-03-03T12:00:00Z"));
    let error = block_on(client.record_events([Event::decision("anne@sba.gov"), future])).unwrap_err();
    assert_eq!(error.invalid().unwrap().index(), Some(1));
    assert_eq!(block_on(client.status()).unwrap().position, 0);
    assert_eq!(block_on(client.record_events(Vec::<Event>::new())).unwrap(), []);
}

#[test]
fn answers_hold_all_pages() {
    let client = client();
    block_on(async {
        let names = ["a@sba.gov", "b@sba.gov", "c@sba.gov", "d@sba.gov", "e@sba.gov"];
        client.record_events(names.map(Event::decision)).await.unwrap();
        client
            .record_events([1, 2, 3, 4, 5].map(|stars| Event::sat_score(stars).actor("a@sba.gov")))
            .await
            .unwrap();

        let scoreboard = client.scoreboard(AsOf::Latest).await.unwrap();
        let actors: Vec<&str> = scoreboard.iter().map(|dossier| dossier.actor.as_str()).collect();
        assert_eq!(actors, names);
        let evidence = client.contributions("a@sba.gov", AsOf::Now).await.unwrap();
        assert_eq!(evidence.len(), 6);
        assert_eq!(evidence[0].measure, Measure::Verdict { overridden: false });
        assert!(client.contributions("a@sba.gov", at("2026-02-01T00:00:00Z")).await.unwrap().is_empty());
        assert_eq!(client.events(8, 100).await.unwrap().len(), 2);
    });
}

#[test]
fn as_of_is_now_latest_or_an_instant() {
    let client = client();
    block_on(async {
        let old = at("2025-03-01T12:00:00Z");
        client.record_event(Event::decision("anne@sba.gov").at(old)).await.unwrap();
        let decisions =
            async |as_of: AsOf| client.get_dossier_at("anne@sba.gov", as_of).await.unwrap().metrics.decisions;
        assert_eq!(decisions(AsOf::Now).await, 0);
        assert_eq!(decisions(AsOf::Latest).await, 1);
        assert_eq!(decisions(old.into()).await, 1);
        assert_eq!(decisions(old.plus_millis(-1).into()).await, 0);
        assert!(client.scoreboard(AsOf::Now).await.unwrap().is_empty());
        assert_eq!(client.scoreboard(AsOf::Latest).await.unwrap()[0].as_of, old);
    });
}

#[test]
fn a_case_is_read_and_names_are_checked() {
    let client = client();
    block_on(async {
        client.record_event(Event::case_opened("C-1")).await.unwrap();
        client.record_event(Event::assigned("C-1", "anne@sba.gov")).await.unwrap();
        let case = client.case(" C-1 ").await.unwrap();
        let types: Vec<EventType> = case.iter().map(|recorded| recorded.event.event_type()).collect();
        assert_eq!(types, [EventType::CaseOpened, EventType::Assigned]);
        assert!(client.case("C-2").await.unwrap().is_empty());
        for error in [client.case(" ").await.unwrap_err(), client.get_dossier("").await.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
        assert_eq!(client.get_dossier("nobody@sba.gov").await.unwrap().metrics.decisions, 0);
    });
}

/// Futures go to other threads, and so do clients and subscriptions.
#[test]
fn everything_is_send() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    fn send_and_sync<T: Send + Sync>() {}
    send_and_sync::<Client>();
    send_and_sync::<apmt_client::blocking::Client>();
    send_and_sync::<apmt_client::Subscription>();
    let client = client();
    drop(send(client.record_event("{}")));
    drop(send(client.record_events([Event::decision("anne@sba.gov")])));
    drop(send(client.scoreboard(AsOf::Now)));
    drop(send(client.contributions("anne@sba.gov", AsOf::Now)));
    drop(send(client.flush(std::time::Duration::ZERO)));
    drop(send(client.shutdown(std::time::Duration::ZERO)));
    drop(send(client.subscribe().next()));
    assert!("{}".into_event().is_err());
}

/// What is shown for debugging, and so lands in logs, holds no event and no password.
#[test]
fn debug_output_keeps_secrets() {
    let client = client();
    block_on(client.record_event(decision("anne@sba.gov"))).unwrap();
    let live = client.subscribe();
    let builder = Client::builder().url("postgres://anne:secret@there").store(client.store().clone());
    let blocking = apmt_client::blocking::Client::from(client.clone());
    for shown in [format!("{client:?}"), format!("{blocking:?}"), format!("{live:?}"), format!("{builder:?}")]
    {
        assert!(!shown.contains("anne"), "{shown}");
    }
}
