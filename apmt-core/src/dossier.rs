//! The answer: an actor's metrics over the window, and the verdict of the policy with its reasons.

use serde::{Deserialize, Serialize};

use crate::event::ActorKind;
use crate::metrics::Metrics;
use crate::name::ActorName;
use crate::policy::{Explanation, PeerGroups, Policy, PolicyName, Reason};
use crate::store::Activity;
use crate::time::Timestamp;

/// What the policy says of an actor, the gravest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// No rule is raised.
    Good,
    /// No rule is raised, but one has too little to go by (its `min`): nobody can say whether that is good.
    InsufficientData,
    /// A rule that asks for attention is raised.
    Watch,
    /// A rule that asks for a review of the work, or of the process around it, is raised.
    Review,
    /// A rule that recommends a performance-improvement plan is raised.
    Pip,
}

impl Status {
    /// Every status, the gravest last.
    pub const ALL: &'static [Self] =
        &[Self::Good, Self::InsufficientData, Self::Watch, Self::Review, Self::Pip];

    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::InsufficientData => "insufficient_data",
            Self::Watch => "watch",
            Self::Review => "review",
            Self::Pip => "pip",
        }
    }

    /// Whether a rule is raised: [`Watch`](Self::Watch) or graver.
    pub fn is_raised(self) -> bool {
        self >= Self::Watch
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
    /// The gravest outcome among the rules that are raised.
    pub status: Status,
    /// Every rule that is raised, with each of its conditions.
    pub reasons: Vec<Reason>,
    /// What every rule of the policy came to, whether it is raised or not, and what would clear it.
    #[serde(default)]
    pub explanations: Vec<Explanation>,
    /// The digest of the calendar that processing times were measured through, where the store has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
}

impl Dossier {
    /// The dossier that an actor's activity comes to under a policy.
    ///
    /// `activity` must be what [`Policy::reach`] asks for. Under a policy that
    /// [compares peers](Policy::compares_peers), nobody has any here: [`among`](Self::among) is for that.
    pub fn of(activity: &Activity, as_of: Timestamp, policy: &Policy) -> Self {
        Self::among(&PeerGroups::none(), activity, as_of, policy)
    }

    /// The dossier that an actor's activity comes to under a policy among what everybody's came to.
    ///
    /// `activity` must be what [`Policy::reach`] asks for, and `groups` what [`Policy::gathering`] made of everybody's
    /// as of the same instant.
    pub fn among(groups: &PeerGroups, activity: &Activity, as_of: Timestamp, policy: &Policy) -> Self {
        let days = activity.days.iter().map(|(_, tally)| tally);
        let metrics = Metrics::of(days, &activity.open, policy.sla());
        let explanations = policy.judge(activity, &metrics, groups, as_of);
        let status = Policy::status_of(&explanations);
        Self {
            actor: activity.actor.clone(),
            actor_kind: activity.actor_kind,
            as_of,
            window_days: policy.window_days(),
            policy: policy.to_name(),
            metrics,
            pip_recommended: status == Status::Pip,
            status,
            reasons: Policy::reasons_of(&explanations),
            explanations,
            calendar: None,
        }
    }

    /// The same dossier, which says through which calendar its processing times were measured: by its
    /// [digest](crate::Calendar::digest).
    #[must_use]
    pub fn through(self, calendar: impl Into<String>) -> Self {
        Self { calendar: Some(calendar.into()), ..self }
    }

    /// The dossier as JSON on one line.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
