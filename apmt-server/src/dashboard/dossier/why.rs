//! Why a rule asks for attention, what would clear it, and what the rules are, in words.

use apmt_core::policy::{Explanation, Grounds, PeersBy, Policy, RuleState};

use crate::dashboard::page::Moment;
use crate::dashboard::timeline;
use crate::dashboard::words::{counted, grouped, percent, standing, tenths};

/// So many of the cases that a condition rests upon are shown.
const SHOWN: usize = 10;
/// Less time than this on clocks is not worth telling: a tenth of an hour, as hours are shown.
const LEAST_HOURS: f64 = 0.1;

/// A rule whose outcome counts.
pub(super) struct Why {
    pub(super) rule: String,
    /// Whether it no longer holds, but has not been so for long enough.
    pub(super) clearing: bool,
    /// Each of its conditions with what was found, a sentence each.
    pub(super) conditions: Vec<String>,
    /// How the actor stands among its peers, and what most of them have in common, a sentence each.
    pub(super) among: Vec<String>,
    /// What each condition that holds rests upon.
    pub(super) grounds: Vec<RestsUpon>,
    pub(super) held_since: Option<Moment>,
    pub(super) clear_after: Option<String>,
    /// What would make a condition hold no longer, each on its own.
    pub(super) clears: Vec<String>,
    pub(super) without_more: Option<Moment>,
    pub(super) element: Option<String>,
    pub(super) advise: Option<String>,
}

/// What a condition rests upon, the first of it with the way to each case.
pub(super) struct RestsUpon {
    pub(super) metric: &'static str,
    /// How many entries there are.
    pub(super) count: String,
    /// Whether there are more than are shown.
    pub(super) more: bool,
    /// The cases, and where their timelines are; nowhere to go for what has none.
    pub(super) cases: Vec<(String, String)>,
    /// How much time on their clocks does not count.
    pub(super) excluded: Option<String>,
}

impl RestsUpon {
    fn of(grounds: &Grounds) -> Self {
        let named = grounds.cases.iter().take(SHOWN).filter_map(|ground| {
            let case_id = ground.case_id.as_ref()?;
            Some((case_id.to_string(), timeline::href(case_id, ground.position.unwrap_or_default())))
        });
        let mut cases: Vec<(String, String)> = named.collect();
        cases.dedup_by(|(a, _), (b, _)| a == b);
        let excluded = grounds.excluded_hours.filter(|hours| *hours >= LEAST_HOURS);
        Self {
            metric: grounds.metric.words(),
            count: counted(grounds.count, "entry", "entries"),
            more: grounds.count as usize > SHOWN,
            cases,
            excluded: excluded.map(|hours| format!("{} h", tenths(hours))),
        }
    }
}

pub(super) fn why(explanation: &Explanation, grounds: &[Grounds]) -> Why {
    let clears = explanation.clears.as_ref();
    let remedies = clears
        .into_iter()
        .flat_map(|clears| &clears.or_after)
        .map(|remedy| format!("{} {}, for the {}", grouped(remedy.more), remedy.of, remedy.metric.subject()));
    let days = |days: u32| counted(u64::from(days), "day", "days");
    Why {
        rule: explanation.rule.clone(),
        clearing: explanation.state == RuleState::Clearing,
        conditions: explanation.conditions.iter().map(apmt_core::policy::Finding::sentence).collect(),
        among: explanation.sentences_on_others(),
        grounds: grounds
            .iter()
            .filter(|grounds| grounds.rule == explanation.rule)
            .map(RestsUpon::of)
            .collect(),
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
                    metric.subject(),
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
        if let Some(peers) = rule.peers() {
            let by = if peers.by().contains(&PeersBy::Track) { " on the same tracks" } else { "" };
            let at_least = grouped(u64::from(peers.min_group()));
            text = format!(
                "{text}, and it lies outside of what {} of at least {at_least} peers{by} do",
                percent(peers.limit())
            );
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
        let peers = "{id: r, when: [override_rate > 0.3], peers: {by: [track, kind]}, then: watch}";
        let policy = Policy::from_yaml("p", &format!("{{name: p, rules: [{peers}]}}")).unwrap();
        assert!(
            rules(&policy)[0].ends_with(
                "is above 30 %, and it lies outside of what 99.8\u{a0}% of at least 8 peers on the same tracks do."
            ),
            "{:?}",
            rules(&policy)
        );
    }
}
