//! What each rule came to for an actor, as data and in words: what a supervisor reads aloud, and an appeal board checks.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

use super::bound::BoundKind;
use super::condition::Comparison;
use super::metric::Metric;
use super::peers::PeersFound;
use crate::dossier::Status;
use crate::time::Timestamp;

/// How a rule stands for an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RuleState {
    /// It is not meant for actors of this kind.
    NotApplicable,
    /// There is too little to go by: a count is below the rule's `min`.
    InsufficientData,
    /// It does not hold.
    Clear,
    /// It holds, but has not for long enough.
    Pending,
    /// It holds and its outcome counts.
    Raised,
    /// It holds no longer, but has not been so for long enough: its outcome still counts.
    Clearing,
}

impl RuleState {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotApplicable => "not_applicable",
            Self::InsufficientData => "insufficient_data",
            Self::Clear => "clear",
            Self::Pending => "pending",
            Self::Raised => "raised",
            Self::Clearing => "clearing",
        }
    }

    /// Whether the rule's outcome counts.
    pub const fn is_raised(self) -> bool {
        matches!(self, Self::Raised | Self::Clearing)
    }
}

/// What one rule came to for an actor at `as_of`.
///
/// Its `Display` is the same in sentences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Explanation {
    /// The rule's id.
    pub rule: String,
    /// How it stands.
    pub state: RuleState,
    /// The outcome that it gives where it is raised: the rule's, or, where most of the peers breach it at once, `review`
    /// at most.
    pub then: Status,
    /// Every condition, in the rule's order, with what was found; none where the rule is not meant for the actor.
    pub conditions: Vec<Finding>,
    /// What there had to be at least, and what there was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub min: Vec<Minimum>,
    /// How the actor stands among its peers, where the rule compares it with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peers: Option<PeersFound>,
    /// Where most of the peers breach the rule at once: how many, and what the rule's own outcome is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_cause: Option<CommonCause>,
    /// For how many days it must hold before it is raised; absent where it is raised at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_days: Option<u32>,
    /// For how many days it must not hold before it clears; absent where it clears at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clear_after_days: Option<u32>,
    /// The first of the daily evaluations in a row, up to `as_of`, at which it held, as far back as the rule looks.
    /// Absent where it does not hold now, and where the rule asks for no persistence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_since: Option<Timestamp>,
    /// Whole days from then to `as_of`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_days: Option<u32>,
    /// The first of the daily evaluations in a row at which it no longer held, where it is clearing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clearing_since: Option<Timestamp>,
    /// What would clear it, where it is raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clears: Option<Clears>,
    /// The critical element of the actor's performance standards that the rule speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical_element: Option<String>,
    /// What the policy advises, where the rule is raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advise: Option<String>,
}

/// A condition, and what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Finding {
    /// The number that was looked at.
    pub metric: Metric,
    /// Its value, unrounded; `None` where there is none.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub value: Option<f64>,
    /// How many values it is made of; absent for a count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// The bound that is compared in place of the value; absent where the value itself is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<BoundFound>,
    /// How it must stand to the threshold.
    pub comparison: Comparison,
    /// The threshold.
    pub threshold: f64,
    /// Whether the condition holds.
    pub holds: bool,
}

/// The bound of a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct BoundFound {
    /// Which bound.
    pub kind: BoundKind,
    /// At which confidence.
    pub confidence: f64,
    /// The bound; `None` where there are too few values for one.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub value: Option<f64>,
}

/// Most of a group breach a rule at once, so that what they have in common is a likelier cause than each of them.
///
/// W. A. Shewhart ("Economic Control of Quality of Manufactured Product", 1931) and W. E. Deming ("Out of the Crisis",
/// 1986) tell special causes, which are one person's, from common ones, which are the system's; to hold the second
/// against a person makes nothing better.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct CommonCause {
    /// How many of the group breach the rule: they meet all its conditions, whatever their peers.
    pub breached: u64,
    /// How many of the group can be judged by the rule: they have its minimums, and a value for each condition.
    pub of: u64,
    /// The rule's own outcome, which gives way to `review` where it is graver.
    pub instead_of: Status,
}

impl CommonCause {
    /// Whether so many of so many are a common cause: more than half, of a group that is large enough.
    pub(crate) const fn is_one(breached: u64, of: u64, min_group: u32) -> bool {
        of >= min_group as u64 && breached > of / 2
    }

    fn sentence(&self) -> String {
        let Self { breached, of, instead_of } = self;
        let gives_way = if *instead_of > Status::Review {
            // The gravest outcome is the only one that is graver.
            " An improvement plan by this rule gives way to a review until that is understood."
        } else {
            ""
        };
        let breach = if *breached == 1 { "breaches" } else { "breach" };
        format!(
            "Of the {of} in its group who can be judged by it, {breached} {breach} this rule at once: a cause that they \
             have in common is likelier than one for each of them.{gives_way}"
        )
    }
}

/// A count that there must be at least.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Minimum {
    /// The count.
    pub metric: Metric,
    /// What it is.
    pub value: u64,
    /// What it must be at least.
    pub min: u64,
}

/// What would clear a rule that is raised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Clears {
    /// The first daily evaluation at which it would be raised no longer if nothing more happened: what it rests upon
    /// leaves the window.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub without_more: Option<Timestamp>,
    /// What would make a condition hold no longer, each on its own, if it came now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub or_after: Vec<Remedy>,
}

/// So many more of something, with nothing else between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Remedy {
    /// The metric of the condition that would hold no longer.
    pub metric: Metric,
    /// How many.
    pub more: u64,
    /// Of what, in words: `verdicts that follow the recommendation`.
    pub of: String,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentences().join(" "))
    }
}

