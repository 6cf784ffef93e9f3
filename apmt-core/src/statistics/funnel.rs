//! Funnel limits: how far a member's rate may lie from that of the others of its group before chance, and what the group
//! has in common, no longer explain it.
//!
//! # Limits
//! D. J. Spiegelhalter, "Funnel plots for comparing institutional performance", Statistics in Medicine 24, 2005: exact
//! binomial limits, interpolated between whole numbers (A.1.1), around the rate that is expected; and, where the group's
//! members differ among themselves by more than chance, limits widened by the square root of the multiplicative
//! over-dispersion factor (A.2): the mean square of the members' z-scores, where it is significantly over 1.
//!
//! # An extreme member does not hide itself
//! - **It is compared with the others.** Were it one of the group that it is compared with, it would draw the group's rate
//!   towards its own and add to the dispersion, all the more the fewer the others and the more cases it has, until it lay
//!   within its own limits. Leaving out whom one looks at is the cross-validation of D. I. Ohlssen, L. D. Sharples and
//!   D. J. Spiegelhalter, "A hierarchical modelling framework for identifying unusual performance in health care
//!   providers", Journal of the Royal Statistical Society A 170, 2007. That the others' rate is itself an estimate, of so
//!   many cases, widens the limits as it does those of any prediction: they are those of as many cases as have the
//!   variance of the difference.
//! - **Others who are extreme do not hide it either.** The z-scores are winsorised: a tenth at each end, as in
//!   D. J. Spiegelhalter, "Handling over-dispersion of performance indicators", Quality and Safety in Health Care 14, 2005,
//!   and **a tenth rounded up**, for rounded down it would be nobody in a group of fewer than ten.
//!
//! # Cases of different kinds
//! Whoever is given harder cases is not to be held against those who are given easy ones. What is expected of a member is
//! the rate that *its own cases* would have at the others' rates on cases of their kind: indirect standardisation, as in
//! standardised mortality ratios (N. E. Breslow and N. E. Day, "Statistical Methods in Cancer Research" II, IARC 1987,
//! 2.3). The limits are those of a binomial distribution around that rate. What is really distributed is a sum of cases
//! of different probabilities, whose tails are no heavier (W. Hoeffding, "On the distribution of the number of successes
//! in independent trials", Annals of Mathematical Statistics 27, 1956): the limits err on the side of the member.

use super::{beta_cdf, first_that};

/// The share of z-scores on either side that is winsorised: one of so many.
const WINSORISED: u64 = 10;

/// A member's cases of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cases {
    /// The number of the kind.
    pub kind: u32,
    /// How many of them are of what is counted, such as overrides.
    pub part: u64,
    /// How many there are.
    pub whole: u64,
}

/// What is to be expected of a member of a group, by the rates of the others.
///
/// ```
/// use apmt_core::statistics::{Cases, Funnel};
/// // Everybody's cases are of one kind: 10, 11 or 12 of 50 for each of the others.
/// let cases = |part| [Cases { kind: 0, part, whole: 50 }];
/// let others: Vec<[Cases; 1]> = (0..9).map(|n| cases(10 + n % 3)).collect();
/// let funnel = Funnel::among(&cases(30), others.iter().map(|cases| (cases.as_slice(), 1))).unwrap();
/// assert_eq!((funnel.rate(), funnel.expected()), (0.6, 0.22));
/// let [low, high] = funnel.limits(0.998);
/// assert!(low > 0.02 && low < 0.10 && high > 0.37 && high < 0.45);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Funnel {
    part: u64,
    whole: u64,
    expected: f64,
    dispersion: f64,
    /// By how much the variance is more because the others' rates are estimates.
    prediction: f64,
    others: usize,
}

impl Funnel {
    /// What is expected of a member with those cases by the others': cases, and how many members have just these. There
    /// is at most one entry a kind, the kinds rising. A member's cases of a kind that none of the others has are left
    /// out, and so is whoever has none. `None` if nobody else has any.
    pub fn among<'a>(
        own: &[Cases],
        others: impl Iterator<Item = (&'a [Cases], u64)> + Clone,
    ) -> Option<Self> {
        let rates = Rates::of(others.clone());
        let (part, whole) = rates.sum;
        let pooled = ratio(part, whole)?;
        let mut scores: Vec<(f64, u64)> = others
            .filter_map(|(cases, count)| {
                let (part, whole) = rates.known(cases);
                let expected = rates.expected(cases)?;
                let error = (expected * (1.0 - expected) / whole as f64).sqrt();
                let score = if error > 0.0 { (part as f64 / whole as f64 - expected) / error } else { 0.0 };
                Some((score, count))
            })
            .collect();
        // By the counts too, so that sums come out the same to the last bit in whichever order the others came.
        scores.sort_unstable_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        let (part, whole) = rates.known(own);
        let expected = rates.expected(own).unwrap_or(pooled);
        Some(Self {
            part,
            whole,
            expected,
            dispersion: dispersion(&scores),
            prediction: rates.prediction(own, expected, whole),
            others: scores.iter().map(|(_, count)| *count as usize).sum(),
        })
    }

    /// The member's own rate on the cases that are compared; 0 without any.
    pub fn rate(&self) -> f64 {
        ratio(self.part, self.whole).unwrap_or(0.0)
    }

    /// How many of the member's cases are compared.
    pub const fn whole(&self) -> u64 {
        self.whole
    }

    /// The rate that these cases would have at the others' rates on cases of their kind; the others' pooled rate where
    /// there are none.
    pub const fn expected(&self) -> f64 {
        self.expected
    }

