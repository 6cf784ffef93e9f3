//! The numbers that a condition may name.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::metrics::Metrics;

/// Makes the enum, the names and the way to each value from one list, so that none of the three can miss a metric.
macro_rules! metrics {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, |$metrics:ident| $value:expr;)+) => {
        /// A number of [`Metrics`] that a condition may name, by its path in the dossier's JSON.
        ///
        /// ```
        /// use apmt_core::policy::Metric;
        /// assert_eq!(Metric::from_name("processing_hours.p90"), Some(Metric::ProcessingHoursP90));
        /// assert_eq!(Metric::ProcessingHoursP90.name(), "processing_hours.p90");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Metric {
            $($(#[$doc])* $variant,)+
        }

        impl Metric {
            /// Every metric, in the order of the dossier's JSON.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The path in the dossier's JSON, such as `override_rate` or `processing_hours.p90`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The metric of that name; `None` if there is none.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The value, unrounded: a rate from 0 to 1, hours, stars from 1 to 5, or a count, as [`Metrics`] has it.
            /// `None` where the dossier has `null`, or has no such field because the policy has no target.
            pub fn value(self, metrics: &Metrics) -> Option<f64> {
                match self {
                    $(Self::$variant => {
                        let $metrics = metrics;
                        $value
                    })+
                }
            }
        }
    };
}

metrics! {
    /// Verdicts, overrides included: a count.
    Decisions = "decisions", |m| Some(m.decisions as f64);
    /// Verdicts that reversed the recommendation: a count.
    Overrides = "overrides", |m| Some(m.overrides as f64);
    /// Overrides ÷ verdicts, from 0 to 1; null without verdicts.
    OverrideRate = "override_rate", |m| m.override_rate;
    /// Verdicts on this actor's advice: a count.
    Recommendations = "recommendations", |m| Some(m.recommendations as f64);
    /// Verdicts that reversed this actor's advice: a count.
    RecommendationsOverridden = "recommendations_overridden", |m| Some(m.recommendations_overridden as f64);
    /// Reversed ÷ all verdicts on this actor's advice, from 0 to 1; null without any.
    OverriddenRate = "overridden_rate", |m| m.overridden_rate;
    /// The mean processing time, in hours; null without any.
    AvgProcessingHours = "avg_processing_hours", |m| m.avg_processing_hours;
    /// How many processing times there are.
    ProcessingHoursCount = "processing_hours.count", |m| Some(m.processing_hours.count as f64);
    /// The mean processing time, in hours; null without any.
    ProcessingHoursMean = "processing_hours.mean", |m| m.processing_hours.mean;
    /// The median processing time, in hours; null without any.
    ProcessingHoursMedian = "processing_hours.median", |m| m.processing_hours.median;
    /// The 90th percentile of processing times, in hours; null without any.
    ProcessingHoursP90 = "processing_hours.p90", |m| m.processing_hours.p90;
    /// The 95th percentile of processing times, in hours; null without any.
    ProcessingHoursP95 = "processing_hours.p95", |m| m.processing_hours.p95;
    /// The 99th percentile of processing times, in hours; null without any.
    ProcessingHoursP99 = "processing_hours.p99", |m| m.processing_hours.p99;
    /// The shortest processing time, in hours; null without any.
    ProcessingHoursMin = "processing_hours.min", |m| m.processing_hours.min;
    /// The longest processing time, in hours; null without any.
    ProcessingHoursMax = "processing_hours.max", |m| m.processing_hours.max;
    /// Mean stars, from 1 to 5; null without ratings.
    SatScoreMean = "sat_score_mean", |m| m.sat_score_mean;
    /// How many citizens rated.
    SatCount = "sat.count", |m| Some(m.sat.count as f64);
    /// How many cases are on the actor's clock.
    OpenCount = "open.count", |m| Some(m.open.count as f64);
    /// Hours on the clock that has run longest; null without open cases.
    OpenOldestHours = "open.oldest_hours", |m| m.open.oldest_hours;
    /// The median of the hours on open clocks; null without open cases.
    OpenMedianHours = "open.median_hours", |m| m.open.median_hours;
    /// How many open cases have run past the policy's target.
    OpenOverdue = "open.overdue", |m| m.open.overdue.map(|n| n as f64);
    /// Processing times within the policy's target: a count.
    SlaMet = "sla.met", |m| m.sla.as_ref().map(|sla| sla.met as f64);
    /// Processing times beyond the policy's target: a count.
    SlaBreached = "sla.breached", |m| m.sla.as_ref().map(|sla| sla.breached as f64);
    /// Met ÷ all, from 0 to 1; null without processing times.
    SlaCompliance = "sla.compliance", |m| m.sla.as_ref().and_then(|sla| sla.compliance);
    /// How many verdicts were appealed.
    AppealsCount = "appeals.count", |m| Some(m.appeals.count as f64);
    /// How many appeals reversed the verdict.
    AppealsReversed = "appeals.reversed", |m| Some(m.appeals.reversed as f64);
    /// How many appeals let an override stand.
    AppealsOverridesUpheld = "appeals.overrides_upheld", |m| Some(m.appeals.overrides_upheld as f64);
    /// How many appeals reversed an override.
    AppealsOverridesReversed = "appeals.overrides_reversed", |m| Some(m.appeals.overrides_reversed as f64);
}

