//! Everybody, a line each.

use std::fmt::Write as _;

use apmt_core::{ActorKind, Dossier, Overview, Policy, Status, Timestamp};

use super::number::{age, instant, percent, tenths};
use super::table::{Align, Cell, Table};
use super::{BAD, BOLD, DIM, NOTHING, PLAIN, count, printable, status};

/// `unattributed` is nobody's dossier: what could not be attributed is counted and shown.
pub(crate) fn page(
    dossiers: &[Dossier],
    unattributed: &Dossier,
    as_of: Timestamp,
    policy: &Policy,
) -> String {
    let mut out = String::new();
    let digest: String = policy.digest().chars().take(12).collect();
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "{DIM}{} days up to {} · policy {} ({digest}){DIM:#}\n",
        policy.window_days(),
        instant(as_of),
        printable(policy.name()),
    );
    if dossiers.is_empty() {
        out.push_str(
            "Nobody has a contribution in this window or a case open at its end. For a log that lies in the past: --as-of latest\n",
        );
        return out;
    }
    table(dossiers).write(&mut out);
    out.push('\n');
    summary(dossiers, &mut out);
    for sentence in Overview::of(dossiers).sentences() {
        let _ = writeln!(out, "{}", printable(&sentence));
    }
    nobodys(unattributed, &mut out);
    out
}

fn table(dossiers: &[Dossier]) -> Table {
    // Two columns that would be empty where no agent advises anybody.
    let advice = dossiers.iter().any(|dossier| dossier.metrics.recommendations > 0);
    let columns = [
        ("Actor", Align::Left),
        ("Kind", Align::Left),
        ("Decisions", Align::Right),
        ("Override %", Align::Right),
        ("Avg hours", Align::Right),
        ("Median", Align::Right),
        ("n", Align::Right),
        ("SAT ★", Align::Right),
        ("n", Align::Right),
        ("Advice overridden %", Align::Right),
        ("n", Align::Right),
        ("Open (oldest)", Align::Right),
        ("Status", Align::Left),
    ];
    let mut table = Table::new(without_advice(columns, advice));
    for dossier in dossiers {
        let metrics = &dossier.metrics;
        let (word, style) = status(dossier.status);
        let name = if dossier.status.is_raised() { BOLD } else { PLAIN };
        let right = |text: String| {
            let style = if text == NOTHING || text == "0" { DIM } else { PLAIN };
            Cell::styled(&text, style)
        };
        let cells = [
            Cell::styled(dossier.actor.as_str(), name),
            Cell::styled(kind(dossier), DIM),
            right(metrics.decisions.to_string()),
            right(percent(metrics.override_rate)),
            right(tenths(metrics.avg_processing_hours)),
            right(tenths(metrics.processing_hours.median)),
            right(metrics.processing_hours.count.to_string()),
            right(tenths(metrics.sat_score_mean)),
            right(metrics.sat.count.to_string()),
            right(percent(metrics.overridden_rate)),
            right(metrics.recommendations.to_string()),
            right(open(dossier)),
            Cell::styled(word, style),
        ];
        table.row(without_advice(cells, advice).collect());
    }
    table
}

/// The columns, or the cells of a row, without the two on advice, if they are not wanted.
fn without_advice<T>(columns: [T; 13], wanted: bool) -> impl Iterator<Item = T> {
    columns
        .into_iter()
        .enumerate()
        .filter(move |(place, _)| wanted || !matches!(place, 9 | 10))
        .map(|(_, item)| item)
}

pub(super) const fn kind(dossier: &Dossier) -> &'static str {
    match dossier.actor_kind {
        Some(ActorKind::Human) => "human",
        Some(ActorKind::Agent) => "agent",
        None => NOTHING,
    }
}

fn open(dossier: &Dossier) -> String {
    match dossier.metrics.open.oldest_hours {
        Some(oldest) => format!("{} ({})", dossier.metrics.open.count, age(oldest)),
        None => dossier.metrics.open.count.to_string(),
    }
}

/// What nobody could be named for, if there is any.
fn nobodys(unattributed: &Dossier, out: &mut String) {
    let metrics = &unattributed.metrics;
    let kinds = [
        (metrics.sat.count, "rating", "ratings"),
        (metrics.appeals.count, "appeal", "appeals"),
        (metrics.processing_hours.count, "processing time", "processing times"),
    ];
    let counts: Vec<String> = kinds
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, one, many)| count(number, one, many))
        .collect();
    if !counts.is_empty() {
        let _ = writeln!(out, "{DIM}Attributed to nobody: {}.{DIM:#}", counts.join(", "));
    }
}

/// How many, and who stands out: in a long table, that must not be looked for.
fn summary(dossiers: &[Dossier], out: &mut String) {
    let _ = writeln!(out, "{}.", count(dossiers.len() as u64, "actor", "actors"));
    for (title, wanted, style) in [
        ("Plan recommended", Status::Pip, BAD),
        ("To review", Status::Review, super::WATCH),
        ("To watch", Status::Watch, super::WATCH),
    ] {
        let flagged: Vec<&Dossier> = dossiers.iter().filter(|dossier| dossier.status == wanted).collect();
        if flagged.is_empty() {
            continue;
        }
        let _ = writeln!(out, "{style}{title}:{style:#}");
        for dossier in flagged {
            let rules: Vec<_> = dossier.reasons.iter().map(|reason| printable(&reason.rule)).collect();
            let _ =
                writeln!(out, "  {BOLD}{}{BOLD:#}  {}", printable(dossier.actor.as_str()), rules.join(", "));
        }
    }
}
