//! Open clocks at any instant, and the calendar that time is measured through.

use super::bench::{Bench, Trial, hour, hours, now, said, time};
use crate::calendar::Calendar;
use crate::event::Event;
use crate::time::Timestamp;

const ANNE: &str = "anne@sba.gov";
const BOB: &str = "bob@sba.gov";

/// Milliseconds on each open clock, by case id.
async fn open(trial: &Trial, actor: &str, as_of: Timestamp) -> Vec<(String, u64)> {
    let open = trial.open(actor, as_of).await;
    open.iter().map(|case| (case.case_id.to_string(), case.counted_ms)).collect()
}

fn on(case_id: &str, counted_ms: u64) -> Vec<(String, u64)> {
    vec![(case_id.to_owned(), counted_ms)]
}

/// A clock that runs is no contribution, and is shown beside them.
pub async fn a_case_stands_open_on_its_holders_clock(bench: &Bench) {
    let trial = bench.store().await;
    trial.append([Event::case_opened("C-1").at(hour(0)), Event::assigned("C-1", ANNE).at(hour(2))]).await;
    assert_eq!(open(&trial, ANNE, hour(12)).await, on("C-1", hours(10)));
    assert!(trial.contributions(ANNE).await.is_empty());
    let dossier = trial.dossier(ANNE, hour(12)).await;
    assert_eq!((dossier.metrics.open.count, dossier.metrics.open.oldest_hours), (1, Some(10.0)));
    assert_eq!(dossier.metrics.processing_hours.count, 0);
    trial.append([Event::unassigned("C-1").at(hour(20))]).await;
    assert!(open(&trial, ANNE, hour(21)).await.is_empty(), "the pool holds it now");
}

/// Open at the instant it starts, not before; no longer at the instant it ends.
pub async fn a_case_is_open_from_the_instant_it_was_assigned_until_it_ends(bench: &Bench) {
    let trial = bench.store().await;
    let (start, end) = (hour(2), hour(30));
    trial.append([Event::assigned("C-1", ANNE).at(start), Event::decision(ANNE).case("C-1").at(end)]).await;
    assert!(open(&trial, ANNE, start.plus_millis(-1)).await.is_empty());
    assert_eq!(open(&trial, ANNE, start).await, on("C-1", 0));
    assert_eq!(open(&trial, ANNE, start.plus_millis(1)).await, on("C-1", 1));
    assert_eq!(open(&trial, ANNE, end.plus_millis(-1)).await, on("C-1", hours(28) - 1));
    assert!(open(&trial, ANNE, end).await.is_empty());
    assert!(open(&trial, ANNE, end.plus_millis(1)).await.is_empty());
}

/// A pause stands still on the clock: in its midst, after it, before it, on a clock that runs and on one that ended.
pub async fn open_clocks_leave_pauses_out(bench: &Bench) {
    let trial = bench.store().await;
    trial
        .append([
            Event::assigned("C-1", ANNE).at(hour(0)),
            Event::paused("C-1").at(hour(4)),
            Event::resumed("C-1").at(hour(10)),
            Event::paused("C-1").at(hour(13)),
        ])
        .await;
    let expected = [(2, 2), (4, 4), (7, 4), (10, 4), (12, 6), (13, 7), (100, 7)];
    for (as_of, counted) in expected {
        assert_eq!(open(&trial, ANNE, hour(as_of)).await, on("C-1", hours(counted)), "at hour {as_of}");
    }
    trial.append([Event::assigned("C-1", BOB).at(hour(200))]).await;
    for (as_of, counted) in expected {
        assert_eq!(
            open(&trial, ANNE, hour(as_of)).await,
            on("C-1", hours(counted)),
            "at hour {as_of}, ended since"
        );
    }
    assert_eq!(open(&trial, BOB, hour(300)).await, on("C-1", 0), "the pause goes on under the next holder");
    trial.append([Event::resumed("C-1").at(hour(310))]).await;
    assert_eq!(open(&trial, BOB, hour(300)).await, on("C-1", 0));
    assert_eq!(open(&trial, BOB, hour(312)).await, on("C-1", hours(2)));
}

/// Whatever happened later, at a past instant the case stood where it stood.
pub async fn a_clock_that_has_ended_since_was_open_then(bench: &Bench) {
    let trial = bench.store().await;
    trial
        .append_each([
            Event::case_opened("C-1").at(hour(0)),
            Event::assigned("C-1", ANNE).at(hour(1)),
            Event::assigned("C-1", BOB).at(hour(5)),
            Event::assigned("C-1", ANNE).at(hour(50)),
            Event::recommendation_of(ANNE, "C-1", "deny").at(hour(60)),
            Event::assigned("C-1", ANNE).at(hour(70)),
            Event::decision(BOB).case("C-1").at(hour(80)),
            Event::case_reopened("C-1").at(hour(90)),
            Event::assigned("C-1", BOB).at(hour(95)),
        ])
        .await;
    for (as_of, anne, bob) in [
        (0, None, None),
        (3, Some(2), None),
        (5, None, Some(0)),
        (49, None, Some(44)),
        (55, Some(5), None),
        (65, None, None),
        (79, Some(9), None),
        (80, None, None),
        (92, None, None),
        (500, None, Some(405)),
    ] {
        let on_clock =
            |counted: Option<u64>| counted.map_or_else(Vec::new, |counted| on("C-1", hours(counted)));
        assert_eq!(open(&trial, ANNE, hour(as_of)).await, on_clock(anne), "Anne at hour {as_of}");
        assert_eq!(open(&trial, BOB, hour(as_of)).await, on_clock(bob), "Bob at hour {as_of}");
    }
}

