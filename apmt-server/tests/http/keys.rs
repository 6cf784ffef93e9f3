//! Who may: every route, with every kind of key and without.

use std::collections::BTreeSet;
use std::time::Duration;

use apmt_server::keys::{Keys, Scope};

use crate::raw::{Answer, get, send};
use crate::staff::Staff;
use crate::support::Served;

/// What a route asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Needs {
    Nothing,
    AnyKey,
    A(Scope),
}

const EVENT: &str = r#"{"type":"OVERRIDE","actor":"anne"}"#;
const ID: &str = "01980000-0000-7000-8000-000000000001";

/// Every route: its method, its path as the router has it, what it needs, and a body that it takes.
const ROUTES: &[(&str, &str, Needs, &str)] = &[
    ("GET", "/healthz", Needs::Nothing, ""),
    ("GET", "/readyz", Needs::Nothing, ""),
    ("GET", "/openapi.json", Needs::Nothing, ""),
    // It takes a key in its body: see the module on sessions.
    ("POST", "/session", Needs::Nothing, ""),
    ("DELETE", "/session", Needs::Nothing, ""),
    ("GET", "/session", Needs::AnyKey, ""),
    ("GET", "/metrics", Needs::AnyKey, ""),
    ("GET", "/log/checkpoint", Needs::AnyKey, ""),
    ("GET", "/log/proof", Needs::A(Scope::Read), ""),
    ("GET", "/log/consistency", Needs::A(Scope::Read), ""),
    ("GET", "/events/{id}/receipt", Needs::A(Scope::Read), ""),
    ("POST", "/event", Needs::A(Scope::Record), EVENT),
    ("POST", "/events", Needs::A(Scope::Record), EVENT),
    ("GET", "/policy", Needs::A(Scope::Read), ""),
    ("GET", "/status", Needs::A(Scope::Read), ""),
    ("GET", "/events", Needs::A(Scope::Read), ""),
    ("GET", "/events/{id}", Needs::A(Scope::Read), ""),
    ("GET", "/dossier", Needs::A(Scope::Read), ""),
    ("GET", "/dossier/{actor}", Needs::A(Scope::Read), ""),
    ("GET", "/dossiers", Needs::A(Scope::Read), ""),
    ("GET", "/contributions", Needs::A(Scope::Read), ""),
    ("GET", "/actors/{actor}/contributions", Needs::A(Scope::Read), ""),
    ("GET", "/case", Needs::A(Scope::Read), ""),
    ("GET", "/cases/{case_id}", Needs::A(Scope::Read), ""),
    ("GET", "/activity", Needs::A(Scope::Read), ""),
    ("GET", "/actors/{actor}/activity", Needs::A(Scope::Read), ""),
    ("GET", "/activities", Needs::A(Scope::Read), ""),
    ("GET", "/plans", Needs::A(Scope::Read), ""),
    ("GET", "/plans/{id}", Needs::A(Scope::Read), ""),
    // A request that asks for neither a WebSocket nor server-sent events is let in, and told so.
    ("GET", "/live", Needs::A(Scope::Read), ""),
];

/// Pages for people, and what their forms send: no part of the API that is described.
const PAGES: &[(&str, &str, Needs, &str)] = &[
    ("GET", "/", Needs::A(Scope::Read), ""),
    ("GET", "/scoreboard.csv", Needs::A(Scope::Read), ""),
    ("GET", "/actor", Needs::A(Scope::Read), ""),
    ("GET", "/evidence", Needs::A(Scope::Read), ""),
    ("GET", "/timeline", Needs::A(Scope::Read), ""),
    ("GET", "/about", Needs::A(Scope::Read), ""),
    ("GET", "/sign-in", Needs::Nothing, ""),
    ("GET", "/favicon.svg", Needs::Nothing, ""),
    ("GET", "/plan", Needs::A(Scope::Read), ""),
    ("GET", "/plan/notice", Needs::A(Scope::Read), ""),
    ("POST", "/plan", Needs::A(Scope::Supervise), "actor=anne"),
    ("POST", "/plan/close", Needs::A(Scope::Supervise), "actor=anne"),
];

/// What is not there, and what is not taken.
const NO_ROUTES: &[(&str, &str, Needs, &str)] = &[
    ("GET", "/nothing", Needs::AnyKey, ""),
    ("OPTIONS", "/event", Needs::AnyKey, ""),
    ("OPTIONS", "/dossier/{actor}", Needs::AnyKey, ""),
    ("DELETE", "/events", Needs::AnyKey, ""),
    ("PATCH", "/nothing", Needs::AnyKey, ""),
];

/// A path as a caller sends it.
fn sent(path: &str) -> String {
    let path = path.replace("{id}", ID).replace("{actor}", "anne").replace("{case_id}", "C-1");
    match path.as_str() {
        "/dossier" | "/contributions" | "/activity" | "/plan" | "/actor" | "/evidence" => {
            format!("{path}?actor=anne")
        }
        "/case" | "/timeline" => format!("{path}?case_id=C-1"),
        _ => path,
    }
}

