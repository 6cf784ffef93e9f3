//! Peers: whether an actor's rate lies outside of what its group makes likely.
//!
//! A limit that is right for an office may be wrong for what it is given to decide. A rule with `peers` holds only where,
//! beside its own conditions, the actor's rate lies outside the limits that the others of its group set:
//! [`statistics::Funnel`](crate::statistics::Funnel), which is widened where they differ among themselves by more than
//! chance.
//!
//! - **Who**: everybody of the same kind with at least one case that the rate is of, in the same window: those that are
//!   said to be agents, or everybody else. The actor counts towards the group's size and is compared with the others, so
//!   that nobody hides by being one of those that it is compared with.
//! - **By track**: with `by: [track, kind]` the actor is compared with what *its own cases* would come to at the others'
//!   rates on each track: whoever is given the hard ones is expected to have the rate of those who decide hard ones. All
//!   its tracks are weighed together into one answer, each by its number of cases, and not looked at one by one: among ten
//!   tracks, one lies outside its own limits by chance ten times as often. Where on each track the actor stands is shown
//!   beside it. Cases without a track are compared with each other. A track on which there are fewer than `min_group`
//!   members, the actor included, is left out.
//! - **When**: at every evaluation the group as it stood at that evaluation: the ends of past days, and `as_of`.
//! - **Which side**: where the condition asks for more than its threshold, over the upper limit; else under the lower.
//! - **Too few**: in a group under `min_group` nobody can be compared, and the rule does not hold. Whoever meets
//!   its conditions has then too little to be judged by: [`InsufficientData`](super::RuleState::InsufficientData).
//! - **Common cause**: where more than half of the group meet the rule's own conditions at once, of at least `min_group`
//!   that can be judged by it, the rule's outcome is `review` at most: see [`CommonCause`]. Tracks are not told apart there.
//!   Conditions on open cases count there by everybody's open cases, at `as_of`; at the ends of past days nobody has any.

mod found;
mod gathering;
mod group;
mod series;

use gathering::{Basis, Breaches};
use group::{Group, Standing};

pub use found::{PeerBand, PeersFound, TrackBand};
pub use gathering::{Gathering, PeerGroups};
pub(super) use group::{Mix, Parts};

use serde::{Deserialize, Serialize};

use super::condition::Comparison;
use super::explanation::CommonCause;
use super::metric::Metric;
use super::rule::Rule;
use super::sample::Sample;
use crate::dossier::Status;
use crate::event::ActorKind;
use crate::time::Day;

/// What members of a group have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PeersBy {
    /// The track of their cases: each case is compared with those of its own track.
    Track,
    /// Being an agent, or not being said to be one.
    Kind,
}

impl PeersBy {
    /// The name in policies and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::Kind => "kind",
        }
    }
}

/// A rule's `peers`: with whom an actor is compared, and how far from them it must lie.
#[derive(Clone, Debug, PartialEq)]
pub struct Peers {
    pub(super) by: Vec<PeersBy>,
    pub(super) limit: f64,
    pub(super) min_group: u32,
}

impl Peers {
    /// The coverage of the limits where a policy does not say: three standard errors, as on a control chart.
    pub const DEFAULT_LIMIT: f64 = 0.998;
    /// The size of the smallest group where a policy does not say.
    pub const DEFAULT_MIN_GROUP: u32 = 8;

    /// What the members of a group have in common: `track` first, where it is among it, and `kind` in any case.
    pub fn by(&self) -> &[PeersBy] {
        &self.by
    }

    /// Whether members are compared on each track with those who have cases of it.
    pub(super) fn tells_tracks_apart(&self) -> bool {
        self.by.contains(&PeersBy::Track)
    }

    /// The share of a group that the limits hold if its members differ by nothing but chance and what the group has
    /// in common: over 0.5 and below 1.
    pub const fn limit(&self) -> f64 {
        self.limit
    }

    /// How many members there must be, the actor included: at least 2.
    pub const fn min_group(&self) -> u32 {
        self.min_group
    }

    fn mix<'m>(&self, metric: Metric, sample: &Sample<'m>) -> Mix<'m> {
        sample.mix(metric, self.tells_tracks_apart())
    }

    fn of(&self, metric: Metric) -> Basis {
        Basis { metric, by_track: self.tells_tracks_apart(), min_group: self.min_group }
    }
}

