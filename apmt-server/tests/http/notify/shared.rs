//! Several servers on one database: whichever notices, one tells.

use apmt_client::Client;
use apmt_server::notify::Options;
use apmt_server::serve::ServeOptions;
use futures_lite::future::block_on;

use super::{Scene, eventually};
use crate::database::Database;
use crate::raw::post;
use crate::support::Served;

/// A server on that database.
fn serve(scene: &Scene, database: &Database, options: Options) -> Served {
    let client = Client::builder().url(&database.url()).clock(scene.clock.clone()).build().unwrap();
    Served::run(ServeOptions::new(client).with_address(Served::any()).with_notify(options))
}

/// Turns an actor to pip by events that come through one server or another.
fn turn(served: &Served, actor: &str) {
    let events = format!(
        "{{\"type\":\"OVERRIDE\",\"actor\":\"{actor}\"}}\n{{\"type\":\"SAT_SCORE\",\"actor\":\"{actor}\",\"value\":1}}"
    );
    assert_eq!(post(served.address, "/events", events).ok()["stored"], 2);
}

#[test]
fn of_two_servers_that_notice_one_sends_the_mail() {
    let (scene, database) = (Scene::new(), Database::with_tables());
    let mail_server = scene.mail_server(0);
    let serve = || serve(&scene, &database, super::with_fallback(scene.mailing(mail_server.port)));
    let servers = [serve(), serve()];
    let mails = |actor: &str| {
        let mails = scene.mails().into_iter();
        mails.filter(|mail| mail["raw"].as_str().unwrap().contains(actor)).count()
    };
    let actors: Vec<String> = (0..6).map(|number| format!("officer_{number}@sba.gov")).collect();
    for (actor, server) in actors.iter().zip([0, 1].into_iter().cycle()) {
        turn(&servers[server], actor);
    }
    eventually("everybody is told of", || actors.iter().all(|actor| mails(actor) > 0));
    // The one that tells is stopped, whichever it is: the other goes on, with what is known.
    let [first, second] = servers;
    turn(&second, "bob@sba.gov");
    assert!(first.stop().is_clean());
    turn(&second, "carol@sba.gov");
    eventually("the other server tells", || mails("bob@sba.gov") > 0 && mails("carol@sba.gov") > 0);
    let third = serve();
    assert!(second.stop().is_clean());
    turn(&third, "dave@sba.gov");
    eventually("a third server tells", || mails("dave@sba.gov") > 0);
    assert!(third.stop().is_clean());
    for actor in actors.iter().map(String::as_str).chain(["bob@sba.gov", "carol@sba.gov", "dave@sba.gov"]) {
        assert_eq!(mails(actor), 1, "{actor}: {:#?}", scene.mails());
    }
    assert_eq!(scene.mails().len(), 9);
    assert!(!scene.path("told.json").exists(), "what has been told is in the database");
}

#[test]
fn what_waits_is_sent_by_the_server_that_is_left() {
    let (scene, database) = (Scene::new(), Database::with_tables());
    let mail_server = scene.mail_server(0);
    let port = mail_server.port;
    drop(mail_server);
    let first = serve(&scene, &database, scene.mailing(port));
    turn(&first, super::ANNE);
    let kept = || database.sql("SELECT text FROM apmt.notes");
    eventually("it is kept before it is sent", || kept().contains("waiting\":[{"));
    assert!(first.stop().is_clean());
    let _second = serve(&scene, &database, scene.mailing(port));
    let _mail_server = scene.mail_server(port);
    eventually("the mail", || scene.mails().len() == 1);
    eventually("nothing waits", || kept().contains("waiting\":[]"));
}

#[test]
fn what_a_file_says_is_known_where_the_store_has_moved() {
    let (scene, database) = (Scene::new(), Database::with_tables());
    let mail_server = scene.mail_server(0);
    let watching = super::Watching::start(&scene, scene.mailing(mail_server.port));
    scene.turn_to_pip(super::ANNE);
    eventually("the mail", || scene.mails().len() == 1);
    drop(watching);
    // The log moves, and the file stays where it was.
    let moved = Client::builder().url(&database.url()).clock(scene.clock.clone()).build().unwrap();
    for recorded in block_on(scene.client.store().events(0, 10)).unwrap() {
        block_on(moved.record_event(recorded.event)).unwrap();
    }
    let served = serve(&scene, &database, super::with_fallback(scene.mailing(mail_server.port)));
    turn(&served, "bob@sba.gov");
    eventually("somebody else is told of", || scene.mails().len() > 1);
    assert!(served.stop().is_clean());
    assert_eq!(scene.mails().len(), 2, "{:#?}", scene.mails());
}
