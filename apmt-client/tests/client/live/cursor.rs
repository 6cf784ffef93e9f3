//! How much of the log a subscription has been given, and how to go on from there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use apmt_client::{ActorName, AsOf, Client, Dossier, Event, Subscription};
use futures_lite::future::block_on;
use proptest::prelude::*;

use super::{next, record};
use crate::support::{LONG, TestStore, client_on, decision};

const ACTORS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

#[derive(Clone, Debug)]
enum Step {
    /// Records a batch: a decision of each of these actors, in that order.
    Record(Vec<usize>),
    /// Lets the slow reader read so many deltas.
    Read(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        prop::collection::vec(0..ACTORS.len(), 1..8).prop_map(Step::Record),
        (1_usize..4).prop_map(Step::Read),
    ]
}

/// What a reader knows from deltas alone, each of which is checked against the log.
struct Checked {
    live: Subscription,
    /// Whom the subscription is for.
    actors: &'static [&'static str],
    decisions: BTreeMap<String, u64>,
    cursor: u64,
}

impl Checked {
    /// Reads a delta if there is one. After it, the reader must know of every event up to the cursor.
    fn read(&mut self, log: &[&str]) -> bool {
        let Some(delta) = self.live.next_timeout(Duration::ZERO).unwrap() else { return false };
        self.decisions.insert(delta.actor.to_string(), delta.dossier.metrics.decisions);
        assert!(self.cursor <= delta.cursor, "a cursor went back from {}: {delta:?}", self.cursor);
        assert!(delta.cursor <= log.len() as u64, "{delta:?}");
        self.cursor = delta.cursor;
        let told_of = &log[..delta.cursor as usize];
        for actor in self.actors {
            let there = told_of.iter().filter(|name| *name == actor).count() as u64;
            let known = self.decisions.get(*actor).copied().unwrap_or(0);
            assert!(there <= known, "{actor}: the cursor {} claims {there}, given {known}", delta.cursor);
        }
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However slowly somebody reads, and whatever the buffer lost.
    #[test]
    fn a_cursor_claims_no_more_than_was_given(buffer in 1_usize..5, steps in prop::collection::vec(step(), 1..40)) {
        let client = client_on(&TestStore::new()).live_buffer(buffer).build().unwrap();
        let mut fast = client.subscribe();
        let checked = |live, actors| Checked { live, actors, decisions: BTreeMap::new(), cursor: 0 };
        let mut readers = [
            checked(client.subscribe(), &ACTORS[..]),
            checked(client.subscribe_actor("a").unwrap(), &ACTORS[..1]),
        ];
        let mut log: Vec<&str> = Vec::new();
        for step in steps {
            match step {
                Step::Record(actors) => {
                    log.extend(actors.iter().map(|actor| ACTORS[*actor]));
                    let events: Vec<Event> = actors.iter().map(|actor| decision(ACTORS[*actor])).collect();
                    block_on(client.record_events(events)).unwrap();
                    while next(&mut fast).cursor < log.len() as u64 {}
                }
                Step::Read(deltas) => {
                    for reader in &mut readers {
                        for _ in 0..deltas {
                            reader.read(&log);
                        }
                    }
                }
            }
        }
        for reader in &mut readers {
            while reader.read(&log) {}
        }
        prop_assert_eq!(readers[0].cursor, log.len() as u64, "whoever has read all has all");
        for actor in ACTORS {
            let decisions = log.iter().filter(|name| **name == actor).count() as u64;
            prop_assert_eq!(readers[0].decisions.get(actor).copied().unwrap_or(0), decisions);
        }
    }
}

#[test]
fn only_the_last_delta_of_a_batch_completes_it() {
    let client = client_on(&TestStore::new()).build().unwrap();
    record(&client, decision("anne"));
    let mut live = client.subscribe();
    assert_eq!(block_on(live.start()).unwrap(), 1);
    block_on(client.record_events(["zoe", "bob", "bob"].map(decision))).unwrap();
    let given: Vec<(u64, u64)> =
        (0..2).map(|_| next(&mut live)).map(|delta| (delta.position, delta.cursor)).collect();
    assert_eq!(given, [(4, 1), (2, 4)], "bob's comes first, for deltas go by actor");
}

fn changed(client: &Client, cursor: u64) -> Option<Vec<String>> {
    let changed = block_on(client.changed_since(cursor, 10)).unwrap()?;
    Some(changed.iter().map(ToString::to_string).collect())
}

#[test]
fn whoever_comes_back_is_told_who_changed() {
    let client = client_on(&TestStore::new()).build().unwrap();
    record(&client, Event::recommendation_of("agent-7", "C-1", "deny"));
    let verdict = record(&client, Event::decision("anne").case("C-1"));
    record(&client, decision("bob"));
    assert_eq!(changed(&client, 0).unwrap(), ["agent-7", "anne", "bob"]);
    assert_eq!(changed(&client, 2).unwrap(), ["bob"]);
    assert_eq!(changed(&client, 3).unwrap(), Vec::<String>::new());
    record(&client, Event::sat_score(5).case("C-1"));
    assert_eq!(changed(&client, 3).unwrap(), ["agent-7", "anne"]);
    record(&client, Event::retraction(verdict, "wrong case"));
    assert_eq!(changed(&client, 4).unwrap(), ["agent-7", "anne"]);
}

#[test]
fn whoever_was_away_for_long_or_comes_from_elsewhere_reads_all_again() {
    let client = client_on(&TestStore::new()).build().unwrap();
    block_on(client.record_events((0..11).map(|_| decision("anne")))).unwrap();
    assert_eq!(changed(&client, 0), None, "eleven events are more than ten");
    assert_eq!(changed(&client, 1).unwrap(), ["anne"]);
    assert_eq!(changed(&client, 12), None, "this log has no twelfth event");
    assert_eq!(changed(&client, u64::MAX), None);
}

/// A screen that shows the scoreboard, and loses its connection now and then.
struct Screen {
    client: Client,
    shown: BTreeMap<ActorName, Dossier>,
    cursor: Option<u64>,
    live: Subscription,
}

impl Screen {
    fn connect(&mut self) {
        self.live = self.client.subscribe();
        let start = block_on(self.live.start()).unwrap();
        let changed = self.cursor.and_then(|cursor| block_on(self.client.changed_since(cursor, 50)).unwrap());
        let dossiers = match changed {
            Some(actors) => actors
                .iter()
                .map(|actor| block_on(self.client.get_dossier(actor.as_str())).unwrap())
                .collect(),
            None => block_on(self.client.scoreboard(AsOf::Now)).unwrap(),
        };
        self.shown.extend(dossiers.into_iter().map(|dossier| (dossier.actor.clone(), dossier)));
        self.cursor = Some(start);
    }

