//! Dossiers as they change.

mod cursor;
mod start;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use apmt_client::apmt_core::time::ManualClock;
use apmt_client::{Client, DossierDelta, ErrorKind, Event, Policy, Status, Subscription};
use futures_lite::future::block_on;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{LONG, TestStore, client_on, clock, decision};

fn next(live: &mut Subscription) -> DossierDelta {
    live.next_timeout(LONG).unwrap().expect("a delta comes")
}

/// The next deltas, one an actor, in whatever order they come.
fn next_of_each(live: &mut Subscription, count: usize) -> BTreeMap<String, DossierDelta> {
    (0..count).map(|_| next(live)).map(|delta| (delta.actor.to_string(), delta)).collect()
}

fn change(delta: &DossierDelta, field: &str) -> (Value, Value) {
    let change = delta.change(field).unwrap_or_else(|| panic!("{field} did not change: {:?}", delta.changes));
    (change.old.clone(), change.new.clone())
}

fn record(client: &Client, event: impl apmt_client::IntoEvent) -> Uuid {
    block_on(client.record_event(event)).unwrap().id
}

#[test]
fn a_delta_has_old_and_new() {
    let client = client_on(&TestStore::new()).build().unwrap();
    record(&client, Event::decision("anne@sba.gov"));
    let mut live = client.subscribe();
    record(&client, Event::override_of("Anne@sba.gov"));

    let delta = next(&mut live);
    assert_eq!((delta.position, delta.actor.as_str(), delta.lagged), (2, "anne@sba.gov", false));
    assert_eq!(change(&delta, "decisions"), (json!(1), json!(2)));
    assert_eq!(change(&delta, "override_rate"), (json!(0.0), json!(0.5)));
    assert!(delta.change("as_of").is_none() && delta.change("status").is_none());
    let fields: Vec<&str> = delta.changes.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(fields, ["decisions", "override_rate", "override_rate_interval", "overrides"]);
    assert_eq!(delta.old.as_ref().unwrap().metrics.decisions, 1);
    assert_eq!(*delta.dossier, block_on(client.get_dossier("anne@sba.gov")).unwrap());

    let json = serde_json::to_value(&delta).unwrap();
    assert_eq!(json["changes"][0], json!({"field": "decisions", "old": 1, "new": 2}));
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["actor", "changes", "cursor", "dossier", "lagged", "old", "position"]);
    assert_eq!(serde_json::from_value::<DossierDelta>(json).unwrap(), delta);
}

#[test]
fn a_new_actor_has_no_old_dossier_and_its_changes_all_the_same() {
    let client = client_on(&TestStore::new()).build().unwrap();
    let mut live = client.subscribe();
    record(&client, Event::decision("anne@sba.gov"));
    let delta = next(&mut live);
    assert_eq!(delta.old, None);
    assert_eq!(change(&delta, "decisions"), (json!(0), json!(1)));
    assert!(delta.change("policy.digest").is_none() && delta.change("window_days").is_none());
}

#[test]
fn a_status_that_turns_is_seen_with_its_reasons() {
    let client = client_on(&TestStore::new()).build().unwrap();
    record(&client, Event::override_of("anne@sba.gov"));
    let mut live = client.subscribe();
    record(&client, Event::sat_score(1).actor("anne@sba.gov"));
    let delta = next(&mut live);
    assert_eq!(change(&delta, "status"), (json!("good"), json!("pip")));
    assert_eq!(change(&delta, "pip_recommended"), (json!(false), json!(true)));
    assert_eq!(change(&delta, "reasons").1[0]["rule"], "chronic-override");
    assert_eq!(delta.dossier.status, Status::Pip);
}

