//! What a plan rests upon, as of one instant: gathered once, then frozen.

use std::collections::{BTreeMap, HashMap};

use apmt_client::Client;
use apmt_core::policy::{ConditionHeld, PolicyName, Reason};
use apmt_core::{
    ActorKind, ActorName, AsOf, CaseId, Contribution, Dossier, EventType, Invalid, Measure, Recorded, Result,
    Timestamp, What, Window,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::instance::{Instance, InstanceKind, shortened};
use super::notice;
use super::select::{Candidate, Selection, select};

/// The most bytes of JSON that all instances together may have.
const MAX_INSTANCES_BYTES: usize = 28 * 1024;
/// The most verdicts on an agent's advice whose model is looked up, the newest first.
const MAX_ADVICE: usize = 500;
/// The most versions of a model that are told apart.
const MAX_MODELS: usize = 20;

/// What a plan rests upon, as of one instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PlanEvidence)]
#[non_exhaustive]
pub struct Evidence {
    /// Whose.
    pub actor: ActorName,
    /// A person or a machine, where an event has said so.
    #[schema(required)]
    pub actor_kind: Option<ActorKind>,
    /// The end of the window that was looked at.
    pub as_of: Timestamp,
    /// The newest position of the log when it was read. What came later is not in here.
    pub position: u64,
    /// The length of the window, in days of 24 hours.
    pub window_days: u32,
    /// The policy that judged.
    pub policy: PolicyName,
    /// The digest of the calendar that processing times were measured through.
    pub calendar: String,
    /// The rule; absent where no rule held, and a supervisor starts the plan all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rule: Option<String>,
    /// The critical element that the rule names; absent where it names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub critical_element: Option<String>,
    /// The rule's conditions as the policy writes them, with what there must be at least; where another server's policy
    /// judged, as far as its answer says.
    pub when: Vec<String>,
    /// For how many days it must hold before it counts; absent where it counts at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub for_days: Option<u32>,
    /// Those of the rule's conditions that hold, with the values that make them hold.
    pub conditions: Vec<ConditionHeld>,
    /// The specific instances.
    pub instances: Vec<Instance>,
    /// How many more there were of each kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub omitted: Vec<Omitted>,
    /// How an AI agent's advice fared, by the version of the model that gave it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelRecord>,
}

/// How many instances of a kind were left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OmittedInstances)]
#[non_exhaustive]
pub struct Omitted {
    /// The kind.
    pub kind: InstanceKind,
    /// How many.
    pub count: u64,
}

/// How the advice of one version of a model fared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[non_exhaustive]
pub struct ModelRecord {
    /// The model and its version, as the recommendations named it; absent where they did not, and for the versions
    /// that are too many to be told apart.
    #[schema(required)]
    pub model: Option<String>,
    /// Verdicts on its advice, among the newest 500 on the agent's.
    pub verdicts: u64,
    /// Those that reversed it.
    pub overridden: u64,
}

impl Evidence {
    /// The SHA-256 of the evidence, in lower-case hex: whether what was shown is what is recorded.
    pub fn digest(&self) -> String {
        notice::digest(&Self { position: 0, ..self.clone() })
    }
}

/// Gathers what a rule rests upon for an actor, as of an instant: of the rule of that id, or of the first among the
/// gravest that hold. Where none holds there are no conditions and no instances.
///
/// # Errors
/// [`Invalid`](apmt_core::ErrorKind::Invalid) for a rule that does not hold for the actor at that instant, and what the
/// store meets.
pub async fn gather(client: &Client, actor: &ActorName, as_of: AsOf, rule: Option<&str>) -> Result<Evidence> {
    let status = client.status().await?;
    let as_of = as_of.resolve(&status);
    let dossier = client.store().dossier(actor, AsOf::At(as_of), client.policy()).await?;
    let reason = reason(&dossier, rule)?;
    let conditions = reason.map(|reason| reason.conditions.clone()).unwrap_or_default();
    let rule = reason.map(|reason| &*reason.rule);
    let explanation = dossier.explanations.iter().find(|explanation| Some(&*explanation.rule) == rule);
    let critical_element = explanation.and_then(|explanation| explanation.critical_element.clone());
    let when = when(client, &dossier, rule, &conditions);
    let window = Window::days_until(dossier.window_days, as_of);
    let contributions = contributions(client, actor, window).await?;
    let open = client.store().activity(actor, window).await?.open;
    let Selection { candidates, omitted } =
        select(actor, &contributions, &open, &conditions, client.policy().sla());

    let mut cases = Cases { client, as_of, read: HashMap::new() };
    let mut instances = Vec::with_capacity(candidates.len());
    let mut omitted: BTreeMap<InstanceKind, u64> = omitted;
    let mut bytes = 0;
    for candidate in candidates {
        let instance = Instance::of(&candidate, cases.of(&candidate).await?, client.calendar());
        bytes += serde_json::to_vec(&instance).map_or(0, |json| json.len() + 1);
        if bytes <= MAX_INSTANCES_BYTES {
            instances.push(instance);
        } else {
            *omitted.entry(candidate.kind).or_default() += 1;
        }
    }
    let models = if dossier.actor_kind == Some(ActorKind::Agent) {
        models(&contributions, &mut cases, actor).await?
    } else {
        Vec::new()
    };
    Ok(Evidence {
        actor: actor.clone(),
        actor_kind: dossier.actor_kind,
        as_of,
        position: status.position,
        window_days: dossier.window_days,
        policy: dossier.policy.clone(),
        calendar: status.calendar,
        rule: reason.map(|reason| reason.rule.clone()),
        critical_element,
        when,
        for_days: explanation.and_then(|explanation| explanation.for_days),
        conditions,
        instances,
        omitted: omitted.into_iter().map(|(kind, count)| Omitted { kind, count }).collect(),
        models,
    })
}

/// The reason that a plan would be for.
fn reason<'a>(dossier: &'a Dossier, rule: Option<&str>) -> Result<Option<&'a Reason>, Invalid> {
    let Some(rule) = rule else {
        let gravest = dossier.reasons.iter().map(|reason| reason.then).max();
        return Ok(dossier.reasons.iter().find(|reason| Some(reason.then) == gravest));
    };
    dossier.reasons.iter().find(|reason| reason.rule == rule).map(Some).ok_or_else(|| {
        let holding: Vec<&str> = dossier.reasons.iter().map(|reason| &*reason.rule).collect();
        let rule_text = match &*holding {
            [] => "must be a rule that holds: none does for this actor at that instant".to_owned(),
            holding => format!("must be a rule that holds: {}", holding.join(", ")),
        };
        Invalid::new("rule", rule, rule_text)
    })
}

