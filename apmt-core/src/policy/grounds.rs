//! What a rule rests upon: for each condition that holds, the contributions and open cases that made it so.

use serde::{Deserialize, Serialize};

use super::condition::Comparison;
use super::explanation::{Explanation, Finding};
use super::metric::Metric;
use super::{Sla, Target};
use crate::contribution::{Contribution, Measure};
use crate::name::{CaseId, Track};
use crate::store::OpenCase;
use crate::time::{HOUR_MS, Timestamp};

/// What one condition of a rule that is raised rests upon: the cases to look at first.
///
/// | condition on | rests upon |
/// |---|---|
/// | override rates and counts, over a limit | the overrides; under one, the verdicts that were none |
/// | stars | the ratings on the threshold's wrong side, the furthest first |
/// | processing times | those on the threshold's wrong side, the furthest first |
/// | `sla` | the times beyond the target of their track, the longest first; where it is `met`, those within |
/// | appeals | those that it counts |
/// | open cases | those with the longest clocks; where it is `overdue`, those beyond their target |
/// | any other count | what it counts |
///
/// Unless said otherwise, the newest come first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Grounds {
    /// The rule's id.
    pub rule: String,
    /// The metric of the condition.
    pub metric: Metric,
    /// How many there are.
    pub count: u64,
    /// The first of them, at most [`MOST`](Self::MOST).
    pub cases: Vec<Ground>,
    /// Hours between the start and the end of all their clocks that do not count, for they were paused or outside of the
    /// calendar's hours; absent where no clocks are looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub excluded_hours: Option<f64>,
}

/// One of what a condition rests upon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Ground {
    /// The case, where there is one.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub case_id: Option<CaseId>,
    /// The event that counts, by its position in the log; absent for a case that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub position: Option<u64>,
    /// When it counts; for a case that is open, since when it is on the actor's clock.
    pub at: Timestamp,
    /// The case's track, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub track: Option<Track>,
    /// The value that is looked at: stars, or hours that count; absent where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub value: Option<f64>,
    /// Hours of its clock that do not count; absent where no clock is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub excluded_hours: Option<f64>,
}

impl Grounds {
    /// How many of what a condition rests upon are named.
    pub const MOST: usize = 20;

    /// What a rule rests upon, if it is raised: an entry for each of its conditions that holds.
    ///
    /// `contributions` are the actor's in the dossier's window, `open` its open cases at the window's end, `as_of`, and
    /// `sla` the policy's target.
    pub fn of(
        explanation: &Explanation,
        contributions: &[Contribution],
        open: &[OpenCase],
        sla: Option<&Sla>,
        as_of: Timestamp,
    ) -> Vec<Self> {
        let holding = explanation.conditions.iter().filter(|finding| finding.holds);
        let is_raised = explanation.state.is_raised();
        holding
            .filter(|_| is_raised)
            .map(|finding| {
                let mut grounds = if finding.metric.is_of_open_cases() {
                    let wanted = open.iter().filter(|case| is_wanted(finding.metric, case, sla));
                    wanted.map(|case| Ground::of_open(case, as_of)).collect()
                } else {
                    let wanted = contributions.iter().filter(|one| is_behind(finding, one, sla));
                    wanted.map(Ground::of).collect::<Vec<_>>()
                };
                let lowest_first = match finding.metric {
                    Metric::SlaCompliance => false,
                    _ => matches!(finding.comparison, Comparison::Below | Comparison::AtMost),
                };
                grounds.sort_by(|a, b| {
                    let values = a.value.unwrap_or_default().total_cmp(&b.value.unwrap_or_default());
                    let furthest = if lowest_first { values } else { values.reverse() };
                    furthest.then(b.at.cmp(&a.at)).then(b.position.cmp(&a.position))
                });
                let count = grounds.len() as u64;
                let excluded = grounds.iter().filter_map(|ground| ground.excluded_hours);
                let excluded_hours = excluded.reduce(|sum, hours| sum + hours);
                grounds.truncate(Self::MOST);
                let (rule, metric) = (explanation.rule.clone(), finding.metric);
                Self { rule, metric, count, cases: grounds, excluded_hours }
            })
            .collect()
    }

