//! How far a small number can be trusted: one-sided confidence bounds, and the distributions behind them.
//!
//! A rate of 9 in 30 is 30 %, and may well be the luck of somebody whose true rate is 20 %. A one-sided bound at 95 % is
//! the value that the true one lies beyond in 95 of 100 such samples: a rule that asks for the *lower bound* to be above
//! its limit flags by evidence and not by chance.
//!
//! | bound | of | source |
//! |---|---|---|
//! | [`wilson`] | a rate | E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927 |
//! | [`clopper_pearson`] | a rate, exact: it never covers less than it says | C. J. Clopper and E. S. Pearson, Biometrika 26, 1934 |
//! | [`t_bound`] | a mean | Student, Biometrika 6, 1908 |
//! | [`lower_rank`], [`upper_rank`] | a quantile, by order statistics: free of any assumption on the distribution | H. A. David and H. N. Nagaraja, "Order Statistics", 3rd ed., 7.1 |
//! | [`Funnel`] | a rate among those of others, whatever the mix of their cases | D. J. Spiegelhalter, "Funnel plots for comparing institutional performance", Statistics in Medicine 24, 2005 |
//!
//! | distribution | how |
//! |---|---|
//! | [`normal_quantile`] | M. J. Wichura, algorithm AS 241, Applied Statistics 37, 1988 |
//! | [`beta_cdf`] | the continued fraction of DLMF 8.17.22, evaluated by the modified Lentz algorithm |
//! | [`beta_quantile`] | Newton's method on [`beta_cdf`], kept inside a bracket that halves where it would leave it |
//! | [`student_t_quantile`], [`binomial_cdf`] | by their relation to the beta distribution (DLMF 8.17(i)) |
//!
//! Everything is tested against SciPy and statsmodels, to 1e-10 relative; the fixture names their versions.

mod funnel;

use std::f64::consts::PI;

pub use funnel::{Cases, Funnel};

/// The two ends of Wilson's score interval of `part` out of `whole`, `z` standard errors wide to each side; `None` if
/// `whole` is 0.
///
/// Each end is a one-sided bound: at 95 % with `z` = [`normal_quantile`]`(0.95)`. With the 97.5th percentile both
/// together are the two-sided interval at 95 %. A `part` above `whole` is taken for `whole`.
///
/// ```
/// use apmt_core::statistics::{normal_quantile, wilson};
/// let [low, _] = wilson(12, 30, normal_quantile(0.95)).unwrap();
/// assert!((low - 0.267_126).abs() < 1e-6); // 40 % of 30 is no evidence for over 30 %
/// ```
pub fn wilson(part: u64, whole: u64, z: f64) -> Option<[f64; 2]> {
    if whole == 0 {
        return None;
    }
    let part = part.min(whole);
    let n = whole as f64;
    let rate = part as f64 / n;
    let z2 = z * z;
    let centre = rate + z2 / (2.0 * n);
    let half = z * (rate * (1.0 - rate) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    // The ends are exact where the formula only comes near them.
    let low = if part == 0 { 0.0 } else { (centre - half) / scale };
    let high = if part == whole { 1.0 } else { (centre + half) / scale };
    Some([low, high])
}

/// The two one-sided bounds of Clopper and Pearson for `part` out of `whole`, each at `confidence`, which lies between
/// 0 and 1; `None` if `whole` is 0.
///
/// Exact: whatever the true rate, the bound misses it in at most 1 − `confidence` of all samples. That makes it wider
/// than Wilson's, which misses by so much on average.
pub fn clopper_pearson(part: u64, whole: u64, confidence: f64) -> Option<[f64; 2]> {
    if whole == 0 {
        return None;
    }
    let part = part.min(whole);
    let (k, rest) = (part as f64, (whole - part) as f64);
    let low = if part == 0 { 0.0 } else { beta_quantile(1.0 - confidence, k, rest + 1.0) };
    let high = if part == whole { 1.0 } else { beta_quantile(confidence, k + 1.0, rest) };
    Some([low, high])
}

/// How far a one-sided bound of a mean lies from the mean, at `confidence`: t · s ÷ √n, where the sample variance is
/// that of `n` values with that sum of squared deviations from their mean. `None` for fewer than two values.
///
/// Where all values are alike the bound is the mean itself: a rule on a mean asks for a minimum of values too.
pub fn t_bound(n: u64, squared_deviations: f64, confidence: f64) -> Option<f64> {
    let freedom = n.checked_sub(1).filter(|freedom| *freedom > 0)?;
    Some(student_t_quantile(confidence, freedom as f64) * standard_error(n, squared_deviations))
}

/// The standard error of the mean of `n` values, at least two, with that sum of squared deviations from it.
pub(crate) fn standard_error(n: u64, squared_deviations: f64) -> f64 {
    let variance = squared_deviations.max(0.0) / n.saturating_sub(1) as f64;
    (variance / n as f64).sqrt()
}

/// The place, from 0, of the one of `n` values in order that lies at or below the true quantile `q` with at least that
/// confidence: the greatest such. `None` if not even the smallest does.
pub fn lower_rank(n: u64, q: f64, confidence: f64) -> Option<u64> {
    // The value at place r lies below the quantile where over r of n do: of the places for which that is likely enough,
    // the last.
    first_that(n, |rank| 1.0 - binomial_cdf(rank, n, q) < confidence).checked_sub(1)
}

/// The place, from 0, of the one of `n` values in order that lies at or above the true quantile `q` with at least that
/// confidence: the least such. `None` if not even the greatest does.
pub fn upper_rank(n: u64, q: f64, confidence: f64) -> Option<u64> {
    let place = first_that(n, |rank| binomial_cdf(rank, n, q) >= confidence);
    (place < n).then_some(place)
}

/// The first of 0 to n − 1 for which it holds, and then for all after it; `n` if for none.
pub(crate) fn first_that(n: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut from, mut to) = (0, n);
    while from < to {
        let middle = from + (to - from) / 2;
        if holds(middle) {
            to = middle;
        } else {
            from = middle + 1;
        }
    }
    from
}

