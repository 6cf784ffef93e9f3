//! Two processes on one file.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use apmt_core::{AsOf, ErrorKind, Event, Policy, Store};
use apmt_store_sqlite::SqliteStore;
use futures_lite::future::block_on;

use crate::child::{child, output};

fn decisions(actor: &str, count: usize) -> Vec<Event> {
    (0..count).map(|number| Event::decision(actor).case(&format!("C-{number}")).build().unwrap()).collect()
}

/// The child: takes the file's write lock by hand, says so, and keeps it until its standard input ends.
pub(crate) fn hold_the_lock(path: &Path) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    say("locked");
    std::io::stdin().lines().for_each(drop);
    connection.execute_batch("ROLLBACK").unwrap();
}

fn say(word: &str) {
    println!("\n{word}");
    std::io::stdout().flush().unwrap();
}

fn wait_for(child: &mut Child, word: &str) {
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == word), "the child ended before it said {word}");
}

#[test]
fn a_locked_file_is_a_temporary_error_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apmt.db");
    let store = SqliteStore::builder(&path).busy_timeout(Duration::from_millis(20)).open().unwrap();
    block_on(store.append(decisions("anne", 3))).unwrap();

    let mut other =
        child("hold the lock", &path).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    wait_for(&mut other, "locked");
    let error = block_on(store.append(decisions("anne", 1))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
    assert!(error.is_temporary());
    assert!(
        error.to_string().contains("apmt.db") && error.to_string().contains("another process"),
        "{error}"
    );
    // Readers never wait for a writer.
    assert_eq!(block_on(store.events(0, 10)).unwrap().len(), 3);
    // Opening it to write needs no more than a look, so that a busy file can be opened all the same.
    drop(other.stdin.take());
    other.wait().unwrap();

    let receipts = block_on(store.append(decisions("anne", 1))).unwrap();
    assert_eq!(receipts[0].position, 4);
}

/// The child: writes 20 batches of its own.
pub(crate) fn write_beside(path: &Path) {
    let store = SqliteStore::builder(path).busy_timeout(Duration::from_secs(60)).open().unwrap();
    for _ in 0..20 {
        block_on(store.append(decisions("bob", 10))).unwrap();
    }
}

#[test]
fn two_processes_write_one_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apmt.db");
    let store = SqliteStore::builder(&path).busy_timeout(Duration::from_secs(60)).open().unwrap();
    let mut other = child("write beside", &path).stdout(Stdio::null()).spawn().unwrap();
    let mut written = 0;
    // As long as the other writes, and a little longer, so that both are sure to have met.
    while other.try_wait().unwrap().is_none() || written < 20 {
        block_on(store.append(decisions("anne", 10))).unwrap();
        written += 1;
    }
    assert!(other.wait().unwrap().success());
    let log = block_on(store.events(0, usize::MAX)).unwrap();
    assert_eq!(log.len(), 200 + written * 10);
    assert!(log.iter().zip(1..).all(|(recorded, position)| recorded.position == position));
    for (actor, decisions) in [("anne", written as u64 * 10), ("bob", 200)] {
        let dossier =
            block_on(store.dossier(&actor.try_into().unwrap(), AsOf::Now, &Policy::default())).unwrap();
        assert_eq!(dossier.metrics.decisions, decisions, "{actor}");
    }
}

/// The child: opens the file to be read only and copies it.
pub(crate) fn back_up(path: &Path) {
    let store = SqliteStore::builder(path).read_only(true).open().unwrap();
    let before = block_on(store.status()).unwrap().position;
    block_on(store.backup(path.with_extension("copy"))).unwrap();
    say(&format!("at least {before}"));
}

#[test]
fn a_second_process_reads_and_backs_up_while_the_first_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apmt.db");
    let store = SqliteStore::open(&path).unwrap();
    block_on(store.append(decisions("anne", 100))).unwrap();
    let mut other = child("back up", &path).stdout(Stdio::piped()).spawn().unwrap();
    let mut written = 100;
    while other.try_wait().unwrap().is_none() {
        block_on(store.append(decisions("anne", 10))).unwrap();
        written += 10;
    }
    let mut said = String::new();
    std::io::Read::read_to_string(other.stdout.as_mut().unwrap(), &mut said).unwrap();
    assert!(other.wait().unwrap().success(), "{said}");
    let at_least: u64 =
        said.lines().find_map(|line| line.strip_prefix("at least ")).unwrap().parse().unwrap();
    assert!(at_least >= 100);

    // The copy is a store like any other, as the first was at one instant.
    let copy = SqliteStore::open(path.with_extension("copy")).unwrap();
    let log = block_on(copy.events(0, usize::MAX)).unwrap();
    assert!((at_least..=written).contains(&(log.len() as u64)));
    let whole = block_on(store.events(0, log.len())).unwrap();
    assert_eq!(log, whole);
    let dossier = block_on(copy.dossier(&"anne".try_into().unwrap(), AsOf::Now, &Policy::default()));
    assert_eq!(dossier.unwrap().metrics.decisions, log.len() as u64);
}

#[test]
fn a_backup_takes_no_existing_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apmt.db");
    let store = SqliteStore::open(&path).unwrap();
    let error = block_on(store.backup(&path)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let error = block_on(store.backup(folder.path().join("no/such/folder.db"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
}

#[test]
fn the_children_end_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apmt.db");
    drop(SqliteStore::open(&path).unwrap());
    output(child("write beside", &path));
}
