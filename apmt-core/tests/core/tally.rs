//! Tallies: multisets of durations, days as they are stored, and the quantiles over many of them.

use apmt_core::tally::{ByTrack, DayTally, Durations, Entry, StoredTallyError, Tally, WorkingDays};
use apmt_core::{Measure, Timestamp, Track, Window};
use proptest::prelude::*;

/// Short and long times, near each other and near the border of four bytes.
fn duration() -> impl Strategy<Value = u64> {
    let border = u64::from(u32::MAX);
    prop_oneof![
        4 => 0..20_u64,
        3 => 0..200_000_000_u64,
        2 => border - 3..border + 4,
        1 => border..400_000_000_000,
        1 => Just(u64::MAX),
    ]
}

fn runs() -> impl Strategy<Value = Vec<Vec<u64>>> {
    prop::collection::vec(prop::collection::vec(duration(), 0..60), 0..40)
}

fn measure() -> impl Strategy<Value = Measure> {
    prop_oneof![
        any::<bool>().prop_map(|overridden| Measure::Verdict { overridden }),
        any::<bool>().prop_map(|overridden| Measure::Recommendation { overridden }),
        (any::<bool>(), any::<bool>())
            .prop_map(|(reversed, overrode)| Measure::Appeal { reversed, overrode }),
        (1..=5_u8).prop_map(|stars| Measure::Satisfaction { stars }),
        (0..400_000_000_000_u64, -62_000_000_000_000..253_000_000_000_000_i64, any::<bool>()).prop_map(
            |(counted_ms, since, held)| Measure::Processing {
                counted_ms,
                working_day: (counted_ms % 1_000) as u32 + 1,
                since: Timestamp::from_millis(since),
                held
            }
        ),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    let at = prop_oneof![0..50_i64, 0..86_400_000_i64]
        .prop_map(|ms| Timestamp::from_millis(1_772_409_600_000 + ms));
    let position = prop_oneof![1..30_u64, any::<u64>()];
    let track = prop::sample::select(vec![None, Some("simple"), Some("complex"), Some("ünï")]);
    (at, position, track, measure()).prop_map(|(at, position, track, measure)| {
        let track = track.map(Track::from_stored);
        Entry { at, position, track, measure }
    })
}

/// The day that those entries make; of two at one place, the first stays.
fn day_of(entries: &[Entry]) -> DayTally {
    let mut day = DayTally::default();
    for entry in entries {
        day.add(entry.clone());
    }
    day
}

fn counted<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<Tally> {
    let mut tallies = ByTrack::default();
    for entry in entries {
        tallies.add(entry.track.as_ref(), &entry.measure);
    }
    tallies.into_tallies()
}

fn read_tallies(bytes: &[u8]) -> Result<Vec<Tally>, StoredTallyError> {
    DayTally::read_tallies(bytes).collect()
}

#[test]
fn selection_over_thousands_of_values() {
    // Enough values that the search has to narrow several runs down, with many ties.
    let runs: Vec<Durations> = (0..90_u64)
        .map(|run| (0..400).map(|n| (run * 7919 + n * n * 104_729) % 5000 * 1_000_000).collect())
        .collect();
    let refs: Vec<&Durations> = runs.iter().collect();
    let mut sorted: Vec<u64> =
        runs.iter().flat_map(|run| (0..run.len()).filter_map(|index| run.get(index))).collect();
    sorted.sort_unstable();
    for rank in (0..sorted.len()).step_by(17).chain([0, sorted.len() - 1]) {
        assert_eq!(Durations::nth_of(&refs, rank), Some(sorted[rank]), "rank {rank}");
    }
    assert_eq!(Durations::nth_of(&refs, sorted.len()), None);
}

#[test]
fn selection_over_one_long_run_among_short_ones() {
    let long: Durations = (0..20_000_u64).collect();
    let short: Vec<Durations> =
        (0..50_u64).map(|n| [n * 400, u64::from(u32::MAX) + n].into_iter().collect()).collect();
    let refs: Vec<&Durations> = std::iter::once(&long).chain(&short).collect();
    let mut sorted: Vec<u64> =
        (0..20_000).chain((0..50).flat_map(|n| [n * 400, u64::from(u32::MAX) + n])).collect();
    sorted.sort_unstable();
    for rank in (0..sorted.len()).step_by(313).chain(20_040..20_100) {
        assert_eq!(Durations::nth_of(&refs, rank), sorted.get(rank).copied(), "rank {rank}");
    }
}

#[test]
fn nothing_has_no_places() {
    assert_eq!(Durations::nth_of(&[], 0), None);
    assert_eq!(Durations::nth_of(&[&Durations::default()], 0), None);
    assert_eq!(Durations::default().get(0), None);
    assert_eq!((Durations::default().len(), Durations::default().sum()), (0, 0));
}

#[test]
fn what_was_never_added_is_not_taken_out() {
    let mut durations: Durations = [1, 5_000_000_000].into_iter().collect();
    durations.remove(2);
    durations.remove(6_000_000_000);
    assert_eq!(durations.len(), 2);
    let mut day = day_of(&[]);
    day.remove(&Entry {
        at: Timestamp::from_millis(0),
        position: 1,
        track: None,
        measure: Measure::Satisfaction { stars: 1 },
    });
    assert_eq!(day, DayTally::default());
}

/// A place names one contribution: adding it again, even with another value, changes nothing.
#[test]
fn an_entry_that_is_there_already_stays_as_it_is() {
    let stars = |at, stars| Entry {
        at: Timestamp::from_millis(at),
        position: 1,
        track: None,
        measure: Measure::Satisfaction { stars },
    };
    let day = day_of(&[stars(1, 4), stars(2, 5)]);
    for again in [stars(1, 4), stars(1, 2), stars(2, 5)] {
        let mut twice = day.clone();
        twice.add(again);
        assert_eq!(twice, day);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_nth_of_many_runs_is_the_nth_of_all_sorted(runs in runs()) {
        let mut sorted: Vec<u64> = runs.iter().flatten().copied().collect();
        sorted.sort_unstable();
        let runs: Vec<Durations> = runs.into_iter().map(|run| run.into_iter().collect()).collect();
        let refs: Vec<&Durations> = runs.iter().collect();
        for rank in (0..=sorted.len()).step_by(1 + sorted.len() / 25) {
            prop_assert_eq!(Durations::nth_of(&refs, rank), sorted.get(rank).copied());
        }
    }

    #[test]
    fn durations_are_a_sorted_multiset(values in prop::collection::vec(duration(), 0..60), kept in 0..60_usize) {
        let mut durations = Durations::default();
        for value in &values {
            durations.insert(*value);
        }
        prop_assert_eq!(&durations, &values.iter().copied().collect());
        for value in values.iter().skip(kept) {
            durations.remove(*value);
        }
        let mut left: Vec<u64> = values.into_iter().take(kept).collect();
        left.sort_unstable();
        prop_assert_eq!(durations.len(), left.len());
        prop_assert_eq!((0..left.len()).filter_map(|index| durations.get(index)).collect::<Vec<_>>(), left.clone());
        prop_assert_eq!(durations.sum(), left.iter().map(|value| u128::from(*value)).sum::<u128>());
        for limit in left.iter().copied().chain([0, 19, u64::from(u32::MAX), u64::MAX]) {
            prop_assert_eq!(durations.count_up_to(limit), left.iter().filter(|value| **value <= limit).count());
        }
    }

    #[test]
    fn a_day_is_read_as_it_was_written(entries in prop::collection::vec(entry(), 0..40)) {
        let day = day_of(&entries);
        let (tallies, written) = (day.write_tallies(), day.write_entries());
        prop_assert_eq!(DayTally::read(&tallies, &written), Ok(day.clone()));
        prop_assert_eq!(read_tallies(&tallies), Ok(day.tallies().to_vec()));
        prop_assert_eq!(day.tallies(), counted(day.entries()), "the tallies are what the entries come to");
    }

    #[test]
    fn a_day_is_its_entries_in_order_however_they_came(
        entries in prop::collection::vec(entry(), 0..40),
        gone in prop::collection::vec(any::<bool>(), 40),
        window in (0..86_400_000_i64, 0..86_400_000_i64),
    ) {
        let mut day = day_of(&entries);
        prop_assert!(day.entries().is_sorted_by(|a, b| a.cursor() < b.cursor()));
        let backwards: Vec<Entry> = day.entries().iter().rev().cloned().collect();
        prop_assert_eq!(&day_of(&backwards), &day);
        for (entry, _) in backwards.iter().zip(&gone).filter(|(_, gone)| **gone) {
            day.remove(entry);
        }
        let left: Vec<Entry> =
            backwards.iter().zip(&gone).filter(|(_, gone)| !**gone).map(|(entry, _)| entry.clone()).rev().collect();
        prop_assert_eq!(day.entries(), &left[..]);
        prop_assert_eq!(day.tallies(), counted(&left));
        let at = |ms| Timestamp::from_millis(1_772_409_600_000 + ms);
        let window = Window { after: at(window.0), until: at(window.1) };
        let within = counted(left.iter().filter(|entry| window.contains(entry.at)));
        prop_assert_eq!(&day.tallies_within(&window), &within);
        prop_assert_eq!(DayTally::read_tallies_within(&day.write_entries(), &window), Ok(within));
    }

    #[test]
    fn adding_and_taking_back_leaves_nothing(entries in prop::collection::vec(entry(), 0..30)) {
        let mut tallies = ByTrack::default();
        for entry in &entries {
            tallies.add(entry.track.as_ref(), &entry.measure);
        }
        prop_assert_eq!(tallies.tallies().is_empty(), entries.is_empty());
        for entry in entries.iter().rev() {
            tallies.remove(entry.track.as_ref(), &entry.measure);
        }
        prop_assert_eq!(tallies, ByTrack::default());
    }

    /// There is a tally for each track, in order, and each is what the track's entries alone come to.
    #[test]
    fn a_tracks_tally_is_that_of_its_entries(entries in prop::collection::vec(entry(), 0..30)) {
        let tallies = counted(&entries);
        let mut tracks: Vec<&Option<Track>> = entries.iter().map(|entry| &entry.track).collect();
        tracks.sort();
        tracks.dedup();
        prop_assert_eq!(tallies.iter().map(|tally| &tally.track).collect::<Vec<_>>(), tracks);
        for found in &tallies {
            let mut alone = Tally::of(found.track.clone());
            for entry in entries.iter().filter(|entry| entry.track == found.track) {
                alone.add(&entry.measure);
            }
            prop_assert_eq!(found, &alone);
        }
    }

    #[test]
    fn working_days_are_a_multiset(days in prop::collection::vec(1..40_u32, 0..60), kept in 0..60_usize) {
        let mut counts = WorkingDays::default();
        for day in &days {
            counts.insert(*day);
        }
        for day in days.iter().skip(kept).chain(&[50]) {
            counts.remove(*day);
        }
        let left: Vec<u32> = days.into_iter().take(kept).collect();
        prop_assert_eq!(counts.count(), left.len() as u64);
        for limit in [0, 1, 7, 20, 39, u32::MAX] {
            prop_assert_eq!(counts.count_up_to(limit), left.iter().filter(|day| **day <= limit).count() as u64);
        }
        let json = serde_json::to_string(&counts).unwrap();
        prop_assert_eq!(serde_json::from_str::<WorkingDays>(&json).unwrap(), counts);
    }

    #[test]
    fn damaged_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let whole = Window::all_until(Timestamp::MAX);
        for tally in DayTally::read_tallies(&bytes).flatten() {
            let runs = [&tally.processing; 3];
            let _ = Durations::nth_of(&runs, tally.processing.len());
        }
        let _ = DayTally::read_entries(&bytes);
        let _ = DayTally::read_tallies_within(&bytes, &whole);
    }

    #[test]
    fn a_changed_byte_never_panics(
        entries in prop::collection::vec(entry(), 1..20),
        place in any::<prop::sample::Index>(),
        byte: u8,
        cut in any::<prop::sample::Index>(),
    ) {
        let day = day_of(&entries);
        for written in [day.write_tallies(), day.write_entries()] {
            let mut changed = written.clone();
            changed[place.index(written.len())] = byte;
            let _ = (read_tallies(&changed), DayTally::read_entries(&changed));
            let short = &written[..cut.index(written.len())];
            let _ = DayTally::read_entries(short);
            if written == day.write_tallies() {
                prop_assert!(read_tallies(short).is_err(), "a tally that was cut off is refused");
            }
        }
    }
}

/// Few values are gathered and many are searched for: both find what sorting finds, at the ends, among equals and at
/// neighbouring places.
#[test]
fn several_places_at_once_are_those_of_all_sorted() {
    for count in [1_usize, 2, 3, 90, 5_000, 16_384, 16_385, 60_000] {
        // Values that repeat, some of them long ones.
        let value = |n: usize| match n % 7 {
            0 => 5_000_000_000 + (n as u64 * 7919) % 1000,
            1 => 77,
            _ => (n as u64 * 7919) % 100_003,
        };
        let runs: Vec<Durations> =
            (0..13).map(|run| (run..count).step_by(13).map(value).collect::<Durations>()).collect();
        let refs: Vec<&Durations> = runs.iter().collect();
        let mut sorted: Vec<u64> = (0..count).map(value).collect();
        sorted.sort_unstable();
        let mut ranks: Vec<usize> = [0, 1, count / 7, count / 2, count / 2 + 1, count * 9 / 10, count - 1]
            .into_iter()
            .filter(|rank| *rank < count)
            .collect();
        ranks.sort_unstable();
        ranks.dedup();
        let expected: Vec<u64> = ranks.iter().map(|rank| sorted[*rank]).collect();
        assert_eq!(Durations::nths_of(&refs, &ranks), expected, "{count} values, places {ranks:?}");
        if count <= 5_000 {
            let all: Vec<usize> = (0..count).collect();
            assert_eq!(Durations::nths_of(&refs, &all), sorted);
        }
    }
}

proptest! {
    /// However a day is cut into parts, and wherever each part's positions count from.
    #[test]
    fn the_parts_of_a_day_come_to_the_day(
        entries in prop::collection::vec(entry(), 0..60),
        cut in any::<prop::sample::Index>(),
        base in 0..1_000_u64,
    ) {
        let day = day_of(&entries.iter().filter(|entry| entry.position < u64::MAX - base).cloned().collect::<Vec<_>>());
        let (first, second) = day.entries().split_at(cut.index(day.entries().len() + 1));
        let mut merged = Tally::default();
        for tally in [first, second].into_iter().flat_map(|part| day_of(part).tallies().to_vec()) {
            merged.merge(&tally);
        }
        let mut whole = Tally::default();
        day.tallies().iter().for_each(|tally| whole.merge(tally));
        prop_assert_eq!(merged, whole);
        let raised = day.clone().with_positions_raised(base);
        for (raised, entry) in raised.entries().iter().zip(day.entries()) {
            prop_assert_eq!(raised.position, entry.position + base);
        }
        prop_assert_eq!(raised.with_positions_lowered(base), day);
    }
}
