//! `apmt key`, and a server that asks for keys.

use serde_json::Value;

use crate::serve::Server;
use crate::{Folder, Run};

fn created(folder: &Folder, arguments: &[&str]) -> Run {
    folder.run(&[&["key", "create"][..], arguments].concat())
}

#[test]
fn a_key_is_printed_once_and_stored_nowhere() {
    let folder = Folder::new();
    let run = created(&folder, &["--name", "form", "--scope", "record"]).succeeded();
    let key = run.out.trim_end().to_owned();
    assert!(key.starts_with("apmt_") && !key.contains(char::is_whitespace), "{run:?}");
    let run = run.says(&["form", "record", "apmt-keys.json", "never again"]);
    let secret = key.rsplit('_').next().unwrap();
    assert!(!run.err.contains(secret));
    let file = std::fs::read_to_string(folder.path("apmt-keys.json")).unwrap();
    assert!(file.contains("\"form\"") && !file.contains(secret), "{file}");
    let list = folder.run(&["key", "list"]).succeeded().out;
    assert!(list.contains("form") && list.contains("active") && !list.contains(secret), "{list}");
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone_and_stays_whose_it_was() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let path = folder.path("apmt-keys.json");
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    created(&folder, &["--name", "a", "--scope", "read"]).succeeded();
    assert_eq!(mode(), 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o664)).unwrap();
    created(&folder, &["--name", "b", "--scope", "read"]).succeeded();
    assert_eq!(mode(), 0o640);
    // A link stays a link.
    std::os::unix::fs::symlink("apmt-keys.json", folder.path("link.json")).unwrap();
    created(&folder, &["--name", "c", "--scope", "read", "--keys", "link.json"]).succeeded();
    assert!(folder.path("link.json").is_symlink());
    assert_eq!(folder.json(&["key", "list", "--json"]).as_array().unwrap().len(), 3);
}

#[test]
fn keys_as_json() {
    let folder = Folder::new();
    let there = ["--keys", "k.json", "--json"];
    let arguments = ["--name", "form", "--scope", "record", "--expires", "90d"];
    let made = created(&folder, &[&arguments[..], &there].concat()).succeeded().json();
    assert_eq!(
        (&made["name"], &made["scope"], &made["state"]),
        (&"form".into(), &"record".into(), &"active".into())
    );
    assert!(made["key"].as_str().unwrap().contains(made["id"].as_str().unwrap()));
    assert!(made["expires_at"].as_str().unwrap() > made["created_at"].as_str().unwrap());
    folder.run(&["key", "revoke", "form", "--keys", "k.json"]).succeeded();
    let listed = folder.json(&[&["key", "list"][..], &there].concat());
    let mut expected = made.clone();
    expected.as_object_mut().unwrap().remove("key");
    expected["state"] = "revoked".into();
    expected["revoked_at"] = listed[0]["revoked_at"].clone();
    assert!(listed[0]["revoked_at"].is_string());
    assert_eq!(listed, Value::from(vec![expected]));
}

#[test]
fn a_key_is_revoked_by_its_id_or_its_name() {
    let folder = Folder::new();
    let create =
        |name: &str| created(&folder, &["--name", name, "--scope", "read", "--json"]).succeeded().json();
    let (first, _) = (create("first"), create("second"));
    folder.run(&["key", "revoke", first["id"].as_str().unwrap()]).succeeded();
    let once = folder.run(&["key", "revoke", "second"]).succeeded().out;
    // Again is no error, and changes nothing.
    assert_eq!(folder.run(&["key", "revoke", "second"]).succeeded().out, once);
    // The name is free again, and means the key that is not revoked.
    let again = create("second");
    assert!(folder.run(&["key", "revoke", "second"]).succeeded().out.contains(again["id"].as_str().unwrap()));
    let states: Vec<Value> = folder.json(&["key", "list", "--json"]).as_array().unwrap().clone();
    assert!(states.len() == 3 && states.iter().all(|key| key["state"] == "revoked"), "{states:?}");
    folder.run(&["key", "revoke", "third"]).ended_with(2).says(&["third", "apmt key list"]);
}

