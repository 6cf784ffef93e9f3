//! Metrics and comparisons in words, for what people read.

use super::condition::Comparison;
use super::metric::{Estimate, Metric};

impl Metric {
    /// What it is called in a sentence: `override rate`, `median processing time`.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Decisions => "decisions",
            Self::Overrides => "overrides",
            Self::OverrideRate => "override rate",
            Self::Recommendations => "recommendations",
            Self::RecommendationsOverridden => "advice overridden",
            Self::OverriddenRate => "share of its advice that was overridden",
            Self::AvgProcessingHours | Self::ProcessingHoursMean => "mean processing time",
            Self::ProcessingHoursCount => "processing times",
            Self::ProcessingHoursMedian => "median processing time",
            Self::ProcessingHoursP90 => "90th percentile of processing times",
            Self::ProcessingHoursP95 => "95th percentile of processing times",
            Self::ProcessingHoursP99 => "99th percentile of processing times",
            Self::ProcessingHoursMin => "shortest processing time",
            Self::ProcessingHoursMax => "longest processing time",
            Self::SatScoreMean => "mean satisfaction",
            Self::SatCount => "ratings",
            Self::OpenCount => "open cases",
            Self::OpenOldestHours => "age of the oldest open case",
            Self::OpenMedianHours => "median age of open cases",
            Self::OpenOverdue => "overdue cases",
            Self::SlaMet => "cases within the target",
            Self::SlaBreached => "cases beyond the target",
            Self::SlaCompliance => "share of cases within the target",
            Self::AppealsCount => "appeals",
            Self::AppealsReversed => "verdicts reversed on appeal",
            Self::AppealsOverridesUpheld => "overrides upheld on appeal",
            Self::AppealsOverridesReversed => "overrides reversed on appeal",
        }
    }

    /// A value of this metric with its unit, to at most so many decimals: `42 %`, `54.2 h`, `2.1 ★`, `20`.
    pub fn say(self, value: f64, decimals: usize) -> String {
        let unit = match (self.estimate(), self) {
            (Some(Estimate::Rate), _) => " %",
            (_, Self::SatScoreMean) => " ★",
            (None, metric) if metric.is_count() => "",
            _ => " h",
        };
        let scaled = if unit == " %" { value * 100.0 } else { value };
        let number = format!("{scaled:.decimals$}");
        let number =
            if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { &number };
        format!("{number}{unit}")
    }

    /// Two values of this metric with the decimals that it takes to see on which side of each other they lie.
    pub fn say_both(self, value: f64, other: f64) -> (String, String) {
        let pair = |decimals| (self.say(value, decimals), self.say(other, decimals));
        #[expect(clippy::float_cmp, reason = "the question is whether they are the same number")]
        let same = value == other;
        (1..=12).map(pair).find(|(value, other)| same || value != other).unwrap_or_else(|| pair(12))
    }
}

impl Comparison {
    /// The comparison in words: `above`, `at or above`, `below`, `at or below`, `exactly`, `not`.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::AtLeast => "at or above",
            Self::Below => "below",
            Self::AtMost => "at or below",
            Self::Equal => "exactly",
            Self::NotEqual => "not",
        }
    }
}
