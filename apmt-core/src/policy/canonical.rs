//! What a policy says, as a text whose digest is the policy's.

use serde_json::{Map, Value, json};

use super::condition::Condition;
use super::peers::Peers;
use super::rule::Rule;
use super::{Sla, Target};

/// JSON with its keys in order. What is absent stays out, so that a field that a later version adds leaves the digests
/// of today's policies as they are.
pub(super) fn text(name: &str, window_days: u32, sla: Option<&Sla>, rules: &[Rule]) -> String {
    let mut policy = Map::new();
    policy.insert("name".to_owned(), json!(name));
    policy.insert("rules".to_owned(), rules.iter().map(rule).collect());
    if let Some(sla) = sla {
        policy.insert("sla".to_owned(), self::sla(sla));
    }
    policy.insert("window_days".to_owned(), json!(window_days));
    Value::Object(policy).to_string()
}

fn sla(sla: &Sla) -> Value {
    let mut said = target(sla.target());
    if !sla.tracks().is_empty() {
        let tracks = sla.tracks().iter().map(|(track, own)| (track.to_string(), target(*own)));
        said["tracks"] = Value::Object(tracks.collect());
    }
    said
}

fn target(target: Target) -> Value {
    match target {
        Target::Counted { ms } => json!({"target_ms": ms}),
        Target::WorkingDays(days) => json!({"target_working_days": days}),
    }
}

fn rule(rule: &Rule) -> Value {
    let mut said = Map::new();
    let mut say = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            said.insert(name.to_owned(), value);
        }
    };
    say("advise", rule.advise().map(Value::from));
    say("applies_to", rule.applies_to().map(|kind| kind.name().into()));
    say("clear_after_days", Some(rule.clear_after_days()).filter(|days| *days > 0).map(Value::from));
    say("critical_element", rule.critical_element().map(Value::from));
    say("for_days", Some(rule.for_days()).filter(|days| *days > 0).map(Value::from));
    say("id", Some(rule.id().into()));
    let mut min: Vec<(&str, u64)> = rule.min().iter().map(|(metric, min)| (metric.name(), *min)).collect();
    min.sort_unstable();
    say("min", (!min.is_empty()).then(|| json!(min)));
    say("peers", rule.peers().map(peers));
    say("then", Some(rule.then().name().into()));
    say("when", Some(rule.when().iter().map(condition).collect()));
    Value::Object(said)
}

fn peers(peers: &Peers) -> Value {
    let by: Vec<&str> = peers.by().iter().map(|by| by.name()).collect();
    json!({"by": by, "limit": peers.limit(), "min_group": peers.min_group()})
}

fn condition(condition: &Condition) -> Value {
    // -0 and 0 are one threshold.
    let threshold = condition.threshold() + 0.0;
    let (metric, sign) = (condition.metric().name(), condition.comparison().sign());
    match condition.bound() {
        None => json!([metric, sign, threshold]),
        Some(bound) => json!([metric, sign, threshold, bound.kind().name(), bound.confidence()]),
    }
}
