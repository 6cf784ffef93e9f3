//! Who may not, and what is no plan.

use apmt_server::keys::Scope;
use serde_json::json;

use super::{ANNE, encoded, fields_of, form, log, page, record, served, set, start, started, submit};
use crate::raw::{Answer, get, send};
use crate::staff::Staff;

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
        for tag in ["<script>", "<img", "<b>C", "<i>"] {
            assert!(!page.contains(tag), "{tag} in {page}");
        }
    }
    assert!(notice.contains("&#60;script&#62;alert(3)"), "{notice}");
}

/// A page that says what is wrong.
fn refusal(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
    page(answer)
}

#[test]
fn what_is_wrong_is_said() {
    let served = served();
    log(&served);
    for (path, said) in
        [("/plan", "actor"), ("/plan?actor=bob&rule=slow", "rule: slow"), ("/plan/notice?id=17", "UUID")]
    {
        assert!(refusal(&get(served.address, path), 400).contains(said), "{path}");
    }
    get(served.address, "/plans/01890a5d-ac96-774b-bcce-b302099a8057").problem(404);
    let sent = form(&served, ANNE);
    for (name, value, said) in [
        ("action", "stop", "action: stop"),
        ("id", "17", "UUID"),
        ("as_of", "noon", "as_of"),
        ("actor", " ", "actor"),
    ] {
        let mut fields = sent.clone();
        set(&mut fields, name, value);
        let shown = refusal(&submit(&served, "/plan", &fields), 400);
        assert!(shown.contains(said), "{shown}");
    }
    for (name, value, said) in [
        ("assistance", &*"x".repeat(4001), "at most 4000 characters"),
        ("employee", "a\u{7}b", "control characters"),
        ("start", "2026-02-30", "start: 2026-02-30"),
        ("period", "0", "from 1 to 366 days"),
        ("period", "9999999999", "must be a number of days"),
    ] {
        let mut fields = sent.clone();
        set(&mut fields, "check_ins", "each Friday");
        set(&mut fields, name, value);
        let shown = refusal(&submit(&served, "/plan", &fields), 400);
        assert!(shown.contains("role=\"alert\"") && shown.contains(said), "{shown}");
        let again = fields_of(&shown);
        assert!(
            again.contains(&("check_ins".to_owned(), "each Friday".to_owned())),
            "what was written stays"
        );
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
        assert_eq!(answer.status, 403);
        assert!(String::from_utf8(answer.body).unwrap().contains("pages of other sites"), "{headers:?}");
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
    let refused = refusal(&staff.ask_as(Scope::Read, "POST", "/plan", &encoded(&fields)), 403);
    assert!(refused.contains("takes a key of the scope supervise"), "{refused}");
    let ended = send(staff.address(), "POST", "/plan", &[], encoded(&fields).as_bytes());
    assert!(refusal(&ended, 401).contains("Your session has ended, and nothing was recorded."));
    assert_eq!(staff.ask_as(Scope::Supervise, "POST", "/plan", &encoded(&fields)).status, 303);
    let plans = staff.ask_as(Scope::Read, "GET", "/plans", "").ok();
    assert_eq!(plans["plans"][0]["by"], "Dana Reyes (key supervise)");
    // The page shows no form that the reader could not send.
    let id = plans["plans"][0]["id"].as_str().unwrap();
    let shown = page(&staff.ask_as(Scope::Supervise, "GET", &format!("/plan/notice?id={id}"), ""));
    assert!(shown.contains("Close the plan"));
    let shown = page(&staff.ask_as(Scope::Read, "GET", &format!("/plan/notice?id={id}"), ""));
    assert!(!shown.contains("Close the plan"));
    let shown = page(&staff.ask_as(Scope::Read, "GET", "/plan?actor=officer_anne@sba.gov", ""));
    assert!(!shown.contains("Start the plan"));
}
