//! Judging a span of the log after the fact: who would have been flagged, from when to when, by which rules.

use apmt_client::blocking::Client;
use apmt_core::policy::Rule;
use apmt_core::{Activity, ActorName, Day, Policy, Status, Timestamp};
use futures_lite::future::block_on;
use serde::Serialize;
use serde_json::{Value, json};

use crate::failure::Failure;

/// The longest span that is replayed, in days.
const MAX_DAYS: u32 = 3660;
/// How many actors are read at a time: each brings the days of the whole span, and those that its first day looks back to.
const PAGE: usize = 200;

/// Days at whose ends everybody is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Days {
    pub(crate) from: Day,
    pub(crate) to: Day,
}

impl Days {
    /// The days of those instants, the first and the last included.
    pub(crate) fn of(from: Timestamp, to: Timestamp) -> Result<Self, Failure> {
        let days = Self { from: from.day(), to: to.day() };
        if from > to {
            return Err(Failure::new(format!("--from {from} is later than --to {to}")));
        }
        if days.count() > MAX_DAYS {
            return Err(Failure::new(format!("{} days are more than {MAX_DAYS}", days.count()))
                .advise("give a shorter span"));
        }
        Ok(days)
    }

    pub(crate) fn count(self) -> u32 {
        self.to.number().abs_diff(self.from.number()) + 1
    }
}

/// Days in a row at whose ends the same rules were raised for an actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Span {
    pub(crate) actor: ActorName,
    pub(crate) status: Status,
    /// The rules that were raised.
    pub(crate) rules: Vec<String>,
    /// The first of those days.
    pub(crate) from: Day,
    /// The first day after them; `None` if they last to the end of the replay.
    pub(crate) until: Option<Day>,
}

/// Everybody's spans under a policy, by actor, then by time.
pub(crate) fn spans(client: &Client, policy: &Policy, days: Days) -> Result<Vec<Span>, Failure> {
    let mut gathering = policy.replay_gathering(days.from, days.to);
    if policy.compares_peers() {
        each(client, policy, days, |activity| gathering.add(&activity))?;
    }
    let groups = gathering.finish();
    let mut spans: Vec<Span> = Vec::new();
    each(client, policy, days, |Activity { actor, actor_kind, days: tallies, .. }| {
        let stretches = policy.replay(actor_kind, &tallies, &groups, days.from, days.to);
        spans.extend(stretches.into_iter().map(|stretch| Span {
            actor: actor.clone(),
            status: stretch.status,
            rules: stretch.rules,
            from: stretch.from,
            until: stretch.until,
        }));
    })?;
    Ok(spans)
}

/// Everybody's days, as a replay needs them. They are judged here, for a server would judge by its own policy.
fn each(client: &Client, policy: &Policy, days: Days, mut take: impl FnMut(Activity)) -> Result<(), Failure> {
    let reach = policy.replay_reach(days.from, days.to);
    let mut after: Option<ActorName> = None;
    loop {
        let page = block_on(client.store().activities(reach, after.as_ref(), PAGE))?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.actor.clone());
        page.into_iter().for_each(&mut take);
    }
}

/// The ids of the rules that a replay leaves out: those on open cases, which no day's tally knows.
pub(crate) fn left_out(policy: &Policy) -> Vec<&str> {
    let open = |rule: &&Rule| rule.when().iter().any(|condition| condition.metric().is_of_open_cases());
    policy.rules().iter().filter(open).map(Rule::id).collect()
}

/// Who was flagged at some time.
pub(crate) fn actors(spans: &[Span]) -> Vec<&str> {
    let mut actors: Vec<&str> = spans.iter().map(|span| span.actor.as_str()).collect();
    actors.dedup();
    actors
}

/// A replay for programs.
pub(crate) fn json(
    days: Days,
    policy: &Policy,
    spans: &[Span],
    against: Option<(&Policy, &[Span])>,
) -> Value {
    let one = |policy: &Policy, spans: &[Span]| json!({"policy": policy.to_name(), "spans": spans, "left_out": left_out(policy)});
    let mut replay = one(policy, spans);
    replay["from"] = json!(days.from);
    replay["to"] = json!(days.to);
    replay["days"] = json!(days.count());
    if let Some((policy, spans)) = against {
        replay["against"] = one(policy, spans);
    }
    replay
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn days_are_from_the_first_to_the_last() {
        let days = Days::of(at("2026-01-01T23:00:00Z"), at("2026-01-03T00:00:00Z")).unwrap();
        assert_eq!(
            (days.from, days.to, days.count()),
            (at("2026-01-01T00:00:00Z").day(), at("2026-01-03T12:00:00Z").day(), 3)
        );
        assert!(Days::of(at("2026-01-03T00:00:00Z"), at("2026-01-01T00:00:00Z")).is_err());
        assert!(Days::of(at("2026-01-01T00:00:00Z"), at("9999-01-01T00:00:00Z")).is_err());
    }

    #[test]
    fn a_span_runs_from_the_first_day_to_the_first_that_is_good_again() {
        let client = Client::open("memory:").unwrap();
        for (kind, day) in [("OVERRIDE", 2), ("SAT_SCORE", 3)] {
            let event = json!({"type": kind, "actor": "anne", "value": 1, "occurred_at": format!("2026-01-{day:02}T06:00:00Z")});
            client.record_event(event).unwrap();
        }
        let policy = Policy::from_yaml(
            "p",
            "{name: p, window_days: 2, rules: [{id: r, when: ['override_rate > 0.3', 'sat_score_mean < 3'], then: pip}, \
             {id: idle, when: [open.count > 3], then: watch}]}",
        )
        .unwrap();
        let replay = |to: &str| {
            spans(&client, &policy, Days::of(at("2026-01-01T00:00:00Z"), at(to)).unwrap()).unwrap()
        };
        let span = |until: Option<&str>| Span {
            actor: ActorName::new("anne").unwrap(),
            status: Status::Pip,
            rules: vec!["r".to_owned()],
            from: at("2026-01-03T00:00:00Z").day(),
            until: until.map(|until| at(until).day()),
        };
        assert_eq!(replay("2026-01-08T00:00:00Z"), [span(Some("2026-01-04T00:00:00Z"))]);
        assert_eq!(replay("2026-01-03T00:00:00Z"), [span(None)]);
        assert_eq!(left_out(&policy), ["idle"]);
    }
}
