//! The figures of a dossier, a card each.

use apmt_core::Dossier;

use crate::dashboard::words::{
    Figure, Rate, Trend, advises, counted, duration, grouped, percent, tenths, trend,
};

/// A figure with its neighbours, and the ways to the cases behind it.
pub(super) struct Card {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) figure: Figure,
    pub(super) unit: &'static str,
    pub(super) details: Vec<String>,
    pub(super) trend: Option<Trend>,
    pub(super) links: Vec<Link>,
}

pub(super) struct Link {
    pub(super) of: &'static str,
    pub(super) words: String,
}

fn link(of: &'static str, count: u64, one: &str, many: &str) -> Option<Link> {
    (count > 0).then(|| Link { of, words: counted(count, one, many) })
}

fn links<const N: usize>(links: [Option<Link>; N]) -> Vec<Link> {
    links.into_iter().flatten().collect()
}

/// What the cards of both rates have: the rate, of how many, and how it was before.
fn rate_card(rate: Rate, before: Rate, [one, many]: [&str; 2]) -> Card {
    Card {
        id: "",
        title: "",
        figure: rate.figure(),
        unit: "",
        details: vec![format!("{} of {}", grouped(rate.part), counted(rate.whole, one, many))],
        trend: trend((before.value(), before.whole), rate.value(), percent),
        links: Vec::new(),
    }
}

pub(super) fn cards(dossier: &Dossier, before: &Dossier) -> Vec<Card> {
    let (metrics, past) = (&dossier.metrics, &before.metrics);
    let mut cards = Vec::new();
    let share = |part, whole| Rate { part, whole, of_advice: false };
    if advises(metrics) {
        let rate = share(metrics.recommendations_overridden, metrics.recommendations);
        cards.push(Card {
            id: "advice",
            title: "Advice overridden",
            links: links([
                link("advice-overridden", rate.part, "overridden", "overridden"),
                link("advice", rate.whole, "decision", "decisions"),
            ]),
            ..rate_card(
                rate,
                share(past.recommendations_overridden, past.recommendations),
                ["decision on its advice", "decisions on its advice"],
            )
        });
    }
    if metrics.decisions > 0 || !advises(metrics) {
        let rate = share(metrics.overrides, metrics.decisions);
        cards.push(Card {
            id: "override",
            title: "Override rate",
            links: links([
                link("overrides", rate.part, "override", "overrides"),
                link("decisions", rate.whole, "decision", "decisions"),
            ]),
            ..rate_card(rate, share(past.overrides, past.decisions), ["decision", "decisions"])
        });
    }
    cards.extend([time_card(dossier, before), stars_card(dossier, before), open_card(dossier)]);
    if metrics.appeals.count > 0 {
        cards.push(Card {
            id: "appeals",
            title: "Appeals",
            figure: Figure::count(metrics.appeals.count),
            unit: "",
            details: vec![
                format!("{} reversed the decision", grouped(metrics.appeals.reversed)),
                format!(
                    "Of overrides: {} upheld, {} reversed",
                    grouped(metrics.appeals.overrides_upheld),
                    grouped(metrics.appeals.overrides_reversed)
                ),
            ],
            trend: None,
            links: links([link("appeals", metrics.appeals.count, "appeal", "appeals")]),
        });
    }
    cards
}

fn time_card(dossier: &Dossier, before: &Dossier) -> Card {
    let (times, past) = (&dossier.metrics.processing_hours, &before.metrics.processing_hours);
    let mut details = Vec::new();
    if let (Some(median), Some(p90)) = (times.median, times.p90) {
        details.push(format!("Half took up to {}, nine in ten up to {}", duration(median), duration(p90)));
    }
    if let Some(sla) = &dossier.metrics.sla
        && let Some(compliance) = sla.compliance
    {
        details.push(format!("{} within the target", percent(compliance)));
    }
    Card {
        id: "hours",
        title: "Processing time",
        figure: Figure::mean(times.mean, times.count, ""),
        unit: "hours on average",
        details,
        trend: trend((past.mean, past.count), times.mean, |hours| format!("{}\u{a0}h", tenths(hours))),
        links: links([link("times", times.count, "case handled", "cases handled")]),
    }
}

fn stars_card(dossier: &Dossier, before: &Dossier) -> Card {
    let (metrics, past) = (&dossier.metrics, &before.metrics);
    Card {
        id: "stars",
        title: "Citizens’ stars",
        figure: Figure::mean(metrics.sat_score_mean, metrics.sat.count, ""),
        unit: "of 5 ★",
        details: Vec::new(),
        trend: trend((past.sat_score_mean, past.sat.count), metrics.sat_score_mean, |stars| {
            format!("{}\u{a0}★", tenths(stars))
        }),
        links: links([link("stars", metrics.sat.count, "rating", "ratings")]),
    }
}

fn open_card(dossier: &Dossier) -> Card {
    let open = &dossier.metrics.open;
    let mut details = Vec::new();
    if let (Some(oldest), Some(median)) = (open.oldest_hours, open.median_hours) {
        details.push(format!("Oldest {}, median {}", duration(oldest), duration(median)));
    }
    if let Some(overdue) = open.overdue {
        details.push(format!("{} overdue", grouped(overdue)));
    }
    Card {
        id: "open",
        title: "Open cases",
        figure: Figure::count(open.count),
        unit: "now",
        details,
        trend: None,
        links: links([link("open", open.count, "open case", "open cases")]),
    }
}