/// Everybody in a case: the agent whose advice is reversed, whoever held the case, whoever decides.
#[test]
fn an_event_reaches_everybody_in_its_case() {
    let client = client_on(&TestStore::new()).build().unwrap();
    record(&client, Event::recommendation_of("agent-7", "C-1", "deny"));
    record(&client, Event::assigned("C-1", "bob@sba.gov"));
    let mut live = client.subscribe();
    record(&client, Event::decision("anne@sba.gov").case("C-1").human_verdict("approve"));

    let deltas = next_of_each(&mut live, 3);
    assert_eq!(change(&deltas["agent-7"], "overridden_rate"), (json!(null), json!(1.0)));
    assert_eq!(change(&deltas["anne@sba.gov"], "overrides"), (json!(0), json!(1)));
    assert_eq!(change(&deltas["bob@sba.gov"], "open.count"), (json!(1), json!(0)));
    assert_eq!(change(&deltas["bob@sba.gov"], "processing_hours.count"), (json!(0), json!(1)));

    record(&client, Event::sat_score(5).case("C-1"));
    let delta = next(&mut live);
    assert_eq!((delta.position, delta.actor.as_str()), (4, "anne@sba.gov"));
    assert_eq!(change(&delta, "sat_score_mean"), (json!(null), json!(5.0)));
}

#[test]
fn a_retraction_takes_back() {
    let client = client_on(&TestStore::new()).build().unwrap();
    let without_case = record(&client, Event::override_of("anne@sba.gov"));
    record(&client, Event::recommendation_of("agent-7", "C-1", "deny"));
    let verdict = record(&client, Event::override_of("bob@sba.gov").case("C-1").human_verdict("approve"));
    let mut live = client.subscribe();

    record(&client, Event::retraction(without_case, "entered twice"));
    let delta = next(&mut live);
    assert_eq!((delta.position, delta.actor.as_str()), (4, "anne@sba.gov"));
    assert_eq!(change(&delta, "override_rate"), (json!(1.0), json!(null)));

    record(&client, Event::retraction(verdict, "wrong case"));
    let deltas = next_of_each(&mut live, 2);
    assert_eq!(change(&deltas["bob@sba.gov"], "overrides"), (json!(1), json!(0)));
    assert_eq!(change(&deltas["agent-7"], "recommendations"), (json!(1), json!(0)));
}

#[test]
fn time_alone_makes_no_delta() {
    let clock: Arc<ManualClock> = clock();
    let store = TestStore::with_clock(clock.clone());
    let client = client_on(&store).build().unwrap();
    let mut live = client.subscribe();
    record(&client, Event::assigned("C-1", "anne@sba.gov"));
    assert_eq!(change(&next(&mut live), "open.count"), (json!(0), json!(1)));

    clock.advance(Duration::from_secs(3600));
    record(&client, Event::viewed("C-1", "anne@sba.gov"));
    clock.advance(Duration::from_secs(3600));
    record(&client, Event::decision("anne@sba.gov"));
    let delta = next(&mut live);
    assert_eq!(delta.position, 3, "to look at a file changed nothing but hours");
    assert_eq!(change(&delta, "open.oldest_hours"), (json!(0.0), json!(2.0)));

    // An assignment that comes in late moves the clock back by more than the time that went by.
    let earlier = apmt_client::Clock::now(&clock).plus_millis(-10 * 3_600_000);
    record(&client, Event::assigned("C-1", "anne@sba.gov").at(earlier));
    let delta = next(&mut live);
    assert_eq!(change(&delta, "open.oldest_hours"), (json!(2.0), json!(10.0)));
}

#[test]
fn a_batch_makes_one_delta_an_actor() {
    let client = client_on(&TestStore::new()).build().unwrap();
    let mut live = client.subscribe();
    block_on(client.record_events((0..100).map(|_| decision("anne@sba.gov")))).unwrap();
    let delta = next(&mut live);
    assert_eq!((delta.position, delta.dossier.metrics.decisions), (100, 100));
    assert_eq!(live.next_timeout(Duration::ZERO).unwrap(), None);
}

/// No figure says so, and yet whoever shows plans must hear of it.
#[test]
fn a_plan_that_is_started_closed_or_taken_back_is_told() {
    let client = Client::open("memory:").unwrap();
    record(&client, Event::decision("anne"));
    let mut live = client.subscribe();
    let started = record(&client, Event::plan_started("anne"));
    for event in [Event::plan_closed("anne"), Event::retraction(started, "a slip")] {
        let delta = next(&mut live);
        assert_eq!((delta.actor.as_str(), &*delta.changes, delta.lagged), ("anne", &[][..], false));
        assert_eq!(delta.dossier.metrics.decisions, 1);
        record(&client, event);
    }
    assert_eq!(next(&mut live).position, 4);
}

