//! What a rule asks of a metric: `override_rate > 0.30`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::bound::{Bound, BySize};
use super::explanation::{BoundFound, Finding};
use super::metric::Metric;
use super::sample::Sample;

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

/// A metric, a comparison and a threshold, `override_rate > 0.30`; or, in place of the metric's value, its bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    metric: Metric,
    comparison: Comparison,
    threshold: f64,
    bound: Option<Bound>,
    /// What is known of the bound.
    known: BySize,
}

impl Condition {
    pub(super) const fn new(metric: Metric, comparison: Comparison, threshold: f64) -> Self {
        Self { metric, comparison, threshold, bound: None, known: BySize::NOTHING }
    }

    pub(super) fn with_bound(self, bound: Option<Bound>) -> Self {
        let known = bound.as_ref().map_or(BySize::NOTHING, BySize::of);
        Self { bound, known, ..self }
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

    /// The bound that is compared in place of the value, if one is.
    pub const fn bound(&self) -> Option<&Bound> {
        self.bound.as_ref()
    }

    /// Whether it holds. On a metric that is null it does not, whatever the comparison, nor on one without a bound
    /// where a bound is compared: nobody is judged on what did not happen.
    pub(super) fn holds(&self, sample: &Sample<'_>) -> bool {
        self.compares(match &self.bound {
            None => sample.value(self.metric),
            Some(bound) => bound.of(self.metric, sample, &self.known),
        })
    }

    fn compares(&self, compared: Option<f64>) -> bool {
        compared.is_some_and(|compared| self.comparison.holds(compared, self.threshold))
    }

    /// What there is to see.
    pub(super) fn look(&self, sample: &Sample<'_>) -> Finding {
        let value = sample.value(self.metric);
        let bound = self.bound.map(|bound| BoundFound {
            kind: bound.kind(),
            confidence: bound.confidence(),
            value: bound.of(self.metric, sample, &self.known),
        });
        let holds = self.compares(bound.as_ref().map_or(value, |bound| bound.value));
        Finding {
            metric: self.metric,
            value,
            n: self.metric.sample_size().and_then(|n| sample.value(n)).map(|n| n as u64),
            bound,
            comparison: self.comparison,
            threshold: self.threshold,
            holds,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(bound) = &self.bound {
            write!(f, "{} at {} of ", bound.kind(), bound.confidence())?;
        }
        write!(f, "{} {} {}", self.metric, self.comparison, self.threshold)
    }
}
