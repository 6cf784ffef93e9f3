//! The rules that judge an actor's metrics: data that an agency writes, checks and keeps under version control.
//!
//! A policy is YAML. `name` and `rules` are required, the rest has a default:
//!
//! | field | meaning |
//! |---|---|
//! | `name` | for people; a dossier names the policy that judged it |
//! | `window_days` | the window over which contributions count, in days of 24 hours, from 1 to 3660; 90 if absent |
//! | `sla` | `target`: the processing time that meets the agency's promise, as a [`Target`]; `tracks`: tracks of cases whose target is another, such as `{simple: 10 working days}` |
//! | `rules` | the rules, each with the fields below |
//!
//! | field of a rule | meaning |
//! |---|---|
//! | `id` | its own within the policy; required |
//! | `when` | the conditions, at least one, all of which must hold; required |
//! | `then` | the outcome: `watch`, `review` or `pip`, the gravest last; required |
//! | `min` | counts and what each must be at least, such as `{decisions: 20}`: below, the rule does not hold, and the actor's status is `insufficient_data`, never good, unless another rule is raised, or a condition that has enough to go by fails already |
//! | `for` | for how many days it must have held at each daily evaluation before it is raised, such as `30d`; see [`judge`] |
//! | `clear_after` | for how many days it must not have held before it is raised no longer |
//! | `peers` | `{by: [kind], limit: 0.998, min_group: 8}`: the actor's rate must also lie outside the funnel limits of its peers, that is of everybody of the same kind; with `by: [track, kind]`, of what its own cases would come to at their rates on each track; see [`Peers`]. All three may be left away and are then these. In a group under `min_group` the rule does not hold, and whoever meets its conditions is `insufficient_data` |
//! | `applies_to` | `{kind: human}` (whoever is not said to be an agent) or `{kind: agent}` (whoever is) |
//! | `critical_element` | the critical element of the performance standards that the rule speaks of |
//! | `advise` | what is advised where the rule is raised, such as `training` |
//!
//! A condition is the name of a [`Metric`], one of `>` `>=` `<` `<=` `==` `!=`, and a number. Or it is written with
//! fields, and then can compare a [bound](BoundKind) in place of the value: `{metric: override_rate, above: 0.30, bound:
//! wilson_lower, confidence: 0.95}`, with one of `above`, `at_least`, `below` and `at_most`; the confidence is 0.95 if
//! absent. Values are compared unrounded, and a condition on a metric that is null, or has too few values for a bound,
//! does not hold: nobody is judged on what did not happen.
//!
//! [`json_schema`] is the language for editors, and [`Policy::lint`] says what in a policy flags by chance.
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

mod bound;
mod canonical;
mod chance;
mod condition;
mod explanation;
mod grounds;
pub mod judge;
mod lint;
mod metric;
mod peers;
mod read;
mod reason;
mod remedy;
mod rule;
mod sample;
mod schema;
mod sla;
mod words;

pub use bound::{Bound, BoundKind};
pub use condition::{Comparison, Condition};
pub use explanation::{BoundFound, Clears, CommonCause, Explanation, Finding, Minimum, Remedy, RuleState};
pub use grounds::{Ground, Grounds};
pub use judge::Stretch;
pub use lint::Lint;
pub use metric::Metric;
pub use peers::{Gathering, PeerBand, PeerGroups, Peers, PeersBy, PeersFound, TrackBand};
pub use reason::{ConditionHeld, PolicyName, Reason};
pub use rule::Rule;
pub use schema::json_schema;
pub use sla::{Sla, Target};

use crate::dossier::Status;
use crate::metrics::Metrics;
use crate::store::Activity;
use crate::time::{Timestamp, Window};
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
        let digest = sha256_hex(&canonical::text(&name, window_days, sla.as_ref(), &rules));
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

    /// What has to be read to judge an actor as of that instant.
    pub fn reach(&self, as_of: Timestamp) -> Reach {
        let window = Window::days_until(self.window_days, as_of);
        let Some(first) = judge::first_day(self, as_of) else {
            return window.into();
        };
        let day_before = |day: crate::time::Day| day.start().plus_millis(-1);
        Reach {
            window,
            activity: Window { after: day_before(first), until: as_of },
            before: Some(Window { after: day_before(window.days().0), until: window.after }),
        }
    }

    /// Over how many days before `as_of` daily evaluations are made: the most that any rule looks back; 0 if none does.
    pub fn look_back_days(&self) -> u32 {
        self.rules.iter().map(|rule| rule.look_back_days(self.window_days)).max().unwrap_or(0)
    }

    /// What every rule comes to for an actor, in the order of the rules; see [`judge`].
    ///
    /// `activity` must be what [`reach`](Self::reach) asks for, `metrics` what it comes to over the window, and `groups`
    /// what everybody's activity came to ([`gathering`](Self::gathering)); under a policy that
    /// [compares no peers](Self::compares_peers), [`PeerGroups::none`].
    pub fn judge(
        &self,
        activity: &Activity,
        metrics: &Metrics,
        groups: &PeerGroups,
        as_of: Timestamp,
    ) -> Vec<Explanation> {
        judge::explain(self, activity, metrics, groups, as_of)
    }

    /// The gravest outcome among the rules that are raised; if none is, [`Status::InsufficientData`] where one has too
    /// little to go by, else [`Status::Good`].
    pub(crate) fn status_of(explanations: &[Explanation]) -> Status {
        let outcome = |explanation: &Explanation| match explanation.state {
            state if state.is_raised() => explanation.then,
            RuleState::InsufficientData => Status::InsufficientData,
            _ => Status::Good,
        };
        explanations.iter().map(outcome).max().unwrap_or(Status::Good)
    }

    /// A reason for every rule that is raised, in the order of the rules.
    pub(crate) fn reasons_of(explanations: &[Explanation]) -> Vec<Reason> {
        explanations.iter().filter_map(Reason::of).collect()
    }
}

/// What has to be read from a store to judge an actor: [`Policy::reach`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reach {
    /// The dossier's window.
    pub window: Window,
    /// The window that the [`Activity`] is asked for: the dossier's, or, where a rule looks back, as long as it does.
    pub activity: Window,
    /// Where a rule looks back: what lies before the dossier's window on the day that the window cuts through, for
    /// [`Activity::split`].
    pub before: Option<Window>,
}

impl From<Window> for Reach {
    /// That window and nothing before it.
    fn from(window: Window) -> Self {
        Self { window, activity: window, before: None }
    }
}

impl Default for Policy {
    fn default() -> Self {
        let when = vec![
            Condition::new(Metric::OverrideRate, Comparison::Above, 0.30),
            Condition::new(Metric::SatScoreMean, Comparison::Below, 3.0),
        ];
        let rule = Rule::new("chronic-override", when, Status::Pip);
        Self::assemble("default".to_owned(), 90, None, vec![rule])
    }
}
