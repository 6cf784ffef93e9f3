//! Peers: whether an actor's rate lies outside of what its group makes likely.
//!
//! A limit that is right for an office may be wrong for what it is given to decide. A rule with `peers` holds only where,
//! beside its own conditions, the actor's rate lies outside the funnel limits of its peers:
//! [`statistics::Funnel`](crate::statistics::Funnel), which is widened where the whole group differs by more than chance.
//!
//! - **Who**: everybody of the same kind with at least one case that the rate is of, in the same window: those that are
//!   said to be agents, or everybody else. The actor is one of them, as in Spiegelhalter's plots; the extremes are
//!   winsorised, so that whoever is looked for does not widen the limits.
//! - **When**: at every evaluation the group as it stood at that evaluation: the ends of past days, and `as_of`.
//! - **Which side**: where the condition asks for more than its threshold, over the upper limit; else under the lower.
//! - **Too few**: in a group under `min_group` nobody can be compared, and the rule does not hold. Whoever meets
//!   its conditions has then too little to be judged by: [`InsufficientData`](super::RuleState::InsufficientData).
//! - **Common cause**: where more than half of the group meet the rule's own conditions at once, of at least `min_group`
//!   that can be judged by it, the rule's outcome is `review` at most: see [`CommonCause`].

mod gathering;

use gathering::Breaches;

pub use gathering::{Gathering, PeerGroups};

use serde::{Deserialize, Serialize};

use super::bound::Sample;
use super::condition::Comparison;
use super::explanation::CommonCause;
use super::metric::Metric;
use super::rule::Rule;
use crate::dossier::Status;
use crate::event::ActorKind;
use crate::statistics::Funnel;
use crate::time::Day;

/// What members of a group have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PeersBy {
    /// Being an agent, or not being said to be one.
    Kind,
}

impl PeersBy {
    /// The name in policies and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
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

    /// What the members of a group have in common.
    pub fn by(&self) -> &[PeersBy] {
        &self.by
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

    /// The peers' funnel, if there are enough of them.
    fn funnel(self, peers: &Peers, metric: Metric, at: Evaluation) -> Option<&'a Funnel> {
        let funnel = self.groups.funnel(metric, self.kind, at)?;
        (funnel.members() >= peers.min_group as usize).then_some(funnel)
    }

    /// Whether the actor lies outside its peers' limits by every rate that the rule compares; so does everybody where
    /// the rule compares none.
    pub(super) fn stands_out(self, rule: &Rule, sample: &Sample<'_>, at: Evaluation) -> bool {
        let Some(peers) = rule.peers() else { return true };
        compared(rule).all(|(metric, too_much)| {
            self.funnel(peers, metric, at)
                .is_some_and(|funnel| lies_outside(funnel, peers, metric, too_much, sample))
        })
    }

    /// Whether there are too few peers for the rule to compare with now.
    pub(super) fn are_too_few(self, rule: &Rule) -> bool {
        let too_few =
            |peers| compared(rule).any(|(metric, _)| self.funnel(peers, metric, Evaluation::Now).is_none());
        rule.peers().is_some_and(too_few)
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
            let all = self.groups.funnel(metric, self.kind, Evaluation::Now);
            let funnel = self.funnel(peers, metric, Evaluation::Now);
            let n = sample.parts(metric).map_or(0, |(_, whole)| whole);
            PeerBand {
                metric,
                members: all.map_or(0, Funnel::members) as u64,
                rate: funnel.map(Funnel::rate),
                dispersion: funnel.map(Funnel::dispersion),
                limits: funnel.filter(|_| n > 0).map(|funnel| funnel.limits(n, peers.limit)),
                outside: funnel.is_some_and(|funnel| lies_outside(funnel, peers, metric, too_much, sample)),
            }
        };
        Some(PeersFound {
            by: peers.by.clone(),
            limit: peers.limit,
            min_group: peers.min_group,
            bands: compared(rule).map(band).collect(),
        })
    }
}

fn lies_outside(funnel: &Funnel, peers: &Peers, metric: Metric, too_much: bool, sample: &Sample<'_>) -> bool {
    let Some((part, whole)) = sample.parts(metric).filter(|(_, whole)| *whole > 0) else { return false };
    let rate = part as f64 / whole as f64;
    let [low, high] = funnel.limits(whole, peers.limit);
    if too_much { rate > high } else { rate < low }
}

/// How an actor stands among its peers, by the rates that a rule compares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct PeersFound {
    /// What the members of the group have in common.
    pub by: Vec<PeersBy>,
    /// The share of the group that the limits hold.
    pub limit: f64,
    /// How many members there must be, the actor included.
    pub min_group: u32,
    /// The group's band at the actor's number of cases, for each rate that the rule compares.
    pub bands: Vec<PeerBand>,
}

/// A group's band: between which rates chance, and what the group has in common, explain a member's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct PeerBand {
    /// The rate that is compared.
    pub metric: Metric,
    /// How many members there are, the actor included.
    pub members: u64,
    /// The group's pooled rate; `None` where there are too few members.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub rate: Option<f64>,
    /// The over-dispersion factor: 1 where the members differ by no more than chance; `None` where there are too few.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub dispersion: Option<f64>,
    /// The limits at the actor's number of cases; `None` where there are too few members, or no cases.
    #[cfg_attr(feature = "openapi", schema(required, min_items = 2, max_items = 2))]
    pub limits: Option<[f64; 2]>,
    /// Whether the actor's rate lies outside, on the side that the rule looks at.
    pub outside: bool,
}

impl PeersFound {
    /// How the actor stands among its peers, for reading aloud: a sentence a rate.
    pub fn sentences(&self) -> Vec<String> {
        self.bands.iter().map(|band| self.sentence(band)).collect()
    }

    fn sentence(&self, band: &PeerBand) -> String {
        let (metric, members) = (band.metric, band.members);
        let words = metric.words();
        let Some(rate) = band.rate else {
            let few = if members == 1 {
                "There is 1 member".to_owned()
            } else {
                format!("There are {members} members")
            };
            return format!(
                "{few} of its group to compare the {words} with, too few: it takes {}.",
                self.min_group
            );
        };
        let rate = metric.say(rate, 1);
        let Some([low, high]) = band.limits else {
            return format!("The {members} members of its group have together an {words} of {rate}.");
        };
        let lies = if band.outside { "outside" } else { "not outside" };
        let dispersion = match band.dispersion {
            Some(factor) if factor > 1.0 => format!(
                ", which is wider than chance would have it because they differ among themselves (factor {factor:.1})"
            ),
            _ => String::new(),
        };
        format!(
            "The {members} members of its group have together a rate of {rate}, and {} of them are to be expected \
             between {} and {} at this number of cases{dispersion}: this {words} lies {lies} that band.",
            metric.say(self.limit, 1),
            metric.say(low, 1),
            metric.say(high, 1),
        )
    }
}
