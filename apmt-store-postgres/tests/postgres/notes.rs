//! Notes: each is held by one server at a time.

use std::time::Duration;

use apmt_core::Store;
use apmt_store_postgres::PostgresStore;
use futures_lite::future::block_on;
use uuid::Uuid;

use crate::database::Database;

const LONG: Duration = Duration::from_secs(3600);

fn hold(store: &PostgresStore, holder: u128, time: Duration) -> Option<String> {
    block_on(store.notes().unwrap().hold("mail", Uuid::from_u128(holder), time)).unwrap()
}

fn write(store: &PostgresStore, holder: u128, text: &str) -> bool {
    block_on(store.notes().unwrap().write("mail", Uuid::from_u128(holder), LONG, text)).unwrap()
}

#[test]
fn a_note_is_one_servers_until_it_is_let_go_of() {
    let database = Database::with_tables();
    let (one, other) = (database.open(), database.open());
    assert_eq!(hold(&one, 1, LONG).as_deref(), Some(""));
    assert_eq!(hold(&other, 2, LONG), None);
    assert!(!write(&other, 2, "mine"));
    assert!(write(&one, 1, "told\u{1} \"anne\""));
    // Whoever holds it goes on, from whichever connection.
    assert_eq!(hold(&one, 1, LONG).as_deref(), Some("told\u{1} \"anne\""));
    assert_eq!(hold(&other, 2, LONG), None);
    assert_eq!(hold(&one, 1, Duration::ZERO).as_deref(), Some("told\u{1} \"anne\""));
    assert_eq!(hold(&other, 2, LONG).as_deref(), Some("told\u{1} \"anne\""));
    assert!(!write(&one, 1, "lost"));
    // Another note is another matter.
    let notes = one.notes().unwrap();
    assert_eq!(block_on(notes.hold("digest", Uuid::nil(), LONG)).unwrap().as_deref(), Some(""));
}

#[test]
fn a_server_that_is_gone_holds_a_note_up_for_a_while_only() {
    let database = Database::with_tables();
    let (one, other) = (database.open(), database.open());
    hold(&one, 1, LONG);
    write(&one, 1, "told");
    database.sql("UPDATE apmt.notes SET held_until = clock_timestamp() - interval '1 second'");
    // Nobody has taken it yet: it is as if the time had been longer.
    assert!(write(&one, 1, "told all"));
    database.sql("UPDATE apmt.notes SET held_until = clock_timestamp() - interval '1 second'");
    assert_eq!(hold(&other, 2, LONG).as_deref(), Some("told all"));
    assert!(!write(&one, 1, "late"));
    assert_eq!(hold(&one, 1, LONG), None);
}

#[test]
fn of_many_servers_that_ask_at_once_one_holds_it() {
    let database = Database::with_tables();
    let held: usize = std::thread::scope(|scope| {
        let servers: Vec<_> = (0..8_u128)
            .map(|server| {
                let store = database.open();
                scope.spawn(move || hold(&store, server, LONG).map_or(0, |_| 1))
            })
            .collect();
        servers.into_iter().map(|server| server.join().unwrap()).sum()
    });
    assert_eq!(held, 1);
    assert!(database.builder().read_only(true).open().unwrap().notes().is_none());
}
