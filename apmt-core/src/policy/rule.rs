//! A rule: when it holds, for whom, for how long, and what follows.

use super::condition::Condition;
use super::metric::Metric;
use super::peers::Peers;
use crate::dossier::Status;
use crate::event::ActorKind;

/// One rule. It *holds* at an instant if all its conditions do, and is *raised*, so that its outcome counts, once it
/// has held for long enough; see [the policy's table](super) for each field.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub(super) id: String,
    pub(super) when: Vec<Condition>,
    pub(super) then: Status,
    pub(super) min: Vec<(Metric, u64)>,
    pub(super) for_days: u32,
    pub(super) clear_after_days: u32,
    pub(super) peers: Option<Peers>,
    pub(super) applies_to: Option<ActorKind>,
    pub(super) critical_element: Option<String>,
    pub(super) advise: Option<String>,
}

impl Rule {
    /// A rule that holds when its conditions do, with nothing else said.
    pub(super) fn new(id: &str, when: Vec<Condition>, then: Status) -> Self {
        Self {
            id: id.to_owned(),
            when,
            then,
            min: Vec::new(),
            for_days: 0,
            clear_after_days: 0,
            peers: None,
            applies_to: None,
            critical_element: None,
            advise: None,
        }
    }

    /// The rule's id, its own within the policy.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The conditions, at least one, all of which must hold.
    pub fn when(&self) -> &[Condition] {
        &self.when
    }

    /// The outcome: [`Status::Watch`], [`Status::Review`] or [`Status::Pip`].
    pub const fn then(&self) -> Status {
        self.then
    }

    /// The counts below which there is too little to go by: then the rule does not hold, and says so.
    pub fn min(&self) -> &[(Metric, u64)] {
        &self.min
    }

    /// For how many days it must have held at each daily evaluation before it is raised; 0 if at once.
    pub const fn for_days(&self) -> u32 {
        self.for_days
    }

    /// For how many days it must not have held before it is raised no longer; 0 if at once.
    pub const fn clear_after_days(&self) -> u32 {
        self.clear_after_days
    }

    /// With whom an actor is compared, and must lie outside of, for the rule to hold; `None` if it is not.
    pub const fn peers(&self) -> Option<&Peers> {
        self.peers.as_ref()
    }

    /// For whom it is meant; `None` if for everybody. A rule for people takes in those of whom no event has said what
    /// they are; one for agents only those that are said to be.
    pub const fn applies_to(&self) -> Option<ActorKind> {
        self.applies_to
    }

    /// The critical element of the actor's performance standards that the rule speaks of.
    pub fn critical_element(&self) -> Option<&str> {
        self.critical_element.as_deref()
    }

    /// What is advised when the rule is raised, such as `training`.
    pub fn advise(&self) -> Option<&str> {
        self.advise.as_deref()
    }

    /// Whether it is meant for an actor of that kind.
    pub fn is_for(&self, kind: Option<ActorKind>) -> bool {
        match self.applies_to {
            None => true,
            Some(ActorKind::Human) => kind != Some(ActorKind::Agent),
            Some(ActorKind::Agent) => kind == Some(ActorKind::Agent),
        }
    }

    /// How many days of daily evaluations decide whether it is raised, under a window of that many days; 0 if the
    /// evaluation at `as_of` alone does.
    ///
    /// A rule that clears at once looks back over `for`. One that clears later may have been raised by a run that ended
    /// up to a window ago (a longer time than that nothing raises: see [the module](super::judge)), and looks back over
    /// that run too.
    pub(super) const fn look_back_days(&self, window_days: u32) -> u32 {
        match (self.for_days, self.clear_after_days) {
            (0, clear_after) if clear_after < window_days => clear_after,
            (0, _) => window_days,
            (held, 0) => held,
            (held, _) => held + window_days,
        }
    }

    /// Every metric that it names.
    pub(super) fn metrics(&self) -> impl Iterator<Item = Metric> {
        let conditions = self.when.iter().map(Condition::metric);
        conditions.chain(self.min.iter().map(|(metric, _)| *metric))
    }
}
