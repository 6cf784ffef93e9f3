//! Numbers and words for people. Everything on a page is rounded here and nowhere else; what is exact stands in titles
//! and exports.

use apmt_core::policy::{Policy, Sla, Target};
use apmt_core::time::HOUR_MS;
use apmt_core::{ActorKind, ActorName, Dossier, Metrics, Status, Timestamp};

use crate::screen;

/// What stands where there is no value.
pub(super) const NOTHING: &str = "–";
/// Fewer than this say little: the number is shown smaller.
const FEW: u64 = 10;

/// A number as a page shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Figure {
    /// Rounded, with its unit; a dash where there is none.
    pub(super) text: String,
    /// With full precision, for a title; empty where there is none.
    pub(super) exact: String,
    /// Of how many, where that makes sense.
    pub(super) n: Option<String>,
    /// Whether those are few.
    pub(super) few: bool,
    /// Between what the rate lies, with 95 % confidence.
    pub(super) interval: Option<String>,
}

impl Figure {
    fn none() -> Self {
        Self { text: NOTHING.to_owned(), ..Self::default() }
    }

    pub(super) fn count(count: u64) -> Self {
        Self { text: grouped(count), ..Self::default() }
    }

    /// A rate of so many out of so many.
    pub(super) fn rate(part: u64, whole: u64, interval: Option<[f64; 2]>) -> Self {
        if whole == 0 {
            return Self::none();
        }
        let rate = part as f64 / whole as f64;
        Self {
            text: percent(rate),
            exact: format!("{part} of {whole}: {rate}"),
            n: Some(grouped(whole)),
            few: whole < FEW,
            interval: interval.map(|[low, high]| format!("{:.0}–{:.0}\u{a0}%", low * 100.0, high * 100.0)),
        }
    }

    /// A mean of so many values, with its unit after it.
    pub(super) fn mean(value: Option<f64>, count: u64, unit: &str) -> Self {
        let Some(value) = value else { return Self::none() };
        Self {
            text: format!("{}{unit}", tenths(value)),
            exact: format!("{value}"),
            n: Some(grouped(count)),
            few: count < FEW,
            interval: None,
        }
    }

    pub(super) fn is_none(&self) -> bool {
        self.text == NOTHING
    }
}

/// The rate that says how an actor and the advice agree: a person's overrides, or how an agent's advice fared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    pub(super) part: u64,
    pub(super) whole: u64,
    /// Whether it is the machine's side.
    pub(super) of_advice: bool,
}

impl Rate {
    pub(super) fn of(dossier: &Dossier) -> Self {
        let metrics = &dossier.metrics;
        if dossier.actor_kind == Some(ActorKind::Agent) && metrics.recommendations > 0 {
            Self { part: metrics.recommendations_overridden, whole: metrics.recommendations, of_advice: true }
        } else {
            Self { part: metrics.overrides, whole: metrics.decisions, of_advice: false }
        }
    }

    pub(super) fn value(self) -> Option<f64> {
        (self.whole > 0).then(|| self.part as f64 / self.whole as f64)
    }

    pub(super) fn figure(self) -> Figure {
        Figure::rate(self.part, self.whole, apmt_core::metrics::wilson_interval(self.part, self.whole))
    }
}

/// How a number moved since the window before.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trend {
    pub(super) arrow: &'static str,
    /// Such as `up from 12.0 %`.
    pub(super) words: String,
    /// Of how many the number before was, and whether those are few.
    pub(super) n: String,
    pub(super) few: bool,
    /// By how much, for sorting.
    pub(super) change: f64,
}

/// The trend between two numbers as a page shows them, the one before of so many; none where one of them is not there.
pub(super) fn trend(
    (before, n): (Option<f64>, u64),
    now: Option<f64>,
    show: impl Fn(f64) -> String,
) -> Option<Trend> {
    let (before, now) = (before?, now?);
    let (old, new) = (show(before), show(now));
    let (arrow, words) = if old == new {
        ("→", format!("as before, {old}"))
    } else if now > before {
        ("↗", format!("up from {old}"))
    } else {
        ("↘", format!("down from {old}"))
    };
    Some(Trend { arrow, words, n: grouped(n), few: n < FEW, change: now - before })
}

/// The trend of the rate that a row shows.
pub(super) fn rate_trend(before: Option<&Dossier>, now: &Dossier) -> Option<Trend> {
    let (before, now) = (Rate::of(before?), Rate::of(now));
    // Who has only begun to advise cannot be compared with what was decided before.
    if before.of_advice != now.of_advice {
        return None;
    }
    trend((before.value(), before.whole), now.value(), percent)
}

/// A rate as per cent: `42.0 %`.
pub(super) fn percent(rate: f64) -> String {
    format!("{:.1}\u{a0}%", rate * 100.0)
}

/// `54.2`.
pub(super) fn tenths(value: f64) -> String {
    if value.abs() < 1000.0 { format!("{value:.1}") } else { grouped(value.round().max(0.0) as u64) }
}

/// `12,345`.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// "1 case", "2 cases".
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// How long, as it is said, in one piece: `40 min`, `31 h`, `23 days`.
pub(super) fn duration(hours: f64) -> String {
    screen::age(hours).replace(' ', "\u{a0}")
}

