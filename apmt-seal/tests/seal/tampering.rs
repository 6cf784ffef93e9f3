//! Random bytes of the file are changed: each time it is found.

use std::fs;

use apmt_seal::{Verified, erase, verify};
use apmt_store_sqlite::SqliteStore;
use fastrand::Rng;
use futures_lite::future::block_on;
use rusqlite::types::Value;
use rusqlite::{Connection, params};

use crate::support::Log;

/// A log with an erased event, and checkpoints of two sizes.
fn log() -> Log {
    let log = Log::sealed(60);
    block_on(erase(&log.open(), &[17], "records@test.gov", "a court said so")).unwrap();
    log.append(20);
    log.seal();
    let verified = log.verify();
    assert!(verified.is_sound() && verified.erased == 1 && verified.checkpoints == 2, "{verified:?}");
    log
}

/// What verifying comes to; a file that cannot even be opened is found too.
fn verified(log: &Log) -> Option<Verified> {
    let store = SqliteStore::builder(&log.path).read_only(true).open().ok()?;
    block_on(verify(&store, &[log.key.verifier().clone()], &[], &mut |_, _| ())).ok()
}

fn is_found(log: &Log) -> bool {
    verified(log).is_none_or(|verified| !verified.is_sound())
}

/// Every column of every row, through SQL: whatever SQLite itself would let somebody write.
#[test]
fn a_changed_column_is_always_found() {
    let mut random = Rng::with_seed(7);
    let log = log();
    let whole = fs::read(&log.path).unwrap();
    let columns = [
        ("events", "rowid", &["position", "id", "occurred_at", "recorded_at", "case_no", "payload"][..]),
        ("seal", "rowid", &["number", "hash", "salt", "commitment", "erasure"]),
        ("checkpoints", "size", &["size", "note"]),
    ];
    let mut rounds = 0;
    for (table, key, columns) in columns {
        for column in columns {
            for _ in 0..40 {
                fs::write(&log.path, &whole).unwrap();
                let connection = Connection::open(&log.path).unwrap();
                let pick = format!("SELECT {key}, {column} FROM {table} ORDER BY {key} LIMIT 1 OFFSET ?1");
                let count = format!("SELECT count(*) FROM {table}");
                let count: u32 = connection.query_row(&count, [], |row| row.get(0)).unwrap();
                let (row, value): (i64, Value) = connection
                    .query_row(&pick, [random.u32(0..count)], |row| Ok((row.get(0)?, row.get(1)?)))
                    .unwrap();
                let other = changed(column, value, &mut random);
                let update = format!("UPDATE OR IGNORE {table} SET {column} = ?2 WHERE {key} = ?1");
                let update = if matches!(other, Value::Text(_)) {
                    update.replace("?2", "CAST(?2 AS TEXT)")
                } else {
                    update
                };
                let other =
                    if let Value::Text(text) = other { Value::Blob(text.into_bytes()) } else { other };
                // What the table's own rules refuse, nobody can write that way.
                if connection.execute(&update, params![row, other]).unwrap_or(0) == 0 {
                    continue;
                }
                connection.close().unwrap();
                rounds += 1;
                assert!(is_found(&log), "{table}.{column} of row {row} to {other:?}");
            }
        }
    }
    println!("{rounds} columns were changed, and each was found");
    assert!(rounds > 400, "{rounds}");
}

/// Another value of the same kind, by one bit; something where nothing was.
fn changed(column: &str, value: Value, random: &mut Rng) -> Value {
    let flip = |mut bytes: Vec<u8>, random: &mut Rng, bits: u32| {
        let at = random.usize(0..bytes.len().max(1));
        match bytes.get_mut(at) {
            Some(byte) => *byte ^= 1 << random.u32(0..bits),
            None => bytes.push(b'x'),
        }
        bytes
    };
    match value {
        Value::Integer(number) => Value::Integer(number ^ (1 << random.u32(0..40))),
        Value::Blob(bytes) => Value::Blob(flip(bytes, random, 8)),
        // Within ASCII, so that it stays text.
        Value::Text(text) => {
            Value::Text(String::from_utf8_lossy(&flip(text.into_bytes(), random, 7)).into_owned())
        }
        Value::Null | Value::Real(_) if matches!(column, "salt" | "commitment") => Value::Blob(vec![7; 16]),
        Value::Null | Value::Real(_) => Value::Integer(random.i64(1..80)),
    }
}

/// The bytes of rows, in the file itself: from the row's length in front, over its header, to the end of its payload.
/// Copies of rows that SQLite has left in the free space of its pages are no event data: what is read stays the same.
#[test]
fn a_changed_byte_of_event_data_in_the_file_is_always_found() {
    let mut random = Rng::with_seed(11);
    let log = log();
    let whole = fs::read(&log.path).unwrap();
    let rows = read(&log).unwrap();
    let mut places: Vec<(usize, usize)> = Vec::new();
    for (id, payload) in rows.iter().map(|row| (blob(&row[1]), blob(&row[5]))) {
        for start in whole.windows(16).enumerate().filter(|(_, window)| *window == id).map(|(at, _)| at) {
            let after = &whole[start + 16..whole.len().min(start + 40 + payload.len())];
            // The row in the table, and not in the index of ids: the payload follows closely.
            if let Some(at) = after.windows(payload.len().max(1)).position(|window| window == payload) {
                places.push((start - 12, start + 16 + at + payload.len()));
            } else if payload.is_empty() {
                places.push((start - 12, start + 40));
            }
        }
    }
    let mut rounds = 0;
    while rounds < 400 {
        let (start, end) = places[random.usize(0..places.len())];
        let (byte, bit) = (random.usize(start..end), random.u32(0..8));
        let mut changed = whole.clone();
        changed[byte] ^= 1 << bit;
        fs::write(&log.path, &changed).unwrap();
        if read(&log).is_ok_and(|read| read == rows) {
            continue;
        }
        rounds += 1;
        assert!(is_found(&log), "byte {byte}, bit {bit}, of a row from {start} to {end}");
    }
    println!("{rounds} bytes were changed, and each was found");
}

fn blob(value: &Value) -> &[u8] {
    if let Value::Blob(bytes) = value { bytes } else { &[] }
}

/// All that SQLite reads of the events.
fn read(log: &Log) -> rusqlite::Result<Vec<Vec<Value>>> {
    const SQL: &str =
        "SELECT position, id, occurred_at, recorded_at, case_no, CAST(payload AS BLOB) FROM events";
    let connection = Connection::open(&log.path)?;
    let mut rows = connection.prepare(SQL)?;
    let rows = rows.query_map([], |row| (0..6).map(|column| row.get(column)).collect())?;
    rows.collect()
}
