//! How following begins, and how it keeps its pace.

use std::time::Duration;

use apmt_client::{ErrorKind, Event};
use futures_lite::future::block_on;
use serde_json::json;

use super::{change, next, record};
use crate::support::{LONG, TestStore, client_on, decision, numbered};

#[test]
fn a_start_is_a_place_in_the_log() {
    let client = client_on(&TestStore::new()).build().unwrap();
    block_on(client.record_events((0..3).map(|_| decision("anne")))).unwrap();
    let live = client.subscribe();
    assert_eq!(block_on(live.start()).unwrap(), 3);
    record(&client, decision("anne"));
    assert_eq!(block_on(live.start()).unwrap(), 3, "what has not been given is still to come");

    assert!(block_on(client.shutdown(LONG)).is_clean());
    let error = block_on(client.subscribe().start()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

/// A few dossiers are read while recording waits; for many, it does not.
#[test]
fn a_long_scoreboard_holds_up_nobody() {
    let store = TestStore::new();
    let client = client_on(&store).build().unwrap();
    block_on(client.record_events((0..300).map(|number| decision(&numbered(number))))).unwrap();
    store.long_scoreboard_door.shut();
    let mut live = client.subscribe();
    store.long_scoreboard_door.wait_for(1);
    // The scoreboard cannot be read to its end now. These come back all the same.
    record(&client, decision(&numbered(7)));
    record(&client, decision(&numbered(250)));
    assert_eq!(block_on(live.start()).unwrap(), 300);
    store.long_scoreboard_door.open();

    // What these two were before is not known: the one was read before its event, the other after it.
    for number in [7, 250] {
        let delta = next(&mut live);
        assert_eq!((delta.actor.to_string(), delta.lagged), (numbered(number), true));
        assert_eq!((delta.dossier.metrics.decisions, delta.changes.len()), (2, 0));
    }
    record(&client, Event::override_of(&numbered(250)));
    let delta = next(&mut live);
    assert_eq!((delta.lagged, delta.cursor), (false, 303));
    assert_eq!(change(&delta, "decisions"), (json!(2), json!(3)));
}

/// The first event is told at once; those that follow soon are gathered. Here "soon" is as long as the client lives.
#[test]
fn events_under_load_are_gathered() {
    let client = client_on(&TestStore::new()).live_gather(Duration::from_secs(3600)).build().unwrap();
    let mut live = client.subscribe();
    record(&client, decision("anne"));
    assert_eq!(next(&mut live).dossier.metrics.decisions, 1);
    for _ in 0..200 {
        record(&client, decision("anne"));
    }
    assert!(block_on(client.shutdown(LONG)).is_clean());
    assert_eq!(change(&next(&mut live), "decisions"), (json!(1), json!(201)));
    assert!(live.next_blocking().is_none());
}
