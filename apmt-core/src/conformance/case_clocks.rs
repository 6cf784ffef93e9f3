//! Open clocks at any instant, and the calendar that time is measured through.

use super::bench::{Bench, Trial, hour, hours, now, said, time};
use crate::calendar::Calendar;
use crate::contribution::Measure;
use crate::dossier::Dossier;
use crate::event::Event;
use crate::metrics::OfTrack;
use crate::name::{CaseId, Track};
use crate::policy::Policy;
use crate::time::{Timestamp, Window};

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

/// The day after the one on which a clock starts is day 1; weekends and holidays are none, nor is a day that ends in a
/// pause. A case is in time to the last millisecond of the last day, in the calendar's zone.
pub async fn working_days_are_counted_as_foia_counts(bench: &Bench) {
    let trial = bench.store_with(Calendar::us_federal()).await;
    // Friday 9 January 2026, in New York; Monday 19 January is a holiday.
    let (start, pause, resume) = (
        time("2026-01-09T15:00:00-05:00"),
        time("2026-01-13T09:00:00-05:00"),
        time("2026-01-15T09:00:00-05:00"),
    );
    trial
        .append([
            Event::assigned("C-1", ANNE).at(start),
            Event::paused("C-1").at(pause),
            Event::resumed("C-1").at(resume),
            Event::decision(ANNE).case("C-1").at(time("2026-01-22T10:00:00-05:00")),
        ])
        .await;
    for (as_of, day) in [
        ("2026-01-09T23:59:59.999-05:00", 1),
        ("2026-01-11T12:00:00-05:00", 1),
        ("2026-01-12T23:59:59.999-05:00", 1),
        ("2026-01-13T00:00:00-05:00", 2),
        ("2026-01-14T20:00:00-05:00", 2),
        // Tuesday and Wednesday ended in the pause.
        ("2026-01-15T23:59:59.999-05:00", 2),
        ("2026-01-16T00:00:00-05:00", 3),
        ("2026-01-17T00:00:00-05:00", 4),
        ("2026-01-20T23:59:59.999-05:00", 4),
        ("2026-01-21T00:00:00-05:00", 5),
    ] {
        let open = trial.open(ANNE, time(as_of)).await;
        assert_eq!(open.iter().map(|case| case.working_day).collect::<Vec<_>>(), [day], "{as_of}");
    }
    let processing = trial.contributions(ANNE).await.into_iter().find_map(|one| match one.measure {
        Measure::Processing { working_day, .. } => Some(working_day),
        _ => None,
    });
    assert_eq!(processing, Some(6));
    for (target, met) in [("5 working days", 0), ("6 working days", 1)] {
        let policy = policy(&format!("{{target: {target}}}"));
        let dossiers = trial.dossiers_under(&policy, now()).await;
        assert_eq!(dossiers[0].metrics.sla.as_ref().map(|sla| sla.met), Some(met), "{target}");
    }
}

fn policy(sla: &str) -> Policy {
    Policy::from_yaml("targets", &format!("name: targets\nsla: {sla}\nrules: []\n"))
        .expect("the policy is valid")
}

/// What a case's opening said of its track is on all that follows; each case is measured by its own track's target.
pub async fn tracks_tell_cases_apart(bench: &Bench) {
    let trial = bench.store().await;
    trial
        .append([
            Event::case_opened("C-1").track(" Simple ").at(hour(0)),
            Event::assigned("C-1", ANNE).at(hour(0)),
            Event::decision(ANNE).case("C-1").at(hour(30)),
            Event::case_opened("C-2").track("complex").at(hour(0)),
            Event::assigned("C-2", ANNE).at(hour(0)),
            Event::override_of(ANNE).case("C-2").at(hour(30)),
            Event::assigned("C-3", ANNE).at(hour(0)),
            Event::decision(ANNE).case("C-3").at(hour(30)),
            Event::case_opened("C-4").track("SIMPLE").at(hour(20)),
            Event::assigned("C-4", ANNE).at(hour(20)),
        ])
        .await;
    let tracks = trial.contributions(ANNE).await.into_iter().map(|one| (one.case_id, one.track));
    for (case_id, track) in tracks {
        let expected = match case_id.as_ref().map(CaseId::as_str) {
            Some("C-1") => Some("simple"),
            Some("C-2") => Some("complex"),
            _ => None,
        };
        assert_eq!(track.as_ref().map(Track::as_str), expected, "{case_id:?}");
    }
    let policy = policy("{target: 40h, tracks: {Simple: 24h, expedited: 1 working day}}");
    let dossier = trial.dossiers_under(&policy, hour(50)).await.remove(0).metrics;
    assert_eq!(dossier.sla.as_ref().map(|sla| (sla.met, sla.breached)), Some((2, 1)));
    assert_eq!(dossier.open.overdue, Some(1), "30 hours on a simple case");
    let of = |track: &OfTrack| {
        (track.track.to_string(), track.decisions, track.overrides, track.open, track.overdue)
    };
    let found: Vec<_> = dossier.tracks.iter().map(of).collect();
    assert_eq!(
        found,
        [("complex".to_owned(), 1, 1, 0, Some(0)), ("simple".to_owned(), 1, 0, 1, Some(1))],
        "by name; C-3 has none"
    );
    // The part of the activity that is of one track, on a day that the window cuts through too.
    for window in [Window::days_until(90, hour(50)), Window { after: hour(29), until: hour(31) }] {
        let simple = trial.activity(ANNE, window).await.of_track(&Track::from_stored("simple"));
        let metrics = Dossier::of(&simple, window.until, &policy).metrics;
        assert_eq!((metrics.decisions, metrics.sla.map(|sla| sla.breached)), (1, Some(1)));
        assert_eq!((metrics.open.count, metrics.tracks.len()), (1, 1));
    }
    // Taken back, the opening has said nothing.
    let opening = trial.case("C-2").await[0].id;
    trial.append([Event::retraction(opening, "by mistake").at(hour(31))]).await;
    let metrics = trial.dossiers_under(&policy, hour(50)).await.remove(0).metrics;
    assert_eq!(metrics.tracks.iter().map(|of| of.track.as_str()).collect::<Vec<_>>(), ["simple"]);
}
