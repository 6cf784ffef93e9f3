//! What would clear a rule: how far each of its conditions is from not holding any more, in things that can be done.
//!
//! A rule holds while all its conditions do, so that any one of these is enough.

use apmt_core::Metrics;
use apmt_core::policy::{Comparison, ConditionHeld, Metric};

use super::words::{counted, percent, tenths};

/// Beyond so many, an example helps nobody.
const MOST: u64 = 100_000;

/// What would clear a condition: `The override rate must be at or under 30 %: 6 fewer overrides among 50 decisions, or 20
/// more decisions without one.` None for one that only asks for enough numbers, such as `decisions >= 20`: nobody is
/// helped by fewer.
pub(super) fn advice(held: &ConditionHeld, metrics: &Metrics) -> Option<String> {
    let ConditionHeld { metric, comparison, threshold, .. } = *held;
    let (subject, unit) = subject(metric);
    let bound = match comparison {
        Comparison::Above => "must be at or under",
        Comparison::AtLeast => "must be under",
        Comparison::Below => "must be at or over",
        Comparison::AtMost => "must be over",
        Comparison::Equal => "must not be exactly",
        Comparison::NotEqual => "must be exactly",
        // A comparison of a later version: what clears it is not known here.
        _ => return None,
    };
    let high = matches!(comparison, Comparison::Above | Comparison::AtLeast);
    if high && asks_for_enough(metric) {
        return None;
    }
    let clears = |value: f64| !comparison.holds(value, threshold);
    let example = if high { less(metric, metrics, clears) } else { more(metric, metrics, clears) };
    let example = example.map_or_else(String::new, |example| format!(": {example}"));
    Some(format!("{subject} {bound} {}{example}.", unit.show(threshold)))
}

/// Whether a high value of the metric is nothing to be mended: such a condition keeps small numbers out.
const fn asks_for_enough(metric: Metric) -> bool {
    matches!(
        metric,
        Metric::Decisions
            | Metric::Recommendations
            | Metric::ProcessingHoursCount
            | Metric::SatCount
            | Metric::AppealsCount
            | Metric::SlaMet
            | Metric::AppealsOverridesUpheld
    )
}

/// What brings a value that is too high down.
fn less(metric: Metric, metrics: &Metrics, clears: impl Fn(f64) -> bool) -> Option<String> {
    match metric {
        Metric::OverrideRate => {
            share(metrics.overrides, metrics.decisions, clears, ["override", "overrides"], "decision")
        }
        Metric::OverriddenRate => share(
            metrics.recommendations_overridden,
            metrics.recommendations,
            clears,
            ["override of its advice", "overrides of its advice"],
            "decision on its advice",
        ),
        Metric::AvgProcessingHours | Metric::ProcessingHoursMean => {
            let (mean, n) = (metrics.processing_hours.mean?, metrics.processing_hours.count);
            let (total, quick) = (mean * n as f64, metrics.processing_hours.min?.max(0.1));
            let cases = first(|cases| clears((total + cases as f64 * quick) / (n + cases) as f64))?;
            let cases = counted(cases, "more case", "more cases");
            Some(format!("for example, {cases} as quick as the quickest so far ({}\u{a0}h)", tenths(quick)))
        }
        Metric::Overrides => {
            down(metrics.overrides, clears).map(|fewer| counted(fewer, "override fewer", "overrides fewer"))
        }
        Metric::OpenCount => down(metrics.open.count, clears)
            .map(|fewer| format!("{} decided or handed on", counted(fewer, "open case", "open cases"))),
        Metric::OpenOverdue => down(metrics.open.overdue?, clears)
            .map(|fewer| format!("{} decided or handed on", counted(fewer, "overdue case", "overdue cases"))),
        Metric::OpenOldestHours => Some("the oldest open cases decided or handed on".to_owned()),
        _ => None,
    }
}

/// What brings a value that is too low up.
fn more(metric: Metric, metrics: &Metrics, clears: impl Fn(f64) -> bool) -> Option<String> {
    match metric {
        Metric::SatScoreMean => {
            let n = metrics.sat.count;
            let total: u64 = metrics.sat.histogram.iter().zip(1..).map(|(count, stars)| count * stars).sum();
            let with = |stars: u64| {
                first(|more| clears((total + more * stars) as f64 / (n + more) as f64))
                    .map(|more| format!("{} of {stars} stars", counted(more, "more rating", "more ratings")))
            };
            match (with(5), with(4)) {
                (Some(five), Some(four)) => Some(format!("for example, {five}, or {four}")),
                (five, _) => five.map(|five| format!("for example, {five}")),
            }
        }
        Metric::SlaCompliance => {
            let sla = metrics.sla.as_ref()?;
            let more =
                first(|more| clears((sla.met + more) as f64 / (sla.met + sla.breached + more) as f64))?;
            Some(format!("{} within the target", counted(more, "more case", "more cases")))
        }
        _ => None,
    }
}

