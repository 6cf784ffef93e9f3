//! Gathering what the members of each group came to, at every evaluation that a judgement looks at.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::Policy;
use super::super::judge::replay::each_change;
use super::super::judge::{can_be_judged, day_after, first_evaluation, is_met, whole_days};
use super::super::metric::Metric;
use super::super::rule::Rule;
use super::super::sample::{Sample, parts_of_tally};
use super::group::{Group, Mix};
use super::series::{Member, Series, place};
use super::{Evaluation, compared};
use crate::event::ActorKind;
use crate::metrics::{OpenCases, Sums};
use crate::name::{ActorName, Track};
use crate::statistics::Cases;
use crate::store::Activity;
use crate::tally::Tally;
use crate::time::{Day, Timestamp};

/// What everybody's activity came to, as far as rules with `peers` ask for it: beside an actor's own activity, what
/// a verdict is made of. Like it, a function of the log, the policy and `as_of`.
///
/// [`Policy::gathering`] makes one.
#[derive(Clone, Debug, Default)]
pub struct PeerGroups {
    series: Vec<Arc<Series>>,
    breaches: Vec<BreachSeries>,
}

/// How many of a group breach a rule, of those that can be judged by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Breaches {
    pub(super) breached: u64,
    pub(super) of: u64,
}

impl Breaches {
    fn count(&mut self, look: Look) {
        self.breached += u64::from(look.breaches);
        self.of += u64::from(look.can_be_judged);
    }
}

/// What one look at an actor says of a rule.
#[derive(Clone, Copy, Debug, Default)]
struct Look {
    can_be_judged: bool,
    breaches: bool,
}

impl Look {
    fn of(rule: &Rule, sample: &Sample<'_>) -> Self {
        let can_be_judged = can_be_judged(rule, sample);
        Self { can_be_judged, breaches: can_be_judged && is_met(rule, sample) }
    }
}

/// One group by one rule.
#[derive(Clone, Debug, PartialEq)]
struct BreachSeries {
    rule: String,
    agents: bool,
    now: Breaches,
    first: Day,
    days: Vec<Breaches>,
}

/// What a rule compares with peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Basis {
    pub(super) metric: Metric,
    pub(super) by_track: bool,
    pub(super) min_group: u32,
}

impl PeerGroups {
    /// No groups: what a policy whose rules name no `peers` needs. Under one that does, nobody has peers.
    pub const fn none() -> Self {
        Self { series: Vec::new(), breaches: Vec::new() }
    }

    pub(super) fn group(&self, of: Basis, kind: Option<ActorKind>, at: Evaluation) -> Option<&Group> {
        self.series.iter().find(|series| series.of == of && series.agents == is_agent(kind))?.group(at)
    }

    /// How many breach a rule with `peers`. The ends of days before a dossier's `as_of` do not say.
    pub(super) fn breaches(&self, rule: &Rule, kind: Option<ActorKind>, at: Evaluation) -> Option<Breaches> {
        let of = |series: &&BreachSeries| series.rule == rule.id() && series.agents == is_agent(kind);
        let series = self.breaches.iter().find(of)?;
        match at {
            Evaluation::Now => Some(series.now),
            Evaluation::EndOf(day) => series.days.get(place(series.first, day)?).copied(),
        }
    }
}

/// The rules that compare peers.
fn with_peers(policy: &Policy) -> impl Iterator<Item = &Rule> {
    policy.rules().iter().filter(|rule| rule.peers().is_some())
}

const fn is_agent(kind: Option<ActorKind>) -> bool {
    matches!(kind, Some(ActorKind::Agent))
}

/// Everybody's activities, on their way to [`PeerGroups`].
///
/// As of an instant, whoever is added again is what was added last: so a gathering that is kept is brought up to date by
/// those alone whose activity has changed.
///
/// ```
/// use apmt_core::{Activity, Policy};
/// let policy = Policy::default();
/// let mut gathering = policy.gathering("2026-03-01T00:00:00Z".parse()?);
/// gathering.add(&Activity::none("anne@sba.gov".try_into()?));
/// let groups = gathering.finish();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Gathering {
    policy: Arc<Policy>,
    /// `None` in a replay, which looks at the ends of days alone.
    as_of: Option<Timestamp>,
    /// The first and the last end of a day that is looked at, if any is.
    days: Option<(Day, Day)>,
    rates: Vec<Rate>,
    /// Everybody, by name.
    actors: Vec<(ActorName, One)>,
    /// By rule, people before agents.
    breaches: Vec<BreachSeries>,
}

/// What members of both groups are compared by.
#[derive(Clone, Debug)]
struct Rate {
    of: Basis,
    numbers: Numbers,
}

