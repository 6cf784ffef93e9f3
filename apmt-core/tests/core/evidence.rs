//! Evidence bundles: what is in them, and that whatever is changed is found.

use std::sync::Arc;

use apmt_core::case::FOLD_VERSION;
use apmt_core::conformance::{now, random_events, time};
use apmt_core::evidence::{Bundle, Flaw, verify};
use apmt_core::policy::DEFAULT_POLICY_YAML;
use apmt_core::store::judge_one_here;
use apmt_core::time::ManualClock;
use apmt_core::{ActorKind, ActorName, AsOf, Calendar, Event, MemoryStore, Policy, Store};
use futures_lite::future::block_on;
use proptest::prelude::*;
use serde_json::{Value, json};

const ANNE: &str = "anne@sba.gov";

fn store() -> MemoryStore {
    MemoryStore::with(Arc::new(ManualClock::at(now())), Calendar::Always)
}

fn file_of(store: &MemoryStore, actor: &str, policy: &str) -> String {
    let actor = ActorName::new(actor).unwrap();
    let gathered = Bundle::gather(store, &actor, AsOf::At(now()), policy, "always", |_, _| ());
    let mut file = Vec::new();
    block_on(gathered).unwrap().write(&mut file).unwrap();
    String::from_utf8(file).unwrap()
}

fn flaw(file: &str) -> Flaw {
    block_on(verify(file)).unwrap_err()
}

/// The case ids of a bundle's events, and their types where they have none.
fn what(file: &str) -> Vec<String> {
    let file: Value = serde_json::from_str(file).unwrap();
    let named = |event: &Value| event["case_id"].as_str().or(event["type"].as_str()).unwrap().to_owned();
    file["events"].as_array().unwrap().iter().map(|linked| named(&linked["event"])).collect()
}

/// Anne's case, one that she lost to Bob, a rating of hers, and what does not concern her.
fn office() -> MemoryStore {
    let at = |day: u32, hour: u32| time(&format!("2026-03-{day:02}T{hour:02}:00:00Z"));
    let mistake = Event::override_of(ANNE).at(at(5, 9)).build().unwrap();
    let mistaken = Event::decision(ANNE).at(at(5, 9)).id(uuid(7)).build().unwrap();
    let events = [
        Event::assigned("HERS", ANNE).at(at(2, 9)),
        Event::recommendation_of("bot", "HERS", "deny").at(at(2, 8)),
        Event::decision(ANNE)
            .case("HERS")
            .human_verdict("approve")
            .at(at(3, 9))
            .field("note", "as she wrote it"),
        Event::sat_score(2).case("HERS").at(at(20, 9)),
        Event::assigned("LOST", ANNE).at(at(2, 9)),
        Event::assigned("LOST", "bob").at(at(4, 9)),
        Event::decision("bob").case("LOST").at(at(4, 12)),
        Event::assigned("OPEN", ANNE).at(at(20, 9)),
        Event::decision("bob").case("HIS").at(at(4, 12)),
        Event::viewed("HIS", ANNE).at(at(4, 13)),
        Event::sat_score(5).actor(ANNE).at(at(6, 9)),
        Event::retraction(uuid(7), "twice").at(at(8, 9)),
        Event::retraction(uuid(9), "never recorded").at(at(8, 9)),
    ];
    let store = store();
    let mut events: Vec<Event> = events.into_iter().map(|event| event.build().unwrap()).collect();
    events.extend([mistake, mistaken]);
    block_on(store.append(events)).unwrap();
    store
}

fn uuid(number: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(number)
}

#[test]
fn a_bundle_holds_the_actors_cases_whole_and_nothing_else() {
    let file = file_of(&office(), ANNE, DEFAULT_POLICY_YAML);
    assert_eq!(
        what(&file),
        ["HERS", "HERS", "HERS", "HERS", "LOST", "LOST", "LOST", "OPEN", "SAT_SCORE", "OVERRIDE"],
        "what was retracted before it came counts for nothing and is not there"
    );
    assert!(file.contains("\"note\":\"as she wrote it\""), "events are whole");
    assert!(file.contains("\"peers\": []"), "no rule compares with them");
    let verified = block_on(verify(&file)).unwrap();
    let metrics = &verified.dossier.metrics;
    assert_eq!((metrics.decisions, metrics.overrides, metrics.open.count), (2, 2, 1));
    assert_eq!((verified.events, verified.peers), (10, 0));
}

#[test]
fn a_retraction_comes_with_what_it_retracts() {
    let store = store();
    let at = |hour: u32| time(&format!("2026-03-02T{hour:02}:00:00Z"));
    // On the case, and on no case at all.
    let events = [
        Event::decision(ANNE).case("C-1").at(at(9)),
        Event::override_of(ANNE).case("C-1").at(at(10)).id(uuid(1)),
        Event::retraction(uuid(1), "by mistake").at(at(12)),
    ];
    block_on(store.append(events.map(|event| event.build().unwrap()).into())).unwrap();
    let file = file_of(&store, ANNE, DEFAULT_POLICY_YAML);
    assert_eq!(what(&file), ["C-1", "C-1", "RETRACTION"]);
    assert_eq!(block_on(verify(&file)).unwrap().dossier.metrics.overrides, 0);
}

