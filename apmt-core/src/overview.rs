//! What the dossiers of everybody say together, and none of them alone: how many flags are to be expected from chance, and
//! which rules most of a group breach at once.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::dossier::Dossier;
use crate::event::ActorKind;
use crate::policy::{CommonCause, Explanation, Peers, RuleState};

/// What the dossiers of everybody as of one instant say together.
///
/// ```
/// use apmt_core::{AsOf, Event, MemoryStore, Overview, Policy, Store};
/// # futures_lite::future::block_on(async {
/// let store = MemoryStore::new();
/// store.append(vec![Event::override_of("anne@sba.gov").build()?]).await?;
/// let dossiers = store.dossiers(AsOf::Now, &Policy::default(), None, usize::MAX).await?;
/// let overview = Overview::of(&dossiers);
/// assert_eq!((overview.actors, overview.flagged), (1, 0));
/// // One verdict, at a true rate of just 30 %: chance alone makes it an override in 30 of 100.
/// assert!((overview.by_chance - 0.3).abs() < 1e-12);
/// # Ok::<(), apmt_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Overview {
    /// How many dossiers.
    pub actors: u64,
    /// In how many of them a rule is raised.
    pub flagged: u64,
    /// At most how many would meet a rule by chance alone at this one look, if everybody's true rates were just at the
    /// rules' thresholds: the sum over actors of the sum over rules of [`Explanation::chance`], for each actor at most
    /// 1. Rules that must hold for a time, or outside of the peers' limits, flag fewer.
    pub by_chance: f64,
    /// The same, rule by rule.
    pub rules: Vec<RuleByChance>,
    /// The rules that most of a group breach at once: a question about the system, not about each of them.
    pub common_causes: Vec<CommonBreach>,
}

/// How many would meet a rule by chance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct RuleByChance {
    /// The rule's id.
    pub rule: String,
    /// For how many it is raised.
    pub raised: u64,
    /// At most how many would meet it by chance alone; `None` where it has no condition on a rate, so that nobody can
    /// say.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub by_chance: Option<f64>,
}

/// A rule that most of a group breach at once: [`CommonCause`], told once for all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct CommonBreach {
    /// The rule's id.
    pub rule: String,
    /// Whose group: that of agents, or of everybody else.
    pub kind: ActorKind,
    /// How many breach it: they meet all its conditions and minimums, whatever their peers.
    pub breached: u64,
    /// How many can be judged by it.
    pub of: u64,
}

impl Overview {
    /// What these dossiers say together. They are to be those of everybody, as of one instant, under one policy.
    pub fn of<'a>(dossiers: impl IntoIterator<Item = &'a Dossier>) -> Self {
        let mut overview = Self::default();
        let mut groups: BTreeMap<(usize, bool), Count<'a>> = BTreeMap::new();
        for dossier in dossiers {
            overview.actors += 1;
            overview.flagged += u64::from(dossier.status.is_raised());
            let agent = dossier.actor_kind == Some(ActorKind::Agent);
            let mut by_chance = 0.0;
            for (index, explanation) in dossier.explanations.iter().enumerate() {
                if index >= overview.rules.len() {
                    overview.rules.push(RuleByChance::none(&explanation.rule));
                }
                if let Some(rule) = overview.rules.get_mut(index) {
                    rule.count(explanation);
                }
                by_chance += explanation.chance().unwrap_or(0.0);
                groups.entry((index, agent)).or_insert_with(|| Count::none(explanation)).count(explanation);
            }
            overview.by_chance += by_chance.min(1.0);
        }
        overview.common_causes =
            groups.into_iter().filter_map(|((_, agent), group)| group.common_cause(agent)).collect();
        overview
    }

    /// What there is to tell, a sentence each, for reading aloud.
    pub fn sentences(&self) -> Vec<String> {
        let mut said: Vec<String> = self.common_causes.iter().map(ToString::to_string).collect();
        if self.rules.iter().any(|rule| rule.by_chance.is_some()) {
            // Rounded up, for it is a most; but not by what adding up has left in the last digits.
            let by_chance = format!("{:.1}", (self.by_chance * 10.0 - 1e-9).max(0.0).ceil() / 10.0);
            said.push(format!(
                "If everybody's true rates were just at the limits, chance alone would make at most {by_chance} of \
                 these {} meet a rule at one look; {} flagged.",
                self.actors,
                if self.flagged == 1 { "1 is".to_owned() } else { format!("{} are", self.flagged) }
            ));
        }
        let unknown: Vec<&str> =
            self.rules.iter().filter(|rule| rule.by_chance.is_none()).map(|rule| &*rule.rule).collect();
        if !unknown.is_empty() {
            said.push(format!("Not in that figure, for they look at no rate: {}.", unknown.join(", ")));
        }
        said
    }
}

impl RuleByChance {
    fn none(rule: &str) -> Self {
        Self { rule: rule.to_owned(), raised: 0, by_chance: None }
    }

    fn count(&mut self, explanation: &Explanation) {
        self.raised += u64::from(explanation.state.is_raised());
        // Whoever the rule is not meant for does not make it a rule on a rate.
        if explanation.conditions.iter().any(|finding| finding.chance().is_some()) {
            *self.by_chance.get_or_insert(0.0) += explanation.chance().unwrap_or(0.0);
        }
    }
}

/// One group by one rule.
struct Count<'a> {
    rule: &'a str,
    min_group: u32,
    breached: u64,
    of: u64,
}

impl<'a> Count<'a> {
    fn none(explanation: &'a Explanation) -> Self {
        Self { rule: &explanation.rule, min_group: Peers::DEFAULT_MIN_GROUP, breached: 0, of: 0 }
    }

    fn count(&mut self, explanation: &Explanation) {
        if let Some(peers) = &explanation.peers {
            self.min_group = peers.min_group;
        }
        let can_be_judged = explanation.state != RuleState::NotApplicable
            && explanation.min.iter().all(|min| min.value >= min.min)
            && explanation.conditions.iter().all(|finding| finding.value.is_some());
        self.of += u64::from(can_be_judged);
        self.breached +=
            u64::from(can_be_judged && explanation.conditions.iter().all(|finding| finding.holds));
    }

    fn common_cause(self, agent: bool) -> Option<CommonBreach> {
        let Self { rule, min_group, breached, of } = self;
        let kind = if agent { ActorKind::Agent } else { ActorKind::Human };
        CommonCause::is_one(breached, of, min_group).then(|| CommonBreach {
            rule: rule.to_owned(),
            kind,
            breached,
            of,
        })
    }
}

impl fmt::Display for CommonBreach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, kind, breached, of } = self;
        let who = if *kind == ActorKind::Agent { "agents" } else { "people" };
        write!(
            f,
            "{breached} of the {of} {who} who can be judged by the rule {rule} breach it at once: look for what they have \
             in common (the cases, the guidance, the advice that they get) before looking at each of them."
        )
    }
}