/// What was gathered of one actor.
#[derive(Clone, Debug)]
struct One {
    /// What there is to see now of each rule that is meant for it.
    looks: Vec<(usize, Look)>,
    /// What it is a member with, by rate.
    members: Vec<Arc<Member>>,
}

/// The numbers of tracks, in the order in which they were met. 0 is that of no track, and of all where tracks are not
/// told apart.
#[derive(Clone, Debug, Default)]
struct Numbers(BTreeMap<Track, u32>);

impl Policy {
    /// Whether any rule compares actors with their peers, so that a verdict on one needs everybody's activity.
    pub fn compares_peers(&self) -> bool {
        self.rules().iter().any(|rule| rule.peers().is_some())
    }

    /// Whether any of those rules looks at open cases, whose clocks run on while the log stands still.
    pub(crate) fn compares_open_cases(&self) -> bool {
        with_peers(self).any(|rule| rule.metrics().any(Metric::is_of_open_cases))
    }

    /// Begins to gather the groups that a judgement as of that instant needs. Every actor's activity is to be added,
    /// each as [`reach`](Self::reach) asks for it.
    pub fn gathering(&self, as_of: Timestamp) -> Gathering {
        let look_back =
            with_peers(self).map(|rule| rule.look_back_days(self.window_days())).max().unwrap_or(0);
        let days =
            (look_back > 0).then(|| (first_evaluation(as_of.day(), look_back), day_after(as_of.day(), -1)));
        Gathering::new(self, Some(as_of), days)
    }

    /// Begins to gather the groups that a [replay](Self::replay) of those days needs. Every actor's whole days over
    /// [`replay_reach`](Self::replay_reach) are to be added.
    pub fn replay_gathering(&self, from: Day, to: Day) -> Gathering {
        Gathering::new(self, None, Some((first_evaluation(from, self.look_back_days()), to)))
    }
}

impl Gathering {
    fn new(policy: &Policy, as_of: Option<Timestamp>, days: Option<(Day, Day)>) -> Self {
        let mut all: Vec<Basis> = with_peers(policy)
            .flat_map(|rule| {
                rule.peers().into_iter().flat_map(|peers| compared(rule).map(|(metric, _)| peers.of(metric)))
            })
            .collect();
        all.sort_unstable();
        all.dedup();
        let rate = |of| Rate { of, numbers: Numbers::default() };
        let rates = all.into_iter().map(rate).collect();
        let first = days.map_or(Day::from_number(0), |(first, _)| first);
        let count = match (as_of, days) {
            (None, Some((first, last))) => place(first, last).map_or(0, |place| place + 1),
            _ => 0,
        };
        let breaches = with_peers(policy)
            .flat_map(|rule| [false, true].map(|agents| (rule, agents)))
            .map(|(rule, agents)| BreachSeries {
                rule: rule.id().to_owned(),
                agents,
                now: Breaches::default(),
                first,
                days: vec![Breaches::default(); count],
            })
            .collect();
        Self { policy: Arc::new(policy.clone()), as_of, days, rates, actors: Vec::new(), breaches }
    }

    /// Adds an actor. In a replay, each once.
    pub fn add(&mut self, activity: &Activity) {
        if self.rates.is_empty() {
            return;
        }
        let policy = Arc::clone(&self.policy);
        let sla = policy.sla();
        let agent = is_agent(activity.actor_kind);
        let inside: Vec<(Day, &Tally)> = activity.days.iter().map(|(day, tally)| (*day, tally)).collect();
        let days = match (self.days, self.as_of) {
            (None, _) => Vec::new(),
            (Some(_), Some(as_of)) => whole_days(activity, &policy, as_of),
            (Some(_), None) => inside.clone(),
        };
        let mut metrics = Sums::of(inside.iter().map(|(_, tally)| *tally), sla).metrics(sla);
        metrics.open = OpenCases::of(&activity.open, sla);
        let now = self.as_of.map(|_| Sample { metrics: &metrics, days: &inside, sla });
        let mut members = Vec::with_capacity(self.rates.len());
        for Rate { of, numbers } in &mut self.rates {
            let now = now.map_or_else(Vec::new, |now| numbers.cases(&now.mix(of.metric, of.by_track)));
            let mut of_days = Vec::with_capacity(days.len());
            for (day, tally) in &days {
                let track = if of.by_track { tally.track.as_ref() } else { None };
                let (part, whole) = parts_of_tally(of.metric, tally, sla);
                if whole > 0 {
                    of_days.push((*day, Cases { kind: numbers.of(track), part, whole }));
                }
            }
            members.push(Arc::new(Member { agent, now, days: of_days }));
        }
        let looks = self.count_breaches(activity, now.as_ref(), &days);
        let one = (activity.actor.clone(), One { looks, members });
        // Mostly they come in order.
        if self.actors.last().is_none_or(|(last, _)| *last < one.0) {
            self.actors.push(one);
            return;
        }
        match self.actors.binary_search_by(|(name, _)| name.cmp(&one.0)) {
            Ok(place) => {
                if let Some(known) = self.actors.get_mut(place) {
                    *known = one;
                }
            }
            Err(place) => self.actors.insert(place, one),
        }
    }

