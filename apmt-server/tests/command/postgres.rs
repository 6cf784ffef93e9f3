//! The command on PostgreSQL.

use serde_json::json;

use crate::Folder;
use crate::cluster::Cluster;

#[test]
fn a_file_moves_into_a_database_and_back() {
    let cluster = Cluster::start(&["fsync=off"]);
    let (folder, database) = (Folder::new(), cluster.url("postgres"));
    // A made-up agency, recorded at its own times, and a few events that are recorded now.
    folder.run(&["demo", "--store", "sqlite:from.db"]).succeeded();
    for stars in 1..=5 {
        let event = json!({"type": "SAT_SCORE", "actor": "anne", "value": stars}).to_string();
        folder.run(&["record", &event, "--store", "sqlite:from.db"]).succeeded();
    }
    let there = folder.json(&["migrate", "--from", "sqlite:from.db", "--to", &database, "--json"]);
    let back = folder.json(&["migrate", "--from", &database, "--to", "sqlite:to.db", "--json"]);
    assert_eq!(there, back);
    let of = |arguments: &[&str], store: &str| {
        folder.run(&[arguments, &["--store", store]].concat()).succeeded().out
    };
    for arguments in [&["export"][..], &["scoreboard", "--as-of", "latest", "--json"]] {
        let expected = of(arguments, "sqlite:from.db");
        assert!(expected.len() > 1000);
        assert_eq!(of(arguments, &database), expected);
        assert_eq!(of(arguments, "sqlite:to.db"), expected);
    }
}

#[test]
fn the_command_records_and_answers() {
    let cluster = Cluster::start(&["fsync=off"]);
    let (folder, database) = (Folder::new(), cluster.url("postgres"));
    // Looking makes no tables.
    let run = folder.run(&["dossier", "anne", "--store", &database]).ended_with(2);
    run.says(&["open it once to be written"]);
    let event = r#"{"type": "OVERRIDE", "actor": "anne", "case_id": "C-1"}"#;
    folder.run(&["record", event, "--store", &database]).succeeded();
    assert_eq!(folder.json(&["dossier", "anne", "--json", "--store", &database])["overrides"], 1);
    let run = folder.run(&["scoreboard", "--store", "postgres://anne:secret@127.0.0.1:1/apmt"]).ended_with(2);
    assert!(!run.err.contains("secret"), "{}", run.err);
}
