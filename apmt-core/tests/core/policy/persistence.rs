//! Rules that must hold for a time: against a recomputation that looks back to the beginning, and case by case.

use std::sync::Arc;

use apmt_core::conformance::{now, random_events};
use apmt_core::policy::{BoundKind, Metric, PeerGroups, Policy, RuleState};
use apmt_core::time::{DAY_MS, ManualClock};
use apmt_core::{AsOf, Calendar, Day, Dossier, Event, MemoryStore, Status, Store as _, Timestamp};
use futures_lite::future::block_on;
use proptest::prelude::*;

const WINDOW: i64 = 10;

fn policy(held: u32, clear_after: u32) -> Policy {
    let days =
        |name: &str, days: u32| if days == 0 { String::new() } else { format!("    {name}: {days}d\n") };
    let text = format!(
        "name: test\nwindow_days: {WINDOW}\nrules:\n  - id: only\n    when: [override_rate > 0.3]\n    min: {{decisions: 3}}\n{}{}    then: pip\n",
        days("for", held),
        days("clear_after", clear_after)
    );
    Policy::from_yaml("test.yaml", &text).unwrap()
}

/// The noon of a day of the test.
fn noon(day: i64) -> Timestamp {
    start().plus_millis(day * DAY_MS as i64)
}

fn start() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

fn end_of(day: i64) -> Timestamp {
    Day::from_number(noon(day).day().number()).end()
}

/// A store in which each of the days has so many overrides and so many other verdicts, some of them on the day's
/// first and last millisecond.
fn store(days: &[(u64, u64)]) -> MemoryStore {
    let store = MemoryStore::with(Arc::new(ManualClock::at(noon(400))), Calendar::Always);
    let mut events = Vec::new();
    for ((overrides, others), day) in days.iter().zip(0..) {
        let at = |n: u64| match n % 3 {
            0 => noon(day).day().start(),
            1 => end_of(day),
            _ => noon(day).plus_millis(i64::try_from(n).unwrap()),
        };
        events.extend((0..*overrides).map(|n| Event::override_of("anne").at(at(n)).build().unwrap()));
        events.extend((0..*others).map(|n| Event::decision("anne").at(at(n + 1)).build().unwrap()));
    }
    block_on(store.append(events)).unwrap();
    store
}

fn ask(store: &MemoryStore, policy: &Policy, as_of: Timestamp) -> Dossier {
    block_on(store.dossier(&"anne".try_into().unwrap(), AsOf::At(as_of), policy)).unwrap()
}