/// A policy's targets: `20 working days (simple: 10 working days)`.
pub(super) fn targets(sla: &Sla) -> String {
    let words = |target: Target| match target {
        Target::Counted { ms } => duration(hours(ms)),
        Target::WorkingDays(_) => target.to_string(),
    };
    let tracks: Vec<String> =
        sla.tracks().iter().map(|(track, target)| format!("{track}: {}", words(*target))).collect();
    let common = words(sla.target());
    if tracks.is_empty() { common } else { format!("{common} ({})", tracks.join(", ")) }
}

/// The one target in hours that every case has, where there is such a one: what a chart of hours can draw.
pub(super) fn target_hours(policy: &Policy) -> Option<f64> {
    let sla = policy.sla().filter(|sla| sla.tracks().is_empty())?;
    match sla.target() {
        Target::Counted { ms } => Some(hours(ms)),
        Target::WorkingDays(_) => None,
    }
}

/// Milliseconds as hours.
pub(super) fn hours(ms: u64) -> f64 {
    ms as f64 / HOUR_MS as f64
}

/// An instant as a page shows it until a script puts it into the viewer's zone: `2 Mar 2026, 15:00 UTC`.
pub(super) fn instant(at: Timestamp) -> String {
    at.to_datetime().format("%-d %b %Y, %H:%M UTC").to_string()
}

/// `2 Mar`.
pub(super) fn day(at: Timestamp) -> String {
    at.to_datetime().format("%-d %b").to_string()
}

/// The actor's name; nobody has none.
pub(super) fn name(actor: &ActorName) -> &str {
    if actor.is_nobody() { "Not attributed to anybody" } else { actor.as_str() }
}

pub(super) const fn kind(kind: Option<ActorKind>) -> &'static str {
    match kind {
        Some(ActorKind::Human) => "Person",
        Some(ActorKind::Agent) => "AI agent",
        None => "Kind not known",
    }
}

/// A status as text and symbol, and the class that colours it: colour alone would leave some people out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) class: &'static str,
    pub(super) symbol: &'static str,
    pub(super) words: &'static str,
}

pub(super) const fn standing(status: Status) -> Standing {
    match status {
        Status::Good => Standing { class: "good", symbol: "✓", words: "On track" },
        Status::InsufficientData => Standing { class: "unsure", symbol: "?", words: "Too little to say" },
        Status::Watch => Standing { class: "watch", symbol: "▲", words: "Watch" },
        Status::Pip => Standing { class: "pip", symbol: "!", words: "Plan recommended" },
        // An outcome of a later version is for people to look at, and nothing that anybody recommended.
        _ => Standing { class: "watch", symbol: "◆", words: "Review the work" },
    }
}

/// Whether the metrics say anything about the machine's side.
pub(super) const fn advises(metrics: &Metrics) -> bool {
    metrics.recommendations > 0
}

/// A value in a query.
pub(super) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_say_of_how_many() {
        let figure = Figure::rate(2, 5, apmt_core::metrics::wilson_interval(2, 5));
        assert_eq!(figure.text, "40.0\u{a0}%");
        assert_eq!(figure.exact, "2 of 5: 0.4");
        assert_eq!(figure.n.as_deref(), Some("5"));
        assert!(figure.few);
        assert_eq!(figure.interval.as_deref(), Some("12–77\u{a0}%"));
        assert!(!Figure::rate(20, 50, None).few);
        assert!(Figure::rate(0, 0, None).is_none());
    }

    /// A person's job can hang on it: nothing but the policy's own recommendation is called one.
    #[test]
    fn only_a_recommended_plan_is_called_so() {
        for status in Status::ALL {
            let Standing { class, words, .. } = standing(*status);
            let is_pip = *status == Status::Pip;
            assert_eq!((class == "pip", words == "Plan recommended"), (is_pip, is_pip), "{status}");
        }
        let distinct: std::collections::BTreeSet<_> =
            Status::ALL.iter().map(|status| (standing(*status).words, standing(*status).symbol)).collect();
        assert_eq!(distinct.len(), Status::ALL.len());
    }

    #[test]
    fn trends_are_told_in_words() {
        let words = |before, now| trend((before, 20), now, percent).map(|trend| trend.words);
        assert_eq!(words(Some(0.12), Some(0.31)).as_deref(), Some("up from 12.0\u{a0}%"));
        assert_eq!(words(Some(0.31), Some(0.12)).as_deref(), Some("down from 31.0\u{a0}%"));
        assert_eq!(words(Some(0.120_01), Some(0.12)).as_deref(), Some("as before, 12.0\u{a0}%"));
        assert_eq!(words(None, Some(0.12)), None);
        assert_eq!(words(Some(0.12), None), None);
    }

    #[test]
    fn numbers_are_said_as_people_say_them() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(tenths(54.16), "54.2");
        assert_eq!(tenths(12_345.6), "12,346");
        assert_eq!(duration(23.5 * 24.0), "23\u{a0}days");
        assert_eq!(instant("2026-03-02T15:00:59Z".parse().unwrap()), "2 Mar 2026, 15:00 UTC");
    }
}
