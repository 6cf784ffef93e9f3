//! What is done with the outbox's tables, each in a transaction of the [desk](super::desk)'s.

use apmt_core::{ErrorKind, Event, Invalid, Timestamp, WhenFull};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::status::{DeadLetter, DeathReason, Delivery, Dropped, LastError, OutboxReceipt, OutboxStatus};

/// How much an outbox holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) events: u64,
    pub(super) bytes: u64,
    pub(super) when_full: WhenFull,
}

/// An event as it is put in.
#[derive(Debug)]
pub(super) struct Put {
    pub(super) id: Uuid,
    pub(super) event: String,
}

/// An event that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) number: i64,
    pub(super) put_at: Timestamp,
    pub(super) json: String,
}

impl Waiting {
    /// The event; an error where the rules were others when it was put in.
    pub(super) fn event(&self) -> Result<Event, Invalid> {
        Event::from_json(&self.json)
    }
}

/// Why an event is given up.
#[derive(Debug)]
pub(super) struct Death {
    pub(super) reason: DeathReason,
    pub(super) field: Option<String>,
    pub(super) rule: String,
}

/// Puts events in, all of them or none; `None` if there is no room. Events up to that number may be on their way, and
/// are not dropped.
pub(super) fn put(
    connection: &Connection,
    batch: &[Put],
    at: Timestamp,
    limits: Limits,
    on_the_way: i64,
) -> rusqlite::Result<Option<Vec<OutboxReceipt>>> {
    connection.execute_batch("SAVEPOINT put")?;
    let newest: Option<i64> =
        cached(connection, "SELECT max(number) FROM waiting")?.query_row([], |row| row.get(0))?;
    let mut insert = cached(
        connection,
        "INSERT INTO waiting (id, put_at, event) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO NOTHING",
    )?;
    let mut receipts = Vec::with_capacity(batch.len());
    for Put { id, event } in batch {
        let duplicate = insert.execute(params![id.as_bytes(), at.millis(), event])? == 0;
        receipts.push(OutboxReceipt { id: *id, duplicate });
    }
    let added = receipts.iter().filter(|receipt| !receipt.duplicate).count();
    let mut dropped = 0;
    while added > 0 && is_over(connection, limits)? {
        if limits.when_full == WhenFull::DropOldest && drop_oldest(connection, on_the_way, newest)? {
            dropped += 1;
            continue;
        }
        connection.execute_batch("ROLLBACK TO put; RELEASE put")?;
        cached(connection, "UPDATE head SET rejected = rejected + ?1")?.execute([added as i64])?;
        return Ok(None);
    }
    if dropped > 0 {
        cached(connection, "UPDATE head SET dropped = dropped + ?1")?.execute([dropped])?;
    }
    connection.execute_batch("RELEASE put")?;
    Ok(Some(receipts))
}

fn is_over(connection: &Connection, limits: Limits) -> rusqlite::Result<bool> {
    let mut held = cached(connection, "SELECT waiting, bytes FROM head")?;
    held.query_row([], |row| Ok(unsigned(row, 0)? > limits.events || unsigned(row, 1)? > limits.bytes))
}

/// Whether there was one.
fn drop_oldest(connection: &Connection, after: i64, newest: Option<i64>) -> rusqlite::Result<bool> {
    let mut drop = cached(
        connection,
        "DELETE FROM waiting WHERE number = \
         (SELECT min(number) FROM waiting WHERE number > ?1 AND number <= ?2)",
    )?;
    Ok(drop.execute(params![after, newest.unwrap_or(0)])? > 0)
}

/// The events that wait after that number, in order: at most so many, of at most so many bytes, but for the first.
pub(super) fn next(
    connection: &Connection,
    after: i64,
    most: usize,
    most_bytes: usize,
) -> rusqlite::Result<Vec<Waiting>> {
    let mut select = cached(
        connection,
        "SELECT number, put_at, event FROM waiting WHERE number > ?1 ORDER BY number LIMIT ?2",
    )?;
    let mut rows = select.query(params![after, most as i64])?;
    let (mut events, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let json: String = row.get(2)?;
        bytes += json.len();
        if bytes > most_bytes && !events.is_empty() {
            break;
        }
        events.push(Waiting { number: row.get(0)?, put_at: timestamp(row, 1)?, json });
    }
    Ok(events)
}

