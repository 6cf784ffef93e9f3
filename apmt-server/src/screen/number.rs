//! Numbers for people: rounded, with their unit, and a dash where there is none.

use apmt_core::Timestamp;
use apmt_core::policy::ConditionHeld;

use super::NOTHING;

/// A rate as per cent, without the sign: `42.0`.
pub(super) fn percent(rate: Option<f64>) -> String {
    rate.map_or_else(|| NOTHING.to_owned(), |rate| format!("{:.1}", rate * 100.0))
}

/// Hours or stars: `54.2`.
pub(super) fn tenths(value: Option<f64>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), |value| format!("{value:.1}"))
}

/// How long, as it is said: `40 min`, `3.2 h`, `31 h`, `23 days`.
pub(crate) fn age(hours: f64) -> String {
    if hours < 1.0 {
        format!("{:.0} min", (hours * 60.0).floor())
    } else if hours < 10.0 {
        format!("{hours:.1} h")
    } else if hours < 48.0 {
        format!("{:.0} h", hours.floor())
    } else {
        format!("{:.0} days", (hours / 24.0).floor())
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

/// What does not fulfil a condition, in words: `override rate at or below 30 %`.
pub(crate) fn standard(held: &ConditionHeld) -> String {
    let comparison = match held.comparison.sign() {
        ">" => "at or below",
        ">=" => "below",
        "<" => "at or above",
        "<=" => "above",
        "==" => "other than",
        "!=" => "exactly",
        other => other,
    };
    format!("{} {comparison} {}", held.metric.words(), held.metric.say(held.threshold, 12))
}

/// A condition that holds, in words: `override rate 42 % is above 30 %`.
pub(crate) fn condition(held: &ConditionHeld) -> String {
    let (words, comparison) = (held.metric.subject(), held.comparison.words());
    let compared = held.bound.as_ref().and_then(|bound| bound.value).unwrap_or(held.value);
    let (shown, threshold) = held.metric.say_both(compared, held.threshold);
    match &held.bound {
        None => format!("{words} {shown} is {comparison} {threshold}"),
        Some(bound) => {
            let least = if bound.kind.is_lower() { "at least" } else { "at most" };
            let value = held.metric.say(held.value, 1);
            format!("{words} {value}, surely {least} {shown}, is {comparison} {threshold}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apmt_core::policy::{Comparison, Metric};

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
        assert_eq!(
            say(Metric::Decisions, 20.0, Comparison::AtLeast, 20.0),
            "number of decisions 20 is at or above 20"
        );
        assert_eq!(
            say(Metric::ProcessingHoursP90, 80.0, Comparison::Above, 72.0),
            "90th percentile of processing times 80 h is above 72 h"
        );
    }

    #[test]
    fn ages_and_instants() {
        assert_eq!(age(0.7), "42 min");
        assert_eq!(age(3.25), "3.2 h");
        assert_eq!(age(31.9), "31 h");
        assert_eq!(age(23.5 * 24.0), "23 days");
        assert_eq!(instant("2026-03-01T09:30:00.123Z".parse().unwrap()), "2026-03-01 09:30:00 UTC");
        assert_eq!(percent(None), "—");
    }
}
