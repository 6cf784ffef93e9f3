//! `apmt plan`, and `apmt serve` with a directory and settings of notifications.

use crate::Folder;

const DIRECTORY: &str =
    "people: [{actor: anne@sba.gov, name: Anne Okafor, supervisor: {name: Dana Reyes}}]\n";

/// A folder with a store in which a plan is recommended for Anne.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("people.yaml", DIRECTORY);
    let log = r#"{"type": "AI_RECOMMENDATION", "actor": "triage", "actor_kind": "AGENT", "case_id": "C-1", "ai_recommendation": "deny", "model": "m-1"}
{"type": "OVERRIDE", "actor": "anne@sba.gov", "case_id": "C-1", "human_verdict": "approve"}
{"type": "SAT_SCORE", "case_id": "C-1", "value": 1}
"#;
    folder.write("log.jsonl", log);
    folder.run(&["import", "log.jsonl"]).succeeded();
    folder
}

#[test]
fn from_the_notice_to_the_end_of_the_plan() {
    let folder = folder();
    let prepare = [
        "plan",
        "notice",
        "Anne@SBA.gov",
        "--directory",
        "people.yaml",
        "--start",
        "2026-04-06",
        "--period",
        "90",
    ];
    let mut notice = folder.json(&prepare);
    assert_eq!(notice["terms"]["employee"], "Anne Okafor");
    assert_eq!(notice["terms"]["period"]["end"], "2026-07-05");
    assert_eq!(notice["evidence"]["instances"][0]["case_id"], "C-1");
    let html = folder.run(&[&prepare[..], &["--html"]].concat()).succeeded().out;
    assert!(
        html.contains("<style>") && html.contains("Anne Okafor") && html.contains("Determination"),
        "{html}"
    );
    assert!(!html.contains("<link"), "a file has all that it needs");
    assert!(folder.run(&["plan", "list"]).succeeded().out.contains("No plan is open"));

    notice["terms"]["critical_element"] = "Element 2".into();
    folder.write("notice.json", notice.to_string());
    let started = ["plan", "start", "anne@sba.gov", "--notice", "notice.json", "--by", "Dana Reyes"];
    assert!(
        folder.run(&started).succeeded().out.starts_with("started: anne@sba.gov until 2026-07-05, event ")
    );
    let plans = folder.json(&["plan", "list", "--json"]);
    assert_eq!((&plans[0]["actor"], &plans[0]["by"]), (&"anne@sba.gov".into(), &"Dana Reyes".into()));
    assert!(folder.run(&["plan", "list"]).succeeded().out.contains("2026-07-05"));
    let event = folder.run(&["export"]).succeeded().out;
    assert!(event.contains("Element 2") && event.contains("notice_sha256"), "{event}");

    let close = ["plan", "close", "anne@sba.gov", "--by", "Dana Reyes", "--note", "acceptable"];
    assert!(folder.run(&close).succeeded().out.starts_with("closed: anne@sba.gov, event "));
    folder.run(&close).ended_with(2).says(&["anne@sba.gov has no open plan"]);
}

#[test]
fn a_notice_whose_evidence_was_changed_starts_nothing() {
    let folder = folder();
    let mut notice = folder.json(&["plan", "notice", "anne@sba.gov"]);
    notice["evidence"]["instances"][0]["case_id"] = "C-2".into();
    folder.write("notice.json", notice.to_string());
    let start = ["plan", "start", "anne@sba.gov", "--notice", "notice.json", "--by", "Dana"];
    folder
        .run(&start)
        .ended_with(2)
        .says(&["its evidence is not what the record says", "make the notice again"]);
    let other = ["plan", "start", "bob", "--notice", "notice.json", "--by", "Dana"];
    folder.run(&other).ended_with(2).says(&["is a notice for anne@sba.gov"]);
    folder.write("notice.json", "{}");
    folder.run(&start).ended_with(2).says(&["must be a notice as APMT saves it"]);
    assert!(!folder.run(&["export"]).succeeded().out.contains("PLAN_STARTED"));
}

#[test]
fn an_agent_gets_a_machine_plan() {
    let folder = folder();
    let start = ["plan", "start", "triage", "--measure", "restrict", "--by", "Kim", "--end", "2099-01-01"];
    folder.run(&start).ended_with(2).says(&["end: 2099-01-01", "366 days"]);
    folder.run(&start[..7]).succeeded();
    let plans = folder.json(&["plan", "list", "--json"]);
    assert_eq!((&plans[0]["kind"], &plans[0]["measure"]), (&"machine".into(), &"restrict".into()));
    let wrong = ["plan", "start", "triage", "--measure", "scold", "--by", "Kim"];
    folder.run(&wrong).ended_with(2).says(&["must be retrain, restrict or suspend"]);
}

#[test]
fn a_wrong_file_keeps_the_server_from_starting() {
    let folder = folder();
    folder.write("wrong.yaml", "people: [{actor: a, nmae: A}]\n");
    folder
        .run(&["serve", "--directory", "wrong.yaml"])
        .ended_with(2)
        .says(&["wrong.yaml:1:21", "did you mean name?"]);
    folder.write(
        "notify.yaml",
        "mail: {server: 'smtp://localhost', from: a@b.c, user: a, password_file: none}\n",
    );
    folder.run(&["serve", "--notify", "notify.yaml"]).ended_with(2).says(&["cannot read", "none"]);
    folder.write("notify.yaml", "digest: {every: hour}\n");
    folder
        .run(&["serve", "--notify", "notify.yaml"])
        .ended_with(2)
        .says(&["notify.yaml:1:17", "daily or weekly"]);
}
