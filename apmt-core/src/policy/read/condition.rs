//! A condition, as a text or with a field for each part.

use super::super::Sla;
use super::super::bound::{Bound, BoundKind};
use super::super::condition::{Comparison, Condition};
use super::super::metric::Metric;
use crate::event::nearest;
use crate::yaml::{Node, Wrong, one_of, quoted};

/// The fields of a condition that is no text.
pub(in crate::policy) const FIELDS: &[&str] =
    &["metric", "above", "at_least", "below", "at_most", "bound", "confidence"];

/// Those that give the threshold, and how it is compared.
pub(in crate::policy) const SIDES: &[(&str, Comparison)] = &[
    ("above", Comparison::Above),
    ("at_least", Comparison::AtLeast),
    ("below", Comparison::Below),
    ("at_most", Comparison::AtMost),
];

/// The highest confidence: beyond it no table of the office's size says anything.
pub(in crate::policy) const MAX_CONFIDENCE: f64 = 0.999_999;

pub(super) fn read(node: &Node, sla: Option<&Sla>) -> Result<Condition, Wrong> {
    if node.is_map() {
        return read_fields(node, sla);
    }
    let what = "a condition, such as override_rate > 0.30";
    let text = node.text(what)?;
    let is_sign = |c: char| matches!(c, '<' | '>' | '=' | '!' | '~');
    let Some((name, rest)) = text.find(is_sign).and_then(|at| text.split_at_checked(at)) else {
        return Err(node.expected(format_args!("{what}, with {}", signs())));
    };
    let (sign, number) =
        rest.split_at_checked(rest.len() - rest.trim_start_matches(is_sign).len()).unwrap_or_default();
    let (name, number) = (name.trim(), number.trim());

    let metric = metric(node, name, sla)?;
    let comparison = Comparison::ALL.iter().find(|comparison| comparison.sign() == sign);
    let Some(&comparison) = comparison else {
        let meant = match sign {
            "=" | "===" => Some("=="),
            "=>" => Some(">="),
            "=<" => Some("<="),
            "<>" | "!" | "!==" | "~=" => Some("!="),
            _ => None,
        };
        return Err(node
            .wrong(format!("{} is no comparison; expected {}", quoted(sign), signs()))
            .with_nearest(meant));
    };
    let threshold = number.parse().ok().filter(|threshold: &f64| threshold.is_finite()).ok_or_else(|| {
        node.wrong(format!("{} is no threshold; expected a number, such as 0.30", quoted(number)))
    })?;
    Ok(Condition::new(metric, comparison, threshold))
}

/// `{metric: override_rate, above: 0.30, bound: wilson_lower, confidence: 0.95}`.
fn read_fields(node: &Node, sla: Option<&Sla>) -> Result<Condition, Wrong> {
    let fields = node.fields("a condition", FIELDS)?;
    let name = fields.require("metric", "the name of a metric")?;
    let metric = metric(name, name.text("the name of a metric")?, sla)?;

    let sides = || SIDES.iter().map(|(name, _)| *name);
    let mut written = SIDES.iter().filter_map(|(name, comparison)| Some((*comparison, fields.get(name)?)));
    let Some((comparison, limit)) = written.next() else {
        return Err(node.wrong(format!("a condition has no threshold; expected {}", one_of(sides()))));
    };
    if let Some((_, second)) = written.next() {
        return Err(second.wrong(format!(
            "a condition has one threshold; expected one of {}, and another condition for the other",
            one_of(sides())
        )));
    }
    let threshold = limit.as_number().ok_or_else(|| limit.expected("a number, such as 0.30"))?;
    let bound = fields.get("bound").map(|node| bound_kind(node, metric)).transpose()?;
    let confidence = fields.get("confidence");
    if let (Some(node), None) = (confidence, bound) {
        return Err(node.wrong(format!(
            "a confidence is that of a bound, and the condition has none; expected {}",
            bounds_of(metric)
        )));
    }
    let confidence = confidence.map_or(Ok(Bound::DEFAULT_CONFIDENCE), |node| {
        let inside = |confidence: &f64| *confidence > 0.5 && *confidence <= MAX_CONFIDENCE;
        node.as_number().filter(inside).ok_or_else(|| {
            node.expected(format_args!("a number over 0.5 and up to {MAX_CONFIDENCE}, such as 0.95"))
        })
    })?;
    let bound = bound.map(|kind| Bound::new(kind, confidence));
    Ok(Condition::new(metric, comparison, threshold).with_bound(bound))
}

fn bound_kind(node: &Node, metric: Metric) -> Result<BoundKind, Wrong> {
    let written = node.text("the name of a bound")?;
    let names = || BoundKind::ALL.iter().map(|kind| kind.name());
    let Some(kind) = BoundKind::ALL.iter().find(|kind| kind.name() == written) else {
        return Err(node
            .wrong(format!("{} is no bound; expected {}", quoted(written), one_of(names())))
            .or_nearest(written, names()));
    };
    if BoundKind::of(metric).contains(kind) {
        return Ok(*kind);
    }
    Err(node.wrong(format!("{kind} is no bound of {metric}; expected {}", bounds_of(metric))))
}

fn bounds_of(metric: Metric) -> String {
    match BoundKind::of(metric) {
        [] => format!("no bound, for {metric} is what it is and no estimate"),
        kinds => one_of(kinds.iter().map(|kind| kind.name())),
    }
}

/// The metric of that name, which the policy can give a value.
pub(super) fn metric(node: &Node, name: &str, sla: Option<&Sla>) -> Result<Metric, Wrong> {
    let metric = Metric::from_name(name).ok_or_else(|| unknown_metric(node, name))?;
    if metric.needs_sla() && sla.is_none() {
        return Err(node.wrong(format!(
            "{metric} needs a target, and the policy has none; expected sla: {{target: 72h}}, or the like, in the policy"
        )));
    }
    Ok(metric)
}

fn signs() -> String {
    one_of(Comparison::ALL.iter().map(|comparison| comparison.sign()))
}

fn unknown_metric(node: &Node, name: &str) -> Wrong {
    if name.is_empty() {
        return node.expected("the name of a metric, then a comparison and a number");
    }
    let all = || Metric::ALL.iter().map(|metric| metric.name());
    // Where a name is of a group, such as `sla`, its members say more than the group's name.
    let members: Vec<&str> =
        all().filter(|known| known.split_once('.').is_some_and(|(group, _)| group == name)).collect();
    if !members.is_empty() {
        return node.wrong(format!("{} is no metric; expected {}", quoted(name), one_of(members)));
    }
    let near = nearest(name, all());
    let message = format!("{} is no metric", quoted(name));
    let wrong = match near {
        Some(_) => node.wrong(message),
        None => node.wrong(format!("{message}; expected {}", one_of(all()))),
    };
    wrong.with_nearest(near)
}
