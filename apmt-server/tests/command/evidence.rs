//! `evidence` and `verify-evidence`: the same dossier, elsewhere.

use std::fs::File;

use apmt_client::blocking::Client;
use apmt_core::evidence::{Bundle, verify};
use apmt_core::{AsOf, Policy};
use apmt_server::import::Importer;
use futures_lite::future::block_on;

use crate::logs::{LOGS, skipped};
use crate::serve::Server;
use crate::{Folder, real_logs};

const GUARDED: &str = include_str!("../../../examples/policies/guarded.yaml");

const ANNE: &str = "officer_anne@sba.gov";

const END: &str = "2026-03-02T15:00:00Z";

/// A folder with the demo agency and the recommended policy.
fn agency() -> Folder {
    let folder = Folder::new();
    folder.write("guarded.yaml", GUARDED);
    folder.run(&["demo", "--store", "sqlite:d.db", "--as-of", END]).succeeded();
    folder
}

#[test]
fn what_one_machine_writes_another_verifies() {
    let (folder, elsewhere) = (agency(), Folder::new());
    let judged = ["--store", "sqlite:d.db", "--as-of", END, "--policy", "guarded.yaml"];
    let written = [&["evidence", "Officer_Anne@sba.gov", "-o", "anne.json"], &judged[..]].concat();
    let out = folder.run(&written).succeeded().out;
    assert!(
        out.starts_with("anne.json: the dossier of officer_anne@sba.gov as of 2026-03-02T15:00:00Z, "),
        "{out}"
    );
    let seal = out.trim_end().rsplit(' ').next().unwrap();

    let file = std::fs::read_to_string(folder.path("anne.json")).unwrap();
    let dossier = folder.run(&[&["dossier", ANNE, "--json"], &judged[..]].concat()).succeeded().out;
    assert!(file.contains(&format!("\n\"dossier\": {},\n", dossier.trim_end())), "byte for byte");
    elsewhere.write("anne.json", &file);
    let run = elsewhere.run(&["verify-evidence", "anne.json"]).succeeded();
    let first =
        "anne.json: verified: the same dossier of officer_anne@sba.gov as of 2026-03-02T15:00:00Z comes of ";
    assert!(run.out.starts_with(first), "{}", run.out);
    assert!(run.out.ends_with(&format!("\nseal {seal}\n")), "{}", run.out);

    // From one end of a pipe to the other.
    let piped = [&["evidence", ANNE], &judged[..]].concat();
    let piped = folder.run(&piped).succeeded().says(&[seal]);
    assert_eq!(piped.out, file);
    let verified =
        elsewhere.run_with(&["verify-evidence", "-", "--json"], piped.out.as_bytes()).succeeded().json();
    assert_eq!((&verified["verified"], &verified["seal"]), (&true.into(), &seal.into()));
    assert_eq!(verified["dossier"]["actor"], ANNE);
}

#[test]
fn what_was_tampered_with_is_said() {
    let folder = agency();
    let written = ["evidence", ANNE, "--store", "sqlite:d.db", "--as-of", END, "--output", "anne.json"];
    folder.run(&written).succeeded();
    let file = std::fs::read_to_string(folder.path("anne.json")).unwrap();
    folder.write("good.json", file.replace("\"status\":\"pip\"", "\"status\":\"good\""));
    folder.run(&["verify-evidence", "good.json"]).ended_with(1).says(&[
        "good.json: not verified: the dossier differs at status: the file says \"good\", and its events come to \"pip\"",
    ]);
    let found = folder.run(&["verify-evidence", "good.json", "--json"]).ended_with(1).json();
    assert_eq!((&found["verified"], &found["flaw"]), (&false.into(), &"dossier".into()));
    let difference = serde_json::json!({"path": "status", "stated": "good", "recomputed": "pip"});
    assert_eq!(found["difference"], difference);

    folder.write("event.json", file.replacen("\"value\":1", "\"value\":5", 1));
    folder.run(&["verify-evidence", "event.json"]).ended_with(1).says(&["event.json: not verified: event "]);
    folder.write("later.json", file.replacen("\"apmt_evidence\": 1", "\"apmt_evidence\": 9", 1));
    folder.run(&["verify-evidence", "later.json"]).ended_with(2).says(&["later.json", "version 9"]);
    folder.write("half.json", &file[..file.len() / 2]);
    folder.run(&["verify-evidence", "half.json"]).ended_with(2).says(&["no evidence bundle"]);
    folder.run(&["verify-evidence", "none.json"]).ended_with(2).says(&["cannot read none.json"]);
}

#[test]
fn a_servers_evidence_is_that_of_its_store() {
    let folder = agency();
    let rules = ["--policy", "guarded.yaml", "--calendar", "us-federal"];
    let refold = ["scoreboard", "--store", "sqlite:d.db", "--calendar", "us-federal", "--refold"];
    folder.run(&refold).succeeded();
    let served = ["--store", "sqlite:d.db", "--address", "127.0.0.1:0"];
    let server = Server::with(&folder, &[&served[..], &rules].concat());
    let evidence = ["evidence", ANNE, "--as-of", END, "--store"];
    let over_http = folder.run(&[&evidence[..], &[&server.url], &rules].concat()).succeeded().out;

    let other_policy = [&evidence[..], &[&server.url], &rules[2..]].concat();
    folder.run(&other_policy).ended_with(2).says(&[
        "judges by the policy guarded",
        "not by default",
        "--policy",
    ]);
    let other_calendar = [&evidence[..], &[&server.url], &rules[..2]].concat();
    folder.run(&other_calendar).ended_with(2).says(&["measures through the calendar of digest", "always"]);
    assert_eq!(server.stop(), Some(0));

    let from_file = folder.run(&[&evidence[..], &["sqlite:d.db"], &rules].concat()).succeeded().out;
    assert_eq!(over_http, from_file);
    folder.run_with(&["verify-evidence", "-"], over_http.as_bytes()).succeeded();
}

#[test]
fn every_dossier_of_real_logs_is_made_again() {
    let Some(data) = real_logs() else {
        skipped();
        return;
    };
    for (log, _) in LOGS {
        let client = Client::open("memory:").unwrap();
        let mut importer = Importer::new(&client);
        let file = File::open(data.join(format!("{log}.jsonl.gz"))).unwrap();
        importer.read(log, file, |line| panic!("{line}")).unwrap();
        let policy = Policy::from_yaml("guarded.yaml", GUARDED).unwrap();
        let dossiers = block_on(client.store().dossiers(AsOf::Latest, &policy, None, usize::MAX)).unwrap();
        assert!(!dossiers.is_empty(), "{log}");
        for dossier in dossiers {
            let store = &**client.store();
            let bundle = Bundle::gather(store, &dossier.actor, AsOf::Latest, GUARDED, "always", |_, _| ());
            let mut file = Vec::new();
            let seal = block_on(bundle).unwrap().write(&mut file).unwrap();
            let verified = block_on(verify(std::str::from_utf8(&file).unwrap())).unwrap();
            assert_eq!((verified.dossier.to_json(), verified.seal), (dossier.to_json(), seal), "{log}");
        }
    }
}