    /// Whether the actor breaches each rule: now, or in a replay, where it is counted, at the end of each day.
    fn count_breaches(
        &mut self,
        activity: &Activity,
        now: Option<&Sample<'_>>,
        days: &[(Day, &Tally)],
    ) -> Vec<(usize, Look)> {
        let (policy, kind) = (&*self.policy, activity.actor_kind);
        let series_of = |rule: usize| rule * 2 + usize::from(is_agent(kind));
        let rules = || with_peers(policy).enumerate().filter(|(_, rule)| rule.is_for(kind));
        if let Some(now) = now {
            return rules().map(|(index, rule)| (series_of(index), Look::of(rule, now))).collect();
        }
        if let Some((first, last)) = self.days {
            let mut changes: Vec<(usize, Vec<Look>)> = Vec::new();
            each_change(policy, days, first, last, |day, sample| {
                let looks = rules().map(|(_, rule)| Look::of(rule, sample)).collect();
                changes.push((place(first, day).unwrap_or(0), looks));
            });
            for (index, (rule, _)) in rules().enumerate() {
                let Some(series) = self.breaches.get_mut(series_of(rule)) else { continue };
                let ends = changes.iter().skip(1).map(|(place, _)| *place).chain([series.days.len()]);
                for ((from, looks), to) in changes.iter().zip(ends) {
                    let unchanged = series.days.get_mut(*from..to).into_iter().flatten();
                    let look = looks.get(index).copied().unwrap_or_default();
                    unchanged.for_each(|day| day.count(look));
                }
            }
        }
        Vec::new()
    }

    /// What they come to.
    pub fn finish(&self) -> PeerGroups {
        let mut breaches = self.breaches.clone();
        for (series, look) in self.actors.iter().flat_map(|(_, one)| &one.looks) {
            if let Some(series) = breaches.get_mut(*series) {
                series.now.count(*look);
            }
        }
        let window_days = self.policy.window_days();
        let first = self.days.map_or(Day::from_number(0), |(first, _)| first);
        let count = self.days.and_then(|(first, last)| place(first, last)).map_or(0, |last| last + 1);
        let mut series = Vec::new();
        for (place, Rate { of, numbers }) in self.rates.iter().enumerate() {
            let members = self.actors.iter().filter_map(|(_, one)| one.members.get(place));
            let (tracks, members) = numbers.in_order(members);
            for agents in [false, true] {
                let members = members.iter().filter(|member| member.agent == agents).cloned().collect();
                let members = (Arc::clone(&tracks), members);
                let is_now = self.as_of.is_some();
                series.push(Arc::new(Series::new(*of, agents, members, window_days, is_now, (first, count))));
            }
        }
        PeerGroups { series, breaches }
    }
}

impl Numbers {
    fn of(&mut self, track: Option<&Track>) -> u32 {
        let next = self.0.len() as u32 + 1;
        let Some(track) = track else { return 0 };
        if let Some(number) = self.0.get(track) {
            return *number;
        }
        self.0.insert(track.clone(), next);
        next
    }

    fn cases(&mut self, mix: &Mix<'_>) -> Vec<Cases> {
        let cases = |(track, (part, whole)): &(Option<&Track>, _)| Cases {
            kind: self.of(*track),
            part: *part,
            whole: *whole,
        };
        mix.iter().map(cases).collect()
    }

    /// The tracks in the order of their names, and the members with numbers of that order: whoever is gathered first, sums
    /// come out the same.
    fn in_order<'m>(
        &self,
        members: impl Iterator<Item = &'m Arc<Member>>,
    ) -> (Arc<[Option<Track>]>, Vec<Arc<Member>>) {
        let tracks = std::iter::once(None).chain(self.0.keys().cloned().map(Some)).collect();
        if self.0.values().copied().eq(1..=self.0.len() as u32) {
            return (tracks, members.cloned().collect());
        }
        let mut order = vec![0_u32; self.0.len() + 1];
        for (new, old) in (1_u32..).zip(self.0.values()) {
            if let Some(place) = order.get_mut(*old as usize) {
                *place = new;
            }
        }
        let number = |old: u32| order.get(old as usize).copied().unwrap_or_default();
        (tracks, members.map(|member| Arc::new(member.renumbered(number))).collect())
    }
}
