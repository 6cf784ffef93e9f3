//! Judging: how a rule that must hold for a time is evaluated, from the log alone.
//!
//! # Evaluations
//! A rule with `for` or `clear_after` is evaluated **at the end of each UTC day, and at `as_of`**. At the end of a day its
//! window is that day and the `window_days` − 1 before it, all whole; at `as_of` it is the dossier's own. So the past
//! evaluations of two dossiers of one actor are the same ones, at whatever time of day each was asked for, and a verdict
//! can be replayed from the log, the policy and `as_of`; nothing is remembered between two questions.
//!
//! A window slides from one evaluation to the next by adding a day's tally and taking one away, and a day on which
//! neither changes is not evaluated again.
//!
//! # When a rule is raised
//! - It is **raised** at an evaluation at which it holds, and has held at every evaluation since one that lies `for` or
//!   longer ago.
//! - Once raised, it **stays** so until it has held at no evaluation for `clear_after`, or until `window_days` have
//!   passed since the last evaluation at which it had held for `for`: by then nothing that it was raised upon counts any
//!   more. Without `clear_after` it stays no longer than it holds.
//! - An evaluation with less than the rule's `min` is one at which it does not hold.
//!
//! The second half of the second sentence is what bounds the look-back: `for` + `window_days` of evaluations decide, each
//! with a window of its own, and nothing that is older can change a verdict.

pub(super) mod replay;
mod rolling;
mod watch;

use std::ops::ControlFlow;

pub use replay::Stretch;

use super::Policy;
use super::bound::Sample;
use super::condition::Condition;
use super::explanation::{Clears, Explanation, Minimum, RuleState};
use super::metric::Metric;
use super::peers::{Among, Evaluation, PeerGroups};
use super::remedy::remedies;
use super::rule::Rule;
use crate::metrics::Metrics;
use crate::store::Activity;
use crate::tally::{Durations, Tally};
use crate::time::{DAY_MS, Day, Timestamp};
use rolling::Rolling;
use watch::Watch;

/// What every rule of the policy comes to for an actor.
pub(super) fn explain(
    policy: &Policy,
    activity: &Activity,
    metrics: &Metrics,
    groups: &PeerGroups,
    as_of: Timestamp,
) -> Vec<Explanation> {
    let times: Vec<&Durations> = activity.days.iter().map(|(_, tally)| &tally.processing).collect();
    let now = Sample { metrics, times: &times };
    let among = Among::new(groups, activity.actor_kind);
    let mut watches: Vec<Watch<'_>> = policy
        .rules()
        .iter()
        .filter(|rule| rule.is_for(activity.actor_kind))
        .map(|rule| Watch::new(rule, policy.window_days(), as_of))
        .collect();
    let days = whole_days(activity, policy, as_of);
    look_back(policy, &days, among, as_of, &mut watches);
    for watch in &mut watches {
        watch.step(as_of, is_met(watch.rule, &now) && among.stands_out(watch.rule, &now, Evaluation::Now));
    }
    let mut watches = watches.into_iter().peekable();
    let mut explanations = Vec::with_capacity(policy.rules().len());
    for rule in policy.rules() {
        let watch = watches.next_if(|watch| std::ptr::eq(watch.rule, rule));
        explanations.push(match watch {
            Some(watch) => explanation(policy, &watch, &days, &now, among, as_of),
            None => not_applicable(rule),
        });
    }
    explanations
}

/// Whether there is enough to go by, and every condition holds, whatever the peers.
pub(super) fn is_met(rule: &Rule, sample: &Sample<'_>) -> bool {
    has_enough(rule, sample) && rule.when().iter().all(|condition| condition.holds(sample))
}

fn has_enough(rule: &Rule, sample: &Sample<'_>) -> bool {
    rule.min().iter().all(|(metric, min)| metric.value(sample.metrics).unwrap_or(0.0) >= *min as f64)
}

