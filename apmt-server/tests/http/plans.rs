//! Improvement plans: from the click on the form to `PLAN_STARTED`, the notice on paper, and what stays frozen.

use std::process::Command;
use std::sync::Arc;

use apmt_client::Client;
use apmt_core::Policy;
use apmt_core::conformance::now;
use apmt_core::time::ManualClock;
use apmt_server::RouterOptions;
use apmt_server::directory::Directory;
use apmt_server::keys::Scope;
use apmt_server::plan::Notice;
use apmt_server::serve::ServeOptions;
use serde_json::{Value, json};

use crate::raw::{Answer, get, post, send};
use crate::staff::Staff;
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

#[test]
fn from_the_click_to_the_event() {
    let served = served();
    log(&served);
    let mut fields = form(&served, ANNE);
    let field = |name: &str| &fields.iter().find(|(known, _)| known == name).unwrap().1;
    assert_eq!(field("employee"), "Anne Okafor");
    assert_eq!(field("position"), "Loan Specialist, GS-1165-12");
    assert_eq!(field("organization"), "District 7, Small Business Administration");
    assert_eq!(field("supervisor"), "Dana Reyes");
    assert_eq!(field("critical_element"), "", "what nobody says stays empty");
    assert_eq!(
        field("standard"),
        "Rule chronic-override of the policy default must not hold over 90 days: override_rate > 0.3 and \
         sat_score_mean < 3. Acceptable is: override rate at or below 30 %, or mean satisfaction at or above 3 ★."
    );
    assert_eq!((field("period"), field("by")), (&"60".to_owned(), &"Dana Reyes".to_owned()));

    set(&mut fields, "critical_element", "Element 2: sound decisions");
    set(&mut fields, "period", "30");
    set(&mut fields, "note", "handed over in person");
    let place = start(&served, &fields);
    // Clicked twice, as people do.
    assert_eq!(start(&served, &fields), place);

    let events = started(&served);
    assert_eq!(events.len(), 1, "{events:#?}");
    let event = &events[0];
    assert_eq!((&event["actor"], &event["by"]), (&ANNE.into(), &"Dana Reyes".into()));
    assert_eq!(event["note"], "handed over in person");
    let id = event["id"].as_str().unwrap();
    assert_eq!(place, format!("/plan/notice?id={id}"));
    let notice = get(served.address, &format!("/plans/{id}")).ok();
    assert_eq!(notice, event["notice"]);
    let evidence = &notice["evidence"];
    assert_eq!(evidence["conditions"][0]["value"], 1.0);
    let instances = evidence["instances"].as_array().unwrap();
    assert_eq!(instances.len(), 4, "{instances:#?}");
    assert_eq!(
        instances[1],
        json!({"kind": "override", "case_id": "C-1", "at": "2026-03-20T10:00:00Z", "position": 2,
            "recommended": "deny", "decided": "approve", "model": "triage 2.1", "appeal": "REVERSED",
            "missed": "Decided “approve”; recommended was “deny”. On appeal the verdict was reversed."})
    );
    assert_eq!(instances[2]["missed"], "A citizen gave 2 of 5 stars.");

    let plans = get(served.address, "/plans").ok();
    let plan = &plans["plans"][0];
    assert_eq!((&plan["actor"], &plan["days_left"]), (&ANNE.into(), &30.into()));
    assert_eq!((&plan["rule"], &plan["id"]), (&"chronic-override".into(), &id.into()));
    assert!(page(&get(served.address, "/plan?actor=officer_anne@sba.gov")).contains("30 days left"));

    let close = [("actor", ANNE), ("by", "Dana Reyes"), ("note", "acceptable")];
    let close: Vec<(String, String)> =
        close.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    assert_eq!(submit(&served, "/plan/close", &close).status, 303);
    assert_eq!(get(served.address, "/plans").ok()["plans"], json!([]));
    submit(&served, "/plan/close", &close).problem(409);
}

