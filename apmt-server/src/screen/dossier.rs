//! One actor, a page.

use std::fmt::Write as _;

use apmt_core::metrics::Metrics;
use apmt_core::policy::{Explanation, Grounds, RuleState};
use apmt_core::{Dossier, Status};

use super::number::{age, condition, instant, percent, tenths};
use super::scoreboard::kind;
use super::{BOLD, DIM, NOTHING, printable, shell_word, status};

/// How long the longest bar of the stars is.
const BAR: u64 = 30;

/// The page; with what its raised rules rest upon, where that was asked for.
pub(crate) fn page(dossier: &Dossier, grounds: Option<&[Grounds]>) -> String {
    let mut out = String::new();
    let (word, style) = status(dossier.status);
    let digest: String = dossier.policy.digest.chars().take(12).collect();
    // Writing to a string does not fail.
    let _ = writeln!(out, "{BOLD}{}{BOLD:#}  {style}{word}{style:#}", printable(dossier.actor.as_str()));
    let _ = writeln!(
        out,
        "{DIM}{} · {} days up to {} · policy {} ({digest}){DIM:#}",
        if dossier.actor_kind.is_none() { "kind unknown" } else { kind(dossier) },
        dossier.window_days,
        instant(dossier.as_of),
        printable(&dossier.policy.name),
    );
    reasons(dossier, grounds, &mut out);
    metrics(&dossier.metrics, &mut out);
    let _ = writeln!(
        out,
        "\n{DIM}The evidence: apmt contributions {} (with the same options){DIM:#}",
        shell_word(&printable(dossier.actor.as_str()))
    );
    out
}

fn reasons(dossier: &Dossier, grounds: Option<&[Grounds]>, out: &mut String) {
    let telling = |explanation: &&Explanation| {
        !matches!(explanation.state, RuleState::Clear | RuleState::NotApplicable)
    };
    let mut telling = dossier.explanations.iter().filter(telling).peekable();
    if telling.peek().is_some() {
        section("Why", out);
    }
    for explanation in telling {
        let rule = printable(&explanation.rule);
        let reason = dossier.reasons.iter().find(|reason| reason.rule == explanation.rule);
        let Some(reason) = reason else {
            for sentence in explanation.sentences() {
                let _ = writeln!(out, "  {DIM}{}{DIM:#}", printable(&sentence));
            }
            continue;
        };
        let (word, style) = status(reason.then);
        let holds = if reason.clearing { "held until lately" } else { "holds" };
        let _ = writeln!(out, "  rule {rule} {holds} → {style}{word}{style:#}");
        for held in &reason.conditions {
            let _ = writeln!(out, "    {}", condition(held));
        }
        for sentence in explanation.further_sentences() {
            let _ = writeln!(out, "    {DIM}{}{DIM:#}", printable(&sentence));
        }
        for grounds in grounds.into_iter().flatten().filter(|grounds| grounds.rule == explanation.rule) {
            let _ = writeln!(out, "    {}", printable(&grounds.sentence()));
        }
    }
    if dossier.status == Status::Pip {
        out.push_str("  An improvement plan is recommended; whether there is one, a supervisor decides.\n");
    }
}

fn section(title: &str, out: &mut String) {
    let _ = writeln!(out, "\n{BOLD}{title}{BOLD:#}");
}

fn line(label: &str, value: &str, out: &mut String) {
    let _ = writeln!(out, "  {label:<18}{value}");
}

fn metrics(metrics: &Metrics, out: &mut String) {
    section("Verdicts", out);
    line("decisions", &metrics.decisions.to_string(), out);
    let overrides = match (metrics.override_rate, metrics.override_rate_interval) {
        (Some(rate), Some([low, high])) => format!(
            "{} of {}   {} %   (95 % interval {} to {} %)",
            metrics.overrides,
            metrics.decisions,
            percent(Some(rate)),
            percent(Some(low)),
            percent(Some(high)),
        ),
        _ => NOTHING.to_owned(),
    };
    line("overrides", &overrides, out);
    if metrics.appeals.count > 0 {
        let appeals = &metrics.appeals;
        let overrides = appeals.overrides_upheld + appeals.overrides_reversed;
        let mut fared = format!("{} of {} reversed", appeals.reversed, appeals.count);
        if overrides > 0 {
            let _ =
                write!(fared, "; of those against overrides, {} of {overrides}", appeals.overrides_reversed);
        }
        line("appeals", &fared, out);
    }

    if metrics.recommendations > 0 {
        section("Advice", out);
        let rate = percent(metrics.overridden_rate);
        let fared =
            format!("{} of {}   {rate} %", metrics.recommendations_overridden, metrics.recommendations);
        line("overridden", &fared, out);
    }

    let times = &metrics.processing_hours;
    section(&format!("Processing time, in hours (n = {})", times.count), out);
    line("mean", &tenths(times.mean), out);
    if times.count > 0 {
        line("median", &tenths(times.median), out);
        let tail = [("p90", times.p90), ("p95", times.p95), ("p99", times.p99)];
        let tail: Vec<String> =
            tail.iter().map(|(name, hours)| format!("{name} {}", tenths(*hours))).collect();
        line("slowest", &tail.join("   "), out);
        line("range", &format!("{} to {}", tenths(times.min), tenths(times.max)), out);
    }
    if let Some(sla) = &metrics.sla {
        let all = sla.met + sla.breached;
        line("within target", &format!("{} of {all}   {} %", sla.met, percent(sla.compliance)), out);
    }

    section(&format!("Satisfaction (n = {})", metrics.sat.count), out);
    if metrics.sat.count > 0 {
        line("mean", &format!("{} ★", tenths(metrics.sat_score_mean)), out);
        stars(&metrics.sat.histogram, out);
    } else {
        line("mean", NOTHING, out);
    }

    section("Open cases", out);
    let open = &metrics.open;
    match (open.oldest_hours, open.median_hours) {
        (Some(oldest), Some(median)) => {
            let overdue = open.overdue.map_or_else(String::new, |overdue| format!(", {overdue} overdue"));
            let value = format!("{} (oldest {}, median {}{overdue})", open.count, age(oldest), age(median));
            line("in the queue", &value, out);
        }
        _ => line("in the queue", "0", out),
    }
}

fn stars(histogram: &[u64; 5], out: &mut String) {
    let most = histogram.iter().copied().max().unwrap_or(0).max(1);
    for (stars, count) in [5, 4, 3, 2, 1].into_iter().zip(histogram.iter().rev()) {
        let bar = (count * BAR).div_ceil(most) as usize;
        let _ = writeln!(
            out,
            "  {:<18}{:>6}  {DIM}{}{DIM:#}",
            format!("{}{}", "★".repeat(stars), "☆".repeat(5 - stars)),
            count,
            "▇".repeat(bar)
        );
    }
}