/// Whether the rule can say anything of an actor: all its minimums are there, and a value for each condition.
pub(super) fn can_be_judged(rule: &Rule, sample: &Sample<'_>) -> bool {
    has_enough(rule, sample)
        && rule.when().iter().all(|condition| condition.metric().value(sample.metrics).is_some())
}

/// Whether more data could make the rule hold: a count is below its minimum, and no condition that has enough to go by
/// fails already; or there are too few peers. A minimum is that of the conditions whose values it counts; of all, if there are none such.
fn is_undecided(rule: &Rule, sample: &Sample<'_>, among: Among<'_>) -> bool {
    let counts = |min: Metric, condition: &Condition| {
        condition.metric() == min || condition.metric().sample_size() == Some(min)
    };
    let is_short = |min: Metric, least: u64| min.value(sample.metrics).unwrap_or(0.0) < least as f64;
    let unknown = |condition: &Condition| {
        rule.min().iter().any(|(min, least)| {
            is_short(*min, *least)
                && (counts(*min, condition) || !rule.when().iter().any(|other| counts(*min, other)))
        })
    };
    (!has_enough(rule, sample) || among.are_too_few(rule, sample))
        && rule.when().iter().all(|condition| unknown(condition) || condition.holds(sample))
}

/// The first day whose tally a judgement as of that instant needs, where any rule looks back.
pub(super) fn first_day(policy: &Policy, as_of: Timestamp) -> Option<Day> {
    let look_back = policy.look_back_days();
    (look_back > 0).then(|| day_after(as_of.day(), -i64::from(look_back) - i64::from(policy.window_days())))
}

/// The first day at whose end an evaluation is made that a judgement on that day may need, looking back so far.
pub(super) fn first_evaluation(today: Day, look_back: u32) -> Day {
    day_after(today, -i64::from(look_back) - 1)
}

/// The actor's days, as whole as evaluations at the ends of days need them.
pub(super) fn whole_days<'a>(
    activity: &'a Activity,
    policy: &Policy,
    as_of: Timestamp,
) -> Vec<(Day, &'a Tally)> {
    // The day that the dossier's window cuts through is whole among the earlier ones, if there are any. No evaluation
    // that needs it is made if not.
    let cut = day_after(as_of.day(), -i64::from(policy.window_days()));
    let inside = activity.days.iter().filter(|(day, _)| *day > cut);
    activity.earlier.iter().chain(inside).map(|(day, tally)| (*day, tally)).collect()
}

pub(super) fn day_after(day: Day, days: i64) -> Day {
    let number = i64::from(day.number()) + days;
    Day::from_number(i32::try_from(number).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX }))
}

