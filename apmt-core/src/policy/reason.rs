//! Why an actor has the status that it has, and under which policy.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Rule;
use super::condition::Comparison;
use super::metric::Metric;
use crate::dossier::Status;
use crate::metrics::Metrics;

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

/// A rule that holds, with each of its conditions: what a supervisor and an appeal board are shown.
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
    /// Every condition of the rule, in the rule's order.
    pub conditions: Vec<ConditionHeld>,
}

impl Reason {
    /// The reason that the rule gives, if all its conditions hold.
    pub(super) fn of(rule: &Rule, metrics: &Metrics) -> Option<Self> {
        let conditions =
            rule.when().iter().map(|condition| condition.held(metrics)).collect::<Option<_>>()?;
        Some(Self { rule: rule.id().to_owned(), then: rule.then(), conditions })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.rule)?;
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
    /// How it stands to the threshold.
    pub comparison: Comparison,
    /// The threshold.
    pub threshold: f64,
}

impl fmt::Display for ConditionHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.metric, self.value, self.comparison, self.threshold)
    }
}
