//! Processing: whose clock runs, when it ends, and what is taken out.

use apmt_core::case;
use apmt_core::event::EventBuilder;
use apmt_core::policy::Target;
use apmt_core::{ActorName, Calendar, Event};

use super::{
    advised, anne, assigned, case_id, check, closed, decided, h, log, open_at, opened, overrode, paused,
    reopened, resumed, stars, unassigned,
};

/// Pool from hour 0 to hour 4, and Anne disposes of it.
#[test]
fn case_opened_starts_the_pools_clock() {
    check([opened(0), decided(4, "anne")], &["anne 4: verdict", "anne 4: pool 4h"]);
    assert_eq!(open_at([opened(0)], 4), None, "the pool is nobody's queue");
}

/// Opened again, the pool's clock starts again: 6 − 4 hours, and the first four are nobody's contribution.
#[test]
fn case_opened_twice_starts_the_pools_clock_again() {
    check([opened(0), opened(4), decided(6, "anne")], &["anne 6: verdict", "anne 6: pool 2h"]);
}

/// The verdict of hour 2 ended the clock; reopened at hour 10, it runs from then: 13 − 10.
#[test]
fn case_reopened_starts_the_pools_clock_from_then() {
    check(
        [opened(0), decided(2, "anne"), reopened(10), decided(13, "bob")],
        &["anne 2: verdict", "anne 2: pool 2h", "bob 13: verdict", "bob 13: pool 3h"],
    );
}

/// Opening or reopening a case that somebody holds ends the holder's clock: 5 − 1.
#[test]
fn opening_a_held_case_ends_the_holders_clock() {
    for event in [opened(5), reopened(5)] {
        check(
            [assigned(1, "anne"), event, decided(9, "bob")],
            &["anne 5: held 4h", "bob 9: verdict", "bob 9: pool 4h"],
        );
    }
}

/// Anne holds it from 1 to 5, then the pool has it from 5 to 9.
#[test]
fn unassigned_ends_the_holders_clock_and_starts_the_pools() {
    check(
        [opened(0), assigned(1, "anne"), unassigned(5), decided(9, "bob")],
        &["anne 5: held 4h", "bob 9: verdict", "bob 9: pool 4h"],
    );
    assert_eq!(open_at([assigned(1, "anne"), unassigned(5)], 5), None);
}

/// It puts even a case that was never opened into the pool.
#[test]
fn unassigned_starts_the_pools_clock_from_then() {
    check([unassigned(2), decided(5, "anne")], &["anne 5: verdict", "anne 5: pool 3h"]);
    check([opened(0), unassigned(2), decided(5, "anne")], &["anne 5: verdict", "anne 5: pool 3h"]);
}

/// Taking a case from the pool contributes nothing: the hours 0 to 3 are nobody's.
#[test]
fn taking_a_case_from_the_pool_contributes_nothing() {
    check([opened(0), assigned(3, "anne")], &[]);
    check([opened(0), assigned(3, "anne"), decided(4, "anne")], &["anne 4: verdict", "anne 4: held 1h"]);
}

/// Anne from 1 to 4, Bob from 4 to 9.
#[test]
fn assigned_to_another_ends_the_former_holders_clock() {
    check(
        [assigned(1, "anne"), assigned(4, "bob"), decided(9, "bob")],
        &["anne 4: held 3h", "bob 9: verdict", "bob 9: held 5h"],
    );
}

/// The second assignment changes nothing, whatever its letters: 9 − 1.
#[test]
fn a_case_assigned_again_to_its_holder_goes_on_unchanged() {
    check(
        [assigned(1, "anne"), assigned(4, " ANNE "), decided(9, "anne")],
        &["anne 9: verdict", "anne 9: held 8h"],
    );
    assert_eq!(open_at([assigned(1, "anne"), assigned(4, "Anne")], 6), Some(("anne".to_owned(), 5.0)));
}

/// The holder's time is the holder's, though Bob decided, an agent closed, or nobody is named: 6 − 1.
#[test]
fn a_holders_time_is_the_holders_whoever_disposed_of_it() {
    check([assigned(1, "anne"), decided(6, "bob")], &["bob 6: verdict", "anne 6: held 5h"]);
    check([assigned(1, "anne"), overrode(6, "bob")], &["bob 6: override", "anne 6: held 5h"]);
    check([assigned(1, "anne"), closed(6).actor("bot")], &["anne 6: held 5h"]);
    check([assigned(1, "anne"), closed(6)], &["anne 6: held 5h"]);
}