#[test]
fn one_actor_may_be_followed() {
    let client = client_on(&TestStore::new()).build().unwrap();
    let mut anne = client.subscribe_actor(" Anne@SBA.gov").unwrap();
    record(&client, Event::decision("bob@sba.gov"));
    record(&client, Event::decision("anne@sba.gov"));
    let delta = next(&mut anne);
    assert_eq!((delta.position, delta.actor.as_str()), (2, "anne@sba.gov"));
    assert_eq!(client.subscribe_actor("  ").unwrap_err().kind(), ErrorKind::Invalid);
}

/// A reader that stood still learns what is true now, marked, and is then back among the others.
#[test]
fn a_slow_reader_is_told_and_brought_up_to_date() {
    let client = client_on(&TestStore::new()).live_buffer(2).build().unwrap();
    let mut slow = client.subscribe();
    let mut slow_anne = client.subscribe_actor("anne").unwrap();
    let mut slow_bob = client.subscribe_actor("bob").unwrap();
    let mut fast = client.subscribe();
    for actor in ["anne", "bob", "anne", "bob", "carla", "anne"] {
        record(&client, decision(actor));
        assert!(!next(&mut fast).lagged);
    }
    // The buffer holds the last two. Bob's newest is marked for it stands for two; Carla's is whole; Anne's follows on
    // one that this reader never saw.
    let seen = |delta: DossierDelta| {
        assert_eq!(delta.lagged, delta.old.is_none() && delta.changes.is_empty());
        (delta.position, delta.actor.to_string(), delta.lagged, delta.dossier.metrics.decisions)
    };
    assert_eq!(seen(next(&mut slow)), (4, "bob".to_owned(), true, 2));
    let carla = next(&mut slow);
    assert_eq!((carla.position, carla.lagged, carla.changes.is_empty()), (5, false, false));
    assert_eq!(seen(next(&mut slow)), (6, "anne".to_owned(), true, 3));
    assert_eq!(seen(next(&mut slow_anne)), (6, "anne".to_owned(), true, 3));
    assert_eq!(seen(next(&mut slow_bob)), (4, "bob".to_owned(), true, 2));
    for live in [&mut slow, &mut slow_anne, &mut slow_bob] {
        assert_eq!(live.next_timeout(Duration::ZERO).unwrap(), None);
    }

    record(&client, decision("anne"));
    for live in [&mut slow, &mut slow_anne] {
        let delta = next(live);
        assert_eq!((delta.position, delta.lagged), (7, false));
        assert_eq!(change(&delta, "decisions"), (json!(3), json!(4)));
    }
}

#[test]
fn a_reader_that_lags_again_and_again_ends_up_right() {
    let client = client_on(&TestStore::new()).live_buffer(3).build().unwrap();
    let mut slow = client.subscribe();
    let mut fast = client.subscribe();
    let mut shown: BTreeMap<String, u64> = BTreeMap::new();
    for number in 0_u32..200 {
        record(&client, decision(&format!("a{}", number * number % 7)));
        next(&mut fast);
        // Now and then it reads a little, and mostly not.
        for _ in 0..(number % 11) / 8 {
            let Some(delta) = slow.next_timeout(Duration::ZERO).unwrap() else { break };
            note(&mut shown, &delta);
        }
    }
    while let Some(delta) = slow.next_timeout(Duration::ZERO).unwrap() {
        note(&mut shown, &delta);
    }
    for dossier in block_on(client.scoreboard(apmt_client::AsOf::Now)).unwrap() {
        assert_eq!(shown[dossier.actor.as_str()], dossier.metrics.decisions, "{}", dossier.actor);
    }
}

