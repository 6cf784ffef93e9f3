//! Any permutation, any duplication and any batching of the same events gives the same dossiers, and they are what a
//! naive recomputation says.

use std::collections::BTreeMap;
use std::sync::Arc;

use apmt_core::conformance::{naive, now, policy_with_targets, random_events, record};
use apmt_core::time::ManualClock;
use apmt_core::{AsOf, Calendar, Dossier, Event, MemoryStore, Store, Timestamp};
use futures_lite::future::block_on;
use proptest::prelude::*;

/// A store of those events, appended in batches of those sizes, over and over.
fn store_of(events: &[Event], batches: &[usize], calendar: &Calendar) -> MemoryStore {
    let store = MemoryStore::with(Arc::new(ManualClock::at(now())), calendar.clone());
    let (mut rest, mut sizes) = (events, batches.iter().cycle());
    while !rest.is_empty() {
        let size = sizes.next().copied().unwrap_or(1).clamp(1, rest.len());
        let (batch, left) = rest.split_at(size);
        block_on(store.append(batch.to_vec())).unwrap();
        rest = left;
    }
    store
}

fn dossiers(store: &MemoryStore, as_of: Timestamp) -> Vec<Dossier> {
    block_on(store.dossiers(AsOf::At(as_of), &policy_with_targets(), None, usize::MAX)).unwrap()
}

/// Puts the events into the order of those keys, but keeps events of one case at one instant in their order among
/// themselves: there, and only there, log order decides.
fn permuted(events: &[Event], keys: &[u32]) -> Vec<Event> {
    let mut order: Vec<usize> = (0..events.len()).collect();
    order.sort_by_key(|index| keys[index % keys.len()].rotate_left(*index as u32 % 32));
    let mut ties: BTreeMap<(String, Timestamp), Vec<usize>> = BTreeMap::new();
    for (place, index) in order.iter().enumerate() {
        if let (Some(case_id), Some(at)) = (events[*index].case_id(), events[*index].occurred_at()) {
            ties.entry((case_id.to_string(), at)).or_default().push(place);
        }
    }
    for places in ties.into_values() {
        let mut indices: Vec<usize> = places.iter().map(|place| order[*place]).collect();
        indices.sort_unstable();
        for (place, index) in places.into_iter().zip(indices) {
            order[place] = index;
        }
    }
    order.into_iter().map(|index| events[index].clone()).collect()
}

/// Instants at which something happens, or nearly, and any other.
fn instants(events: &[Event], picks: &[(prop::sample::Index, i64)]) -> Vec<Timestamp> {
    let at = |pick: &prop::sample::Index| events[pick.index(events.len())].occurred_at().unwrap_or(now());
    picks.iter().map(|(pick, shift)| at(pick).plus_millis(*shift)).chain([now()]).collect()
}

fn picks() -> impl Strategy<Value = Vec<(prop::sample::Index, i64)>> {
    let shift = prop_oneof![
        Just(0),
        -1..2_i64,
        -9_000_000..9_000_000_i64,
        Just(90 * 86_400_000),
        Just(90 * 86_400_000 - 1)
    ];
    prop::collection::vec((any::<prop::sample::Index>(), shift), 4)
}

fn calendar() -> impl Strategy<Value = Calendar> {
    prop_oneof![3 => Just(Calendar::Always), 1 => Just(Calendar::us_federal())]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_is_what_a_naive_recomputation_says(
        seed: u64,
        count in 1..160_usize,
        batches in prop::collection::vec(1..40_usize, 1..5),
        picks in picks(),
        calendar in calendar(),
    ) {
        let events = random_events(seed, count);
        let store = store_of(&events, &batches, &calendar);
        let log = record(&events);
        prop_assert_eq!(&block_on(store.events(0, usize::MAX)).unwrap(), &log);
        for as_of in instants(&events, &picks) {
            let naive = naive::dossiers(&log, as_of, &policy_with_targets(), &calendar);
            prop_assert_eq!(naive::difference(&dossiers(&store, as_of), &naive), None, "as of {}", as_of);
        }
    }

    #[test]
    fn any_permutation_duplication_and_batching_gives_the_same_dossiers(
        seed: u64,
        count in 1..120_usize,
        keys in prop::collection::vec(any::<u32>(), 1..50),
        twice in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
        batches in prop::collection::vec(1..60_usize, 1..6),
        picks in picks(),
    ) {
        let events = random_events(seed, count);
        let straight = store_of(&events, &[usize::MAX], &Calendar::Always);
        let mut other = permuted(&events, &keys);
        // A duplicate comes after its first, or it would be the first: anywhere after.
        for pick in twice {
            let first = pick.index(other.len());
            let again = other[first].clone();
            let place = first + 1 + pick.index(other.len() - first);
            other.insert(place, again);
        }
        let shuffled = store_of(&other, &batches, &Calendar::Always);
        for as_of in instants(&events, &picks) {
            prop_assert_eq!(dossiers(&shuffled, as_of), dossiers(&straight, as_of), "as of {}", as_of);
        }
    }

    #[test]
    fn a_generator_makes_the_same_log_from_the_same_seed(seed: u64, count in 0..60_usize) {
        prop_assert_eq!(random_events(seed, count), random_events(seed, count));
    }
}
