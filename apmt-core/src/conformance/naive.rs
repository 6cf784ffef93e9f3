//! Dossiers worked out by brute force, straight from the contract's sentences.
//!
//! Nothing here calls [`case`](crate::case), [`tally`](crate::tally) or [`metrics`](crate::metrics), and nothing is
//! kept from one question to the next: every answer scans the whole log. It is the yardstick for what does it fast.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::calendar::Calendar;
use crate::dossier::Dossier;
use crate::event::{Outcome, What};
use crate::store::Recorded;
use crate::time::Timestamp;

/// The dossiers, as JSON, of every actor with a contribution in the window or a clock open at `as_of`, in the order
/// of their names' bytes: metrics, actor and kind, and `pip_recommended` by the built-in rule.
pub fn dossiers(log: &[Recorded], as_of: Timestamp, window_days: u32, calendar: &Calendar) -> Vec<Value> {
    let log = Log::of(log, calendar);
    let inside = |at: Timestamp| {
        at <= as_of && at.millis() > as_of.millis() - i64::from(window_days) * 24 * 60 * 60 * 1000
    };
    let counted: Vec<Counted> =
        log.contributions().into_iter().filter(|counted| inside(counted.at)).collect();
    let open = log.open_at(as_of);
    let mut actors: BTreeSet<&str> = counted.iter().map(|counted| counted.actor.as_str()).collect();
    actors.extend(open.iter().map(|(actor, _)| actor.as_str()));
    actors.remove("");
    actors.into_iter().map(|actor| log.dossier(actor, &counted, &open)).collect()
}

/// Whether dossiers say what the naive recomputation says: the first difference, if not. Numbers may differ by 1e-9.
pub fn difference(dossiers: &[Dossier], naive: &[Value]) -> Option<String> {
    let names: Vec<&str> = dossiers.iter().map(|dossier| dossier.actor.as_str()).collect();
    let expected: Vec<&str> = naive.iter().filter_map(|naive| naive["actor"].as_str()).collect();
    if names != expected {
        return Some(format!("actors: {names:?} instead of {expected:?}"));
    }
    dossiers.iter().zip(naive).find_map(|(dossier, naive)| {
        let dossier = serde_json::to_value(dossier).expect("a dossier is written as JSON");
        different(&dossier, naive, naive["actor"].as_str().unwrap_or_default())
    })
}

/// The first place at which `found` is not what `expected` says; fields that `expected` has not may be anything.
fn different(found: &Value, expected: &Value, path: &str) -> Option<String> {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => expected.iter().find_map(|(name, expected)| {
            different(found.get(name).unwrap_or(&Value::Null), expected, &format!("{path}.{name}"))
        }),
        (Value::Array(found), Value::Array(expected)) if found.len() == expected.len() => {
            found.iter().zip(expected).find_map(|(found, expected)| different(found, expected, path))
        }
        (Value::Number(found), Value::Number(expected)) => {
            let (found, expected) = (found.as_f64()?, expected.as_f64()?);
            let tolerance = 1e-9 * expected.abs().max(1.0);
            ((found - expected).abs() > tolerance).then(|| format!("{path}: {found} instead of {expected}"))
        }
        _ => (found != expected).then(|| format!("{path}: {found} instead of {expected}")),
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Verdict { overrode: bool },
    Processing { ms: u64 },
    Stars(u8),
    Advice { overrode: bool },
    Appeal { reversed: bool, overrode: bool },
}

struct Counted {
    actor: String,
    at: Timestamp,
    kind: Kind,
}

struct Log<'a> {
    all: &'a [Recorded],
    cases: Vec<Case<'a>>,
    without_case: Vec<&'a Recorded>,
}

impl<'a> Log<'a> {
    fn of(all: &'a [Recorded], calendar: &'a Calendar) -> Self {
        let retracted: BTreeSet<Uuid> = all
            .iter()
            .filter_map(|recorded| match recorded.event.what() {
                What::Retraction { retracts, .. } => Some(*retracts),
                _ => None,
            })
            .collect();
        let mut by_case: BTreeMap<Option<String>, Vec<&Recorded>> = BTreeMap::new();
        for recorded in all.iter().filter(|recorded| !retracted.contains(&recorded.id)) {
            by_case.entry(recorded.event.case_id().map(ToString::to_string)).or_default().push(recorded);
        }
        let without_case = by_case.remove(&None).unwrap_or_default();
        let cases = by_case.into_values().map(|mut events| {
            events.sort_by_key(|recorded| (recorded.occurred_at, recorded.position));
            Case { events, calendar }
        });
        Self { all, cases: cases.collect(), without_case }
    }

