//! What counts is a function of the set of a case's events.

use apmt_core::case::{self, Batch, Fold};
use apmt_core::conformance::{random_events, record};
use apmt_core::{Calendar, Change, Event, Recorded};
use uuid::Uuid;

use super::{
    advised, assigned, check, check_log, decided, h, log, opened, overrode, said, stars, step_by_step,
};

/// Three events in all six orders: the fold sorts by instant. 5 − 2 = 3 hours on Anne's clock.
#[test]
fn the_order_of_arrival_never_changes_a_result() {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for order in orders {
        let events = || [opened(0), assigned(2, "anne"), decided(5, "bob")];
        let arrived = order.map(|index| events().into_iter().nth(index).unwrap());
        let log = log(arrived);
        let told: Vec<String> = case::fold(&log, &Calendar::Always).contributions.iter().map(said).collect();
        assert_eq!(told, ["bob 5: verdict", "anne 5: held 3h"], "{order:?}");
    }
}

/// At hour 2 both assignments come at once: the later in the log holds the case, and the former's clock ran 0 hours.
#[test]
fn at_equal_instants_log_order_decides() {
    check(
        [assigned(2, "anne"), assigned(2, "bob"), decided(6, "eve")],
        &["anne 2: held 0h", "eve 6: verdict", "bob 6: held 4h"],
    );
    check(
        [assigned(2, "bob"), assigned(2, "anne"), decided(6, "eve")],
        &["bob 2: held 0h", "eve 6: verdict", "anne 6: held 4h"],
    );
    // Stars before the first verdict in the log, at the same instant, and after it: whose they are.
    check([stars(3, 1), decided(3, "anne")], &["anne 3: 1 stars", "anne 3: verdict"]);
    check(
        [decided(3, "anne"), stars(3, 1), decided(3, "bob"), stars(3, 2)],
        &["anne 3: verdict", "anne 3: 1 stars", "bob 3: verdict", "bob 3: 2 stars"],
    );
}

/// Without Bob's assignment of hour 3, Anne's clock runs from hour 1 to hour 5.
#[test]
fn retracted_events_are_dropped() {
    let mut log = log([assigned(1, "anne"), assigned(3, "bob"), decided(5, "anne")]);
    log[1] = log[1].clone().with_retracted(true);
    check_log(&log, &["anne 5: verdict", "anne 5: held 4h"]);
    for event in &mut log {
        *event = event.clone().with_retracted(true);
    }
    check_log(&log, &[]);
}

/// The machine takes no event that belongs before one that it has taken, and is as it was.
#[test]
fn an_event_out_of_order_is_not_taken() {
    let log = log([assigned(3, "anne"), assigned(2, "bob"), decided(3, "anne")]);
    let (mut fold, mut changes) = (Fold::default(), Vec::new());
    assert!(fold.take(&log[0], &Calendar::Always, &mut changes));
    assert!(!fold.take(&log[1], &Calendar::Always, &mut changes));
    assert!(changes.is_empty());
    assert!(fold.take(&log[2], &Calendar::Always, &mut changes), "at the same instant, later in the log");
    assert_eq!(changes.len(), 2);
    let late = log[1].clone().with_retracted(true);
    assert!(
        fold.take(&late, &Calendar::Always, &mut changes),
        "a retracted event changes nothing, wherever it is"
    );
    assert_eq!(changes.len(), 2);
}

/// An event without a case counts by itself: a verdict and stars, but no time and no advice.
#[test]
fn an_event_without_a_case_is_a_function_of_itself() {
    let of = |event: Event| {
        let recorded = Recorded::new(event, 1, h(100));
        let contributions = case::without_case(&recorded, &Calendar::Always);
        assert!(case::without_case(&recorded.with_retracted(true), &Calendar::Always).is_empty());
        contributions.iter().map(said).collect::<Vec<_>>()
    };
    let decision = || Event::decision("anne").at(h(1));
    assert_eq!(of(decision().build().unwrap()), ["anne 1: verdict"]);
    assert_eq!(of(decision().human_verdict("deny").build().unwrap()), ["anne 1: verdict"]);
    let differing = decision().human_verdict("deny").ai_recommendation("approve");
    assert_eq!(of(differing.build().unwrap()), ["anne 1: override"]);
    let equal = decision().human_verdict("deny").ai_recommendation(" DENY ");
    assert_eq!(of(equal.build().unwrap()), ["anne 1: verdict"]);
    assert_eq!(of(Event::override_of("anne").at(h(1)).build().unwrap()), ["anne 1: override"]);
    assert_eq!(of(Event::sat_score(4).actor("anne").at(h(1)).build().unwrap()), ["anne 1: 4 stars"]);
    assert!(of(Event::plan_started("anne").build().unwrap()).is_empty());
    assert!(of(Event::custom("X_NOTE").actor("anne").build().unwrap()).is_empty());
}