fn refused(answer: &Answer, what: &str) {
    // Who asks for a page is shown where to sign in.
    if answer.header("location").is_some_and(|place| place.starts_with("/sign-in?next=")) {
        assert_eq!(answer.status, 303, "{what}");
        assert!(answer.body.is_empty(), "{what}");
        return;
    }
    assert_eq!(answer.status, 401, "{what}");
    assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"), "{what}");
}

/// The routes that the service describes, which are all that it has, and those in the table above are the same: none is
/// forgotten here. What it describes as asking for a key is what does.
#[test]
fn the_table_has_every_route() {
    let served = Served::fresh();
    let document = get(served.address, "/openapi.json").ok();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let keyed = operation.get("security").is_some();
            described.insert((method.to_uppercase(), path.clone(), keyed));
        }
    }
    let known: BTreeSet<_> = ROUTES
        .iter()
        .map(|(method, path, needs, _)| ((*method).to_owned(), (*path).to_owned(), *needs != Needs::Nothing))
        .collect();
    assert_eq!(described, known);
}

#[test]
fn every_route_lets_in_whom_it_says() {
    let staff = Staff::new();
    let (_, revoked) = staff.file.create("revoked", Scope::Admin, None).unwrap();
    staff.file.revoke("revoked").unwrap();
    let soon = staff.keys_end();
    let (_, expired) = staff.file.create("expired", Scope::Admin, Some(soon)).unwrap();
    staff.clock.set(soon);
    staff.keys.refresh();
    let other = Staff::new();
    let admin = staff.key(Scope::Admin);
    let guessed = format!("{}x", &admin[..admin.len() - 1]);
    let wrong =
        [revoked.reveal(), expired.reveal(), other.key(Scope::Admin), &guessed, "", "apmt_", "apmt__", "é"];

    for (method, path, needs, body) in ROUTES.iter().chain(PAGES).chain(NO_ROUTES) {
        let path = sent(path);
        let methods: &[&str] = if *method == "GET" { &["GET", "HEAD"] } else { &[method] };
        for method in methods {
            let what = format!("{method} {path}");
            let without = send(staff.address(), method, &path, &[], body.as_bytes());
            if *needs == Needs::Nothing {
                assert!(![401, 403].contains(&without.status), "{what}: {}", without.status);
            } else {
                refused(&without, &what);
            }
            for key in wrong {
                let answer = staff.ask(key, method, &path, body);
                if *needs == Needs::Nothing {
                    assert!(![401, 403].contains(&answer.status), "{what}: {}", answer.status);
                } else {
                    refused(&answer, &what);
                }
            }
            for scope in Scope::ALL {
                let answer = staff.ask_as(*scope, method, &path, body);
                let let_in = match needs {
                    Needs::Nothing | Needs::AnyKey => true,
                    Needs::A(needed) => scope.includes(*needed),
                };
                let status = answer.status;
                assert_eq!(let_in, status != 403, "{what} as {scope}: {status}");
                assert!(![401, 500].contains(&status), "{what} as {scope}: {status}");
            }
        }
    }
}

impl Staff {
    /// An instant a little later.
    fn keys_end(&self) -> apmt_core::Timestamp {
        self.keys_now().plus_millis(1000)
    }

    fn keys_now(&self) -> apmt_core::Timestamp {
        apmt_core::time::Clock::now(&*self.clock)
    }
}

#[test]
fn refusals_are_problems_that_say_what_to_do() {
    let staff = Staff::new();
    let missing = send(staff.address(), "GET", "/dossiers", &[], b"");
    assert_eq!(missing.problem(401)["kind"], "unauthorized");
    assert_eq!(missing.header("www-authenticate"), Some("Bearer"));
    let basic = send(staff.address(), "GET", "/dossiers", &[("authorization", "Basic YTpi")], b"");
    assert!(basic.problem(401)["detail"].as_str().unwrap().contains("Bearer"));
    let small = staff.ask_as(Scope::Record, "GET", "/dossiers", "");
    let problem = small.problem(403);
    assert_eq!(problem["kind"], "unauthorized");
    assert_eq!(problem["detail"], "this needs a key of scope read; this one's is record");
    // Only who has the secret is told what became of the key.
    staff.file.revoke("read").unwrap();
    staff.keys.refresh();
    let key = staff.key(Scope::Read);
    let detail = |key: &str| staff.ask(key, "GET", "/status", "").problem(401)["detail"].to_string();
    assert!(detail(key).contains("revoked"));
    assert!(!detail(&key[..key.len() - 1]).contains("revoked"));
}

#[test]
fn a_scheme_has_no_case_and_a_key_has() {
    let staff = Staff::new();
    let key = staff.key(Scope::Read);
    let send =
        |sent: String| send(staff.address(), "GET", "/status", &[("authorization", &sent)], b"").status;
    assert_eq!((send(format!("bearer {key}")), send(format!("BEARER  {key}"))), (200, 200));
    assert_eq!((send(format!("Bearer {}", key.to_uppercase())), send(key.to_owned())), (401, 401));
}

