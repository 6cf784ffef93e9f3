//! `import`: what is stored, what is rejected, and how it says so.

use serde_json::{Value, json};

use crate::{Folder, gzipped};

const GOOD: &str =
    r#"{"type": "DECISION", "actor": "anne@sba.gov", "id": "01890a5d-ac96-774b-bcce-b302099a8057"}"#;

#[test]
fn good_lines_are_stored_and_each_bad_one_is_answered() {
    let folder = Folder::new();
    let mut log = b"\xef\xbb\xbf".to_vec();
    for line in [
        GOOD.as_bytes(),
        b"",
        br#"{"type": "SAT_SCORE", "actor": "anne@sba.gov", "value": 3.5}"#,
        b"{\"type\": \"DECISION\", \"actor\": \"\xff\"}",
        br#"{"type": "DECISION", "actor": "bob@sba.gov", "occurred_at": "2999-01-01T00:00:00Z"}"#,
        br#"  {"type": "OVERRIDE", "actor": "bob@sba.gov"}  "#,
        format!(r#"{{"type": "DECISION", "actor": "{}"}}"#, "x".repeat(1 << 20)).as_bytes(),
        GOOD.as_bytes(),
        br#"{"type": "DECISIONS", "actor": "bob@sba.gov"}"#,
    ] {
        log.extend_from_slice(line);
        log.extend_from_slice(b"\r\n");
    }
    folder.write("log.jsonl", &log);
    let run = folder.run(&["import", "log.jsonl"]).ended_with(1);
    assert_eq!(run.out, "2 stored, 1 duplicate, 5 rejected\n");
    let lines: Vec<&str> = run.err.lines().collect();
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert_eq!(lines[0], "log.jsonl:3: value: 3.5: must be a whole number of stars from 1 to 5");
    assert!(lines[1].starts_with("log.jsonl:4: event: must be UTF-8"), "{}", lines[1]);
    assert!(
        lines[2].starts_with("log.jsonl:5: occurred_at: 2999-01-01T00:00:00Z: must not lie"),
        "{}",
        lines[2]
    );
    assert!(lines[3].starts_with("log.jsonl:7: event: must be at most 65536 bytes"), "{}", lines[3]);
    assert!(lines[4].starts_with("log.jsonl:9: type: DECISIONS: "), "{}", lines[4]);
    assert!(lines[4].ends_with("did you mean DECISION?"), "{}", lines[4]);

    // The same for programs.
    let run = folder.run(&["import", "log.jsonl", "--json", "--store", "memory:"]).ended_with(1);
    assert_eq!(run.json(), json!({"stored": 2, "duplicates": 1, "rejected": 5}));
    let first: Value = serde_json::from_str(run.err.lines().next().unwrap()).unwrap();
    let reason = "3.5: must be a whole number of stars from 1 to 5";
    assert_eq!(first, json!({"file": "log.jsonl", "line": 3, "field": "value", "reason": reason}));
}

#[test]
fn plain_and_gzipped_logs_are_told_apart_by_what_is_in_them() {
    let folder = Folder::new();
    let other = GOOD.replace("8057", "8058");
    folder.write("plain.gz", GOOD);
    // Two members, as appending to a compressed log makes them.
    let mut members = gzipped(format!("{GOOD}\n").as_bytes());
    members.extend(gzipped(other.as_bytes()));
    folder.write("gzipped.jsonl", &members);
    let run = folder.run(&["import", "plain.gz", "gzipped.jsonl"]).succeeded();
    assert_eq!(run.out, "2 stored, 1 duplicate, 0 rejected\n");
    assert_eq!(run.err, "", "no progress where there is no terminal");
    for input in [GOOD.as_bytes().to_vec(), gzipped(GOOD.as_bytes())] {
        let run = folder.run_with(&["import", "-", "--store", "memory:"], &input).succeeded();
        assert_eq!(run.out, "1 stored, 0 duplicate, 0 rejected\n");
    }
    let nothing = folder.run(&["import", "-", "--store", "memory:"]).succeeded();
    assert_eq!(nothing.out, "0 stored, 0 duplicate, 0 rejected\n");
}

#[test]
fn a_log_that_breaks_off_keeps_what_came_before() {
    let folder = Folder::new();
    let line =
        |case: usize| format!("{{\"type\": \"DECISION\", \"actor\": \"a\", \"case_id\": \"{case}\"}}\n");
    let many: Vec<String> = (0..5000).map(line).collect();
    let mut broken = gzipped(many.concat().as_bytes());
    broken.truncate(broken.len() * 9 / 10);
    folder.write("broken.jsonl.gz", &broken);
    let run = folder.run(&["import", "broken.jsonl.gz", "--json"]).ended_with(2);
    let run = run.says(&["error: broken.jsonl.gz:", "cannot read on"]);
    let stored = run.json()["stored"].as_u64().unwrap();
    assert!(stored > 1000, "{stored}");
    let dossier = folder.json(&["dossier", "a", "--json"]);
    assert_eq!(dossier["decisions"], stored);
}

#[test]
fn rejects_in_every_batch_of_a_long_log_keep_their_lines() {
    let folder = Folder::new();
    let line = |number: usize| match number % 700 {
        0 => "{\"type\": \"DECISION\"}\n".to_owned(),
        350 => "{\"type\": \"DECISION\", \"actor\": \"a\", \"occurred_at\": \"9999-01-01T00:00:00Z\"}\n"
            .to_owned(),
        _ => "{\"type\": \"DECISION\", \"actor\": \"a\"}\n".to_owned(),
    };
    folder.write("log.jsonl", (1..=4000).map(line).collect::<String>());
    let run = folder.run(&["import", "log.jsonl", "--store", "memory:"]).ended_with(1);
    assert_eq!(run.out, "3989 stored, 0 duplicate, 11 rejected\n");
    let numbers: Vec<&str> = run.err.lines().filter_map(|line| line.split(':').nth(1)).collect();
    let expected = ["350", "700", "1050", "1400", "1750", "2100", "2450", "2800", "3150", "3500", "3850"];
    assert_eq!(numbers, expected);

    let arguments = ["import", "log.jsonl", "--store", "memory:", "--show-rejected", "2"];
    let run = folder.run(&arguments).ended_with(1);
    assert_eq!(run.err.lines().count(), 3, "{}", run.err);
    assert!(run.err.ends_with("… and 9 rejected lines more\n"), "{}", run.err);
}

#[test]
fn files_that_cannot_be_read_are_found_out_before_anything_is_stored() {
    let folder = Folder::new();
    folder.write("good.jsonl", GOOD);
    let run = folder.run(&["import", "good.jsonl", "missing.jsonl"]).ended_with(2);
    run.says(&["error: cannot read missing.jsonl", "because: "]);
    assert!(!folder.path("apmt.db").exists());
    folder.run(&["import", "."]).ended_with(2).says(&["is a folder"]);
    folder.run(&["import"]).ended_with(2).says(&["FILE"]);
}
