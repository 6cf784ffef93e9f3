//! Metrics, against values worked out elsewhere.

use apmt_core::metrics::wilson_interval;
use apmt_core::tally::Tally;
use apmt_core::{CaseId, Measure, Metrics, OpenCase, Timestamp};
use serde_json::json;

const HOUR: u64 = 3_600_000;

fn processing(hours: f64) -> Measure {
    let counted_ms = (hours * HOUR as f64).round() as u64;
    Measure::Processing { counted_ms, working_day: 1, since: Timestamp::from_millis(0), held: true }
}

/// A case that has been open for so many hours, on its third working day.
fn open_for(hours: u64) -> OpenCase {
    let (case_id, since) = (CaseId::from_stored("C-1"), Timestamp::from_millis(0));
    OpenCase { case_id, track: None, since, counted_ms: hours * HOUR, working_day: 3 }
}

fn tally(measures: impl IntoIterator<Item = Measure>) -> Tally {
    let mut tally = Tally::default();
    for measure in measures {
        tally.add(&measure);
    }
    tally
}

fn metrics(measures: impl IntoIterator<Item = Measure>) -> Metrics {
    Metrics::of(&[tally(measures)], &[], None)
}

fn verdicts(overrides: u64, decisions: u64) -> impl Iterator<Item = Measure> {
    (0..decisions).map(move |n| Measure::Verdict { overridden: n < overrides })
}

#[track_caller]
fn near(found: Option<f64>, expected: f64) {
    let found = found.expect("there is a value");
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found} instead of {expected}");
}

/// Without anything: zeros and nulls.
#[test]
fn nothing_comes_to_zeros_and_nulls() {
    let json = serde_json::to_value(Metrics::of([], &[], None)).unwrap();
    assert_eq!(
        json,
        json!({
            "decisions": 0, "overrides": 0, "override_rate": null, "override_rate_interval": null,
            "recommendations": 0, "recommendations_overridden": 0, "overridden_rate": null,
            "avg_processing_hours": null,
            "processing_hours": {
                "count": 0, "mean": null, "median": null, "p90": null, "p95": null, "p99": null, "min": null,
                "max": null
            },
            "sat_score_mean": null,
            "sat": { "count": 0, "histogram": [0, 0, 0, 0, 0] },
            "open": { "count": 0, "oldest_hours": null, "median_hours": null },
            "appeals": { "count": 0, "reversed": 0, "overrides_upheld": 0, "overrides_reversed": 0 },
        })
    );
}

/// Type 7 is numpy's default, and `method="inclusive"` of Python's statistics.quantiles, which gave these literals.
#[test]
fn quantiles_are_type_7() {
    let metrics = metrics([64.0, 1.0, 16.0, 2.0, 32.0, 8.0, 4.0].map(processing));
    let hours = &metrics.processing_hours;
    assert_eq!(hours.count, 7);
    near(hours.median, 8.0);
    near(hours.p90, 44.8);
    near(hours.p95, 54.4);
    near(hours.p99, 62.08);
    near(hours.min, 1.0);
    near(hours.max, 64.0);
    near(hours.mean, 127.0 / 7.0);
    assert_eq!(metrics.avg_processing_hours, hours.mean);
}

/// An even number, so the median lies between two; literals as above.
#[test]
fn quantiles_of_an_even_number() {
    let hours = metrics([0.5, 12.25, 3.75, 100.0].map(processing)).processing_hours;
    near(hours.median, 8.0);
    near(hours.p90, 73.675);
    near(hours.p95, 86.8375);
    near(hours.p99, 97.3675);
}

/// One value is every quantile; two are the straight line between them.
#[test]
fn quantiles_of_one_and_of_two() {
    let one = metrics([processing(5.25)]).processing_hours;
    for value in [one.mean, one.median, one.p90, one.p95, one.p99, one.min, one.max] {
        assert_eq!(value, Some(5.25));
    }
    let two = metrics([processing(1.0), processing(3.0)]).processing_hours;
    near(two.median, 2.0);
    near(two.p90, 2.8);
    near(two.p99, 2.98);
}

