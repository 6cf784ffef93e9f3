//! The answer: an actor's metrics over the window, and the verdict of the policy with its reasons.

use serde::{Deserialize, Serialize};

use crate::event::ActorKind;
use crate::metrics::Metrics;
use crate::name::ActorName;
use crate::policy::{Policy, PolicyName, Reason};
use crate::store::Activity;
use crate::time::Timestamp;

/// What the policy says of an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Status {
    /// No rule holds.
    Good,
    /// A rule that asks for attention holds.
    Watch,
    /// A rule that recommends a performance-improvement plan holds.
    Pip,
}

impl Status {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Watch => "watch",
            Self::Pip => "pip",
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// An actor's metrics over the policy's window, and what the policy says of them.
///
/// A dossier is a function of the log, the calendar, the policy and `as_of`: whoever has these four can make it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Dossier {
    /// Whose.
    pub actor: ActorName,
    /// Whether a person or a machine, where an event has said so.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub actor_kind: Option<ActorKind>,
    /// The end of the window.
    pub as_of: Timestamp,
    /// The length of the window, in days of 24 hours.
    pub window_days: u32,
    /// The policy's name and digest.
    pub policy: PolicyName,
    /// What the actor's contributions in the window come to.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// Whether a performance-improvement plan is recommended: whether [`status`](Self::status) is
    /// [`Pip`](Status::Pip). A recommendation is no decision: that is a supervisor's.
    pub pip_recommended: bool,
    /// The gravest outcome among the rules that hold.
    pub status: Status,
    /// Every rule that holds, with each of its conditions.
    pub reasons: Vec<Reason>,
}

impl Dossier {
    /// The dossier that an actor's activity comes to under a policy.
    ///
    /// `activity` must be that of the policy's window up to `as_of`.
    pub fn of(activity: &Activity, as_of: Timestamp, policy: &Policy) -> Self {
        let open_ms: Vec<u64> = activity.open.iter().map(|case| case.counted_ms).collect();
        let metrics = Metrics::of(activity.days.iter().map(|(_, tally)| tally), &open_ms, policy.sla());
        let (status, reasons) = policy.judge(&metrics);
        Self {
            actor: activity.actor.clone(),
            actor_kind: activity.actor_kind,
            as_of,
            window_days: policy.window_days(),
            policy: policy.to_name(),
            metrics,
            pip_recommended: status == Status::Pip,
            status,
            reasons,
        }
    }

    /// The dossier as JSON on one line.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
