//! `apmt serve`, and the commands that ask it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use crate::Folder;

/// A server on a port of its own choosing, with a store in the folder.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(folder: &Folder) -> Self {
        let arguments = ["serve", "--address", "127.0.0.1:0", "--store", "sqlite:official.db"];
        let mut child = folder.command(&arguments).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = lines
            .map(Result::unwrap)
            .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned))
            .unwrap();
        Self { child, url }
    }

    /// Tells the server to stop, as a service manager does, and waits until it has.
    fn stop(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

#[test]
fn what_is_recorded_over_http_is_in_the_file() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let there = ["--store", &server.url];
    for event in [
        r#"{"type": "OVERRIDE", "actor": "anne@sba.gov", "case_id": "C-1"}"#,
        r#"{"type": "SAT_SCORE", "case_id": "C-1", "value": 2}"#,
    ] {
        folder.run(&[&["record", event][..], &there].concat()).succeeded();
    }
    let wrong = r#"{"type": "SAT_SCORE", "case_id": "C-1", "value": 9}"#;
    folder.run(&[&["record", wrong][..], &there].concat()).ended_with(1).says(&["value: 9"]);
    folder.write("log.jsonl", "{\"type\": \"DECISION\", \"actor\": \"bob\"}\nno json\n");
    folder.run(&[&["import", "log.jsonl"][..], &there].concat()).ended_with(1).says(&["log.jsonl:2"]);

    let asked = ["scoreboard", "--as-of", "latest", "--json"];
    let over_http = folder.run(&[&asked[..], &there].concat()).succeeded().out;
    assert!(over_http.contains(r#""pip_recommended":true"#), "{over_http}");
    folder.run(&[&["case", "C-1"][..], &there].concat()).succeeded();
    folder.run(&[&["contributions", "anne@sba.gov"][..], &there].concat()).succeeded();
    let replay = ["policy", "replay", "--from", "2020-01-01", "--to", "2020-01-02"];
    folder.run(&[&replay[..], &there].concat()).succeeded();

    assert_eq!(server.stop(), Some(0));
    let from_file = folder.run(&[&asked[..], &["--store", "sqlite:official.db"]].concat()).succeeded().out;
    assert_eq!(over_http, from_file);
}

#[test]
fn a_servers_policy_and_calendar_are_its_own() {
    let folder = Folder::new();
    let there = ["--store", "http://127.0.0.1:9"];
    folder.write("p.yaml", "name: mine\nrules: []\n");
    let policy = [&["scoreboard", "--policy", "p.yaml"][..], &there].concat();
    folder.run(&policy).ended_with(2).says(&["its own policy"]);
    let calendar = [&["scoreboard", "--calendar", "us-federal"][..], &there].concat();
    folder.run(&calendar).ended_with(2).says(&["its own calendar"]);
}

#[test]
fn a_server_serves_this_machine_and_a_store_of_its_own() {
    let folder = Folder::new();
    folder.run(&["serve", "--address", "0.0.0.0:0"]).ended_with(2).says(&["no keys"]);
    folder.run(&["serve", "--store", "http://localhost:9300"]).ended_with(2).says(&["its own store"]);
}
