//! What a policy makes of chance: officers whose true override rate is known, judged daily for a year.
//!
//! Each simulated officer decides so many cases a window on average, at times of chance, and overrides each with the
//! true rate. Every decision gets one rating, low by default, so that of a rule on both the overrides alone decide.
//! The same seed gives the same figures on every machine.
//!
//! Nobody has peers here, holds a case for any time or is appealed against: the rules that look at that are left out, and
//! [`left_out`] says which.

use apmt_core::policy::{Metric, PeerGroups, Policy, Rule};
use apmt_core::tally::Tally;
use apmt_core::{ActorKind, Day};
use serde::Serialize;

use crate::random::Random;

/// The first day that is judged. Which one it is makes no difference.
const FIRST: i32 = 20_000;

/// What is simulated.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Scenario {
    /// The true override rate.
    pub(crate) rate: f64,
    /// How many cases an officer decides within a window, on average.
    pub(crate) cases: f64,
}

/// How.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Terms {
    /// How many officers of each kind.
    pub(crate) officers: u32,
    /// For how many days each is judged.
    pub(crate) days: u32,
    /// The stars of each rating.
    pub(crate) stars: u8,
    pub(crate) seed: u64,
}

/// What a policy made of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Outcome {
    /// The share of officers who were flagged at some time.
    pub(crate) ever_flagged: f64,
    /// The share of days on which an officer was flagged, over all officers.
    pub(crate) days_flagged: f64,
    /// The median of the days until the first flag, among those who were flagged.
    pub(crate) median_days_to_flag: Option<u32>,
}

/// A rule that no simulated officer can be flagged by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LeftOut {
    /// The policy's name.
    pub(crate) policy: String,
    /// The rule's id.
    pub(crate) rule: String,
    pub(crate) reason: String,
}

/// The rules that a simulation says nothing of.
pub(crate) fn left_out(policies: &[Policy]) -> Vec<LeftOut> {
    let of_policy = |policy: &Policy| -> Vec<LeftOut> {
        let left_out = |rule: &Rule| {
            let (policy, rule, reason) = (policy.name().to_owned(), rule.id().to_owned(), reason(rule)?);
            Some(LeftOut { policy, rule, reason })
        };
        policy.rules().iter().filter_map(left_out).collect()
    };
    policies.iter().flat_map(of_policy).collect()
}

fn reason(rule: &Rule) -> Option<String> {
    let is_simulated = |metric: Metric| {
        matches!(
            metric,
            Metric::Decisions
                | Metric::Overrides
                | Metric::OverrideRate
                | Metric::SatScoreMean
                | Metric::SatCount
        )
    };
    if !rule.is_for(Some(ActorKind::Human)) {
        return Some("it is meant for agents".to_owned());
    }
    if rule.peers().is_some() {
        return Some("it compares with peers, and each officer is simulated alone".to_owned());
    }
    let metrics = rule.when().iter().map(apmt_core::policy::Condition::metric);
    let unknown =
        metrics.chain(rule.min().iter().map(|(metric, _)| *metric)).find(|metric| !is_simulated(*metric))?;
    Some(format!("it looks at {unknown}, which is not simulated"))
}

/// Judges the same officers by each policy.
pub(crate) fn run(policies: &[Policy], scenario: Scenario, terms: Terms) -> Vec<Outcome> {
    let (from, to) = (Day::from_number(FIRST), Day::from_number(FIRST + terms.days as i32 - 1));
    let earliest = policies.iter().map(|policy| policy.replay_reach(from, to).days().0).min().unwrap_or(from);
    let alone = PeerGroups::none();
    let mut first_flags: Vec<Vec<u32>> = vec![Vec::new(); policies.len()];
    let mut flagged_days: Vec<u64> = vec![0; policies.len()];
    for officer in 0..terms.officers {
        let mut random = Random::new(terms.seed.wrapping_mul(1_000_003).wrapping_add(u64::from(officer)));
        // Each policy's own window is as long as it says; the volume is meant for 90 days.
        let days = year(&mut random, scenario, terms.stars, earliest, to);
        for ((policy, first), total) in policies.iter().zip(&mut first_flags).zip(&mut flagged_days) {
            let stretches = policy.replay(Some(ActorKind::Human), &days, &alone, from, to);
            first.extend(stretches.first().map(|stretch| stretch.from.number().abs_diff(FIRST)));
            let end = Day::from_number(to.number() + 1);
            let length =
                |from: Day, until: Option<Day>| until.unwrap_or(end).number().abs_diff(from.number());
            *total += stretches.iter().map(|span| u64::from(length(span.from, span.until))).sum::<u64>();
        }
    }
    let officers = f64::from(terms.officers.max(1));
    first_flags
        .into_iter()
        .zip(flagged_days)
        .map(|(mut first, days)| {
            first.sort_unstable();
            Outcome {
                ever_flagged: first.len() as f64 / officers,
                days_flagged: days as f64 / officers / f64::from(terms.days.max(1)),
                median_days_to_flag: first.get(first.len() / 2).copied(),
            }
        })
        .collect()
}

