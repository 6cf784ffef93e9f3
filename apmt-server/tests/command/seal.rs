//! `seal`, `verify`, `proof`, `erase` and `prune`: a log that can be trusted, and what the law has erased of it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::serve::Server;
use crate::{Folder, Run};

const KEY: &[&str] = &["seal", "--key", "seal.key"];

/// A folder with a key and a log of five events; and the key that verifies.
fn office() -> (Folder, String) {
    let folder = Folder::new();
    let made = folder.run(&["seal", "--make-key", "seal.key", "--name", "test.gov/apmt"]).succeeded();
    let key = made.out.trim().to_owned();
    assert!(key.starts_with("test.gov/apmt+") && !made.err.contains("PRIVATE"), "{made:?}");
    for case in ["C-1", "C-2", "C-3"] {
        let event = format!(r#"{{"type":"OVERRIDE","actor":"anne@test.gov","case_id":"{case}"}}"#);
        folder.run(&["record", &event]).succeeded();
    }
    folder
        .run(&["record", r#"{"type":"DECISION","actor":"bob@test.gov","case_id":"C-9","x":"zebra"}"#])
        .succeeded();
    folder.run(&["record", r#"{"type":"SAT_SCORE","case_id":"C-9","value":2}"#]).succeeded();
    (folder, key)
}

fn change(folder: &Folder, sql: &str) {
    rusqlite::Connection::open(folder.path("apmt.db")).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_log_is_sealed_and_what_was_changed_is_found() {
    let (folder, key) = office();
    let sealed = folder.run(KEY).succeeded().says(&["5 events sealed now, 5 in all", &key]);
    assert!(
        sealed.out.starts_with("test.gov/apmt\n5\n") && sealed.out.contains("\n\n\u{2014} test.gov/apmt ")
    );
    let again = folder.run(KEY).succeeded().says(&["0 events sealed now, 5 in all"]);
    assert_eq!(again.out, sealed.out);

    let verify = |more: &[&str]| folder.run(&[&["verify"], more].concat());
    let sound = verify(&["--key", &key]).succeeded();
    assert_eq!(sound.out, "verified: 5 events, 5 of them sealed, 5 signed by 1 checkpoint\n");
    let without = verify(&[]).succeeded();
    assert!(without.out.ends_with("no signature was checked: give the key that verifies with --key\n"));

    change(&folder, "UPDATE events SET payload = replace(payload, 'C-2', 'C-7') WHERE position = 2");
    let found = verify(&["--key", &key]).ended_with(1);
    let first = "  position 2: the event is filed under another case than the one that it names\n  position 2: the event, or \
                 the seal's record of it, was changed after it was sealed\n";
    assert_eq!(found.out, format!("not verified: 2 things are wrong with the log\n{first}"));
    let json = verify(&["--key", &key, "--json"]).ended_with(1).json();
    assert_eq!((&json["verified"], &json["wrong"]), (&false.into(), &2.into()));
    assert_eq!(json["findings"][1]["finding"]["wrong"], "changed");
}

#[test]
fn a_checkpoint_that_was_kept_shows_another_log() {
    let (folder, key) = office();
    folder.run(&[KEY, &["--output", "mine.txt"]].concat()).succeeded();
    change(&folder, "UPDATE events SET occurred_at = occurred_at - 1 WHERE position = 2");
    change(&folder, "DELETE FROM seal; DELETE FROM checkpoints");
    folder.run(KEY).succeeded();
    folder.run(&["verify", "--key", &key]).succeeded();
    let found = folder.run(&["verify", "--key", &key, "--checkpoint", "mine.txt"]).ended_with(1);
    assert!(
        found.out.contains("the first 5 events are not those that the checkpoint has signed"),
        "{found:?}"
    );
}

#[test]
fn proofs_are_checked_without_the_store() {
    let (folder, key) = office();
    folder.run(&[KEY, &["-o", "first.txt"]].concat()).succeeded();
    folder.run(&["record", r#"{"type":"OVERRIDE","actor":"anne@test.gov"}"#]).succeeded();
    folder.run(&[KEY, &["-o", "second.txt"]].concat()).succeeded();
    let proof = folder.run(&["proof", "--position", "4", "--size", "5"]).succeeded().out;
    let id = serde_json::from_str::<Value>(&proof).unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(folder.run(&["proof", "--event", &id, "--size", "5"]).succeeded().out, proof);
    let grown = folder.run(&["proof", "--from", "5"]).succeeded().out;

    let elsewhere = Folder::new();
    for (name, text) in [("proof.json", &proof), ("grown.json", &grown)] {
        elsewhere.write(name, text);
    }
    for name in ["first.txt", "second.txt"] {
        elsewhere.write(name, std::fs::read(folder.path(name)).unwrap());
    }
    let check = |arguments: &[&str]| elsewhere.run(&[&["verify", "--key", &key], arguments].concat());
    let held = check(&["--proof", "proof.json", "--checkpoint", "first.txt"]).succeeded();
    assert_eq!(held.out, format!("the event {id}, at position 4, is in the log of 5 events\n"));
    let held = check(&["--proof", "grown.json", "--checkpoint", "first.txt", "--checkpoint", "second.txt"]);
    assert_eq!(held.succeeded().out, "the log of 6 events has grown out of the one of 5\n");
    check(&["--proof", "proof.json", "--checkpoint", "second.txt"]).ended_with(1);
    elsewhere.write("proof.json", proof.replace("zebra", "horse"));
    let failed = check(&["--proof", "proof.json", "--checkpoint", "first.txt"]).ended_with(1);
    assert_eq!(failed.out, "the proof fails: what the event says is not what was sealed\n");
    check(&["--proof", "grown.json", "--checkpoint", "first.txt"])
        .ended_with(2)
        .says(&["no proof for as many"]);
    folder.run(&["proof", "--position", "9"]).ended_with(2).says(&["position: 9: must be from 1 to 6"]);
}

fn erase(folder: &Folder, arguments: &[&str]) -> Run {
    let why = ["--by", "records@test.gov", "--reason", "court order 24-118"];
    folder.run(&[arguments, &why].concat())
}

#[test]
fn what_is_erased_is_gone_and_who_and_why_is_shown() {
    let (folder, key) = office();
    erase(&folder, &["erase", "--case", "C-9"]).ended_with(2).says(&["nobody is there to be asked", "--yes"]);
    let done = erase(&folder, &["erase", "--case", "C-9", "--yes"]).succeeded();
    assert_eq!(done.out, "2 events erased (case C-9)\n");
    let file = std::fs::read(folder.path("apmt.db")).unwrap();
    assert!(!file.windows(5).any(|window| window == b"zebra"));
    assert!(!folder.run(&["export"]).succeeded().out.contains("C-9"));
    let dossier = folder.json(&["dossier", "bob@test.gov", "--json"]);
    assert_eq!(dossier["decisions"], 0);
    folder.run(KEY).succeeded();
    let sound = folder.run(&["verify", "--key", &key]).succeeded();
    assert!(
        sound.out.contains(
            " records@test.gov erased 2 events (4, 5): court order 24-118; position 6\nverified: 6 events"
        ),
        "{sound:?}"
    );
    let json = folder.json(&["verify", "--key", &key, "--json"]);
    assert_eq!((&json["erased"], &json["erasures"][0]["by"]), (&2.into(), &"records@test.gov".into()));
    let done = erase(&folder, &["erase", "--actor", "Anne@test.gov", "--yes", "--json"]).succeeded().json();
    assert_eq!((&done["erased"], &done["records"]), (&3.into(), &1.into()));
    assert!(folder.run(&["scoreboard", "--json"]).succeeded().json().as_array().unwrap().is_empty());
}

#[test]
fn what_is_too_old_is_erased_and_the_rest_kept() {
    let (folder, key) = office();
    let old =
        r#"{"type":"DECISION","actor":"anne@test.gov","case_id":"OLD","occurred_at":"2015-01-01T00:00:00Z"}"#;
    folder.run(&["record", old]).succeeded();
    // It happened long ago, and was recorded today.
    let would = erase(&folder, &["prune", "--older-than", "6y", "--dry-run"]).succeeded();
    assert!(would.out.ends_with("0 whole cases: 0 events would be erased\n"), "{would:?}");
    change(&folder, "UPDATE events SET recorded_at = occurred_at WHERE position = 6");
    let would = erase(&folder, &["prune", "--older-than", "6y", "--dry-run", "--json"]).succeeded().json();
    assert_eq!((&would["cases"], &would["events"]), (&1.into(), &1.into()));
    erase(&folder, &["prune", "--older-than", "6y", "--yes"]).succeeded();
    assert!(folder.run(&["case", "OLD", "--json"]).succeeded().out.trim_end().ends_with("[]"));
    folder.run(KEY).succeeded();
    folder.run(&["verify", "--key", &key]).succeeded();
    erase(&folder, &["prune", "--older-than", "six"]).ended_with(2).says(&["6y"]);
}

#[test]
fn what_cannot_be_done_says_why() {
    let (folder, _) = office();
    folder
        .run(&["seal", "--make-key", "seal.key", "--name", "x"])
        .ended_with(2)
        .says(&["there is a file already"]);
    folder.run(&["seal", "--make-key", "other.key", "--name", "a b"]).ended_with(2).says(&["no blanks"]);
    folder
        .run(&["proof", "--position", "1"])
        .ended_with(2)
        .says(&["there is no checkpoint yet", "apmt seal"]);
    folder.run(&["verify", "--key", "nonsense"]).ended_with(2).says(&["no key that verifies"]);
    folder.write("no.txt", "no checkpoint");
    folder.run(&["verify", "--checkpoint", "no.txt"]).ended_with(2).says(&["no.txt: this is no checkpoint"]);
    folder
        .run(&["seal", "--key", "seal.key", "--store", "sqlite:new.db"])
        .ended_with(2)
        .says(&["the log is empty"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder.path("seal.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
        folder.run(KEY).ended_with(2).says(&["seal.key: others on this machine may use this key (mode 644)"]);
    }
}

fn get(server: &Server, path: &str) -> (u16, String) {
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

#[test]
fn a_server_seals_and_shows_it() {
    let (folder, key) = office();
    let seal = ["--seal-key", "seal.key", "--seal-every", "1s"];
    let server = Server::with(
        &folder,
        &[&["--store", "sqlite:apmt.db", "--address", "127.0.0.1:0"], &seal[..]].concat(),
    );
    let note = loop {
        let (status, note) = get(&server, "/log/checkpoint");
        if status == 200 {
            break note;
        }
        assert_eq!(status, 404, "{note}");
        std::thread::yield_now();
    };
    folder.write("note.txt", &note);
    let (status, proof) = get(&server, "/log/proof?position=2&size=5");
    assert_eq!(status, 200, "{proof}");
    folder.write("proof.json", &proof);
    let check = ["verify", "--proof", "proof.json", "--checkpoint", "note.txt", "--key", &key];
    folder.run(&check).succeeded();
    let id = serde_json::from_str::<Value>(&proof).unwrap()["id"].as_str().unwrap().to_owned();
    let (_, receipt) = get(&server, &format!("/events/{id}/receipt"));
    let receipt: Value = serde_json::from_str(&receipt).unwrap();
    assert_eq!((&receipt["sealed"], &receipt["position"]), (&true.into(), &2.into()));
    let proof: Value = serde_json::from_str(&proof).unwrap();
    assert_eq!((&receipt["checkpoint"], &receipt["proof"]), (&note.into(), &proof));
    // Another server's log has its seal there.
    folder
        .run(&["verify", "--store", &server.url])
        .ended_with(2)
        .says(&["the seal is kept where the log is"]);
    assert_eq!(server.stop(), Some(0));
    folder.run(&["verify", "--key", &key, "--checkpoint", "note.txt"]).succeeded();
}
