//! Which contributions a rule rests upon: for each of its conditions the kind that makes it hold.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use apmt_core::policy::{Comparison, ConditionHeld, Metric};
use apmt_core::time::HOUR_MS;
use apmt_core::{CaseId, Contribution, Measure, OpenCase, Timestamp};

use super::MAX_INSTANCES;
use super::instance::InstanceKind;

/// Something that may become an instance.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) kind: InstanceKind,
    pub(super) contribution_actor: apmt_core::ActorName,
    pub(super) at: Timestamp,
    pub(super) position: u64,
    pub(super) case_id: Option<CaseId>,
    /// Stars or hours.
    pub(super) value: Option<f64>,
    /// What it is measured against.
    pub(super) limit: Option<f64>,
}

#[derive(Debug)]
pub(super) struct Selection {
    pub(super) candidates: Vec<Candidate>,
    pub(super) omitted: BTreeMap<InstanceKind, u64>,
}

/// The kind of instance that a metric is made of, and what each is measured against.
fn kind_of(condition: &ConditionHeld, target_ms: Option<u64>) -> Option<(InstanceKind, Option<f64>)> {
    use InstanceKind as Kind;
    let too_high = matches!(condition.comparison, Comparison::Above | Comparison::AtLeast);
    let too_low = matches!(condition.comparison, Comparison::Below | Comparison::AtMost);
    let target = target_ms.map(|ms| ms as f64 / HOUR_MS as f64);
    Some(match condition.metric {
        Metric::OverrideRate | Metric::Overrides if too_high => (Kind::Override, None),
        Metric::OverriddenRate | Metric::RecommendationsOverridden if too_high => {
            (Kind::AdviceOverridden, None)
        }
        Metric::AppealsReversed | Metric::AppealsOverridesReversed if too_high => {
            (Kind::ReversedOnAppeal, None)
        }
        Metric::SatScoreMean if too_low => (Kind::LowRating, Some(condition.threshold)),
        Metric::SlaCompliance | Metric::SlaBreached => (Kind::SlowCase, target),
        Metric::AvgProcessingHours
        | Metric::ProcessingHoursMean
        | Metric::ProcessingHoursMedian
        | Metric::ProcessingHoursP90
        | Metric::ProcessingHoursP95
        | Metric::ProcessingHoursP99
        | Metric::ProcessingHoursMax
            if too_high =>
        {
            (Kind::SlowCase, Some(condition.threshold))
        }
        Metric::OpenOverdue => (Kind::OpenCase, target),
        Metric::OpenCount if too_high => (Kind::OpenCase, None),
        Metric::OpenOldestHours | Metric::OpenMedianHours if too_high => {
            (Kind::OpenCase, Some(condition.threshold))
        }
        _ => return None,
    })
}

/// What the conditions rest upon: of each kind the gravest, then the newest, and how many are left out.
pub(super) fn select(
    contributions: &[Contribution],
    open: &[OpenCase],
    conditions: &[ConditionHeld],
    target_ms: Option<u64>,
) -> Selection {
    let mut kinds: BTreeMap<InstanceKind, Option<f64>> = BTreeMap::new();
    for (kind, limit) in conditions.iter().filter_map(|condition| kind_of(condition, target_ms)) {
        // Of two limits for one kind the one that takes in more.
        let lower = |a: f64, b: f64| if kind == InstanceKind::LowRating { a.max(b) } else { a.min(b) };
        kinds.entry(kind).and_modify(|old| *old = old.zip(limit).map(|(a, b)| lower(a, b))).or_insert(limit);
    }
    let each = MAX_INSTANCES / kinds.len().max(1);
    let (mut candidates, mut omitted) = (Vec::new(), BTreeMap::new());
    for (kind, limit) in kinds {
        let mut of_kind = if kind == InstanceKind::OpenCase {
            open.iter().filter_map(|case| open_case(case, limit)).collect()
        } else {
            let of = contributions.iter().filter_map(|contribution| candidate(contribution, kind, limit));
            distinct(of.collect())
        };
        sort(&mut of_kind);
        let left_out = of_kind.len().saturating_sub(each);
        if left_out > 0 {
            omitted.insert(kind, left_out as u64);
        }
        of_kind.truncate(each);
        candidates.extend(of_kind);
    }
    Selection { candidates, omitted }
}

/// One event may count twice for one kind, as when it ends two clocks.
fn distinct(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    let mut seen = BTreeSet::new();
    candidates.retain(|candidate| seen.insert(candidate.position));
    candidates
}

/// The gravest first: few stars, long hours; among equals the newest.
fn sort(candidates: &mut [Candidate]) {
    candidates.sort_by(|a, b| {
        let by_value = match a.kind {
            InstanceKind::LowRating => a.value.partial_cmp(&b.value),
            _ => b.value.partial_cmp(&a.value),
        };
        let newest = |candidate: &Candidate| Reverse((candidate.at, candidate.position));
        by_value.unwrap_or(std::cmp::Ordering::Equal).then_with(|| newest(a).cmp(&newest(b)))
    });
}

fn candidate(contribution: &Contribution, kind: InstanceKind, limit: Option<f64>) -> Option<Candidate> {
    use InstanceKind as Kind;
    let value = match (kind, contribution.measure) {
        (Kind::Override, Measure::Verdict { overridden: true })
        | (Kind::AdviceOverridden, Measure::Recommendation { overridden: true })
        | (Kind::ReversedOnAppeal, Measure::Appeal { reversed: true, .. }) => None,
        (Kind::LowRating, Measure::Satisfaction { stars }) => Some(f64::from(stars)),
        (Kind::SlowCase, Measure::Processing { counted_ms, .. }) => Some(counted_ms as f64 / HOUR_MS as f64),
        _ => return None,
    };
    let missed = match (kind, value, limit) {
        (Kind::LowRating, Some(stars), Some(limit)) => stars < limit,
        (_, Some(hours), Some(limit)) => hours > limit,
        _ => true,
    };
    missed.then(|| Candidate {
        kind,
        contribution_actor: contribution.actor.clone(),
        at: contribution.at,
        position: contribution.position,
        case_id: contribution.case_id.clone(),
        value,
        limit,
    })
}

fn open_case(case: &OpenCase, limit: Option<f64>) -> Option<Candidate> {
    let hours = case.counted_ms as f64 / HOUR_MS as f64;
    limit.is_none_or(|limit| hours > limit).then(|| Candidate {
        kind: InstanceKind::OpenCase,
        contribution_actor: apmt_core::ActorName::nobody(),
        at: case.since,
        position: 0,
        case_id: Some(case.case_id.clone()),
        value: Some(hours),
        limit,
    })
}
