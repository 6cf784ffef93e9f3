//! Which contributions a rule rests upon: for each of its conditions the kind that makes it hold.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use apmt_core::policy::{Comparison, ConditionHeld, Metric, Sla, Target};
use apmt_core::time::HOUR_MS;
use apmt_core::{ActorName, CaseId, Contribution, Measure, OpenCase, Timestamp, Track};

use super::MAX_INSTANCES;
use super::instance::InstanceKind;

/// Something that may become an instance.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) kind: InstanceKind,
    pub(super) contribution_actor: ActorName,
    pub(super) at: Timestamp,
    pub(super) position: u64,
    pub(super) case_id: Option<CaseId>,
    /// Stars or hours.
    pub(super) value: Option<f64>,
    /// What it is measured against.
    pub(super) limit: Option<f64>,
    /// Whose clock it was and since when, with its target, where a clock is measured by the policy's target.
    pub(super) clock: Option<(ActorName, Timestamp, Target)>,
    /// The working day that it had come to, and the target of so many, where it is measured by working days.
    pub(super) working_days: Option<(u32, Target)>,
}

/// What instances of a kind are measured against.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Limit {
    /// Nothing: all are instances.
    None,
    /// Stars or hours.
    Number(f64),
    /// The policy's target for the case's track.
    Target,
}

#[derive(Debug)]
pub(super) struct Selection {
    pub(super) candidates: Vec<Candidate>,
    pub(super) omitted: BTreeMap<InstanceKind, u64>,
}

/// The kind of instance that a metric is made of, and what each is measured against.
fn kind_of(condition: &ConditionHeld) -> Option<(InstanceKind, Limit)> {
    use InstanceKind as Kind;
    let too_high = matches!(condition.comparison, Comparison::Above | Comparison::AtLeast);
    let too_low = matches!(condition.comparison, Comparison::Below | Comparison::AtMost);
    Some(match condition.metric {
        Metric::OverrideRate | Metric::Overrides if too_high => (Kind::Override, Limit::None),
        Metric::OverriddenRate | Metric::RecommendationsOverridden if too_high => {
            (Kind::AdviceOverridden, Limit::None)
        }
        Metric::AppealsReversed | Metric::AppealsOverridesReversed if too_high => {
            (Kind::ReversedOnAppeal, Limit::None)
        }
        Metric::SatScoreMean if too_low => (Kind::LowRating, Limit::Number(condition.threshold)),
        Metric::SlaCompliance | Metric::SlaBreached => (Kind::SlowCase, Limit::Target),
        Metric::AvgProcessingHours
        | Metric::ProcessingHoursMean
        | Metric::ProcessingHoursMedian
        | Metric::ProcessingHoursP90
        | Metric::ProcessingHoursP95
        | Metric::ProcessingHoursP99
        | Metric::ProcessingHoursMax
            if too_high =>
        {
            (Kind::SlowCase, Limit::Number(condition.threshold))
        }
        Metric::OpenOverdue => (Kind::OpenCase, Limit::Target),
        Metric::OpenCount if too_high => (Kind::OpenCase, Limit::None),
        Metric::OpenOldestHours | Metric::OpenMedianHours if too_high => {
            (Kind::OpenCase, Limit::Number(condition.threshold))
        }
        _ => return None,
    })
}

