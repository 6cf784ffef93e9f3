//! Funnel limits: how far a rate may lie from its group's before chance, and what the group has in common, no longer
//! explain it.
//!
//! D. J. Spiegelhalter, "Funnel plots for comparing institutional performance", Statistics in Medicine 24, 2005:
//! exact binomial limits, interpolated between whole numbers (A.1.1), around the group's pooled rate; and, where its
//! members differ by more than chance, all limits widened by the square root of the multiplicative over-dispersion
//! factor (A.2), which is estimated from z-scores of which the outer tenths are winsorised, so that the very people
//! whom the limits are to find do not widen them.

use super::binomial_cdf;

/// The share of z-scores on either side that is winsorised.
const WINSORISED: f64 = 0.1;

/// A group's rates, from which limits for any number of cases follow.
///
/// ```
/// use apmt_core::statistics::Funnel;
/// let group: Vec<(u64, u64)> = (0..10).map(|n| (10 + n % 3, 50)).collect();
/// let funnel = Funnel::of(&group).unwrap();
/// let [low, high] = funnel.limits(50, 0.998);
/// assert!(low > 0.04 && low < 0.10 && high > 0.37 && high < 0.45);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Funnel {
    rate: f64,
    dispersion: f64,
    members: usize,
}

impl Funnel {
    /// The funnel of a group, of each member so many of so many; members without cases are left out. `None` if there
    /// are no others.
    pub fn of(group: &[(u64, u64)]) -> Option<Self> {
        let members = || {
            group.iter().filter(|(_, whole)| *whole > 0).map(|(part, whole)| ((*part).min(*whole), *whole))
        };
        let (part, whole) = members()
            .fold((0_u64, 0_u64), |(part, whole), (p, w)| (part.saturating_add(p), whole.saturating_add(w)));
        if whole == 0 {
            return None;
        }
        let rate = part as f64 / whole as f64;
        let mut scores: Vec<f64> = members()
            .map(|(part, whole)| {
                let n = whole as f64;
                let error = (rate * (1.0 - rate) / n).sqrt();
                if error > 0.0 { (part as f64 / n - rate) / error } else { 0.0 }
            })
            .collect();
        scores.sort_unstable_by(f64::total_cmp);
        Some(Self { rate, dispersion: dispersion(&scores), members: scores.len() })
    }

    /// The group's pooled rate.
    pub const fn rate(&self) -> f64 {
        self.rate
    }

    /// The over-dispersion factor: 1 where the members differ by no more than chance.
    pub const fn dispersion(&self) -> f64 {
        self.dispersion
    }

    /// How many members it is made of.
    pub const fn members(&self) -> usize {
        self.members
    }

    /// Between which rates that share of members with so many cases lies, if they differ from the group by nothing but
    /// chance and what the group has in common; from 0 to 1 where there are no cases.
    pub fn limits(&self, whole: u64, coverage: f64) -> [f64; 2] {
        if whole == 0 {
            return [0.0, 1.0];
        }
        if self.rate <= 0.0 || self.rate >= 1.0 {
            // All alike: there is no chance in it.
            return [self.rate, self.rate];
        }
        let tail = (1.0 - coverage) / 2.0;
        let widen = |limit: f64| (self.rate + (limit - self.rate) * self.dispersion.sqrt()).clamp(0.0, 1.0);
        [tail, 1.0 - tail].map(|probability| widen(self.limit(whole, probability)))
    }

    /// The rate at that quantile of the binomial distribution, interpolated between whole numbers.
    fn limit(&self, whole: u64, probability: f64) -> f64 {
        let rank = super::first_that(whole, |k| binomial_cdf(k, whole, self.rate) > probability);
        let up_to = binomial_cdf(rank, whole, self.rate);
        let below = if rank == 0 { 0.0 } else { binomial_cdf(rank - 1, whole, self.rate) };
        let back = if up_to > below { (up_to - probability) / (up_to - below) } else { 0.0 };
        (rank as f64 - back) / whole as f64
    }
}

/// The factor from z-scores in order; 1 unless they differ significantly more than chance makes them.
fn dispersion(scores: &[f64]) -> f64 {
    let count = scores.len();
    let cut = (WINSORISED * count as f64) as usize;
    let (Some(low), Some(high)) = (scores.get(cut), scores.get(count.saturating_sub(cut + 1))) else {
        return 1.0;
    };
    let squares: f64 = scores.iter().map(|score| score.clamp(*low, *high).powi(2)).sum();
    let factor = squares / count as f64;
    let significant = 1.0 + 2.0 * (2.0 / count as f64).sqrt();
    if factor > significant { factor } else { 1.0 }
}