/// The contract's sentences, word by word, over every evaluation since the beginning.
fn naive(evaluations: &[(Timestamp, bool)], held: u32, clear_after: u32) -> bool {
    let long = |from: Timestamp, to: Timestamp, days: u32| to.since(from) >= u64::from(days) * DAY_MS;
    let Some((as_of, _)) = evaluations.last() else { return false };
    (0..evaluations.len()).any(|last| {
        let (at, _) = evaluations[last];
        let proven = (0..=last).any(|first| {
            evaluations[first..=last].iter().all(|(_, met)| *met) && long(evaluations[first].0, at, held)
        });
        let cleared = (last + 1..evaluations.len()).any(|from| {
            (from..evaluations.len()).any(|to| {
                evaluations[from..=to].iter().all(|(_, met)| !met)
                    && long(evaluations[from].0, evaluations[to].0, clear_after)
            })
        });
        let in_time = as_of.since(at) <= WINDOW as u64 * DAY_MS;
        proven && !cleared && in_time
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// However it goes up and down, what the bounded look-back says is what a look at the whole log says.
    #[test]
    fn the_look_back_decides_as_the_whole_log_does(
        days in proptest::collection::vec((0..3_u64, 0..4_u64), 5..60),
        held in 0..9_u32,
        clear_after in 0..6_u32,
        hours in 0..24_i64,
    ) {
        let store = store(&days);
        let at_once = policy(0, 0);
        let met = |at| ask(&store, &at_once, at).status == Status::Pip;
        let mut evaluations: Vec<(Timestamp, bool)> = Vec::new();
        for day in 0..days.len() as i64 + 15 {
            let as_of = noon(day).day().start().plus_millis(hours * 3_600_000);
            evaluations.push((as_of, met(as_of)));
            let expected = naive(&evaluations, held, clear_after);
            let found = ask(&store, &policy(held, clear_after), as_of);
            prop_assert_eq!(found.status == Status::Pip, expected, "day {}, {:?}", day, found.explanations);
            evaluations.pop();
            evaluations.push((end_of(day), met(end_of(day))));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A replay says of each day what a dossier as of its end says.
    #[test]
    fn a_replay_is_a_dossier_a_day(
        days in proptest::collection::vec((0..3_u64, 0..4_u64), 20..60),
        held in 0..9_u32,
        clear_after in 0..6_u32,
        from in 0..20_i64,
    ) {
        let (store, policy) = (store(&days), policy(held, clear_after));
        let (from, to) = (noon(from).day(), noon(days.len() as i64 + 5).day());
        let reach = policy.replay_reach(from, to);
        let activity = block_on(store.activity(&"anne".try_into().unwrap(), reach)).unwrap();
        let stretches = policy.replay(None, &activity.days, &PeerGroups::none(), from, to);
        for day in (from.number()..=to.number()).map(Day::from_number) {
            let raised = stretches
                .iter()
                .any(|stretch| stretch.from <= day && stretch.until.is_none_or(|until| day < until));
            prop_assert_eq!(raised, ask(&store, &policy, day.end()).status == Status::Pip, "{:?}", day);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// What slides over past days comes to what the dossiers as of their ends say, whatever a rule looks at.
    #[test]
    fn every_metric_is_the_same_on_past_days(
        seed: u64,
        metric in prop::sample::select(Metric::ALL),
        bounded: bool,
        threshold in prop_oneof![0.0..1.0, 0.0..80.0_f64],
        above: bool,
        held in 0..3_u32,
        clear_after in 0..3_u32,
    ) {
        prop_assume!(!metric.is_of_open_cases());
        let bound = BoundKind::of(metric).first().filter(|_| bounded);
        let bound = bound.map_or_else(String::new, |bound| format!(", bound: {bound}"));
        let side = if above { "above" } else { "at_most" };
        let lasting = |name, days| if days > 0 { format!(", {name}: {days}d") } else { String::new() };
        let lasting = lasting("for", held) + &lasting("clear_after", clear_after);
        let policy = Policy::from_yaml("p.yaml", &format!(
            "{{name: p, window_days: 7, sla: {{target: 30h, tracks: {{simple: 1 working day}}}}, rules: [{{id: r, \
             when: [{{metric: {metric}, {side}: {threshold}{bound}}}]{lasting}, then: watch}}]}}"
        )).unwrap();
        let store = MemoryStore::with(Arc::new(ManualClock::at(now())), Calendar::Always);
        block_on(store.append(random_events(seed, 200))).unwrap();
        let (from, to) = (now().plus_millis(-20 * DAY_MS as i64).day(), now().day());
        let everybody =
            block_on(store.activities(policy.replay_reach(from, to), None, usize::MAX)).unwrap();
        for activity in everybody {
            let stretches = policy.replay(activity.actor_kind, &activity.days, &PeerGroups::none(), from, to);
            for day in (from.number()..=to.number()).map(Day::from_number) {
                let raised = stretches
                    .iter()
                    .any(|stretch| stretch.from <= day && stretch.until.is_none_or(|until| day < until));
                let dossier = store.dossier(&activity.actor, AsOf::At(day.end()), &policy);
                let dossier = block_on(dossier).unwrap();
                prop_assert_eq!(raised, dossier.status == Status::Watch, "{:?}: {:?}", day, dossier);
            }
        }
    }
}

/// Twelve days over the limit, a week away, and then not again.
fn spell() -> MemoryStore {
    let mut days = vec![(2, 2); 13];
    days.extend([(0, 9); 30]);
    store(&days)
}

#[test]
fn a_rule_is_pending_until_it_has_held_for_long_enough() {
    let (store, policy) = (spell(), policy(7, 0));
    // Day 0 has four decisions, two of them overrides: it holds from the end of that day on.
    let explained = |at| ask(&store, &policy, at).explanations.remove(0);
    let pending = explained(noon(6));
    assert_eq!(
        (pending.state, pending.held_since, pending.held_days),
        (RuleState::Pending, Some(end_of(0)), Some(5))
    );
    assert_eq!(ask(&store, &policy, noon(6)).status, Status::Good);
    assert_eq!(explained(end_of(7).plus_millis(-1)).state, RuleState::Pending, "a millisecond is missing");
    let raised = explained(end_of(7));
    assert_eq!((raised.state, raised.held_days, raised.for_days), (RuleState::Raised, Some(7), Some(7)));
    assert_eq!(ask(&store, &policy, end_of(7)).status, Status::Pip);
}

#[test]
fn a_rule_that_clears_late_says_since_when_and_until_when() {
    let store = spell();
    let (at_once, late) = (policy(7, 0), policy(7, 5));
    let first_clear =
        (13..40).find(|day| ask(&store, &at_once, end_of(*day)).status == Status::Good).unwrap();
    let clearing = ask(&store, &late, end_of(first_clear + 2));
    let explained = &clearing.explanations[0];
    assert_eq!((explained.state, explained.clearing_since), (RuleState::Clearing, Some(end_of(first_clear))));
    assert_eq!((clearing.status, clearing.reasons[0].clearing), (Status::Pip, true));
    assert_eq!(
        clearing.reasons[0].to_string(),
        "only: no longer holds, but has not for long enough to clear"
    );
    let clears = explained.clears.as_ref().unwrap().without_more;
    assert_eq!(clears, Some(end_of(first_clear + 5)));
    assert_eq!(ask(&store, &late, end_of(first_clear + 5).plus_millis(-1)).status, Status::Pip);
    assert_eq!(ask(&store, &late, end_of(first_clear + 5)).status, Status::Good);
}

/// What is promised if nothing more happens is what comes if nothing more happens.
#[test]
fn without_more_it_clears_when_it_says() {
    let store = store(&[(2, 2); 13]);
    for policy in [policy(0, 0), policy(7, 0), policy(7, 5), policy(0, 5)] {
        let raised = ask(&store, &policy, end_of(12));
        assert_eq!(raised.status, Status::Pip);
        let clears = raised.explanations[0].clears.as_ref().unwrap().without_more.unwrap();
        assert_eq!(ask(&store, &policy, clears).status, Status::InsufficientData);
        let before = ask(&store, &policy, clears.plus_millis(-(DAY_MS as i64)));
        assert_eq!(before.status, Status::Pip, "{clears}");
    }
}

#[test]
fn whoever_was_active_before_the_window_alone_is_on_no_scoreboard() {
    let store = store(&[(2, 2); 3]);
    let event = Event::decision("bob").at(noon(20)).build().unwrap();
    block_on(store.append(vec![event])).unwrap();
    let policy = policy(7, 5);
    let all = block_on(store.dossiers(AsOf::At(noon(20)), &policy, None, 10)).unwrap();
    let names: Vec<&str> = all.iter().map(|dossier| dossier.actor.as_str()).collect();
    assert_eq!(names, ["bob"]);
    assert_eq!(
        all[0],
        block_on(store.dossier(&"bob".try_into().unwrap(), AsOf::At(noon(20)), &policy)).unwrap()
    );
}

#[test]
fn a_policy_reads_as_far_as_it_looks_back_and_no_farther() {
    let length = |policy: &Policy| {
        let window = policy.reach(noon(200)).activity;
        window.until.since(window.after) / DAY_MS
    };
    assert_eq!(length(&policy(0, 0)), 10);
    assert_eq!(policy(0, 0).reach(noon(200)).before, None);
    // The days of the window and those of the look-back, each whole, and today's half.
    assert_eq!(length(&policy(7, 0)), 10 + 7);
    assert_eq!(length(&policy(7, 5)), 10 + 7 + 10);
    assert_eq!(length(&policy(0, 5)), 10 + 5);
    assert_eq!(length(&policy(0, 50)), 10 + 10);
}