#[test]
fn what_was_said_last_of_the_actors_kind_comes_with_its_case() {
    let store = store();
    let at = |text: &str| time(text);
    // Long before the window she took a case over, and said so as an agent; Bob has decided it since.
    let events = [
        Event::assigned("OLD", ANNE).actor_kind(ActorKind::Agent).at(at("2025-01-02T09:00:00Z")),
        Event::decision("bob").case("OLD").at(at("2025-01-03T09:00:00Z")),
        Event::decision(ANNE).case("NEW").at(at("2026-03-02T09:00:00Z")),
        Event::assigned("OLDER", ANNE).at(at("2024-01-02T09:00:00Z")),
        Event::decision(ANNE).case("OLDER").at(at("2024-01-02T10:00:00Z")),
    ];
    block_on(store.append(events.map(|event| event.build().unwrap()).into())).unwrap();
    let file = file_of(&store, ANNE, DEFAULT_POLICY_YAML);
    assert_eq!(what(&file), ["OLD", "OLD", "NEW"], "and no other old case");
    let dossier = block_on(verify(&file)).unwrap().dossier;
    assert_eq!((dossier.actor_kind, dossier.metrics.open.count), (Some(ActorKind::Agent), 0));
}

const AMONG_PEERS: &str =
    "{name: peers, rules: [{id: r, when: [override_rate > 0.3], peers: {min_group: 3}, then: pip}]}";

#[test]
fn peers_are_there_without_names_and_cases() {
    let store = store();
    let decided = |actor: &str, number: usize, overrides: bool| {
        let event = if overrides { Event::override_of(actor) } else { Event::decision(actor) };
        event.case(&format!("{actor}-{number}")).at(time("2026-03-02T09:00:00Z")).build().unwrap()
    };
    let events: Vec<Event> = ["bob@sba.gov", "carol@sba.gov", "dan@sba.gov", "eve@sba.gov", ANNE]
        .iter()
        .flat_map(|actor| {
            (0..40).map(move |number| decided(actor, number, *actor == ANNE || number % 4 == 0))
        })
        .collect();
    block_on(store.append(events)).unwrap();
    let file = file_of(&store, ANNE, AMONG_PEERS);
    for name in ["bob", "carol", "dan", "eve"] {
        assert!(!file.contains(&format!("{name}@")), "{name} is named");
    }
    let verified = block_on(verify(&file)).unwrap();
    assert_eq!((verified.events, verified.peers), (40, 4));
    let band = &verified.dossier.explanations[0].peers.as_ref().unwrap().bands[0];
    assert_eq!((band.members, band.rate), (5, Some(0.25)), "that of the others");

    let tampered = file.replacen("\"overrides\":10", "\"overrides\":39", 1);
    assert!(matches!(flaw(&tampered), Flaw::Peer { number: 1, of: 4 }), "{}", flaw(&tampered));
}

#[test]
fn a_tampered_part_is_named() {
    let file = file_of(&office(), ANNE, DEFAULT_POLICY_YAML);
    let said = |from: &str, to: &str| {
        assert!(file.contains(from), "{from}");
        flaw(&file.replacen(from, to, 1)).to_string()
    };
    let event = said("as she wrote it", "as somebody else did");
    assert!(event.starts_with("event 3 of 10 (") && event.contains("is not what was sealed"), "{event}");
    assert!(
        said("\"value\":2", "\"value\":\"2\"").starts_with("event 4 of 10"),
        "though it is the same stars"
    );
    let dossier = said("\"pip_recommended\":false", "\"pip_recommended\":true");
    assert_eq!(
        dossier,
        "the dossier differs at pip_recommended: the file says true, and its events come to false"
    );
    assert!(said("\"sat_score_mean\":3.5", "\"sat_score_mean\":3.5 ").contains("written in another way"));
    let policy = said("override_rate > 0.30", "override_rate > 0.10");
    assert!(policy.starts_with("the policy in the bundle has the digest"), "{policy}");
    assert!(
        said("override_rate > 0.30", "overide_rate > 0.30").contains("policy:5:12"),
        "a policy that is none"
    );
    let calendar = said("\"text\": \"always\"", "\"text\": \"us-federal\"");
    assert!(calendar.starts_with("the calendar in the bundle has the digest"), "{calendar}");
    assert!(said("\"log_position\": 15", "\"log_position\": 16").starts_with("the seal is"));
    assert!(said("\"seal\": \"", "\"seal\": \"0").starts_with("the seal is 0"));
    assert!(said("\"actor\": \"anne", "\"actor\": \"anna").starts_with("the dossier differs at actor"));
}

