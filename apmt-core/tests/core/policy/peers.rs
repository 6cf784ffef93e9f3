//! Rules that compare an actor with its peers: at `as_of`, and at the ends of the days before.

use std::sync::Arc;

use apmt_core::policy::{Explanation, PeerGroups, Policy, RuleState};
use apmt_core::statistics::Funnel;
use apmt_core::time::{DAY_MS, ManualClock};
use apmt_core::{
    ActorKind, ActorName, AsOf, Calendar, Dossier, Event, MemoryStore, Status, Store as _, Timestamp,
};
use futures_lite::future::block_on;
use proptest::prelude::*;

fn policy(more: &str) -> Policy {
    let text = format!(
        "name: test\nwindow_days: 10\nrules:\n  - id: only\n    when: [override_rate > 0.3]\n    peers: {{min_group: 4}}\n{more}    then: pip\n"
    );
    Policy::from_yaml("test.yaml", &text).unwrap()
}

fn noon(day: i64) -> Timestamp {
    let start: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    start.plus_millis(day * DAY_MS as i64)
}

fn empty() -> MemoryStore {
    MemoryStore::with(Arc::new(ManualClock::at(noon(400))), Calendar::Always)
}

/// So many overrides and so many verdicts in all, on a day.
fn record(store: &MemoryStore, actor: &str, kind: ActorKind, day: i64, (overrides, verdicts): (u64, u64)) {
    let event = |n| {
        let event = if n < overrides { Event::override_of(actor) } else { Event::decision(actor) };
        event.actor_kind(kind).at(noon(day).plus_millis(i64::try_from(n).unwrap())).build().unwrap()
    };
    block_on(store.append((0..verdicts).map(event).collect())).unwrap();
}

