//! `apmt outbox`: after the program that wrote it is gone.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

use apmt_store_http::Outbox;
use futures_lite::future::block_on;
use serde_json::{Value, json};

use crate::Folder;

/// An outbox with events of the past, as a program left it.
fn left_behind(folder: &Folder, events: u32) -> String {
    let path = folder.path("outbox.db");
    let outbox = Outbox::builder(&path).open().unwrap();
    let event = |n| json!({"type": "OVERRIDE", "actor": "anne@sba.gov", "case_id": format!("C-{n}")});
    block_on(outbox.record_events((0..events).map(event))).unwrap();
    path.display().to_string()
}

/// Makes dead letters of what waits: it is a year old.
fn age(folder: &Folder, path: &str) {
    let year = std::time::Duration::from_secs(365 * 86_400);
    let outbox = Outbox::builder(path)
        .clock(std::sync::Arc::new(apmt_core::time::ManualClock::at("2099-01-01T00:00:00Z".parse().unwrap())))
        .max_age(year)
        .target(apmt_client::Client::open("memory:").unwrap().store().clone())
        .open()
        .unwrap();
    outbox.flush_blocking(year).unwrap();
    drop(outbox);
    assert!(folder.path("outbox.db").is_file());
}

#[test]
fn what_waits_is_shown_and_delivered() {
    let folder = Folder::new();
    let path = left_behind(&folder, 1200);
    let outbox = ["--outbox", path.as_str()];
    let status = folder.json(&[&["outbox", "status", "--json"][..], &outbox].concat());
    assert_eq!((&status["waiting"], &status["delivery"]), (&json!(1200), &json!("nobody")));
    let shown = folder.run(&[&["outbox", "status"][..], &outbox].concat()).succeeded().out;
    assert!(shown.contains("waiting       1200 events, "), "{shown}");

    let deliver = ["outbox", "deliver", "--store", "sqlite:official.db"];
    let shown = folder.run(&[&deliver[..], &outbox].concat()).succeeded().out;
    assert!(shown.contains("delivered     1200 events\n") && shown.contains("0 dead letters"), "{shown}");
    let again = folder.run(&[&deliver[..], &outbox, &["--json"]].concat()).succeeded().json();
    assert_eq!((&again["waiting"], &again["delivered"]), (&json!(0), &json!(1200)));
    let export = folder.run(&["export", "--store", "sqlite:official.db"]).succeeded().out;
    let cases: Vec<Value> =
        export.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["case_id"].clone()).collect();
    assert_eq!(cases, (0..1200).map(|n| json!(format!("C-{n}"))).collect::<Vec<_>>());
}

#[test]
fn an_export_can_be_imported() {
    let folder = Folder::new();
    let path = left_behind(&folder, 3);
    age(&folder, &path);
    left_behind(&folder, 2);
    let export = ["outbox", "export", "--outbox", path.as_str()];
    let all = folder.run(&export).succeeded();
    assert_eq!(all.out.lines().count(), 5);
    assert_eq!(
        all.err.matches("too_old at 2099-01-01T00:00:00Z: waited longer than").count(),
        3,
        "{}",
        all.err
    );
    let waiting = folder.run(&[&export[..], &["--only", "waiting"]].concat()).succeeded();
    assert_eq!((waiting.out.lines().count(), waiting.err.as_str()), (2, ""));
    let dead = folder.run(&[&export[..], &["--only", "dead", "--json", "--output", "dead.jsonl"]].concat());
    let dead = dead.succeeded();
    let reasons: Vec<Value> = dead.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((reasons.len(), &reasons[0]["reason"]), (3, &json!("too_old")));

    folder.write("all.jsonl", &all.out);
    let import = ["import", "all.jsonl", "dead.jsonl", "--json"];
    assert_eq!(folder.json(&import), json!({"stored": 5, "duplicates": 3, "rejected": 0}));
}

