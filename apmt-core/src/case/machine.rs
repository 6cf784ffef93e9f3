//! The fold's machine: what has to be remembered of a case to take its next event.

use super::HeldClock;
use crate::calendar::Calendar;
use crate::contribution::{Change, Contribution, Measure};
use crate::event::{Outcome, What, same_verdict};
use crate::name::{ActorName, CaseId, Track};
use crate::store::Recorded;
use crate::time::Timestamp;

/// A case's state after some of its events, in order: where the clock stands, and what later events refer back to.
#[derive(Clone, Debug, Default)]
pub struct Fold {
    case_id: Option<CaseId>,
    track: Option<Track>,
    last: Option<(Timestamp, u64)>,
    clock: Option<Clock>,
    paused: bool,
    recommendation: Option<Recommendation>,
    verdict: Option<Verdict>,
    closed_by: Option<ActorName>,
    /// Stars that no verdict has claimed yet: the first verdict after them will.
    waiting: Vec<Waiting>,
}

#[derive(Clone, Debug)]
struct Clock {
    /// `None` in the pool.
    holder: Option<ActorName>,
    since: Timestamp,
    counted_ms: u64,
    working_days: u32,
    running_since: Option<Timestamp>,
    changed_at: Timestamp,
}

#[derive(Clone, Debug)]
struct Recommendation {
    agent: ActorName,
    advice: Box<str>,
}

#[derive(Clone, Debug)]
struct Verdict {
    actor: ActorName,
    overrode: bool,
}

#[derive(Clone, Debug)]
struct Waiting {
    stars: Contribution,
    /// Whether whoever closed the case has them: then only a verdict may still claim them.
    closer_has_them: bool,
}

impl Fold {
    /// Takes an event that comes after all that were taken before, and adds what changes to `changes`. One that is
    /// retracted counts for nothing and changes nothing.
    ///
    /// Returns `false`, with nothing taken, if the event belongs before one already taken: then the case has to be
    /// folded again from its events, by [`refold`](super::refold).
    #[must_use = "false means that nothing was taken"]
    pub fn take(&mut self, event: &Recorded, calendar: &Calendar, changes: &mut Vec<Change>) -> bool {
        if event.retracted {
            return true;
        }
        if self.last.is_some_and(|last| last > event.order()) {
            return false;
        }
        self.step(event, calendar, changes);
        true
    }

    /// The clock that runs now, where somebody holds the case.
    pub fn clock(&self) -> Option<HeldClock> {
        self.holder()?;
        self.clock_or_pools()
    }

    /// The same; the pool's clock is nobody's.
    pub(super) fn clock_or_pools(&self) -> Option<HeldClock> {
        let clock = self.clock.as_ref()?;
        Some(HeldClock {
            holder: clock.holder.clone().unwrap_or_else(ActorName::nobody),
            case_id: self.case_id.clone()?,
            since: clock.since,
            track: self.track.clone(),
            counted_ms: clock.counted_ms,
            working_days: clock.working_days,
            running_since: clock.running_since,
            changed_at: clock.changed_at,
        })
    }