/// The rates that peers are compared by: those that are a share of a whole.
pub(super) const fn is_compared(metric: Metric) -> bool {
    matches!(metric, Metric::OverrideRate | Metric::OverriddenRate | Metric::SlaCompliance)
}

/// Of what a rule asks, what is compared with peers: each rate, and whether too much of it is what the rule looks for.
pub(super) fn compared(rule: &Rule) -> impl Iterator<Item = (Metric, bool)> {
    rule.when().iter().filter(|condition| is_compared(condition.metric())).filter_map(|condition| {
        let too_much = match condition.comparison() {
            Comparison::Above | Comparison::AtLeast => true,
            Comparison::Below | Comparison::AtMost => false,
            Comparison::Equal | Comparison::NotEqual => return None,
        };
        Some((condition.metric(), too_much))
    })
}

/// Which evaluation a group is looked at for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Evaluation {
    Now,
    EndOf(Day),
}

/// One actor's peers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Among<'a> {
    groups: &'a PeerGroups,
    kind: Option<ActorKind>,
}

impl<'a> Among<'a> {
    pub(super) const fn new(groups: &'a PeerGroups, kind: Option<ActorKind>) -> Self {
        Self { groups, kind }
    }

    fn group(self, peers: &Peers, metric: Metric, at: Evaluation) -> Option<&'a Group> {
        self.groups.group(peers.of(metric), self.kind, at)
    }

    /// Whether the actor lies outside its peers' limits by every rate that the rule compares; so does everybody where
    /// the rule compares none.
    pub(super) fn stands_out(self, rule: &Rule, sample: &Sample<'_>, at: Evaluation) -> bool {
        self.each_outside(rule, at, |peers, metric, group| {
            group.standing(&peers.mix(metric, sample), peers.limit)
        })
    }

    /// The same if the actor's sample were another, and the peers as they are.
    pub(super) fn would_stand_out(
        self,
        rule: &Rule,
        sample: &Sample<'_>,
        own: &Sample<'_>,
        at: Evaluation,
    ) -> bool {
        self.each_outside(rule, at, |peers, metric, group| {
            group.other_standing(&peers.mix(metric, sample), &peers.mix(metric, own), peers.limit)
        })
    }

    fn each_outside(
        self,
        rule: &Rule,
        at: Evaluation,
        standing: impl Fn(&Peers, Metric, &Group) -> Option<Standing>,
    ) -> bool {
        let Some(peers) = rule.peers() else { return true };
        compared(rule).all(|(metric, too_much)| {
            let Some(group) = self.group(peers, metric, at) else { return false };
            standing(peers, metric, group).is_some_and(|standing| standing.lies_outside(too_much))
        })
    }

    /// Whether there are too few peers for the rule to compare the actor with now.
    pub(super) fn are_too_few(self, rule: &Rule, sample: &Sample<'_>) -> bool {
        let Some(peers) = rule.peers() else { return false };
        compared(rule).any(|(metric, _)| {
            let group = self.group(peers, metric, Evaluation::Now);
            !group.is_some_and(|group| group.has_peers_of(&peers.mix(metric, sample)))
        })
    }

    /// Whether most of the actor's group breach the rule at once.
    pub(super) fn common_cause(self, rule: &Rule, at: Evaluation) -> Option<CommonCause> {
        let peers = rule.peers()?;
        let Breaches { breached, of } = self.groups.breaches(rule, self.kind, at)?;
        CommonCause::is_one(breached, of, peers.min_group).then(|| CommonCause {
            breached,
            of,
            instead_of: rule.then(),
        })
    }

    /// The outcome that the rule gives where it is raised.
    pub(super) fn outcome(self, rule: &Rule, at: Evaluation) -> Status {
        match self.common_cause(rule, at) {
            Some(_) => rule.then().min(Status::Review),
            None => rule.then(),
        }
    }

    /// What there is to see now.
    pub(super) fn look(self, rule: &Rule, sample: &Sample<'_>) -> Option<PeersFound> {
        let peers = rule.peers()?;
        let band = |(metric, too_much)| {
            let group = self.group(peers, metric, Evaluation::Now);
            PeerBand::of(peers, metric, too_much, group, &peers.mix(metric, sample))
        };
        Some(PeersFound {
            by: peers.by.clone(),
            limit: peers.limit,
            min_group: peers.min_group,
            bands: compared(rule).map(band).collect(),
        })
    }
}