/// The rule's conditions as the policy writes them.
fn when(client: &Client, dossier: &Dossier, rule: Option<&str>, held: &[ConditionHeld]) -> Vec<String> {
    let policy = Some(client.policy()).filter(|policy| policy.digest() == dossier.policy.digest);
    let rule = policy.and_then(|policy| policy.rules().iter().find(|known| Some(known.id()) == rule));
    match rule {
        Some(rule) => {
            let least = rule.min().iter().map(|(metric, least)| format!("{metric} >= {least}"));
            rule.when().iter().map(ToString::to_string).chain(least).collect()
        }
        None => held.iter().map(ToString::to_string).collect(),
    }
}

/// All that counts for an actor in a window.
async fn contributions(client: &Client, actor: &ActorName, window: Window) -> Result<Vec<Contribution>> {
    let mut all: Vec<Contribution> = Vec::new();
    loop {
        let after = all.last().map(Contribution::cursor);
        let page = client.store().contributions(actor, window, after, 1000).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// The events of the cases that were read, up to the instant, without what is retracted.
struct Cases<'a> {
    client: &'a Client,
    as_of: Timestamp,
    read: HashMap<CaseId, Vec<Recorded>>,
}

impl Cases<'_> {
    /// The events around a candidate: its case's, or the one that caused it.
    async fn of(&mut self, candidate: &Candidate) -> Result<&[Recorded]> {
        match &candidate.case_id {
            Some(case_id) => self.case(case_id).await,
            None => self.alone(candidate.position).await,
        }
    }

    async fn case(&mut self, case_id: &CaseId) -> Result<&[Recorded]> {
        if !self.read.contains_key(case_id) {
            let mut events = self.client.store().case(case_id).await?;
            events.retain(|event| !event.retracted && event.occurred_at <= self.as_of);
            self.read.insert(case_id.clone(), events);
        }
        Ok(self.read.get(case_id).map(Vec::as_slice).unwrap_or_default())
    }

    /// An event without a case. The empty id is no case's.
    async fn alone(&mut self, position: u64) -> Result<&[Recorded]> {
        let events = self.client.events(position.saturating_sub(1), 1).await?;
        let place = self.read.entry(CaseId::from_stored("")).or_default();
        *place = events;
        Ok(place)
    }
}

/// How an agent's advice fared, by model.
async fn models(
    contributions: &[Contribution],
    cases: &mut Cases<'_>,
    actor: &ActorName,
) -> Result<Vec<ModelRecord>> {
    let mut records: BTreeMap<Option<String>, (u64, u64)> = BTreeMap::new();
    let advice = contributions.iter().rev().filter_map(|contribution| match contribution.measure {
        Measure::Recommendation { overridden } => Some((contribution, overridden)),
        _ => None,
    });
    for (contribution, overridden) in advice.take(MAX_ADVICE) {
        let model = match &contribution.case_id {
            Some(case_id) => {
                advice_before(cases.case(case_id).await?, actor, contribution.at, contribution.position).model
            }
            None => None,
        };
        let is_known = records.contains_key(&model) || records.len() < MAX_MODELS;
        let (verdicts, reversed) = records.entry(if is_known { model } else { None }).or_default();
        *verdicts += 1;
        *reversed += u64::from(overridden);
    }
    let records = records.into_iter();
    Ok(records.map(|(model, (verdicts, overridden))| ModelRecord { model, verdicts, overridden }).collect())
}

/// What was advised on a case.
#[derive(Debug, Default)]
pub(super) struct Advice {
    pub(super) recommended: Option<String>,
    pub(super) model: Option<String>,
}

/// The newest advice of an agent on a case, at or before an event.
pub(super) fn advice_before(events: &[Recorded], agent: &ActorName, at: Timestamp, position: u64) -> Advice {
    let newest = events
        .iter()
        .filter(|event| event.order() <= (at, position) && event.event.actor() == Some(agent))
        .rfind(|event| event.event.event_type() == EventType::AiRecommendation);
    match newest.map(|event| event.event.what()) {
        Some(What::AiRecommendation { ai_recommendation, model, .. }) => {
            Advice { recommended: Some(shortened(ai_recommendation)), model: model.as_deref().map(shortened) }
        }
        _ => Advice::default(),
    }
}
