//! Gathering what the members of each group came to, at every evaluation that a judgement looks at.

use super::super::bound::Sample;
use super::super::judge::replay::each_change;
use super::super::judge::{can_be_judged, day_after, first_evaluation, is_met, whole_days};
use super::super::metric::Metric;
use super::super::rule::Rule;
use super::super::{Policy, Sla};
use super::{Evaluation, compared};
use crate::event::ActorKind;
use crate::metrics::Metrics;
use crate::statistics::Funnel;
use crate::store::Activity;
use crate::tally::{Durations, Tally};
use crate::time::{Day, Timestamp};

/// So many of so many.
type Parts = (u64, u64);

/// What everybody's activity came to, as far as rules with `peers` ask for it: beside an actor's own activity, what
/// a verdict is made of. Like it, a function of the log, the policy and `as_of`.
///
/// [`Policy::gathering`] makes one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PeerGroups {
    series: Vec<Series>,
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

/// One group by one rate.
#[derive(Clone, Debug, PartialEq)]
struct Series {
    metric: Metric,
    agents: bool,
    now: Option<Funnel>,
    first: Day,
    days: Vec<Option<Funnel>>,
}

impl PeerGroups {
    /// No groups: what a policy whose rules name no `peers` needs. Under one that does, nobody has peers.
    pub const fn none() -> Self {
        Self { series: Vec::new(), breaches: Vec::new() }
    }

    pub(super) fn funnel(&self, metric: Metric, kind: Option<ActorKind>, at: Evaluation) -> Option<&Funnel> {
        let series =
            self.series.iter().find(|series| series.metric == metric && series.agents == is_agent(kind))?;
        match at {
            Evaluation::Now => series.now.as_ref(),
            Evaluation::EndOf(day) => series.days.get(place(series.first, day)?)?.as_ref(),
        }
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

fn place(first: Day, day: Day) -> Option<usize> {
    usize::try_from(i64::from(day.number()) - i64::from(first.number())).ok()
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
/// ```
/// use apmt_core::{Activity, Policy};
/// let policy = Policy::default();
/// let mut gathering = policy.gathering("2026-03-01T00:00:00Z".parse()?);
/// gathering.add(&Activity::none("anne@sba.gov".try_into()?));
/// let groups = gathering.finish();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Gathering<'p> {
    policy: &'p Policy,
    /// `None` in a replay, which looks at the ends of days alone.
    as_of: Option<Timestamp>,
    /// The first and the last end of a day that is looked at, if any is.
    days: Option<(Day, Day)>,
    rates: Vec<Rate>,
    breaches: Vec<BreachSeries>,
}

/// The members of both groups by one rate.
#[derive(Debug)]
struct Rate {
    metric: Metric,
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    agent: bool,
    now: Parts,
    days: Vec<(Day, Parts)>,
}

impl Policy {
    /// Whether any rule compares actors with their peers, so that a verdict on one needs everybody's activity.
    pub fn compares_peers(&self) -> bool {
        self.rules().iter().any(|rule| rule.peers().is_some())
    }

    /// Begins to gather the groups that a judgement as of that instant needs. Every actor's activity is to be added,
    /// each as [`reach`](Self::reach) asks for it.
    pub fn gathering(&self, as_of: Timestamp) -> Gathering<'_> {
        let look_back =
            with_peers(self).map(|rule| rule.look_back_days(self.window_days())).max().unwrap_or(0);
        let days =
            (look_back > 0).then(|| (first_evaluation(as_of.day(), look_back), day_after(as_of.day(), -1)));
        Gathering::new(self, Some(as_of), days)
    }

    /// Begins to gather the groups that a [replay](Self::replay) of those days needs. Every actor's whole days over
    /// [`replay_reach`](Self::replay_reach) are to be added.
    pub fn replay_gathering(&self, from: Day, to: Day) -> Gathering<'_> {
        Gathering::new(self, None, Some((first_evaluation(from, self.look_back_days()), to)))
    }
}

impl<'p> Gathering<'p> {
    fn new(policy: &'p Policy, as_of: Option<Timestamp>, days: Option<(Day, Day)>) -> Self {
        let mut metrics: Vec<Metric> =
            with_peers(policy).flat_map(|rule| compared(rule).map(|(metric, _)| metric)).collect();
        metrics.sort_unstable();
        metrics.dedup();
        let rates = metrics.into_iter().map(|metric| Rate { metric, members: Vec::new() }).collect();
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
        Self { policy, as_of, days, rates, breaches }
    }

    /// Adds an actor.
    pub fn add(&mut self, activity: &Activity) {
        if self.rates.is_empty() {
            return;
        }
        let sla = self.policy.sla();
        let agent = is_agent(activity.actor_kind);
        let now = self.as_of.map(|_| Metrics::of(activity.days.iter().map(|(_, tally)| tally), &[], sla));
        let days = match (self.days, self.as_of) {
            (None, _) => Vec::new(),
            (Some(_), Some(as_of)) => whole_days(activity, self.policy, as_of),
            (Some(_), None) => activity.days.iter().map(|(day, tally)| (*day, tally)).collect(),
        };
        for Rate { metric, members } in &mut self.rates {
            let parts = |(day, tally): &(Day, &Tally)| {
                let parts = parts_of(*metric, tally, sla);
                (parts.1 > 0).then_some((*day, parts))
            };
            members.push(Member {
                agent,
                now: now.as_ref().map_or((0, 0), |metrics| parts_among(*metric, metrics)),
                days: days.iter().filter_map(parts).collect(),
            });
        }
        self.count_breaches(activity, now.as_ref(), &days);
    }

