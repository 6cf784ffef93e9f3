//! What was sent comes back.

use serde_json::{Value, json};
use uuid::Uuid;

use super::bench::{Bench, hour, now};
use crate::event::Event;
use crate::time::Window;

/// Stores one event, and reads it by every way there is.
async fn sent_and_read(bench: &Bench, sent: Value) {
    let trial = bench.store().await;
    let mut sent = sent;
    sent["id"] = json!(Uuid::from_u128(42));
    sent["occurred_at"] = json!("2026-03-02T01:02:03.004Z");
    let event = Event::from_value(sent.clone()).expect("the suite's events are valid");
    trial.append([event.clone()]).await;
    let by_id = trial.store.event(Uuid::from_u128(42)).await.unwrap().expect("the event is found");
    assert_eq!(by_id.event, event, "by id");
    let log = trial.log().await;
    assert_eq!(log, [by_id], "in the log");
    let mut back = serde_json::to_value(&log[0]).unwrap();
    let position = back.as_object_mut().and_then(|fields| fields.remove("position"));
    let recorded_at = back.as_object_mut().and_then(|fields| fields.remove("recorded_at"));
    assert_eq!(back, sent, "as JSON");
    assert_eq!((position, recorded_at), (Some(json!(1)), Some(json!(now()))), "what the store adds");
    if let Some(case_id) = event.case_id() {
        assert_eq!(trial.store.case(case_id).await.unwrap(), log, "by case");
    }
}

/// Each of the types, with every field that it may have.
pub async fn every_type_comes_back_as_it_was_sent(bench: &Bench) {
    let id = Uuid::from_u128(7);
    for sent in [
        json!({"type": "CASE_OPENED", "case_id": "C-1", "track": "expedited", "due": "2026-04-01T00:00:00Z"}),
        json!({"type": "ASSIGNED", "case_id": "C-1", "actor": "anne@sba.gov", "actor_kind": "HUMAN"}),
        json!({"type": "UNASSIGNED", "case_id": "C-1", "actor": "anne@sba.gov"}),
        json!({"type": "PAUSED", "case_id": "C-1", "actor": "anne@sba.gov", "reason": "papers"}),
        json!({"type": "RESUMED", "case_id": "C-1", "reason": "papers came"}),
        json!({"type": "AI_RECOMMENDATION", "case_id": "C-1", "actor": "triage-bot", "actor_kind": "AGENT",
            "ai_recommendation": "deny", "model": "m-2", "confidence": 0.875}),
        json!({"type": "DECISION", "actor": "anne@sba.gov"}),
        json!({"type": "DECISION", "actor": "anne@sba.gov", "case_id": "C-1", "ai_recommendation": " Deny",
            "human_verdict": "deny"}),
        json!({"type": "OVERRIDE", "actor": "anne@sba.gov", "case_id": "C-1", "ai_recommendation": "deny",
            "human_verdict": "approve"}),
        json!({"type": "OVERRIDE", "actor": "anne@sba.gov"}),
        json!({"type": "CASE_CLOSED", "case_id": "C-1", "actor": "anne@sba.gov"}),
        json!({"type": "CASE_REOPENED", "case_id": "C-1"}),
        json!({"type": "VIEWED", "case_id": "C-1", "actor": "anne@sba.gov"}),
        json!({"type": "SURVEY_SENT", "case_id": "C-1", "channel": "e-mail"}),
        json!({"type": "SAT_SCORE", "case_id": "C-1", "value": 1, "channel": "web"}),
        json!({"type": "SAT_SCORE", "actor": "anne@sba.gov", "value": 5}),
        json!({"type": "APPEAL_OUTCOME", "case_id": "C-1", "outcome": "UPHELD"}),
        json!({"type": "APPEAL_OUTCOME", "case_id": "C-1", "outcome": "REVERSED"}),
        json!({"type": "RETRACTION", "retracts": id, "reason": "typed twice", "actor": "anne@sba.gov"}),
        json!({"type": "PLAN_STARTED", "actor": "anne@sba.gov", "by": "supervisor", "note": "three months"}),
        json!({"type": "PLAN_CLOSED", "actor": "anne@sba.gov", "by": "supervisor", "note": "met"}),
        json!({"type": "X_COFFEE", "cups": 3}),
    ] {
        sent_and_read(bench, sent).await;
    }
}

/// Fields that APMT does not know are kept, whatever JSON they hold; so are fields that belong to another type.
pub async fn unknown_fields_come_back(bench: &Bench) {
    sent_and_read(
        bench,
        json!({
            "type": "DECISION", "actor": "anne@sba.gov", "case_id": "C-1",
            "office": "Denver", "floor": 3, "temperature": -1.5, "big": 18_446_744_073_709_551_615_u64,
            "third": 0.333_333_333_333_333_3, "tags": ["a", null, true, {"b": []}], "nothing": null,
            "": "a field without a name", "channel": "web", "value": "not stars here", "ключ": "значение",
        }),
    )
    .await;
}

/// The actor's and the case's text come back to the letter, while the keys are what compares.
pub async fn names_come_back_as_they_were_sent(bench: &Bench) {
    let trial = bench.store().await;
    let sent = r#"{"type":"DECISION","actor":"  Officer_ANNE@sba.gov ","case_id":" C-1\t"}"#;
    trial.append([sent]).await;
    let read = &trial.log().await[0].event;
    assert_eq!(read.actor_as_sent(), Some("  Officer_ANNE@sba.gov "));
    assert_eq!(read.actor().map(AsRef::as_ref), Some("officer_anne@sba.gov"));
    assert_eq!(read.case_id().map(AsRef::as_ref), Some("C-1"));
    let json: Value = serde_json::from_str(&read.to_json()).unwrap();
    assert_eq!((&json["actor"], &json["case_id"]), (&json!("  Officer_ANNE@sba.gov "), &json!(" C-1\t")));
}

/// Types of one's own are in the log and in their case, and count for nothing.
pub async fn custom_types_are_stored_and_never_scored(bench: &Bench) {
    let trial = bench.store().await;
    let custom = |name: &str| {
        Event::custom(name).actor("anne@sba.gov").case("C-1").at(hour(1)).field("human_verdict", "approve")
    };
    trial.append([custom("X_DECISION"), custom("X_"), custom("X_OVERRIDE")]).await;
    let names: Vec<String> =
        trial.case("C-1").await.iter().map(|recorded| recorded.event.what().type_name().to_owned()).collect();
    assert_eq!(names, ["X_DECISION", "X_", "X_OVERRIDE"]);
    assert!(trial.contributions("anne@sba.gov").await.is_empty());
    assert!(trial.activity("anne@sba.gov", Window::all_until(now())).await.is_empty());
    assert!(trial.dossiers(now()).await.is_empty());
}
