//! Peers by the track of their cases.

use apmt_core::policy::{PeerBand, TrackBand};

use super::*;

/// So many overrides and so many verdicts in all, on a day and on cases of a track; of none, if it is empty.
pub(super) fn record_on(
    store: &MemoryStore,
    actor: &str,
    track: &str,
    day: i64,
    (overrides, verdicts): (u64, u64),
) {
    let mut events = Vec::new();
    for n in 0..verdicts {
        let case = format!("{actor}-{track}-{day}-{n}");
        let at = noon(day).plus_millis(i64::try_from(n).unwrap());
        let opened = Event::case_opened(&case).at(at.plus_millis(-1));
        let opened = if track.is_empty() { opened } else { opened.track(track) };
        let verdict = if n < overrides { Event::override_of(actor) } else { Event::decision(actor) };
        events.push(opened.build().unwrap());
        events.push(verdict.case(&case).actor_kind(ActorKind::Human).at(at).build().unwrap());
    }
    block_on(store.append(events)).unwrap();
}

const OTHERS: [&str; 7] = ["bob", "carl", "dora", "erik", "faye", "gina", "hugo"];

/// Seven who decide 50 simple cases with 5 overrides and 10 hard ones with 6, one more or less, and anne.
fn office(anne: &[(&str, u64, u64)]) -> MemoryStore {
    let store = empty();
    for (name, more) in OTHERS.into_iter().zip([0, 1, 0, 1, 0, 1, 0]) {
        record_on(&store, name, "simple", 0, (4 + 2 * more, 50));
        record_on(&store, name, "hard", 0, (5 + more, 10));
    }
    for (track, overrides, verdicts) in anne {
        record_on(&store, "anne", track, 0, (*overrides, *verdicts));
    }
    store
}

fn explained_by(by: &str, store: &MemoryStore) -> Explanation {
    ask(store, "anne", &policy_by(by, ""), noon(1)).explanations.remove(0)
}

fn band(explanation: &Explanation) -> &PeerBand {
    &explanation.peers.as_ref().unwrap().bands[0]
}

#[test]
fn whoever_is_given_the_hard_cases_is_compared_with_those_who_decide_hard_cases() {
    let store = office(&[("simple", 1, 10), ("hard", 28, 50)]);
    let by_kind = explained_by("kind", &store);
    assert_eq!(by_kind.state, RuleState::Raised, "beside people who are given the simple ones: {by_kind}");
    let by_track = explained_by("track, kind", &store);
    assert_eq!(by_track.state, RuleState::Clear, "{by_track}");
    let band = band(&by_track);
    // The others have 34 of 350 simple cases, and 38 of 70 hard ones.
    let expected = (10.0 * 34.0 / 350.0 + 50.0 * 38.0 / 70.0) / 60.0;
    assert!((band.rate.unwrap() - expected).abs() < 1e-12, "{band:?}");
    assert_eq!((band.cases, band.value, band.members, band.outside), (60, Some(29.0 / 60.0), 8, false));
    let said = by_track.to_string();
    assert!(
        said.contains(
            "The 7 others of its group would, at their rates on each track, have come to 46.9 % on its 60 cases"
        ),
        "{said}"
    );
    assert!(
        said.contains("On hard: 50 of its cases at 56 %, beside 54.3 % of the others, not outside the band"),
        "{said}"
    );
}

/// Simpson's paradox: the rate over all cases is what everybody's is, and on each track it is twice theirs.
#[test]
fn whoever_is_given_the_simple_cases_does_not_hide_behind_them() {
    let store = office(&[("simple", 45, 140)]);
    for name in OTHERS {
        record_on(&store, name, "hard", -1, (25, 40));
    }
    let by_kind = band(&explained_by("kind", &store)).clone();
    assert!(!by_kind.outside, "{by_kind:?}");
    let by_track = explained_by("track, kind", &store);
    assert!(band(&by_track).outside && by_track.state == RuleState::Raised, "{by_track}");
}

