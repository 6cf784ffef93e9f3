//! The service's description of itself is true: every route is in it, and every answer is as it says.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use apmt_client::Client;
use apmt_core::conformance::now;
use apmt_core::event::MAX_EVENT_BYTES;
use apmt_core::time::ManualClock;
use apmt_core::{EventType, Policy};
use apmt_seal::{SealKey, Sealer, checkpoint};
use apmt_server::RouterOptions;
use apmt_server::serve::ServeOptions;
use futures_lite::future::block_on;
use serde_json::{Value, json};

use crate::plans::start_plan;
use crate::raw::{Answer, get, post, read, send};
use crate::support::Served;

/// The document of a server.
struct Document(Value);

impl Document {
    fn of(served: &Served) -> Self {
        Self(get(served.address, "/openapi.json").ok())
    }

    fn operations(&self) -> Vec<(&str, &str, &Value)> {
        let items = self.0["paths"].as_object().unwrap().iter();
        items
            .flat_map(|(path, item)| members(item).map(move |(method, it)| (method, path.as_str(), it)))
            .collect()
    }

    fn operation(&self, method: &str, path: &str) -> &Value {
        let operation = &self.0["paths"][path][method];
        assert!(operation.is_object(), "{method} {path} is not described");
        operation
    }

    /// What a reference leads to; anything else as it is.
    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.0.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
            None => value,
        }
    }

    fn validator(&self, schema: &Value) -> jsonschema::Validator {
        let whole = json!({"allOf": [schema], "components": self.0["components"]});
        jsonschema::options().should_validate_formats(true).build(&whole).unwrap()
    }

    /// Asserts that the answer is one that the operation is described to give.
    #[track_caller]
    fn allows(&self, method: &str, path: &str, answer: &Answer) {
        let status = answer.status.to_string();
        let response = self.resolve(&self.operation(method, path)["responses"][&status]);
        assert!(response.is_object(), "{method} {path}: {status} is not described: {answer:?}");
        for (header, _) in members(&response["headers"]) {
            assert!(answer.header(&header.to_lowercase()).is_some(), "{method} {path} {status}: no {header}");
        }
        let said = answer.header("content-type").unwrap_or_default().split(';').next().unwrap();
        let (known, content) = members(&response["content"]).next().expect("every answer has a body");
        assert_eq!(said, known, "{method} {path} {status}");
        if said.ends_with("json") {
            let json = answer.json();
            let errors: Vec<String> = self
                .validator(&content["schema"])
                .iter_errors(&json)
                .map(|error| format!("{} at {}", error, error.instance_path))
                .collect();
            assert!(errors.is_empty(), "{method} {path} {status}: {errors:?}\n{json:#}");
        }
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, member)| (name.as_str(), member))
}

/// A server that knows something of every kind, under a policy with a target.
fn busy() -> Served {
    let policy = "name: strict\nsla: {target: 1h, tracks: {simple: 2 working days}}\nrules:\n  - {id: any, when: [overrides > 0, sla.breached >= 1], then: pip}\n";
    let client = Client::builder()
        .url("memory:")
        .clock(Arc::new(ManualClock::at(now())))
        .policy(Policy::from_yaml("policy.yaml", policy).unwrap())
        .build()
        .unwrap();
    let store = Arc::clone(client.store());
    let served = Served::run(ServeOptions::new(client).with_address(Served::any()));
    let log = accepted().into_iter().map(|event| event.to_string()).collect::<Vec<_>>().join("\n");
    let answer = post(served.address, "/events", log).ok();
    assert_eq!(answer["rejected"], json!([]));
    let (seal, key) = (store.seal().unwrap(), SealKey::generate("test.gov/apmt").unwrap());
    block_on(Sealer::default().catch_up(seal, &mut |_| ())).unwrap();
    block_on(checkpoint(seal, &key)).unwrap().unwrap();
    served
}

const ID: &str = "01980000-0000-7000-8000-000000000001";

/// Events that are let in: every type, with every field it has, and with as few as it needs.
fn accepted() -> Vec<Value> {
    let mut events = Vec::new();
    for (hour, event_type) in EventType::ALL.iter().enumerate() {
        let at = format!("2026-03-31T{hour:02}:00:00Z");
        events.push(json!({"type": event_type.name(), "actor": "Anne@SBA.gov", "actor_kind": "HUMAN", "case_id": "C-1",
            "occurred_at": at, "track": "expedited", "due": "2026-05-01T00:00:00-05:00", "reason": "none given",
            "ai_recommendation": "deny", "human_verdict": "approve", "model": "m-1", "confidence": 0.5,
            "channel": "web", "value": 4, "outcome": "REVERSED", "retracts": ID, "by": "bob", "note": "n",
            "office": {"city": "Denver"}}));
    }
    events.extend([
        json!({"type": "OVERRIDE", "actor": "a"}),
        json!({"type": "DECISION", "actor": "a", "id": ID, "case_id": null, "human_verdict": null}),
        json!({"type": "SAT_SCORE", "case_id": "C-1", "value": 5.0}),
        json!({"type": "SAT_SCORE", "actor": "a", "value": 1}),
        json!({"type": "ASSIGNED", "actor": "robot", "actor_kind": "AGENT", "case_id": "C-2", "occurred_at": "2026-03-30T00:00:00Z"}),
        json!({"type": "X_LUNCH", "value": "soup", "outcome": 7}),
        json!({"type": "RETRACTION", "retracts": ID, "reason": "sent twice"}),
    ]);
    events
}

