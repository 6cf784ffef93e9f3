//! What would make a condition hold no longer: how many more of what is asked for.

use super::condition::{Comparison, Condition};
use super::explanation::Remedy;
use super::metric::Metric;
use super::rule::Rule;
use super::sample::Sample;
use crate::metrics::Metrics;

/// Over so many, there is no use in saying how many.
const MOST: u64 = 10_000;

/// For each condition that holds and that more of something would end, how many it takes.
pub(super) fn remedies(rule: &Rule, now: &Sample<'_>) -> Vec<Remedy> {
    rule.when().iter().filter_map(|condition| remedy(condition, now)).collect()
}

fn remedy(condition: &Condition, now: &Sample<'_>) -> Option<Remedy> {
    let metric = condition.metric();
    let ([one, many], more) = more_of(metric, condition.comparison())?;
    let still_holds = |count: u64| {
        let mut metrics = now.metrics.clone();
        more(&mut metrics, count);
        condition.holds(&Sample { metrics: &metrics, ..*now })
    };
    if still_holds(MOST) {
        return None;
    }
    // The more there are, the less it holds.
    let (mut from, mut to) = (0, MOST);
    while from < to {
        let middle = from + (to - from) / 2;
        if still_holds(middle) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    let of = if to == 1 { one } else { many };
    Some(Remedy { metric, more: to, of: of.to_owned() })
}

/// Adds so many of something to the metrics.
type More = fn(&mut Metrics, u64);

/// What moves a metric to the side that does not hold, one of it and many, in words. Nothing does where that would be bad advice: nobody is asked to
/// override more.
fn more_of(metric: Metric, comparison: Comparison) -> Option<([&'static str; 2], More)> {
    let too_high = matches!(comparison, Comparison::Above | Comparison::AtLeast);
    let too_low = matches!(comparison, Comparison::Below | Comparison::AtMost);
    Some(match metric {
        Metric::OverrideRate if too_high => (
            ["more verdict that follows the recommendation", "more verdicts that follow the recommendation"],
            |metrics, more| {
                metrics.decisions += more;
                metrics.override_rate = Some(ratio(metrics.overrides, metrics.decisions));
            },
        ),
        Metric::OverriddenRate if too_high => (
            ["more verdict that follows its advice", "more verdicts that follow its advice"],
            |metrics, more| {
                metrics.recommendations += more;
                metrics.overridden_rate =
                    Some(ratio(metrics.recommendations_overridden, metrics.recommendations));
            },
        ),
        Metric::SatScoreMean if too_low => {
            (["more rating of 5 stars", "more ratings of 5 stars"], |metrics, more| {
                metrics.sat_score_mean = metrics.sat_score_mean.map(|mean| {
                    let (n, more) = (metrics.sat.count as f64, more as f64);
                    (mean * n + 5.0 * more) / (n + more)
                });
                metrics.sat.histogram[4] += more;
                metrics.sat.count += more;
            })
        }
        Metric::SlaCompliance if too_low => {
            (["more case within the target", "more cases within the target"], |metrics, more| {
                if let Some(sla) = &mut metrics.sla {
                    sla.met += more;
                    sla.compliance = Some(ratio(sla.met, sla.met + sla.breached));
                }
            })
        }
        _ => return None,
    })
}

fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}
