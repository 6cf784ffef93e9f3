//! Late events and retractions: what counts is a function of the set of events, however they arrived.

use uuid::Uuid;

use super::bench::{Bench, Trial, hour, hours, now, said};
use crate::event::{Event, EventBuilder};

const ANNE: &str = "anne@sba.gov";
const BOB: &str = "bob@sba.gov";

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn retraction(of: u128) -> EventBuilder {
    Event::retraction(id(of), "typed by mistake").at(hour(500))
}

/// What counts for an actor, in a few words each.
async fn counts(trial: &Trial, actor: &str) -> Vec<String> {
    trial.contributions(actor).await.iter().map(said).collect()
}

/// Anne holds the case from hour 1 and decides at hour 5; then it turns out that Bob took it over at hour 3.
pub async fn a_late_event_changes_what_counts(bench: &Bench) {
    let trial = bench.store().await;
    trial
        .append([Event::assigned("C-1", ANNE).at(hour(1)), Event::decision(ANNE).case("C-1").at(hour(5))])
        .await;
    assert_eq!(counts(&trial, ANNE).await, ["verdict".to_owned(), format!("held {}", hours(4))]);
    trial.append([Event::assigned("C-1", BOB).at(hour(3))]).await;
    assert_eq!(counts(&trial, ANNE).await, [format!("held {}", hours(2)), "verdict".to_owned()]);
    assert_eq!(counts(&trial, BOB).await, [format!("held {}", hours(2))]);
}

/// Stars that arrive after two verdicts, but were given between them, go to the first one's actor.
pub async fn late_stars_go_to_the_verdict_before_them(bench: &Bench) {
    let trial = bench.store().await;
    trial
        .append([Event::decision(ANNE).case("C-1").at(hour(1)), Event::decision(BOB).case("C-1").at(hour(3))])
        .await;
    trial.append([Event::sat_score(2).case("C-1").at(hour(2))]).await;
    assert_eq!(counts(&trial, ANNE).await, ["verdict", "stars 2"]);
    assert_eq!(counts(&trial, BOB).await, ["verdict"]);
}

/// Stars go from nobody to whoever closes the case, and from there to whoever decides it.
pub async fn a_later_verdict_takes_the_stars(bench: &Bench) {
    let trial = bench.store().await;
    trial.append([Event::sat_score(4).case("C-1").at(hour(1))]).await;
    assert_eq!(counts(&trial, "").await, ["stars 4"]);
    trial.append([Event::case_closed("C-1").actor(ANNE).at(hour(2))]).await;
    assert!(counts(&trial, "").await.is_empty());
    assert_eq!(counts(&trial, ANNE).await, ["stars 4"]);
    trial.append([Event::decision(BOB).case("C-1").at(hour(3))]).await;
    assert!(counts(&trial, ANNE).await.is_empty());
    assert_eq!(counts(&trial, BOB).await, ["stars 4", "verdict"]);
    assert_eq!(trial.dossier(BOB, now()).await.metrics.sat.histogram, [0, 0, 0, 1, 0]);
    assert_eq!(trial.dossier(ANNE, now()).await.metrics.sat.count, 0);
}

/// The log keeps both; the event is marked, and counts no more.
pub async fn a_retraction_after_its_event(bench: &Bench) {
    let trial = bench.store().await;
    trial
        .append([
            Event::assigned("C-1", ANNE).at(hour(1)),
            Event::override_of(ANNE).case("C-1").id(id(1)).at(hour(4)),
        ])
        .await;
    trial.append([retraction(1)]).await;
    assert!(counts(&trial, ANNE).await.is_empty());
    let open = trial.open(ANNE, hour(11)).await;
    assert_eq!(
        open.iter().map(|case| case.counted_ms).collect::<Vec<_>>(),
        [hours(10)],
        "the case is hers still"
    );
    let marks: Vec<bool> = trial.log().await.iter().map(|recorded| recorded.retracted).collect();
    assert_eq!(marks, [false, true, false]);
    assert!(trial.store.event(id(1)).await.unwrap().is_some_and(|recorded| recorded.retracted));
    let marks: Vec<bool> = trial.case("C-1").await.iter().map(|recorded| recorded.retracted).collect();
    assert_eq!(marks, [false, true]);
}

/// A retraction that comes before what it retracts holds all the same.
pub async fn a_retraction_before_its_event(bench: &Bench) {
    let trial = bench.store().await;
    trial.append([retraction(1), retraction(2)]).await;
    trial
        .append([
            Event::override_of(ANNE).case("C-1").id(id(1)).at(hour(4)),
            Event::decision(ANNE).id(id(2)).at(hour(5)),
            Event::decision(ANNE).id(id(3)).at(hour(6)),
        ])
        .await;
    assert_eq!(counts(&trial, ANNE).await, ["verdict"]);
    let marks: Vec<bool> = trial.log().await.iter().map(|recorded| recorded.retracted).collect();
    assert_eq!(marks, [false, false, true, true, false]);
}

/// In one batch, in either order.
pub async fn a_retraction_in_the_batch_of_its_event(bench: &Bench) {
    let trial = bench.store().await;
    trial
        .append([
            Event::decision(ANNE).case("C-1").id(id(1)).at(hour(1)),
            retraction(1),
            retraction(2),
            Event::decision(ANNE).case("C-1").id(id(2)).at(hour(2)),
            Event::override_of(ANNE).case("C-1").id(id(3)).at(hour(3)),
            Event::decision(ANNE).id(id(4)).at(hour(4)),
            retraction(4),
        ])
        .await;
    assert_eq!(counts(&trial, ANNE).await, ["override"]);
}

