//! From the click on the form to `PLAN_STARTED`, and to the end.

use apmt_core::Policy;
use apmt_server::plan::Notice;
use serde_json::{Value, json};

use super::{
    ANNE, fields_of, form, log, page, record, served, served_under, set, start, start_plan, started, submit,
};
use crate::raw::get;

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
    for path in ["/plan?actor=officer_anne@sba.gov", "/actor?actor=officer_anne@sba.gov", "/", &place] {
        assert!(page(&get(served.address, path)).contains("30 days left"), "{path}");
    }

    let close = [("actor", ANNE), ("by", "Dana Reyes"), ("note", "acceptable")];
    let close: Vec<(String, String)> =
        close.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    assert_eq!(submit(&served, "/plan/close", &close).status, 303);
    assert_eq!(get(served.address, "/plans").ok()["plans"], json!([]));
    let again = submit(&served, "/plan/close", &close);
    assert_eq!(again.status, 409);
    assert!(page(&again).contains("has no open plan"));
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
