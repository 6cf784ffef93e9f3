//! How often chance alone makes a condition on a rate hold, worked out from the binomial distribution.

use super::bound::Bound;
use super::condition::Comparison;
use super::explanation::{Explanation, Finding, RuleState};
use super::peers::is_compared;
use crate::statistics::{binomial_cdf, first_that};

/// The probability that a rate of `n` cases whose true value is `rate` stands so to the threshold, itself or by its
/// bound. `None` for `==` and `!=`, which look for no excess.
pub(super) fn of_rate(
    comparison: Comparison,
    threshold: f64,
    bound: Option<&Bound>,
    n: u64,
    rate: f64,
) -> Option<f64> {
    let holds = |part: u64| {
        let value = match bound {
            None => (n > 0).then(|| part as f64 / n as f64),
            Some(bound) => bound.of_rate(part, n),
        };
        value.is_some_and(|value| comparison.holds(value, threshold))
    };
    // The more of them, the higher are the rate and its bounds: what holds is all that is over, or under, one number.
    Some(match comparison {
        Comparison::Above | Comparison::AtLeast => {
            let least = first_that(n + 1, holds);
            if least > n { 0.0 } else { binomial_cdf(n - least, n, 1.0 - rate) }
        }
        Comparison::Below | Comparison::AtMost => {
            let over = first_that(n + 1, |part| !holds(part));
            if over == 0 { 0.0 } else { binomial_cdf(over - 1, n, rate) }
        }
        Comparison::Equal | Comparison::NotEqual => return None,
    })
}

impl Finding {
    /// How often chance alone would make the condition hold for somebody with so many cases whose true rate is just the
    /// threshold: nobody with a better rate meets it more often. `None` for what is no rate.
    ///
    /// Worked out from the binomial distribution, for all that the bound and the comparison let through.
    pub fn chance(&self) -> Option<f64> {
        let rate =
            Some(self.threshold).filter(|rate| is_compared(self.metric) && (0.0..=1.0).contains(rate))?;
        let bound = self.bound.as_ref().map(|bound| Bound::new(bound.kind, bound.confidence));
        of_rate(self.comparison, self.threshold, bound.as_ref(), self.n?, rate)
    }
}

impl Explanation {
    /// At most how often chance alone would make the rule hold at one look for an actor whose true rates are just at its
    /// thresholds: the least of its conditions' [chances](Finding::chance), for all must hold. 0 for whoever it is not
    /// meant for or has too few cases; `None` where no condition is on a rate, so that nobody can say.
    ///
    /// That it must hold for a time, and outside of the peers' limits, makes it less, by how much nobody can say
    /// without knowing how the work comes.
    pub fn chance(&self) -> Option<f64> {
        if self.state == RuleState::NotApplicable || self.min.iter().any(|min| min.value < min.min) {
            return Some(0.0);
        }
        self.conditions.iter().filter_map(Finding::chance).min_by(f64::total_cmp)
    }
}
