//! What a WebSocket is sent.

use std::fmt::Write as _;

use apmt_server::RouterOptions;
use serde_json::{Value, json};

use super::viewer::Viewer;
use super::{on_each_store, serve, still};
use crate::raw::{get, post};
use crate::support::Served;

fn override_of(served: &Served, actor: &str) {
    post(served.address, "/event", json!({"type": "OVERRIDE", "actor": actor}).to_string()).ok();
}

#[test]
fn a_snapshot_and_then_what_changes() {
    on_each_store(|served| {
        override_of(served, "anne");
        let mut viewer = Viewer::open(served.address, "");
        let parts = viewer.snapshot();
        assert_eq!(parts.len(), 1);
        assert_eq!((&parts[0]["cursor"], &parts[0]["since"]), (&json!(1), &json!(null)));
        assert_eq!(parts[0]["dossiers"][0], get(served.address, "/dossier/anne").ok());

        post(served.address, "/event", r#"{"type":"DECISION","actor":"Anne"}"#).ok();
        let delta = viewer.delta();
        assert_eq!(
            (&delta["cursor"], &delta["position"], &delta["actor"]),
            (&json!(2), &json!(2), &json!("anne"))
        );
        assert!(
            delta["changes"]
                .as_array()
                .unwrap()
                .contains(&json!({"field": "override_rate", "old": 1.0, "new": 0.5}))
        );
        assert_eq!((&delta["old"]["decisions"], &delta["dossier"]["decisions"]), (&json!(1), &json!(2)));
        assert_eq!(delta["dossier"], get(served.address, "/dossier/anne").ok());

        override_of(served, "bob");
        assert_eq!(viewer.delta()["old"], json!(null), "nobody knew of bob");
        viewer.shown.is_the_scoreboard(served.address);
    });
}

#[test]
fn one_actor() {
    on_each_store(|served| {
        override_of(served, "bob");
        let mut viewer = Viewer::open(served.address, "?actor=Anne%40SBA.gov");
        let parts = viewer.snapshot();
        let nobody_knows_her = get(served.address, "/dossier/anne@sba.gov").ok();
        assert_eq!((parts.len(), &parts[0]["dossiers"]), (1, &json!([nobody_knows_her])));
        override_of(served, "bob");
        override_of(served, "anne@sba.gov");
        let delta = viewer.delta();
        assert_eq!((&delta["actor"], &delta["position"]), (&json!("anne@sba.gov"), &json!(3)));
    });
}

#[test]
fn a_long_scoreboard_comes_in_parts() {
    on_each_store(|served| {
        let mut log = String::new();
        for number in 0..250 {
            writeln!(log, r#"{{"type":"OVERRIDE","actor":"actor-{number}"}}"#).unwrap();
        }
        post(served.address, "/events", log).ok();
        let mut viewer = Viewer::open(served.address, "");
        let parts = viewer.snapshot();
        let sizes: Vec<usize> = parts.iter().map(|part| part["dossiers"].as_array().unwrap().len()).collect();
        assert_eq!(sizes, [100, 100, 50]);
        viewer.shown.is_the_scoreboard(served.address);
    });
}

/// Events of one actor in a burst are a few messages, whose changes lead from the snapshot to the end.
#[test]
fn a_burst_is_few_messages() {
    on_each_store(|served| {
        override_of(served, "anne");
        let mut viewer = Viewer::new(served.address, "");
        post(served.address, "/events", "{\"type\":\"DECISION\",\"actor\":\"anne\"}\n".repeat(1000)).ok();
        let messages = viewer.read_to(1001).len();
        assert!(messages <= 2, "{messages} messages for one batch");
        assert_eq!(viewer.shown.dossiers["anne"]["decisions"], 1001);
        viewer.shown.is_the_scoreboard(served.address);
    });
}

/// Everybody in a case hears of it, over HTTP as in the library.
#[test]
fn a_case_concerns_several() {
    let served = Served::fresh();
    for event in [
        json!({"type": "AI_RECOMMENDATION", "case_id": "C-1", "actor": "bot", "ai_recommendation": "deny"}),
        json!({"type": "ASSIGNED", "case_id": "C-1", "actor": "bob"}),
    ] {
        post(served.address, "/event", event.to_string()).ok();
    }
    let mut viewer = Viewer::new(served.address, "");
    let verdict = json!({"type": "DECISION", "case_id": "C-1", "actor": "anne", "human_verdict": "approve"});
    post(served.address, "/event", verdict.to_string()).ok();
    let mut actors: Vec<Value> = (0..3).map(|_| viewer.delta()["actor"].clone()).collect();
    actors.sort_unstable_by_key(ToString::to_string);
    assert_eq!(actors, ["anne", "bob", "bot"]);
    assert_eq!(viewer.shown.cursor, Some(3));
    viewer.shown.is_the_scoreboard(served.address);
}

#[test]
fn two_hundred_viewers() {
    let served = serve(still().url("memory:").build().unwrap(), RouterOptions::new());
    override_of(&served, "anne");
    let mut viewers: Vec<Viewer> = (0..200).map(|_| Viewer::new(served.address, "")).collect();
    for _ in 0..3 {
        override_of(&served, "anne");
        override_of(&served, "bob");
    }
    for viewer in &mut viewers {
        // A dossier may count what was recorded after the event that it is told for.
        while viewer.shown.dossiers["anne"]["overrides"] != 4
            || viewer.shown.dossiers.get("bob").is_none_or(|bob| bob["overrides"] != 3)
        {
            viewer.delta();
        }
        viewer.shown.is_the_scoreboard(served.address);
    }
}
