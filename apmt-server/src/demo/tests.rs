//! The demonstration's figures, on many days and at many hours.

use std::collections::HashSet;

use apmt_core::time::DAY_MS;
use apmt_core::{ActorName, AsOf, Dossier, EventType, MemoryStore, Policy, Status, Store, Timestamp};
use futures_lite::future::block_on;

use super::{ANNE, BOB, events, events_at_scale};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A Monday, a Saturday night, a long weekend, a leap day, midnight, a new year.
const ENDS: [&str; 7] = [
    "2026-03-02T15:00:00Z",
    "2026-07-04T23:59:59.999Z",
    "2026-09-08T13:31:00Z",
    "2028-02-29T20:00:00Z",
    "2026-11-23T00:00:00Z",
    "2027-01-01T05:00:00Z",
    "2025-12-26T12:00:00Z",
];

fn store_of(as_of: Timestamp) -> MemoryStore {
    let clock = std::sync::Arc::new(apmt_core::time::ManualClock::at(as_of));
    let store = MemoryStore::with(clock, apmt_core::Calendar::Always);
    for batch in events(as_of).chunks(5000) {
        block_on(store.append(batch.to_vec())).unwrap();
    }
    store
}

fn dossier(store: &MemoryStore, actor: &str, as_of: AsOf) -> Dossier {
    block_on(store.dossier(&ActorName::new(actor).unwrap(), as_of, &Policy::default())).unwrap()
}

#[test]
fn anne_and_bob_stand_at_their_figures_for_a_week() {
    for end in ENDS {
        let store = store_of(at(end));
        let later = (0..=7).map(|days| AsOf::At(at(end).plus_millis(days * DAY_MS as i64)));
        for as_of in later.chain([AsOf::Latest]) {
            let anne = dossier(&store, ANNE, as_of);
            let figures = (anne.metrics.overrides, anne.metrics.decisions, anne.metrics.sat.count);
            assert_eq!(figures, (21, 50, 20), "{end} {as_of:?}");
            assert_eq!(anne.metrics.override_rate, Some(0.42), "{end}");
            assert_eq!(anne.metrics.avg_processing_hours, Some(54.2), "{end}");
            assert_eq!(anne.metrics.sat_score_mean, Some(2.1), "{end}");
            assert_eq!(anne.status, Status::Pip, "{end}");
            assert_eq!(anne.metrics.open.count, 7, "{end}");

            let bob = dossier(&store, BOB, as_of);
            assert_eq!((bob.metrics.overrides, bob.metrics.decisions), (4, 50), "{end}");
            assert_eq!(bob.metrics.override_rate, Some(0.08), "{end}");
            assert_eq!(bob.metrics.avg_processing_hours, Some(12.3), "{end}");
            assert_eq!(bob.metrics.sat_score_mean, Some(4.4), "{end}");
            assert_eq!(bob.status, Status::Good, "{end}");
        }
    }
}

#[test]
fn the_directory_knows_everybody() {
    let end = at(ENDS[0]);
    let directory = super::directory().unwrap();
    let all = block_on(store_of(end).dossiers(AsOf::At(end), &Policy::default(), None, 1000)).unwrap();
    for dossier in &all {
        let person = directory.person(&dossier.actor);
        let told = [person.name(), person.position(), person.unit(), person.supervisor_name()];
        assert!(told.iter().all(|text| !text.is_empty()), "{}: {told:?}", dossier.actor);
    }
    assert_eq!(directory.len(), all.len());
}

#[test]
fn forty_actors_of_whom_two_are_flagged() {
    for end in ENDS {
        let store = store_of(at(end));
        let all = block_on(store.dossiers(AsOf::At(at(end)), &Policy::default(), None, 1000)).unwrap();
        assert_eq!(all.len(), 40, "{end}");
        let flagged: Vec<&str> = all.iter().filter(|d| d.pip_recommended).map(|d| d.actor.as_str()).collect();
        assert_eq!(flagged, [ANNE, "victor.stone@sba.gov"], "{end}");
        assert!(all.iter().all(|d| d.actor_kind.is_some()), "{end}");
        let agents = all.iter().filter(|d| d.metrics.recommendations > 0).count();
        assert_eq!(agents, 7, "{end}");
    }
}

#[test]
fn the_same_end_gives_the_same_events_and_another_end_shares_no_id() {
    let first = events(at(ENDS[0]));
    assert_eq!(first, events(at(ENDS[0])));
    let ids =
        |events: &[apmt_core::Event]| events.iter().filter_map(apmt_core::Event::id).collect::<HashSet<_>>();
    let another = events(at(ENDS[0]).plus_millis(1));
    assert_eq!(ids(&first).len(), first.len());
    assert!(ids(&first).is_disjoint(&ids(&another)));
}

#[test]
fn events_are_in_order_within_the_120_days_and_of_every_type() {
    for end in ENDS {
        let events = events(at(end));
        let times: Vec<Timestamp> = events.iter().filter_map(apmt_core::Event::occurred_at).collect();
        assert_eq!(times.len(), events.len());
        assert!(times.is_sorted());
        assert_eq!(times[0], at(end).plus_millis(-120 * DAY_MS as i64));
        assert!(*times.last().unwrap() <= at(end));
        assert!((10_000..40_000).contains(&events.len()), "{}", events.len());
        for known in EventType::ALL.iter().chain([&EventType::Custom]) {
            assert!(events.iter().any(|event| event.event_type() == *known), "{known} {end}");
        }
    }
}

#[test]
fn a_larger_agency_leaves_the_two_as_they_are() {
    let end = at(ENDS[0]);
    let (one, three) = (events(end).len(), events_at_scale(end, 3).len());
    assert!(three > one * 5 / 2);
}

#[test]
fn officers_decide_in_office_hours() {
    let federal = apmt_core::Calendar::us_federal();
    let people = events(at(ENDS[0]))
        .into_iter()
        .filter(|event| matches!(event.event_type(), EventType::Decision | EventType::Override))
        .filter(|event| event.actor().is_some_and(|actor| actor.as_str().contains('@')));
    for event in people {
        let decided = event.occurred_at().unwrap();
        assert!(federal.counted_ms(decided, decided.plus_millis(1)) > 0, "{event:?}");
    }
}

/// What goes on there is of valid events, leaves the two officers alone, and never ends.
#[test]
fn life_goes_on() {
    let as_of = at(ENDS[0]);
    let store = store_of(as_of);
    let [anne, bob] = [ANNE, BOB].map(|actor| dossier(&store, actor, as_of.into()));
    let before = block_on(store.status()).unwrap().position;
    let mut life = super::Life::new(1);
    let mut now = as_of;
    let mut types = HashSet::new();
    for _ in 0..300 {
        now = now.plus_millis(life.pause().as_millis() as i64);
        let events = life.step(now);
        assert!(!events.is_empty());
        types.extend(events.iter().map(apmt_core::Event::event_type));
        let receipts = block_on(store.append(events)).unwrap();
        assert!(receipts.iter().all(|receipt| !receipt.duplicate));
    }
    for event_type in [EventType::CaseOpened, EventType::Decision, EventType::SatScore] {
        assert!(types.contains(&event_type), "{types:?}");
    }
    assert!(block_on(store.status()).unwrap().position > before + 300);
    assert_eq!(dossier(&store, ANNE, as_of.into()), anne);
    assert_eq!(dossier(&store, BOB, as_of.into()), bob);
}