    fn contributions(&self) -> Vec<Counted> {
        let mut counted: Vec<Counted> = self.cases.iter().flat_map(Case::contributions).collect();
        for recorded in &self.without_case {
            let kind = match recorded.event.what() {
                What::Override { .. } => Kind::Verdict { overrode: true },
                What::Decision { ai_recommendation, human_verdict } => {
                    Kind::Verdict { overrode: differ(ai_recommendation.as_deref(), human_verdict.as_deref()) }
                }
                What::SatScore { value, .. } => Kind::Stars(*value),
                _ => continue,
            };
            counted.push(Counted { actor: actor(recorded), at: recorded.occurred_at, kind });
        }
        counted
    }

    /// Who holds a case at that instant, and how long it has stood there.
    fn open_at(&self, as_of: Timestamp) -> Vec<(String, u64)> {
        self.cases
            .iter()
            .filter_map(|case| {
                let until: Vec<&Recorded> =
                    case.events.iter().copied().filter(|recorded| recorded.occurred_at <= as_of).collect();
                let last = until.len().checked_sub(1)?;
                let case = Case { events: until, calendar: case.calendar };
                let (holder, since) = case.clock_after(last)?;
                let ms = case.ran(since, last)
                    + if case.paused_after(last) {
                        0
                    } else {
                        case.calendar.counted_ms(case.events[last].occurred_at, as_of)
                    };
                Some((holder?, ms))
            })
            .collect()
    }

    fn dossier(&self, name: &str, counted: &[Counted], open: &[(String, u64)]) -> Value {
        let kinds: Vec<Kind> =
            counted.iter().filter(|counted| counted.actor == name).map(|counted| counted.kind).collect();
        let count = |holds: &dyn Fn(&Kind) -> bool| kinds.iter().filter(|kind| holds(kind)).count();
        let decisions = count(&|kind| matches!(kind, Kind::Verdict { .. }));
        let overrides = count(&|kind| matches!(kind, Kind::Verdict { overrode: true }));
        let advice = count(&|kind| matches!(kind, Kind::Advice { .. }));
        let overridden = count(&|kind| matches!(kind, Kind::Advice { overrode: true }));
        let histogram =
            [1, 2, 3, 4, 5].map(|stars| count(&|kind| matches!(kind, Kind::Stars(n) if *n == stars)));
        let rated: usize = histogram.iter().sum();
        let stars: usize = histogram.iter().zip(1..).map(|(count, stars)| count * stars).sum();
        let times: Vec<f64> = sorted(kinds.iter().filter_map(|kind| match kind {
            Kind::Processing { ms } => Some(*ms),
            _ => None,
        }));
        let clocks: Vec<f64> = sorted(open.iter().filter(|(actor, _)| actor == name).map(|(_, ms)| *ms));
        let mean = (!times.is_empty()).then(|| times.iter().sum::<f64>() / times.len() as f64);
        let rate = ratio(overrides, decisions);
        let sat_mean = ratio(stars, rated);
        json!({
            "actor": name,
            "actor_kind": self.kind_of(name),
            "decisions": decisions,
            "overrides": overrides,
            "override_rate": rate,
            "override_rate_interval": wilson(overrides, decisions),
            "recommendations": advice,
            "recommendations_overridden": overridden,
            "overridden_rate": ratio(overridden, advice),
            "avg_processing_hours": mean,
            "processing_hours": {
                "count": times.len(), "mean": mean, "median": quantile(&times, 0.5), "p90": quantile(&times, 0.9),
                "p95": quantile(&times, 0.95), "p99": quantile(&times, 0.99), "min": times.first(),
                "max": times.last(),
            },
            "sat_score_mean": sat_mean,
            "sat": { "count": rated, "histogram": histogram },
            "open": { "count": clocks.len(), "oldest_hours": clocks.last(), "median_hours": quantile(&clocks, 0.5) },
            "appeals": {
                "count": count(&|kind| matches!(kind, Kind::Appeal { .. })),
                "reversed": count(&|kind| matches!(kind, Kind::Appeal { reversed: true, .. })),
                "overrides_upheld": count(&|kind| matches!(kind, Kind::Appeal { reversed: false, overrode: true })),
                "overrides_reversed": count(&|kind| matches!(kind, Kind::Appeal { reversed: true, overrode: true })),
            },
            "pip_recommended": rate.is_some_and(|rate| rate > 0.30) && sat_mean.is_some_and(|mean| mean < 3.0),
        })
    }

