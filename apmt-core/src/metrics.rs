//! What an actor's tallies come to: rates, means, exact quantiles.
//!
//! | field | definition |
//! |---|---|
//! | `override_rate` | overrides ÷ verdicts; `null` without verdicts |
//! | `override_rate_interval` | Wilson score interval at 95 %, two-sided (E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927) |
//! | `processing_hours` | count, mean, median, p90, p95, p99, min, max; quantiles exact, type 7 of R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", The American Statistician 50, 1996 |
//! | `open` | cases on the actor's clock at `as_of`, with the hours already on those clocks |
//! | `sla`, `open.overdue` | each case by the target of its own track |
//! | `tracks` | the same counts for each track; absent where no case has one |

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::Track;
use crate::policy::{Sla, Target};
use crate::statistics::wilson;
use crate::store::OpenCase;
use crate::tally::{Durations, Tally};
use crate::time::HOUR_MS;

/// What an actor's tallies over a window come to. The fields are those of the dossier's JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Metrics {
    /// Verdicts, overrides included.
    pub decisions: u64,
    /// Verdicts that reversed the recommendation.
    pub overrides: u64,
    /// Overrides ÷ verdicts, from 0 to 1.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub override_rate: Option<f64>,
    /// The Wilson score interval of the override rate, at 95 %, two-sided.
    #[cfg_attr(feature = "openapi", schema(required, min_items = 2, max_items = 2))]
    pub override_rate_interval: Option<[f64; 2]>,
    /// Verdicts on this actor's advice.
    pub recommendations: u64,
    /// Verdicts that reversed this actor's advice.
    pub recommendations_overridden: u64,
    /// Reversed ÷ all verdicts on this actor's advice, from 0 to 1.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub overridden_rate: Option<f64>,
    /// The mean processing time, in hours.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub avg_processing_hours: Option<f64>,
    /// The distribution of processing times, in hours.
    pub processing_hours: ProcessingHours,
    /// Mean stars, from 1 to 5.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub sat_score_mean: Option<f64>,
    /// How many citizens rated, and how.
    pub sat: Satisfaction,
    /// What stands on the actor's clock.
    pub open: OpenCases,
    /// How the policy's target was met; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub sla: Option<SlaCompliance>,
    /// How the actor's verdicts fared on appeal.
    pub appeals: Appeals,
    /// What of this was on cases of each track, in the order of their names; cases without one are in none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tracks: Vec<OfTrack>,
}

/// What tallies add up to without a look at any single time: what slides from day to day for the price of an addition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    /// Counts, without times.
    counts: Tally,
    processed: u64,
    met: u64,
}

impl Sums {
    /// What the tallies add up to.
    pub(crate) fn of<'a>(tallies: impl IntoIterator<Item = &'a Tally>, sla: Option<&Sla>) -> Self {
        let mut sums = Self::default();
        tallies.into_iter().for_each(|tally| sums.add(tally, sla));
        sums
    }

    /// Adds a tally; where there is a target, how many of its times meet that of its track.
    pub(crate) fn add(&mut self, tally: &Tally, sla: Option<&Sla>) {
        self.counts.add_counts(tally);
        self.processed = self.processed.saturating_add(tally.processing.len() as u64);
        self.met = self.met.saturating_add(sla.map_or(0, |sla| sla.met(tally)));
    }

    /// Takes a tally away that was added under the same target.
    pub(crate) fn take(&mut self, tally: &Tally, sla: Option<&Sla>) {
        self.counts.take_counts(tally);
        self.processed = self.processed.saturating_sub(tally.processing.len() as u64);
        self.met = self.met.saturating_sub(sla.map_or(0, |sla| sla.met(tally)));
    }

    /// The metrics, but for what costs more than a sum: the distribution of the times, the tracks and the interval of the
    /// override rate are as if there were nothing of them, and so are open cases, which no tally knows.
    pub(crate) fn metrics(&self, sla: Option<&Sla>) -> Metrics {
        let Self { counts, processed, met } = self;
        let ratings = counts.stars.iter().fold(0_u64, |ratings, count| ratings.saturating_add(*count));
        let stars = counts
            .stars
            .iter()
            .zip(1_u64..)
            .fold(0_u64, |total, (count, stars)| total.saturating_add(count.saturating_mul(stars)));
        Metrics {
            decisions: counts.decisions,
            overrides: counts.overrides,
            override_rate: ratio(counts.overrides, counts.decisions),
            override_rate_interval: None,
            recommendations: counts.recommendations,
            recommendations_overridden: counts.recommendations_overridden,
            overridden_rate: ratio(counts.recommendations_overridden, counts.recommendations),
            avg_processing_hours: None,
            processing_hours: ProcessingHours::none(*processed),
            sat_score_mean: ratio(stars, ratings),
            sat: Satisfaction { count: ratings, histogram: counts.stars },
            open: OpenCases::none(sla),
            sla: sla.map(|_| SlaCompliance::of(*met, *processed)),
            appeals: Appeals {
                count: counts.appeals,
                reversed: counts.appeals_reversed,
                overrides_upheld: counts.overrides_upheld,
                overrides_reversed: counts.overrides_reversed,
            },
            tracks: Vec::new(),
        }
    }
}