/// Views, surveys, plans, retractions and types of one's own score nothing, in a case too.
#[test]
fn what_is_never_scored() {
    let id = Uuid::from_u128(1);
    check(
        [
            Event::viewed("C", "anne").at(h(1)),
            Event::survey_sent("C").at(h(2)),
            Event::plan_started("anne").case("C").at(h(3)),
            Event::plan_closed("anne").case("C").at(h(3)),
            Event::retraction(id, "mistake").case("C").at(h(4)),
            Event::custom("X_OVERRIDE").actor("anne").case("C").at(h(5)),
        ],
        &[],
    );
}

/// Whole and step by step, the machine says the same of every case of many random logs.
#[test]
fn step_by_step_is_the_whole_fold() {
    for seed in 0..60 {
        let log = record(&random_events(seed, 150));
        for case_id in ["C-1", "C-2", "c-2", "Ünit 3", "C-10"] {
            let events: Vec<Recorded> = log
                .iter()
                .filter(|recorded| recorded.event.case_id().is_some_and(|id| id.as_str() == case_id))
                .cloned()
                .collect();
            let folded = case::fold(&events, &Calendar::Always);
            let (contributions, clock) = step_by_step(&events, &Calendar::Always);
            assert_eq!(contributions, folded.contributions, "seed {seed}, case {case_id}");
            assert_eq!(clock, folded.clock, "seed {seed}, case {case_id}");
            assert_eq!(Fold::of(&events, &Calendar::Always).clock(), folded.clock);
            if let Some(clock) = folded.clock {
                let as_of = h(10_000);
                assert_eq!(case::clock_at(&events, &Calendar::Always, as_of), Some(clock), "seed {seed}");
            }
        }
    }
}

/// A refold names exactly what differs: here the stars change hands, and the verdict is new.
#[test]
fn a_refold_changes_what_differs_and_nothing_else() {
    let before = log([opened(0), assigned(1, "anne"), stars(2, 5)]);
    let mut after = before.clone();
    after.push(Recorded::new(decided(4, "bob").build().unwrap(), 4, h(100)));
    let mut changes = Vec::new();
    case::refold(&before, &after, &Calendar::Always, &mut changes);
    let told: Vec<String> = changes
        .iter()
        .map(|change| match change {
            Change::Add(new) => format!("+ {}", said(new)),
            Change::Remove(old) => format!("- {}", said(old)),
        })
        .collect();
    assert_eq!(told, ["- anne 2: 5 stars", "+ bob 2: 5 stars", "+ bob 4: verdict", "+ anne 4: held 3h"]);
    changes.clear();
    case::refold(&after, &after, &Calendar::Always, &mut changes);
    assert!(changes.is_empty());
}

/// A batch folds a case again only where it must: for a late event, and for a retraction of what counted.
#[test]
fn a_batch_folds_again_what_it_must() {
    let log = log([advised(0, "bot", "deny"), overrode(5, "anne"), assigned(3, "bob")]);
    let mut fold = Fold::default();
    let mut batch = Batch::default();
    batch.take(Some(&mut fold), &log[0], &Calendar::Always);
    batch.take(Some(&mut fold), &log[1], &Calendar::Always);
    assert!(batch.cases_to_fold_again().is_empty());
    batch.take(Some(&mut fold), &log[2], &Calendar::Always);
    assert_eq!(batch.cases_to_fold_again(), [super::case_id()]);
    batch.again(&super::case_id(), &log, &Calendar::Always);
    assert!(batch.cases_to_fold_again().is_empty());
    let mut standing = std::collections::BTreeMap::new();
    for change in batch.into_changes() {
        match change {
            Change::Add(new) => standing.insert(new.cursor(), new),
            Change::Remove(old) => standing.remove(&old.cursor()),
        };
    }
    let expected = case::fold(&log, &Calendar::Always).contributions;
    assert_eq!(standing.into_values().collect::<Vec<_>>(), expected);
}
