//! The language as a JSON Schema, so that an editor completes names and underlines what is wrong while one writes.

use serde_json::{Map, Value, json};

use super::bound::BoundKind;
use super::condition::Comparison;
use super::metric::Metric;
use super::peers::{Peers, PeersBy};
use super::read::condition::{FIELDS, MAX_CONFIDENCE, SIDES};
use super::read::peers::{BY, MAX_MIN_GROUP, PEERS};
use super::read::sla::{SLA, TARGET, TARGET_PATTERN};
use super::read::{KINDS, MAX_FOR_DAYS, MAX_WINDOW_DAYS, OUTCOMES, POLICY, RULE};

/// The JSON Schema (draft 2020-12) of a policy's YAML.
///
/// It is made of the same lists of names that policies are read by. What no schema can say (a rule's id of its own, a
/// metric that needs a target) is left to [`Policy::from_yaml`](super::Policy::from_yaml).
///
/// ```
/// let schema = apmt_core::policy::json_schema();
/// assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
/// assert_eq!(schema["required"], serde_json::json!(["name", "rules"]));
/// ```
pub fn json_schema() -> Value {
    let mut schema = object(POLICY, &["name", "rules"], |name| match name {
        "name" => json!({"type": "string", "minLength": 1, "description": "The policy's name, for people"}),
        "window_days" => json!({
            "type": "integer", "minimum": 1, "maximum": MAX_WINDOW_DAYS, "default": 90,
            "description": "The window over which contributions count, in days of 24 hours"
        }),
        "sla" => sla(),
        "rules" => json!({"type": "array", "items": rule()}),
        _ => json!({}),
    });
    if let Value::Object(schema) = &mut schema {
        schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        schema.insert("title".to_owned(), json!("A policy of APMT"));
    }
    schema
}

fn sla() -> Value {
    let target = json!({"type": "string", "pattern": TARGET_PATTERN, "description": TARGET});
    object(SLA, &["target"], |name| match name {
        "tracks" => json!({
            "type": "object", "minProperties": 1, "additionalProperties": target,
            "description": "The tracks that have a target of their own"
        }),
        _ => target.clone(),
    })
}

fn rule() -> Value {
    let days = |description: &str| {
        json!({
            "type": "string", "pattern": "^[0-9]+ *d$",
            "description": format!("{description}, from 1d to {MAX_FOR_DAYS}d")
        })
    };
    let names = |names: Vec<&str>, description: &str| json!({"enum": names, "description": description});
    object(RULE, &["id", "when", "then"], |name| match name {
        "id" => {
            json!({"type": "string", "minLength": 1, "description": "The rule's id, its own within the policy"})
        }
        "when" => json!({
            "type": "array", "minItems": 1, "items": condition(),
            "description": "The conditions, all of which must hold"
        }),
        "min" => json!({
            "type": "object", "minProperties": 1, "additionalProperties": false,
            "properties": metrics(Metric::is_count, &json!({"type": "integer", "minimum": 1})),
            "description": "The counts below which there is too little to go by"
        }),
        "for" => days("For how long it must hold at each daily evaluation before it is raised"),
        "clear_after" => days("For how long it must not hold before it is raised no longer"),
        "peers" => peers(),
        "applies_to" => object(&["kind"], &[], |_| {
            names(KINDS.iter().map(|(name, _)| *name).collect(), "Whether it is for people or for agents")
        }),
        "critical_element" => json!({
            "type": "string", "minLength": 1,
            "description": "The critical element of the performance standards that it speaks of"
        }),
        "then" => names(OUTCOMES.iter().map(|(name, _)| *name).collect(), "The outcome where it is raised"),
        "advise" => {
            json!({"type": "string", "minLength": 1, "description": "What is advised where it is raised"})
        }
        _ => json!({}),
    })
}

fn peers() -> Value {
    let mut peers = object(PEERS, &[], |name| match name {
        "by" => {
            let names: Vec<&str> = BY.iter().map(|(name, _)| *name).collect();
            json!({
                "type": "array", "items": {"enum": names}, "contains": {"const": PeersBy::Kind.name()}, "default": ["kind"],
                "description": "What the members of a group have in common: kind, or track and kind"
            })
        }
        "limit" => json!({
            "type": "number", "exclusiveMinimum": 0.5, "maximum": MAX_CONFIDENCE, "default": Peers::DEFAULT_LIMIT,
            "description": "The share of the group that the limits hold"
        }),
        "min_group" => json!({
            "type": "integer", "minimum": 2, "maximum": MAX_MIN_GROUP, "default": Peers::DEFAULT_MIN_GROUP,
            "description": "How many members there must be, the actor included"
        }),
        _ => json!({}),
    });
    peers["description"] = json!("The actor's rate must lie outside the funnel limits of its peers too");
    peers
}

fn condition() -> Value {
    let all: Vec<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
    let signs: Vec<&str> = Comparison::ALL.iter().map(|comparison| comparison.sign()).collect();
    // Longer names and signs first, or a shorter one would match a part of them.
    let any = |mut names: Vec<&str>| {
        names.sort_unstable_by_key(|name| std::cmp::Reverse(name.len()));
        names.join("|").replace('.', "\\.")
    };
    let text = format!("^({}) *({}) *[-+.0-9eE]+$", any(all.clone()), any(signs));
    let sides: Vec<Value> = SIDES.iter().map(|(side, _)| json!({"required": [side]})).collect();
    let mut fields = object(FIELDS, &["metric"], |name| match name {
        "metric" => json!({"enum": all}),
        "bound" => {
            let kinds: Vec<&str> = BoundKind::ALL.iter().map(|kind| kind.name()).collect();
            json!({"enum": kinds, "description": "The bound that is compared in place of the value"})
        }
        "confidence" => json!({
            "type": "number", "exclusiveMinimum": 0.5, "maximum": MAX_CONFIDENCE, "default": 0.95,
            "description": "In how many samples of one the true value lies on the bound's side"
        }),
        _ => json!({"type": "number"}),
    });
    if let Value::Object(fields) = &mut fields {
        fields.insert("oneOf".to_owned(), json!(sides));
        fields.insert("dependentRequired".to_owned(), json!({"confidence": ["bound"]}));
    }
    json!({"anyOf": [{"type": "string", "pattern": text, "examples": ["override_rate > 0.30"]}, fields]})
}

fn metrics(wanted: impl Fn(Metric) -> bool, schema: &Value) -> Map<String, Value> {
    let wanted = Metric::ALL.iter().filter(|metric| wanted(**metric));
    wanted.map(|metric| (metric.name().to_owned(), schema.clone())).collect()
}

fn object(fields: &[&str], required: &[&str], schema_of: impl Fn(&str) -> Value) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|name| ((*name).to_owned(), schema_of(name))).collect();
    let mut object = json!({"type": "object", "additionalProperties": false, "properties": properties});
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}