/// The value below which a standard normal variable lies with that probability, between 0 and 1; infinite at the ends.
///
/// ```
/// let z = apmt_core::statistics::normal_quantile(0.975);
/// assert!((z - 1.959_963_984_540_054).abs() < 1e-14);
/// ```
pub fn normal_quantile(probability: f64) -> f64 {
    let q = probability - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * ratio_of(r, &CENTRAL);
    }
    let tail = if q < 0.0 { probability } else { 1.0 - probability };
    if tail <= 0.0 {
        return f64::INFINITY.copysign(q);
    }
    let r = (-tail.ln()).sqrt();
    let value = if r <= 5.0 { ratio_of(r - 1.6, &MIDDLE) } else { ratio_of(r - 5.0, &FAR) };
    value.copysign(q)
}

/// Numerator and denominator, lowest power first.
type Ratio = [[f64; 8]; 2];

/// AS 241, PPND16: the coefficients a and b.
const CENTRAL: Ratio = [
    [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_545,
    ],
];

/// AS 241, PPND16: the coefficients c and d.
const MIDDLE: Ratio = [
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
];

/// AS 241, PPND16: the coefficients e and f.
const FAR: Ratio = [
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ],
];

fn ratio_of(x: f64, [numerator, denominator]: &Ratio) -> f64 {
    let polynomial = |coefficients: &[f64; 8]| coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c);
    polynomial(numerator) / polynomial(denominator)
}

/// The value below which Student's t with that many degrees of freedom (over 0) lies with that probability, between 0
/// and 1.
pub fn student_t_quantile(probability: f64, freedom: f64) -> f64 {
    if probability < 0.5 {
        return -student_t_quantile(1.0 - probability, freedom);
    }
    // t² ÷ (ν + t²) is of the beta distribution (½, ν/2). The smaller of it and its complement has the digits.
    let near = near_student_t_quantile(probability, freedom).powi(2);
    let small = beta_quantile_near(2.0 * probability - 1.0, 0.5, freedom / 2.0, near / (freedom + near));
    if small < 0.5 {
        return (freedom * small / (1.0 - small)).sqrt();
    }
    let rest = beta_quantile_near(2.0 * (1.0 - probability), freedom / 2.0, 0.5, freedom / (freedom + near));
    (freedom * (1.0 - rest) / rest).sqrt()
}

/// Where to begin to look for it: two terms of the Cornish-Fisher expansion (M. Abramowitz and I. A. Stegun, "Handbook of
/// Mathematical Functions", 1964, 26.7.5), some digits for more than a few degrees of freedom.
fn near_student_t_quantile(probability: f64, freedom: f64) -> f64 {
    let z = normal_quantile(probability);
    let (cube, fifth) = (z.powi(3), z.powi(5));
    z + (cube + z) / (4.0 * freedom) + (5.0 * fifth + 16.0 * cube + 3.0 * z) / (96.0 * freedom * freedom)
}

