//! Real logs against what an independent program made of them, where they are at hand.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use apmt_client::blocking::Client;
use apmt_client::{AsOf, Timestamp};
use apmt_server::import::Importer;
use serde_json::Value;

use crate::{Folder, real_logs};

pub(crate) const LOGS: [(&str, u64); 2] = [("permit", 5405), ("dane", 948)];

/// Asserts that everything in `expected` is in `got`: numbers to 1e-9, relative.
#[track_caller]
fn assert_matches(expected: &Value, got: &Value, path: &str) {
    match (expected, got) {
        (Value::Object(expected), Value::Object(_)) => {
            for (name, expected) in expected {
                let got = got.get(name).unwrap_or_else(|| panic!("{path}.{name} is missing"));
                assert_matches(expected, got, &format!("{path}.{name}"));
            }
        }
        (Value::Array(expected), Value::Array(got)) => {
            assert_eq!(expected.len(), got.len(), "{path}");
            for (index, (expected, got)) in expected.iter().zip(got).enumerate() {
                assert_matches(expected, got, &format!("{path}[{index}]"));
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            assert!((a - b).abs() <= 1e-9 * a.abs().max(b.abs()), "{path}: expected {a}, got {b}");
        }
        _ => assert_eq!(expected, got, "{path}"),
    }
}

fn expected(folder: &Path, log: &str) -> Value {
    let text = std::fs::read_to_string(folder.join(format!("{log}.expected.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Says so past the test harness, which keeps what passing tests print to itself.
pub(crate) fn skipped() {
    let _ = writeln!(std::io::stderr(), "SKIPPED: the real logs are not beside this workspace");
}

#[track_caller]
fn assert_is_expected(expected: &Value, scoreboard: &Value, log: &str) {
    let actors = |dossiers: &Value| -> Vec<String> {
        let dossiers = dossiers.as_array().unwrap();
        dossiers.iter().map(|dossier| dossier["actor"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(actors(scoreboard), actors(&expected["dossiers"]), "{log}");
    assert_matches(&expected["dossiers"], scoreboard, log);
    let instant = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
    for dossier in scoreboard.as_array().unwrap() {
        assert_eq!(instant(&dossier["as_of"]), instant(&expected["as_of"]), "{log}");
    }
}

#[test]
fn real_logs_give_what_an_independent_program_makes_of_them() {
    let Some(data) = real_logs() else {
        skipped();
        return;
    };
    for (log, lines) in LOGS {
        let (folder, expected) = (Folder::new(), expected(&data, log));
        let file = data.join(format!("{log}.jsonl.gz"));
        let store = ["--store", "sqlite:log.db"];
        let run = folder.run(&[&["import", file.to_str().unwrap()], &store[..]].concat()).succeeded();
        assert_eq!(run.out, format!("{lines} stored, 0 duplicate, 0 rejected\n"));
        let scoreboard = folder.json(&[&["scoreboard", "--as-of", "latest", "--json"], &store[..]].concat());
        assert_is_expected(&expected, &scoreboard, log);
    }
}

#[test]
fn real_logs_give_the_same_in_memory_within_one_process() {
    let Some(data) = real_logs() else {
        skipped();
        return;
    };
    for (log, lines) in LOGS {
        let client = Client::open("memory:").unwrap();
        let mut importer = Importer::new(&client);
        let file = File::open(data.join(format!("{log}.jsonl.gz"))).unwrap();
        importer.read(log, file, |line| panic!("{line}")).unwrap();
        assert_eq!(importer.counts().stored, lines);
        let scoreboard = serde_json::to_value(client.scoreboard(AsOf::Latest).unwrap()).unwrap();
        assert_is_expected(&expected(&data, log), &scoreboard, log);
    }
}
