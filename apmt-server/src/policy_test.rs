//! Unit tests of policies: events go in, and what the policy says of an actor at an instant is compared with what the
//! test expects.
//!
//! Each test has a store of its own, in memory, whose clock stands at the latest instant that the test names.

mod file;

use std::path::Path;
use std::sync::Arc;

use apmt_core::policy::Metric;
use apmt_core::time::ManualClock;
use apmt_core::{ActorName, AsOf, Calendar, Dossier, MemoryStore, Policy, Store as _, Timestamp};
use futures_lite::future::block_on;

use crate::failure::Failure;
use file::{Expectation, Place, Test};

pub(crate) use file::duration;

/// How exactly a metric must be what is expected, relative to its size: as exactly as one can write it.
const TOLERANCE: f64 = 1e-9;

/// What the tests of a file came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) tests: usize,
    /// Tests in which something was not as expected.
    pub(crate) failed: usize,
    pub(crate) mistakes: Vec<Mistake>,
}

/// Something that was not as expected.
#[derive(Debug)]
pub(crate) struct Mistake {
    pub(crate) place: Place,
    pub(crate) test: String,
    pub(crate) actor: ActorName,
    pub(crate) at: Timestamp,
    pub(crate) what: String,
}

/// Runs the tests of a file.
pub(crate) fn run(path: &Path) -> Result<Outcome, Failure> {
    let file = file::read(path)?;
    let mut outcome = Outcome { tests: file.tests.len(), failed: 0, mistakes: Vec::new() };
    for test in file.tests {
        let before = outcome.mistakes.len();
        run_one(&file.policy, &file.calendar, &test, &mut outcome.mistakes)?;
        outcome.failed += usize::from(outcome.mistakes.len() > before);
    }
    Ok(outcome)
}

fn run_one(
    policy: &Policy,
    calendar: &Calendar,
    test: &Test,
    mistakes: &mut Vec<Mistake>,
) -> Result<(), Failure> {
    let instants = test.events.iter().filter_map(apmt_core::Event::occurred_at);
    let latest =
        instants.chain(test.expect.iter().map(|expected| expected.at)).max().unwrap_or(Timestamp::MIN);
    let store = MemoryStore::with(Arc::new(ManualClock::at(latest)), calendar.clone());
    for batch in test.events.chunks(1000) {
        block_on(store.append(batch.to_vec()))?;
    }
    for expected in &test.expect {
        let dossier = block_on(store.dossier(&expected.actor, AsOf::At(expected.at), policy))?;
        for what in compare(expected, &dossier) {
            mistakes.push(Mistake {
                place: expected.place.clone(),
                test: test.name.clone(),
                actor: expected.actor.clone(),
                at: expected.at,
                what,
            });
        }
    }
    Ok(())
}

/// Everything that is not as expected.
fn compare(expected: &Expectation, dossier: &Dossier) -> Vec<String> {
    let mut mistakes = Vec::new();
    let mut differ = |what: &str, expected: &str, got: &str| {
        mistakes.push(format!("expected {what} {expected}, got {got}"));
    };
    if let Some(status) = expected.status
        && status != dossier.status
    {
        differ("status", status.name(), dossier.status.name());
    }
    if let Some(rules) = &expected.rules {
        let held: Vec<&str> = dossier.reasons.iter().map(|reason| reason.rule.as_str()).collect();
        let (mut a, mut b) = (rules.iter().map(String::as_str).collect::<Vec<_>>(), held.clone());
        a.sort_unstable();
        b.sort_unstable();
        if a != b {
            differ("rules", &format!("[{}]", rules.join(", ")), &format!("[{}]", held.join(", ")));
        }
    }
    for (rule, about) in &expected.about {
        let Some(explanation) = dossier.explanations.iter().find(|explanation| explanation.rule == *rule)
        else {
            continue;
        };
        if let Some(state) = about.state
            && state != explanation.state
        {
            differ(&format!("{rule} to be"), state.name(), explanation.state.name());
        }
        if let Some(days) = about.held_days
            && Some(days) != explanation.held_days
        {
            let got = explanation.held_days.map_or_else(|| "none".to_owned(), |days| days.to_string());
            differ(&format!("days held of {rule}"), &days.to_string(), &got);
        }
        for said in about.says.iter().filter(|said| !explanation.to_string().contains(said.as_str())) {
            differ(
                &format!("{rule} to say"),
                &format!("{said:?}"),
                &format!("{:?}", explanation.to_string()),
            );
        }
    }
    for (metric, value) in &expected.metrics {
        let got = metric.value(&dossier.metrics);
        if !near(*value, got) {
            differ(metric.name(), &written(*value), &written(got));
        }
    }
    mistakes
}

fn near(expected: Option<f64>, got: Option<f64>) -> bool {
    match (expected, got) {
        (Some(expected), Some(got)) => (expected - got).abs() <= TOLERANCE * expected.abs().max(1.0),
        (None, None) => true,
        _ => false,
    }
}

fn written(value: Option<f64>) -> String {
    value.map_or_else(|| "null".to_owned(), |value| value.to_string())
}

/// A metric of that name, or the names that there are.
fn metric(name: &str) -> Result<Metric, String> {
    Metric::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
        format!("{name} is no metric; expected one of {}", names.join(", "))
    })
}