/// Pool time, 6 − 1, goes to whoever disposed of the case.
#[test]
fn pool_time_is_the_disposing_actors() {
    check([opened(1), decided(6, "bob")], &["bob 6: verdict", "bob 6: pool 5h"]);
    check([opened(1), overrode(6, "bob")], &["bob 6: override", "bob 6: pool 5h"]);
    check([opened(1), advised(6, "bot", "deny")], &["bot 6: pool 5h"]);
    check([opened(1), closed(6).actor("bob")], &["bob 6: pool 5h"]);
}

/// A closing without an actor: pool time is counted, as nobody's.
#[test]
fn pool_time_is_nobodys_where_the_event_has_no_actor() {
    check([opened(1), closed(6)], &["nobody 6: pool 5h"]);
}

/// After the recommendation of hour 2 the case is in the pool, from then: 7 − 2.
#[test]
fn after_a_recommendation_the_case_is_in_the_pool_from_that_instant() {
    check(
        [opened(0), advised(2, "bot", "deny"), decided(7, "anne").human_verdict("deny")],
        &["bot 2: pool 2h", "anne 7: verdict", "anne 7: pool 5h", "bot 7: advice taken"],
    );
    // Even where no clock ran before: the recommendation itself contributes no time then.
    check(
        [advised(2, "bot", "deny"), decided(7, "anne").human_verdict("deny")],
        &["anne 7: verdict", "anne 7: pool 5h", "bot 7: advice taken"],
    );
    check(
        [decided(1, "anne"), advised(2, "bot", "deny"), closed(7)],
        &["anne 1: verdict", "nobody 7: pool 5h"],
    );
}

/// The agent held the case itself, from 1 to 3: its clock ends, and the pool's starts.
#[test]
fn a_recommendation_by_the_holder_ends_the_holders_clock() {
    check(
        [assigned(1, "bot"), advised(3, "BOT", "deny"), decided(7, "anne")],
        &["bot 3: held 2h", "anne 7: verdict", "anne 7: pool 4h", "bot 7: advice taken"],
    );
}

/// Anne holds the case from 1 to 7; the agent's recommendation at 3 leaves her clock alone.
#[test]
fn a_recommendation_on_a_case_that_someone_else_holds_leaves_the_clock_alone() {
    check(
        [assigned(1, "anne"), advised(3, "bot", "deny"), decided(7, "anne")],
        &["anne 7: verdict", "anne 7: held 6h", "bot 7: advice taken"],
    );
    assert_eq!(open_at([assigned(1, "anne"), advised(3, "bot", "deny")], 5), Some(("anne".to_owned(), 4.0)));
}

/// And leaves a pause alone: paused from 2 on, the clock ran from 1 to 2.
#[test]
fn a_recommendation_on_a_case_that_someone_else_holds_leaves_the_pause_alone() {
    check(
        [assigned(1, "anne"), paused(2), advised(3, "bot", "deny"), decided(7, "anne")],
        &["anne 7: verdict", "anne 7: held 1h", "bot 7: advice taken"],
    );
}

/// The verdict of hour 2, or the closing, ended it: what comes later finds no clock.
#[test]
fn after_a_verdict_or_a_closing_no_clock_runs() {
    check([opened(0), decided(2, "anne"), closed(9)], &["anne 2: verdict", "anne 2: pool 2h"]);
    check([opened(0), closed(2), decided(9, "anne")], &["nobody 2: pool 2h", "anne 9: verdict"]);
    assert_eq!(open_at([assigned(0, "anne"), decided(2, "bob")], 5), None);
}

/// Nothing was opened or assigned.
#[test]
fn a_disposal_while_no_clock_runs_contributes_no_time() {
    check([decided(2, "anne")], &["anne 2: verdict"]);
    check([closed(2).actor("anne")], &[]);
    check([advised(2, "bot", "deny")], &[]);
}

/// A disposed case may be assigned anew without being reopened: 9 − 5.
#[test]
fn assigned_after_a_disposal_starts_a_clock() {
    check(
        [opened(0), decided(2, "anne"), assigned(5, "bob"), decided(9, "bob")],
        &["anne 2: verdict", "anne 2: pool 2h", "bob 9: verdict", "bob 9: held 4h"],
    );
}