#[test]
fn what_is_wrong_with_a_key_is_said() {
    let folder = Folder::new();
    let wrong =
        |arguments: &[&str], says: &[&str]| drop(created(&folder, arguments).ended_with(2).says(says));
    wrong(&["--name", "form", "--scope", "recrod"], &["record", "supervise"]);
    wrong(&["--name", " ", "--scope", "read"], &["name", "must not be empty"]);
    wrong(&["--name", "a\u{1b}[2J", "--scope", "read"], &["control characters"]);
    wrong(&["--name", &"x".repeat(65), "--scope", "read"], &["64 bytes"]);
    wrong(&["--name", "a", "--scope", "read", "--expires", "2020-01-01"], &["must be in the future"]);
    wrong(&["--name", "a", "--scope", "read", "--expires", "soon"], &["2027-01-01", "90d"]);
    wrong(&["--name", "a", "--scope", "read", "--keys", "no/such/folder.json"], &["folder.json"]);
    created(&folder, &["--name", "a", "--scope", "read"]).succeeded();
    wrong(&["--name", "a", "--scope", "record"], &["another key's name"]);
    folder.run(&["key", "list", "--keys", "none.json"]).ended_with(2).says(&["none.json", "apmt key create"]);
    folder.run(&["key", "revoke", "a", "--keys", "none.json"]).ended_with(2).says(&["none.json"]);
    assert!(!folder.path("none.json").exists());
}

#[test]
fn a_damaged_file_is_named_with_the_place_and_left_alone() {
    let folder = Folder::new();
    created(&folder, &["--name", "form", "--scope", "record"]).succeeded();
    let good = std::fs::read_to_string(folder.path("apmt-keys.json")).unwrap();
    let broken = [
        (good.replace("\"record\"", "\"recrod\""), "apmt-keys.json:7:"),
        (good.replace("\"created_at\"", "\"made_at\""), "made_at"),
        (good.replace("\"version\": 1", "\"version\": 2"), "version 2"),
        (good[..good.len() / 2].to_owned(), "apmt-keys.json:"),
        (String::new(), "apmt-keys.json:1:0"),
    ];
    for (text, place) in broken {
        folder.write("apmt-keys.json", &text);
        folder.run(&["key", "list"]).ended_with(2).says(&[place]);
        created(&folder, &["--name", "other", "--scope", "read"]).ended_with(2).says(&[place]);
        folder.run(&["serve", "--store", "memory:", "--keys", "apmt-keys.json"]).ended_with(2).says(&[place]);
        assert_eq!(std::fs::read_to_string(folder.path("apmt-keys.json")).unwrap(), text);
    }
}

#[test]
fn keys_made_at_the_same_time_are_all_there() {
    let folder = Folder::new();
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let folder = &folder;
            scope.spawn(move || {
                for key in 0..4 {
                    let name = format!("{worker}-{key}");
                    created(folder, &["--name", &name, "--scope", "record"]).succeeded();
                }
            });
        }
    });
    assert_eq!(folder.json(&["key", "list", "--json"]).as_array().unwrap().len(), 32);
}

#[test]
fn the_file_may_come_from_the_environment() {
    let folder = Folder::new();
    let mut command = folder.command(&["key", "create", "--name", "a", "--scope", "read"]);
    assert!(command.env("APMT_KEYS", "env.json").output().unwrap().status.success());
    assert!(folder.path("env.json").is_file());
}

#[test]
fn a_server_that_cannot_have_what_it_needs_does_not_start() {
    let folder = Folder::new();
    let serve = |arguments: &[&str], says: &[&str]| {
        let all = [&["serve", "--address", "127.0.0.1:0", "--store", "sqlite:s.db"][..], arguments].concat();
        folder.run(&all).ended_with(2).says(says);
        assert!(!folder.path("s.db").exists(), "nothing was made");
    };
    serve(&["--keys", "none.json"], &["none.json", "apmt key create"]);
    serve(&["--rate", "0"], &["at least 1"]);
    serve(&["--audit-log", "no/such/audit.jsonl"], &["audit.jsonl"]);
}

