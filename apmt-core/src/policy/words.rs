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

    /// What it is in a sentence that goes on with its value: `override rate`, and of a count `number of overdue cases`.
    ///
    /// ```
    /// use apmt_core::policy::Metric;
    /// assert_eq!(Metric::OpenOverdue.subject(), "number of overdue cases");
    /// assert_eq!(Metric::SatScoreMean.subject(), "mean satisfaction");
    /// ```
    pub fn subject(self) -> String {
        let words = self.plural();
        if self.is_count() { format!("number of {words}") } else { words.to_owned() }
    }

    /// So many of a count, as one says it: `1 overdue case`, `4 overdue cases`, `no overdue cases`; of what is no count,
    /// its value.
    ///
    /// ```
    /// use apmt_core::policy::Metric;
    /// assert_eq!(Metric::OpenOverdue.counted(4), "4 overdue cases");
    /// assert_eq!(Metric::SlaBreached.counted(1), "1 case beyond the target");
    /// assert_eq!(Metric::SatCount.counted(0), "no ratings");
    /// ```
    pub fn counted(self, count: u64) -> String {
        match count {
            0 => format!("no {}", self.plural()),
            1 => format!("1 {}", self.singular()),
            count => format!("{count} {}", self.plural()),
        }
    }

    /// That so many of a count are there: `There is 1 overdue case`.
    pub(super) fn there_are(self, count: u64) -> String {
        let are = if count == 1 { "is" } else { "are" };
        format!("There {are} {}", self.counted(count))
    }

    /// As [`words`](Self::words), where those do not count well.
    const fn plural(self) -> &'static str {
        match self {
            Self::RecommendationsOverridden => "recommendations that were overridden",
            other => other.words(),
        }
    }

    const fn singular(self) -> &'static str {
        match self {
            Self::Decisions => "decision",
            Self::Overrides => "override",
            Self::Recommendations => "recommendation",
            Self::RecommendationsOverridden => "recommendation that was overridden",
            Self::ProcessingHoursCount => "processing time",
            Self::SatCount => "rating",
            Self::OpenCount => "open case",
            Self::OpenOverdue => "overdue case",
            Self::SlaMet => "case within the target",
            Self::SlaBreached => "case beyond the target",
            Self::AppealsCount => "appeal",
            Self::AppealsReversed => "verdict reversed on appeal",
            Self::AppealsOverridesUpheld => "override upheld on appeal",
            Self::AppealsOverridesReversed => "override reversed on appeal",
            other => other.words(),
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
    /// How a value stands to the threshold, whether the comparison holds or not: `is above`, `is not above`.
    pub(super) fn says(self, holds: bool) -> String {
        match (self, holds) {
            // That it is not not 3 nobody would say.
            (Self::NotEqual, false) => "is".to_owned(),
            (comparison, true) => format!("is {}", comparison.words()),
            (comparison, false) => format!("is not {}", comparison.words()),
        }
    }

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