/// An event without a case is taken back too.
pub async fn a_retraction_of_an_event_without_a_case(bench: &Bench) {
    let trial = bench.store().await;
    trial
        .append([
            Event::override_of(ANNE).id(id(1)).at(hour(1)),
            Event::sat_score(1).actor(ANNE).id(id(2)).at(hour(2)),
            Event::decision(ANNE).id(id(3)).at(hour(3)),
        ])
        .await;
    trial.append([retraction(1), retraction(2)]).await;
    assert_eq!(counts(&trial, ANNE).await, ["verdict"]);
    let metrics = trial.dossier(ANNE, now()).await.metrics;
    assert_eq!((metrics.decisions, metrics.overrides, metrics.sat.count), (1, 0, 0));
}

/// A retraction may name what never comes; that it has a case of its own changes nothing either.
pub async fn a_retraction_of_what_is_not_known_changes_nothing(bench: &Bench) {
    let trial = bench.store().await;
    trial
        .append([
            Event::decision(ANNE).case("C-1").id(id(1)).at(hour(1)),
            retraction(99).case("C-1").actor(ANNE),
            Event::retraction(id(98), "nothing").id(id(98)).at(hour(2)),
        ])
        .await;
    assert_eq!(counts(&trial, ANNE).await, ["verdict"]);
    let marks: Vec<bool> = trial.log().await.iter().map(|recorded| recorded.retracted).collect();
    assert_eq!(marks, [false, false, true], "a retraction may even name itself");
}

/// A retracted event never counts again: not even when its retraction is retracted, before or after.
pub async fn a_retraction_of_a_retraction_changes_nothing(bench: &Bench) {
    let trial = bench.store().await;
    trial
        .append([
            Event::decision(ANNE).case("C-1").id(id(1)).at(hour(1)),
            Event::decision(ANNE).case("C-1").id(id(2)).at(hour(2)),
            Event::decision(ANNE).case("C-1").id(id(3)).at(hour(3)),
        ])
        .await;
    trial.append([retraction(1).id(id(11)).case("C-1")]).await;
    trial.append([retraction(11).id(id(12))]).await;
    trial.append([retraction(22)]).await;
    trial.append([retraction(2).id(id(22))]).await;
    assert_eq!(counts(&trial, ANNE).await, ["verdict"], "only the third counts");
}

/// Two retractions of one event take it back once.
pub async fn a_retraction_twice_counts_once(bench: &Bench) {
    let trial = bench.store().await;
    trial
        .append([Event::decision(ANNE).id(id(1)).at(hour(1)), Event::decision(ANNE).id(id(2)).at(hour(1))])
        .await;
    trial.append([retraction(1), retraction(1)]).await;
    trial.append([retraction(1)]).await;
    assert_eq!(counts(&trial, ANNE).await, ["verdict"]);
    assert_eq!(trial.dossier(ANNE, now()).await.metrics.decisions, 1);
    // The same in a case, where the second retraction finds the case folded without the event already.
    trial
        .append([
            Event::assigned("C-1", BOB).at(hour(1)),
            Event::decision(BOB).case("C-1").id(id(3)).at(hour(3)),
            Event::override_of(BOB).case("C-1").at(hour(5)),
        ])
        .await;
    for _ in 0..2 {
        trial.append([retraction(3)]).await;
        assert_eq!(counts(&trial, BOB).await, ["override".to_owned(), format!("held {}", hours(4))]);
        assert_eq!(trial.dossier(BOB, now()).await.metrics.decisions, 1);
    }
}

/// All that makes a case be folded again, in one batch.
pub async fn a_retraction_and_a_late_event_in_one_batch(bench: &Bench) {
    let trial = bench.store().await;
    trial
        .append([
            Event::case_opened("C-1").at(hour(0)),
            Event::assigned("C-1", ANNE).id(id(1)).at(hour(2)),
            Event::decision(ANNE).case("C-1").at(hour(9)),
        ])
        .await;
    trial
        .append([
            Event::assigned("C-1", BOB).at(hour(4)),
            retraction(1),
            Event::override_of(BOB).case("C-1").id(id(2)).at(hour(20)),
            Event::paused("C-1").at(hour(6)),
            retraction(2),
            Event::resumed("C-1").at(hour(7)),
        ])
        .await;
    assert_eq!(counts(&trial, ANNE).await, ["verdict"]);
    // Bob's clock: hour 4 to hour 9, less the hour paused.
    assert_eq!(counts(&trial, BOB).await, [format!("held {}", hours(4))]);
}

/// An assignment in the middle of a long case is taken back: the clock before it goes on.
pub async fn a_retraction_of_the_middle_of_a_case(bench: &Bench) {
    let trial = bench.store().await;
    let mut events = vec![Event::case_opened("C-1").at(hour(0))];
    events.extend((1..=40).map(|n| {
        let actor = if n % 2 == 0 { ANNE } else { BOB };
        Event::assigned("C-1", actor).id(id(n)).at(hour(i64::try_from(n).unwrap()))
    }));
    trial.append_each(events).await;
    assert_eq!(counts(&trial, ANNE).await.len(), 19);
    trial.append([retraction(20)]).await;
    // Without Anne's 20th hour, Bob's clock of hour 19 runs through to hour 22, for hour 21 was his as well.
    assert_eq!(counts(&trial, ANNE).await.len(), 18);
    let bobs = counts(&trial, BOB).await;
    assert_eq!(bobs.iter().filter(|said| **said == format!("held {}", hours(3))).count(), 1, "{bobs:?}");
}