#[cfg(feature = "tls")]
#[test]
fn certificates_that_cannot_be_used_are_named() {
    let folder = Folder::new();
    let pair = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (one, other) = (pair(), pair());
    folder.write("cert.pem", one.cert.pem());
    folder.write("key.pem", other.signing_key.serialize_pem());
    folder.write("empty.pem", "");
    folder.write("cut.pem", &one.cert.pem()[..100]);
    let serve = |certificate: &str, key: &str, says: &[&str]| {
        let arguments = [
            "serve",
            "--address",
            "127.0.0.1:0",
            "--store",
            "memory:",
            "--tls-cert",
            certificate,
            "--tls-key",
            key,
        ];
        folder.run(&arguments).ended_with(2).says(says);
    };
    serve("cert.pem", "key.pem", &["key.pem", "is not the private key", "cert.pem"]);
    serve("none.pem", "key.pem", &["none.pem", "cannot read the certificate"]);
    serve("cert.pem", "none.pem", &["none.pem", "cannot read the private key"]);
    serve("empty.pem", "key.pem", &["empty.pem", "no certificate in it"]);
    serve("cert.pem", "empty.pem", &["empty.pem", "no private key in it"]);
    serve("key.pem", "key.pem", &["key.pem", "no certificate in it"]);
    serve("cut.pem", "key.pem", &["cut.pem", "certificate"]);
    folder.run(&["serve", "--tls-cert", "cert.pem"]).ended_with(2).says(&["--tls-key"]);
}

/// From the key to the audit line, with the real programs.
#[cfg(feature = "tls")]
#[test]
fn a_server_with_keys_over_tls() {
    let folder = Folder::new();
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    folder.write("cert.pem", pair.cert.pem());
    folder.write("key.pem", pair.signing_key.serialize_pem());
    let key = |name: &str, scope: &str| {
        created(&folder, &["--name", name, "--scope", scope]).succeeded().out.trim_end().to_owned()
    };
    let (form, dashboard) = (key("form", "record"), key("dashboard", "read"));
    let files = ["--keys", "apmt-keys.json", "--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let more =
        ["--address", "0.0.0.0:0", "--audit-log", "audit.jsonl", "--rate", "100/s", "--host", "apmt.gov"];
    let server = Server::with(&folder, &[&files[..], &more].concat());
    assert!(!server.said.concat().contains("without TLS"), "{:?}", server.said);
    let url = server.url.replace("0.0.0.0", "localhost");
    assert!(url.starts_with("https://localhost:"), "{url}");
    let ask = |key: &str, path: &str, body: &[&str]| -> Value {
        let output = std::process::Command::new("curl")
            .args(["--silent", "--show-error", "--noproxy", "*", "--cacert"])
            .arg(folder.path("cert.pem"))
            .args(["-H", &format!("Authorization: Bearer {key}"), &format!("{url}{path}")])
            .args(body)
            .output()
            .expect("this test needs curl");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    };
    let event = r#"{"type": "OVERRIDE", "actor": "anne@sba.gov"}"#;
    assert_eq!(ask(&form, "/event", &["-d", event])["ok"], true);
    assert_eq!(ask(&form, "/dossier/anne@sba.gov", &[])["status"], 403);
    assert_eq!(ask(&dashboard, "/dossier/anne@sba.gov", &[])["overrides"], 1);
    assert_eq!(ask(&dashboard, "/event", &["-d", event])["status"], 403);
    assert_eq!(ask(&dashboard, "/dossiers", &["-H", "host: evil.example"])["status"], 421);
    folder.run(&["key", "revoke", "dashboard"]).succeeded();
    while ask(&dashboard, "/status", &[])["status"] != 401 {}
    assert_eq!(server.stop(), Some(0));
    let audit = std::fs::read_to_string(folder.path("audit.jsonl")).unwrap();
    let lines: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said: Vec<_> = lines.iter().map(|line| (line["key"].as_str(), line["status"].as_u64())).collect();
    assert_eq!(said, [(Some("form"), Some(403)), (Some("dashboard"), Some(200))]);
}

#[test]
fn keys_without_tls_are_warned_of_where_others_can_listen() {
    let folder = Folder::new();
    created(&folder, &["--name", "form", "--scope", "record"]).succeeded();
    let warned = |address: &str| {
        let server = Server::with(
            &folder,
            &["--store", "sqlite:official.db", "--keys", "apmt-keys.json", "--address", address],
        );
        let said = server.said.join("\n");
        assert_eq!(server.stop(), Some(0));
        said.contains("without TLS")
    };
    assert!(warned("0.0.0.0:0"));
    assert!(!warned("127.0.0.1:0"));
}
