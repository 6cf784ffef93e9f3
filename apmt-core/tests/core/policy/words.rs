//! What a verdict rests upon, as it is read aloud.

use apmt_core::policy::{Comparison, Finding, Metric};
use serde_json::json;

fn said(metric: Metric, value: f64, comparison: Comparison, threshold: f64) -> String {
    let finding: Finding = serde_json::from_value(json!({
        "metric": metric.name(),
        "value": value,
        "n": metric.sample_size().map(|_| 30),
        "comparison": comparison.sign(),
        "threshold": threshold,
        "holds": comparison.holds(value, threshold),
    }))
    .unwrap();
    finding.sentence()
}

#[test]
fn counts_are_counted_and_all_else_has_a_value() {
    use Comparison::{Above, AtLeast, AtMost, Below, Equal, NotEqual};
    for (sentence, metric, value, comparison, threshold) in [
        ("There are 4 overdue cases, which is above 2.", Metric::OpenOverdue, 4.0, Above, 2.0),
        ("There is 1 overdue case, which is not above 2.", Metric::OpenOverdue, 1.0, Above, 2.0),
        ("There are no ratings, which is below 1.", Metric::SatCount, 0.0, Below, 1.0),
        (
            "There is 1 override reversed on appeal, which is at or above 1.",
            Metric::AppealsOverridesReversed,
            1.0,
            AtLeast,
            1.0,
        ),
        (
            "There are 3 recommendations that were overridden, which is not at or below 2.",
            Metric::RecommendationsOverridden,
            3.0,
            AtMost,
            2.0,
        ),
        ("There are 3 appeals, which is exactly 3.", Metric::AppealsCount, 3.0, Equal, 3.0),
        ("There are 3 appeals, which is not exactly 4.", Metric::AppealsCount, 3.0, Equal, 4.0),
        ("There are 3 appeals, which is not 4.", Metric::AppealsCount, 3.0, NotEqual, 4.0),
        ("There are 3 appeals, which is 3.", Metric::AppealsCount, 3.0, NotEqual, 3.0),
        ("The override rate is 42 % (n = 30), which is above 30 %.", Metric::OverrideRate, 0.42, Above, 0.3),
        (
            "The mean satisfaction is 2.1 ★ (n = 30), which is below 3 ★.",
            Metric::SatScoreMean,
            2.1,
            Below,
            3.0,
        ),
        (
            "The age of the oldest open case is 500 h (n = 30), which is not above 720 h.",
            Metric::OpenOldestHours,
            500.0,
            Above,
            720.0,
        ),
    ] {
        assert_eq!(said(metric, value, comparison, threshold), sentence);
    }
}

/// One of each count is one, and many are many.
#[test]
fn every_count_has_a_singular_and_a_plural() {
    for metric in Metric::ALL.iter().filter(|metric| metric.is_count()) {
        let (one, many) = (metric.counted(1), metric.counted(2));
        assert!(one.starts_with("1 ") && many.starts_with("2 "), "{one}, {many}");
        assert_ne!(one[2..], many[2..], "{metric}");
        assert_eq!(metric.subject(), format!("number of {}", &many[2..]));
        assert_eq!(metric.counted(0), format!("no {}", &many[2..]));
    }
}
