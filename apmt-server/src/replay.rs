//! Judging a span of the log after the fact: who would have been flagged, from when to when, by which rules.

use std::collections::BTreeMap;

use apmt_client::blocking::Client;
use apmt_core::store::judge_here;
use apmt_core::{ActorName, AsOf, Policy, Status, Timestamp};
use futures_lite::future::block_on;
use serde::Serialize;
use serde_json::{Value, json};

use crate::failure::Failure;

/// The most judgements of everybody that a replay makes: ten years of hours.
const MAX_STEPS: u64 = 100_000;
/// How many dossiers are asked for at a time.
const PAGE: usize = 1000;

/// A stretch of time in which an actor had a status other than good, for the same reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Span {
    pub(crate) actor: ActorName,
    pub(crate) status: Status,
    /// The rules that held.
    pub(crate) rules: Vec<String>,
    /// The first judgement of the stretch.
    pub(crate) from: Timestamp,
    /// The first judgement after it; `None` if it lasts to the end of the replay.
    pub(crate) until: Option<Timestamp>,
}

/// The instants of judgement: from the first on, and the last one whether it falls on a step or not.
pub(crate) fn steps(from: Timestamp, to: Timestamp, every_ms: u64) -> Result<Vec<Timestamp>, Failure> {
    if from > to {
        return Err(Failure::new(format!("--from {from} is later than --to {to}")));
    }
    let count = to.since(from) / every_ms.max(1);
    if count > MAX_STEPS {
        return Err(Failure::new(format!("{count} judgements are more than {MAX_STEPS}"))
            .advise("give a longer --every, or a shorter span"));
    }
    let step = |number: u64| from.plus_millis(i64::try_from(number * every_ms).unwrap_or(i64::MAX));
    let mut steps: Vec<Timestamp> = (0..=count).map(step).collect();
    if steps.last() != Some(&to) {
        steps.push(to);
    }
    Ok(steps)
}

/// Everybody's stretches under a policy, by actor, then by time.
pub(crate) fn spans(client: &Client, policy: &Policy, steps: &[Timestamp]) -> Result<Vec<Span>, Failure> {
    let mut running: BTreeMap<ActorName, Span> = BTreeMap::new();
    let mut spans: Vec<Span> = Vec::new();
    for step in steps {
        let mut flagged = flagged(client, policy, *step)?;
        // What goes on goes on; what has ended or changed ends here.
        running.retain(|actor, span| match flagged.get(actor) {
            Some((status, rules)) if *status == span.status && *rules == span.rules => {
                flagged.remove(actor);
                true
            }
            _ => {
                spans.push(Span { until: Some(*step), ..span.clone() });
                false
            }
        });
        for (actor, (status, rules)) in flagged {
            running.insert(actor.clone(), Span { actor, status, rules, from: *step, until: None });
        }
    }
    spans.extend(running.into_values());
    spans.sort_by(|a, b| (&a.actor, a.from).cmp(&(&b.actor, b.from)));
    Ok(spans)
}

/// Everybody who is not good at that instant, with the rules that hold.
fn flagged(
    client: &Client,
    policy: &Policy,
    at: Timestamp,
) -> Result<BTreeMap<ActorName, (Status, Vec<String>)>, Failure> {
    let mut flagged = BTreeMap::new();
    let mut after: Option<ActorName> = None;
    loop {
        // Judged here, for a server would judge by its own policy.
        let page = block_on(judge_here(&**client.store(), AsOf::At(at), policy, after.as_ref(), PAGE))?;
        let Some(last) = page.last() else { return Ok(flagged) };
        after = Some(last.actor.clone());
        for dossier in page.into_iter().filter(|dossier| dossier.status.is_raised()) {
            let rules = dossier.reasons.into_iter().map(|reason| reason.rule).collect();
            flagged.insert(dossier.actor, (dossier.status, rules));
        }
    }
}

/// Who was flagged at some time.
pub(crate) fn actors(spans: &[Span]) -> Vec<&str> {
    let mut actors: Vec<&str> = spans.iter().map(|span| span.actor.as_str()).collect();
    actors.dedup();
    actors
}

/// A replay for programs.
pub(crate) fn json(
    steps: &[Timestamp],
    policy: &Policy,
    spans: &[Span],
    against: Option<(&Policy, &[Span])>,
) -> Value {
    let mut replay = json!({
        "from": steps.first(),
        "to": steps.last(),
        "judgements": steps.len(),
        "policy": policy.to_name(),
        "spans": spans,
    });
    if let Some((policy, spans)) = against {
        replay["against"] = json!({"policy": policy.to_name(), "spans": spans});
    }
    replay
}

#[cfg(test)]
mod tests {
    use super::*;
    use apmt_core::time::DAY_MS;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn steps_begin_with_the_first_and_end_with_the_last() {
        let (from, to) = (at("2026-01-01T00:00:00Z"), at("2026-01-03T12:00:00Z"));
        let days: Vec<String> = steps(from, to, DAY_MS).unwrap().iter().map(Timestamp::to_string).collect();
        let expected =
            ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", "2026-01-03T12:00:00Z"];
        assert_eq!(days, expected);
        assert_eq!(steps(from, from, DAY_MS).unwrap(), [from]);
        assert!(steps(to, from, DAY_MS).is_err());
        assert!(steps(from, at("9999-01-01T00:00:00Z"), 3_600_000).is_err());
    }

    #[test]
    fn a_stretch_runs_from_the_first_judgement_to_the_first_that_is_good_again() {
        let client = Client::open("memory:").unwrap();
        for (kind, day) in [("OVERRIDE", 2), ("SAT_SCORE", 3)] {
            let event = json!({"type": kind, "actor": "anne", "value": 1, "occurred_at": format!("2026-01-{day:02}T06:00:00Z")});
            client.record_event(event).unwrap();
        }
        let policy = Policy::from_yaml(
            "p",
            "{name: p, window_days: 2, rules: [{id: r, when: ['override_rate > 0.3', 'sat_score_mean < 3'], then: pip}]}",
        )
        .unwrap();
        let steps = steps(at("2026-01-01T00:00:00Z"), at("2026-01-08T00:00:00Z"), DAY_MS).unwrap();
        let found = spans(&client, &policy, &steps).unwrap();
        let span = |from, until| Span {
            actor: ActorName::new("anne").unwrap(),
            status: Status::Pip,
            rules: vec!["r".to_owned()],
            from: at(from),
            until,
        };
        assert_eq!(found, [span("2026-01-04T00:00:00Z", Some(at("2026-01-05T00:00:00Z")))]);
        assert_eq!(spans(&client, &policy, &steps[..4]).unwrap(), [span("2026-01-04T00:00:00Z", None)]);
    }
}