#[test]
fn dead_letters_are_put_back_or_removed() {
    let folder = Folder::new();
    let path = left_behind(&folder, 3);
    age(&folder, &path);
    let outbox = ["--outbox", path.as_str()];
    let export = folder.run(&[&["outbox", "export"][..], &outbox].concat()).succeeded();
    let ids: Vec<String> = export.err.lines().map(|line| line[..36].to_owned()).collect();
    let deliver = [&["outbox", "deliver", "--store", "sqlite:official.db"][..], &outbox].concat();
    folder.run(&deliver).ended_with(1);

    let discard = [&["outbox", "discard", &ids[0]][..], &outbox].concat();
    assert_eq!(folder.run(&discard).succeeded().out, "1 dead letter removed\n");
    folder.run(&discard).ended_with(1);
    let retry = [&["outbox", "retry", &ids[1], "--json"][..], &outbox].concat();
    assert_eq!(folder.json(&retry), json!({"letters": 1}));
    folder.run(&[&["outbox", "retry"][..], &outbox].concat()).ended_with(2).says(&["<ID|--all>"]);
    let all = folder.run(&[&["outbox", "retry", "--all"][..], &outbox].concat()).succeeded();
    assert_eq!(all.out, "1 dead letter put back\n");
    folder.run(&deliver).succeeded();
    assert_eq!(folder.run(&["export", "--store", "sqlite:official.db"]).succeeded().out.lines().count(), 2);
}

#[test]
fn what_cannot_be_delivered_says_why() {
    let folder = Folder::new();
    let path = left_behind(&folder, 1);
    let outbox = ["--outbox", path.as_str()];
    folder.run(&["outbox", "status", "--outbox", "no.db"]).ended_with(2).says(&["no outbox at no.db"]);
    folder.run(&["outbox", "status"]).ended_with(2).says(&["--outbox <FILE>"]);
    folder.write("letter.db", "Dear Sir or Madam".repeat(100));
    folder.run(&["outbox", "status", "--outbox", "letter.db"]).ended_with(2).says(&["no SQLite database"]);
    let nobody = ["outbox", "deliver", "--store", "http://127.0.0.1:1", "--give-up-after", "0"];
    folder.run(&[&nobody[..], &outbox].concat()).ended_with(2).says(&["nothing was delivered for 0 seconds"]);
    // The program still runs.
    let program =
        Outbox::builder(&path).target(apmt_client::Client::open("memory:").unwrap().store().clone());
    let program = program.open().unwrap();
    program.flush_blocking(std::time::Duration::from_secs(60)).unwrap();
    let status = folder.json(&[&["outbox", "status", "--json"][..], &outbox].concat());
    assert_eq!((&status["delivery"], &status["delivered"]), (&json!("elsewhere"), &json!(1)));
}

/// A server that asks for a key: what the environment has is sent, and what it lacks is said.
#[test]
fn a_key_comes_from_the_environment() {
    let folder = Folder::new();
    let path = left_behind(&folder, 1);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
            let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
            tell.send(head.into_iter().find(|line| line.starts_with("authorization: "))).unwrap();
            let body = r#"{"detail": "no such key", "kind": "unauthorized"}"#;
            let head = "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/problem+json";
            write!(stream, "{head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
                .unwrap();
            // To the end of what was sent, or the answer might be lost to a reset.
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    let deliver = ["outbox", "deliver", "--store", &url, "--outbox", &path];
    let mut command = folder.command(&deliver);
    let run = crate::Run::of(command.env("APMT_KEY", "apmt_key_of_a_test").output().unwrap());
    run.ended_with(2).says(&["the store takes nothing", "401", "no such key", "APMT_KEY"]);
    assert_eq!(told.recv().unwrap().as_deref(), Some("authorization: Bearer apmt_key_of_a_test"));
    let scoreboard = ["scoreboard", "--store", &url];
    let run = crate::Run::of(folder.command(&scoreboard).output().unwrap()).ended_with(2);
    run.says(&["401", "APMT_KEY"]);
    while let Ok(header) = told.try_recv() {
        if header.is_none() {
            let mut command = folder.command(&scoreboard);
            let run = crate::Run::of(command.env("APMT_KEY", "two words").output().unwrap());
            let run = run.ended_with(2);
            assert!(
                run.err.contains("key: must be visible ASCII") && !run.err.contains("two words"),
                "{run:?}"
            );
            return;
        }
    }
    panic!("the scoreboard was asked for without a key");
}