    /// What it rests upon, for reading aloud.
    pub fn sentence(&self) -> String {
        let mut names: Vec<&str> =
            self.cases.iter().filter_map(|ground| ground.case_id.as_ref().map(CaseId::as_str)).collect();
        let unnamed = self.cases.len() - names.len();
        names.dedup();
        let words = self.metric.subject();
        let mut said = match self.count {
            0 => return format!("Behind the {words} there is no entry."),
            1 => format!("Behind the {words} is 1 entry"),
            count => format!("Behind the {words} are {count} entries"),
        };
        if !names.is_empty() {
            let first = if self.count as usize > self.cases.len() { ", the first of them" } else { "" };
            said = format!("{said}{first}: {}", names.join(", "));
        }
        if unnamed > 0 {
            said = format!("{said}; {unnamed} without a case");
        }
        match self.excluded_hours {
            Some(hours) if hours > 0.0 => format!(
                "{said}. Not counted on their clocks: {}, paused or outside of the calendar's hours.",
                Metric::OpenOldestHours.say(hours, 1)
            ),
            _ => format!("{said}."),
        }
    }
}

impl Ground {
    fn of(contribution: &Contribution) -> Self {
        let Contribution { at, position, case_id, track, measure, .. } = contribution;
        let (value, excluded_hours) = match measure {
            Measure::Processing { counted_ms, since, .. } => {
                let (counted, excluded) = hours(*counted_ms, *since, *at);
                (Some(counted), Some(excluded))
            }
            Measure::Satisfaction { stars } => (Some(f64::from(*stars)), None),
            _ => (None, None),
        };
        let (case_id, track) = (case_id.clone(), track.clone());
        Self { case_id, position: Some(*position), at: *at, track, value, excluded_hours }
    }

    fn of_open(case: &OpenCase, as_of: Timestamp) -> Self {
        let (counted, excluded) = hours(case.counted_ms, case.since, as_of);
        Self {
            case_id: Some(case.case_id.clone()),
            position: None,
            at: case.since,
            track: case.track.clone(),
            value: Some(counted),
            excluded_hours: Some(excluded),
        }
    }
}

/// The hours of a clock that count, and those that do not.
fn hours(counted_ms: u64, since: Timestamp, until: Timestamp) -> (f64, f64) {
    let in_hours = |ms: u64| ms as f64 / HOUR_MS as f64;
    (in_hours(counted_ms), in_hours(until.since(since).saturating_sub(counted_ms)))
}

fn target_of(sla: Option<&Sla>, track: Option<&Track>) -> Option<Target> {
    sla.map(|sla| sla.target_of(track))
}

fn is_wanted(metric: Metric, case: &OpenCase, sla: Option<&Sla>) -> bool {
    let in_time = |target: Target| target.is_met(case.counted_ms, case.working_day);
    metric != Metric::OpenOverdue
        || target_of(sla, case.track.as_ref()).is_some_and(|target| !in_time(target))
}

/// Whether a condition that holds rests upon a contribution.
fn is_behind(finding: &Finding, contribution: &Contribution, sla: Option<&Sla>) -> bool {
    let Finding { metric, comparison, threshold, .. } = *finding;
    let too_little = matches!(comparison, Comparison::Below | Comparison::AtMost);
    let is_on_its_side = |value: f64| match comparison {
        Comparison::Above | Comparison::AtLeast => value >= threshold,
        Comparison::Below | Comparison::AtMost => value <= threshold,
        Comparison::Equal | Comparison::NotEqual => true,
    };
    match contribution.measure {
        Measure::Verdict { overridden } => match metric {
            Metric::Decisions => true,
            Metric::Overrides | Metric::OverrideRate => overridden != too_little,
            _ => false,
        },
        Measure::Recommendation { overridden } => match metric {
            Metric::Recommendations => true,
            Metric::RecommendationsOverridden | Metric::OverriddenRate => overridden != too_little,
            _ => false,
        },
        Measure::Satisfaction { stars } => match metric {
            Metric::SatCount => true,
            Metric::SatScoreMean => is_on_its_side(f64::from(stars)),
            _ => false,
        },
        Measure::Appeal { reversed, overrode } => match metric {
            Metric::AppealsCount => true,
            Metric::AppealsReversed => reversed,
            Metric::AppealsOverridesUpheld => overrode && !reversed,
            Metric::AppealsOverridesReversed => overrode && reversed,
            _ => false,
        },
        Measure::Processing { counted_ms, working_day, .. } => match metric {
            Metric::ProcessingHoursCount => true,
            Metric::SlaMet | Metric::SlaBreached | Metric::SlaCompliance => {
                let target = target_of(sla, contribution.track.as_ref());
                let met = target.is_some_and(|target| target.is_met(counted_ms, working_day));
                // Too low a compliance is made of what was late, and so is too high a number of that.
                met == (metric == Metric::SlaMet || metric == Metric::SlaCompliance && !too_little)
            }
            metric if metric.is_of_processing() => is_on_its_side(counted_ms as f64 / HOUR_MS as f64),
            _ => false,
        },
    }
}
