//! Batches: good lines are stored, bad ones answered; or all or nothing.

use serde_json::json;

use crate::raw::{get, post};
use crate::support::Served;

const AHEAD: &str = r#"{"type":"DECISION","actor":"a","occurred_at":"2026-04-01T12:00:00.001Z"}"#;

#[test]
fn good_lines_are_stored_and_bad_ones_answered() {
    let served = Served::fresh();
    let id = "01980000-0000-7000-8000-000000000001";
    let good = format!(r#"{{"type":"DECISION","actor":"anne","id":"{id}"}}"#);
    let batch = format!(
        "{good}\r\n\n{{\"type\":\"DECISON\",\"actor\":\"a\"}}\n{good}\n{AHEAD}\nno JSON\n{{\"type\":\"OVERRIDE\",\"actor\":\"bob\"}}"
    );
    let answer = post(served.address, "/events", &batch).ok();
    assert_eq!((&answer["stored"], &answer["duplicates"]), (&2.into(), &1.into()));
    let rejected = answer["rejected"].as_array().unwrap();
    let told: Vec<_> = rejected.iter().map(|bad| (bad["line"].as_u64(), bad["field"].as_str())).collect();
    assert_eq!(told, [(Some(3), Some("type")), (Some(5), Some("occurred_at")), (Some(6), Some("event"))]);
    assert_eq!(
        rejected[0]["reason"],
        "DECISON: is no type of event (types of your own start with X_); did you mean DECISION?"
    );
    assert!(answer.get("receipts").is_none());

    let again = post(served.address, "/events?receipts=true", &good).ok();
    assert_eq!(
        again,
        json!({"stored": 0, "duplicates": 1, "rejected": [],
            "receipts": [{"line": 1, "id": id, "position": 1, "duplicate": true}]})
    );
}

#[test]
fn an_array_is_a_batch_too() {
    let served = Served::fresh();
    let array = r#" [ {"type":"DECISION","actor":"a"}, 7, {"type":"OVERRIDE"},
        {"type":"OVERRIDE","actor":"b"} ] "#;
    let answer = post(served.address, "/events?receipts=true", array).ok();
    assert_eq!((&answer["stored"], &answer["duplicates"]), (&2.into(), &0.into()));
    assert_eq!(
        (&answer["rejected"][0]["line"], &answer["rejected"][1]["field"]),
        (&2.into(), &"actor".into())
    );
    let lines: Vec<_> = answer["receipts"].as_array().unwrap().iter().map(|it| it["line"].as_u64()).collect();
    assert_eq!(lines, [Some(1), Some(4)]);
    assert_eq!(post(served.address, "/events", "[{}").problem(400)["field"], "batch");
}

#[test]
fn nothing_is_a_batch() {
    let served = Served::fresh();
    for nothing in ["", "\n\n", "[]"] {
        let answer = post(served.address, "/events", nothing).ok();
        assert_eq!(answer, json!({"stored": 0, "duplicates": 0, "rejected": []}));
    }
}

#[test]
fn atomic_is_all_or_nothing() {
    let served = Served::fresh();
    let good = r#"{"type":"DECISION","actor":"a"}"#;
    for (bad, field) in [(r#"{"type":"OVERRIDE"}"#, "actor"), (AHEAD, "occurred_at"), ("no JSON", "event")] {
        let batch = format!("{good}\n\n{bad}\n{good}");
        let problem = post(served.address, "/events?atomic=true", &batch).problem(400);
        assert_eq!((&problem["field"], &problem["index"]), (&field.into(), &1.into()), "{problem}");
    }
    assert_eq!(get(served.address, "/status").ok()["position"], 0);
    let answer = post(served.address, "/events?atomic=true&receipts=false", format!("{good}\n{good}")).ok();
    assert_eq!(answer, json!({"stored": 2, "duplicates": 0, "rejected": []}));
}

#[test]
fn many_events_of_the_future_are_refused_one_by_one() {
    let served = Served::fresh();
    let good = r#"{"type":"DECISION","actor":"a"}"#;
    let batch = format!("{AHEAD}\n{good}\n").repeat(4000);
    let answer = post(served.address, "/events", &batch).ok();
    assert_eq!((&answer["stored"], &answer["duplicates"]), (&4000.into(), &0.into()));
    let rejected = answer["rejected"].as_array().unwrap();
    assert!(rejected.iter().zip(0..).all(|(bad, n): (_, u64)| bad["line"] == 2 * n + 1));
    assert_eq!(rejected.len(), 4000);
    assert_eq!(get(served.address, "/status").ok()["position"], 4000);
}
