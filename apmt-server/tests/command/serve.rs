//! `apmt serve`, and the commands that ask it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use crate::Folder;

/// A server on a port of its own choosing, with a store in the folder.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    /// What it said before it said where it listens.
    pub(crate) said: Vec<String>,
}

impl Server {
    fn start(folder: &Folder) -> Self {
        Self::with(folder, &["--store", "sqlite:official.db", "--address", "127.0.0.1:0"])
    }

    pub(crate) fn with(folder: &Folder, arguments: &[&str]) -> Self {
        let arguments = [&["serve"][..], arguments].concat();
        let mut child = folder.command(&arguments).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = Vec::new();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = lines.map(Result::unwrap).find_map(|line| {
            let url = line.strip_prefix("listening on ").map(str::to_owned);
            said.push(line);
            url
        });
        said.pop();
        Self { child, url: url.unwrap(), said }
    }

    /// Tells the server to stop, as a service manager does, and waits until it has.
    pub(crate) fn stop(mut self) -> Option<i32> {
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
fn a_server_without_keys_serves_this_machine() {
    Folder::new().run(&["serve", "--address", "0.0.0.0:0"]).ended_with(2).says(&["no keys"]);
}

/// Whoever asks either of two servers, one in front of the other, is told the same.
#[test]
fn a_server_stands_in_front_of_another_with_the_same_policy_only() {
    let folder = Folder::new();
    folder.write("strict.yaml", "name: strict\nrules: []\n");
    let strict = ["--policy", "strict.yaml"];
    let records = ["--store", "sqlite:official.db", "--address", "127.0.0.1:0"];
    let behind = Server::with(&folder, &[&records[..], &strict].concat());
    let before = ["--store", &behind.url, "--address", "127.0.0.1:0"];

    let other = [&["serve"][..], &before].concat();
    folder.run(&other).ended_with(2).says(&["strict", "default", "--policy"]);
    let calendar = [&["serve", "--calendar", "us-federal"][..], &before, &strict].concat();
    folder.run(&calendar).ended_with(2).says(&["its own calendar"]);

    let front = Server::with(&folder, &[&before[..], &strict].concat());
    let event = r#"{"type": "OVERRIDE", "actor": "anne@sba.gov", "case_id": "C-1"}"#;
    folder.run(&["record", event, "--store", &front.url]).succeeded();
    let told = [&front, &behind].map(|server| {
        let asked = ["scoreboard", "--as-of", "latest", "--json", "--store", &server.url];
        folder.run(&asked).succeeded().out
    });
    assert!(told[0].contains(r#""name":"strict""#), "{}", told[0]);
    assert_eq!(told[0], told[1]);
    assert_eq!(front.stop(), Some(0));
    assert_eq!(behind.stop(), Some(0));
}

/// What a server logs of one request, an error and an end.
fn logged(folder: &Folder, arguments: &[&str]) -> String {
    let address = ["serve", "--address", "127.0.0.1:0", "--store", "memory:"];
    let mut child = folder.command(&[&address, arguments].concat()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut log = String::new();
    let address = loop {
        let line = lines.next().unwrap();
        log.extend([&line, "\n"]);
        if let Some((_, rest)) = line.split_once("127.0.0.1:") {
            let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
            break format!("127.0.0.1:{port}");
        }
    };
    let url = format!("http://{address}/dossier/anne%0Aevil%1B[2J@sba.gov");
    let id = "x-request-id: form-17";
    let asked = std::process::Command::new("curl")
        .args(["--silent", "--noproxy", "*", "--globoff", "-H", id, &url])
        .output();
    let asked = asked.unwrap_or_else(|error| panic!("this test needs curl: {error}"));
    assert!(asked.status.success());
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    lines.for_each(|line| log.extend([&line, "\n"]));
    log
}

#[test]
fn a_request_is_a_line_of_the_log() {
    let folder = Folder::new();
    let log = logged(&folder, &[]);
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("form-17")).collect();
    assert_eq!(lines.len(), 1, "{log}");
    for part in [" INFO ", r#"method="GET""#, r#"route="/dossier/{actor}""#, "status=200", " ms="] {
        assert!(lines[0].contains(part), "{part}: {log}");
    }
    assert!(
        !log.contains("anne") && !log.contains('\u{1b}'),
        "no names, and no colours where no terminal is: {log}"
    );
    let quiet = logged(&folder, &["--log-level", "warn"]);
    assert!(quiet.lines().count() == 1 && quiet.starts_with("listening on "), "{quiet}");
}

#[test]
fn a_log_for_programs_is_an_object_a_line() {
    let folder = Folder::new();
    let log = logged(&folder, &["--log", "json"]);
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let asked: Vec<_> = lines.iter().filter(|line| line["span"]["request_id"] == "form-17").collect();
    assert_eq!(asked.len(), 1, "{log}");
    assert_eq!((&asked[0]["level"], &asked[0]["status"]), (&"INFO".into(), &200.into()));
    assert_eq!(asked[0]["span"]["route"], "/dossier/{actor}");
    assert!(asked[0]["ms"].is_f64() && !log.contains("anne"), "{log}");
}

#[test]
fn a_log_level_that_is_none_is_told() {
    let folder = Folder::new();
    folder.run(&["serve", "--log-level", "inof"]).ended_with(2).says(&["inof", "debug"]);
    folder.run(&["serve", "--log", "xml"]).ended_with(2).says(&["json"]);
}

#[test]
fn the_demo_opens_on_the_agency() {
    let folder = Folder::new();
    for options in [&["--demo=still"][..], &["--demo=still", "--store", "sqlite:agency.db"]] {
        let server = Server::with(&folder, &[&["--address", "127.0.0.1:0"], options].concat());
        let dossier = folder.json(&["dossier", "officer_anne@sba.gov", "--json", "--store", &server.url]);
        assert_eq!((&dossier["override_rate"], &dossier["status"]), (&0.42.into(), &"pip".into()));
        assert_eq!(server.stop(), Some(0));
    }
    assert!(!folder.path("apmt.db").exists(), "nothing is kept that was not asked for");
    // The agency is there already, and goes on.
    let server =
        Server::with(&folder, &["--address", "127.0.0.1:0", "--demo=still", "--store", "sqlite:agency.db"]);
    assert_eq!(server.stop(), Some(0));

    folder.run(&["record", r#"{"type": "OVERRIDE", "actor": "anne"}"#]).succeeded();
    let mixed = ["serve", "--demo", "--address", "127.0.0.1:0", "--store", "sqlite:apmt.db"];
    folder.run(&mixed).ended_with(2).says(&["holds records already", "give --store sqlite:another.db"]);
    folder.run(&["serve", "--demo=dead"]).ended_with(2).says(&["lively", "still"]);
}

#[test]
fn something_happens_at_the_demo() {
    let folder = Folder::new();
    let server = Server::with(&folder, &["--address", "127.0.0.1:0", "--demo"]);
    let mut live = std::net::TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    let request = "GET /live HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n";
    std::io::Write::write_all(&mut live, request.as_bytes()).unwrap();
    let mut lines = BufReader::new(live).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "event: snapshot"));
    assert!(lines.any(|line| line == "event: delta"));
    assert_eq!(server.stop(), Some(0));
    assert!(lines.any(|line| line == "event: closing"));
}
