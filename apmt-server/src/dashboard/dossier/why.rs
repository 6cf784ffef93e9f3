//! Why a rule asks for attention, what would clear it, and what the rules are, in words.

use apmt_core::policy::{Explanation, Policy, RuleState};

use crate::dashboard::page::Moment;
use crate::dashboard::words::{counted, grouped, percent, standing};

/// A rule whose outcome counts.
pub(super) struct Why {
    pub(super) rule: String,
    /// Whether it no longer holds, but has not been so for long enough.
    pub(super) clearing: bool,
    /// Each of its conditions with what was found, a sentence each.
    pub(super) conditions: Vec<String>,
    pub(super) held_since: Option<Moment>,
    pub(super) clear_after: Option<String>,
    /// What would make a condition hold no longer, each on its own.
    pub(super) clears: Vec<String>,
    pub(super) without_more: Option<Moment>,
    pub(super) element: Option<String>,
    pub(super) advise: Option<String>,
}

pub(super) fn why(explanation: &Explanation) -> Why {
    let clears = explanation.clears.as_ref();
    let remedies = clears
        .into_iter()
        .flat_map(|clears| &clears.or_after)
        .map(|remedy| format!("{} {}, for the {}", grouped(remedy.more), remedy.of, remedy.metric.words()));
    let days = |days: u32| counted(u64::from(days), "day", "days");
    Why {
        rule: explanation.rule.clone(),
        clearing: explanation.state == RuleState::Clearing,
        conditions: explanation.conditions.iter().map(apmt_core::policy::Finding::sentence).collect(),
        held_since: explanation.held_since.map(Moment::of),
        clear_after: explanation.clear_after_days.map(days),
        clears: remedies.collect(),
        without_more: clears.and_then(|clears| clears.without_more).map(Moment::of),
        element: explanation.critical_element.clone(),
        advise: explanation.advise.clone(),
    }
}

/// The rules of the policy in words.
pub(in crate::dashboard) fn rules(policy: &Policy) -> Vec<String> {
    let rule = |rule: &apmt_core::policy::Rule| {
        let conditions: Vec<String> = rule
            .when()
            .iter()
            .map(|condition| {
                let (metric, threshold) = (condition.metric(), condition.threshold());
                let sure = condition.bound().map_or_else(String::new, |bound| {
                    let side = if bound.kind().is_lower() { "at least" } else { "at most" };
                    format!(", by what it is {side} with {} confidence,", percent(bound.confidence()))
                });
                format!(
                    "the {}{sure} is {} {}",
                    metric.words(),
                    condition.comparison().words(),
                    metric.say(threshold, 4)
                )
            })
            .collect();
        let mut text =
            format!("{} ({}): where {}", standing(rule.then()).words, rule.id(), conditions.join(" and "));
        for (metric, min) in rule.min() {
            text = format!("{text}, with at least {} {}", grouped(*min), metric.words());
        }
        if rule.for_days() > 0 {
            text = format!("{text}, for {}", counted(u64::from(rule.for_days()), "day", "days"));
        }
        format!("{text}.")
    };
    policy.rules().iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_told_in_words() {
        assert_eq!(
            rules(&Policy::default()),
            [
                "Plan recommended (chronic-override): where the override rate is above 30 % and the mean satisfaction is below 3 ★."
            ]
        );
    }
}
