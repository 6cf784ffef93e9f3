//! Why an actor has the status that it has, and under which policy.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::condition::Comparison;
use super::explanation::{BoundFound, Explanation, Finding, RuleState};
use super::metric::Metric;
use crate::dossier::Status;

/// Which policy: its name for people, and its digest, which tells two policies of one name apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct PolicyName {
    /// The policy's name.
    pub name: String,
    /// [`Policy::digest`](super::Policy::digest).
    pub digest: String,
}

/// A rule that is raised, with each of its conditions: what a supervisor and an appeal board are shown first. The
/// dossier's [`explanations`](crate::Dossier::explanations) say more, and of every rule.
///
/// Its `Display` says so in plain words: "chronic-override: override_rate 0.42 > 0.3 and sat_score_mean 2.1 < 3".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Reason {
    /// The rule's id.
    pub rule: String,
    /// The outcome that the rule gives.
    pub then: Status,
    /// Every condition of the rule that holds, in the rule's order: all of them, unless it is clearing.
    pub conditions: Vec<ConditionHeld>,
    /// Whether the rule no longer holds, but has not been so for long enough to clear.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clearing: bool,
}

impl Reason {
    /// The reason that an explanation gives, if its rule is raised.
    pub(super) fn of(explanation: &Explanation) -> Option<Self> {
        explanation.state.is_raised().then(|| Self {
            rule: explanation.rule.clone(),
            then: explanation.then,
            conditions: explanation.conditions.iter().filter_map(ConditionHeld::of).collect(),
            clearing: explanation.state == RuleState::Clearing,
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.rule)?;
        if self.clearing {
            return f.write_str("no longer holds, but has not for long enough to clear");
        }
        for (index, condition) in self.conditions.iter().enumerate() {
            if index > 0 {
                f.write_str(" and ")?;
            }
            write!(f, "{condition}")?;
        }
        Ok(())
    }
}

/// A condition that holds, with the value that makes it hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ConditionHeld {
    /// The number that was looked at.
    pub metric: Metric,
    /// Its value, unrounded.
    pub value: f64,
    /// The bound that was compared in place of the value; absent where the value itself was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<BoundFound>,
    /// How it stands to the threshold.
    pub comparison: Comparison,
    /// The threshold.
    pub threshold: f64,
}

impl ConditionHeld {
    fn of(finding: &Finding) -> Option<Self> {
        let Finding { metric, value, ref bound, comparison, threshold, holds, .. } = *finding;
        let value = value.filter(|_| holds)?;
        Some(Self { metric, value, bound: bound.clone(), comparison, threshold })
    }
}

impl fmt::Display for ConditionHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.metric, self.value)?;
        if let Some(BoundFound { kind, confidence, value: Some(value) }) = &self.bound {
            write!(f, " ({kind} at {confidence}: {value})")?;
        }
        write!(f, " {} {}", self.comparison, self.threshold)
    }
}
