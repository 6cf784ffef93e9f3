//! From YAML to a policy: what is expected, and where it is not found.

use super::condition::{Comparison, Condition};
use super::metric::Metric;
use super::{Policy, Rule, Sla};
use crate::dossier::Status;
use crate::event::nearest;
use crate::time::{DAY_MS, HOUR_MS};
use crate::yaml::{Node, Wrong, one_of, quoted};

/// The window of a policy that does not say: a quarter of a year.
const DEFAULT_WINDOW_DAYS: u32 = 90;
/// The longest window, in days: ten years.
const MAX_WINDOW_DAYS: u32 = 3660;
/// The longest target, in milliseconds: as long as the longest window.
const MAX_TARGET_MS: u64 = MAX_WINDOW_DAYS as u64 * DAY_MS;

/// The outcomes that a rule may give.
const OUTCOMES: &[(&str, Status)] = &[("watch", Status::Watch), ("pip", Status::Pip)];

pub(super) fn policy(root: &Node) -> Result<Policy, Wrong> {
    let fields = root.fields("a policy", &["name", "window_days", "sla", "rules"])?;
    let name = fields.require("name", "the policy's name")?.text("the policy's name")?;
    let window_days = fields.get("window_days").map_or(Ok(DEFAULT_WINDOW_DAYS), window_days)?;
    let sla = fields.get("sla").map(sla).transpose()?;
    let what = "a list of rules, which may be empty";
    let mut rules: Vec<Rule> = Vec::new();
    for node in fields.require("rules", what)?.list(what)? {
        let rule = rule(node, sla.as_ref(), &rules)?;
        rules.push(rule);
    }
    Ok(Policy::assemble(name.to_owned(), window_days, sla, rules))
}

fn window_days(node: &Node) -> Result<u32, Wrong> {
    node.as_whole()
        .filter(|days| (1..=MAX_WINDOW_DAYS).contains(days))
        .ok_or_else(|| node.expected(format_args!("a whole number of days from 1 to {MAX_WINDOW_DAYS}")))
}

fn sla(node: &Node) -> Result<Sla, Wrong> {
    let fields = node.fields("the sla", &["target"])?;
    let what = "a duration of whole minutes, hours or days of 24 hours, such as 90m, 72h or 3d";
    let target = fields.require("target", what)?;
    let target_ms = target.as_text().and_then(duration_ms).ok_or_else(|| target.expected(what))?;
    if target_ms == 0 || target_ms > MAX_TARGET_MS {
        return Err(target.expected(format_args!("more than 0 and at most {MAX_WINDOW_DAYS}d")));
    }
    Ok(Sla { target_ms })
}

fn duration_ms(text: &str) -> Option<u64> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(unit_at)?;
    let unit_ms = match unit.trim_start() {
        "m" => HOUR_MS / 60,
        "h" => HOUR_MS,
        "d" => DAY_MS,
        _ => return None,
    };
    // More than fits is more than is allowed.
    let number: u64 = if number.is_empty() { return None } else { number.parse().unwrap_or(u64::MAX) };
    Some(number.saturating_mul(unit_ms))
}

fn rule(node: &Node, sla: Option<&Sla>, before: &[Rule]) -> Result<Rule, Wrong> {
    let fields = node.fields("a rule", &["id", "when", "then"])?;
    let what = "an id of its own for the rule";
    let id_node = fields.require("id", what)?;
    let id = id_node.text(what)?;
    if before.iter().any(|rule| rule.id == id) {
        return Err(id_node.wrong(format!("{} is the id of a rule above; expected {what}", quoted(id))));
    }

    let what = "a list of conditions, all of which must hold, such as [override_rate > 0.30]";
    let when_node = fields.require("when", what)?;
    let when: Vec<Condition> =
        when_node.list(what)?.iter().map(|node| condition(node, sla)).collect::<Result<_, _>>()?;
    if when.is_empty() {
        return Err(when_node.wrong("a rule without conditions would always hold; expected at least one"));
    }

    let outcomes = || OUTCOMES.iter().map(|(name, _)| *name);
    let then_node = fields.require("then", &one_of(outcomes()))?;
    let written = then_node.as_text().unwrap_or_default();
    let then = OUTCOMES.iter().find(|(name, _)| *name == written).map(|(_, then)| *then);
    let then = then.ok_or_else(|| then_node.expected(one_of(outcomes())).or_nearest(written, outcomes()))?;
    Ok(Rule { id: id.to_owned(), when, then })
}

fn condition(node: &Node, sla: Option<&Sla>) -> Result<Condition, Wrong> {
    let what = "a condition, such as override_rate > 0.30";
    let text = node.text(what)?;
    let is_sign = |c: char| matches!(c, '<' | '>' | '=' | '!' | '~');
    let Some((name, rest)) = text.find(is_sign).and_then(|at| text.split_at_checked(at)) else {
        return Err(node.expected(format_args!("{what}, with {}", signs())));
    };
    let (sign, number) =
        rest.split_at_checked(rest.len() - rest.trim_start_matches(is_sign).len()).unwrap_or_default();
    let (name, number) = (name.trim(), number.trim());

    let Some(metric) = Metric::from_name(name) else {
        return Err(unknown_metric(node, name));
    };
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
    if metric.needs_sla() && sla.is_none() {
        return Err(node.wrong(format!(
            "{metric} needs a target, and the policy has none; expected sla: {{target: 72h}}, or the like, in the policy"
        )));
    }
    Ok(Condition::new(metric, comparison, threshold))
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
