//! `record`, `export`, `contributions`, `case`.

use serde_json::{Value, json};

use crate::Folder;

const OVERRIDE: &str = r#"{"type": "OVERRIDE", "actor": "Anne@SBA.gov", "case_id": "C-1", "ai_recommendation": "deny",
    "occurred_at": "2026-03-01T10:00:00Z", "id": "01890a5d-ac96-774b-bcce-b302099a8057", "office": "Denver"}"#;

#[test]
fn an_event_is_stored_once_and_shown_in_the_dossier() {
    let folder = Folder::new();
    let first = folder.run(&["record", OVERRIDE]).succeeded();
    assert_eq!(first.out, "stored 01890a5d-ac96-774b-bcce-b302099a8057 at position 1\n");
    assert!(folder.path("apmt.db").is_file(), "the default store");

    let again = folder.run_with(&["record", "-", "--json"], OVERRIDE.as_bytes()).succeeded();
    let receipt = json!({"id": "01890a5d-ac96-774b-bcce-b302099a8057", "position": 1, "duplicate": true});
    assert_eq!(again.json(), receipt);
    folder.run_with(&["record"], br#"{"type": "SAT_SCORE", "case_id": "C-1", "value": 2}"#).succeeded();

    let dossier = folder.json(&["dossier", "ANNE@sba.gov", "--as-of", "now", "--json"]);
    assert_eq!(dossier["actor"], "anne@sba.gov");
    let dossier = folder.json(&["dossier", "anne@sba.gov", "--as-of", "2026-03-02T00:00:00+01:00", "--json"]);
    assert_eq!((&dossier["overrides"], &dossier["override_rate"]), (&json!(1), &json!(1.0)));
    assert_eq!(dossier["as_of"], "2026-03-01T23:00:00Z");
    let nobody = folder.json(&["dossier", "nobody@sba.gov", "--json"]);
    assert_eq!((&nobody["decisions"], &nobody["override_rate"]), (&json!(0), &Value::Null));
}

#[test]
fn an_event_that_breaks_a_rule_is_rejected_with_field_and_rule() {
    let folder = Folder::new();
    let bad = folder.run(&["record", r#"{"type": "SAT_SCORE", "case_id": "C-1", "value": 6}"#]);
    bad.ended_with(1).says(&["rejected: value: 6: must be a whole number of stars from 1 to 5"]);
    folder
        .run(&["record", r#"{"type": "OVERIDE", "actor": "a"}"#])
        .ended_with(1)
        .says(&["did you mean OVERRIDE?"]);
    folder.run(&["record", "not json"]).ended_with(1).says(&["event", "JSON"]);
    let ahead = r#"{"type": "OVERRIDE", "actor": "a", "occurred_at": "2999-01-01T00:00:00Z"}"#;
    folder.run(&["record", ahead]).ended_with(1).says(&["occurred_at", "24 hours ahead"]);
    let large = format!(r#"{{"type": "OVERRIDE", "actor": "a", "note": "{}"}}"#, "x".repeat(70_000));
    folder.run_with(&["record", "-"], large.as_bytes()).ended_with(1).says(&["65536 bytes"]);
    let (store, text) = ("memory:", r#"{"type": "OVERRIDE", "actor": "test@agency.gov"}"#);
    folder.run(&["record", text, "--store", store]).succeeded();
}

#[test]
fn an_export_can_be_imported_again() {
    let folder = Folder::new();
    folder.run(&["record", OVERRIDE]).succeeded();
    folder.run(&["record", r#"{"type": "X_NOTE", "text": "ünï 日本"}"#]).succeeded();
    let all = folder.run(&["export"]).succeeded();
    let lines: Vec<Value> = all.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["office"], &lines[0]["actor"]), (&json!("Denver"), &json!("Anne@SBA.gov")));
    assert_eq!((&lines[0]["position"], &lines[1]["text"]), (&json!(1), &json!("ünï 日本")));
    assert!(lines[0]["recorded_at"].is_string());
    assert_eq!(folder.run(&["export", "--after", "1"]).succeeded().out.lines().count(), 1);

    folder.run(&["export", "--output", "log.jsonl"]).succeeded();
    assert_eq!(std::fs::read_to_string(folder.path("log.jsonl")).unwrap(), all.out);
    let copied = folder.run(&["import", "log.jsonl", "--store", "sqlite:copy.db"]).succeeded();
    assert_eq!(copied.out, "2 stored, 0 duplicate, 0 rejected\n");
    let again = folder.run(&["import", "log.jsonl"]).succeeded();
    assert_eq!(again.out, "0 stored, 2 duplicate, 0 rejected\n");
    let of =
        |store| folder.json(&["dossier", "anne@sba.gov", "--as-of", "latest", "--json", "--store", store]);
    assert_eq!(of("sqlite:copy.db"), of("sqlite:apmt.db"));
}

#[test]
fn the_evidence_of_an_actor_and_of_a_case() {
    let folder = Folder::new();
    folder.run(&["record", OVERRIDE]).succeeded();
    let contributions =
        folder.json(&["contributions", "anne@sba.gov", "--as-of", "2026-03-02T00:00:00Z", "--json"]);
    let expected = json!([{
        "actor": "anne@sba.gov", "at": "2026-03-01T10:00:00Z", "position": 1, "case_id": "C-1",
        "measure": "verdict", "overridden": true
    }]);
    assert_eq!(contributions, expected);
    let page = folder.run(&["contributions", "anne@sba.gov", "--as-of", "latest"]).succeeded().out;
    assert!(page.contains("2026-03-01 10:00:00 UTC  C-1   verdict  overrides the recommendation"), "{page}");

    let case = folder.json(&["case", "C-1", "--json"]);
    assert_eq!((&case[0]["type"], &case[0]["position"]), (&json!("OVERRIDE"), &json!(1)));
    let page = folder.run(&["case", "C-1"]).succeeded().out;
    assert!(page.contains("ai_recommendation deny"), "{page}");
    assert_eq!(folder.run(&["case", "C-2"]).succeeded().out, "No case C-2 is known.\n");
    assert_eq!(folder.json(&["case", "C-2", "--json"]), json!([]));
}

#[test]
fn what_comes_from_outside_does_not_move_the_cursor() {
    let folder = Folder::new();
    let event = json!({"type": "OVERRIDE", "actor": "a\u{1b}[2Jb", "case_id": "C\u{7}", "x": "\u{1b}[31m"});
    folder.run(&["record", &event.to_string()]).succeeded();
    for arguments in [&["scoreboard"][..], &["case", "C\u{7}"], &["dossier", "a\u{1b}[2Jb"]] {
        let page = folder.run(arguments).succeeded().out;
        assert!(!page.contains('\u{1b}') && !page.contains('\u{7}'), "{page:?}");
    }
}