/// Takes the watches through the ends of the days before `as_of`.
fn look_back(
    policy: &Policy,
    days: &[(Day, &Tally)],
    among: Among<'_>,
    as_of: Timestamp,
    watches: &mut [Watch<'_>],
) {
    let reach = watches.iter().map(|watch| watch.look_back_days).max().unwrap_or(0);
    if reach == 0 {
        return;
    }
    let looking = || watches.iter().filter(|watch| watch.look_back_days > 0);
    let today = as_of.day();
    let rules: Vec<&Rule> = looking().map(|watch| watch.rule).collect();
    let mut rolling = Rolling::new(days, policy).only_for(&rules);
    let mut metrics = rolling.metrics(policy.sla());
    for ago in (1..=i64::from(reach) + 1).rev() {
        let day = day_after(today, -ago);
        let moved = rolling.move_to(day);
        if moved {
            metrics = rolling.metrics(policy.sla());
        }
        for watch in watches.iter_mut().filter(|watch| watch.look_back_days > 0) {
            let first = i64::from(watch.look_back_days) + 1;
            if ago <= first {
                if moved || ago == first {
                    watch.met = rolling.is_met(watch.rule, &metrics);
                }
                watch.step(day.end(), watch.met && rolling.stands_out(watch.rule, &metrics, among, day));
            }
        }
    }
}

/// The first end of a day at which the rule is raised no longer if nothing more happens, the peers stay as they are now
/// included.
fn clears_without_more(
    policy: &Policy,
    watch: &Watch<'_>,
    days: &[(Day, &Tally)],
    now: &Sample<'_>,
    among: Among<'_>,
    as_of: Timestamp,
) -> Option<Timestamp> {
    let mut watch = watch.clone();
    if watch.rule.metrics().any(Metric::is_of_open_cases) {
        // What stands on a clock ages on: that never clears by itself.
        return None;
    }
    let mut rolling = Rolling::new(days, policy).only_for(&[watch.rule]);
    let longest = i64::from(policy.window_days()) + i64::from(watch.rule.clear_after_days()) + 2;
    let cleared = (0..=longest).try_for_each(|ahead| {
        let day = day_after(as_of.day(), ahead);
        if rolling.move_to(day) || ahead == 0 {
            let metrics = rolling.metrics(policy.sla());
            let later = Sample { metrics: &metrics, times: &[] };
            watch.met = rolling.is_met(watch.rule, &metrics)
                && among.would_stand_out(watch.rule, &later, now, Evaluation::Now);
        }
        watch.step(day.end(), watch.met);
        if watch.raised { ControlFlow::Continue(()) } else { ControlFlow::Break(day.end()) }
    });
    cleared.break_value()
}

fn explanation(
    policy: &Policy,
    watch: &Watch<'_>,
    days: &[(Day, &Tally)],
    now: &Sample<'_>,
    among: Among<'_>,
    as_of: Timestamp,
) -> Explanation {
    let rule = watch.rule;
    let holds = watch.run_since.is_some();
    let state = match (watch.raised, holds) {
        (true, true) => RuleState::Raised,
        (true, false) => RuleState::Clearing,
        (false, true) => RuleState::Pending,
        (false, false) if is_undecided(rule, now, among) => RuleState::InsufficientData,
        (false, false) => RuleState::Clear,
    };
    let minimum = |(metric, min): &(Metric, u64)| Minimum {
        metric: *metric,
        value: metric.value(now.metrics).unwrap_or(0.0) as u64,
        min: *min,
    };
    let held_since = watch.run_since.filter(|_| watch.look_back_days > 0);
    let clears = state.is_raised().then(|| Clears {
        without_more: clears_without_more(policy, watch, days, now, among, as_of),
        or_after: if holds { remedies(rule, now) } else { Vec::new() },
    });
    Explanation {
        conditions: rule.when().iter().map(|condition| condition.look(now)).collect(),
        min: rule.min().iter().map(minimum).collect(),
        peers: among.look(rule, now),
        common_cause: among.common_cause(rule, Evaluation::Now),
        then: among.outcome(rule, Evaluation::Now),
        for_days: Some(rule.for_days()).filter(|days| *days > 0),
        clear_after_days: Some(rule.clear_after_days()).filter(|days| *days > 0),
        held_since,
        held_days: held_since.map(|since| (as_of.since(since) / DAY_MS) as u32),
        clearing_since: watch.gap_since.filter(|_| state == RuleState::Clearing),
        clears,
        advise: rule.advise().filter(|_| state.is_raised()).map(str::to_owned),
        ..about(rule, state)
    }
}

fn not_applicable(rule: &Rule) -> Explanation {
    about(rule, RuleState::NotApplicable)
}

fn about(rule: &Rule, state: RuleState) -> Explanation {
    Explanation {
        rule: rule.id().to_owned(),
        state,
        then: rule.then(),
        conditions: Vec::new(),
        min: Vec::new(),
        peers: None,
        common_cause: None,
        for_days: None,
        clear_after_days: None,
        held_since: None,
        held_days: None,
        clearing_since: None,
        clears: None,
        critical_element: rule.critical_element().map(str::to_owned),
        advise: None,
    }
}
