//! Dossiers worked out by brute force, straight from the contract's sentences.
//!
//! Nothing here calls [`case`](crate::case), [`tally`](crate::tally) or [`metrics`](crate::metrics), and nothing is
//! kept from one question to the next: every answer scans the whole log. It is the yardstick for what does it fast.

mod case;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::calendar::Calendar;
use crate::dossier::Dossier;
use crate::event::What;
use crate::policy::{Policy, Target};
use crate::store::Recorded;
use crate::time::Timestamp;
use case::Case;

/// The dossiers, as JSON, of every actor with a contribution in the window or a clock open at `as_of`, in the order
/// of their names' bytes: metrics over the policy's window and by its targets, actor and kind, and `pip_recommended` by the
/// built-in rule.
pub fn dossiers(log: &[Recorded], as_of: Timestamp, policy: &Policy, calendar: &Calendar) -> Vec<Value> {
    let log = Log::of(log, calendar);
    let inside = |at: Timestamp| {
        at <= as_of && at.millis() > as_of.millis() - i64::from(policy.window_days()) * 24 * 60 * 60 * 1000
    };
    let counted: Vec<Counted> =
        log.contributions().into_iter().filter(|counted| inside(counted.at)).collect();
    let open = log.open_at(as_of);
    let mut actors: BTreeSet<&str> = counted.iter().map(|counted| counted.actor.as_str()).collect();
    actors.extend(open.iter().map(|open| open.actor.as_str()));
    actors.remove("");
    actors.into_iter().map(|actor| log.dossier(actor, &counted, &open, policy)).collect()
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
    Processing { ms: u64, working_day: u32 },
    Stars(u8),
    Advice { overrode: bool },
    Appeal { reversed: bool, overrode: bool },
}

struct Counted {
    actor: String,
    at: Timestamp,
    track: Option<String>,
    kind: Kind,
}

/// A case on somebody's clock.
struct Open {
    actor: String,
    track: Option<String>,
    ms: u64,
    working_day: u32,
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
            counted.push(Counted { actor: actor(recorded), at: recorded.occurred_at, track: None, kind });
        }
        counted
    }

    /// Who holds a case at that instant, and how long it has stood there.
    fn open_at(&self, as_of: Timestamp) -> Vec<Open> {
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
                let working_day = case.working_day(since, last, as_of);
                Some(Open { actor: holder?, track: case.track_after(last), ms, working_day })
            })
            .collect()
    }

    fn dossier(&self, name: &str, counted: &[Counted], open: &[Open], policy: &Policy) -> Value {
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
            Kind::Processing { ms, .. } => Some(*ms),
            _ => None,
        }));
        let counted: Vec<&Counted> = counted.iter().filter(|counted| counted.actor == name).collect();
        let open: Vec<&Open> = open.iter().filter(|open| open.actor == name).collect();
        let clocks: Vec<f64> = sorted(open.iter().map(|open| open.ms));
        let mut tracks: Vec<&String> = counted.iter().filter_map(|counted| counted.track.as_ref()).collect();
        tracks.extend(open.iter().filter_map(|open| open.track.as_ref()));
        tracks.sort();
        tracks.dedup();
        let mean = (!times.is_empty()).then(|| times.iter().sum::<f64>() / times.len() as f64);
        let rate = ratio(overrides, decisions);
        let sat_mean = ratio(stars, rated);
        let mut dossier = json!({
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
        });
        if !tracks.is_empty() {
            dossier["tracks"] = tracks
                .iter()
                .map(|track| {
                    let of = |other: &Option<String>| other.as_ref() == Some(*track);
                    let counted = || counted.iter().filter(|counted| of(&counted.track));
                    let advice = |overridden: bool| {
                        let advice =
                            |kind| matches!(kind, Kind::Advice { overrode } if overrode || !overridden);
                        counted().filter(|counted| advice(counted.kind)).count()
                    };
                    let open: Vec<&&Open> = open.iter().filter(|open| of(&open.track)).collect();
                    let mut found = json!({
                        "track": track,
                        "decisions": counted().filter(|c| matches!(c.kind, Kind::Verdict { .. })).count(),
                        "overrides":
                            counted().filter(|c| matches!(c.kind, Kind::Verdict { overrode: true })).count(),
                        "recommendations": advice(false),
                        "recommendations_overridden": advice(true),
                        "processed": counted().filter(|c| matches!(c.kind, Kind::Processing { .. })).count(),
                        "open": open.len(),
                    });
                    if policy.sla().is_some() {
                        found["overdue"] = open.iter().filter(|open| is_overdue(open, policy)).count().into();
                        found["sla"] = compliance(counted().copied(), policy);
                    }
                    found
                })
                .collect();
        }
        if policy.sla().is_some() {
            dossier["open"]["overdue"] = open.iter().filter(|open| is_overdue(open, policy)).count().into();
            dossier["sla"] = compliance(counted.iter().copied(), policy);
        }
        dossier
    }

    fn kind_of(&self, name: &str) -> Option<&'static str> {
        let said = self.all.iter().filter(|recorded| actor(recorded) == name);
        let said = said.filter_map(|recorded| {
            Some((recorded.occurred_at, recorded.position, recorded.event.actor_kind()?.name()))
        });
        said.max().map(|(_, _, kind)| kind)
    }
}

/// Whether a time is beyond the target of its track.
fn is_late(track: Option<&str>, ms: u64, working_day: u32, policy: &Policy) -> bool {
    let sla = policy.sla().expect("the policy has targets");
    let own = sla.tracks().iter().find(|(name, _)| Some(name.as_str()) == track);
    match own.map_or(sla.target(), |(_, target)| *target) {
        Target::Counted { ms: target } => ms > target,
        Target::WorkingDays(days) => working_day > days,
    }
}

fn is_overdue(open: &Open, policy: &Policy) -> bool {
    is_late(open.track.as_deref(), open.ms, open.working_day, policy)
}

fn compliance<'a>(counted: impl Iterator<Item = &'a Counted>, policy: &Policy) -> Value {
    let (mut met, mut breached) = (0, 0);
    for counted in counted {
        if let Kind::Processing { ms, working_day } = counted.kind {
            let late = is_late(counted.track.as_deref(), ms, working_day, policy);
            *(if late { &mut breached } else { &mut met }) += 1;
        }
    }
    json!({ "met": met, "breached": breached, "compliance": ratio(met, met + breached) })
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
