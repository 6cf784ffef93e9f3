//! The rules that judge an actor's metrics: data that an agency writes, checks and keeps under version control.
//!
//! A policy is YAML. `name` and `rules` are required, the rest has a default:
//!
//! | field | meaning |
//! |---|---|
//! | `name` | for people; a dossier names the policy that judged it |
//! | `window_days` | the window over which contributions count, in days of 24 hours, from 1 to 3660; 90 if absent |
//! | `sla` | `target`: the processing time that meets the agency's promise, in minutes (`90m`), hours (`72h`) or days of 24 hours (`3d`), at most 3660 days; a time equal to the target meets it |
//! | `rules` | each with an `id` of its own, the conditions `when` it holds (all must), and `then`: `watch` or `pip` |
//!
//! A condition is the name of a [`Metric`], one of `>` `>=` `<` `<=` `==` `!=`, and a number. Values are compared
//! unrounded, and a condition on a metric that is null does not hold: nobody is judged on what did not happen.
//!
//! ```
//! use apmt_core::Policy;
//!
//! let policy = Policy::from_yaml("policy.yaml", "
//! name: district-7
//! window_days: 30
//! sla: {target: 72h}
//! rules:
//!   - id: chronic-override
//!     when: [override_rate > 0.30, decisions >= 20, sat_score_mean < 3]
//!     then: pip
//!   - id: slow
//!     when: [sla.compliance < 0.9]
//!     then: watch
//! ")?;
//! assert_eq!(policy.window_days(), 30);
//! assert_eq!(policy.rules()[1].when()[0].to_string(), "sla.compliance < 0.9");
//! # Ok::<(), apmt_core::yaml::YamlError>(())
//! ```

mod condition;
mod metric;
mod read;
mod reason;

use serde_json::{Map, Value, json};

pub use condition::{Comparison, Condition};
pub use metric::Metric;
pub use reason::{ConditionHeld, PolicyName, Reason};

use crate::dossier::Status;
use crate::metrics::Metrics;
use crate::yaml::{self, YamlError, sha256_hex};

/// The built-in policy, as YAML: what [`Policy::default`] is, and a file to start one's own from.
///
/// ```
/// use apmt_core::policy::{DEFAULT_POLICY_YAML, Policy};
/// assert_eq!(Policy::from_yaml("default", DEFAULT_POLICY_YAML)?, Policy::default());
/// # Ok::<(), apmt_core::yaml::YamlError>(())
/// ```
pub const DEFAULT_POLICY_YAML: &str = "\
name: default
window_days: 90
rules:
  - id: chronic-override
    when: [override_rate > 0.30, sat_score_mean < 3]     # all must hold
    then: pip
";

/// Rules that judge an actor's metrics, checked; see the [module](self) for how one is written.
///
/// The default is the built-in policy, [`DEFAULT_POLICY_YAML`].
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    name: String,
    window_days: u32,
    sla: Option<Sla>,
    rules: Vec<Rule>,
    digest: String,
}

/// What the agency has promised for processing times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sla {
    target_ms: u64,
}

impl Sla {
    /// The processing time that meets the promise, in counted milliseconds. A time equal to it meets it.
    pub const fn target_ms(&self) -> u64 {
        self.target_ms
    }
}

/// One rule: if all its conditions hold, its outcome is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    id: String,
    when: Vec<Condition>,
    then: Status,
}

impl Rule {
    /// The rule's id, its own within the policy.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The conditions, at least one, all of which must hold.
    pub fn when(&self) -> &[Condition] {
        &self.when
    }

    /// The outcome: [`Status::Watch`] or [`Status::Pip`].
    pub const fn then(&self) -> Status {
        self.then
    }
}

impl Policy {
    /// Reads a policy. `file` is the name by which errors call it; nothing is opened.
    ///
    /// # Errors
    /// Whatever is wrong, with line and column, what was expected, and the nearest name: text that is no YAML, a
    /// field, metric, comparison or outcome that does not exist, a threshold that is no finite number, a rule without
    /// an id, with the id of another, or without conditions, a window out of range, and a metric of the `sla` where
    /// the policy has none.
    pub fn from_yaml(file: &str, text: &str) -> Result<Self, YamlError> {
        yaml::read(file, text, read::policy)
    }

    fn assemble(name: String, window_days: u32, sla: Option<Sla>, rules: Vec<Rule>) -> Self {
        let digest = sha256_hex(&canonical(&name, window_days, sla.as_ref(), &rules));
        Self { name, window_days, sla, rules, digest }
    }

    /// The policy's name, for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The length of the window over which contributions count, in days of 24 hours, from 1 to 3660.
    pub const fn window_days(&self) -> u32 {
        self.window_days
    }

    /// What the agency has promised for processing times, where it has.
    pub const fn sla(&self) -> Option<&Sla> {
        self.sla.as_ref()
    }

    /// The rules, in the order in which they are written.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The SHA-256 of what the policy says, in lower-case hex. Comments, layout, quotes, the order of fields, a default
    /// written out, and how a number or a duration is spelt do not change it; everything else does.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The name and the digest, by which a dossier says which policy judged it.
    pub fn to_name(&self) -> PolicyName {
        PolicyName { name: self.name.clone(), digest: self.digest.clone() }
    }

    /// The gravest outcome among the rules that hold ([`Status::Pip`] outranks [`Status::Watch`]), or
    /// [`Status::Good`] if none holds; and a reason for every rule that holds, in the order of the rules.
    pub fn judge(&self, metrics: &Metrics) -> (Status, Vec<Reason>) {
        let reasons: Vec<Reason> = self.rules.iter().filter_map(|rule| Reason::of(rule, metrics)).collect();
        let status = reasons.iter().map(|reason| reason.then).max().unwrap_or(Status::Good);
        (status, reasons)
    }
}

impl Default for Policy {
    fn default() -> Self {
        let when = vec![
            Condition::new(Metric::OverrideRate, Comparison::Above, 0.30),
            Condition::new(Metric::SatScoreMean, Comparison::Below, 3.0),
        ];
        let rule = Rule { id: "chronic-override".to_owned(), when, then: Status::Pip };
        Self::assemble("default".to_owned(), 90, None, vec![rule])
    }
}

/// What the policy says, as JSON with its keys in order: the text whose digest is the policy's. What is absent stays
/// out, so that a field that a later version adds leaves the digests of today's policies as they are.
fn canonical(name: &str, window_days: u32, sla: Option<&Sla>, rules: &[Rule]) -> String {
    let rules: Vec<Value> = rules
        .iter()
        .map(|rule| {
            let when: Vec<Value> = rule
                .when
                .iter()
                .map(|condition| {
                    // -0 and 0 are one threshold.
                    let threshold = condition.threshold() + 0.0;
                    json!([condition.metric().name(), condition.comparison().sign(), threshold])
                })
                .collect();
            json!({"id": rule.id, "then": rule.then.name(), "when": when})
        })
        .collect();
    let mut policy = Map::new();
    policy.insert("name".to_owned(), json!(name));
    policy.insert("rules".to_owned(), json!(rules));
    if let Some(sla) = sla {
        policy.insert("sla".to_owned(), json!({"target_ms": sla.target_ms}));
    }
    policy.insert("window_days".to_owned(), json!(window_days));
    Value::Object(policy).to_string()
}
