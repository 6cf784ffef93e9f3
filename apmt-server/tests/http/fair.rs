//! What everybody's dossiers say together, and what a raised rule rests upon: over HTTP and on the page.

use std::sync::Arc;

use apmt_client::Client;
use apmt_core::conformance::now;
use apmt_core::time::ManualClock;
use apmt_core::{Dossier, Overview, Policy};
use apmt_server::RouterOptions;
use apmt_server::serve::ServeOptions;
use serde_json::{Value, json};

use crate::raw::{get, post};
use crate::support::Served;

const POLICY: &str = "
name: fair
rules:
  - id: high
    when: [override_rate > 0.3]
    peers: {by: [track, kind], limit: 0.998, min_group: 8}
    then: pip
";

/// So many people with 10 simple cases each, of which the first few override all and the others none.
fn served(people: usize, overriding: usize) -> Served {
    let client = Client::builder()
        .url("memory:")
        .clock(Arc::new(ManualClock::at(now())))
        .policy(Policy::from_yaml("fair.yaml", POLICY).unwrap())
        .build()
        .unwrap();
    let router = RouterOptions::new().with_dashboard(true);
    let served = Served::run(ServeOptions::new(client).with_address(Served::any()).with_router(router));
    let mut batch = Vec::new();
    for person in 0..people {
        let verdict = if person < overriding { "OVERRIDE" } else { "DECISION" };
        for case in 0..10 {
            let (case_id, actor) = (format!("C-{person}-{case}"), format!("officer-{person}@sba.gov"));
            let opened = now().plus_millis(-7_200_000 + case);
            let decided = now().plus_millis(-3_600_000 + case);
            batch.push(
                json!({"type": "CASE_OPENED", "case_id": case_id, "track": "simple", "occurred_at": opened}),
            );
            batch.push(json!({"type": verdict, "case_id": case_id, "actor": actor, "occurred_at": decided}));
        }
    }
    let lines: Vec<String> = batch.iter().map(ToString::to_string).collect();
    assert_eq!(post(served.address, "/events", lines.join("\n")).ok()["stored"], people * 20);
    served
}

#[test]
fn the_scoreboard_says_what_chance_alone_flags_and_what_most_breach_at_once() {
    let served = served(10, 6);
    let whole = get(served.address, "/dossiers").ok();
    let overview = &whole["overview"];
    assert_eq!((&overview["actors"], &overview["flagged"]), (&json!(10), &json!(0)), "{overview}");
    assert_eq!(
        overview["common_causes"],
        json!([{"rule": "high", "kind": "HUMAN", "breached": 6, "of": 10}]),
        "more than half"
    );
    let dossiers: Vec<Dossier> = serde_json::from_value(whole["dossiers"].clone()).unwrap();
    assert_eq!(serde_json::from_value::<Overview>(overview.clone()).unwrap(), Overview::of(&dossiers));
    let by_chance = overview["by_chance"].as_f64().unwrap();
    assert!(by_chance > 1.0 && by_chance < 10.0, "{by_chance}");
    assert_eq!(overview["rules"][0]["by_chance"], overview["by_chance"]);

    // A page says it where that is asked for, of everybody all the same.
    assert_eq!(get(served.address, "/dossiers?limit=3").ok()["overview"], Value::Null);
    let page = get(served.address, "/dossiers?limit=3&overview=true").ok();
    assert_eq!((page["dossiers"].as_array().unwrap().len(), &page["overview"]), (3, overview));
    let html = String::from_utf8(get(served.address, "/").body).unwrap();
    assert!(
        html.contains("6 of the 10 people who can be judged by the rule high breach it at once"),
        "{html}"
    );
}

#[test]
fn a_dossier_says_what_its_raised_rules_rest_upon_where_that_is_asked_for() {
    let served = served(9, 1);
    let of = |person: usize, more: &str| {
        get(served.address, &format!("/dossier/officer-{person}@sba.gov{more}")).ok()
    };
    let plain = of(0, "");
    assert_eq!((&plain["status"], &plain["grounds"]), (&json!("pip"), &Value::Null));
    let asked = of(0, "?grounds=true");
    let [grounds] = asked["grounds"].as_array().unwrap().as_slice() else { panic!("{asked}") };
    assert_eq!(
        (&grounds["rule"], &grounds["metric"], &grounds["count"]),
        (&json!("high"), &json!("override_rate"), &json!(10))
    );
    assert_eq!(grounds["cases"][0]["case_id"], "C-0-9", "the newest first");
    assert_eq!(grounds["cases"][0]["track"], "simple");
    let position = grounds["cases"][0]["position"].as_u64().unwrap();
    let log = get(served.address, &format!("/events?after={}&limit=1", position - 1)).ok();
    assert_eq!(
        (&log["events"][0]["type"], &log["events"][0]["case_id"]),
        (&json!("OVERRIDE"), &json!("C-0-9"))
    );
    let mut rest = asked.clone();
    rest.as_object_mut().unwrap().remove("grounds");
    assert_eq!(rest, plain, "all else is the same");
    let by_query = get(served.address, "/dossier?actor=officer-0@sba.gov&grounds=true").ok();
    assert_eq!(by_query, asked);
    assert_eq!(of(1, "?grounds=true")["grounds"], json!([]), "nothing is raised");

    let page = get(served.address, "/actor?actor=officer-0%40sba.gov");
    let html = String::from_utf8(page.body).unwrap();
    for part in [
        "Behind the override rate: 10 entries",
        &format!("timeline?case_id=C-0-9#e{position}\">C-0-9</a>"),
        "The 8 others of its group would, at their rates on each track, have come to 0 % on its 10 cases, and 99.8 %",
        "On simple: 10 of its cases at 100 %",
        "it lies outside of what 99.8\u{a0}% of at least 8 peers on the same tracks do",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
}