/// How times are spread over days changes nothing.
#[test]
fn quantiles_over_many_days_are_those_over_all() {
    let times: Vec<f64> = (0..997).map(|n| f64::from(n * 7919 % 997) / 4.0).collect();
    let whole = metrics(times.iter().copied().map(processing));
    let days: Vec<Tally> = times.chunks(31).map(|day| tally(day.iter().copied().map(processing))).collect();
    assert_eq!(Metrics::of(&days, &[], None), whole);
    // 0, 0.25, …, 249: place (n − 1)·q of a straight line.
    near(whole.processing_hours.median, 124.5);
    near(whole.processing_hours.p90, 224.1);
    near(whole.processing_hours.p95, 236.55);
    near(whole.processing_hours.p99, 246.51);
}

/// A thousand years on one clock, many times: nothing overflows.
#[test]
fn very_long_times_are_summed() {
    let millennium = Measure::Processing {
        counted_ms: 31_556_952_000_000,
        working_day: 1,
        since: Timestamp::MIN,
        held: false,
    };
    let hours = metrics(std::iter::repeat_n(millennium, 1000)).processing_hours;
    near(hours.mean, 8_765_820.0);
    near(hours.p99, 8_765_820.0);
}

/// Worked out from Wilson's formula with 50 digits, and the two ends, where the interval touches 0 and 1.
#[test]
fn wilson_against_known_values() {
    for (part, whole, low, high) in [
        (1, 2, 0.094_531_205_734_231, 0.905_468_794_265_769),
        (2, 5, 0.117_620_774_232_648, 0.769_275_718_723_987),
        (42, 100, 0.327_983_826_743_547, 0.517_935_132_969_570),
        (300, 1000, 0.272_406_842_477_005, 0.329_123_860_917_217),
        (0, 10, 0.0, 0.277_532_799_862_889),
        (10, 10, 0.722_467_200_137_111, 1.0),
        (1, 1, 0.206_549_314_377_237, 1.0),
    ] {
        let [found_low, found_high] = wilson_interval(part, whole).unwrap();
        assert!((found_low - low).abs() < 1e-12, "{part}/{whole}: low {found_low} instead of {low}");
        assert!((found_high - high).abs() < 1e-12, "{part}/{whole}: high {found_high} instead of {high}");
    }
    assert_eq!(wilson_interval(0, 0), None);
}

#[test]
fn rates_are_ratios_unrounded() {
    let metrics = metrics(verdicts(1, 3).chain([
        Measure::Recommendation { overridden: true },
        Measure::Recommendation { overridden: false },
        Measure::Recommendation { overridden: false },
    ]));
    assert_eq!((metrics.decisions, metrics.overrides, metrics.override_rate), (3, 1, Some(1.0 / 3.0)));
    assert_eq!((metrics.recommendations, metrics.recommendations_overridden), (3, 1));
    assert_eq!(metrics.overridden_rate, Some(1.0 / 3.0));
    assert_eq!(metrics.override_rate_interval, wilson_interval(1, 3));
}

#[test]
fn stars_have_a_mean_and_a_histogram() {
    let metrics = metrics([1, 1, 2, 5, 5, 5].map(|stars| Measure::Satisfaction { stars }));
    assert_eq!((metrics.sat.count, metrics.sat.histogram), (6, [2, 1, 0, 0, 3]));
    near(metrics.sat_score_mean, 19.0 / 6.0);
}

#[test]
fn appeals_tell_overrides_apart() {
    let appeal = |reversed, overrode| Measure::Appeal { reversed, overrode };
    let appeals =
        metrics([appeal(true, true), appeal(true, false), appeal(false, true), appeal(false, true)]).appeals;
    assert_eq!((appeals.count, appeals.reversed), (4, 2));
    assert_eq!((appeals.overrides_upheld, appeals.overrides_reversed), (2, 1));
}

#[test]
fn open_clocks_have_an_oldest_and_a_median() {
    let open = Metrics::of([], &[1, 10, 4, 2].map(open_for), None).open;
    assert_eq!(
        (open.count, open.oldest_hours, open.median_hours, open.overdue),
        (4, Some(10.0), Some(3.0), None)
    );
}
