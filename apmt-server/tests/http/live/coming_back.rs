//! Connections that broke, and go on where they were.

use std::sync::atomic::{AtomicBool, Ordering};

use apmt_client::Client;
use apmt_server::RouterOptions;
use futures_lite::future::block_on;
use serde_json::json;

use super::viewer::{Shown, Viewer};
use super::{on_each_store, serve, still};
use crate::raw::post;

/// Opens a viewer that goes on with what it showed before.
fn come_back(address: std::net::SocketAddr, shown: Shown) -> (Viewer, Vec<serde_json::Value>) {
    let mut viewer = Viewer::open(address, &format!("?after={}", shown.cursor.unwrap()));
    viewer.shown.dossiers = shown.dossiers;
    let parts = viewer.snapshot();
    (viewer, parts)
}

/// The server is started anew on its file, to which others wrote meanwhile: nothing is missed, and nothing else comes.
#[test]
fn across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("apmt.db").display());
    let open = || still().url(&url).build().unwrap();
    let served = serve(open(), RouterOptions::new());
    for actor in ["anne", "bob", "carla"] {
        post(
            served.address,
            "/event",
            json!({"type": "OVERRIDE", "actor": actor, "case_id": actor}).to_string(),
        )
        .ok();
    }
    let viewer = Viewer::new(served.address, "");
    assert!(served.stop().is_clean());

    let meanwhile = open();
    block_on(meanwhile.record_event(json!({"type": "SAT_SCORE", "case_id": "bob", "value": 1}))).unwrap();
    block_on(meanwhile.record_event(json!({"type": "DECISION", "actor": "dora"}))).unwrap();
    drop(meanwhile);

    let served = serve(open(), RouterOptions::new());
    let (mut viewer, parts) = come_back(served.address, viewer.shown);
    assert_eq!((parts.len(), &parts[0]["since"], &parts[0]["cursor"]), (1, &json!(3), &json!(5)));
    let actors: Vec<&str> =
        parts[0]["dossiers"].as_array().unwrap().iter().map(|one| one["actor"].as_str().unwrap()).collect();
    assert_eq!(actors, ["bob", "dora"]);
    viewer.shown.is_the_scoreboard(served.address);
    post(served.address, "/event", r#"{"type":"DECISION","actor":"anne"}"#).ok();
    viewer.delta();
    viewer.shown.is_the_scoreboard(served.address);

    let (_, parts) = come_back(served.address, viewer.shown);
    assert_eq!((&parts[0]["since"], &parts[0]["dossiers"]), (&json!(6), &json!([])), "nothing happened");
}

#[test]
fn whoever_was_away_for_long_gets_all() {
    let client = still().url("memory:").build().unwrap();
    let log = |count| (0..count).map(|_| json!({"type": "DECISION", "actor": "anne"}));
    block_on(client.record_events(log(10_000))).unwrap();
    let served = serve(client.clone(), RouterOptions::new());
    let since = |query| Viewer::open(served.address, query).snapshot()[0]["since"].clone();
    assert_eq!(since("?after=0"), json!(0));
    assert_eq!(since("?after=10001"), json!(null), "this log has no such place");
    assert_eq!(since("?after=18446744073709551615"), json!(null));
    block_on(client.record_events(log(1))).unwrap();
    assert_eq!(since("?after=0"), json!(null), "10,001 events are too many");
    assert_eq!(since("?after=1"), json!(1));
    assert_eq!(since("?after=1&actor=anne"), json!(null), "one dossier is always given");
}

/// While several record, a viewer comes and goes; in the end it shows what the scoreboard says.
#[test]
fn again_and_again_while_others_record() {
    on_each_store(|served| {
        let (address, over) = (served.address, AtomicBool::new(false));
        let shown = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..2)
                .map(|writer| {
                    scope.spawn(move || {
                        for number in 0..60 {
                            let actor = format!("a{}", (number * 7 + writer) % 9);
                            let event = match number % 3 {
                                0 => json!({"type": "ASSIGNED", "case_id": format!("C-{}", number % 5), "actor": actor}),
                                1 => json!({"type": "OVERRIDE", "case_id": format!("C-{}", number % 5), "actor": actor}),
                                _ => json!({"type": "DECISION", "actor": actor}),
                            };
                            post(address, "/event", event.to_string()).ok();
                        }
                    })
                })
                .collect();
            let over = &over;
            let viewer = scope.spawn(move || {
                let mut shown = Shown { cursor: Some(0), ..Shown::default() };
                while !over.load(Ordering::SeqCst) {
                    // What is being recorded while a snapshot is read may come again with the first deltas.
                    let mut viewer = Viewer::open(address, &format!("?after={}", shown.cursor.unwrap()));
                    viewer.shown = Shown { dossiers: shown.dossiers, cursor: None };
                    viewer.snapshot();
                    shown = viewer.shown;
                }
                shown
            });
            for writer in writers {
                writer.join().unwrap();
            }
            over.store(true, Ordering::SeqCst);
            viewer.join().unwrap()
        });
        let (viewer, _) = come_back(address, shown);
        viewer.shown.is_the_scoreboard(address);
    });
}

/// What another process writes to the file is seen as well.
#[test]
fn what_other_processes_write_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("apmt.db").display());
    let served = serve(still().url(&url).build().unwrap(), RouterOptions::new());
    let mut viewer = Viewer::new(served.address, "");
    let other = Client::open(&url).unwrap();
    block_on(other.record_event(json!({"type": "DECISION", "actor": "anne", "occurred_at": apmt_core::conformance::now().to_string()}))).unwrap();
    viewer.read_to(1);
    viewer.shown.is_the_scoreboard(served.address);
}