/// What the conditions rest upon: of each kind the gravest, then the newest, and how many are left out.
pub(super) fn select(
    actor: &ActorName,
    contributions: &[Contribution],
    open: &[OpenCase],
    conditions: &[ConditionHeld],
    sla: Option<&Sla>,
) -> Selection {
    let mut kinds: BTreeMap<InstanceKind, Vec<Limit>> = BTreeMap::new();
    for (kind, limit) in conditions.iter().filter_map(kind_of) {
        kinds.entry(kind).or_default().push(limit);
    }
    let each = MAX_INSTANCES / kinds.len().max(1);
    let (mut candidates, mut omitted) = (Vec::new(), BTreeMap::new());
    for (kind, mut limits) in kinds {
        // Whoever misses one of them is an instance: what takes in most comes first.
        limits.sort_by(|a, b| width(kind, *a).total_cmp(&width(kind, *b)));
        let mut of_kind = if kind == InstanceKind::OpenCase {
            open.iter().filter_map(|case| open_case(case, actor, &limits, sla)).collect()
        } else {
            let of = contributions.iter();
            let of = of.filter_map(|contribution| candidate(contribution, kind, &limits, sla));
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

/// A place in the order of limits, the one that takes in most first.
fn width(kind: InstanceKind, limit: Limit) -> f64 {
    match limit {
        Limit::None => f64::NEG_INFINITY,
        Limit::Number(number) if kind == InstanceKind::LowRating => -number,
        Limit::Number(number) => number,
        Limit::Target => f64::INFINITY,
    }
}

/// How long a clock has run, and what its case may take.
#[derive(Clone, Copy)]
struct Clock {
    counted_ms: u64,
    working_day: u32,
    target: Option<Target>,
}

/// A limit that was missed: a number, or the working day that was come to and the target.
type Missed = (Option<f64>, Option<(u32, Target)>);

impl Clock {
    fn of(counted_ms: u64, working_day: u32, track: Option<&Track>, sla: Option<&Sla>) -> Self {
        Self { counted_ms, working_day, target: sla.map(|sla| sla.target_of(track)) }
    }

    fn hours(self) -> f64 {
        hours(self.counted_ms)
    }

    /// The first limit that it misses, as a candidate has it: a number of hours, or working days.
    fn missed(self, limits: &[Limit]) -> Option<Missed> {
        limits.iter().find_map(|limit| match (*limit, self.target) {
            (Limit::None, _) | (Limit::Target, None) => Some((None, None)),
            (Limit::Number(limit), _) => (self.hours() > limit).then_some((Some(limit), None)),
            (Limit::Target, Some(target)) if target.is_met(self.counted_ms, self.working_day) => None,
            (Limit::Target, Some(Target::Counted { ms })) => Some((Some(hours(ms)), None)),
            (Limit::Target, Some(target)) => Some((None, Some((self.working_day, target)))),
        })
    }
}

fn hours(ms: u64) -> f64 {
    ms as f64 / HOUR_MS as f64
}

fn candidate(
    contribution: &Contribution,
    kind: InstanceKind,
    limits: &[Limit],
    sla: Option<&Sla>,
) -> Option<Candidate> {
    use InstanceKind as Kind;
    let mut clock_of = None;
    let (value, (limit, working_days)) = match (kind, contribution.measure) {
        (Kind::Override, Measure::Verdict { overridden: true })
        | (Kind::AdviceOverridden, Measure::Recommendation { overridden: true })
        | (Kind::ReversedOnAppeal, Measure::Appeal { reversed: true, .. }) => (None, (None, None)),
        (Kind::LowRating, Measure::Satisfaction { stars }) => {
            let stars = f64::from(stars);
            let missed = limits.iter().find_map(|limit| match limit {
                Limit::Number(limit) => (stars < *limit).then_some(Some(*limit)),
                Limit::None | Limit::Target => Some(None),
            });
            (Some(stars), (missed?, None))
        }
        (Kind::SlowCase, Measure::Processing { counted_ms, working_day, since, held }) => {
            let clock = Clock::of(counted_ms, working_day, contribution.track.as_ref(), sla);
            let holder = if held { contribution.actor.clone() } else { ActorName::nobody() };
            clock_of = clock.target.map(|target| (holder, since, target));
            (Some(clock.hours()), clock.missed(limits)?)
        }
        _ => return None,
    };
    Some(Candidate {
        kind,
        contribution_actor: contribution.actor.clone(),
        at: contribution.at,
        position: contribution.position,
        case_id: contribution.case_id.clone(),
        value,
        limit,
        working_days,
        clock: clock_of,
    })
}

fn open_case(case: &OpenCase, actor: &ActorName, limits: &[Limit], sla: Option<&Sla>) -> Option<Candidate> {
    let clock = Clock::of(case.counted_ms, case.working_day, case.track.as_ref(), sla);
    let (limit, working_days) = clock.missed(limits)?;
    Some(Candidate {
        kind: InstanceKind::OpenCase,
        contribution_actor: ActorName::nobody(),
        at: case.since,
        position: 0,
        case_id: Some(case.case_id.clone()),
        value: Some(clock.hours()),
        limit,
        working_days,
        clock: clock.target.map(|target| (actor.clone(), case.since, target)),
    })
}
