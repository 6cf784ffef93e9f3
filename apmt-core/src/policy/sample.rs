//! What conditions look at: an actor's metrics over a window, and the days that they were made of.

use std::collections::BTreeMap;

use super::metric::{Metric, OfTimes};
use super::peers::{Mix, Parts};
use super::sla::Sla;
use crate::metrics::{Metrics, mean_hours, percentiles_hours};
use crate::name::Track;
use crate::tally::{Durations, Tally};
use crate::time::{Day, HOUR_MS};

/// An actor's metrics over a window, and the tallies that they were made of.
///
/// Where the metrics are [those of mere sums](crate::metrics::Sums), which evaluations of every day of the past look at,
/// what it takes the single times to find out is found out where a condition asks for it. Mostly none does, for the
/// conditions of a rule before it fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample<'a> {
    pub(crate) metrics: &'a Metrics,
    pub(crate) days: &'a [(Day, &'a Tally)],
    pub(crate) sla: Option<&'a Sla>,
}

impl<'a> Sample<'a> {
    /// The metric's value, unrounded.
    pub(super) fn value(&self, metric: Metric) -> Option<f64> {
        metric.value(self.metrics).or_else(|| match metric.of_times()? {
            OfTimes::Mean => mean_hours(&self.times()),
            OfTimes::Percentile(percent) => {
                let [value] = percentiles_hours(&self.times(), [percent]);
                value
            }
        })
    }

    /// What a count comes to; 0 for what there is nothing of.
    pub(super) fn count(&self, metric: Metric) -> f64 {
        self.value(metric).unwrap_or(0.0)
    }

    /// The window's processing times.
    pub(super) fn times(&self) -> Vec<&'a Durations> {
        self.days.iter().map(|(_, tally)| &tally.processing).filter(|times| !times.is_empty()).collect()
    }

    /// What a rate is a ratio of; `None` for what is no rate.
    pub(super) fn parts(&self, metric: Metric) -> Option<Parts> {
        let metrics = self.metrics;
        match metric {
            Metric::OverrideRate => Some((metrics.overrides, metrics.decisions)),
            Metric::OverriddenRate => Some((metrics.recommendations_overridden, metrics.recommendations)),
            Metric::SlaCompliance => {
                metrics.sla.as_ref().map(|sla| (sla.met, sla.met.saturating_add(sla.breached)))
            }
            _ => None,
        }
    }

    /// The cases that a rate is of, on each track where tracks are told apart.
    pub(super) fn mix(&self, metric: Metric, by_track: bool) -> Mix<'a> {
        if !by_track {
            let all = self.parts(metric).unwrap_or_default();
            return Some((None, all)).filter(|(_, (_, whole))| *whole > 0).into_iter().collect();
        }
        // No track comes before all others.
        let mut mix: BTreeMap<Option<&Track>, Parts> = BTreeMap::new();
        for (_, tally) in self.days {
            let (part, whole) = parts_of_tally(metric, tally, self.sla);
            if whole > 0 {
                let sum = mix.entry(tally.track.as_ref()).or_default();
                *sum = (sum.0.saturating_add(part), sum.1.saturating_add(whole));
            }
        }
        mix.into_iter().collect()
    }

    /// How many values a mean is of, and the sum of their squared deviations from it.
    pub(super) fn deviations(&self, metric: Metric, mean: f64) -> Option<(u64, f64)> {
        match metric {
            Metric::SatScoreMean => {
                let sat = &self.metrics.sat;
                let squares = sat
                    .histogram
                    .iter()
                    .zip(1_u32..)
                    .map(|(count, stars)| *count as f64 * (f64::from(stars) - mean).powi(2))
                    .sum();
                Some((sat.count, squares))
            }
            Metric::AvgProcessingHours | Metric::ProcessingHoursMean => {
                let squares = |times: &Durations| {
                    times.values().map(|ms| (ms as f64 / HOUR_MS as f64 - mean).powi(2)).sum::<f64>()
                };
                let squares = self.times().into_iter().map(squares).sum();
                Some((self.metrics.processing_hours.count, squares))
            }
            _ => None,
        }
    }
}

/// What one day's cases of a track add to a rate; nothing of nothing for what is no rate.
pub(super) fn parts_of_tally(metric: Metric, tally: &Tally, sla: Option<&Sla>) -> Parts {
    match metric {
        Metric::OverrideRate => (tally.overrides, tally.decisions),
        Metric::OverriddenRate => (tally.recommendations_overridden, tally.recommendations),
        Metric::SlaCompliance => sla.map_or((0, 0), |sla| (sla.met(tally), tally.processing.len() as u64)),
        _ => (0, 0),
    }
}