/// What an actor did on the cases of one track.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct OfTrack {
    /// The track.
    pub track: Track,
    /// Verdicts, overrides included.
    pub decisions: u64,
    /// Verdicts that reversed the recommendation.
    pub overrides: u64,
    /// Verdicts on this actor's advice.
    #[serde(default)]
    pub recommendations: u64,
    /// Verdicts that reversed this actor's advice.
    #[serde(default)]
    pub recommendations_overridden: u64,
    /// Processing times.
    pub processed: u64,
    /// Cases on the actor's clock at `as_of`.
    pub open: u64,
    /// How many of these have run past the track's target; absent where the policy has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub overdue: Option<u64>,
    /// How the track's target was met; absent where the policy has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub sla: Option<SlaCompliance>,
}

/// The distribution of processing times, in hours. Each value is `None` where there are no times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ProcessingHours {
    /// How many.
    pub count: u64,
    /// The mean.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub mean: Option<f64>,
    /// The median.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub median: Option<f64>,
    /// The 90th percentile.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub p90: Option<f64>,
    /// The 95th percentile.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub p95: Option<f64>,
    /// The 99th percentile.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub p99: Option<f64>,
    /// The shortest.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub min: Option<f64>,
    /// The longest.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub max: Option<f64>,
}

/// How citizens rated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Satisfaction {
    /// How many.
    pub count: u64,
    /// How many gave one star, two, three, four, five.
    #[cfg_attr(feature = "openapi", schema(min_items = 5, max_items = 5))]
    pub histogram: [u64; 5],
}

/// Cases on the actor's clock at `as_of`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct OpenCases {
    /// How many.
    pub count: u64,
    /// Hours on the clock that has run longest.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub oldest_hours: Option<f64>,
    /// The median of the hours on those clocks.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub median_hours: Option<f64>,
    /// How many have run past the policy's target; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub overdue: Option<u64>,
}

/// How a target for processing times was met. A time equal to the target meets it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct SlaCompliance {
    /// Processing times within the target.
    pub met: u64,
    /// Processing times beyond it.
    pub breached: u64,
    /// Met ÷ all, from 0 to 1; `None` without any.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub compliance: Option<f64>,
}

/// How the actor's verdicts fared on appeal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Appeals {
    /// How many.
    pub count: u64,
    /// How many reversed the verdict.
    pub reversed: u64,
    /// How many let an override stand.
    pub overrides_upheld: u64,
    /// How many reversed an override.
    pub overrides_reversed: u64,
}

impl Metrics {
    /// What the tallies come to. `open` are the cases on the actor's clock at `as_of`.
    pub fn of<'a>(
        tallies: impl IntoIterator<Item = &'a Tally>,
        open: &[OpenCase],
        sla: Option<&Sla>,
    ) -> Self {
        let mut sums = Sums::default();
        let mut runs: Vec<&Durations> = Vec::new();
        let mut tracks: BTreeMap<&Track, Vec<&Tally>> = BTreeMap::new();
        for tally in tallies {
            sums.add(tally, sla);
            if !tally.processing.is_empty() {
                runs.push(&tally.processing);
            }
            if let Some(track) = &tally.track {
                tracks.entry(track).or_default().push(tally);
            }
        }
        for track in open.iter().filter_map(|case| case.track.as_ref()) {
            tracks.entry(track).or_default();
        }
        let processing_hours = ProcessingHours::of(&runs);
        let metrics = sums.metrics(sla);
        Self {
            override_rate_interval: wilson_interval(metrics.overrides, metrics.decisions),
            avg_processing_hours: processing_hours.mean,
            processing_hours,
            open: OpenCases::of(open, sla),
            tracks: tracks
                .into_iter()
                .map(|(track, tallies)| OfTrack::of(track, &tallies, open, sla))
                .collect(),
            ..metrics
        }
    }
}