/// From 1 to 9, less the hours from 3 to 5 and from 6 to 7: 8 − 2 − 1.
#[test]
fn paused_to_resumed_is_taken_out() {
    check(
        [assigned(1, "anne"), paused(3), resumed(5), paused(6), resumed(7), decided(9, "anne")],
        &["anne 9: verdict", "anne 9: held 5h"],
    );
    check([opened(1), paused(3), resumed(5), decided(9, "anne")], &["anne 9: verdict", "anne 9: pool 6h"]);
}

/// Pausing what is paused and resuming what runs change nothing: 1 to 9, less 3 to 6.
#[test]
fn a_pause_in_a_pause_and_a_resumption_outside_one_change_nothing() {
    check(
        [assigned(1, "anne"), resumed(2), paused(3), paused(5), resumed(6), resumed(8), decided(9, "anne")],
        &["anne 9: verdict", "anne 9: held 5h"],
    );
}

/// Paused at 3, never resumed: the clock ran from 1 to 3.
#[test]
fn a_pause_not_resumed_runs_to_the_end_of_the_clock() {
    check([assigned(1, "anne"), paused(3), decided(9, "anne")], &["anne 9: verdict", "anne 9: held 2h"]);
    assert_eq!(open_at([assigned(1, "anne"), paused(3)], 50), Some(("anne".to_owned(), 2.0)));
}

/// After each of these the clock of hour 6 runs at once: 9 − 6, though nobody resumed.
#[test]
fn a_disposal_ends_a_pause() {
    for (disposal, what) in [(decided(5, "bob"), "verdict"), (overrode(5, "bob"), "override")] {
        check(
            [assigned(1, "anne"), paused(3), disposal, assigned(6, "anne"), closed(9)],
            &[&format!("bob 5: {what}"), "anne 5: held 2h", "anne 9: held 3h"],
        );
    }
    check(
        [assigned(1, "anne"), paused(3), closed(5), assigned(6, "anne"), closed(9)],
        &["anne 5: held 2h", "anne 9: held 3h"],
    );
    // A recommendation of the holder's, and one in the pool: the pool's clock runs from hour 5 on.
    check(
        [assigned(1, "bot"), paused(3), advised(5, "bot", "deny"), closed(9)],
        &["bot 5: held 2h", "nobody 9: pool 4h"],
    );
    check(
        [opened(1), paused(3), advised(5, "bot", "deny"), closed(9)],
        &["bot 5: pool 2h", "nobody 9: pool 4h"],
    );
}

/// From 5 on the pool's clock runs, though nobody resumed: 9 − 5.
#[test]
fn case_reopened_and_case_opened_end_a_pause() {
    for event in [opened(5), reopened(5)] {
        check([opened(1), paused(3), event, decided(9, "anne")], &["anne 9: verdict", "anne 9: pool 4h"]);
    }
}

/// Paused from 3 to 8 under three holders: Anne 3 − 1, the pool and Bob nothing until 8, then Bob 9 − 8.
#[test]
fn assigned_and_unassigned_do_not_end_a_pause() {
    check(
        [assigned(1, "anne"), paused(3), unassigned(5), assigned(6, "bob"), resumed(8), decided(9, "bob")],
        &["anne 5: held 2h", "bob 9: verdict", "bob 9: held 1h"],
    );
    check(
        [assigned(1, "anne"), paused(3), assigned(4, "bob"), decided(9, "bob")],
        &["anne 4: held 2h", "bob 9: verdict", "bob 9: held 0h"],
    );
}

/// A pause belongs to the case: one that begins while no clock runs stands when the next one starts (9 − 6).
#[test]
fn a_pause_while_no_clock_runs_holds_for_the_next_clock() {
    check(
        [paused(1), assigned(2, "anne"), resumed(6), decided(9, "anne")],
        &["anne 9: verdict", "anne 9: held 3h"],
    );
}

/// A day through a calendar that counts 08:00 to 16:30 in New York: Monday 2 March 2026, 13:00Z to 21:30Z.
#[test]
fn time_is_measured_through_the_stores_calendar() {
    let at = |text: &str| text.parse::<apmt_core::Timestamp>().unwrap();
    let log = log([
        Event::assigned("C", "anne").at(at("2026-03-02T20:30:00Z")),
        Event::decision("anne").case("C").at(at("2026-03-03T15:00:00Z")),
    ]);
    let folded = case::fold(&log, &Calendar::us_federal());
    let hours = folded.contributions.iter().find_map(|contribution| match contribution.measure {
        apmt_core::Measure::Processing { counted_ms, .. } => Some(counted_ms as f64 / 3_600_000.0),
        _ => None,
    });
    // An hour on Monday, and 13:00Z to 15:00Z on Tuesday.
    assert_eq!(hours, Some(3.0));
}