    /// The over-dispersion factor among the others: 1 where they differ by no more than chance.
    pub const fn dispersion(&self) -> f64 {
        self.dispersion
    }

    /// How many others it is compared with.
    pub const fn others(&self) -> usize {
        self.others
    }

    /// Between which rates that share of members with such cases lies, if they differ from the others by nothing but
    /// chance and what the group has in common; from 0 to 1 where there are no cases.
    pub fn limits(&self, coverage: f64) -> [f64; 2] {
        let Self { whole, expected, .. } = *self;
        if whole == 0 {
            return [0.0, 1.0];
        }
        if expected <= 0.0 || expected >= 1.0 {
            // The others are all alike: there is no chance in it.
            return [expected, expected];
        }
        let tail = (1.0 - coverage) / 2.0;
        let effective = whole as f64 / self.prediction;
        let widen = |limit: f64| (expected + (limit - expected) * self.dispersion.sqrt()).clamp(0.0, 1.0);
        [tail, 1.0 - tail].map(|probability| widen(quantile(expected, effective, probability)))
    }
}

/// The others' rates, by kind.
struct Rates {
    /// So many of so many of each kind, by its number.
    kinds: Vec<(u64, u64)>,
    /// The rate of each kind, where there are any of it.
    by_kind: Vec<Option<f64>>,
    sum: (u64, u64),
}

impl Rates {
    fn of<'a>(everybody: impl Iterator<Item = (&'a [Cases], u64)>) -> Self {
        let mut rates = Self { kinds: Vec::new(), by_kind: Vec::new(), sum: (0, 0) };
        for (cases, count) in everybody {
            for Cases { kind, part, whole } in cases {
                let kind = *kind as usize;
                if kind >= rates.kinds.len() {
                    rates.kinds.resize(kind + 1, (0, 0));
                }
                let (part, whole) = (part.min(whole).saturating_mul(count), whole.saturating_mul(count));
                for sum in rates.kinds.get_mut(kind).into_iter().chain([&mut rates.sum]) {
                    *sum = (sum.0.saturating_add(part), sum.1.saturating_add(whole));
                }
            }
        }
        rates.by_kind = rates.kinds.iter().map(|(part, whole)| ratio(*part, *whole)).collect();
        rates
    }

    /// The cases of kinds that the others have, with the others' rate and number of cases of that kind.
    fn comparable(&self, cases: &[Cases]) -> impl Iterator<Item = (Cases, f64, u64)> {
        cases.iter().filter_map(|cases| {
            let (kind, (_, whole)) = (cases.kind as usize, self.kinds.get(cases.kind as usize)?);
            Some((*cases, (*self.by_kind.get(kind)?)?, *whole))
        })
    }

    /// So many of so many among those.
    fn known(&self, cases: &[Cases]) -> (u64, u64) {
        self.comparable(cases).fold((0, 0), |(part, whole), (cases, ..)| {
            (u64::saturating_add(part, cases.part.min(cases.whole)), u64::saturating_add(whole, cases.whole))
        })
    }

    /// The rate that they would have at the others' rates; `None` without any.
    fn expected(&self, cases: &[Cases]) -> Option<f64> {
        let (_, n) = self.known(cases);
        let shares = self.comparable(cases).map(|(cases, rate, _)| cases.whole as f64 / n as f64 * rate);
        (n > 0).then(|| shares.sum())
    }

    /// By how much the variance of the difference is more than that of the cases alone: with one kind, the member's
    /// cases to the others'.
    fn prediction(&self, cases: &[Cases], expected: f64, whole: u64) -> f64 {
        let chance = expected * (1.0 - expected) * whole as f64;
        if chance <= 0.0 {
            return 1.0;
        }
        let of_rates: f64 = self
            .comparable(cases)
            .map(|(cases, rate, others)| (cases.whole as f64).powi(2) * rate * (1.0 - rate) / others as f64)
            .sum();
        1.0 + of_rates / chance
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The rate at that quantile of the binomial distribution of so many cases, which need not be a whole number,
/// interpolated between whole numbers of what is counted.
fn quantile(rate: f64, cases: f64, probability: f64) -> f64 {
    let up_to = |count: u64| {
        let rest = cases - count as f64;
        if rest > 0.0 { beta_cdf(1.0 - rate, rest, count as f64 + 1.0) } else { 1.0 }
    };
    let rank = first_that(cases.ceil() as u64, |count| up_to(count) > probability);
    let below = if rank == 0 { 0.0 } else { up_to(rank - 1) };
    let back = if up_to(rank) > below { (up_to(rank) - probability) / (up_to(rank) - below) } else { 0.0 };
    (rank as f64 - back) / cases
}

/// The factor from z-scores in order, and how many have each; 1 unless they differ significantly more than chance makes
/// them.
fn dispersion(scores: &[(f64, u64)]) -> f64 {
    let count: u64 = scores.iter().map(|(_, count)| count).sum();
    let at = |place: u64| {
        let mut passed = 0;
        scores.iter().find_map(|(score, count)| {
            passed += count;
            (place < passed).then_some(*score)
        })
    };
    // Of two there is no middle to draw them to.
    let cut = count.div_ceil(WINSORISED).min(count.saturating_sub(1) / 2);
    let (Some(low), Some(high)) = (at(cut), at(count.saturating_sub(cut + 1))) else {
        return 1.0;
    };
    let squares: f64 =
        scores.iter().map(|(score, count)| *count as f64 * score.clamp(low, high).powi(2)).sum();
    let factor = squares / count as f64;
    let significant = 1.0 + 2.0 * (2.0 / count as f64).sqrt();
    if factor > significant { factor } else { 1.0 }
}
