//! A file of tests: from YAML to events and expectations.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use apmt_core::policy::RuleState;
use apmt_core::time::{DAY_MS, HOUR_MS};
use apmt_core::{ActorName, Calendar, Event, Policy, Status, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

use super::metric;
use crate::failure::Failure;
use crate::open;

/// The most events that one test may have, repetitions included.
const MAX_EVENTS: usize = 100_000;

#[derive(Debug)]
pub(super) struct File {
    pub(super) policy: Policy,
    pub(super) calendar: Calendar,
    pub(super) tests: Vec<Test>,
}

#[derive(Debug)]
pub(super) struct Test {
    pub(super) name: String,
    pub(super) events: Vec<Event>,
    pub(super) expect: Vec<Expectation>,
}

#[derive(Debug)]
pub(super) struct Expectation {
    pub(super) place: Place,
    pub(super) at: Timestamp,
    pub(super) actor: ActorName,
    pub(super) status: Option<Status>,
    pub(super) rules: Option<Vec<String>>,
    /// What is expected of each of these rules, all of which the policy has.
    pub(super) about: Vec<(String, About)>,
    pub(super) metrics: Vec<(apmt_core::policy::Metric, Option<f64>)>,
}

/// What is expected of one rule, whether it is raised or not.
#[derive(Debug, Default, PartialEq)]
pub(super) struct About {
    pub(super) state: Option<RuleState>,
    pub(super) held_days: Option<u32>,
    /// Texts that its explanation has in it.
    pub(super) says: Vec<String>,
}

/// Where something stands: `tests.yaml:12:5`.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    file: String,
    line: u64,
    column: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl Place {
    fn wrong(&self, what: impl fmt::Display) -> Failure {
        Failure::new(format!("{self}: {what}"))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFile {
    policy: Spanned<Value>,
    calendar: Option<String>,
    tests: Vec<WrittenTest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTest {
    name: String,
    #[serde(default)]
    events: Vec<Spanned<Value>>,
    expect: Vec<Spanned<WrittenExpectation>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenExpectation {
    at: String,
    actor: String,
    status: Option<Status>,
    rules: Option<Vec<String>>,
    #[serde(default)]
    states: BTreeMap<String, RuleState>,
    #[serde(default)]
    held_days: BTreeMap<String, u32>,
    #[serde(default)]
    says: BTreeMap<String, OneOrMany>,
    #[serde(default)]
    metrics: BTreeMap<String, Option<f64>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Repeated {
    repeat: usize,
    every: Option<String>,
    events: Vec<Value>,
}

pub(super) fn read(path: &Path) -> Result<File, Failure> {
    let name = path.display().to_string();
    let text = open::text(path)?;
    let written: WrittenFile = serde_saphyr::from_str_with_options(
        &text,
        serde_saphyr::options! { strict_booleans: true, with_snippet: false },
    )
    .map_err(|error| {
        // The place goes before the message, as everywhere.
        let text = error.to_string();
        let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
        match error.location() {
            Some(at) => Failure::new(format!("{name}:{}:{}: {message}", at.line(), at.column())),
            None => Failure::new(format!("{name}: {message}")),
        }
    })?;
    let place = |location: serde_saphyr::Location| Place {
        file: name.clone(),
        line: location.line(),
        column: location.column(),
    };
    let beside = |file: &str| path.parent().map_or_else(|| file.into(), |folder| folder.join(file));

    let policy_place = place(written.policy.referenced);
    let policy = match written.policy.value {
        Value::String(file) => open::policy(&beside(&file))?,
        // Every JSON is YAML. The places in it are not those of this file, so they are left out.
        inline @ Value::Object(_) => Policy::from_yaml(&name, &inline.to_string()).map_err(|error| {
            let nearest = error.nearest().map_or_else(String::new, |name| format!("; did you mean {name}?"));
            policy_place.wrong(format_args!("the policy: {}{nearest}", error.message()))
        })?,
        _ => return Err(policy_place.wrong("expected the file of a policy, or a policy")),
    };
    let calendar = match written.calendar {
        None => Calendar::Always,
        Some(calendar) => match Calendar::from_name(&calendar) {
            Some(calendar) => calendar,
            None => open::calendar(&beside(&calendar).display().to_string())?,
        },
    };
    let tests =
        written.tests.into_iter().map(|test| read_test(test, &policy, &place)).collect::<Result<_, _>>()?;
    Ok(File { policy, calendar, tests })
}

fn read_test(
    written: WrittenTest,
    policy: &Policy,
    place: &impl Fn(serde_saphyr::Location) -> Place,
) -> Result<Test, Failure> {
    let mut events = Vec::new();
    for entry in written.events {
        let place = place(entry.referenced);
        read_entry(entry.value, &mut events).map_err(|what| place.wrong(what))?;
        if events.len() > MAX_EVENTS {
            return Err(place.wrong(format_args!("more than {MAX_EVENTS} events; expected at most so many")));
        }
    }
    let expectation = |entry: Spanned<WrittenExpectation>| {
        let place = place(entry.referenced);
        read_expectation(entry.value, policy, &place).map_err(|what| place.wrong(what))
    };
    let expect = written.expect.into_iter().map(expectation).collect::<Result<_, _>>()?;
    Ok(Test { name: written.name, events, expect })
}

fn read_expectation(
    written: WrittenExpectation,
    policy: &Policy,
    place: &Place,
) -> Result<Expectation, String> {
    let metrics = written.metrics.into_iter().map(|(name, value)| Ok((metric(&name)?, value)));
    let mut about: BTreeMap<String, About> = BTreeMap::new();
    for (rule, state) in written.states {
        about.entry(rule).or_default().state = Some(state);
    }
    for (rule, days) in written.held_days {
        about.entry(rule).or_default().held_days = Some(days);
    }
    for (rule, says) in written.says {
        about.entry(rule).or_default().says = match says {
            OneOrMany::One(text) => vec![text],
            OneOrMany::Many(texts) => texts,
        };
    }
    // A rule that is misspelt would never be looked at.
    let known = |id: &str| policy.rules().iter().any(|rule| rule.id() == id);
    if let Some(id) = about.keys().chain(written.rules.iter().flatten()).find(|id| !known(id)) {
        let ids: Vec<&str> = policy.rules().iter().map(apmt_core::policy::Rule::id).collect();
        return Err(format!("{id} is no rule of the policy; expected {}", ids.join(", ")));
    }
    Ok(Expectation {
        place: place.clone(),
        at: written.at.parse().map_err(|error| format!("at: {}: {error}", written.at))?,
        actor: ActorName::new(&written.actor).map_err(|invalid| invalid.to_string())?,
        status: written.status,
        rules: written.rules,
        about: about.into_iter().collect(),
        metrics: metrics.collect::<Result<_, String>>()?,
    })
}

/// An event, or events that are repeated.
fn read_entry(entry: Value, events: &mut Vec<Event>) -> Result<(), String> {
    if entry.get("repeat").is_none() {
        events.push(read_event(entry, 1, 0)?);
        return Ok(());
    }
    let repeated: Repeated = serde_json::from_value(entry).map_err(|error| error.to_string())?;
    let every = repeated.every.as_deref().map_or(Ok(0), duration)?;
    if repeated.repeat.saturating_mul(repeated.events.len()) > MAX_EVENTS {
        return Err(format!("more than {MAX_EVENTS} events; expected at most so many"));
    }
    for number in 0..repeated.repeat {
        for event in &repeated.events {
            events.push(read_event(event.clone(), number + 1, every.saturating_mul(number as u64))?);
        }
    }
    Ok(())
}

/// The event, so much later than it is written, as the `number`th of its kind.
fn read_event(mut event: Value, number: usize, later_ms: u64) -> Result<Event, String> {
    let written = event.get("occurred_at").and_then(Value::as_str);
    let Some(written) = written else {
        return Err("an event of a test says when it happened; expected occurred_at".to_owned());
    };
    let at: Timestamp = written.parse().map_err(|error| format!("occurred_at: {written}: {error}"))?;
    let at = at.plus_millis(i64::try_from(later_ms).unwrap_or(i64::MAX));
    event["occurred_at"] = at.to_string().into();
    for field in ["case_id", "actor"] {
        if let Some(Value::String(name)) = event.get_mut(field) {
            *name = name.replace("{n}", &number.to_string());
        }
    }
    Event::from_value(event).map_err(|invalid| invalid.to_string())
}

/// A duration of whole minutes, hours or days, in milliseconds: `90m`, `12h`, `1d`.
pub(crate) fn duration(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text}: expected whole minutes, hours or days, such as 90m, 12h or 1d");
    let text = text.trim();
    let unit = match text.chars().last() {
        Some('m') => HOUR_MS / 60,
        Some('h') => HOUR_MS,
        Some('d') => DAY_MS,
        _ => return Err(wrong()),
    };
    let number = text.get(..text.len() - 1).and_then(|number| number.parse::<u32>().ok());
    number.filter(|number| *number > 0).map(|number| u64::from(number) * unit).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("1d"), Ok(DAY_MS));
        assert_eq!(duration("90m"), Ok(90 * 60_000));
        for wrong in ["", "1", "d", "0h", "-1d", "1.5h", "1w", "ü"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
