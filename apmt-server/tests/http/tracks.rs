//! Tracks and working days, from the event to the dossier, the page behind a number, and the notice.

use std::sync::Arc;

use apmt_client::Client;
use apmt_core::conformance::now;
use apmt_core::time::ManualClock;
use apmt_core::{Calendar, Policy};
use apmt_server::RouterOptions;
use apmt_server::serve::ServeOptions;
use serde_json::json;

use crate::plans::start_plan;
use crate::raw::{get, post};
use crate::support::Served;

const POLICY: &str = "
name: foia
sla: {target: 20 working days, tracks: {Simple: 10 working days, urgent: 72h}}
rules:
  - {id: late, when: [sla.breached > 0], then: pip}
";
const ANNE: &str = "anne@sba.gov";

/// A simple case that took until its twelfth working day, one without a track that took as long, and a simple case
/// that is open and overdue.
fn served() -> Served {
    let client = Client::builder()
        .url("memory:")
        .clock(Arc::new(ManualClock::at(now())))
        .calendar(Calendar::us_federal())
        .policy(Policy::from_yaml("foia.yaml", POLICY).unwrap())
        .build()
        .unwrap();
    let router = RouterOptions::new().with_dashboard(true);
    let served = Served::run(ServeOptions::new(client).with_address(Served::any()).with_router(router));
    let mut batch = Vec::new();
    for (case, track) in [("C-1", Some("simple")), ("C-2", None), ("C-3", Some(" SIMPLE "))] {
        // Friday 6 March 2026; day 10 is Friday the 20th.
        let at = "2026-03-06T15:00:00-05:00";
        batch.push(json!({"type": "CASE_OPENED", "case_id": case, "track": track, "occurred_at": at}));
        batch.push(json!({"type": "ASSIGNED", "case_id": case, "actor": ANNE, "occurred_at": at}));
    }
    for case in ["C-1", "C-2"] {
        let at = "2026-03-24T09:00:00-04:00";
        batch.push(json!({"type": "DECISION", "case_id": case, "actor": ANNE, "occurred_at": at}));
    }
    let batch: Vec<String> = batch.iter().map(ToString::to_string).collect();
    assert_eq!(post(served.address, "/events", batch.join("\n")).ok()["stored"], 8);
    served
}

#[test]
fn each_case_is_measured_by_its_own_tracks_target() {
    let served = served();
    let dossier = get(served.address, &format!("/dossier/{ANNE}")).ok();
    assert_eq!(dossier["sla"], json!({"met": 1, "breached": 1, "compliance": 0.5}));
    assert_eq!((&dossier["open"]["overdue"], &dossier["status"]), (&json!(1), &json!("pip")));
    let simple = json!([{"track": "simple", "decisions": 1, "overrides": 0, "recommendations": 0,
        "recommendations_overridden": 0, "processed": 1, "open": 1, "overdue": 1,
        "sla": {"met": 0, "breached": 1, "compliance": 0.0}}]);
    assert_eq!(dossier["tracks"], simple);
    let page = get(served.address, &format!("/actors/{ANNE}/contributions")).ok();
    let times = page["contributions"].as_array().unwrap().iter().filter(|one| one["measure"] == "processing");
    let times: Vec<_> = times.map(|one| (&one["case_id"], &one["track"], &one["working_day"])).collect();
    assert_eq!(
        times,
        [(&json!("C-1"), &json!("simple"), &json!(12)), (&json!("C-2"), &json!(null), &json!(12))]
    );
    assert_eq!(
        get(served.address, "/policy").ok()["sla"],
        json!({"target": "20 working days", "tracks": {"simple": "10 working days", "urgent": "72h"}})
    );
}

#[test]
fn the_evidence_says_when_a_case_was_due() {
    let served = served();
    let evidence = |of: &str| {
        let answer = get(served.address, &format!("/evidence?actor={ANNE}&of={of}"));
        String::from_utf8(answer.body).unwrap()
    };
    let times = evidence("times");
    // The last millisecond of the 20th in New York, and of 3 April.
    assert!(
        times
            .contains("; due 21 Mar 2026, 03:59 UTC; late, on working day 12: the target is 10 working days")
    );
    assert!(times.contains("; due 4 Apr 2026, 03:59 UTC<"), "in time: {times}");
    let open = evidence("open");
    assert!(
        open.contains("; due 21 Mar 2026, 03:59 UTC; overdue, on working day 17: the target is"),
        "{open}"
    );

    let id = start_plan(&served, ANNE);
    let instances = &get(served.address, &format!("/plans/{id}")).ok()["evidence"]["instances"];
    assert_eq!(instances.as_array().unwrap().len(), 1, "the one that was late: {instances}");
    assert_eq!(instances[0]["due"], "2026-03-21T03:59:59.999Z");
    assert_eq!(
        instances[0]["missed"],
        "It took until working day 12; the target was 10 working days. Due at 2026-03-21 03:59 UTC."
    );
}
