//! A writing process killed at random moments: nothing acknowledged is lost or doubled, and the file is whole.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use apmt_core::conformance::{naive, random_events};
use apmt_core::time::ManualClock;
use apmt_core::{AsOf, Calendar, Policy, Recorded, Store, Timestamp};
use apmt_store_sqlite::SqliteStore;
use futures_lite::future::block_on;

use crate::child::child;

const ROUNDS: u64 = 50;

/// Later than every event of every round.
const NOW: &str = "2030-01-01T00:00:00Z";

fn open(path: &Path) -> SqliteStore {
    let clock = Arc::new(ManualClock::at(NOW.parse().unwrap()));
    SqliteStore::builder(path).clock(clock).open().unwrap()
}

/// The child: four threads that append batches of several sizes, and print each receipt once they have it.
pub(crate) fn write_until_killed(path: &Path) {
    let store = Arc::new(open(path));
    let seed = u64::from(std::process::id());
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let store = Arc::clone(&store);
            std::thread::spawn(move || {
                for round in 0.. {
                    let size = [1, 3, 20, 200][thread];
                    let batch = random_events(seed * 1_000_003 + round * 4 + thread as u64, size);
                    let receipts = block_on(store.append(batch)).unwrap();
                    let lines: Vec<String> = receipts
                        .iter()
                        .map(|receipt| format!("ack {} {}\n", receipt.id, receipt.position))
                        .collect();
                    // One write a batch, so that the parent never reads half a line of one that was acknowledged.
                    std::io::stdout().lock().write_all(lines.concat().as_bytes()).unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_by_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apmt.db");
    let mut acknowledged: HashMap<String, u64> = HashMap::new();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..ROUNDS {
        let mut writer = child("write until killed", &path).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        // Killed after a random number of acknowledgements, wherever the writer happens to be then.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let after = random % 600;
        let mut seen = 0;
        while let Some(Ok(line)) = lines.next() {
            seen += u64::from(note(&line, &mut acknowledged));
            if seen == after {
                writer.kill().unwrap();
            }
        }
        writer.wait().unwrap();
        check(&path, &acknowledged, round);
    }
    assert!(acknowledged.len() > 1000, "the writers were killed before they wrote anything");
}

/// Takes note of an acknowledgement; a line that the kill cut short is none.
fn note(line: &str, acknowledged: &mut HashMap<String, u64>) -> bool {
    let parts: Vec<&str> = line.split(' ').collect();
    let ["ack", id, position] = parts[..] else { return false };
    let Ok(position) = position.parse() else { return false };
    if id.len() != 36 {
        return false;
    }
    // A cut-off number is still a number, so what is noted of the last line is the id alone, which is whole.
    acknowledged.entry(id.to_owned()).or_insert(position);
    true
}

fn check(path: &Path, acknowledged: &HashMap<String, u64>, round: u64) {
    let store = open(path);
    let log = block_on(store.events(0, usize::MAX)).unwrap();
    let mut ids: HashMap<String, u64> = HashMap::with_capacity(log.len());
    for (recorded, position) in log.iter().zip(1..) {
        assert_eq!(recorded.position, position, "round {round}: the log has a gap");
        assert!(
            ids.insert(recorded.id.to_string(), position).is_none(),
            "round {round}: an id is there twice"
        );
    }
    for id in acknowledged.keys() {
        assert!(ids.contains_key(id), "round {round}: {id} was acknowledged and is not there");
    }
    let integrity = rusqlite::Connection::open(path)
        .unwrap()
        .query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0))
        .unwrap();
    assert_eq!(integrity, "ok", "round {round}");
    // The recomputation is slow on purpose, so it is asked for now and then, and at the end.
    if round % 10 == 9 {
        same_as_naive(&store, &log);
    }
}

fn same_as_naive(store: &SqliteStore, log: &[Recorded]) {
    let as_of: Timestamp = block_on(store.status()).unwrap().latest.unwrap();
    let dossiers = block_on(store.dossiers(AsOf::At(as_of), &Policy::default(), None, usize::MAX)).unwrap();
    let expected = naive::dossiers(log, as_of, &Policy::default(), &Calendar::Always);
    assert_eq!(naive::difference(&dossiers, &expected), None);
}

/// Dropping the store right after an append, with others under way, leaves the file whole.
#[test]
fn dropping_the_store_finishes_what_was_begun() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apmt.db");
    let store = open(&path);
    block_on(store.append(random_events(7, 500))).unwrap();
    drop(store);
    assert!(!folder.path().join("apmt.db-wal").exists(), "the log was not copied back on closing");
    let store = SqliteStore::builder(&path).read_only(true).busy_timeout(Duration::ZERO).open().unwrap();
    let log = block_on(store.events(0, usize::MAX)).unwrap();
    assert_eq!(log.len() as u64, block_on(store.status()).unwrap().position);
}
