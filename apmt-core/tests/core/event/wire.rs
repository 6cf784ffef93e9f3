//! Events as JSON: the wire, to the letter, and back.

use apmt_core::{ActorKind, Event, EventType, IntoEvent, Invalid, Outcome, Recorded, Timestamp, What};
use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};
use uuid::Uuid;

use super::accepted;

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// Every type, with everything that it may have, built and as its JSON is written.
fn snapshots() -> Vec<(Event, String)> {
    let id: Uuid = ID.parse().unwrap();
    let at = "2026-03-01T12:00:00.500Z".parse().unwrap();
    let due = "2026-04-01T00:00:00Z".parse().unwrap();
    let head =
        |name: &str| format!(r#"{{"type":"{name}","id":"{ID}","occurred_at":"2026-03-01T12:00:00.500Z""#);
    [
        (
            Event::case_opened("C-1").track("expedited").due(due),
            "CASE_OPENED",
            r#""case_id":"C-1","track":"expedited","due":"2026-04-01T00:00:00Z""#,
        ),
        (
            Event::assigned("C-1", "Anne").actor_kind(ActorKind::Human),
            "ASSIGNED",
            r#""actor":"Anne","actor_kind":"HUMAN","case_id":"C-1""#,
        ),
        (Event::unassigned("C-1").actor("anne"), "UNASSIGNED", r#""actor":"anne","case_id":"C-1""#),
        (Event::paused(" C-1 ").reason("papers"), "PAUSED", r#""case_id":" C-1 ","reason":"papers""#),
        (Event::resumed("C-1").reason("came"), "RESUMED", r#""case_id":"C-1","reason":"came""#),
        (
            Event::recommendation_of("bot", "C-1", "deny").model("m-2").confidence(0.5),
            "AI_RECOMMENDATION",
            r#""actor":"bot","case_id":"C-1","ai_recommendation":"deny","model":"m-2","confidence":0.5"#,
        ),
        (
            Event::decision("anne").case("C-1").ai_recommendation("deny").human_verdict("Deny"),
            "DECISION",
            r#""actor":"anne","case_id":"C-1","ai_recommendation":"deny","human_verdict":"Deny""#,
        ),
        (
            Event::override_of("anne").case("C-1").ai_recommendation("deny").human_verdict("approve"),
            "OVERRIDE",
            r#""actor":"anne","case_id":"C-1","ai_recommendation":"deny","human_verdict":"approve""#,
        ),
        (Event::case_closed("C-1").actor("anne"), "CASE_CLOSED", r#""actor":"anne","case_id":"C-1""#),
        (Event::case_reopened("C-1"), "CASE_REOPENED", r#""case_id":"C-1""#),
        (Event::viewed("C-1", "anne"), "VIEWED", r#""actor":"anne","case_id":"C-1""#),
        (Event::survey_sent("C-1").channel("web"), "SURVEY_SENT", r#""case_id":"C-1","channel":"web""#),
        (
            Event::sat_score(4).actor("anne").channel("web"),
            "SAT_SCORE",
            r#""actor":"anne","value":4,"channel":"web""#,
        ),
        (
            Event::appeal_outcome("C-1", Outcome::Reversed),
            "APPEAL_OUTCOME",
            r#""case_id":"C-1","outcome":"REVERSED""#,
        ),
        (
            Event::retraction(id, "typed twice"),
            "RETRACTION",
            r#""retracts":"01890a5d-ac96-774b-bcce-b302099a8057","reason":"typed twice""#,
        ),
        (
            Event::plan_started("anne").by("boss").note("3 months"),
            "PLAN_STARTED",
            r#""actor":"anne","by":"boss","note":"3 months""#,
        ),
        (
            Event::plan_closed("anne").by("boss").note("met"),
            "PLAN_CLOSED",
            r#""actor":"anne","by":"boss","note":"met""#,
        ),
        (
            Event::custom("X_COFFEE").field("cups", 3).field("beans", json!({"kind": ["a", null]})),
            "X_COFFEE",
            r#""beans":{"kind":["a",null]},"cups":3"#,
        ),
    ]
    .into_iter()
    .map(|(builder, name, fields)| {
        (builder.id(id).at(at).build().unwrap(), format!("{},{fields}}}", head(name)))
    })
    .collect()
}

#[test]
fn the_wire_of_every_type() {
    let snapshots = snapshots();
    for (event, json) in &snapshots {
        assert_eq!(event.to_json(), *json);
        assert_eq!(format!("{event:?}"), *json, "Debug shows the JSON");
        assert_eq!(serde_json::from_str::<Event>(json).unwrap(), *event, "by serde");
    }
    let mut types: Vec<EventType> = snapshots.iter().map(|(event, _)| event.event_type()).collect();
    assert_eq!(types.pop(), Some(EventType::Custom));
    assert_eq!(types, EventType::ALL, "every type has its snapshot");
}

#[test]
fn a_builder_and_json_make_the_same_event() {
    for (event, json) in snapshots() {
        assert_eq!(Event::from_json(&json), Ok(event.clone()));
        assert_eq!(Event::from_value(serde_json::from_str(&json).unwrap()), Ok(event));
    }
}

#[test]
fn whatever_becomes_an_event_becomes_the_same() {
    fn same(into: impl IntoEvent) {
        assert_eq!(into.into_event(), Event::override_of("anne").build());
    }
    let (text, value) =
        (r#"{"type":"OVERRIDE","actor":"anne"}"#, json!({"type": "OVERRIDE", "actor": "anne"}));
    same(Event::override_of("anne"));
    same(Event::override_of("anne").build().unwrap());
    same(Event::override_of("anne").build());
    same(text);
    same(text.to_owned());
    same(text.as_bytes());
    same(&value);
    same(value.clone());
    assert_eq!(text.parse::<Event>(), Event::try_from(value));
    assert!(Err::<Event, _>(Invalid::missing("type", "is missing")).into_event().is_err());
}

#[test]
fn unknown_fields_are_kept() {
    let event = accepted(&json!({
        "type": "VIEWED", "actor": "anne", "case_id": "C-1",
        "office": "Denver", "nothing": null, "value": 9, "human_verdict": ["not", "a", "verdict", "here"],
    }));
    assert_eq!(event.extra()["office"], "Denver");
    assert_eq!(event.extra()["nothing"], Value::Null);
    assert_eq!(event.extra()["value"], 9, "a field of another type's is kept like any other");
    let back: Value = serde_json::from_str(&event.to_json()).unwrap();
    assert_eq!(back["human_verdict"], json!(["not", "a", "verdict", "here"]));
}

#[test]
fn what_a_store_adds_is_passed_over_on_the_way_in() {
    let event = Event::decision("anne").at("2026-03-01T12:00:00Z".parse().unwrap()).build().unwrap();
    let recorded = Recorded::new(event, 7, "2026-03-02T00:00:00Z".parse().unwrap()).with_retracted(true);
    let json = serde_json::to_string(&recorded).unwrap();
    let head = format!(
        r#"{{"type":"DECISION","id":"{}","occurred_at":"2026-03-01T12:00:00Z","actor":"anne""#,
        recorded.id
    );
    assert_eq!(json, head + r#","position":7,"recorded_at":"2026-03-02T00:00:00Z","retracted":true}"#);
    assert_eq!(Event::from_json(json).unwrap(), recorded.event);
}

/// A store that keeps the id and the instant beside the rest makes the same event of the three.
#[test]
fn a_payload_is_the_event_without_id_and_instant() {
    for (event, _) in snapshots() {
        let (id, at) = (event.id().unwrap(), event.occurred_at().unwrap());
        let payload = event.to_payload();
        assert!(!payload.contains(r#""id""#) && !payload.contains(r#""occurred_at""#), "{payload}");
        assert_eq!(Event::from_payload(payload.as_bytes(), id, at), Ok(event));
    }
}

/// Numbers may take more room than they came in: what would be too large as it is written is refused at once.
#[test]
fn an_event_that_grows_over_the_limit_is_refused() {
    let grows = |count| format!(r#"{{"type":"X_LONG","n":[{}1]}}"#, "1e15,".repeat(count));
    assert!(Event::from_json(grows(3_000)).is_ok());
    assert!(grows(12_000).len() < apmt_core::event::MAX_EVENT_BYTES);
    let error = Event::from_json(grows(12_000)).unwrap_err();
    assert!(error.rule().starts_with("must be at most 65536 bytes"), "{error}");
}

/// The largest event can be exported and recorded elsewhere, though the store has added to it.
#[test]
fn the_largest_event_can_be_recorded_again_from_an_export() {
    let note = "n".repeat(apmt_core::event::MAX_EVENT_BYTES - r#"{"type":"X_LONG","note":""}"#.len());
    let event = Event::from_json(format!(r#"{{"type":"X_LONG","note":"{note}"}}"#)).unwrap();
    let recorded = Recorded::new(event, u64::MAX, "2026-03-02T00:00:00.123Z".parse().unwrap());
    let exported = serde_json::to_string(&recorded.with_retracted(true)).unwrap();
    assert!(exported.len() > apmt_core::event::MAX_EVENT_BYTES);
    assert!(Event::from_json(&exported).is_ok());
    let longer = exported.replace(r#""note":"n"#, &format!(r#""note":"{}"#, "n".repeat(300)));
    assert!(Event::from_json(longer).is_err());
}

#[test]
fn the_actor_is_a_key_and_keeps_what_was_sent() {
    let event =
        accepted(&json!({"type": "DECISION", "actor": " Officer_Anne@SBA.gov\t", "case_id": " C-1 "}));
    assert_eq!(event.actor().unwrap().as_str(), "officer_anne@sba.gov");
    assert_eq!(event.actor_as_sent(), Some(" Officer_Anne@SBA.gov\t"));
    assert_eq!(event.case_id().unwrap().as_str(), "C-1");
}

#[test]
fn blank_verdicts_are_none() {
    let event = accepted(
        &json!({"type": "DECISION", "actor": "anne", "human_verdict": "", "ai_recommendation": " "}),
    );
    assert_eq!(event.what(), &What::Decision { ai_recommendation: None, human_verdict: None });
}

#[test]
fn a_confidence_that_json_cannot_write_is_left_out() {
    for confidence in [f64::NAN, f64::INFINITY] {
        let event = Event::recommendation_of("bot", "C-1", "deny").confidence(confidence).build().unwrap();
        assert!(!event.to_json().contains("confidence"));
    }
}

#[test]
fn an_event_is_given_what_it_lacks() {
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let mut event = Event::decision("anne").build().unwrap();
    assert_eq!((event.id(), event.occurred_at()), (None, None));
    let id = event.identify(now);
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(event.complete(now), (id, now), "an id once given stays");
    let later = "2027-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(event.complete(later), (id, now), "and so does an instant");
    let mut ids: Vec<Uuid> =
        (0..1000).map(|_| Event::decision("anne").build().unwrap().identify(now)).collect();
    let millis = |id: &Uuid| id.as_u128() >> 80;
    assert!(
        ids.iter().all(|id| millis(id) == now.millis().cast_unsigned().into()),
        "the leading bits are the time"
    );
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 1000, "and the others make them unique");
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| Number::from_f64(number).map_or(Value::Null, Value::Number)),
        any::<String>().prop_map(Value::String),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A JSON object that is nearly an event, or one.
fn nearly_an_event() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        8 => prop::sample::select(vec![
            "type", "id", "occurred_at", "actor", "actor_kind", "case_id", "track", "due", "reason",
            "ai_recommendation", "human_verdict", "model", "confidence", "channel", "value", "outcome", "retracts",
            "by", "note", "position",
        ])
        .prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    let value = prop_oneof![
        2 => json_value(),
        1 => Just(json!(ID)),
        1 => Just(json!("2026-03-01T12:00:00+01:00")),
        1 => Just(json!("HUMAN")),
        1 => (1..=5).prop_map(Value::from),
    ];
    (0..=EventType::ALL.len(), prop::collection::btree_map(name, value, 0..8)).prop_map(|(index, fields)| {
        let mut object: Map<String, Value> = fields.into_iter().collect();
        object.insert("type".into(), EventType::ALL.get(index).map_or("X_OWN", |known| known.name()).into());
        object.entry("actor").or_insert_with(|| json!(" Änne "));
        object.entry("case_id").or_insert_with(|| json!("C-1"));
        Value::Object(object)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Event::from_json(bytes);
    }

    #[test]
    fn arbitrary_text_never_panics(text in r#"[{}\[\]":,a-z0-9.eE+\\u -]{0,60}"#) {
        let _ = Event::from_json(text);
    }

    #[test]
    fn what_is_read_is_written_and_read_the_same(value in nearly_an_event()) {
        let read = Event::from_json(value.to_string());
        prop_assert_eq!(&Event::from_value(value).map_err(|e| e.to_string()), &read.clone().map_err(|e| e.to_string()));
        if let Ok(event) = read {
            let json = event.to_json();
            let again = Event::from_json(&json);
            prop_assert_eq!(again.as_ref(), Ok(&event), "{}", &json);
            prop_assert_eq!(again.map(|again| again.to_json()), Ok(json));
        }
    }
}