    fn kind_of(&self, name: &str) -> Option<&'static str> {
        let said = self.all.iter().filter(|recorded| actor(recorded) == name);
        let said = said.filter_map(|recorded| {
            Some((recorded.occurred_at, recorded.position, recorded.event.actor_kind()?.name()))
        });
        said.max().map(|(_, _, kind)| kind)
    }
}

/// One case's events in order, retracted ones dropped.
struct Case<'a> {
    events: Vec<&'a Recorded>,
    calendar: &'a Calendar,
}

/// Whose clock (nobody's in the pool), and the index of the event that started it.
type ClockOf = (Option<String>, usize);

impl Case<'_> {
    fn what(&self, index: usize) -> &What {
        self.events[index].event.what()
    }

    fn at(&self, index: usize) -> Timestamp {
        self.events[index].occurred_at
    }

    fn actor(&self, index: usize) -> String {
        actor(self.events[index])
    }

    fn clock_before(&self, index: usize) -> Option<ClockOf> {
        self.clock_after(index.checked_sub(1)?)
    }

    /// The clock that runs after the event at that index: looked for backwards, from the events that set it.
    fn clock_after(&self, index: usize) -> Option<ClockOf> {
        match self.what(index) {
            What::CaseOpened { .. } | What::CaseReopened | What::Unassigned => Some((None, index)),
            What::Assigned => match self.clock_before(index) {
                Some((Some(holder), since)) if holder == self.actor(index) => Some((Some(holder), since)),
                _ => Some((Some(self.actor(index)), index)),
            },
            What::AiRecommendation { .. } => match self.clock_before(index) {
                Some((Some(holder), since)) if holder != self.actor(index) => Some((Some(holder), since)),
                _ => Some((None, index)),
            },
            What::Decision { .. } | What::Override { .. } | What::CaseClosed => None,
            _ => self.clock_before(index),
        }
    }

    fn disposes(&self, index: usize) -> bool {
        match self.what(index) {
            What::Decision { .. } | What::Override { .. } | What::CaseClosed => true,
            What::AiRecommendation { .. } => match self.clock_before(index) {
                Some((Some(holder), _)) => holder == self.actor(index),
                _ => true,
            },
            _ => false,
        }
    }

    /// Whether the case is paused after that event: what did the last event say that had a say in it?
    fn paused_after(&self, index: usize) -> bool {
        for index in (0..=index).rev() {
            match self.what(index) {
                What::Paused { .. } => return true,
                What::Resumed { .. } | What::CaseOpened { .. } | What::CaseReopened => return false,
                _ if self.disposes(index) => return false,
                _ => {}
            }
        }
        false
    }

    /// What counts between two events: the sum over the gaps between neighbours that no pause covers.
    fn ran(&self, from: usize, to: usize) -> u64 {
        (from..to)
            .filter(|index| !self.paused_after(*index))
            .map(|index| self.calendar.counted_ms(self.at(index), self.at(index + 1)))
            .sum()
    }

    fn is_verdict(&self, index: usize) -> bool {
        matches!(self.what(index), What::Decision { .. } | What::Override { .. })
    }

    fn overrode(&self, index: usize) -> bool {
        match self.what(index) {
            What::Override { .. } => true,
            What::Decision { ai_recommendation, human_verdict } => {
                let advised = self.advice_before(index).and_then(|advice| match self.what(advice) {
                    What::AiRecommendation { ai_recommendation, .. } => Some(&**ai_recommendation),
                    _ => None,
                });
                differ(ai_recommendation.as_deref().or(advised), human_verdict.as_deref())
            }
            _ => false,
        }
    }

    fn advice_before(&self, index: usize) -> Option<usize> {
        (0..index).rev().find(|index| matches!(self.what(*index), What::AiRecommendation { .. }))
    }

    /// To whom the stars at that index go.
    fn rated(&self, index: usize) -> String {
        let all = 0..self.events.len();
        let verdict = |index: &usize| self.is_verdict(*index);
        let closing = |index: &usize| {
            matches!(self.what(*index), What::CaseClosed) && self.events[*index].event.actor().is_some()
        };
        if self.events[index].event.actor().is_some() {
            return self.actor(index);
        }
        let before = || (0..index).rev();
        let after = || all.clone().skip(index + 1);
        let whose = before()
            .find(verdict)
            .or_else(|| after().find(verdict))
            .or_else(|| before().find(closing))
            .or_else(|| after().find(closing));
        match whose {
            Some(index) => self.actor(index),
            None => self.clock_before(index).and_then(|(holder, _)| holder).unwrap_or_default(),
        }
    }

    fn contributions(&self) -> Vec<Counted> {
        let mut counted = Vec::new();
        for index in 0..self.events.len() {
            let mut count = |actor: String, kind| counted.push(Counted { actor, at: self.at(index), kind });
            if self.is_verdict(index) {
                let overrode = self.overrode(index);
                count(self.actor(index), Kind::Verdict { overrode });
                if let Some(advice) = self.advice_before(index) {
                    count(self.actor(advice), Kind::Advice { overrode });
                }
            }
            if let Some((holder, since)) = self.clock_before(index)
                && self.clock_after(index).is_none_or(|(_, started)| started != since)
            {
                let ms = self.ran(since, index);
                match holder {
                    Some(holder) => count(holder, Kind::Processing { ms }),
                    None if self.disposes(index) => count(self.actor(index), Kind::Processing { ms }),
                    None => {}
                }
            }
            match self.what(index) {
                What::SatScore { value, .. } => count(self.rated(index), Kind::Stars(*value)),
                What::AppealOutcome { outcome } => {
                    let verdict = (0..index).rev().find(|index| self.is_verdict(*index));
                    let overrode = verdict.is_some_and(|verdict| self.overrode(verdict));
                    let whose = verdict.map(|verdict| self.actor(verdict)).unwrap_or_default();
                    count(whose, Kind::Appeal { reversed: *outcome == Outcome::Reversed, overrode });
                }
                _ => {}
            }
        }
        counted
    }
}