#[test]
fn an_event_that_is_left_out_or_moved_is_found() {
    let file = file_of(&office(), ANNE, DEFAULT_POLICY_YAML);
    let lines: Vec<&str> = file.lines().collect();
    let events = lines.iter().position(|line| line.starts_with("\"events\"")).unwrap() + 1;
    // The second of ten is left out.
    let without: Vec<&str> =
        lines.iter().enumerate().filter(|(n, _)| *n != events + 1).map(|(_, line)| *line).collect();
    assert!(matches!(flaw(&without.join("\n")), Flaw::Event { number: 2, of: 9, .. }));
    let mut moved = lines;
    moved.swap(events + 1, events + 2);
    assert!(matches!(flaw(&moved.join("\n")), Flaw::Event { number: 2, of: 10, .. }));
}

#[test]
fn what_is_no_bundle_or_of_another_version_is_not_judged() {
    let file = file_of(&office(), ANNE, DEFAULT_POLICY_YAML);
    for none in [
        "",
        "{}",
        "[]",
        "{\"apmt_evidence\": 1}",
        &file[..file.len() / 2],
        &file.replacen("\"seal\"", "\"sael\"", 1),
    ] {
        let flaw = flaw(none);
        assert!(matches!(flaw, Flaw::NoBundle(_)) && !flaw.is_found(), "{flaw}");
    }
    let later = flaw(&file.replacen("\"apmt_evidence\": 1", "\"apmt_evidence\": 2, \"more\": []", 1));
    assert_eq!(
        later.to_string(),
        "the bundle is of version 2, and this apmt reads version 1: verify it with the apmt that wrote it"
    );
    let folded = |version: i64| format!("\"fold\": {version}");
    let fold = flaw(&file.replacen(&folded(FOLD_VERSION), &folded(FOLD_VERSION + 1), 1));
    assert!(
        matches!(fold, Flaw::Fold { found, .. } if found == FOLD_VERSION + 1) && !fold.is_found(),
        "{fold}"
    );
}

#[test]
fn a_bundle_is_one_document_whose_lines_are_events() {
    let file = file_of(&office(), ANNE, DEFAULT_POLICY_YAML);
    let document: Value = serde_json::from_str(&file).unwrap();
    assert_eq!(document["apmt_evidence"], 1);
    let about = &document["about"];
    assert_eq!((&about["actor"], &about["as_of"]), (&json!(ANNE), &json!(now())));
    assert_eq!(about["policy"]["digest"], json!(Policy::default().digest()));
    assert_eq!(about["calendar"]["text"], "always");
    assert_eq!(file.lines().filter(|line| line.starts_with("{\"event\":{")).count(), 10);
    let (anne, as_of) = (ActorName::new(ANNE).unwrap(), AsOf::At(now()));
    let dossier = block_on(judge_one_here(&office(), &anne, as_of, &Policy::default())).unwrap();
    assert!(
        file.contains(&format!("\n\"dossier\": {},\n", dossier.to_json())),
        "as the store says it, on one line"
    );
}

#[test]
fn a_bundle_is_read_where_numbers_and_names_are_strange() {
    let store = store();
    let odd = [
        json!({"type": "DECISION", "actor": "ZOË", "case_id": "Ünit \"3\"\n", "large": 1e300, "small": 0.1, "whole": u64::MAX}),
        json!({"type": "SAT_SCORE", "case_id": "Ünit \"3\"", "value": 4, "link": "mine", "text": "\u{0}</script>"}),
    ];
    let odd = odd.map(|mut fields| {
        fields["occurred_at"] = json!(now());
        Event::from_value(fields).unwrap()
    });
    block_on(store.append(odd.into())).unwrap();
    let verified = block_on(verify(&file_of(&store, " zoë", DEFAULT_POLICY_YAML))).unwrap();
    assert_eq!(verified.dossier.metrics.sat_score_mean, Some(4.0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the log, its bundle is verified, and a changed letter anywhere in it is not.
    #[test]
    fn a_bundle_is_verified_and_a_changed_one_is_not(
        seed: u64,
        count in 1..120_usize,
        place: prop::sample::Index,
        letter in 0x21..0x7f_u8,
    ) {
        let store = store();
        block_on(store.append(random_events(seed, count))).unwrap();
        let file = file_of(&store, ANNE, AMONG_PEERS);
        prop_assert!(block_on(verify(&file)).is_ok());
        let mut changed = file.clone().into_bytes();
        let at = place.index(changed.len());
        // Between two values, one blank may stand for another.
        prop_assume!(changed[at] != letter && !changed[at].is_ascii_whitespace());
        changed[at] = letter;
        if let Ok(changed) = String::from_utf8(changed) {
            prop_assert!(block_on(verify(&changed)).is_err(), "{letter} at {at} of {file}");
        }
    }
}
