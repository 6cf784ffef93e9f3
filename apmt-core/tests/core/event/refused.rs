//! Bad input: the field, the value, the rule, and the name that was probably meant.

use apmt_core::event::MAX_EVENT_BYTES;
use apmt_core::{Event, EventType, Invalid, What};
use serde_json::{Value, json};

use super::{accepted, refused, told};

/// Each type with all that it needs.
fn whole(event_type: EventType) -> Value {
    let mut event = json!({"type": event_type.name(), "actor": "anne", "case_id": "C-1"});
    let more = match event_type {
        EventType::AiRecommendation => json!({"ai_recommendation": "deny"}),
        EventType::SatScore => json!({"value": 3}),
        EventType::AppealOutcome => json!({"outcome": "UPHELD"}),
        EventType::Retraction => {
            json!({"retracts": "01890a5d-ac96-774b-bcce-b302099a8057", "reason": "twice"})
        }
        _ => json!({}),
    };
    for (name, value) in more.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

fn without(mut event: Value, field: &str) -> Value {
    event.as_object_mut().unwrap().remove(field);
    event
}

#[test]
fn each_field_that_a_type_needs_must_be_there() {
    let needed: [(EventType, &[&str]); 17] = [
        (EventType::CaseOpened, &["case_id"]),
        (EventType::Assigned, &["case_id", "actor"]),
        (EventType::Unassigned, &["case_id"]),
        (EventType::Paused, &["case_id"]),
        (EventType::Resumed, &["case_id"]),
        (EventType::AiRecommendation, &["case_id", "actor", "ai_recommendation"]),
        (EventType::Decision, &["actor"]),
        (EventType::Override, &["actor"]),
        (EventType::CaseClosed, &["case_id"]),
        (EventType::CaseReopened, &["case_id"]),
        (EventType::Viewed, &["case_id", "actor"]),
        (EventType::SurveySent, &["case_id"]),
        (EventType::SatScore, &["value"]),
        (EventType::AppealOutcome, &["case_id", "outcome"]),
        (EventType::Retraction, &["retracts", "reason"]),
        (EventType::PlanStarted, &["actor"]),
        (EventType::PlanClosed, &["actor"]),
    ];
    assert_eq!(needed.map(|(event_type, _)| event_type), EventType::ALL);
    for (event_type, fields) in needed {
        accepted(&whole(event_type));
        let all = ["actor", "case_id", "ai_recommendation", "value", "outcome", "retracts", "reason"];
        for field in all {
            let mut nulled = whole(event_type);
            nulled[field] = Value::Null;
            for event in [without(whole(event_type), field), nulled] {
                if fields.contains(&field) {
                    let invalid = refused(&event);
                    assert_eq!((invalid.field(), invalid.value()), (field, None), "{event_type}: {invalid}");
                } else {
                    accepted(&event);
                }
            }
        }
    }
}

#[test]
fn a_missing_field_is_named_with_why_it_is_needed() {
    assert_eq!(told(&json!({})), "type: is missing: every event names its type, such as DECISION");
    assert_eq!(
        told(&json!({"type": "ASSIGNED", "case_id": "C-1"})),
        "actor: is missing: ASSIGNED needs to say who did it"
    );
    assert_eq!(
        told(&json!({"type": "VIEWED", "actor": "anne"})),
        "case_id: is missing: VIEWED needs to say on which case"
    );
    assert_eq!(
        told(&json!({"type": "SAT_SCORE", "value": 3})),
        "case_id: is missing: SAT_SCORE needs a case_id or an actor"
    );
    let advice =
        json!({"type": "AI_RECOMMENDATION", "actor": "bot", "case_id": "C-1", "ai_recommendation": " "});
    assert_eq!(told(&advice), "ai_recommendation: is missing: AI_RECOMMENDATION needs to say what it is");
    let blank =
        json!({"type": "RETRACTION", "retracts": "01890a5d-ac96-774b-bcce-b302099a8057", "reason": "\t"});
    assert_eq!(told(&blank), "reason: is missing: RETRACTION needs to say why");
}

#[test]
fn an_unknown_type_is_told_the_nearest_known_one() {
    let of = |name: &str| refused(&json!({"type": name, "actor": "anne"}));
    assert_eq!(
        of("OVERIDE").to_string(),
        "type: OVERIDE: is no type of event (types of your own start with X_); did you mean OVERRIDE?"
    );
    for (sent, nearest) in [
        ("DECISON", Some("DECISION")),
        ("decision", Some("DECISION")),
        ("Sat_Score", Some("SAT_SCORE")),
        ("CASE_CLOSE", Some("CASE_CLOSED")),
        ("CASE OPENED", Some("CASE_OPENED")),
        ("UNASIGNED", Some("UNASSIGNED")),
        ("RETRACTON", Some("RETRACTION")),
        (" DECISION", Some("DECISION")),
        ("COFFEE", None),
        ("x_note", None),
        ("", None),
    ] {
        assert_eq!(of(sent).nearest(), nearest, "{sent:?}");
    }
    assert_eq!(of(&"DECISION".repeat(1000)).nearest(), None);
}

#[test]
fn a_name_that_starts_with_x_is_a_type_of_ones_own() {
    let event = accepted(&json!({"type": "X_COFFEE_BREAK", "cups": 2}));
    assert_eq!((event.event_type(), event.what().type_name()), (EventType::Custom, "X_COFFEE_BREAK"));
}

#[test]
fn stars_are_a_whole_number_from_1_to_5() {
    let of = |value: Value| told(&json!({"type": "SAT_SCORE", "actor": "anne", "value": value}));
    let rule = "must be a whole number of stars from 1 to 5";
    for (value, shown) in [
        (json!(0), "0"),
        (json!(6), "6"),
        (json!(-1), "-1"),
        (json!(3.5), "3.5"),
        (json!("3"), "\"3\""),
        (json!(1e300), "1e300"),
        (json!(u64::MAX), "18446744073709551615"),
        (json!(true), "true"),
        (json!([3]), "[3]"),
        (json!({"stars": 3}), "{\"stars\":3}"),
    ] {
        assert_eq!(of(value), format!("value: {shown}: {rule}").replace("1e300", "1e+300"));
    }
    assert_eq!(of(Value::Null), format!("value: {rule}"), "null says nothing");
    for stars in [json!(1), json!(5), json!(3.0)] {
        accepted(&json!({"type": "SAT_SCORE", "actor": "anne", "value": stars}));
    }
}

#[test]
fn an_override_that_contradicts_itself_is_refused() {
    let of = |advice: &str, verdict: &str| json!({"type": "OVERRIDE", "actor": "anne", "ai_recommendation": advice, "human_verdict": verdict});
    for (advice, verdict) in [("deny", "deny"), (" Deny ", "dENY"), ("BESTÄTIGT", "bestätigt\n")] {
        let invalid = refused(&of(advice, verdict));
        assert_eq!(invalid.field(), "human_verdict");
        assert!(
            invalid.rule().starts_with("is what was recommended, so nothing was overridden"),
            "{invalid}"
        );
    }
    for (advice, verdict) in [("deny", "approve"), ("deny", "den y"), ("deny", ""), (" ", " ")] {
        accepted(&of(advice, verdict));
    }
}

#[test]
fn a_bare_override_is_valid() {
    let event = Event::from_json(r#"{"type":"OVERRIDE","actor":"test@agency.gov"}"#).unwrap();
    assert_eq!(event, Event::override_of("test@agency.gov").build().unwrap());
}

#[test]
fn fields_of_the_wrong_type_are_refused() {
    for (field, value, rule) in [
        ("type", json!(7), "must be text"),
        ("id", json!(7), "must be text"),
        ("occurred_at", json!(1_772_409_600), "must be text"),
        ("actor", json!(["anne"]), "must be text"),
        ("actor_kind", json!(true), "must be text"),
        ("case_id", json!(1042), "must be text"),
        ("ai_recommendation", json!({"verdict": "deny"}), "must be text"),
        ("human_verdict", json!(false), "must be text"),
    ] {
        let mut event = json!({"type": "DECISION", "actor": "anne"});
        event[field] = value.clone();
        assert_eq!(told(&event), format!("{field}: {value}: {rule}"));
    }
    let advice = |field: &str, value: Value| {
        let mut event = whole(EventType::AiRecommendation);
        event[field] = value;
        told(&event)
    };
    assert_eq!(advice("model", json!(4)), "model: 4: must be text");
    assert_eq!(advice("confidence", json!("high")), "confidence: \"high\": must be a number");
    let opened = json!({"type": "CASE_OPENED", "case_id": "C-1", "track": 1});
    assert_eq!(told(&opened), "track: 1: must be text");
    let long = json!({"type": "CASE_OPENED", "case_id": "C-1", "track": "x".repeat(257)});
    assert!(told(&long).ends_with("must be at most 256 bytes long, and has 257"));
    // One of blanks only says nothing, and comes back as it was sent.
    let blank = json!({"type": "CASE_OPENED", "case_id": "C-1", "track": " "});
    assert!(matches!(Event::from_value(blank).unwrap().what(), What::CaseOpened { track: Some(_), .. }));
}

#[test]
fn choices_are_told_with_the_nearest() {
    let kind = |kind: &str| told(&json!({"type": "DECISION", "actor": "anne", "actor_kind": kind}));
    assert_eq!(kind("human"), "actor_kind: human: must be HUMAN or AGENT; did you mean HUMAN?");
    assert_eq!(kind("robot"), "actor_kind: robot: must be HUMAN or AGENT");
    let outcome = json!({"type": "APPEAL_OUTCOME", "case_id": "C-1", "outcome": "REVERSE"});
    assert_eq!(told(&outcome), "outcome: REVERSE: must be UPHELD or REVERSED; did you mean REVERSED?");
}

#[test]
fn names_are_not_empty_and_at_most_256_bytes() {
    let actor = |name: &str| json!({"type": "DECISION", "actor": name});
    let case = |name: &str| json!({"type": "DECISION", "actor": "anne", "case_id": name});
    for blank in ["", "  ", "\t\n", "\u{a0}"] {
        assert_eq!((refused(&actor(blank)).field(), refused(&case(blank)).field()), ("actor", "case_id"));
    }
    assert_eq!(told(&actor("")), "actor: \"\": must not be empty");
    accepted(&actor(&"a".repeat(256)));
    accepted(&case(&"é".repeat(128)));
    accepted(&actor(&format!("  {}  ", "a".repeat(256))));
    let long = refused(&case(&"a".repeat(257)));
    assert_eq!(long.rule(), "must be at most 256 bytes long, and has 257");
    assert_eq!(refused(&actor(&"é".repeat(129))).rule(), "must be at most 256 bytes long, and has 258");
}

#[test]
fn times_need_an_offset() {
    let at = |time: &str| json!({"type": "DECISION", "actor": "anne", "occurred_at": time});
    for bad in [
        "2026-03-01T12:00:00",
        "2026-03-01",
        "2026-03-01T12:00Z",
        "2026-02-30T12:00:00Z",
        "2026-03-01T25:00:00Z",
        "1772409600",
        "yesterday",
        "",
        "2026-03-01T12:00:00 Europe/Berlin",
    ] {
        let invalid = refused(&at(bad));
        assert_eq!(invalid.field(), "occurred_at", "{bad:?}");
        assert!(invalid.rule().starts_with("expected an RFC 3339 time with offset, such as"), "{invalid}");
    }
    for (good, utc) in [
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"),
        ("2026-03-01T12:00:00.1239+05:30", "2026-03-01T06:30:00.123Z"),
        ("1969-12-31T19:00:00-05:00", "1970-01-01T00:00:00Z"),
        (" 2026-03-01t12:00:00z ", "2026-03-01T12:00:00Z"),
    ] {
        assert_eq!(accepted(&at(good)).occurred_at().unwrap().to_string(), utc);
    }
    let due = json!({"type": "CASE_OPENED", "case_id": "C-1", "due": "tomorrow"});
    assert_eq!(refused(&due).field(), "due");
}

#[test]
fn ids_are_uuids() {
    let rule = "must be a UUID, such as 01890a5d-ac96-774b-bcce-b302099a8057";
    assert_eq!(told(&json!({"type": "OVERRIDE", "actor": "anne", "id": "42"})), format!("id: 42: {rule}"));
    let retraction = json!({"type": "RETRACTION", "retracts": "that one", "reason": "twice"});
    assert_eq!(told(&retraction), format!("retracts: that one: {rule}"));
    let upper = json!({"type": "OVERRIDE", "actor": "anne", "id": "01890A5D-AC96-774B-BCCE-B302099A8057"});
    assert_eq!(accepted(&upper).id().unwrap().to_string(), "01890a5d-ac96-774b-bcce-b302099a8057");
}

#[test]
fn an_event_is_at_most_64_kib() {
    let of_size = |bytes: usize| {
        let frame = r#"{"type":"X_LONG","note":""}"#;
        frame.replace(r#""""#, &format!("\"{}\"", "n".repeat(bytes - frame.len())))
    };
    assert!(Event::from_json(of_size(MAX_EVENT_BYTES)).is_ok());
    let error = Event::from_json(of_size(MAX_EVENT_BYTES + 1)).unwrap_err();
    assert_eq!(error.to_string(), "event: must be at most 65536 bytes of JSON, and has 65537");
    // However it is made: from a value, or by a builder.
    let value: Value = serde_json::from_str(&of_size(MAX_EVENT_BYTES + 1)).unwrap();
    assert_eq!(Event::from_value(value).unwrap_err(), error);
    let value: Value = serde_json::from_str(&of_size(MAX_EVENT_BYTES)).unwrap();
    assert!(Event::from_value(value).is_ok());
    let built = Event::custom("X_LONG").field("note", "n".repeat(MAX_EVENT_BYTES)).build();
    assert_eq!(built.unwrap_err().field(), "event");
}

/// Whoever passes an event on may have given it both, so they do not count.
#[test]
fn id_and_instant_do_not_count_as_size() {
    let stamp = r#","id":"01890a5d-ac96-774b-bcce-b302099a8057","occurred_at":"2026-03-02T08:00:00.123Z"}"#;
    let of_size = |bytes: usize| {
        let frame = r#"{"type":"X_LONG","note":""}"#;
        let whole = frame.replace(r#""""#, &format!("\"{}\"", "n".repeat(bytes - frame.len())));
        whole.replace('}', stamp)
    };
    let largest = Event::from_json(of_size(MAX_EVENT_BYTES)).unwrap();
    assert_eq!(Event::from_json(largest.to_json()).unwrap(), largest);
    let over = of_size(MAX_EVENT_BYTES + 1);
    assert_eq!(Event::from_json(&over).unwrap_err().field(), "event");
    let value: Value = serde_json::from_str(&over).unwrap();
    assert_eq!(Event::from_value(value).unwrap_err().field(), "event");
}

#[test]
fn what_is_no_json_object_is_refused_as_the_event() {
    for (json, said) in [
        (&b""[..], "EOF"),
        (b"{", "EOF"),
        (b"null", "invalid type: null"),
        (b"[]", "invalid type: sequence"),
        (b"\"OVERRIDE\"", "invalid type: string"),
        (b"{\"type\":\"OVERRIDE\",\"actor\":\"anne\"} x", "trailing characters"),
        (b"{\"type\":\"OVERRIDE\",\"actor\":\"anne\"}{}", "trailing characters"),
        (b"{\"type\":\"OVERRIDE\",\"actor\":\"an\xffne\"}", "invalid unicode"),
        (b"{\"type\":\"OVERRIDE\",\"actor\":\"\\ud800\"}", "unexpected end of hex escape"),
        (b"{\"type\":\"OVERRIDE\",\"actor\":\"a\nb\"}", "control character"),
        (b"{type:\"OVERRIDE\"}", "key must be a string"),
        (b"{\"type\":\"OVERRIDE\",}", "trailing comma"),
        (b"{\"type\":\"OVERRIDE\",\"n\":1e999}", "number out of range"),
        (b"{\"type\":\"OVERRIDE\",\"n\":NaN}", "expected value"),
    ] {
        let invalid = Event::from_json(json).unwrap_err();
        assert_eq!(invalid.field(), "event");
        assert!(invalid.rule().contains(said), "{invalid}");
        assert!(invalid.rule().starts_with("is not a JSON object"), "{invalid}");
    }
    assert_eq!(
        Event::from_value(json!([1, 2])).unwrap_err().to_string(),
        "event: [1,2]: must be a JSON object"
    );
}

#[test]
fn deep_json_is_refused_however_it_comes() {
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"type":"X_DEEP","deep":{open}{close}}}"#)
    };
    for depth in [128, 1000, 30_000] {
        let invalid = Event::from_json(nested(depth)).unwrap_err();
        assert!(invalid.rule().contains("recursion limit"), "{invalid}");
    }
    // The deepest that text may be, a value may be, and no deeper: a store must be able to read what it wrote.
    let deep_value = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
    for depth in 100..200 {
        let by_text = Event::from_json(nested(depth)).is_ok();
        let by_builder = Event::custom("X_DEEP").field("deep", deep_value(depth)).build();
        assert_eq!(by_builder.is_ok(), by_text, "{depth} deep");
        let by_value = Event::from_value(json!({"type": "X_DEEP", "deep": deep_value(depth)}));
        assert_eq!(by_value.is_ok(), by_text, "{depth} deep");
        if let Ok(event) = by_builder {
            assert_eq!(Event::from_json(event.to_json()).as_ref(), Ok(&event));
        }
    }
}

#[test]
fn a_field_given_twice_is_refused() {
    for json in [
        r#"{"type":"OVERRIDE","actor":"anne","actor":"bob"}"#,
        r#"{"type":"OVERRIDE","actor":"anne","actor":"anne"}"#,
        r#"{"type":"OVERRIDE","actor":"anne","acto\u0072":"bob"}"#,
    ] {
        let invalid = Event::from_json(json).unwrap_err();
        assert_eq!(invalid.to_string(), "event: gives the field actor twice");
    }
    let unknown = r#"{"type":"OVERRIDE","actor":"anne","office":1,"office":2}"#;
    assert_eq!(Event::from_json(unknown).unwrap_err().to_string(), "event: gives the field office twice");
    let built = Event::override_of("anne").field("actor", "bob").build();
    assert_eq!(built.unwrap_err().to_string(), "event: gives the field actor twice");
}

#[test]
fn an_error_shows_little_of_a_long_or_odd_value() {
    let invalid = refused(&json!({"type": "DECISION", "actor": "anne", "actor_kind": "x".repeat(1000)}));
    assert_eq!(invalid.value().map(|value| value.chars().count()), Some(81));
    assert!(invalid.to_string().contains("xxx…: must be HUMAN or AGENT"), "{invalid}");
    let invalid = refused(&json!({"type": "\u{1b}[2Jclear\r\n", "actor": "anne"}));
    assert!(!invalid.to_string().chars().any(char::is_control), "{invalid:?}");
}

#[test]
fn invalid_says_which_event_of_a_batch_it_was() {
    let invalid = Invalid::new("value", 6, "must be small").with_nearest(Some("5")).at_index(2);
    assert_eq!(invalid.to_string(), "event 3 of the batch: value: 6: must be small; did you mean 5?");
    assert_eq!(invalid.reason(), "6: must be small; did you mean 5?");
    assert_eq!((invalid.index(), invalid.nearest()), (Some(2), Some("5")));
}

/// Some letters take more bytes in lower case: what dossiers show must be a name that can be asked for.
#[test]
fn a_name_that_is_too_long_in_lower_case() {
    let sent = "İ".repeat(120);
    assert!(sent.len() <= 256 && sent.to_lowercase().len() > 256);
    let invalid = apmt_core::ActorName::new(&sent).unwrap_err();
    assert_eq!(invalid.field(), "actor");
}
