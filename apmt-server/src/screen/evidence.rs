//! What counts and what happened, a line each.

use std::fmt::Write as _;

use apmt_core::time::HOUR_MS;
use apmt_core::{Contribution, Measure, Recorded, What};
use serde_json::Value;

use super::number::instant;
use super::table::{Align, Cell, Table};
use super::{BAD, DIM, NOTHING, PLAIN, count, date, printable, status};
use crate::replay::Span;

pub(crate) fn contributions(contributions: &[Contribution]) -> String {
    if contributions.is_empty() {
        return "Nothing counts for this actor in this window.\n".to_owned();
    }
    let mut table = Table::new([
        ("When", Align::Left),
        ("Case", Align::Left),
        ("Measure", Align::Left),
        ("What", Align::Left),
        ("Position", Align::Right),
    ]);
    for contribution in contributions {
        let (what, notable) = measured(&contribution.measure);
        table.row(vec![
            Cell::new(&instant(contribution.at)),
            Cell::new(contribution.case_id.as_ref().map_or(NOTHING, |case| case.as_str())),
            Cell::new(contribution.measure.name()),
            Cell::styled(&what, if notable { BAD } else { PLAIN }),
            Cell::styled(&contribution.position.to_string(), DIM),
        ]);
    }
    let mut out = String::new();
    table.write(&mut out);
    let all = count(contributions.len() as u64, "contribution", "contributions");
    // Writing to a string does not fail.
    let _ = writeln!(out, "\n{all}. The position is that of the event in the log.");
    out
}

fn measured(measure: &Measure) -> (String, bool) {
    match measure {
        Measure::Verdict { overridden: true } => ("overrides the recommendation".to_owned(), true),
        Measure::Verdict { .. } => ("a verdict".to_owned(), false),
        Measure::Processing { counted_ms, held, .. } => {
            let hours = *counted_ms as f64 / HOUR_MS as f64;
            let pool = if *held { "" } else { ", from the pool" };
            (format!("{hours:.1} h{pool}"), false)
        }
        Measure::Satisfaction { stars } => {
            let given = usize::from(*stars).min(5);
            (format!("{}{}", "★".repeat(given), "☆".repeat(5 - given)), false)
        }
        Measure::Recommendation { overridden: true } => ("advice overridden".to_owned(), true),
        Measure::Recommendation { .. } => ("advice followed".to_owned(), false),
        Measure::Appeal { reversed, overrode } => {
            let verdict = if *overrode { "an override" } else { "a verdict" };
            (format!("{verdict} {}", if *reversed { "reversed" } else { "upheld" }), *reversed)
        }
    }
}

pub(crate) fn case(case_id: &str, events: &[Recorded]) -> String {
    if events.is_empty() {
        return format!("No case {} is known.\n", printable(case_id.trim()));
    }
    let mut table = Table::new([
        ("When", Align::Left),
        ("Type", Align::Left),
        ("Actor", Align::Left),
        ("Details", Align::Left),
        ("Position", Align::Right),
    ]);
    for recorded in events {
        let event = &recorded.event;
        let style = if recorded.retracted { DIM } else { PLAIN };
        table.row(vec![
            Cell::styled(&instant(recorded.occurred_at), style),
            Cell::styled(event.what().type_name(), style),
            Cell::styled(event.actor().map_or(NOTHING, |actor| actor.as_str()), style),
            Cell::styled(&details(recorded), style),
            Cell::styled(&recorded.position.to_string(), DIM),
        ]);
    }
    let mut out = String::new();
    table.write(&mut out);
    out
}

/// The fields that have no column of their own, as `name value`.
fn details(recorded: &Recorded) -> String {
    const COLUMNS: [&str; 6] = ["type", "id", "occurred_at", "actor", "actor_kind", "case_id"];
    let mut details: Vec<String> = Vec::new();
    if recorded.retracted {
        details.push("RETRACTED".to_owned());
    }
    if let What::SatScore { value, .. } = recorded.event.what() {
        details.push("★".repeat(usize::from(*value)));
    }
    if let Ok(Value::Object(fields)) = serde_json::to_value(&recorded.event) {
        for (name, value) in fields {
            match value {
                _ if COLUMNS.contains(&name.as_str()) || name == "value" => {}
                Value::String(text) => details.push(format!("{name} {text}")),
                other => details.push(format!("{name} {other}")),
            }
        }
    }
    details.join(", ")
}

/// Stretches of a replay in which somebody was flagged.
pub(crate) fn spans(spans: &[Span]) -> String {
    let mut table = Table::new([
        ("Actor", Align::Left),
        ("Status", Align::Left),
        ("From", Align::Left),
        ("Until", Align::Left),
        ("Rules", Align::Left),
    ]);
    for span in spans {
        let (word, style) = status(span.status);
        table.row(vec![
            Cell::new(span.actor.as_str()),
            Cell::styled(word, style),
            Cell::new(&date(span.from)),
            Cell::new(&span.until.map_or_else(|| "the end".to_owned(), date)),
            Cell::new(&span.rules.join(", ")),
        ]);
    }
    let mut out = String::new();
    table.write(&mut out);
    out
}