/// What a reader keeps; a delta that is not marked must follow on what it has.
fn note(shown: &mut BTreeMap<String, u64>, delta: &DossierDelta) {
    let before = shown.insert(delta.actor.to_string(), delta.dossier.metrics.decisions);
    if !delta.lagged {
        assert_eq!(before.map_or(json!(0), |decisions| json!(decisions)), change(delta, "decisions").0);
    }
}

#[test]
fn two_clients_on_one_store_see_each_other() {
    let store = TestStore::new();
    let (one, other) = (client_on(&store).build().unwrap(), client_on(&store).build().unwrap());
    let mut live = other.subscribe();
    // The other one's follower must have its scoreboard: then whatever comes is new.
    record(&other, decision("bob@sba.gov"));
    assert_eq!(next(&mut live).actor.as_str(), "bob@sba.gov");
    record(&one, decision("anne@sba.gov"));
    assert_eq!(next(&mut live).actor.as_str(), "anne@sba.gov");
    one.enqueue(decision("anne@sba.gov")).unwrap();
    assert_eq!(next(&mut live).dossier.metrics.decisions, 2);
}

#[test]
fn own_writes_wake_the_follower() {
    // Whoever polls once an hour is woken, or this test waits for an hour.
    let client = client_on(&TestStore::new()).poll_interval(Duration::from_secs(3600)).build().unwrap();
    let mut live = client.subscribe();
    record(&client, decision("anne@sba.gov"));
    assert_eq!(next(&mut live).position, 1);
    block_on(client.record_events([decision("anne@sba.gov")])).unwrap();
    assert_eq!(next(&mut live).position, 2);
    client.enqueue(decision("anne@sba.gov")).unwrap();
    assert_eq!(next(&mut live).position, 3);
}

#[test]
fn what_fails_for_now_is_not_told_and_what_fails_for_good_is_the_end() {
    let store = TestStore::new();
    let client = client_on(&store).build().unwrap();
    let mut live = client.subscribe();
    store.fail_reading([ErrorKind::Unavailable, ErrorKind::Locked]);
    record(&client, decision("anne@sba.gov"));
    assert_eq!(next(&mut live).position, 1);

    store.fail_reading([ErrorKind::Corrupt]);
    let mut deltas = live.blocking();
    assert_eq!(deltas.next().unwrap().unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(deltas.next().is_none() && deltas.next().is_none());

    // A new subscription starts afresh.
    let mut live = client.subscribe();
    record(&client, decision("anne@sba.gov"));
    assert_eq!(next(&mut live).position, 2);
}

#[test]
fn a_subscription_ends_with_the_shutdown() {
    let client = client_on(&TestStore::new()).build().unwrap();
    let mut live = client.subscribe();
    let decisions = |delta: DossierDelta| delta.dossier.metrics.decisions;
    let reader = std::thread::spawn(move || live.blocking().map(|delta| decisions(delta.unwrap())).last());
    for _ in 0..50 {
        client.enqueue(decision("anne@sba.gov")).unwrap();
    }
    assert!(block_on(client.shutdown(LONG)).is_clean());
    assert_eq!(reader.join().unwrap(), Some(50));
}

#[test]
fn the_clients_policy_judges() {
    let policy =
        Policy::from_yaml("p", "name: strict\nrules: [{id: any, when: [overrides >= 1], then: watch}]");
    let client = client_on(&TestStore::new()).policy(policy.unwrap()).build().unwrap();
    let mut live = client.subscribe();
    record(&client, Event::override_of("anne@sba.gov"));
    let delta = next(&mut live);
    assert_eq!(change(&delta, "status"), (json!("good"), json!("watch")));
    assert_eq!(delta.dossier.policy.name, "strict");
}

#[tokio::test(flavor = "current_thread")]
async fn it_is_a_stream() {
    use futures_lite::StreamExt as _;

    let client = client_on(&TestStore::new()).build().unwrap();
    let live = client.subscribe();
    client.record_event(decision("anne@sba.gov")).await.unwrap();
    let positions = live.map(|delta| delta.unwrap().position).take(1).collect::<Vec<u64>>().await;
    assert_eq!(positions, [1]);
}