    pub(super) fn step(&mut self, event: &Recorded, calendar: &Calendar, changes: &mut Vec<Change>) {
        self.last = Some(event.order());
        if self.case_id.is_none() {
            self.case_id = event.event.case_id().cloned();
        }
        let mut step = Step { at: event.occurred_at, position: event.position, calendar, changes };
        let actor = event.event.actor();
        match event.event.what() {
            what @ (What::CaseOpened { .. } | What::CaseReopened) => {
                self.end_clock(&mut step, None);
                if let What::CaseOpened { track: Some(track), .. } = what {
                    // One that is empty says nothing.
                    self.track = Track::new(track).ok().or(self.track.take());
                }
                self.paused = false;
                self.start_clock(None, step.at);
            }
            What::Unassigned => {
                self.end_clock(&mut step, None);
                self.start_clock(None, step.at);
            }
            What::Assigned => {
                if self.holder() != actor {
                    self.end_clock(&mut step, None);
                    self.start_clock(actor.cloned(), step.at);
                }
            }
            What::Paused { .. } => {
                self.paused = true;
                if let Some(clock) = &mut self.clock {
                    clock.pause(step.at, calendar);
                }
            }
            What::Resumed { .. } => {
                self.paused = false;
                if let Some(clock) = &mut self.clock {
                    clock.resume(step.at);
                }
            }
            What::AiRecommendation { ai_recommendation, .. } => {
                if let Some(agent) = actor {
                    self.recommendation =
                        Some(Recommendation { agent: agent.clone(), advice: ai_recommendation.clone() });
                }
                if self.holder().is_none_or(|holder| Some(holder) == actor) {
                    self.dispose(&mut step, actor);
                    self.start_clock(None, step.at);
                }
            }
            What::Decision { ai_recommendation, human_verdict } => {
                let advice = ai_recommendation
                    .as_deref()
                    .or_else(|| self.recommendation.as_ref().map(|recommendation| &*recommendation.advice));
                let overrode = match (advice, human_verdict) {
                    (Some(advice), Some(verdict)) => !same_verdict(advice, verdict),
                    _ => false,
                };
                self.verdict(&mut step, actor, overrode);
            }
            What::Override { .. } => self.verdict(&mut step, actor, true),
            What::CaseClosed => {
                self.dispose(&mut step, actor);
                if let Some(closer) = actor {
                    self.closed_by = Some(closer.clone());
                    self.hand_over(&mut step, closer, Claim::Closer);
                }
            }
            What::SatScore { value, .. } => self.stars(&mut step, actor, *value),
            What::AppealOutcome { outcome } => {
                let (actor, overrode) =
                    self.verdict.as_ref().map_or((ActorName::nobody(), false), |verdict| {
                        (verdict.actor.clone(), verdict.overrode)
                    });
                let measure = Measure::Appeal { reversed: *outcome == Outcome::Reversed, overrode };
                self.add(&mut step, actor, measure);
            }
            What::Viewed
            | What::SurveySent { .. }
            | What::Retraction { .. }
            | What::PlanStarted { .. }
            | What::PlanClosed { .. }
            | What::Custom { .. } => {}
        }
    }

    fn verdict(&mut self, step: &mut Step<'_>, actor: Option<&ActorName>, overrode: bool) {
        let Some(actor) = actor else { return };
        self.add(step, actor.clone(), Measure::Verdict { overridden: overrode });
        self.dispose(step, Some(actor));
        if let Some(recommendation) = &self.recommendation {
            let agent = recommendation.agent.clone();
            self.add(step, agent, Measure::Recommendation { overridden: overrode });
        }
        self.verdict = Some(Verdict { actor: actor.clone(), overrode });
        self.hand_over(step, actor, Claim::Verdict);
    }

    fn stars(&mut self, step: &mut Step<'_>, rated: Option<&ActorName>, stars: u8) {
        let measure = Measure::Satisfaction { stars };
        if let Some(actor) = rated.or_else(|| self.verdict.as_ref().map(|verdict| &verdict.actor)) {
            let actor = actor.clone();
            self.add(step, actor, measure);
            return;
        }
        let closer = self.closed_by.clone();
        let closer_has_them = closer.is_some();
        let bearer = closer.or_else(|| self.holder().cloned()).unwrap_or_else(ActorName::nobody);
        let stars = self.add(step, bearer, measure);
        self.waiting.push(Waiting { stars, closer_has_them });
    }