/// The same of each of them, beside somebody.
fn beside(somebody: (&'static str, u64, u64), others: u64) -> Vec<(&'static str, u64, u64)> {
    let names = ["bob", "carl", "dora", "erik", "faye", "gina", "hugo", "iris", "jack"];
    let around = names.into_iter().zip([2, 1, 0, 0, 0, 0, 0, 1, 2]);
    std::iter::once(somebody).chain(around.map(|(name, more)| (name, others + more, 60))).collect()
}

fn office(rates: &[(&str, u64, u64)]) -> MemoryStore {
    let store = empty();
    for (actor, overrides, verdicts) in rates {
        record(&store, actor, ActorKind::Human, 0, (*overrides, *verdicts));
    }
    store
}

fn ask(store: &MemoryStore, actor: &str, policy: &Policy, as_of: Timestamp) -> Dossier {
    block_on(store.dossier(&actor.try_into().unwrap(), AsOf::At(as_of), policy)).unwrap()
}

fn explained(store: &MemoryStore, actor: &str) -> Explanation {
    ask(store, actor, &policy(""), noon(1)).explanations.remove(0)
}

#[test]
fn a_rule_holds_only_outside_of_the_peers_limits() {
    let rates = beside(("anne", 55, 60), 17);
    let store = office(&rates);
    let anne = explained(&store, "anne");
    assert_eq!((anne.state, anne.then), (RuleState::Raised, Status::Pip));
    let bob = explained(&store, "bob");
    assert_eq!(bob.state, RuleState::Clear, "{bob}");
    assert!(bob.conditions[0].holds, "a third is over the limit, and like everybody else's");

    let group: Vec<(u64, u64)> =
        rates.iter().map(|(_, overrides, verdicts)| (*overrides, *verdicts)).collect();
    let funnel = Funnel::of(&group).unwrap();
    let band = &bob.peers.unwrap().bands[0];
    assert_eq!(band.limits, Some(funnel.limits(60, 0.998)));
    assert_eq!(
        (band.rate, band.dispersion, band.members),
        (Some(funnel.rate()), Some(funnel.dispersion()), 10)
    );
    assert!(!band.outside && anne.peers.as_ref().unwrap().bands[0].outside);
    let said = anne.to_string();
    assert!(said.contains("The 10 members of its group have together a rate of 35.7 %"), "{said}");
    assert!(said.contains("lies outside that band."), "{said}");
}

#[test]
fn too_few_peers_are_no_peers() {
    let store = office(&[("anne", 9, 10), ("bob", 1, 10), ("carl", 0, 10)]);
    record(&store, "bot", ActorKind::Agent, 0, (0, 10));
    let anne = ask(&store, "anne", &policy(""), noon(1));
    assert_eq!(
        (anne.status, anne.explanations[0].state),
        (Status::InsufficientData, RuleState::InsufficientData)
    );
    let said = anne.explanations[0].to_string();
    assert!(
        said.contains(
            "There are 3 members of its group to compare the override rate with, too few: it takes 4."
        ),
        "{said}"
    );
    assert_eq!(explained(&store, "bob").state, RuleState::Clear, "whose own rate is good needs no peers");
    record(&store, "dora", ActorKind::Human, 0, (1, 10));
    let anne = explained(&store, "anne");
    assert_ne!(anne.state, RuleState::InsufficientData, "the agent is no peer, and a fourth person is");
    assert_eq!(anne.peers.unwrap().bands[0].members, 4);
}

#[test]
fn a_rule_that_looks_for_too_little_looks_under_the_lower_limit() {
    let text =
        "{name: x, rules: [{id: r, when: [override_rate < 0.1], peers: {min_group: 4}, then: review}]}";
    let policy = Policy::from_yaml("x", text).unwrap();
    let store = office(&beside(("anne", 0, 60), 17));
    assert_eq!(ask(&store, "anne", &policy, noon(1)).status, Status::Review);
    let said = ask(&store, "anne", &policy, noon(1)).explanations[0].to_string();
    assert!(said.contains("a question about the process"), "{said}");
    let alike = office(&beside(("anne", 3, 60), 3));
    let anne = ask(&alike, "anne", &policy, noon(1)).explanations.remove(0);
    assert_eq!((anne.state, anne.conditions[0].holds), (RuleState::Clear, true));
}

#[test]
fn where_most_breach_at_once_the_outcome_is_a_review_and_says_why() {
    // All but one are over the limit, one of them by far.
    let store = office(&beside(("anne", 60, 60), 20));
    record(&store, "kate", ActorKind::Human, 0, (16, 60));
    let anne = ask(&store, "anne", &policy(""), noon(1));
    assert_eq!((anne.status, anne.reasons[0].then), (Status::Review, Status::Review));
    let common = anne.explanations[0].common_cause.clone().unwrap();
    assert_eq!((common.breached, common.of, common.instead_of), (10, 11, Status::Pip));
    let said = anne.explanations[0].to_string();
    assert!(
        said.contains("Of the 11 in its group who can be judged by it, 10 breach this rule at once"),
        "{said}"
    );
    assert!(said.contains("A pip by this rule gives way to a review"), "{said}");
    for name in ["l", "m", "n", "o", "p", "q", "r", "s", "t"] {
        record(&store, name, ActorKind::Human, 0, (17, 60));
    }
    assert_eq!(ask(&store, "anne", &policy(""), noon(1)).status, Status::Pip, "half is not most");
}

#[test]
fn peers_are_read_with_their_defaults_and_their_mistakes() {
    let read = |peers: &str, when: &str| {
        Policy::from_yaml(
            "x",
            &format!("{{name: x, rules: [{{id: r, when: ['{when}'], peers: {peers}, then: pip}}]}}"),
        )
    };
    let rate = "override_rate > 0.3";
    let policy = read("{}", rate).unwrap();
    let peers = policy.rules()[0].peers().unwrap();
    assert_eq!((peers.limit(), peers.min_group()), (0.998, 8));
    assert_eq!(peers.by().iter().map(|by| by.name()).collect::<Vec<_>>(), ["kind"]);
    assert_eq!(policy, read("{by: [kind], limit: 0.998, min_group: 8}", rate).unwrap());
    for other in ["{limit: 0.95}", "{min_group: 9}"] {
        assert_ne!(policy.digest(), read(other, rate).unwrap().digest());
    }
    for (peers, when, expected) in [
        ("{by: [track]}", rate, "peers of one track are not supported yet; expected kind"),
        ("{by: [knd]}", rate, "expected kind"),
        ("{by: []}", rate, "expected a list of what the members of a group have in common"),
        ("{limit: 1}", rate, "expected a number over 0.5 and up to"),
        ("{min_group: 1}", rate, "expected a whole number from 2"),
        ("{mingroup: 9}", rate, "\"mingroup\" is no field of the peers"),
        ("{}", "sat_score_mean < 3", "the rule has no condition on one"),
        ("{}", "override_rate == 0.3", "the rule has no condition on one"),
    ] {
        let error = read(peers, when).unwrap_err().to_string();
        assert!(error.contains(expected), "{peers} {when}: {error}");
    }
}

/// Four actors' days: overrides and other verdicts.
fn offices() -> impl Strategy<Value = Vec<Vec<(u64, u64)>>> {
    proptest::collection::vec(proptest::collection::vec((0..3_u64, 0..4_u64), 15..30), 5)
}

fn filled(days: &[Vec<(u64, u64)>]) -> MemoryStore {
    let store = empty();
    for (actor, days) in ["a", "b", "c", "d", "e"].into_iter().zip(days) {
        for ((overrides, others), day) in days.iter().zip(0..) {
            // The first gets more of them, so that somebody stands out.
            let overrides = if actor == "a" { overrides * 4 } else { *overrides };
            record(&store, actor, ActorKind::Human, day, (overrides, overrides + others));
        }
    }
    store
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// For `for`, the peers of each day are those of that day; and a replay says of each what a dossier says.
    #[test]
    fn each_evaluation_has_the_peers_of_its_day(days in offices(), held in 1..5_i64) {
        let store = filled(&days);
        let lasting = policy(&format!("    for: {held}d\n"));
        let (from, to) = (noon(3).day(), noon(25).day());
        let mut gathering = lasting.replay_gathering(from, to);
        let reach = lasting.replay_reach(from, to);
        let everybody = block_on(store.activities(reach, None, 10)).unwrap();
        for activity in &everybody {
            gathering.add(activity);
        }
        let groups = gathering.finish();
        let stretches = lasting.replay(Some(ActorKind::Human), &everybody[0].days, &groups, from, to);
        for day in 3..=25 {
            let end = noon(day).day().end();
            let found = ask(&store, "a", &lasting, end);
            let met = |ago: i64| {
                let state = ask(&store, "a", &policy(""), noon(day - ago).day().end()).explanations[0].state;
                state == RuleState::Raised
            };
            prop_assert_eq!(found.status.is_raised(), (0..=held).all(met), "day {}: {:?}", day, found.explanations);
            let stretch = stretches.iter().find(|stretch| {
                stretch.from <= end.day() && stretch.until.is_none_or(|until| end.day() < until)
            });
            prop_assert_eq!(stretch.map(|stretch| stretch.status), Some(found.status).filter(|status| status.is_raised()));
        }
        prop_assert!(lasting.replay(None, &everybody[0].days, &PeerGroups::none(), from, to).is_empty());
    }

    /// The scoreboard and the dossier of one say the same, however it is paged.
    #[test]
    fn everybody_has_the_same_peers_however_they_are_asked_for(days in offices()) {
        let (store, policy) = (filled(&days), policy("    for: 2d\n"));
        let as_of = AsOf::At(noon(12));
        let mut after: Option<ActorName> = None;
        loop {
            let page = block_on(store.dossiers(as_of, &policy, after.as_ref(), 2)).unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.actor.clone());
            for dossier in &page {
                prop_assert_eq!(dossier, &ask(&store, dossier.actor.as_str(), &policy, noon(12)));
            }
        }
    }
}
