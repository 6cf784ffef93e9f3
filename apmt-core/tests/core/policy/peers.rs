//! Rules that compare an actor with its peers: at `as_of`, and at the ends of the days before.

mod tracks;

use std::sync::Arc;

use apmt_core::evidence::{Bundle, verify};
use apmt_core::policy::{Explanation, PeerGroups, Policy, RuleState};
use apmt_core::statistics::{Cases, Funnel};
use apmt_core::time::{DAY_MS, ManualClock};
use apmt_core::{
    ActorKind, ActorName, AsOf, Calendar, Dossier, Event, MemoryStore, Status, Store as _, Timestamp,
};
use futures_lite::future::block_on;
use proptest::prelude::*;

fn policy(more: &str) -> Policy {
    policy_by("kind", more)
}

fn policy_by(by: &str, more: &str) -> Policy {
    let text = format!(
        "name: test\nwindow_days: 10\nrules:\n  - id: only\n    when: [override_rate > 0.3]\n    peers: {{by: [{by}], min_group: 4}}\n{more}    then: pip\n"
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

    let cases = |(_, part, whole): &(&str, u64, u64)| [Cases { kind: 0, part: *part, whole: *whole }];
    let others: Vec<[Cases; 1]> = rates.iter().filter(|(name, ..)| *name != "bob").map(cases).collect();
    let funnel = Funnel::among(&cases(&rates[1]), others.iter().map(|cases| (&cases[..], 1))).unwrap();
    let band = &bob.peers.unwrap().bands[0];
    assert_eq!(band.limits, Some(funnel.limits(0.998)));
    assert_eq!(
        (band.rate, band.dispersion, band.members, band.cases),
        (Some(funnel.expected()), Some(funnel.dispersion()), 10, 60)
    );
    assert!(!band.outside && anne.peers.as_ref().unwrap().bands[0].outside && band.tracks.is_empty());
    let said = anne.to_string();
    assert!(said.contains("The 9 others of its group together have a rate of 29.4 %"), "{said}");
    assert!(said.contains("this override rate of 91.7 % lies outside that band."), "{said}");
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
            "There are 3 members of its group to compare the override rate with, which is too few: at least 4 are needed."
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
    assert!(said.contains("An improvement plan by this rule gives way to a review"), "{said}");
    for name in ["l", "m", "n", "o", "p", "q", "r", "s", "t"] {
        record(&store, name, ActorKind::Human, 0, (17, 60));
    }
    assert_eq!(ask(&store, "anne", &policy(""), noon(1)).status, Status::Pip, "half is not most");
}

/// Whose queue is long is no cause that all have in common unless all queues are.
#[test]
fn open_cases_count_among_peers() {
    let rule = "{id: only, when: [override_rate > 0.1, open.count > 2], peers: {min_group: 4}, then: pip}";
    let policy = Policy::from_yaml("p.yaml", &format!("{{name: p, rules: [{rule}]}}")).unwrap();
    let store = office(&beside(("anne", 60, 60), 12));
    let assign = |actor: &str| {
        let case = |number: i64| {
            Event::assigned(&format!("{actor}-{number}"), actor)
                .at(noon(0).plus_millis(number))
                .build()
                .unwrap()
        };
        block_on(store.append((0..3).map(case).collect())).unwrap();
    };
    assign("anne");
    let anne = ask(&store, "anne", &policy, noon(1));
    assert_eq!((anne.status, anne.explanations[0].common_cause.clone()), (Status::Pip, None));
    let others: Vec<String> = block_on(store.dossiers(AsOf::At(noon(1)), &policy, None, usize::MAX))
        .unwrap()
        .into_iter()
        .map(|dossier| dossier.actor.to_string())
        .filter(|actor| actor != "anne")
        .collect();
    for other in &others {
        assign(other);
    }
    let anne = ask(&store, "anne", &policy, noon(1));
    let common = anne.explanations[0].common_cause.clone().unwrap();
    assert_eq!((anne.status, common.breached, common.of), (Status::Review, 10, 10));
    // Before anything was assigned, nobody breached it.
    assert_eq!(ask(&store, "anne", &policy, noon(0).plus_millis(-1)).explanations[0].common_cause, None);
    // Whoever doubts it makes it again, without anybody else's cases.
    let rules = format!("{{name: p, rules: [{rule}]}}");
    let name = "anne".try_into().unwrap();
    let gathered = Bundle::gather(&store, &name, AsOf::At(noon(1)), &rules, "always", |_, _| ());
    let mut file = Vec::new();
    block_on(gathered).unwrap().write(&mut file).unwrap();
    let file = String::from_utf8(file).unwrap();
    assert_eq!(block_on(verify(&file)).unwrap().dossier.status, Status::Review);
    assert!(file.contains("anne-0") && !file.contains(&format!("{}-0", others[0])), "{file}");
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
    let by_track = read("{by: [track, kind], limit: 0.998, min_group: 8}", rate).unwrap();
    assert_eq!(by_track, read("{by: [kind, track, kind]}", rate).unwrap(), "in whichever order");
    for other in ["{limit: 0.95}", "{min_group: 9}", "{by: [track, kind]}"] {
        assert_ne!(policy.digest(), read(other, rate).unwrap().digest());
    }
    for (peers, when, expected) in [
        ("{by: [track]}", rate, "peers are of one kind, for a person's rate and an agent's say nothing"),
        ("{by: [knd]}", rate, "expected track or kind, found \"knd\"; did you mean kind?"),
        ("{by: []}", rate, "expected a list of what the members of a group have in common"),
        ("{by: kind}", rate, "expected a list of what the members of a group have in common"),
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

#[test]
fn what_is_likely_to_flag_by_chance_among_peers_is_warned_of() {
    let lints = |sla: &str, peers: &str| -> String {
        let condition = "{metric: override_rate, above: 0.3, bound: wilson_lower}";
        let text = format!(
            "{{name: x, {sla}rules: [{{id: r, when: [{condition}], for: 30d, peers: {peers}, then: pip}}]}}"
        );
        let messages = Policy::from_yaml("x", &text).unwrap().lint().into_iter().map(|lint| lint.message);
        messages.collect::<Vec<_>>().join("; ")
    };
    for good in ["{}", "{by: [track, kind], limit: 0.998, min_group: 8}", "{limit: 0.98}"] {
        assert_eq!(lints("", good), "", "{good}");
    }
    assert!(
        lints("", "{min_group: 7}")
            .starts_with("peers with min_group: 7 are compared with 6 others at least")
    );
    assert!(
        lints("", "{limit: 0.9}").starts_with("peers with limit: 0.9 put one in 20 outside of the limits")
    );
    let tracks = "sla: {target: 3d, tracks: {simple: 1d}}, ";
    assert!(lints(tracks, "{}").contains("by: [track, kind] compares like with like"));
    assert_eq!(lints(tracks, "{by: [track, kind]}"), "");
    // Peers are no excuse for a bare threshold.
    let bare = "{name: x, rules: [{id: r, when: [override_rate > 0.3], for: 30d, peers: {}, then: pip}]}";
    let bare = Policy::from_yaml("x", bare).unwrap().lint();
    assert!(bare.len() == 1 && bare[0].message.contains("compares a rate with a bare threshold"), "{bare:?}");
}

/// Everything that a rule may say at once.
#[test]
fn a_whole_rule_with_peers_is_read_judged_and_told() {
    let text = "
name: whole
rules:
  - id: high-override
    when:
      - {metric: override_rate, above: 0.30, bound: wilson_lower, confidence: 0.95}
      - appeals.overrides_reversed >= 3
    min: {decisions: 20}
    for: 30d
    clear_after: 14d
    peers: {by: [track, kind], limit: 0.998, min_group: 8}
    applies_to: {kind: human}
    critical_element: CE-2
    then: pip
    advise: training
";
    let policy = Policy::from_yaml("whole.yaml", text).unwrap();
    assert_eq!(policy.lint(), []);
    let found = ask(&office(&beside(("anne", 55, 60), 17)), "anne", &policy, noon(1)).explanations.remove(0);
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["peers"]["by"], serde_json::json!(["track", "kind"]));
    let band = &json["peers"]["bands"][0];
    assert_eq!(
        (&band["metric"], &band["members"], &band["outside"]),
        (&"override_rate".into(), &10.into(), &true.into())
    );
    assert_eq!(
        (&band["tracks"][0]["track"], &band["tracks"][0]["cases"]),
        (&serde_json::Value::Null, &60.into())
    );
    assert_eq!(serde_json::from_value::<Explanation>(json).unwrap(), found);
    assert!(found.to_string().contains("Without a track: 60 of its cases at 91.7 %"), "{found}");
}

/// Five actors' days: overrides and other verdicts.
fn offices() -> impl Strategy<Value = Vec<Vec<(u64, u64)>>> {
    proptest::collection::vec(proptest::collection::vec((0..3_u64, 0..4_u64), 15..30), 5)
}

/// Of each day, what is odd is on one track or another, and the rest on none.
fn filled(days: &[Vec<(u64, u64)>]) -> MemoryStore {
    let store = empty();
    for (actor, days) in ["a", "b", "c", "d", "e"].into_iter().zip(days) {
        for ((overrides, others), day) in days.iter().zip(0..) {
            // The first gets more of them, so that somebody stands out.
            let overrides = if actor == "a" { overrides * 4 } else { *overrides };
            let track = ["", "simple", "complex"][(overrides + others) as usize % 3];
            tracks::record_on(&store, actor, track, day, (overrides, overrides + others));
        }
    }
    store
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// For `for`, the peers of each day are those of that day; and a replay says of each what a dossier says.
    #[test]
    fn each_evaluation_has_the_peers_of_its_day(days in offices(), held in 1..5_i64, by_track: bool) {
        let store = filled(&days);
        let by = if by_track { "track, kind" } else { "kind" };
        let (at_once, lasting) = (policy_by(by, ""), policy_by(by, &format!("    for: {held}d\n")));
        let (from, to) = (noon(3).day(), noon(25).day());
        let mut gathering = lasting.replay_gathering(from, to);
        let reach = lasting.replay_reach(from, to);
        let everybody = block_on(store.activities(reach, None, 10)).unwrap();
        // In whichever order they come.
        for activity in everybody.iter().rev() {
            gathering.add(activity);
        }
        let groups = gathering.finish();
        let stretches = lasting.replay(Some(ActorKind::Human), &everybody[0].days, &groups, from, to);
        for day in 3..=25 {
            let end = noon(day).day().end();
            let found = ask(&store, "a", &lasting, end);
            let met = |ago: i64| {
                let state = ask(&store, "a", &at_once, noon(day - ago).day().end()).explanations[0].state;
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
    fn everybody_has_the_same_peers_however_they_are_asked_for(days in offices(), by_track: bool) {
        let by = if by_track { "track, kind" } else { "kind" };
        let (store, policy) = (filled(&days), policy_by(by, "    for: 2d\n"));
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