/// The actor's key; nobody's is empty.
fn actor(recorded: &Recorded) -> String {
    recorded.event.actor_as_sent().unwrap_or_default().trim().to_lowercase()
}

fn differ(advice: Option<&str>, verdict: Option<&str>) -> bool {
    match (advice, verdict) {
        (Some(advice), Some(verdict)) => advice.trim().to_lowercase() != verdict.trim().to_lowercase(),
        _ => false,
    }
}

/// In hours, the shortest first.
fn sorted(times_ms: impl Iterator<Item = u64>) -> Vec<f64> {
    let mut hours: Vec<f64> = times_ms.map(|ms| ms as f64 / 3_600_000.0).collect();
    hours.sort_by(f64::total_cmp);
    hours
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole != 0).then(|| part as f64 / whole as f64)
}

/// Type 7, as numpy does it: the value at place (n − 1)·q, on the straight line between its neighbours.
fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = last as f64 * q;
    let (low, high) = (place.floor(), place.ceil());
    Some(sorted[low as usize] + (place - low) * (sorted[high as usize] - sorted[low as usize]))
}

/// Wilson's interval: the two rates p at which the observed rate lies just z standard errors away, that is the roots
/// of (1 + z²/n)·p² − (2r + z²/n)·p + r² = 0.
fn wilson(part: usize, whole: usize) -> Option<[f64; 2]> {
    let rate = ratio(part, whole)?;
    let z2n = 1.959_963_984_540_054_f64.powi(2) / whole as f64;
    let (a, b, c) = (1.0 + z2n, -(2.0 * rate + z2n), rate * rate);
    let root = (b * b - 4.0 * a * c).max(0.0).sqrt();
    Some([(-b - root) / (2.0 * a), (-b + root) / (2.0 * a)])
}