/// What a metric estimates from a sample: what it has a confidence bound as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Estimate {
    /// A share of a whole.
    Rate,
    /// A mean.
    Mean,
    /// A quantile of processing times, as a probability.
    Quantile(f64),
}

/// What of a set of times a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OfTimes {
    /// Their mean.
    Mean,
    /// The quantile at so many percent: 0 is the least of them, 100 the greatest.
    Percentile(u32),
}

impl Metric {
    /// What it estimates; `None` for a count, for the ends of a range, and for open cases, all of which are looked at.
    pub(super) const fn estimate(self) -> Option<Estimate> {
        Some(match self {
            Self::OverrideRate | Self::OverriddenRate | Self::SlaCompliance => Estimate::Rate,
            Self::AvgProcessingHours | Self::ProcessingHoursMean | Self::SatScoreMean => Estimate::Mean,
            Self::ProcessingHoursMedian => Estimate::Quantile(0.5),
            Self::ProcessingHoursP90 => Estimate::Quantile(0.9),
            Self::ProcessingHoursP95 => Estimate::Quantile(0.95),
            Self::ProcessingHoursP99 => Estimate::Quantile(0.99),
            _ => return None,
        })
    }

    /// The metric that says how many values this one is made of; `None` for a count.
    pub const fn sample_size(self) -> Option<Self> {
        Some(match self {
            Self::OverrideRate => Self::Decisions,
            Self::OverriddenRate => Self::Recommendations,
            Self::AvgProcessingHours
            | Self::ProcessingHoursMean
            | Self::ProcessingHoursMedian
            | Self::ProcessingHoursP90
            | Self::ProcessingHoursP95
            | Self::ProcessingHoursP99
            | Self::ProcessingHoursMin
            | Self::ProcessingHoursMax
            | Self::SlaCompliance => Self::ProcessingHoursCount,
            Self::SatScoreMean => Self::SatCount,
            Self::OpenOldestHours | Self::OpenMedianHours => Self::OpenCount,
            _ => return None,
        })
    }

    /// Whether it is a count, of which a policy may ask for a minimum.
    pub const fn is_count(self) -> bool {
        self.sample_size().is_none()
    }

    /// Whether it is made of processing times.
    pub(super) fn is_of_processing(self) -> bool {
        self.name().starts_with("processing_hours")
            || matches!(
                self,
                Self::AvgProcessingHours | Self::SlaMet | Self::SlaBreached | Self::SlaCompliance
            )
    }

    /// What of the single processing times it is; `None` for what is a sum of counts.
    pub(super) const fn of_times(self) -> Option<OfTimes> {
        Some(match self {
            Self::AvgProcessingHours | Self::ProcessingHoursMean => OfTimes::Mean,
            Self::ProcessingHoursMin => OfTimes::Percentile(0),
            Self::ProcessingHoursMedian => OfTimes::Percentile(50),
            Self::ProcessingHoursP90 => OfTimes::Percentile(90),
            Self::ProcessingHoursP95 => OfTimes::Percentile(95),
            Self::ProcessingHoursP99 => OfTimes::Percentile(99),
            Self::ProcessingHoursMax => OfTimes::Percentile(100),
            _ => return None,
        })
    }

    /// Whether it is of the cases that are open at `as_of`, which no tally of past days knows.
    pub const fn is_of_open_cases(self) -> bool {
        matches!(self, Self::OpenCount | Self::OpenOldestHours | Self::OpenMedianHours | Self::OpenOverdue)
    }

    /// Whether there is a value only under a policy with an `sla` target.
    pub const fn needs_sla(self) -> bool {
        matches!(self, Self::OpenOverdue | Self::SlaMet | Self::SlaBreached | Self::SlaCompliance)
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_name(&name)
            .ok_or_else(|| serde::de::Error::custom(format_args!("{name}: expected the name of a metric")))
    }
}