    fn read(&mut self, wait: Duration) -> bool {
        let Some(delta) = self.live.next_timeout(wait).unwrap() else { return false };
        self.cursor = Some(delta.cursor);
        self.shown.insert(delta.actor.clone(), (*delta.dossier).clone());
        true
    }
}

/// Connections break at any time while several others record; nothing is missed in the end.
#[test]
fn coming_back_again_and_again_misses_nothing() {
    let store = TestStore::new();
    let client = client_on(&store).live_buffer(8).build().unwrap();
    let writers: Vec<_> = (0..3)
        .map(|writer| {
            // The last writes past the client, as another process does.
            let client = if writer == 2 { client_on(&store).build().unwrap() } else { client.clone() };
            std::thread::spawn(move || {
                for number in 0..150_usize {
                    let case = format!("C-{}", number % 17);
                    let actor = format!("a{}", (number * 7 + writer) % 11);
                    let event = match number % 3 {
                        0 => Event::assigned(&case, &actor),
                        1 => Event::override_of(&actor).case(&case),
                        _ => Event::sat_score(1 + (number % 5) as u8).case(&case),
                    };
                    block_on(client.record_event(event)).unwrap();
                }
            })
        })
        .collect();
    let live = client.subscribe();
    let mut screen = Screen { client: client.clone(), shown: BTreeMap::new(), cursor: None, live };
    let mut round = 0;
    while writers.iter().any(|writer| !writer.is_finished()) {
        round += 1;
        screen.connect();
        for _ in 0..round % 13 {
            screen.read(Duration::from_millis(1));
        }
    }
    for writer in writers {
        writer.join().unwrap();
    }
    screen.connect();
    assert!(block_on(client.shutdown(LONG)).store_closed);
    while screen.live.next_blocking().is_some_and(|delta| {
        let delta = delta.unwrap();
        screen.shown.insert(delta.actor.clone(), (*delta.dossier).clone());
        true
    }) {}
    let reader = Client::builder().store(Arc::new(copy_of(&store))).clock(crate::support::clock());
    for dossier in block_on(reader.build().unwrap().scoreboard(AsOf::Now)).unwrap() {
        assert_eq!(screen.shown[&dossier.actor], dossier);
    }
}

/// The same log in a store that is open.
fn copy_of(store: &TestStore) -> apmt_client::MemoryStore {
    let copy = apmt_client::MemoryStore::with(crate::support::clock(), apmt_client::Calendar::Always);
    let events = store.log().into_iter().map(|recorded| recorded.event).collect();
    block_on(apmt_client::Store::append(&copy, events)).unwrap();
    copy
}