#[test]
fn the_rule_says_which_critical_element_and_which_cases() {
    let policy = "
name: timely
sla: {target: 2h}
rules:
  - id: slow
    when: [sla.compliance < 0.9]
    then: pip
    critical_element: 'Element 1: timeliness'
  - id: waiting
    when: [open.count > 0, {metric: override_rate, above: 0.10, bound: wilson_lower, confidence: 0.90}]
    min: {decisions: 2}
    then: watch
";
    let served = served_under(Policy::from_yaml("policy.yaml", policy).unwrap());
    for (case, hours) in [("C-1", 3), ("C-2", 1), ("C-3", 5)] {
        let at = |hour: u32| format!("2026-03-20T{hour:02}:00:00Z");
        record(&served, &json!({"type": "ASSIGNED", "actor": ANNE, "case_id": case, "occurred_at": at(8)}));
        let done = at(8 + hours);
        record(&served, &json!({"type": "OVERRIDE", "actor": ANNE, "case_id": case, "occurred_at": done}));
    }
    record(
        &served,
        &json!({"type": "ASSIGNED", "actor": ANNE, "case_id": "C-4", "occurred_at": "2026-03-31T11:00:00Z"}),
    );
    let id = start_plan(&served, ANNE);
    let notice = get(served.address, &format!("/plans/{id}")).ok();
    assert_eq!(notice["terms"]["critical_element"], "Element 1: timeliness");
    assert_eq!(notice["evidence"]["when"], json!(["sla.compliance < 0.9"]));
    let missed = |notice: &Value| -> Vec<(String, String)> {
        let instances = notice["evidence"]["instances"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        instances.map(|instance| (text(&instance["case_id"]), text(&instance["missed"]))).collect()
    };
    let slow = [
        ("C-3", "It took 5 hours, more than 2. Due at 2026-03-20 10:00 UTC."),
        ("C-1", "It took 3 hours, more than 2. Due at 2026-03-20 10:00 UTC."),
    ];
    assert_eq!(missed(&notice), slow.map(|(case, text)| (case.to_owned(), text.to_owned())));

    let form = page(&get(served.address, &format!("/plan?actor={ANNE}&rule=waiting")));
    let mut fields = fields_of(&form);
    set(&mut fields, "action", "save");
    let notice = submit(&served, "/plan", &fields).json();
    assert_eq!(notice["evidence"]["rule"], "waiting");
    let standard = notice["terms"]["standard"].as_str().unwrap();
    let verbatim = "open.count > 0 and wilson_lower at 0.9 of override_rate > 0.1 and decisions >= 2.";
    assert!(standard.contains(verbatim), "with its bound, and the least that it takes: {standard}");
    assert_eq!(
        missed(&notice).last().unwrap(),
        &("C-4".to_owned(), "It had been open for 1 hours. Due at 2026-03-31 13:00 UTC.".to_owned())
    );
}

#[test]
fn what_comes_later_changes_no_notice() {
    let served = served();
    log(&served);
    let fields = form(&served, ANNE);
    let retracted = get(served.address, "/cases/C-1").ok()["events"][1]["id"].clone();
    let place = start(&served, &fields);
    let id = place.strip_prefix("/plan/notice?id=").unwrap();
    let before = get(served.address, &format!("/plans/{id}")).body;
    let printed = |answer: Answer| page(&answer);
    let page_before = printed(get(served.address, &place));
    record(&served, &json!({"type": "RETRACTION", "retracts": retracted, "reason": "wrong officer"}));
    record(&served, &json!({"type": "OVERRIDE", "actor": ANNE, "case_id": "C-9"}));
    assert_eq!(get(served.address, &format!("/plans/{id}")).body, before);
    assert_eq!(printed(get(served.address, &place)), page_before);
    // The digest in the event is the notice's.
    let event = apmt_core::Event::from_value(started(&served)[0].clone()).unwrap();
    assert_eq!(Notice::of_event(&event).unwrap().digest(), event.extra()["notice_sha256"]);
}

#[test]
fn a_form_whose_evidence_has_changed_is_shown_again() {
    let served = served();
    log(&served);
    let mut fields = form(&served, ANNE);
    set(&mut fields, "critical_element", "Element 2");
    record(
        &served,
        &json!({"type": "OVERRIDE", "actor": ANNE, "case_id": "C-3", "occurred_at": "2026-03-22T09:00:00Z"}),
    );
    let answer = submit(&served, "/plan", &fields);
    assert_eq!(answer.status, 409);
    let again = page(&answer);
    assert!(again.contains("The record has changed") && again.contains("C-3"), "{again}");
    assert!(started(&served).is_empty());
    let mut fields = fields_of(&again);
    assert!(
        fields.contains(&("critical_element".to_owned(), "Element 2".to_owned())),
        "what was written is kept"
    );
    set(&mut fields, "action", "start");
    start(&served, &fields);
    // What has nothing to do with the actor changes nothing.
    let fields = form(&served, ANNE);
    record(&served, &json!({"type": "OVERRIDE", "actor": "bob", "case_id": "C-4"}));
    start(&served, &fields);
}

#[test]
fn saving_and_looking_record_nothing() {
    let served = served();
    log(&served);
    let mut fields = form(&served, ANNE);
    set(&mut fields, "action", "save");
    let saved = submit(&served, "/plan", &fields);
    assert!(saved.header("content-disposition").unwrap().starts_with("attachment"));
    let notice = Notice::from_json(std::str::from_utf8(&saved.body).unwrap()).unwrap();
    assert_eq!(notice.terms.employee, "Anne Okafor");
    set(&mut fields, "action", "preview");
    assert!(page(&submit(&served, "/plan", &fields)).contains("Determination"));
    assert!(started(&served).is_empty());
}

#[test]
fn an_agent_gets_a_machine_plan() {
    let served = served();
    log(&served);
    record(
        &served,
        &json!({"type": "AI_RECOMMENDATION", "actor": "triage-model", "case_id": "C-5",
        "ai_recommendation": "deny", "model": "triage 2.2", "occurred_at": "2026-03-23T09:00:00Z"}),
    );
    record(
        &served,
        &json!({"type": "DECISION", "actor": "bob", "case_id": "C-5", "human_verdict": "deny", "occurred_at": "2026-03-23T10:00:00Z"}),
    );
    let mut fields = form(&served, "triage-model");
    set(&mut fields, "measure", "suspend");
    let place = start(&served, &fields);
    let notice = get(served.address, &place.replace("/plan/notice?id=", "/plans/")).ok();
    assert_eq!((&notice["kind"], &notice["terms"]["measure"]), (&"machine".into(), &"suspend".into()));
    assert_eq!(
        notice["evidence"]["models"],
        json!([{"model": "triage 2.1", "verdicts": 2, "overridden": 2}, {"model": "triage 2.2", "verdicts": 1, "overridden": 0}])
    );
    let shown = page(&get(served.address, &place));
    assert!(shown.contains("Suspend: it advises no more") && shown.contains("triage 2.1"), "{shown}");
    assert!(!shown.contains("5 CFR"), "an agent is no employee");
    assert_eq!(get(served.address, "/plans").ok()["plans"][0]["measure"], "suspend");
}

#[test]
fn hostile_texts_are_shown_and_not_run() {
    let served = served();
    let actor = "<script>alert(1)</script>\"'&";
    let verdict = "</textarea><img src=x onerror=alert(2)>";
    record(
        &served,
        &json!({"type": "OVERRIDE", "actor": actor, "case_id": "<b>C</b>", "ai_recommendation": "deny", "human_verdict": verdict}),
    );
    record(&served, &json!({"type": "SAT_SCORE", "actor": actor, "value": 1}));
    let query = encoded(&[("actor".to_owned(), actor.to_owned())]);
    let answer = get(served.address, &format!("/plan?{query}"));
    let shown = page(&answer);
    let mut fields = fields_of(&shown);
    set(&mut fields, "assistance", "</p><script>alert(3)</script>");
    set(&mut fields, "by", "<i>Dana</i>");
    set(&mut fields, "action", "start");
    let notice = page(&get(served.address, &start(&served, &fields)));
    for page in [&shown, &notice] {
        for tag in ["<script", "<img", "<b>C", "<i>"] {
            assert!(!page.contains(tag), "{tag} in {page}");
        }
    }
    assert!(notice.contains("&#60;script&#62;alert(3)"), "{notice}");
}

#[test]
fn what_is_wrong_is_said() {
    let served = served();
    log(&served);
    get(served.address, "/plan").problem(400);
    get(served.address, "/plan?actor=bob&rule=slow").problem(400);
    get(served.address, "/plan/notice?id=17").problem(400);
    get(served.address, "/plans/01890a5d-ac96-774b-bcce-b302099a8057").problem(404);
    let sent = form(&served, ANNE);
    for (name, value, said) in [
        ("start", "2026-02-30", "start: 2026-02-30"),
        ("period", "0", "period"),
        ("period", "9999999999", "period"),
        ("action", "stop", "action: stop"),
        ("id", "17", "UUID"),
        ("as_of", "noon", "as_of"),
        ("actor", " ", "actor"),
    ] {
        let mut fields = sent.clone();
        set(&mut fields, name, value);
        let problem = submit(&served, "/plan", &fields).problem(400);
        assert!(problem["detail"].as_str().unwrap().contains(said), "{problem}");
    }
    for (name, value) in [("assistance", "x".repeat(4001)), ("employee", "a\u{7}b".to_owned())] {
        let mut fields = sent.clone();
        set(&mut fields, name, &value);
        let answer = submit(&served, "/plan", &fields);
        assert_eq!(answer.status, 400);
        assert!(page(&answer).contains("role=\"alert\""), "the form comes back with what is wrong");
    }
    assert!(started(&served).is_empty());
}

#[test]
fn other_sites_pages_start_no_plan() {
    let served = served();
    log(&served);
    let body = encoded(&form(&served, ANNE));
    for headers in [[("sec-fetch-site", "cross-site")], [("origin", "https://evil.example")]] {
        let answer = send(served.address, "POST", "/plan", &headers, body.as_bytes());
        answer.problem(403);
    }
    assert!(started(&served).is_empty());
}

#[test]
fn a_key_vouches_for_who_starts_a_plan() {
    let staff = Staff::new();
    let override_ = json!({"type": "OVERRIDE", "actor": ANNE}).to_string();
    assert_eq!(staff.ask_as(Scope::Record, "POST", "/event", &override_).status, 200);
    let form = staff.ask_as(Scope::Supervise, "GET", "/plan?actor=officer_anne@sba.gov", "");
    let mut fields = fields_of(&page(&form));
    set(&mut fields, "by", "Dana Reyes");
    set(&mut fields, "action", "start");
    staff.ask_as(Scope::Read, "POST", "/plan", &encoded(&fields)).problem(403);
    assert_eq!(staff.ask_as(Scope::Supervise, "POST", "/plan", &encoded(&fields)).status, 303);
    let plans = staff.ask_as(Scope::Read, "GET", "/plans", "").ok();
    assert_eq!(plans["plans"][0]["by"], "Dana Reyes (key supervise)");
    // The page shows no form that the reader could not send.
    let id = plans["plans"][0]["id"].as_str().unwrap();
    let shown = page(&staff.ask_as(Scope::Supervise, "GET", &format!("/plan/notice?id={id}"), ""));
    assert!(shown.contains("Close the plan"));
    let shown = page(&staff.ask_as(Scope::Read, "GET", &format!("/plan/notice?id={id}"), ""));
    assert!(!shown.contains("Close the plan"));
}

#[test]
fn the_most_that_a_notice_can_hold_fits_into_an_event() {
    let served = served();
    // What takes the most room in JSON: each of these is six bytes there.
    let long = "\u{1}".repeat(2000);
    let lines: Vec<String> = (0..80)
        .map(|number| {
            json!({"type": "OVERRIDE", "actor": ANNE, "case_id": format!("{number}{}", "\u{1}".repeat(200)),
                "ai_recommendation": format!("deny{long}"), "human_verdict": format!("approve{long}")})
            .to_string()
        })
        .collect();
    assert_eq!(post(served.address, "/events", lines.join("\n")).ok()["stored"], 80);
    record(&served, &json!({"type": "SAT_SCORE", "actor": ANNE, "value": 1}));
    let mut fields = form(&served, ANNE);
    for name in ["assistance", "consequences", "check_ins", "standard", "critical_element"] {
        set(&mut fields, name, &"\"".repeat(2000));
    }
    let place = start(&served, &fields);
    let notice = get(served.address, &place.replace("/plan/notice?id=", "/plans/")).ok();
    let kept = notice["evidence"]["instances"].as_array().unwrap().len();
    let omitted = notice["evidence"]["omitted"].as_array().unwrap().iter();
    let left_out: u64 = omitted.map(|omitted| omitted["count"].as_u64().unwrap()).sum();
    assert_eq!(kept as u64 + left_out, 81, "what is left out is counted");
    assert!(kept >= 5, "{kept}");
}

/// The text of a page as Chromium prints it.
fn printed(served: &Served, path: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let pdf = folder.path().join("notice.pdf");
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", "--no-proxy-server"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("--print-to-pdf={}", pdf.display()))
        .arg(format!("{}{path}", served.url()))
        .output()
        .expect("this test needs chromium: bash .ci/test installs it");
    assert!(pdf.exists(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = Command::new("pdftotext")
        .args(["-raw", pdf.to_str().unwrap(), "-"])
        .output()
        .expect("this test needs pdftotext: bash .ci/test installs it");
    // Lines break where the paper ends.
    String::from_utf8(text.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_notice_prints_to_paper() {
    let served = served();
    log(&served);
    let mut fields = form(&served, ANNE);
    set(&mut fields, "critical_element", "Element 2: sound decisions");
    set(&mut fields, "start", "2026-04-06");
    set(&mut fields, "period", "90");
    let text = printed(&served, &start(&served, &fields));
    for part in [
        "Notice of opportunity to demonstrate acceptable performance",
        "Employee Anne Okafor",
        "Position Loan Specialist, GS-1165-12",
        "Organization District 7, Small Business Administration",
        "Supervisor Dana Reyes",
        "Element 2: sound decisions",
        "override_rate > 0.3 and sat_score_mean < 3",
        "override rate 100 % is above 30 %",
        // Where a cell's lines break is the paper's business.
        "1 C-2 2026-03-21 10:00 Decided “approve”;",
        "recommended was “deny”.",
        "On appeal the verdict was reversed.",
        "From 2026-04-06 to 2026-07-05 (90 days).",
        "Assistance offered Your supervisor meets with you",
        "you may be reduced in grade or removed (5 CFR 432.104)",
        "Determination",
        "Supervisor’s signature, date",
        "APMT recommends; a supervisor decides.",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert!(
        !text.contains("Save as JSON") && !text.contains("Close the plan"),
        "paper has no buttons: {text}"
    );
}

#[test]
fn the_form_prints_as_it_is_filled_in() {
    let served = served();
    log(&served);
    let text = printed(&served, "/plan?actor=officer_anne@sba.gov");
    for part in [
        "Anne Okafor",
        "C-2 2026-03-21 10:00 Decided “approve”;",
        "60 days",
        "Determination",
        "30 days' advance written notice",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    for control in ["Start the plan", "30 days until", "90 days until"] {
        assert!(!text.contains(control), "{control:?} is in {text}");
    }
}