/// Events that are refused for what a schema can say.
fn refused() -> Vec<Value> {
    vec![
        json!(null),
        json!([]),
        json!({"actor": "a"}),
        json!({"type": null, "actor": "a"}),
        json!({"type": "OVERIDE", "actor": "a"}),
        json!({"type": "OVERRIDE"}),
        json!({"type": "OVERRIDE", "actor": null}),
        json!({"type": "OVERRIDE", "actor": "  "}),
        json!({"type": "OVERRIDE", "actor": 7}),
        json!({"type": "OVERRIDE", "actor": "a".repeat(257)}),
        json!({"type": "OVERRIDE", "actor": "a", "id": "17"}),
        json!({"type": "OVERRIDE", "actor": "a", "occurred_at": "noon"}),
        json!({"type": "OVERRIDE", "actor": "a", "actor_kind": "ROBOT"}),
        json!({"type": "OVERRIDE", "actor": "a", "human_verdict": 1}),
        json!({"type": "CASE_OPENED"}),
        json!({"type": "CASE_OPENED", "case_id": "C-1", "due": "2026"}),
        json!({"type": "SAT_SCORE", "value": 3}),
        json!({"type": "SAT_SCORE", "actor": "a", "value": 6}),
        json!({"type": "SAT_SCORE", "actor": "a", "value": 2.5}),
        json!({"type": "SAT_SCORE", "actor": "a", "value": "3"}),
        json!({"type": "AI_RECOMMENDATION", "actor": "a", "case_id": "C-1"}),
        json!({"type": "AI_RECOMMENDATION", "actor": "a", "case_id": "C-1", "ai_recommendation": " "}),
        json!({"type": "APPEAL_OUTCOME", "case_id": "C-1", "outcome": "LOST"}),
        json!({"type": "RETRACTION", "retracts": ID}),
        json!({"type": "RETRACTION", "retracts": ID, "reason": " "}),
    ]
}

#[test]
fn the_schema_of_events_lets_in_what_the_server_lets_in() {
    let served = Served::fresh();
    let document = Document::of(&served);
    let body = &document.operation("post", "/event")["requestBody"]["content"]["application/json"]["schema"];
    let schema = document.validator(body);
    for (events, status) in [(accepted(), 200), (refused(), 400)] {
        for event in events {
            assert_eq!(schema.is_valid(&event), status == 200, "{event}");
            let answer = post(served.address, "/event", event.to_string());
            assert_eq!(answer.status, status, "{event}: {}", answer.json());
            document.allows("post", "/event", &answer);
        }
    }
}

/// The request that an operation's examples make, with its required parameters and those that are named.
fn example(path: &str, operation: &Value, also: &[&str]) -> String {
    let mut path = path.to_owned();
    let mut query = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap();
        let example = &parameter["example"];
        assert!(!example.is_null(), "{path}: {name} has no example");
        let example = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
        match parameter["in"].as_str() {
            Some("path") => path = path.replace(&format!("{{{name}}}"), &example),
            _ if parameter["required"] == true || also.contains(&name) => {
                query.push(format!("{name}={example}"));
            }
            _ => {}
        }
    }
    if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
}

