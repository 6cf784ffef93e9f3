//! `migrate`: what arrives, what is refused, and that it goes on where it was.

use serde_json::Value;

use crate::Folder;

fn events(from: usize, to: usize) -> String {
    let event = |number: usize| {
        let (actor, case, hour) = (number % 7, number % 40, number % 24);
        let kind = ["ASSIGNED", "DECISION", "OVERRIDE", "VIEWED"][number % 4];
        format!(
            "{{\"type\": \"{kind}\", \"actor\": \"a{actor}\", \"case_id\": \"C-{case}\", \"id\": \
             \"00000000-0000-4000-8000-{number:012}\", \"occurred_at\": \"2026-03-02T{hour:02}:00:00Z\", \"note\": \"\\u0000é\"}}\n"
        )
    };
    (from..to).map(event).collect()
}

fn exported(folder: &Folder, store: &str) -> String {
    folder.run(&["export", "--store", store]).succeeded().out
}

#[test]
fn a_log_arrives_with_its_positions_and_times() {
    let folder = Folder::new();
    for (from, to) in [(0, 1500), (1500, 1501), (1501, 2600)] {
        folder.write("log.jsonl", events(from, to));
        folder.run(&["import", "log.jsonl", "--store", "sqlite:from.db"]).succeeded();
    }
    let retraction =
        r#"{"type": "RETRACTION", "retracts": "00000000-0000-4000-8000-000000000001", "reason": "x"}"#;
    folder.run(&["record", retraction, "--store", "sqlite:from.db"]).succeeded();
    let arguments = ["migrate", "--from", "sqlite:from.db", "--to", "sqlite:to.db"];
    let run = folder.run(&arguments).succeeded();
    assert!(run.out.starts_with("2601 events copied, 0 were there\n"), "{}", run.out);
    assert_eq!(run.err, "", "no progress where there is no terminal");
    assert_eq!(exported(&folder, "sqlite:from.db"), exported(&folder, "sqlite:to.db"));
    // Again, there is nothing to do but to compare; later, it goes on.
    let again = folder.json(&[&arguments[..], &["--json"]].concat());
    assert_eq!((&again["copied"], &again["there"]), (&Value::from(0), &Value::from(2601)));
    folder.write("log.jsonl", events(2600, 2700));
    folder.run(&["import", "log.jsonl", "--store", "sqlite:from.db"]).succeeded();
    let on = folder.json(&[&arguments[..], &["--json"]].concat());
    assert_eq!((&on["copied"], &on["there"]), (&100.into(), &2601.into()));
    assert!(on["dossiers"].as_u64().unwrap() > 0);
    assert_ne!(on["log_digest"], again["log_digest"]);
    assert_eq!(exported(&folder, "sqlite:from.db"), exported(&folder, "sqlite:to.db"));
}

#[test]
fn another_log_is_not_written_to() {
    let folder = Folder::new();
    for (name, from) in [("one", 0), ("other", 100)] {
        folder.write("log.jsonl", events(from, from + 50));
        folder.run(&["import", "log.jsonl", "--store", &format!("sqlite:{name}.db")]).succeeded();
    }
    let before = exported(&folder, "sqlite:other.db");
    let run = folder.run(&["migrate", "--from", "sqlite:one.db", "--to", "sqlite:other.db"]).ended_with(2);
    run.says(&["position 1 of the target", "it is another log's"]);
    assert_eq!(exported(&folder, "sqlite:other.db"), before);
    // Nor is one that goes further.
    folder.write("log.jsonl", events(0, 60));
    folder.run(&["import", "log.jsonl", "--store", "sqlite:longer.db"]).succeeded();
    let run = folder.run(&["migrate", "--from", "sqlite:one.db", "--to", "sqlite:longer.db"]).ended_with(2);
    run.says(&["is the target another log's?"]);
}

#[test]
fn what_cannot_be_moved_is_refused() {
    let folder = Folder::new();
    let refused = |from: &str, to: &str| folder.run(&["migrate", "--from", from, "--to", to]).ended_with(2);
    refused("sqlite:a.db", "memory:").says(&["--to", "memory:"]);
    refused("http://localhost:1", "sqlite:a.db").says(&["--from", "apmt export"]);
    refused("sqlite:a.db", "sqlite:a.db").says(&["the same store"]);
    refused("sqlite:missing.db", "sqlite:a.db").says(&["missing.db"]);
}
