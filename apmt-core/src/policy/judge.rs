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
//! Evaluations are made backwards from `as_of`, and only as far as they can decide anything: once a rule has not held
//! for `clear_after`, whatever it had been raised by is cleared, and nothing before that matters. So for most actors a
//! rule is evaluated for `clear_after` and not for `for` + `window_days`.
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

mod history;
pub(super) mod replay;
mod rolling;
mod watch;

use std::ops::ControlFlow;

pub use replay::Stretch;

use super::Policy;
use super::condition::Condition;
use super::explanation::{Clears, Explanation, Minimum, RuleState};
use super::metric::Metric;
use super::peers::{Among, Evaluation, PeerGroups};
use super::remedy::remedies;
use super::rule::Rule;
use super::sample::Sample;
use crate::metrics::Metrics;
use crate::store::Activity;
use crate::tally::Tally;
use crate::time::{DAY_MS, Day, Timestamp};
use history::History;
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
    let inside: Vec<(Day, &Tally)> = activity.days.iter().map(|(day, tally)| (*day, tally)).collect();
    let now = Sample { metrics, days: &inside, sla: policy.sla() };
    let among = Among::new(groups, activity.actor_kind);
    let days = whole_days(activity, policy, as_of);
    let meant = policy.rules().iter().filter(|rule| rule.is_for(activity.actor_kind));
    let mut histories: Vec<History<'_>> = meant
        .map(|rule| {
            let holds = is_met(rule, &now) && among.stands_out(rule, &now, Evaluation::Now);
            History::new(rule, policy.window_days(), as_of, holds)
        })
        .collect();
    look_back(policy, &days, among, &mut histories);
    let watches: Vec<Watch<'_>> = histories.into_iter().map(History::into_watch).collect();
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
    rule.min().iter().all(|(metric, min)| sample.count(*metric) >= *min as f64)
}

/// Whether the rule can say anything of an actor: all its minimums are there, and a value for each condition.
pub(super) fn can_be_judged(rule: &Rule, sample: &Sample<'_>) -> bool {
    has_enough(rule, sample) && rule.when().iter().all(|condition| sample.value(condition.metric()).is_some())
}

/// Whether more data could make the rule hold: a count is below its minimum, and no condition that has enough to go by
/// fails already; or there are too few peers. A minimum is that of the conditions whose values it counts; of all, if there are none such.
fn is_undecided(rule: &Rule, sample: &Sample<'_>, among: Among<'_>) -> bool {
    let counts = |min: Metric, condition: &Condition| {
        condition.metric() == min || condition.metric().sample_size() == Some(min)
    };
    let is_short = |min: Metric, least: u64| sample.count(min) < least as f64;
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

/// Evaluates the rules at the ends of the days before `as_of`, the last first, as far back as any of them has to look.
fn look_back(policy: &Policy, days: &[(Day, &Tally)], among: Among<'_>, histories: &mut [History<'_>]) {
    // All that look back any further have looked at the same days.
    let next = |histories: &[History<'_>]| histories.iter().find_map(History::next);
    let Some(yesterday) = next(histories) else { return };
    let mut rolling = Rolling::new(days, policy, yesterday);
    let mut moved = true;
    while let Some(day) = next(histories) {
        moved |= rolling.move_to(day);
        let sample = rolling.sample();
        for history in histories.iter_mut().filter(|history| history.next().is_some()) {
            if moved {
                history.met = is_met(history.rule(), &sample);
            }
            let holds = history.met && among.stands_out(history.rule(), &sample, Evaluation::EndOf(day));
            history.add(holds);
        }
        moved = false;
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
    let mut rolling = Rolling::new(days, policy, as_of.day());
    let mut met = false;
    let longest = i64::from(policy.window_days()) + i64::from(watch.rule.clear_after_days()) + 2;
    let cleared = (0..=longest).try_for_each(|ahead| {
        let day = day_after(as_of.day(), ahead);
        if rolling.move_to(day) || ahead == 0 {
            let later = rolling.sample();
            met =
                is_met(watch.rule, &later) && among.would_stand_out(watch.rule, &later, now, Evaluation::Now);
        }
        watch.step(day.end(), met);
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
        value: now.count(*metric) as u64,
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
