//! Recording by a role that may insert and nothing else, with plain SQL.

use std::collections::HashSet;
use std::time::Duration;

use apmt_core::Event;
use apmt_store_postgres::PostgresStore;

use crate::database::Database;
use crate::support::{append, log};

/// Inserts events as the role that may do nothing else.
fn insert(database: &Database, events: &[String]) {
    let values: Vec<String> = events.iter().map(|event| format!("($json${event}$json$)")).collect();
    database.sql(&format!(
        "SET ROLE apmt_record; INSERT INTO apmt.incoming (event) VALUES {}",
        values.join(", ")
    ));
}

fn wait_until(database: &Database, sql: &str) {
    while database.sql(sql) != "t" {
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn wait_until_taken(database: &Database) {
    wait_until(database, "SELECT NOT EXISTS (SELECT FROM apmt.incoming)");
}

fn server_of(database: &Database) -> PostgresStore {
    let name = format!("{}_server", database.name());
    database.sql(&format!("CREATE ROLE {name} LOGIN IN ROLE apmt_server"));
    PostgresStore::open(&database.url().replace("postgres@", &format!("{name}@"))).unwrap()
}

#[test]
fn who_may_record_may_insert_and_neither_read_nor_change_anything() {
    let database = Database::with_roles();
    insert(&database, &[r#"{"type":"OVERRIDE","actor":"anne"}"#.to_owned()]);
    for sql in [
        "SELECT * FROM apmt.incoming",
        "SELECT count(*) FROM apmt.incoming",
        "INSERT INTO apmt.incoming (event) VALUES ('{}') RETURNING number",
        "INSERT INTO apmt.incoming (id, event) VALUES (gen_random_uuid(), '{}')",
        "INSERT INTO apmt.incoming (received_at, event) VALUES (0, '{}')",
        "UPDATE apmt.incoming SET event = ''",
        "DELETE FROM apmt.incoming",
        "TRUNCATE apmt.incoming",
        "INSERT INTO apmt.refused VALUES (1, 1, 1, '', '')",
        "SELECT 1 FROM apmt.refused",
        "SELECT 1 FROM apmt.events",
        "SELECT 1 FROM apmt.ids",
        "SELECT 1 FROM apmt.days",
        "SELECT 1 FROM apmt.head",
        "SELECT apmt.make_partition(0)",
        "CREATE TABLE apmt.mine ()",
    ] {
        // Whatever else it comes to than this refusal ends the test.
        let statement = sql.replace('\'', "''");
        database.sql(&format!(
            "SET ROLE apmt_record; DO $$ BEGIN EXECUTE '{statement}'; RAISE 'it may'; \
             EXCEPTION WHEN insufficient_privilege THEN END $$"
        ));
    }
    assert_eq!(database.sql("SELECT count(*) FROM apmt.incoming"), "1");
}

#[test]
fn what_eight_insert_two_servers_take_once_each() {
    const SENDERS: usize = 8;
    const EVENTS: usize = 150;
    let database = Database::with_roles();
    let servers = [server_of(&database), database.open()];
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let database = &database;
            scope.spawn(move || {
                let event = |number| format!(r#"{{"type":"DECISION","actor":"{sender}","n":{number}}}"#);
                let events: Vec<String> = (0..EVENTS).map(event).collect();
                for part in events.chunks(1 + sender) {
                    insert(database, part);
                }
            });
        }
    });
    wait_until_taken(&database);
    let log = log(&servers[0]);
    let seen: HashSet<String> = log.iter().map(|recorded| recorded.event.to_payload()).collect();
    assert_eq!((log.len(), seen.len()), (SENDERS * EVENTS, SENDERS * EVENTS));
    assert_eq!(database.sql("SELECT count(*) FROM apmt.refused"), "0");
}

#[test]
fn what_breaks_a_rule_is_refused_with_its_reason_and_holds_up_nothing_else() {
    let database = Database::with_roles();
    let sound = |actor: &str| format!(r#"{{"type":"OVERRIDE","actor":"{actor}"}}"#);
    let late = r#"{"type":"DECISION","actor":"anne","occurred_at":"2999-01-01T00:00:00Z"}"#;
    let events = [&sound("anne"), "no JSON", r#"{"type":"OVERRIDEN","actor":"anne"}"#, late, &sound("bob")];
    insert(&database, &events.map(str::to_owned));
    let server = server_of(&database);
    wait_until_taken(&database);
    let actors: Vec<String> =
        log(&server).iter().map(|recorded| recorded.event.actor().unwrap().to_string()).collect();
    assert_eq!(actors, ["anne", "bob"]);
    let refused = database.sql("SELECT number || ': ' || reason FROM apmt.refused ORDER BY number");
    let refused: Vec<&str> = refused.lines().collect();
    assert_eq!(refused.len(), 3, "{refused:?}");
    assert!(refused[0].starts_with("2: ") && refused[1].starts_with("3: "), "{refused:?}");
    assert!(refused[1].contains("OVERRIDE") && refused[2].contains("24 hours"), "{refused:?}");
    let kept = database.sql("SELECT event FROM apmt.refused ORDER BY number");
    assert_eq!(kept.lines().collect::<Vec<_>>(), events[1..4]);
}

#[test]
fn what_was_appended_and_not_removed_is_not_appended_again() {
    let database = Database::with_roles();
    // As where a server dies between the two, each time.
    database.sql(
        "CREATE FUNCTION apmt.die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'killed'; END $$;
         CREATE TRIGGER dies BEFORE DELETE ON apmt.incoming FOR EACH STATEMENT EXECUTE FUNCTION apmt.die()",
    );
    insert(&database, &[r#"{"type":"OVERRIDE","actor":"anne"}"#.to_owned()]);
    let killed = [database.open(), database.open()];
    wait_until(&database, "SELECT EXISTS (SELECT FROM apmt.events)");
    drop(killed);
    assert_eq!(database.sql("SELECT count(*) FROM apmt.incoming"), "1");
    database.sql("DROP TRIGGER dies ON apmt.incoming");
    let store = database.open();
    wait_until_taken(&database);
    assert_eq!(log(&store).len(), 1);
    assert_eq!(database.sql("SELECT count(*) FROM apmt.refused"), "0");
}

#[test]
fn an_event_keeps_the_id_that_its_sender_gave_it_and_happened_when_it_was_inserted() {
    let database = Database::with_roles();
    let event = Event::override_of("anne").id(uuid::Uuid::new_v4()).build().unwrap();
    let store = database.open();
    append(&store, vec![event.clone()]);
    let now = |database: &Database| -> i64 {
        database.sql("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint").parse().unwrap()
    };
    let before = now(&database);
    insert(&database, &[event.to_json(), r#"{"type":"OVERRIDE","actor":"bob"}"#.to_owned()]);
    let after = now(&database);
    wait_until_taken(&database);
    let log = log(&store);
    assert_eq!(log.len(), 2, "sent twice, it is there once");
    assert!((before..=after).contains(&log[1].occurred_at.millis()));
}
