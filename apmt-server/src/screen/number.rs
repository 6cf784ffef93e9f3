//! Numbers for people: rounded, with their unit, and a dash where there is none.

use apmt_core::Timestamp;
use apmt_core::policy::{ConditionHeld, Metric};

use super::NOTHING;

/// A rate as per cent, without the sign: `42.0`.
pub(super) fn percent(rate: Option<f64>) -> String {
    rate.map_or_else(|| NOTHING.to_owned(), |rate| format!("{:.1}", rate * 100.0))
}

/// Hours or stars: `54.2`.
pub(super) fn tenths(value: Option<f64>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), |value| format!("{value:.1}"))
}

/// Hours as they are said: `40 min`, `31 h`, `23 d`.
pub(super) fn age(hours: f64) -> String {
    if hours < 1.0 {
        format!("{:.0} min", (hours * 60.0).floor())
    } else if hours < 48.0 {
        format!("{:.0} h", hours.floor())
    } else {
        format!("{:.0} d", (hours / 24.0).floor())
    }
}

/// An instant to the second: `2026-03-01 09:30:00 UTC`.
pub(super) fn instant(at: Timestamp) -> String {
    let text = at.to_string();
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => text,
    }
}

/// How a metric is called in a sentence, and its unit.
fn in_words(metric: Metric) -> (String, Unit) {
    let unit = match metric {
        Metric::OverrideRate | Metric::OverriddenRate | Metric::SlaCompliance => Unit::Percent,
        Metric::SatScoreMean => Unit::Stars,
        metric if metric.name().contains("hours") && !metric.name().ends_with("count") => Unit::Hours,
        _ => Unit::Count,
    };
    let words = match metric {
        Metric::OverriddenRate => "share of its advice that was overridden",
        Metric::RecommendationsOverridden => "advice overridden",
        Metric::AvgProcessingHours | Metric::ProcessingHoursMean => "mean processing time",
        Metric::ProcessingHoursCount => "processing times",
        Metric::ProcessingHoursMedian => "median processing time",
        Metric::ProcessingHoursMin => "shortest processing time",
        Metric::ProcessingHoursMax => "longest processing time",
        Metric::SatScoreMean => "mean satisfaction",
        Metric::SatCount => "ratings",
        Metric::OpenCount => "open cases",
        Metric::OpenOldestHours => "age of the oldest open case",
        Metric::OpenMedianHours => "median age of open cases",
        Metric::OpenOverdue => "overdue cases",
        Metric::AppealsCount => "appeals",
        Metric::AppealsReversed => "verdicts reversed on appeal",
        metric => return (metric.name().replace(['_', '.'], " "), unit),
    };
    (words.to_owned(), unit)
}

#[derive(Clone, Copy)]
enum Unit {
    Percent,
    Hours,
    Stars,
    Count,
}

impl Unit {
    fn show(self, value: f64, decimals: usize) -> String {
        let scaled = if matches!(self, Self::Percent) { value * 100.0 } else { value };
        let number = format!("{scaled:.decimals$}");
        let number =
            if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { &number };
        match self {
            Self::Percent => format!("{number} %"),
            Self::Hours => format!("{number} h"),
            Self::Stars => format!("{number} ★"),
            Self::Count => number.to_owned(),
        }
    }
}

/// A condition that holds, in words: `override rate 42 % is above 30 %`.
pub(super) fn condition(held: &ConditionHeld) -> String {
    let (words, unit) = in_words(held.metric);
    let comparison = match held.comparison.sign() {
        ">" => "above",
        ">=" => "at or above",
        "<" => "below",
        "<=" => "at or below",
        "==" => "exactly",
        "!=" => "not",
        other => other,
    };
    let pair = |decimals| (unit.show(held.value, decimals), unit.show(held.threshold, decimals));
    // A value close to the threshold is shown as precisely as it takes to see on which side it lies.
    #[expect(clippy::float_cmp, reason = "the question is whether they are the same number")]
    let same = held.value == held.threshold;
    let (value, threshold) =
        (1..=12).map(pair).find(|(value, threshold)| same || value != threshold).unwrap_or_else(|| pair(12));
    format!("{words} {value} is {comparison} {threshold}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use apmt_core::policy::Comparison;

    fn held(metric: Metric, value: f64, comparison: Comparison, threshold: f64) -> ConditionHeld {
        let json = serde_json::json!({
            "metric": metric.name(), "value": value, "comparison": comparison.sign(), "threshold": threshold
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_condition_says_on_which_side_it_is() {
        let say =
            |metric, value, comparison, threshold| condition(&held(metric, value, comparison, threshold));
        assert_eq!(
            say(Metric::OverrideRate, 0.42, Comparison::Above, 0.3),
            "override rate 42 % is above 30 %"
        );
        assert_eq!(
            say(Metric::OverrideRate, 0.300_04, Comparison::Above, 0.3),
            "override rate 30.004 % is above 30 %"
        );
        assert_eq!(
            say(Metric::SatScoreMean, 2.1, Comparison::Below, 3.0),
            "mean satisfaction 2.1 ★ is below 3 ★"
        );
        assert_eq!(say(Metric::Decisions, 20.0, Comparison::AtLeast, 20.0), "decisions 20 is at or above 20");
        assert_eq!(
            say(Metric::ProcessingHoursP90, 80.0, Comparison::Above, 72.0),
            "processing hours p90 80 h is above 72 h"
        );
    }

    #[test]
    fn ages_and_instants() {
        assert_eq!(age(0.7), "42 min");
        assert_eq!(age(31.9), "31 h");
        assert_eq!(age(23.5 * 24.0), "23 d");
        assert_eq!(instant("2026-03-01T09:30:00.123Z".parse().unwrap()), "2026-03-01 09:30:00 UTC");
        assert_eq!(percent(None), "—");
    }
}
