//! What a rule asks of a metric: `override_rate > 0.30`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::metric::Metric;
use super::reason::ConditionHeld;
use crate::metrics::Metrics;

/// How a value is compared with a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum Comparison {
    /// `>`: more than the threshold.
    #[serde(rename = ">")]
    Above,
    /// `>=`: the threshold or more.
    #[serde(rename = ">=")]
    AtLeast,
    /// `<`: less than the threshold.
    #[serde(rename = "<")]
    Below,
    /// `<=`: the threshold or less.
    #[serde(rename = "<=")]
    AtMost,
    /// `==`: exactly the threshold.
    #[serde(rename = "==")]
    Equal,
    /// `!=`: anything but the threshold.
    #[serde(rename = "!=")]
    NotEqual,
}

impl Comparison {
    /// Every comparison.
    pub const ALL: &'static [Self] =
        &[Self::Above, Self::AtLeast, Self::Below, Self::AtMost, Self::Equal, Self::NotEqual];

    /// The sign, as policies and JSON write it: `>`, `>=`, `<`, `<=`, `==` or `!=`.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }

    /// Whether the value stands so to the threshold, both unrounded.
    #[expect(clippy::float_cmp, reason = "the policy asks for exactly the number that it writes")]
    pub fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Above => value > threshold,
            Self::AtLeast => value >= threshold,
            Self::Below => value < threshold,
            Self::AtMost => value <= threshold,
            Self::Equal => value == threshold,
            Self::NotEqual => value != threshold,
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.sign())
    }
}

/// A metric, a comparison and a threshold: `override_rate > 0.30`.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    metric: Metric,
    comparison: Comparison,
    threshold: f64,
}

impl Condition {
    pub(super) const fn new(metric: Metric, comparison: Comparison, threshold: f64) -> Self {
        Self { metric, comparison, threshold }
    }

    /// The number that is looked at.
    pub const fn metric(&self) -> Metric {
        self.metric
    }

    /// How it must stand to the threshold.
    pub const fn comparison(&self) -> Comparison {
        self.comparison
    }

    /// The threshold, in the metric's own unit: a rate from 0 to 1, hours, stars, or a count. Always finite.
    pub const fn threshold(&self) -> f64 {
        self.threshold
    }

    /// The condition with the metric's value, if it holds. On a metric that is null it does not hold, whatever the
    /// comparison.
    pub fn held(&self, metrics: &Metrics) -> Option<ConditionHeld> {
        let value = self.metric.value(metrics)?;
        self.comparison.holds(value, self.threshold).then_some(ConditionHeld {
            metric: self.metric,
            value,
            comparison: self.comparison,
            threshold: self.threshold,
        })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.metric, self.comparison, self.threshold)
    }
}