/// The probability of at most `k` successes in `n` trials that each succeed with probability `p`.
pub fn binomial_cdf(k: u64, n: u64, p: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    beta_cdf(1.0 - p, (n - k) as f64, k as f64 + 1.0)
}

/// The probability that a beta variable with parameters `a` and `b` (over 0) is at most `x`: the regularised incomplete
/// beta function.
pub fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = power_over_beta(x, a, b);
    // On this side of the mean the fraction converges fast; on the other its mirror image does.
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(x, a, b) / a
    } else {
        1.0 - front * beta_fraction(1.0 - x, b, a) / b
    }
}

/// The value that a beta variable with parameters `a` and `b` (over 0) does not exceed with that probability.
pub fn beta_quantile(probability: f64, a: f64, b: f64) -> f64 {
    beta_quantile_near(probability, a, b, a / (a + b))
}

/// As [`beta_quantile`], for somebody who knows about where it lies.
fn beta_quantile_near(probability: f64, a: f64, b: f64, near: f64) -> f64 {
    if probability <= 0.0 {
        return 0.0;
    }
    if probability >= 1.0 {
        return 1.0;
    }
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    let mut x = if near > 0.0 && near < 1.0 { near } else { a / (a + b) };
    for _ in 0..ROUNDS {
        let over = beta_cdf(x, a, b) - probability;
        if over > 0.0 {
            high = x;
        } else {
            low = x;
        }
        let density = power_over_beta(x, a, b) / (x * (1.0 - x));
        let newton = x - over / density;
        let next = if newton > low && newton < high { newton } else { low + (high - low) / 2.0 };
        // The last digit but one of a step is noise: it may go to and fro for long.
        let settled = (next - x).abs() <= 4.0 * f64::EPSILON * next || high - low <= f64::EPSILON * high;
        x = next;
        if settled {
            break;
        }
    }
    x
}

/// More than halving the bracket down to the last bit takes.
const ROUNDS: u32 = 1100;

/// The continued fraction of the incomplete beta function, without its factor.
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    /// What takes the place of a zero, which the algorithm must not divide by.
    const TINY: f64 = 1e-300;
    let not_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (mut upper, mut lower) = (1.0, 1.0 / not_zero(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = lower;
    // It takes some √max(a, b) terms; the bound is far beyond what any count comes to.
    for term in 1..100_000_u32 {
        let term = f64::from(term);
        let twice = a + 2.0 * term;
        let even = term * (b - term) * x / ((twice - 1.0) * twice);
        let odd = -(a + term) * (a + b + term) * x / (twice * (twice + 1.0));
        for coefficient in [even, odd] {
            lower = 1.0 / not_zero(1.0 + coefficient * lower);
            upper = not_zero(1.0 + coefficient / upper);
            fraction *= lower * upper;
        }
        if (lower * upper - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    fraction
}

/// xᵃ · (1 − x)ᵇ ÷ B(a, b), put together so that no two large logarithms cancel: by Stirling's formula and what it
/// leaves over.
fn power_over_beta(x: f64, a: f64, b: f64) -> f64 {
    let sum = a + b;
    let powers = a * (x * sum / a).ln() + b * ((1.0 - x) * sum / b).ln();
    let rest = stirling_rest(sum) - stirling_rest(a) - stirling_rest(b);
    (powers + rest).exp() * (a * b / (2.0 * PI * sum)).sqrt()
}

/// What Stirling's formula, (x − ½) · ln x − x + ½ · ln 2π, leaves over of ln Γ(x) (DLMF 5.11.1).
fn stirling_rest(x: f64) -> f64 {
    if x < 16.0 {
        return ln_gamma(x) - ((x - 0.5) * x.ln() - x + 0.5 * (2.0 * PI).ln());
    }
    let square = 1.0 / (x * x);
    let series = 1.0 / 1260.0 - square * (1.0 / 1680.0 - square / 1188.0);
    (1.0 / 12.0 - square * (1.0 / 360.0 - square * series)) / x
}

/// The logarithm of the gamma function of a positive number, by the Lanczos approximation (g = 7, nine terms).
fn ln_gamma(x: f64) -> f64 {
    const G: f64 = 7.0;
    const TERMS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        return (PI / (PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let mut sum = TERMS[0];
    let mut at = x;
    for term in &TERMS[1..] {
        at += 1.0;
        sum += term / at;
    }
    let base = x + G + 0.5;
    (2.0 * PI).sqrt().ln() + (x + 0.5) * base.ln() - base + sum.ln()
}