impl OfTrack {
    fn of(track: &Track, tallies: &[&Tally], open: &[OpenCase], sla: Option<&Sla>) -> Self {
        let sum =
            |count: fn(&Tally) -> u64| tallies.iter().map(|tally| count(tally)).fold(0, u64::saturating_add);
        let processed = sum(|tally| tally.processing.len() as u64);
        let target = sla.map(|sla| sla.target_of(Some(track)));
        let open = || open.iter().filter(|case| case.track.as_ref() == Some(track));
        Self {
            track: track.clone(),
            decisions: sum(|tally| tally.decisions),
            overrides: sum(|tally| tally.overrides),
            recommendations: sum(|tally| tally.recommendations),
            recommendations_overridden: sum(|tally| tally.recommendations_overridden),
            processed,
            open: open().count() as u64,
            overdue: target.map(|target| open().filter(|case| !is_in_time(case, target)).count() as u64),
            sla: target.map(|target| {
                let met = tallies.iter().map(|tally| target.met(tally)).sum();
                SlaCompliance::of(met, processed)
            }),
        }
    }
}

impl ProcessingHours {
    fn of(runs: &[&Durations]) -> Self {
        let count: usize = runs.iter().map(|run| run.len()).sum();
        let [min, median, p90, p95, p99, max] = percentiles_hours(runs, [0, 50, 90, 95, 99, 100]);
        Self { count: count as u64, mean: mean_hours(runs), median, p90, p95, p99, min, max }
    }

    /// So many times of which nothing is known.
    const fn none(count: u64) -> Self {
        Self { count, mean: None, median: None, p90: None, p95: None, p99: None, min: None, max: None }
    }
}

impl OpenCases {
    pub(crate) fn of(open: &[OpenCase], sla: Option<&Sla>) -> Self {
        if open.is_empty() {
            return Self::none(sla);
        }
        let clocks = open.iter().map(|case| case.counted_ms).collect::<Durations>();
        let [median_hours, oldest_hours] = percentiles_hours(&[&clocks], [50, 100]);
        let overdue = |sla: &Sla| {
            open.iter().filter(|case| !is_in_time(case, sla.target_of(case.track.as_ref()))).count() as u64
        };
        Self { count: clocks.len() as u64, oldest_hours, median_hours, overdue: sla.map(overdue) }
    }

    fn none(sla: Option<&Sla>) -> Self {
        Self { count: 0, oldest_hours: None, median_hours: None, overdue: sla.map(|_| 0) }
    }
}

impl SlaCompliance {
    fn of(met: u64, all: u64) -> Self {
        Self { met, breached: all.saturating_sub(met), compliance: ratio(met, all) }
    }
}

fn is_in_time(case: &OpenCase, target: Target) -> bool {
    target.is_met(case.counted_ms, case.working_day)
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The mean of the times, in hours; `None` where there are none.
pub(crate) fn mean_hours(runs: &[&Durations]) -> Option<f64> {
    let count: usize = runs.iter().map(|run| run.len()).sum();
    let sum: u128 = runs.iter().map(|run| run.sum()).sum();
    (count > 0).then(|| sum as f64 / count as f64 / HOUR_MS as f64)
}

/// The quantiles of type 7 at so many percent, rising, in hours; `None` each where there are no times.
///
/// Such a quantile is the value at place (n − 1)·p, and between two places the straight line between their values. The
/// place is worked out in whole numbers, so nothing is rounded before the interpolation.
pub(crate) fn percentiles_hours<const N: usize>(runs: &[&Durations], percents: [u32; N]) -> [Option<f64>; N] {
    let count: usize = runs.iter().map(|run| run.len()).sum();
    let Some(last) = count.checked_sub(1) else { return [None; N] };
    let places = percents.map(|percent| {
        let hundredths = last as u128 * u128::from(percent);
        ((hundredths / 100) as usize, (hundredths % 100) as f64 / 100.0)
    });
    let mut ranks: Vec<usize> =
        places.iter().flat_map(|(place, _)| [*place, (place + 1).min(last)]).collect();
    ranks.sort_unstable();
    ranks.dedup();
    let values = match runs {
        [run] => ranks.iter().filter_map(|rank| run.get(*rank)).collect(),
        _ => Durations::nths_of(runs, &ranks),
    };
    let at = |rank: usize| values.get(ranks.binary_search(&rank).ok()?).map(|value| *value as f64);
    places.map(|(place, between)| {
        let (low, high) = (at(place)?, at((place + 1).min(last))?);
        Some((low + (high - low) * between) / HOUR_MS as f64)
    })
}

/// The 97.5th percentile of the standard normal distribution.
const Z_95: f64 = 1.959_963_984_540_054;

/// The Wilson score interval of `part` out of `whole` at 95 %, two-sided; `None` if `whole` is 0.
///
/// Unlike the textbook interval it stays within 0 and 1 and holds its level at small numbers, which is what a rate of
/// 2 in 5 needs.
///
/// ```
/// let [low, high] = apmt_core::metrics::wilson_interval(2, 5).unwrap();
/// assert!((low - 0.117_620_774_233).abs() < 1e-9 && (high - 0.769_275_718_724).abs() < 1e-9);
/// ```
pub fn wilson_interval(part: u64, whole: u64) -> Option<[f64; 2]> {
    wilson(part, whole, Z_95)
}
