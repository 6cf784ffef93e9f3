//! How far a value can be trusted: the one-sided bound that a condition compares instead of the value itself.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::metric::{Estimate, Metric};
use super::sample::Sample;
use crate::statistics::{
    clopper_pearson, lower_rank, normal_quantile, standard_error, student_t_quantile, upper_rank, wilson,
};
use crate::tally::Durations;
use crate::time::HOUR_MS;

/// Which bound. A lower bound is what the true value is surely above, an upper one what it is surely below.
///
/// | name | for |
/// |---|---|
/// | `wilson_lower`, `wilson_upper` | rates, by Wilson's score interval |
/// | `exact_lower`, `exact_upper` | rates, by Clopper and Pearson: never less sure than it says, so wider |
/// | `t_lower`, `t_upper` | means, by Student's t; needs two values |
/// | `order_lower`, `order_upper` | medians and percentiles, by order statistics |
///
/// [`statistics`](crate::statistics) has the sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BoundKind {
    /// `wilson_lower`.
    WilsonLower,
    /// `wilson_upper`.
    WilsonUpper,
    /// `exact_lower`.
    ExactLower,
    /// `exact_upper`.
    ExactUpper,
    /// `t_lower`.
    TLower,
    /// `t_upper`.
    TUpper,
    /// `order_lower`.
    OrderLower,
    /// `order_upper`.
    OrderUpper,
}

impl BoundKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::WilsonLower,
        Self::WilsonUpper,
        Self::ExactLower,
        Self::ExactUpper,
        Self::TLower,
        Self::TUpper,
        Self::OrderLower,
        Self::OrderUpper,
    ];

    /// The name in policies and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WilsonLower => "wilson_lower",
            Self::WilsonUpper => "wilson_upper",
            Self::ExactLower => "exact_lower",
            Self::ExactUpper => "exact_upper",
            Self::TLower => "t_lower",
            Self::TUpper => "t_upper",
            Self::OrderLower => "order_lower",
            Self::OrderUpper => "order_upper",
        }
    }

    /// Whether it is a lower bound: what the true value is surely above.
    pub const fn is_lower(self) -> bool {
        matches!(self, Self::WilsonLower | Self::ExactLower | Self::TLower | Self::OrderLower)
    }

    /// The method, whichever side: `wilson`, `exact`, `t` or `order`.
    pub(super) fn method(self) -> &'static str {
        self.name().split_once('_').map_or(self.name(), |(method, _)| method)
    }

    /// The bounds that the metric has: none for a count, or for what is no sample.
    pub fn of(metric: Metric) -> &'static [Self] {
        match metric.estimate() {
            Some(Estimate::Rate) => {
                &[Self::WilsonLower, Self::WilsonUpper, Self::ExactLower, Self::ExactUpper]
            }
            Some(Estimate::Mean) => &[Self::TLower, Self::TUpper],
            Some(Estimate::Quantile(_)) => &[Self::OrderLower, Self::OrderUpper],
            None => &[],
        }
    }
}

impl fmt::Display for BoundKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A bound at a confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    kind: BoundKind,
    confidence: f64,
    /// The normal quantile at the confidence, worked out once a policy and not once an evaluation.
    z: f64,
}

impl Bound {
    /// The confidence where a policy does not say.
    pub const DEFAULT_CONFIDENCE: f64 = 0.95;

    pub(super) fn new(kind: BoundKind, confidence: f64) -> Self {
        Self { kind, confidence, z: normal_quantile(confidence) }
    }

    /// Which bound.
    pub const fn kind(&self) -> BoundKind {
        self.kind
    }

    /// In how many samples of one the true value lies on the bound's side: over 0.5 and below 1.
    pub const fn confidence(&self) -> f64 {
        self.confidence
    }

    /// The bound of a rate; `None` without cases, and for a bound that is not one of rates.
    pub(super) fn of_rate(&self, part: u64, whole: u64) -> Option<f64> {
        let ends = match self.kind {
            BoundKind::WilsonLower | BoundKind::WilsonUpper => wilson(part, whole, self.z)?,
            BoundKind::ExactLower | BoundKind::ExactUpper => clopper_pearson(part, whole, self.confidence)?,
            _ => return None,
        };
        Some(ends[usize::from(!self.kind.is_lower())])
    }

    /// The bound of a metric; `None` where there are too few values for one, or none at all. What is `known` must be of
    /// this bound and this metric.
    pub(super) fn of(&self, metric: Metric, sample: &Sample<'_>, known: &BySize) -> Option<f64> {
        match self.kind {
            BoundKind::WilsonLower
            | BoundKind::WilsonUpper
            | BoundKind::ExactLower
            | BoundKind::ExactUpper => {
                let (part, whole) = sample.parts(metric)?;
                self.of_rate(part, whole)
            }
            BoundKind::TLower | BoundKind::TUpper => {
                let mean = sample.value(metric)?;
                let (n, squares) = sample.deviations(metric, mean)?;
                let freedom = n.checked_sub(1).filter(|freedom| *freedom > 0)?;
                let t = known.get(n, || Some(student_t_quantile(self.confidence, freedom as f64)))?;
                let half = t * standard_error(n, squares);
                Some(if self.kind.is_lower() { mean - half } else { mean + half })
            }
            BoundKind::OrderLower | BoundKind::OrderUpper => {
                let Some(Estimate::Quantile(q)) = metric.estimate() else { return None };
                let n = sample.metrics.processing_hours.count;
                let rank = if self.kind.is_lower() { lower_rank } else { upper_rank };
                // Whole numbers that small are exact.
                let rank = known.get(n, || rank(n, q, self.confidence).map(|rank| rank as f64))?;
                let ms = Durations::nth_of(&sample.times(), rank as usize)?;
                Some(ms as f64 / HOUR_MS as f64)
            }
        }
    }
}

/// What of a bound depends on nothing but how many values there are, and takes long to work out: Student's quantile, the
/// rank of an order statistic. For small numbers, which most actors have, it is worked out once a policy.
#[derive(Clone, Debug, Default)]
pub(super) struct BySize(Option<Arc<[OnceLock<Option<f64>>; SMALL]>>);

/// The numbers of values that are small.
const SMALL: usize = 512;

impl BySize {
    /// Nothing is known: for what is worked out each time.
    pub(super) const NOTHING: Self = Self(None);

    /// What is known for a bound: nothing yet, and nothing ever for one that is quickly worked out.
    pub(super) fn of(bound: &Bound) -> Self {
        let is_slow = matches!(bound.kind.method(), "t" | "order");
        Self(is_slow.then(|| Arc::new([const { OnceLock::new() }; SMALL])))
    }

    fn get(&self, n: u64, work_out: impl FnOnce() -> Option<f64>) -> Option<f64> {
        let place = usize::try_from(n).unwrap_or(usize::MAX);
        match self.0.as_ref().and_then(|known| known.get(place)) {
            Some(known) => *known.get_or_init(work_out),
            None => work_out(),
        }
    }
}

/// It follows from the bound, whatever of it is known already.
impl PartialEq for BySize {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