/// A form's key stands in a web page: whoever reads it there cannot take a citizen's stars back.
#[test]
fn what_decides_about_people_or_undoes_the_record_needs_a_supervisor() {
    let staff = Staff::new();
    let retraction = format!(r#"{{"type":"RETRACTION","retracts":"{ID}","reason":"x"}}"#);
    let started = r#"{"type":"PLAN_STARTED","actor":"anne"}"#;
    let closed = r#"{"type":"PLAN_CLOSED","actor":"anne"}"#;
    for event in [&retraction, started, closed] {
        let problem = staff.ask_as(Scope::Record, "POST", "/event", event).problem(403);
        assert_eq!((&problem["kind"], &problem["field"]), (&"unauthorized".into(), &"type".into()));
        assert!(problem["rule"].as_str().unwrap().contains("supervise"), "{problem}");

        let batch = format!("{EVENT}\n{event}\n{EVENT}");
        let answer = staff.ask_as(Scope::Record, "POST", "/events", &batch).ok();
        assert_eq!((&answer["stored"], &answer["rejected"][0]["line"]), (&2.into(), &2.into()));
        assert_eq!(answer["rejected"][0]["field"], "type");
        let problem = staff.ask_as(Scope::Record, "POST", "/events?atomic=true", &batch).problem(403);
        assert_eq!((&problem["index"], &problem["field"]), (&1.into(), &"type".into()));
    }
    let cloud =
        r#"{"specversion":"1.0","id":"1","source":"/x","type":"gov.plan_started","data":{"actor":"anne"}}"#;
    let bearer = format!("Bearer {}", staff.key(Scope::Record));
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/cloudevents+json")];
    send(staff.address(), "POST", "/event", &headers, cloud.as_bytes()).problem(403);
    assert_eq!(staff.ask_as(Scope::Read, "GET", "/status", "").ok()["position"], 6, "two of each batch");

    for event in [&retraction, started, closed] {
        staff.ask_as(Scope::Supervise, "POST", "/event", event).ok();
        assert_eq!(staff.ask_as(Scope::Admin, "POST", "/events?atomic=true", event).ok()["stored"], 1);
    }
}

/// Within a second, and without a restart or a word to the server.
#[test]
fn a_revocation_is_noticed() {
    let staff = Staff::new();
    staff.ask_as(Scope::Read, "GET", "/status", "").ok();
    staff.file.revoke("read").unwrap();
    while staff.ask_as(Scope::Read, "GET", "/status", "").status != 401 {
        std::thread::yield_now();
    }
    let (_, new) = staff.file.create("read", Scope::Read, None).unwrap();
    while staff.ask(new.reveal(), "GET", "/status", "").status != 200 {
        std::thread::yield_now();
    }
}

#[test]
fn a_file_that_is_damaged_later_turns_nobody_away() {
    let staff = Staff::new();
    let good = std::fs::read_to_string(staff.file.path()).unwrap();
    for damaged in ["", "{}", &good[..good.len() - 10]] {
        std::fs::write(staff.file.path(), damaged).unwrap();
        staff.keys.refresh();
        staff.ask_as(Scope::Read, "GET", "/status", "").ok();
        assert!(Keys::open(staff.file.path()).is_err(), "a start needs a good file");
    }
    std::fs::remove_file(staff.file.path()).unwrap();
    staff.keys.refresh();
    staff.ask_as(Scope::Read, "GET", "/status", "").ok();
    std::fs::write(staff.file.path(), good.replace("\"read\"", "\"record\"")).unwrap();
    staff.keys.refresh();
    staff.ask_as(Scope::Read, "GET", "/status", "").problem(403);
}

#[test]
fn a_key_expires_to_the_millisecond() {
    let staff = Staff::new();
    let end = staff.keys_end();
    let (_, key) = staff.file.create("short", Scope::Read, Some(end)).unwrap();
    staff.keys.refresh();
    staff.clock.set(end.plus_millis(-1));
    staff.ask(key.reveal(), "GET", "/status", "").ok();
    staff.clock.advance(Duration::from_millis(1));
    let problem = staff.ask(key.reveal(), "GET", "/status", "").problem(401);
    assert!(problem["detail"].as_str().unwrap().contains("expired"));
}

#[test]
fn without_keys_a_key_is_not_needed_and_not_looked_at() {
    let served = Served::fresh();
    let with = [("authorization", "Bearer nonsense"), ("cookie", "apmt_session=a.b")];
    send(served.address, "GET", "/dossiers", &with, b"").ok();
    let who = send(served.address, "GET", "/session", &[], b"").ok();
    assert_eq!((&who["scope"], &who["name"]), (&"admin".into(), &serde_json::Value::Null));
    send(served.address, "POST", "/session", &[], b"key=x").problem(404);
}