/// An officer's days.
fn year(random: &mut Random, scenario: Scenario, stars: u8, from: Day, to: Day) -> Vec<(Day, Tally)> {
    let a_day = scenario.cases / WINDOW;
    let mut days = Vec::new();
    for day in (from.number()..=to.number()).map(Day::from_number) {
        let mut tally = Tally::default();
        for _ in 0..poisson(random, a_day) {
            tally.decisions += 1;
            tally.overrides += u64::from(random.happens(scenario.rate));
            if let Some(count) = tally.stars.get_mut(usize::from(stars).wrapping_sub(1)) {
                *count += 1;
            }
        }
        if tally.decisions > 0 {
            days.push((day, tally));
        }
    }
    days
}

/// The window that volumes are of, in days.
const WINDOW: f64 = 90.0;

/// How many of something that comes so often on average come: D. E. Knuth's product of chances.
fn poisson(random: &mut Random, mean: f64) -> u32 {
    // In portions, for e to the minus a great number is nothing.
    const PORTION: f64 = 30.0;
    let (mut left, mut count) = (mean, 0);
    while left > 0.0 {
        let limit = (-left.min(PORTION)).exp();
        let mut product = random.fraction();
        while product > limit {
            count += 1;
            product *= random.fraction();
        }
        left -= PORTION;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Policy {
        Policy::from_yaml("p", text).unwrap()
    }

    /// What the guarded policy is for, in figures: at 30 cases in 90 days, judged daily for a year.
    #[test]
    fn chance_flags_by_a_bare_threshold_and_hardly_by_evidence_that_lasts() {
        let bare = read("{name: bare, rules: [{id: r, when: [override_rate > 0.30], then: pip}]}");
        let guarded = read(include_str!("../../examples/policies/guarded.yaml"));
        let terms = Terms { officers: 300, days: 365, stars: 2, seed: 1 };
        let policies = [bare, guarded];
        let [innocent, guilty] =
            [0.25, 0.45].map(|rate| run(&policies, Scenario { rate, cases: 30.0 }, terms));
        assert!(innocent[0].ever_flagged > 0.9, "{innocent:?}");
        assert!(innocent[1].ever_flagged <= 0.05, "{innocent:?}");
        assert!(guilty[1].ever_flagged >= 0.95, "{guilty:?}");
        assert_eq!(run(&policies, Scenario { rate: 0.25, cases: 30.0 }, terms), innocent, "the seed decides");

        let left_out: Vec<(String, String)> =
            left_out(&policies).into_iter().map(|left_out| (left_out.rule, left_out.reason)).collect();
        let said = |rule: &str, reason: &str| (rule.to_owned(), reason.to_owned());
        let expected = [
            said("overrides-reversed", "it looks at appeals.overrides_reversed, which is not simulated"),
            said("advice-overridden", "it is meant for agents"),
            said("rubber-stamp", "it compares with peers, and each officer is simulated alone"),
        ];
        assert_eq!(left_out, expected);
    }

    /// What is left out is what flags nobody, and only that.
    #[test]
    fn a_rule_that_is_not_left_out_can_flag() {
        let peers =
            "{name: p, rules: [{id: r, when: [override_rate > 0], peers: {min_group: 2}, then: pip}]}";
        let without = peers.replace(" peers: {min_group: 2},", "");
        let policies = [read(peers), read(&without)];
        assert_eq!(left_out(&policies).len(), 1);
        let terms = Terms { officers: 20, days: 90, stars: 2, seed: 1 };
        let [alone, flagged] = &run(&policies, Scenario { rate: 0.5, cases: 90.0 }, terms)[..] else {
            panic!("an outcome a policy")
        };
        assert!(alone.ever_flagged <= 0.0 && flagged.ever_flagged >= 1.0, "{alone:?} {flagged:?}");
    }

    #[test]
    fn poisson_has_its_mean_and_variance() {
        for mean in [0.3, 4.0, 100.0] {
            let mut random = Random::new(7);
            let drawn: Vec<f64> = (0..20_000).map(|_| f64::from(poisson(&mut random, mean))).collect();
            let average = drawn.iter().sum::<f64>() / drawn.len() as f64;
            let variance = drawn.iter().map(|n| (n - average).powi(2)).sum::<f64>() / drawn.len() as f64;
            assert!(
                (average / mean - 1.0).abs() < 0.03 && (variance / mean - 1.0).abs() < 0.05,
                "{mean}: {average}, {variance}"
            );
        }
        assert_eq!(poisson(&mut Random::new(1), 0.0), 0);
    }
}
