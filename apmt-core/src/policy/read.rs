//! From YAML to a policy: what is expected, and where it is not found.

pub(super) mod condition;
pub(super) mod peers;
pub(super) mod sla;

use super::condition::Condition;
use super::metric::Metric;
use super::{Policy, Rule, Sla};
use crate::dossier::Status;
use crate::event::ActorKind;
use crate::yaml::{Node, Wrong, one_of, quoted};

/// The window of a policy that does not say: a quarter of a year.
const DEFAULT_WINDOW_DAYS: u32 = 90;
/// The longest window, in days: ten years.
pub(super) const MAX_WINDOW_DAYS: u32 = 3660;

/// The longest time for which a rule may be asked to hold, or not to, in days.
pub(super) const MAX_FOR_DAYS: u32 = 366;

/// The outcomes that a rule may give.
pub(super) const OUTCOMES: &[(&str, Status)] =
    &[("watch", Status::Watch), ("review", Status::Review), ("pip", Status::Pip)];

/// Whom a rule may be meant for.
pub(super) const KINDS: &[(&str, ActorKind)] = &[("human", ActorKind::Human), ("agent", ActorKind::Agent)];

/// The fields of a policy.
pub(super) const POLICY: &[&str] = &["name", "window_days", "sla", "rules"];

pub(super) fn policy(root: &Node) -> Result<Policy, Wrong> {
    let fields = root.fields("a policy", POLICY)?;
    let name = fields.require("name", "the policy's name")?.text("the policy's name")?;
    let window_days = fields.get("window_days").map_or(Ok(DEFAULT_WINDOW_DAYS), window_days)?;
    let sla = fields.get("sla").map(sla::read).transpose()?;
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

/// The fields of a rule.
pub(super) const RULE: &[&str] =
    &["id", "when", "min", "for", "clear_after", "peers", "applies_to", "critical_element", "then", "advise"];

fn rule(node: &Node, sla: Option<&Sla>, before: &[Rule]) -> Result<Rule, Wrong> {
    let fields = node.fields("a rule", RULE)?;
    let what = "an id of its own for the rule";
    let id_node = fields.require("id", what)?;
    let id = id_node.text(what)?;
    if before.iter().any(|rule| rule.id == id) {
        return Err(id_node.wrong(format!("{} is the id of a rule above; expected {what}", quoted(id))));
    }

    let what = "a list of conditions, all of which must hold, such as [override_rate > 0.30]";
    let when_node = fields.require("when", what)?;
    let when: Vec<Condition> =
        when_node.list(what)?.iter().map(|node| condition::read(node, sla)).collect::<Result<_, _>>()?;
    if when.is_empty() {
        return Err(when_node.wrong("a rule without conditions would always hold; expected at least one"));
    }
    let then_node = fields.require("then", &one_of(OUTCOMES.iter().map(|(name, _)| *name)))?;
    let mut rule = Rule::new(id, when, named(then_node, OUTCOMES)?);

    if let Some(min) = fields.get("min") {
        rule.min = minimum(min, sla)?;
    }
    for (name, days) in [("for", &mut rule.for_days), ("clear_after", &mut rule.clear_after_days)] {
        if let Some(node) = fields.get(name) {
            *days = whole_days(node)?;
        }
    }
    if rule.for_days + rule.clear_after_days > 0
        && let Some(metric) = rule.metrics().find(|metric| metric.is_of_open_cases())
    {
        return Err(when_node.wrong(format!(
            "{metric} is known at the instant of a dossier alone, so nobody can say for how long it has held; \
             expected no \"for\" and no \"clear_after\" in a rule on it"
        )));
    }
    rule.peers = fields.get("peers").map(|node| peers::read(node, &rule)).transpose()?;
    if let Some(node) = fields.get("applies_to") {
        let fields = node.fields("applies_to", &["kind"])?;
        rule.applies_to = fields.get("kind").map(|kind| named(kind, KINDS)).transpose()?;
    }
    for (name, text) in [("critical_element", &mut rule.critical_element), ("advise", &mut rule.advise)] {
        let what = format!("a text for {name:?}");
        *text = fields.get(name).map(|node| node.text(&what)).transpose()?.map(str::to_owned);
    }
    Ok(rule)
}

/// What one of these names stands for.
fn named<T: Copy>(node: &Node, names: &[(&str, T)]) -> Result<T, Wrong> {
    let written = node.as_text().unwrap_or_default();
    let known = || names.iter().map(|(name, _)| *name);
    let found = names.iter().find(|(name, _)| *name == written).map(|(_, value)| *value);
    found.ok_or_else(|| node.expected(one_of(known())).or_nearest(written, known()))
}

/// `{decisions: 20}`: counts, and what each must be at least.
fn minimum(node: &Node, sla: Option<&Sla>) -> Result<Vec<(Metric, u64)>, Wrong> {
    let what = "counts and what each must be at least, such as {decisions: 20}";
    let mut min = Vec::new();
    for (key, value) in node.entries(what)? {
        let name = key.text("the name of a count")?;
        let metric = condition::metric(key, name, sla)?;
        if !metric.is_count() {
            let counts = Metric::ALL.iter().filter(|metric| metric.is_count()).map(|metric| metric.name());
            let message = format!("{metric} is no count; expected {}", one_of(counts));
            return Err(key.wrong(message).with_nearest(metric.sample_size().map(Metric::name)));
        }
        let least = value.as_whole().filter(|least| *least > 0);
        min.push((metric, least.ok_or_else(|| value.expected("a whole number from 1"))?));
    }
    if min.is_empty() { Err(node.expected(what)) } else { Ok(min) }
}

/// `30d`: a whole number of days.
fn whole_days(node: &Node) -> Result<u32, Wrong> {
    let days = node.as_text().and_then(|text| text.strip_suffix('d')?.trim_end().parse().ok());
    days.filter(|days| (1..=MAX_FOR_DAYS).contains(days)).ok_or_else(|| {
        node.expected(format_args!("a whole number of days from 1d to {MAX_FOR_DAYS}d, such as 30d"))
    })
}