/// A share that is too high: fewer of the part, or more of the whole without it.
fn share(
    part: u64,
    whole: u64,
    clears: impl Fn(f64) -> bool,
    [one, many]: [&str; 2],
    of: &str,
) -> Option<String> {
    let fewer = first(|fewer| fewer > part || clears((part.saturating_sub(fewer)) as f64 / whole as f64))?;
    let fewer = (fewer <= part).then(|| {
        format!(
            "{} {} among {}",
            fewer,
            if fewer == 1 { format!("fewer {one}") } else { format!("fewer {many}") },
            counted(whole, of, &format!("{of}s"))
        )
    });
    let more = first(|more| clears(part as f64 / (whole + more) as f64))
        .map(|more| format!("{} more {} without one", more, plural(of, more)));
    match (fewer, more) {
        (Some(fewer), Some(more)) => Some(format!("{fewer}, or {more}")),
        (fewer, more) => fewer.or(more),
    }
}

/// "decision on its advice", "decisions on its advice".
fn plural(of: &str, count: u64) -> String {
    if count == 1 { of.to_owned() } else { of.replacen("decision", "decisions", 1) }
}

/// By how much a count must go down.
fn down(count: u64, clears: impl Fn(f64) -> bool) -> Option<u64> {
    first(|fewer| fewer > count || clears((count.saturating_sub(fewer)) as f64))
        .filter(|fewer| *fewer <= count)
}