impl Explanation {
    /// What the rule came to, a sentence each, for reading aloud.
    pub fn sentences(&self) -> Vec<String> {
        let rule = &self.rule;
        let then = self.then.name();
        let mut said = vec![match self.state {
            RuleState::NotApplicable => format!("The rule {rule} is not meant for this kind of actor."),
            RuleState::InsufficientData => format!("There is too little to judge by the rule {rule}."),
            RuleState::Clear => format!("The rule {rule} does not hold."),
            RuleState::Pending => format!("The rule {rule} holds, but has not for long enough to count."),
            RuleState::Raised => format!("The rule {rule} holds and counts: {then}."),
            RuleState::Clearing => format!("The rule {rule} no longer holds, but still counts: {then}."),
        }];
        said.extend(self.min.iter().map(Minimum::sentence));
        said.extend(self.conditions.iter().map(Finding::sentence));
        said.extend(self.further_sentences());
        said
    }

    /// Of [`sentences`](Self::sentences), those that come after the conditions: how the actor stands among its peers, for
    /// how long it has held, what would clear it, which critical element it bears on, and what is advised.
    pub fn further_sentences(&self) -> Vec<String> {
        let mut said = self.sentences_on_others();
        self.say_persistence(&mut said);
        if let Some(clears) = &self.clears {
            clears.say(&mut said);
        }
        if let Some(element) = &self.critical_element {
            said.push(format!("It bears on the critical element {element}."));
        }
        if let Some(advice) = &self.advise {
            said.push(format!("Advised: {advice}."));
        }
        said
    }

    /// Of [`further_sentences`](Self::further_sentences), those that are not about the actor alone: how it stands among its
    /// peers, what most of them have in common, and what is to be asked about the process.
    pub fn sentences_on_others(&self) -> Vec<String> {
        let mut said = self.peers.as_ref().map_or_else(Vec::new, PeersFound::sentences);
        said.extend(self.common_cause.as_ref().map(CommonCause::sentence));
        if self.state.is_raised() && self.conditions.iter().any(Finding::is_of_too_few_overrides) {
            said.push(
                "That recommendations are hardly ever reversed is a question about the process and no finding about the \
                 person: does a case come with the time and the grounds to disagree?"
                    .to_owned(),
            );
        }
        said
    }

    fn say_persistence(&self, said: &mut Vec<String>) {
        if let (Some(since), Some(days)) = (self.held_since, self.held_days) {
            let mut sentence =
                format!("It has held at each daily evaluation since {since}, for {}", days_of(days));
            if let Some(needed) = self.for_days {
                let _ = write!(sentence, "; it counts once it has held for {}", days_of(needed));
            }
            said.push(sentence + ".");
        }
        match (self.clearing_since, self.clear_after_days) {
            (Some(since), Some(days)) => {
                said.push(format!(
                    "It has not held since {since}, and clears once that has lasted for {}.",
                    days_of(days)
                ));
            }
            (None, Some(days)) if self.state.is_raised() => {
                said.push(format!("It clears once it has not held for {}.", days_of(days)));
            }
            _ => {}
        }
    }
}

impl Finding {
    /// Whether it looks for a rubber stamp: for fewer overrides than some number.
    fn is_of_too_few_overrides(&self) -> bool {
        let too_few = matches!(self.comparison, Comparison::Below | Comparison::AtMost);
        too_few && self.holds && matches!(self.metric, Metric::OverrideRate | Metric::Overrides)
    }

    /// The condition and what was found, for reading aloud.
    pub fn sentence(&self) -> String {
        let words = self.metric.words();
        let Some(value) = self.value else {
            return format!("There is no {words} to compare with {}.", self.metric.say(self.threshold, 3));
        };
        let compared = self.bound.as_ref().map_or(Some(value), |bound| bound.value);
        let (shown, threshold) = self.metric.say_both(compared.unwrap_or(value), self.threshold);
        let limit = format!("which {} {threshold}", self.comparison.says(self.holds));
        if self.metric.is_count() {
            return format!("{}, {limit}.", self.metric.there_are(value as u64));
        }
        let n = self.n.map_or_else(String::new, |n| format!(" (n = {n})"));
        match &self.bound {
            None => format!("The {words} is {shown}{n}, {limit}."),
            Some(bound) => {
                let value = self.metric.say(value, 1);
                let sure = format!("{:.4}", bound.confidence * 100.0);
                let sure = sure.trim_end_matches('0').trim_end_matches('.');
                if bound.value.is_none() {
                    return format!(
                        "The {words} is {value}{n}, which is too few values for a bound at {sure} % confidence."
                    );
                }
                let least = if bound.kind.is_lower() { "at least" } else { "at most" };
                format!("The {words} is {value}{n}, and with {sure} % confidence {least} {shown}, {limit}.")
            }
        }
    }
}

impl Minimum {
    fn sentence(&self) -> String {
        let Self { metric, value, min } = self;
        let enough = if value >= min { "enough" } else { "too few" };
        format!("{}, which is {enough}: {}.", metric.there_are(*value), needed(*min))
    }
}

/// How many there must be: `at least 20 are needed`.
pub(super) fn needed(least: u64) -> String {
    format!("at least {least} {} needed", if least == 1 { "is" } else { "are" })
}

impl Clears {
    fn say(&self, said: &mut Vec<String>) {
        if let Some(on) = self.without_more {
            said.push(format!("If nothing more happened, it would no longer count from {on} on."));
        }
        for Remedy { metric, more, of } in &self.or_after {
            said.push(format!(
                "With {more} {of} and nothing else, its condition on the {} would no longer hold.",
                metric.subject()
            ));
        }
    }
}

fn days_of(days: u32) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}