/// The number of the event that was put in last, 0 if none ever was.
pub(super) fn last_number(connection: &Connection) -> rusqlite::Result<i64> {
    let mut select = cached(connection, "SELECT seq FROM sqlite_sequence WHERE name = 'waiting'")?;
    Ok(select.query_row([], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// Whether an event up to that number waits.
pub(super) fn waits(connection: &Connection, up_to: i64) -> rusqlite::Result<bool> {
    cached(connection, "SELECT 1 FROM waiting WHERE number <= ?1")?.exists([up_to])
}

/// Takes out what the store has acknowledged, some of which it had already.
pub(super) fn delivered(connection: &Connection, numbers: &[i64], duplicates: usize) -> rusqlite::Result<()> {
    let mut delete = cached(connection, "DELETE FROM waiting WHERE number = ?1")?;
    let mut deleted = 0;
    for number in numbers {
        deleted += delete.execute([number])?;
    }
    cached(
        connection,
        "UPDATE head SET delivered = delivered + ?1, duplicates = duplicates + ?2, next_attempt_at = NULL",
    )?
    .execute(params![deleted as i64, duplicates.min(deleted) as i64])?;
    Ok(())
}

/// Moves events to the dead letters.
pub(super) fn bury(
    connection: &Connection,
    numbers: &[i64],
    death: &Death,
    at: Timestamp,
) -> rusqlite::Result<()> {
    // An id that dies again is one letter, not two.
    let mut forget =
        cached(connection, "DELETE FROM dead WHERE id = (SELECT id FROM waiting WHERE number = ?1)")?;
    let mut insert = cached(
        connection,
        "INSERT INTO dead (id, put_at, died_at, reason, field, rule, event) \
         SELECT id, put_at, ?2, ?3, ?4, ?5, event FROM waiting WHERE number = ?1",
    )?;
    let mut delete = cached(connection, "DELETE FROM waiting WHERE number = ?1")?;
    let Death { reason, field, rule } = death;
    for number in numbers {
        forget.execute([number])?;
        insert.execute(params![number, at.millis(), reason.name(), field, rule])?;
        delete.execute([number])?;
    }
    Ok(())
}

/// Notes that an attempt has failed.
pub(super) fn failed(
    connection: &Connection,
    error: &LastError,
    next_attempt: Timestamp,
) -> rusqlite::Result<()> {
    let mut update = cached(
        connection,
        "UPDATE head SET error_kind = ?1, error = ?2, error_at = ?3, next_attempt_at = ?4",
    )?;
    let LastError { kind, message, at } = error;
    update.execute(params![kind.name(), message, at.millis(), next_attempt.millis()])?;
    Ok(())
}

pub(super) fn status(connection: &Connection, delivery: Delivery) -> rusqlite::Result<OutboxStatus> {
    let mut oldest = cached(connection, "SELECT put_at FROM waiting ORDER BY number LIMIT 1")?;
    let oldest = oldest.query_row([], |row| timestamp(row, 0)).optional()?;
    let mut head = cached(
        connection,
        "SELECT waiting, bytes, dead, delivered, duplicates, rejected, dropped, \
         error_kind, error, error_at, next_attempt_at FROM head",
    )?;
    head.query_row([], |row| {
        let kind: Option<String> = row.get(7)?;
        let last_error = match kind {
            Some(kind) => Some(LastError {
                kind: ErrorKind::from_name(&kind).unwrap_or(ErrorKind::Io),
                message: row.get(8)?,
                at: timestamp(row, 9)?,
            }),
            None => None,
        };
        Ok(OutboxStatus {
            waiting: unsigned(row, 0)?,
            bytes: unsigned(row, 1)?,
            oldest,
            delivered: unsigned(row, 3)?,
            duplicates: unsigned(row, 4)?,
            dead: unsigned(row, 2)?,
            dropped: Dropped { rejected: unsigned(row, 5)?, oldest: unsigned(row, 6)? },
            delivery,
            last_error,
            next_attempt: row.get::<_, Option<i64>>(10)?.map(Timestamp::from_millis),
        })
    })
}

pub(super) fn dead_letters(
    connection: &Connection,
    after: u64,
    limit: usize,
) -> rusqlite::Result<Vec<DeadLetter>> {
    let mut select = cached(
        connection,
        "SELECT number, id, reason, field, rule, put_at, died_at, event FROM dead \
         WHERE number > ?1 ORDER BY number LIMIT ?2",
    )?;
    let (after, limit) = (i64::try_from(after).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX));
    let letters = select.query_map(params![after, limit], |row| {
        Ok(DeadLetter {
            number: unsigned(row, 0)?,
            id: Uuid::from_bytes(row.get(1)?),
            reason: DeathReason::from_name(row.get_ref(2)?.as_str()?),
            field: row.get(3)?,
            rule: row.get(4)?,
            put_at: timestamp(row, 5)?,
            died_at: timestamp(row, 6)?,
            event: row.get(7)?,
        })
    })?;
    letters.collect()
}

/// Puts dead letters back, behind what waits: those of these ids, or all. Says how many there were.
pub(super) fn retry(connection: &Connection, ids: Option<&[Uuid]>, at: Timestamp) -> rusqlite::Result<u64> {
    const BACK: &str = "INSERT INTO waiting (id, put_at, event) SELECT id, ?1, event FROM dead";
    // Where the same id has been put in anew, that one stands.
    const ONCE: &str = "ORDER BY number ON CONFLICT (id) DO NOTHING";
    match ids {
        None => cached(connection, &format!("{BACK} WHERE true {ONCE}"))?.execute([at.millis()])?,
        Some(ids) => {
            let mut back = cached(connection, &format!("{BACK} WHERE id = ?2 {ONCE}"))?;
            let mut put = 0;
            for id in ids {
                put += back.execute(params![at.millis(), id.as_bytes()])?;
            }
            put
        }
    };
    discard(connection, ids)
}

/// Removes dead letters for good: those of these ids, or all. Says how many there were.
pub(super) fn discard(connection: &Connection, ids: Option<&[Uuid]>) -> rusqlite::Result<u64> {
    let removed = match ids {
        None => cached(connection, "DELETE FROM dead")?.execute([])?,
        Some(ids) => {
            let mut remove = cached(connection, "DELETE FROM dead WHERE id = ?1")?;
            let mut removed = 0;
            for id in ids {
                removed += remove.execute([id.as_bytes()])?;
            }
            removed
        }
    };
    Ok(removed as u64)
}

fn cached<'c>(connection: &'c Connection, sql: &str) -> rusqlite::Result<CachedStatement<'c>> {
    connection.prepare_cached(sql)
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

fn timestamp(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}
