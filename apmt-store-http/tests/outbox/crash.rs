//! A process with an outbox killed at random moments: everything acknowledged arrives, once and in order.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use apmt_core::{Event, Store};
use apmt_store_http::Outbox;
use apmt_store_http::outbox::Dropped;
use apmt_store_sqlite::{SqliteStore, Synchronous};
use futures_lite::future::block_on;

use crate::child::child;
use crate::delivery::{LONG, place};

const ROUNDS: u64 = 20;
const CALLERS: usize = 3;

fn open(path: &Path) -> (Outbox, Arc<SqliteStore>) {
    let record = SqliteStore::builder(path.with_file_name("record.db")).synchronous(Synchronous::Normal);
    let record = Arc::new(record.open().unwrap());
    (Outbox::builder(path).target(record.clone()).open().unwrap(), record)
}

/// The child: a few callers that put events in, and print the id of each once it is acknowledged. Meanwhile they are
/// delivered to a store that survives the kill.
pub(crate) fn put_until_killed(path: &Path) {
    let (outbox, _record) = open(path);
    let process = std::process::id();
    std::thread::scope(|scope| {
        for caller in 0..CALLERS {
            let outbox = &outbox;
            scope.spawn(move || {
                for round in 0.. {
                    let size = [1, 3, 40][caller];
                    let batch = (0..size).map(|n| {
                        Event::decision("anne")
                            .case(&format!("{process}/{caller}"))
                            .field("number", round * size + n)
                    });
                    let receipts = block_on(outbox.record_events(batch)).unwrap();
                    let lines: Vec<String> =
                        receipts.iter().map(|receipt| format!("ack {}\n", receipt.id)).collect();
                    std::io::stdout().lock().write_all(lines.concat().as_bytes()).unwrap();
                }
            });
        }
    });
}

#[test]
fn everything_acknowledged_arrives_once_though_the_process_is_killed() {
    let (_folder, path) = place();
    let mut acknowledged = Vec::new();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..ROUNDS {
        let mut writer = child("put until killed", &path).stdout(Stdio::piped()).spawn().unwrap();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let (after, mut seen) = (1 + random % 1500, 0);
        for line in BufReader::new(writer.stdout.take().unwrap()).lines() {
            let Ok(line) = line else { break };
            // A line that the kill cut short is none.
            if let Some(id) = line.strip_prefix("ack ").filter(|id| id.len() == 36) {
                acknowledged.push(id.to_owned());
                seen += 1;
                if seen == after {
                    writer.kill().unwrap();
                }
            }
        }
        writer.wait().unwrap();
    }
    let (outbox, record) = open(&path);
    outbox.flush_blocking(LONG).unwrap();
    let status = outbox.status_blocking().unwrap();
    assert_eq!((status.waiting, status.dead, status.dropped), (0, 0, Dropped::default()));
    let log = block_on(record.events(0, usize::MAX)).unwrap();
    let mut ids = std::collections::HashSet::new();
    let mut next: HashMap<String, u64> = HashMap::new();
    for recorded in &log {
        assert!(ids.insert(recorded.id.to_string()), "{} is there twice", recorded.id);
        let next = next.entry(recorded.event.case_id().unwrap().to_string()).or_default();
        assert_eq!(
            recorded.event.extra()["number"],
            *next,
            "each caller's events are in order, without a gap"
        );
        *next += 1;
    }
    for id in &acknowledged {
        assert!(ids.contains(id), "{id} was acknowledged and has not arrived");
    }
    assert_eq!(status.delivered, log.len() as u64);
    assert!(acknowledged.len() > 500, "the writers were killed before they wrote anything");
}