/// By the bytes of their ids, whenever they were assigned.
pub async fn open_cases_come_by_case_id(bench: &Bench) {
    let trial = bench.store().await;
    trial
        .append(["C-9", "C-10", "a", "Z", "ß"].map(|case_id| Event::assigned(case_id, ANNE).at(hour(1))))
        .await;
    trial.append([Event::decision(ANNE).case("Z").at(hour(5))]).await;
    let ids = async |as_of| -> Vec<String> {
        trial.open(ANNE, as_of).await.iter().map(|case| case.case_id.to_string()).collect()
    };
    assert_eq!(ids(hour(3)).await, ["C-10", "C-9", "Z", "a", "ß"]);
    assert_eq!(ids(hour(5)).await, ["C-10", "C-9", "a", "ß"]);
}

/// A retracted assignment never was; a retracted decision leaves the case where it stood.
pub async fn a_retracted_assignment_opens_nothing(bench: &Bench) {
    let trial = bench.store().await;
    let id = uuid::Uuid::from_u128;
    trial
        .append([
            Event::assigned("C-1", ANNE).at(hour(0)),
            Event::assigned("C-1", BOB).id(id(1)).at(hour(10)),
            Event::assigned("C-2", BOB).at(hour(0)),
            Event::decision(BOB).case("C-2").id(id(2)).at(hour(10)),
        ])
        .await;
    trial.append([Event::retraction(id(1), "wrong officer"), Event::retraction(id(2), "wrong case")]).await;
    assert_eq!(open(&trial, ANNE, hour(30)).await, on("C-1", hours(30)));
    assert_eq!(open(&trial, BOB, hour(30)).await, on("C-2", hours(30)));
    assert_eq!(open(&trial, BOB, hour(5)).await, on("C-2", hours(5)), "at a past instant too");
}

/// The federal calendar counts 08:00 to 16:30 in New York, Monday to Friday.
pub async fn processing_is_measured_through_the_calendar(bench: &Bench) {
    let trial = bench.store_with(Calendar::us_federal()).await;
    let status = trial.store.status().await.unwrap();
    assert_eq!(status.calendar, Calendar::us_federal().digest());
    assert_ne!(status.calendar, Calendar::Always.digest());
    trial
        .append([
            // Friday 15:30 in New York to Monday 09:00: an hour on Friday, an hour on Monday.
            Event::assigned("C-1", ANNE).at(time("2026-02-27T15:30:00-05:00")),
            Event::decision(ANNE).case("C-1").at(time("2026-03-02T09:00:00-05:00")),
            // Over the change to daylight saving on Sunday 8 March: half an hour, and then an hour.
            Event::assigned("C-2", ANNE).at(time("2026-03-06T16:00:00-05:00")),
            Event::decision(ANNE).case("C-2").at(time("2026-03-09T09:00:00-04:00")),
            // A pause from 10:00 to 12:00 of a Wednesday, in a case from 09:00 to 17:00: 7.5 hours less 2.
            Event::assigned("C-3", ANNE).at(time("2026-03-11T09:00:00-04:00")),
            Event::paused("C-3").at(time("2026-03-11T10:00:00-04:00")),
            Event::resumed("C-3").at(time("2026-03-11T12:00:00-04:00")),
            Event::decision(ANNE).case("C-3").at(time("2026-03-11T17:00:00-04:00")),
            // Open since Thursday 12 March, 16:00: at Friday 09:00, half an hour and an hour.
            Event::assigned("C-4", ANNE).at(time("2026-03-12T16:00:00-04:00")),
        ])
        .await;
    let held: Vec<String> =
        trial.contributions(ANNE).await.iter().map(said).filter(|said| said.starts_with("held")).collect();
    let expected = [hours(2), hours(3) / 2, hours(11) / 2].map(|ms| format!("held {ms}"));
    assert_eq!(held, expected);
    assert_eq!(open(&trial, ANNE, time("2026-03-13T09:00:00-04:00")).await, on("C-4", hours(3) / 2));
    assert_eq!(
        open(&trial, ANNE, time("2026-03-11T11:00:00-04:00")).await,
        on("C-3", hours(1)),
        "in the pause"
    );
    assert_eq!(trial.dossier(ANNE, now()).await.metrics.avg_processing_hours, Some(3.0));
}
