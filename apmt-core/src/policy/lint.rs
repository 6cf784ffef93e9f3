//! What is allowed in a policy and yet likely to flag by chance.

use std::fmt;

use super::bound::BoundKind;
use super::chance::of_rate;
use super::condition::{Comparison, Condition};
use super::metric::Metric;
use super::peers::{Peers, PeersBy};
use super::rule::Rule;
use super::{Policy, Sla};

/// How many cases the chance of a false flag is worked out for: about what an officer decides in 90 days.
const CASES: u64 = 30;

/// Something in a policy that is allowed, and likely to flag by chance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lint {
    /// The rule's id.
    pub rule: String,
    /// What is amiss, and what would be better.
    pub message: String,
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {}: {}", self.rule, self.message)
    }
}

impl Policy {
    /// What in this policy is allowed, and likely to flag by chance.
    ///
    /// ```
    /// use apmt_core::Policy;
    /// let lints = Policy::default().lint();
    /// assert!(lints[0].message.starts_with("override_rate > 0.3 compares a rate with a bare threshold"));
    /// ```
    pub fn lint(&self) -> Vec<Lint> {
        self.rules().iter().flat_map(|rule| lint(rule, self.sla())).collect()
    }
}

fn lint(rule: &Rule, sla: Option<&Sla>) -> Vec<Lint> {
    let mut messages: Vec<String> =
        rule.when().iter().filter_map(|condition| bare(rule, condition)).collect();
    messages.extend(rule.when().iter().filter_map(wrong_side));
    let has_tracks = sla.is_some_and(|sla| !sla.tracks().is_empty());
    if has_tracks {
        messages.extend(rule.when().iter().filter_map(mixes_tracks));
    }
    messages.extend(rule.peers().into_iter().flat_map(|peers| of_peers(peers, has_tracks)));
    let estimates = || rule.when().iter().filter(|condition| !BoundKind::of(condition.metric()).is_empty());
    if rule.for_days() == 0 && estimates().next().is_some() {
        messages.push(
            "is raised at the first evaluation at which it holds; looked at daily, chance has many tries: \
             for: 30d asks it to last"
                .to_owned(),
        );
    }
    messages.into_iter().map(|message| Lint { rule: rule.id().to_owned(), message }).collect()
}

/// A group that says little, limits that many cross by chance, and cases that are not alike.
fn of_peers(peers: &Peers, has_tracks: bool) -> Vec<String> {
    /// Under this, chance puts more than one in a hundred members over the limit.
    const WIDE_ENOUGH: f64 = 0.98;
    let mut messages = Vec::new();
    let (limit, min_group) = (peers.limit(), peers.min_group());
    if min_group < Peers::DEFAULT_MIN_GROUP {
        messages.push(format!(
            "peers with min_group: {min_group} are compared with {} others at least, too few to say how much they differ \
             among themselves; {} is a group to go by",
            min_group.saturating_sub(1),
            Peers::DEFAULT_MIN_GROUP
        ));
    }
    if limit < WIDE_ENOUGH {
        let one_in = (2.0 / (1.0 - limit)).round();
        messages.push(format!(
            "peers with limit: {limit} put one in {one_in} outside of the limits on the rule's side by chance alone; \
             limit: {} puts one in 1000",
            Peers::DEFAULT_LIMIT
        ));
    }
    if has_tracks && !peers.by().contains(&PeersBy::Track) {
        messages.push(
            "peers are compared whatever the tracks of their cases, and the policy knows of tracks that differ; \
             by: [track, kind] compares like with like"
                .to_owned(),
        );
    }
    messages
}

/// One threshold for the hours of all tracks, where each has a target of its own.
fn mixes_tracks(condition: &Condition) -> Option<String> {
    let (metric, all) = match condition.metric() {
        Metric::OpenOldestHours | Metric::OpenMedianHours => (Metric::OpenOverdue, "open cases"),
        metric if metric.is_of_processing() && !metric.needs_sla() && !metric.is_count() => {
            (Metric::SlaCompliance, "cases")
        }
        _ => return None,
    };
    Some(format!(
        "{condition} measures the {all} of every track by one threshold, so that whoever has the longer ones looks \
         slow; {metric} measures each by its own track's target"
    ))
}

/// A value compared without a bound, and no minimum that would make it sure. That a rule has peers is no excuse: they are
/// looked at beside it, and where all of them are alike, their limits are as wide as chance is at few cases.
fn bare(rule: &Rule, condition: &Condition) -> Option<String> {
    let (metric, size) = (condition.metric(), condition.metric().sample_size()?);
    let kinds = BoundKind::of(metric);
    if condition.bound().is_some() || kinds.is_empty() {
        return None;
    }
    let lower = matches!(condition.comparison(), Comparison::Above | Comparison::AtLeast);
    let kind = kinds.iter().find(|kind| kind.is_lower() == lower)?;
    let side = match condition.comparison() {
        Comparison::Above => "above",
        Comparison::AtLeast => "at_least",
        Comparison::Below => "below",
        Comparison::AtMost => "at_most",
        Comparison::Equal | Comparison::NotEqual => return None,
    };
    let min = match rule.min().iter().find(|(metric, _)| *metric == size) {
        Some(_) => String::new(),
        None => format!(", with min: {{{size}: 20}},"),
    };
    Some(format!(
        "{condition} compares {} with a bare threshold{}; {{metric: {metric}, {side}: {}, bound: {kind}}}{min} asks \
         for evidence",
        what(metric),
        chance(condition),
        condition.threshold(),
    ))
}

fn what(metric: Metric) -> &'static str {
    match metric {
        Metric::OverrideRate | Metric::OverriddenRate | Metric::SlaCompliance => "a rate",
        Metric::SatScoreMean | Metric::AvgProcessingHours | Metric::ProcessingHoursMean => "a mean",
        _ => "a quantile",
    }
}

/// How often chance alone would put a rate on the wrong side, five points away from it.
fn chance(condition: &Condition) -> String {
    const AWAY: f64 = 0.05;
    let (threshold, comparison) = (condition.threshold(), condition.comparison());
    let above = matches!(comparison, Comparison::Above | Comparison::AtLeast);
    let true_rate = if above { threshold - AWAY } else { threshold + AWAY };
    if what(condition.metric()) != "a rate" || !(0.0..=1.0).contains(&true_rate) {
        return String::new();
    }
    let Some(probability) = of_rate(comparison, threshold, None, CASES, true_rate) else {
        return String::new();
    };
    format!(
        ": at a true rate of {} and {CASES} cases, chance alone puts {:.0} % on the wrong side of it",
        Metric::OverrideRate.say(true_rate, 1),
        probability * 100.0
    )
}

/// A bound on the side where chance flags rather than where it protects.
fn wrong_side(condition: &Condition) -> Option<String> {
    let kind = condition.bound()?.kind();
    let lower = match condition.comparison() {
        Comparison::Above | Comparison::AtLeast => true,
        Comparison::Below | Comparison::AtMost => false,
        Comparison::Equal | Comparison::NotEqual => return None,
    };
    let other = BoundKind::of(condition.metric())
        .iter()
        .find(|other| other.is_lower() == lower && other.method() == kind.method())?;
    (kind.is_lower() != lower).then(|| {
        format!(
            "{condition} holds for whoever cannot be shown to be on the right side; {other} asks for evidence"
        )
    })
}