    /// Hands the stars that wait to whoever has the better claim to them now.
    fn hand_over(&mut self, step: &mut Step<'_>, to: &ActorName, claim: Claim) {
        for waiting in &mut self.waiting {
            if claim == Claim::Closer && waiting.closer_has_them {
                continue;
            }
            waiting.closer_has_them = true;
            if waiting.stars.actor != *to {
                step.changes.push(Change::Remove(waiting.stars.clone()));
                waiting.stars.actor = to.clone();
                step.changes.push(Change::Add(waiting.stars.clone()));
            }
        }
        if claim == Claim::Verdict {
            self.waiting.clear();
        }
    }

    /// Corrects the positions of events that were taken before their positions were known: those after `after` are
    /// `by` higher.
    ///
    /// A store may fold new events as if they came next in the log, and learn only when it writes them how many others
    /// have come before.
    pub fn raise_positions(&mut self, after: u64, by: u64) {
        let last = self.last.iter_mut().map(|(_, position)| position);
        let waiting = self.waiting.iter_mut().map(|waiting| &mut waiting.stars.position);
        for position in last.chain(waiting).filter(|position| **position > after) {
            *position += by;
        }
    }

    /// Who holds the case now, if it is anybody.
    pub fn holder(&self) -> Option<&ActorName> {
        self.clock.as_ref().and_then(|clock| clock.holder.as_ref())
    }

    fn start_clock(&mut self, holder: Option<ActorName>, at: Timestamp) {
        let running_since = (!self.paused).then_some(at);
        self.clock =
            Some(Clock { holder, since: at, counted_ms: 0, working_days: 0, running_since, changed_at: at });
    }

    /// A disposal ends the running clock and a pause.
    fn dispose(&mut self, step: &mut Step<'_>, actor: Option<&ActorName>) {
        self.end_clock(step, Some(actor.cloned().unwrap_or_else(ActorName::nobody)));
        self.paused = false;
    }

    /// Ends the running clock. A holder's time is the holder's; pool time is `disposer`'s, if this is a disposal.
    fn end_clock(&mut self, step: &mut Step<'_>, disposer: Option<ActorName>) {
        let Some(mut clock) = self.clock.take() else { return };
        clock.pause(step.at, step.calendar);
        let held = clock.holder.is_some();
        if let Some(actor) = clock.holder.or(disposer) {
            let measure = Measure::Processing {
                counted_ms: clock.counted_ms,
                working_day: clock.working_days.saturating_add(1),
                since: clock.since,
                held,
            };
            self.add(step, actor, measure);
        }
    }

    fn add(&self, step: &mut Step<'_>, actor: ActorName, measure: Measure) -> Contribution {
        let contribution = Contribution {
            actor,
            at: step.at,
            position: step.position,
            case_id: self.case_id.clone(),
            track: self.track.clone(),
            measure,
        };
        step.changes.push(Change::Add(contribution.clone()));
        contribution
    }
}

impl Clock {
    fn pause(&mut self, at: Timestamp, calendar: &Calendar) {
        if let Some(since) = self.running_since.take() {
            self.counted_ms += calendar.counted_ms(since, at);
            let days = working_days(self.since, since, at, calendar);
            self.working_days = self.working_days.saturating_add(days);
            self.changed_at = at;
        }
    }

    fn resume(&mut self, at: Timestamp) {
        if self.running_since.is_none() {
            self.running_since = Some(at);
            self.changed_at = at;
        }
    }
}

/// The working days that end from one instant to another on a clock that started at `since`; the day of its start is not
/// among them.
pub(super) fn working_days(since: Timestamp, from: Timestamp, to: Timestamp, calendar: &Calendar) -> u32 {
    let days = calendar.working_days(from, to);
    if days == 0 {
        return 0;
    }
    let started = calendar.day_end(since);
    let days = if from < started { calendar.working_days(started, to) } else { days };
    u32::try_from(days).unwrap_or(u32::MAX)
}

struct Step<'a> {
    at: Timestamp,
    position: u64,
    calendar: &'a Calendar,
    changes: &'a mut Vec<Change>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Claim {
    Closer,
    Verdict,
}
