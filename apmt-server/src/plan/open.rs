//! Which plans are open: a fold of the log's plan events.

use std::collections::{BTreeMap, HashMap};

use apmt_core::{ActorName, EventType, Recorded, Timestamp, What};
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::notice::{Measure, Notice, PlanKind};
use super::period::{Period, today};

/// A plan that has been started and not closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[non_exhaustive]
pub struct OpenPlan {
    /// Whose.
    pub actor: ActorName,
    /// The id of the event that started it.
    pub id: Uuid,
    /// When it was started.
    pub started_at: Timestamp,
    /// Who started it, where the event says so.
    #[schema(required)]
    pub by: Option<String>,
    /// Whom it is for.
    pub kind: PlanKind,
    /// What is done with an AI agent; `null` for a person.
    #[schema(required)]
    pub measure: Option<Measure>,
    /// The rule that it is for; `null` where it was started without a notice, or without a rule.
    #[schema(required)]
    pub rule: Option<String>,
    /// The opportunity period; `null` where it was started without a notice.
    #[schema(required)]
    pub period: Option<Period>,
}

impl OpenPlan {
    /// How many days are left on that day, less than 0 once the period has ended; nothing without a period.
    pub fn days_left(&self, today: NaiveDate) -> Option<i64> {
        self.period.map(|period| period.days_left(today))
    }

    /// The days left in words: `23 days left`, `last day`, `ended 3 days ago`; `open` without a period.
    pub fn words(&self, now: Timestamp) -> String {
        let days = |days: i64| if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
        match self.days_left(today(now)) {
            None => "open".to_owned(),
            Some(0) => "last day".to_owned(),
            Some(left) if left > 0 => format!("{} left", days(left)),
            Some(over) => format!("ended {} ago", days(-over)),
        }
    }
}

/// What the log's plan events come to: whichever way they arrive, in order of their instants and positions.
#[derive(Clone, Debug, Default)]
pub struct Plans {
    /// For each actor what happened, in order.
    steps: HashMap<ActorName, BTreeMap<(Timestamp, u64), Step>>,
    /// Where each event stands, for its retraction.
    places: HashMap<Uuid, (ActorName, (Timestamp, u64))>,
}

#[derive(Clone, Debug)]
enum Step {
    Started(Box<OpenPlan>),
    Closed,
}

impl Plans {
    /// Takes in the next event of the log. Events of other types than `PLAN_STARTED`, `PLAN_CLOSED` and `RETRACTION`
    /// change nothing, and so do those that are retracted.
    pub fn apply(&mut self, recorded: &Recorded) {
        if let What::Retraction { retracts, .. } = recorded.event.what() {
            if let Some((actor, place)) = self.places.remove(retracts)
                && let Some(steps) = self.steps.get_mut(&actor)
            {
                steps.remove(&place);
            }
            return;
        }
        let Some(actor) = recorded.event.actor().filter(|_| !recorded.retracted) else { return };
        let step = match recorded.event.event_type() {
            EventType::PlanStarted => Step::Started(Box::new(opened(actor, recorded))),
            EventType::PlanClosed => Step::Closed,
            _ => return,
        };
        self.places.insert(recorded.id, (actor.clone(), recorded.order()));
        self.steps.entry(actor.clone()).or_default().insert(recorded.order(), step);
    }

    /// The actor's open plan: of several that were started one after the other, the newest.
    pub fn of(&self, actor: &ActorName) -> Option<&OpenPlan> {
        match self.steps.get(actor)?.last_key_value()? {
            (_, Step::Started(plan)) => Some(plan),
            (_, Step::Closed) => None,
        }
    }

    /// Every open plan, in the order of the actors' names.
    pub fn open(&self) -> Vec<&OpenPlan> {
        let mut open: Vec<&OpenPlan> = self.steps.keys().filter_map(|actor| self.of(actor)).collect();
        open.sort_by(|a, b| a.actor.cmp(&b.actor));
        open
    }
}

fn opened(actor: &ActorName, recorded: &Recorded) -> OpenPlan {
    let event = &recorded.event;
    let notice = Notice::of_event(event).ok();
    let by = match event.what() {
        What::PlanStarted { by, .. } => by.as_deref().map(str::to_owned),
        _ => None,
    };
    let (kind, measure, rule, period) = match notice {
        Some(notice) => (notice.kind, notice.terms.measure, notice.evidence.rule, Some(notice.terms.period)),
        None => (PlanKind::of(event.actor_kind()), None, None, None),
    };
    OpenPlan {
        actor: actor.clone(),
        id: recorded.id,
        started_at: recorded.occurred_at,
        by,
        kind,
        measure,
        rule,
        period,
    }
}