/// What stands in a queue is no processing contribution; it is the clock of the fold.
#[test]
fn an_open_clock_is_no_processing_contribution() {
    let log = log([opened(0), assigned(2, "anne"), paused(4), stars(5, 4)]);
    let folded = case::fold(&log, &Calendar::Always);
    assert!(!folded.contributions.iter().any(|c| c.measure.name() == "processing"));
    let clock = folded.clock.unwrap();
    assert_eq!((clock.holder.clone(), clock.case_id.clone()), (anne(), case_id()));
    assert_eq!((clock.since, clock.changed_at, clock.running_since), (h(2), h(4), None));
    assert_eq!(clock.counted_at(h(100), &Calendar::Always), 2 * 3_600_000);
}

/// At a past instant the clock stands as it stood: Anne from 2, paused from 4 to 6, Bob from 8.
#[test]
fn a_clock_at_a_past_instant() {
    let events =
        || [opened(0), assigned(2, "anne"), paused(4), resumed(6), assigned(8, "bob"), decided(9, "bob")];
    let anne = |hours: f64| Some(("anne".to_owned(), hours));
    assert_eq!(open_at(events(), 1), None);
    assert_eq!(open_at(events(), 2), anne(0.0));
    assert_eq!(open_at(events(), 3), anne(1.0));
    assert_eq!(open_at(events(), 5), anne(2.0));
    assert_eq!(open_at(events(), 7), anne(3.0));
    assert_eq!(open_at(events(), 8), Some(("bob".to_owned(), 0.0)));
    assert_eq!(open_at(events(), 9), None);
}

/// When a clock was due, or is: pauses before the due instant move it, what comes after does not.
#[test]
fn a_clock_is_due_when_it_comes_to_its_target() {
    let (ten_hours, one_day) = (Target::Counted { ms: 10 * 3_600_000 }, Target::WorkingDays(1));
    // Opened at hour 0, Anne's from hour 2.
    let due = |more: Vec<EventBuilder>, since: i64, holder: &ActorName, target| {
        let events = log([opened(0), assigned(2, "anne")].into_iter().chain(more));
        case::due(&events, &Calendar::Always, h(since), holder, target)
    };
    for more in [
        vec![],
        vec![decided(5, "anne")],
        vec![decided(30, "anne")],
        vec![paused(13), resumed(20), decided(21, "anne")],
        vec![paused(13)],
    ] {
        assert_eq!(due(more, 2, &anne(), ten_hours), Some(h(12)));
    }
    assert_eq!(due(vec![paused(4), resumed(7)], 2, &anne(), ten_hours), Some(h(15)));
    assert_eq!(due(vec![paused(4)], 2, &anne(), ten_hours), None, "nobody can say");
    assert_eq!(due(vec![paused(4), decided(40, "anne")], 2, &anne(), ten_hours), None);
    assert_eq!(due(vec![], 0, &ActorName::nobody(), ten_hours), Some(h(10)), "the pool's");
    assert_eq!(due(vec![], 1, &anne(), ten_hours), None, "there is no such clock");
    // Hour 0 is a midnight of UTC: day 1 ends with hour 48, and a day that ends in a pause is none.
    assert_eq!(due(vec![], 2, &anne(), one_day), Some(h(48).plus_millis(-1)));
    assert_eq!(due(vec![paused(47), resumed(50)], 2, &anne(), one_day), Some(h(72).plus_millis(-1)));
}

/// A clock is in time at the instant at which it is due, and not a millisecond later.
#[test]
fn what_is_due_is_overdue_a_millisecond_later() {
    let federal = Calendar::us_federal();
    let since = "2026-01-09T15:00:00-05:00".parse().unwrap();
    let events = log([Event::assigned("C", "anne").at(since)]);
    for target in [
        Target::Counted { ms: 1 },
        Target::Counted { ms: 100 * 3_600_000 },
        Target::WorkingDays(1),
        Target::WorkingDays(20),
        Target::WorkingDays(3660),
    ] {
        let due = case::due(&events, &federal, since, &anne(), target).unwrap();
        let met = |at| {
            let open = case::clock_at(&events, &federal, at).unwrap().open_at(at, &federal);
            target.is_met(open.counted_ms, open.working_day)
        };
        assert!(met(due) && !met(due.plus_millis(1)), "{target}: {due}");
    }
}