#[test]
fn every_route_answers_as_it_is_described() {
    let served = busy();
    let document = Document::of(&served);
    assert_eq!(document.0["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for (method, path, operation) in document.operations() {
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{operation}");
        assert!(operation["summary"].as_str().is_some_and(|summary| summary.len() > 10), "{method} {path}");
        // What is live has tests of its own, for it does not end.
        if method != "get" || path == "/live" {
            continue;
        }
        let optional = operation["parameters"].as_array().into_iter().flatten();
        let optional: Vec<&str> = optional.filter_map(|parameter| parameter["name"].as_str()).collect();
        for also in [&[][..]].into_iter().chain(optional.chunks(1)) {
            let answer = get(served.address, &example(path, operation, also));
            // The example of an event's id is nobody's.
            assert!(answer.status == 200 || path.contains("/{id}"), "{path} {also:?}: {answer:?}");
            document.allows("get", path, &answer);
        }
    }
    assert!(ids.len() >= 19, "{ids:?}");
}

#[test]
fn real_answers_are_as_described() {
    let served = busy();
    let document = Document::of(&served);
    for (path, template) in [
        ("/dossier/anne@sba.gov", "/dossier/{actor}"),
        ("/dossier/robot", "/dossier/{actor}"),
        ("/dossier?actor=", "/dossier"),
        ("/dossiers?limit=1", "/dossiers"),
        ("/actors/anne@sba.gov/contributions", "/actors/{actor}/contributions"),
        ("/actors/anne@sba.gov/contributions?limit=1", "/actors/{actor}/contributions"),
        ("/contributions?actor=", "/contributions"),
        ("/cases/C-1", "/cases/{case_id}"),
        ("/case?case_id=C-1", "/case"),
        ("/events?limit=5", "/events"),
        ("/events/01980000-0000-7000-8000-000000000001", "/events/{id}"),
        ("/events/01980000-0000-7000-8000-000000000001/receipt", "/events/{id}/receipt"),
        ("/log/checkpoint", "/log/checkpoint"),
        ("/log/proof?position=3", "/log/proof"),
        ("/log/consistency?from=3&to=9", "/log/consistency"),
        ("/actors/anne@sba.gov/activity", "/actors/{actor}/activity"),
        ("/actors/robot/activity", "/actors/{actor}/activity"),
        ("/activities?limit=1", "/activities"),
        ("/status", "/status"),
        ("/policy", "/policy"),
    ] {
        let answer = get(served.address, path);
        assert_eq!(answer.status, 200, "{path}");
        document.allows("get", template, &answer);
    }
    for actor in ["anne@sba.gov", "robot"] {
        let id = start_plan(&served, actor);
        document.allows("get", "/plans/{id}", &get(served.address, &format!("/plans/{id}")));
    }
    let plans = get(served.address, "/plans");
    assert!(plans.json()["plans"][0]["days_left"] == 60, "{plans:?}");
    document.allows("get", "/plans", &plans);
    let dossier = get(served.address, "/dossier/anne@sba.gov").ok();
    assert!(dossier["reasons"][0].is_object() && dossier["sla"].is_object(), "{dossier}");
    let batch = format!(
        "{{\"type\":\"OVERRIDE\",\"actor\":\"a\",\"id\":\"{ID}\"}}\nno JSON\n{{\"type\":\"DECISION\",\"actor\":\"b\"}}"
    );
    for path in ["/events", "/events?receipts=true"] {
        document.allows("post", "/events", &post(served.address, path, &batch));
    }
}

#[test]
fn errors_are_as_described() {
    let served = Served::fresh();
    let document = Document::of(&served);
    for (path, template) in [
        (format!("/events/{ID}"), "/events/{id}"),
        (format!("/events/{ID}/receipt"), "/events/{id}/receipt"),
        ("/log/checkpoint".to_owned(), "/log/checkpoint"),
        ("/log/proof?position=1".to_owned(), "/log/proof"),
        ("/log/proof?position=1&size=1".to_owned(), "/log/proof"),
        ("/log/consistency?from=1".to_owned(), "/log/consistency"),
    ] {
        let missing = get(served.address, &path);
        assert_eq!(missing.status, 404, "{path}");
        document.allows("get", template, &missing);
    }
    document.allows("get", "/live", &get(served.address, "/live"));
    let event = br#"{"type":"OVERRIDE","actor":"a"}"#;
    let ahead = r#"{"type":"OVERIDE","actor":"a"}"#;
    for (path, headers, body, status) in [
        ("/event", None, ahead.as_bytes(), 400),
        ("/events?atomic=true", None, ahead.as_bytes(), 400),
        ("/events?atomic=7", None, event.as_slice(), 400),
        ("/event", Some(("sec-fetch-site", "cross-site")), event, 403),
        ("/event", None, &vec![b' '; MAX_EVENT_BYTES + 1], 413),
        ("/events", Some(("content-encoding", "br")), event, 415),
    ] {
        let answer = send(served.address, "POST", path, headers.as_slice(), body);
        assert_eq!(answer.status, status, "{path}");
        document.allows("post", path.split('?').next().unwrap(), &answer);
    }
    let hasty = Served::with(RouterOptions::new().with_request_timeout(Duration::from_millis(20)));
    let mut slow = TcpStream::connect(hasty.address).unwrap();
    slow.write_all(
        b"POST /event HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 31\r\n\r\n{",
    )
    .unwrap();
    let late = read(&mut slow);
    assert_eq!(late.status, 503);
    document.allows("post", "/event", &late);
}

/// The parameters in the document are those that the handler takes: it names them itself where one is unknown.
#[test]
fn every_parameter_is_described() {
    let served = Served::fresh();
    let document = Document::of(&served);
    for (method, path, operation) in document.operations() {
        let said: BTreeSet<&str> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        let url = example(path, operation, &[]);
        let separator = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{separator}surely_unknown=1");
        let answer = send(served.address, &method.to_uppercase(), &url, &[], b"");
        if said.is_empty() && answer.status == 200 {
            // The routes about the server itself have no parameters, and look at none.
            continue;
        }
        let rule = answer.problem(400)["rule"].as_str().unwrap().to_owned();
        let taken: BTreeSet<&str> = rule
            .rsplit_once("there are ")
            .unwrap()
            .1
            .split(", ")
            .filter(|name| *name != "none here")
            .collect();
        assert_eq!(said, taken, "{method} {path}");
    }
}
