//! Improvement plans: from the click on the form to `PLAN_STARTED`, the notice on paper, and what stays frozen.

mod notice;
mod refused;
mod starting;

use std::sync::Arc;

use apmt_client::Client;
use apmt_core::Policy;
use apmt_core::conformance::now;
use apmt_core::time::ManualClock;
use apmt_server::RouterOptions;
use apmt_server::directory::Directory;
use apmt_server::serve::ServeOptions;
use serde_json::{Value, json};

use crate::raw::{Answer, get, post, send};
use crate::support::Served;

const DIRECTORY: &str = "
organization: Small Business Administration
units: [{name: District 7, supervisor: {name: Dana Reyes, email: dana@sba.gov}}]
people:
  - {actor: officer_anne@sba.gov, name: Anne Okafor, position: 'Loan Specialist, GS-1165-12', unit: District 7}
";
const ANNE: &str = "officer_anne@sba.gov";

fn served() -> Served {
    served_under(Policy::default())
}

fn served_under(policy: Policy) -> Served {
    let clock = Arc::new(ManualClock::at(now()));
    let client = Client::builder().url("memory:").clock(clock).policy(policy).build().unwrap();
    let router =
        RouterOptions::new().with_directory(Directory::from_yaml("directory.yaml", DIRECTORY).unwrap());
    Served::run(ServeOptions::new(client).with_address(Served::any()).with_router(router))
}

fn record(served: &Served, event: &Value) -> String {
    let answer = post(served.address, "/event", event.to_string()).ok();
    answer["stored_id"].as_str().unwrap().to_owned()
}

/// An agent advises, Anne overrides it, a citizen is not pleased, and one verdict falls on appeal.
fn log(served: &Served) {
    for (case, day) in [("C-1", "20"), ("C-2", "21")] {
        let at = |hour: &str| format!("2026-03-{day}T{hour}:00:00Z");
        record(
            served,
            &json!({"type": "AI_RECOMMENDATION", "actor": "triage-model", "actor_kind": "AGENT", "case_id": case,
            "ai_recommendation": "deny", "model": "triage 2.1", "occurred_at": at("09")}),
        );
        record(
            served,
            &json!({"type": "OVERRIDE", "actor": "Officer_Anne@SBA.gov", "actor_kind": "HUMAN", "case_id": case,
            "human_verdict": "approve", "occurred_at": at("10")}),
        );
        record(served, &json!({"type": "SAT_SCORE", "case_id": case, "value": 2, "occurred_at": at("11")}));
    }
    record(
        served,
        &json!({"type": "APPEAL_OUTCOME", "case_id": "C-1", "outcome": "REVERSED", "occurred_at": "2026-03-25T09:00:00Z"}),
    );
}

/// The fields that a browser would send of a page's form.
fn fields_of(page: &str) -> Vec<(String, String)> {
    let unescaped = |text: &str| {
        let text =
            text.replace("&#60;", "<").replace("&#62;", ">").replace("&#34;", "\"").replace("&#39;", "'");
        text.replace("&#38;", "&")
    };
    let attribute = |tag: &str, name: &str| {
        let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
        Some(unescaped(rest.split('"').next()?))
    };
    let mut fields = Vec::new();
    for rest in page.split('<').skip(1) {
        let Some((tag, inside)) = rest.split_once('>') else { continue };
        let Some(name) = attribute(tag, "name") else { continue };
        if tag.starts_with("textarea ") {
            // The line break after the tag is not part of the text.
            fields.push((name, unescaped(inside.strip_prefix('\n').unwrap_or(inside))));
        } else if tag.starts_with("input ") && (!tag.contains("type=\"radio\"") || tag.contains(" checked")) {
            fields.push((name, attribute(tag, "value").unwrap_or_default()));
        }
    }
    fields
}

fn set(fields: &mut Vec<(String, String)>, name: &str, value: &str) {
    fields.retain(|(known, _)| known != name);
    fields.push((name.to_owned(), value.to_owned()));
}

fn submit(served: &Served, path: &str, fields: &[(String, String)]) -> Answer {
    let body = encoded(fields);
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    send(served.address, "POST", path, &headers, body.as_bytes())
}

fn encoded(fields: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn page(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{answer:?}");
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    String::from_utf8(answer.body.clone()).unwrap()
}

fn form(served: &Served, actor: &str) -> Vec<(String, String)> {
    let answer = get(served.address, &format!("/plan?actor={actor}"));
    assert_eq!(answer.status, 200);
    let mut fields = fields_of(&page(&answer));
    set(&mut fields, "action", "start");
    fields
}

/// Starts a plan as a browser does, and says where it is sent on to.
fn start(served: &Served, fields: &[(String, String)]) -> String {
    let answer = submit(served, "/plan", fields);
    assert_eq!(answer.status, 303, "{}", String::from_utf8_lossy(&answer.body));
    answer.header("location").unwrap().to_owned()
}

/// Starts a plan with the form as it is pre-filled: the id of its event.
pub(crate) fn start_plan(served: &Served, actor: &str) -> String {
    let place = start(served, &form(served, actor));
    place.strip_prefix("/plan/notice?id=").unwrap().to_owned()
}

fn started(served: &Served) -> Vec<Value> {
    let events = get(served.address, "/events?limit=1000").ok();
    let events = events["events"].as_array().unwrap().iter();
    events.filter(|event| event["type"] == "PLAN_STARTED").cloned().collect()
}