/// The first number from 1 for which that is so, where it is so for all after it.
fn first(clears: impl Fn(u64) -> bool) -> Option<u64> {
    let (mut low, mut high) = (0, 1);
    while !clears(high) {
        low = high;
        high *= 2;
        if high > MOST {
            return None;
        }
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if clears(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

/// What a metric is called at the beginning of a sentence, and its unit.
pub(super) fn subject(metric: Metric) -> (String, Unit) {
    let words = match metric {
        Metric::Decisions => "The number of decisions",
        Metric::Overrides => "The number of overrides",
        Metric::OverrideRate => "The override rate",
        Metric::Recommendations => "The number of decisions on its advice",
        Metric::RecommendationsOverridden => "The number of overrides of its advice",
        Metric::OverriddenRate => "The share of its advice that was overridden",
        Metric::AvgProcessingHours | Metric::ProcessingHoursMean => "The average processing time",
        Metric::ProcessingHoursCount => "The number of cases handled",
        Metric::ProcessingHoursMedian => "The median processing time",
        Metric::ProcessingHoursP90 => "The processing time that nine cases in ten keep to",
        Metric::ProcessingHoursP95 => "The processing time that 95 cases in 100 keep to",
        Metric::ProcessingHoursP99 => "The processing time that 99 cases in 100 keep to",
        Metric::ProcessingHoursMin => "The shortest processing time",
        Metric::ProcessingHoursMax => "The longest processing time",
        Metric::SatScoreMean => "The average of the citizens’ stars",
        Metric::SatCount => "The number of citizens’ ratings",
        Metric::OpenCount => "The number of open cases",
        Metric::OpenOldestHours => "The age of the oldest open case",
        Metric::OpenMedianHours => "The median age of open cases",
        Metric::OpenOverdue => "The number of overdue cases",
        Metric::SlaMet => "The number of cases within the target",
        Metric::SlaBreached => "The number of cases past the target",
        Metric::SlaCompliance => "The share of cases within the target",
        Metric::AppealsCount => "The number of appeals",
        Metric::AppealsReversed => "The number of decisions reversed on appeal",
        Metric::AppealsOverridesUpheld => "The number of overrides upheld on appeal",
        Metric::AppealsOverridesReversed => "The number of overrides reversed on appeal",
        metric => return (format!("The {}", metric.name().replace(['_', '.'], " ")), Unit::of(metric)),
    };
    (words.to_owned(), Unit::of(metric))
}

/// In what a metric is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Rate,
    Hours,
    Stars,
    Count,
}

impl Unit {
    fn of(metric: Metric) -> Self {
        match metric {
            Metric::SatScoreMean => Self::Stars,
            metric if metric.name().ends_with("rate") || metric.name().ends_with("compliance") => Self::Rate,
            metric if metric.name().contains("hours") && !metric.name().ends_with("count") => Self::Hours,
            _ => Self::Count,
        }
    }

    /// A threshold as it was written, or a value rounded.
    pub(super) fn show(self, value: f64) -> String {
        let short = |text: String| match text.split_once('.') {
            Some((whole, "0")) => whole.to_owned(),
            _ => text,
        };
        match self {
            // A threshold of 0.3 is 30 %, whatever binary fractions make of it.
            Self::Rate => percent(value).replace(".0\u{a0}", "\u{a0}"),
            Self::Hours => format!("{}\u{a0}h", short(tenths(value))),
            Self::Stars => format!("{}\u{a0}★", short(tenths(value))),
            Self::Count => short(tenths(value)),
        }
    }

    /// A value that stands beside a threshold: as precisely as it takes to see on which side it is.
    pub(super) fn show_beside(self, value: f64, threshold: f64) -> String {
        let shown = self.show(value);
        #[expect(clippy::float_cmp, reason = "the question is whether they are the same number")]
        if shown != self.show(threshold) || value == threshold {
            return shown;
        }
        match self {
            Self::Rate => format!("{}\u{a0}%", value * 100.0),
            Self::Hours => format!("{value}\u{a0}h"),
            Self::Stars => format!("{value}\u{a0}★"),
            Self::Count => format!("{value}"),
        }
    }
}

/// A comparison between a value and a threshold, in words: `is over`.
pub(super) const fn stands(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Above => "is over",
        Comparison::AtLeast => "is at or over",
        Comparison::Below => "is under",
        Comparison::AtMost => "is at or under",
        Comparison::Equal => "is exactly",
        _ => "is not",
    }
}

#[cfg(test)]
mod tests {
    use apmt_core::tally::Tally;
    use apmt_core::time::HOUR_MS;
    use serde_json::json;

    use super::*;

    fn held(metric: &str, comparison: &str, threshold: f64) -> ConditionHeld {
        let json = json!({"metric": metric, "value": 0.5, "comparison": comparison, "threshold": threshold});
        serde_json::from_value(json).unwrap()
    }

    fn metrics() -> Metrics {
        let mut tally = Tally { decisions: 50, overrides: 21, stars: [8, 6, 3, 2, 1], ..Tally::default() };
        for hours in [4, 100] {
            tally.processing.insert(hours * HOUR_MS);
        }
        Metrics::of([&tally], &[HOUR_MS; 3], None)
    }

    fn say(metric: &str, comparison: &str, threshold: f64) -> Option<String> {
        advice(&held(metric, comparison, threshold), &metrics()).map(|text| text.replace('\u{a0}', " "))
    }

    #[test]
    fn a_rate_is_cleared_by_fewer_overrides_or_more_decisions() {
        // 15 of 50 are 30 %, and 21 of 70.
        assert_eq!(
            say("override_rate", ">", 0.3).unwrap(),
            "The override rate must be at or under 30 %: 6 fewer overrides among 50 decisions, or 20 more decisions without one."
        );
        // At 30 % it would still hold.
        assert_eq!(
            say("override_rate", ">=", 0.3).unwrap(),
            "The override rate must be under 30 %: 7 fewer overrides among 50 decisions, or 21 more decisions without one."
        );
        // No number of decisions makes it 0.
        assert_eq!(
            say("override_rate", ">", 0.0).unwrap(),
            "The override rate must be at or under 0 %: 21 fewer overrides among 50 decisions."
        );
    }

    #[test]
    fn stars_are_cleared_by_better_ones() {
        // 42 stars of 20 ratings: 5 more of five are 67 of 25, 9 more 87 of 29.
        assert_eq!(
            say("sat_score_mean", "<", 3.0).unwrap(),
            "The average of the citizens’ stars must be at or over 3 ★: for example, 9 more ratings of 5 stars, or 18 more ratings of 4 stars."
        );
        assert_eq!(
            say("sat_score_mean", "<", 4.5).unwrap(),
            "The average of the citizens’ stars must be at or over 4.5 ★: for example, 96 more ratings of 5 stars."
        );
    }

    #[test]
    fn times_and_counts() {
        assert_eq!(
            say("avg_processing_hours", ">", 40.0).unwrap(),
            "The average processing time must be at or under 40 h: for example, 1 more case as quick as the quickest so far (4.0 h)."
        );
        assert_eq!(
            say("open.count", ">=", 3.0).unwrap(),
            "The number of open cases must be under 3: 1 open case decided or handed on."
        );
        assert_eq!(
            say("processing_hours.p90", ">", 72.0).unwrap(),
            "The processing time that nine cases in ten keep to must be at or under 72 h."
        );
    }

    #[test]
    fn nobody_is_told_to_decide_less() {
        assert_eq!(say("decisions", ">=", 20.0), None);
        assert_eq!(say("sat.count", ">", 5.0), None);
    }

    #[test]
    fn a_value_is_shown_on_its_side_of_the_threshold() {
        assert_eq!(Unit::Rate.show_beside(0.42, 0.3), "42\u{a0}%");
        assert_eq!(Unit::Rate.show_beside(0.300_01, 0.3), "30.001\u{a0}%");
        assert_eq!(Unit::Stars.show_beside(2.1, 3.0), "2.1\u{a0}★");
        assert_eq!(Unit::Stars.show_beside(2.999, 3.0), "2.999\u{a0}★");
        assert_eq!(Unit::Count.show_beside(3.0, 3.0), "3");
    }
}
