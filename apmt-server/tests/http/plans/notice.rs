//! What a notice keeps, and on which paper it is.

use std::process::Command;

use apmt_server::plan::Notice;
use serde_json::json;

use super::{ANNE, form, log, page, record, served, set, start, started};
use crate::raw::{Answer, get, post};
use crate::support::Served;

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
