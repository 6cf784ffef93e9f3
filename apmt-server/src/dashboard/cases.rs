//! What an actor's cases say beyond the tallies: which model gave which advice, and what was taken back.

use std::collections::BTreeMap;

use apmt_client::Client;
use apmt_core::{ActorName, CaseId, Contribution, Measure, Recorded, Result, Timestamp, What};
use uuid::Uuid;

use super::words::Rate;

/// So many cases are looked into, the newest: each is a read of its own.
const MOST_CASES: usize = 1000;

/// An event that counts no longer.
#[derive(Debug)]
pub(super) struct TakenBack {
    pub(super) case_id: CaseId,
    pub(super) event: Recorded,
    /// Why, where the retraction names the case too.
    pub(super) reason: Option<String>,
}

/// What an actor's cases say.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// How the advice of each version of a model fared; the empty name is advice that named none.
    pub(super) models: BTreeMap<String, Rate>,
    pub(super) taken_back: Vec<TakenBack>,
    /// How many cases were looked into, and of how many.
    pub(super) cases: usize,
    pub(super) of: usize,
}

impl Looked {
    pub(super) const fn is_partial(&self) -> bool {
        self.cases < self.of
    }
}

/// Looks into the newest of the cases behind those contributions, which come the newest first.
pub(super) async fn look(
    client: &Client,
    actor: &ActorName,
    contributions: &[Contribution],
) -> Result<Looked> {
    let mut order: Vec<&CaseId> = Vec::new();
    let mut by_case: BTreeMap<&CaseId, Vec<&Contribution>> = BTreeMap::new();
    for contribution in contributions {
        let Some(case_id) = &contribution.case_id else { continue };
        let of_case = by_case.entry(case_id).or_default();
        if of_case.is_empty() {
            order.push(case_id);
        }
        of_case.push(contribution);
    }
    let mut looked = Looked { of: order.len(), ..Looked::default() };
    for case_id in order.into_iter().take(MOST_CASES) {
        let events = client.store().case(case_id).await?;
        looked.cases += 1;
        for contribution in by_case.get(case_id).into_iter().flatten() {
            if let Measure::Recommendation { overridden } = contribution.measure {
                let model = model(&events, actor, contribution).unwrap_or_default();
                let rate = looked.models.entry(model).or_insert(Rate { part: 0, whole: 0, of_advice: true });
                rate.whole += 1;
                rate.part += u64::from(overridden);
            }
        }
        looked.taken_back.extend(taken_back(case_id, events, actor));
    }
    looked.taken_back.sort_by_key(|taken_back| std::cmp::Reverse(taken_back.event.order()));
    Ok(looked)
}

/// The model whose advice the verdict was about: that of the agent's latest recommendation at or before it.
fn model(events: &[Recorded], actor: &ActorName, contribution: &Contribution) -> Option<String> {
    let until: (Timestamp, u64) = (contribution.at, contribution.position);
    let advice = events
        .iter()
        .filter(|event| !event.retracted && event.order() <= until && event.event.actor() == Some(actor));
    advice
        .filter_map(|event| match event.event.what() {
            What::AiRecommendation { model, .. } => Some((event.order(), model.as_deref())),
            _ => None,
        })
        .max_by_key(|(order, _)| *order)
        .and_then(|(_, model)| model.map(str::to_owned))
}

fn taken_back(case_id: &CaseId, events: Vec<Recorded>, actor: &ActorName) -> Vec<TakenBack> {
    let reasons = reasons(&events);
    let of_actor = |event: &Recorded| event.retracted && event.event.actor() == Some(actor);
    events
        .into_iter()
        .filter(of_actor)
        .map(|event| TakenBack { case_id: case_id.clone(), reason: reasons.get(&event.id).cloned(), event })
        .collect()
}

/// Why events of a case were taken back, by their id.
pub(super) fn reasons(events: &[Recorded]) -> BTreeMap<Uuid, String> {
    let reasons = events.iter().filter_map(|event| match event.event.what() {
        What::Retraction { retracts, reason } => Some((*retracts, reason.to_string())),
        _ => None,
    });
    reasons.collect()
}