#[test]
fn a_track_with_too_few_members_is_left_out_and_said() {
    let store = office(&[("simple", 30, 50), ("rare", 9, 10)]);
    record_on(&store, "bob", "rare", 0, (1, 10));
    let found = explained_by("track, kind", &store);
    assert_eq!(found.state, RuleState::Raised, "{found}");
    let band = band(&found);
    assert_eq!((band.cases, band.value), (50, Some(0.6)), "what is compared");
    let rare: &TrackBand = &band.tracks[0];
    assert_eq!(rare.track.as_ref().unwrap().as_str(), "rare");
    assert_eq!((rare.members, rare.cases, rare.rate, rare.limits, rare.outside), (2, 10, None, None, false));
    let said = found.to_string();
    assert!(
        said.contains("On rare: 10 of its cases at 90 %, which are not compared, for there are only 2 members to compare them with: at least 4 are needed."),
        "{said}"
    );

    let alone = office(&[("rare", 9, 10)]);
    let found = ask(&alone, "anne", &policy_by("track, kind", ""), noon(1));
    assert_eq!(found.status, Status::InsufficientData, "nobody else has such cases");
    let said = found.explanations[0].to_string();
    assert!(said.contains("which is too few on any track of its own: at least 4 are needed."), "{said}");
}

#[test]
fn cases_without_a_track_are_compared_with_each_other() {
    let store = office(&[("", 9, 10)]);
    for name in &OTHERS[..4] {
        record_on(&store, name, "", 0, (1, 10));
    }
    let found = explained_by("track, kind", &store);
    let [without] = &*band(&found).tracks else { panic!("{found:?}") };
    assert_eq!((&without.track, without.members, without.rate), (&None, 5, Some(0.1)));
    assert_eq!(found.state, RuleState::Raised);
    assert!(found.to_string().contains("Without a track: 10 of its cases at 90 %, beside 10 %"), "{found}");
}

#[test]
fn where_all_cases_are_of_one_track_it_makes_no_difference_to_tell_them_apart() {
    let store = empty();
    for (name, overrides) in OTHERS.into_iter().zip([3, 9, 5, 6, 2, 7, 8]) {
        record_on(&store, name, "simple", 0, (overrides, 20 + overrides));
    }
    record_on(&store, "anne", "simple", 0, (30, 40));
    let (by_kind, by_track) = (explained_by("kind", &store), explained_by("track, kind", &store));
    let all = |found: &Explanation| {
        let band = band(found);
        (band.rate, band.dispersion, band.limits, band.value, band.cases, band.members, band.outside)
    };
    assert_eq!(all(&by_kind), all(&by_track));
    let [simple] = &*band(&by_track).tracks else { panic!("{by_track:?}") };
    assert_eq!((simple.rate, simple.limits), (band(&by_kind).rate, band(&by_kind).limits));
}

/// Agents are compared by how their advice fares, and people by their targets.
#[test]
fn every_rate_that_is_compared_knows_tracks() {
    let store = empty();
    for (n, agent) in ["bot", "b2", "b3", "b4", "b5"].into_iter().enumerate() {
        for case in 0..30_i64 {
            let (id, at) = (format!("{agent}-{case}"), noon(0).plus_millis(case));
            let verdict = if agent == "bot" || case % 6 == 0 { "deny" } else { "grant" };
            let decided = Event::decision(&format!("anne{n}")).case(&id).human_verdict(verdict);
            let hours = if n == 0 { 30 } else { 1 };
            let batch = [
                Event::case_opened(&id).track("simple").at(at),
                Event::recommendation_of(agent, &id, "grant").actor_kind(ActorKind::Agent).at(at),
                decided.at(at.plus_millis(hours * 3_600_000)),
            ];
            block_on(store.append(batch.map(|event| event.build().unwrap()).into())).unwrap();
        }
    }
    let policy = Policy::from_yaml(
        "x",
        "{name: x, sla: {target: 24h}, rules: [\
         {id: advice, when: [overridden_rate > 0.3], peers: {by: [track, kind], min_group: 4}, then: review}, \
         {id: late, when: [sla.compliance < 0.9], peers: {by: [track, kind], min_group: 4}, then: watch}]}",
    )
    .unwrap();
    assert_eq!(ask(&store, "bot", &policy, noon(5)).status, Status::Review);
    assert_eq!(ask(&store, "b2", &policy, noon(5)).status, Status::Good);
    let late = ask(&store, "anne0", &policy, noon(5));
    assert_eq!(late.status, Status::Watch);
    let band = band(&late.explanations[1]);
    assert_eq!((band.rate, band.value, band.tracks[0].cases), (Some(1.0), Some(0.0), 30));
}