    /// Counts whether the actor breaches each rule: now, or in a replay at the end of each day.
    fn count_breaches(&mut self, activity: &Activity, now: Option<&Metrics>, days: &[(Day, &Tally)]) {
        let (policy, kind) = (self.policy, activity.actor_kind);
        let rules = || with_peers(policy).filter(|rule| rule.is_for(kind));
        let of_rule = |series: &&mut BreachSeries, rule: &Rule| {
            series.rule == rule.id() && series.agents == is_agent(kind)
        };
        if let Some(metrics) = now {
            let times: Vec<&Durations> = activity.days.iter().map(|(_, tally)| &tally.processing).collect();
            let sample = Sample { metrics, times: &times };
            for rule in rules() {
                if let Some(series) = self.breaches.iter_mut().find(|series| of_rule(series, rule)) {
                    series.now.count(Look::of(rule, &sample));
                }
            }
        } else if let Some((first, last)) = self.days {
            let mut changes: Vec<(usize, Vec<Look>)> = Vec::new();
            each_change(policy, days, first, last, |day, sample| {
                let looks = rules().map(|rule| Look::of(rule, sample)).collect();
                changes.push((place(first, day).unwrap_or(0), looks));
            });
            for (index, rule) in rules().enumerate() {
                let Some(series) = self.breaches.iter_mut().find(|series| of_rule(series, rule)) else {
                    continue;
                };
                let ends = changes.iter().skip(1).map(|(place, _)| *place).chain([series.days.len()]);
                for ((from, looks), to) in changes.iter().zip(ends) {
                    let unchanged = series.days.get_mut(*from..to).into_iter().flatten();
                    let look = looks.get(index).copied().unwrap_or_default();
                    unchanged.for_each(|day| day.count(look));
                }
            }
        }
    }

    /// What they come to.
    pub fn finish(self) -> PeerGroups {
        let Self { policy, as_of, days, rates, breaches } = self;
        let mut groups = PeerGroups { series: Vec::new(), breaches };
        for Rate { metric, members } in &rates {
            for agents in [false, true] {
                let members: Vec<&Member> = members.iter().filter(|member| member.agent == agents).collect();
                let now: Vec<Parts> = members.iter().map(|member| member.now).collect();
                groups.series.push(Series {
                    metric: *metric,
                    agents,
                    now: as_of.and_then(|_| Funnel::of(&now)),
                    first: days.map_or(Day::from_number(0), |(first, _)| first),
                    days: days.map_or_else(Vec::new, |(first, last)| funnels(&members, first, last, policy)),
                });
            }
        }
        groups
    }
}

/// The group's funnel at the end of each of those days.
fn funnels(members: &[&Member], first: Day, last: Day, policy: &Policy) -> Vec<Option<Funnel>> {
    let window_days = i64::from(policy.window_days());
    let mut sums = vec![Sliding::default(); members.len()];
    let mut funnel = None;
    (first.number()..=last.number())
        .map(|number| {
            let day = Day::from_number(number);
            let gone = day_after(day, -window_days);
            let mut moved = false;
            for (sum, member) in sums.iter_mut().zip(members) {
                moved |= sum.move_to(day, gone, &member.days);
            }
            if moved {
                let group: Vec<Parts> = sums.iter().map(|sum| sum.parts).collect();
                funnel = Funnel::of(&group);
            }
            funnel
        })
        .collect()
}

/// One member's rate over a window that slides.
#[derive(Clone, Debug, Default)]
struct Sliding {
    parts: Parts,
    entered: usize,
    left: usize,
}

impl Sliding {
    fn move_to(&mut self, day: Day, gone: Day, days: &[(Day, Parts)]) -> bool {
        let before = (self.entered, self.left);
        while let Some((_, (part, whole))) = days.get(self.entered).filter(|(entering, _)| *entering <= day) {
            self.parts = (self.parts.0.saturating_add(*part), self.parts.1.saturating_add(*whole));
            self.entered += 1;
        }
        while let Some((_, (part, whole))) = days.get(self.left).filter(|(leaving, _)| *leaving <= gone) {
            self.parts = (self.parts.0.saturating_sub(*part), self.parts.1.saturating_sub(*whole));
            self.left += 1;
        }
        before != (self.entered, self.left)
    }
}

fn parts_among(metric: Metric, metrics: &Metrics) -> Parts {
    Sample { metrics, times: &[] }.parts(metric).unwrap_or((0, 0))
}

/// What one day adds to a rate.
fn parts_of(metric: Metric, tally: &Tally, sla: Option<&Sla>) -> Parts {
    match metric {
        Metric::OverrideRate => (tally.overrides, tally.decisions),
        Metric::OverriddenRate => (tally.recommendations_overridden, tally.recommendations),
        other => parts_among(other, &Metrics::of([tally], &[], sla)),
    }
}
