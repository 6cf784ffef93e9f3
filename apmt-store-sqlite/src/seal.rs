//! The seal of the log, in a table beside it, and erasing.

use std::collections::{BTreeMap, HashSet};

use apmt_core::case::{refold, without_case};
use apmt_core::store::seal::{
    CannotErase, Erased, KeptCheckpoint, SealNode, SealStore, SealedRow, StoredRow, is_erasure,
};
use apmt_core::{ActorName, Calendar, CaseId, Change, Recorded, Result};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::SqliteStore;
use crate::derived::{Derived, Statements};
use crate::rows::{EVENT, recorded};
use crate::writer::transaction;

/// After every position.
const END: u64 = u64::MAX >> 1;

type Sql<T> = rusqlite::Result<T>;

#[async_trait]
impl SealStore for SqliteStore {
    async fn sealed(&self) -> Result<u64> {
        self.readers.read(sealed).await
    }

    async fn rows(&self, after: i64, limit: usize) -> Result<Vec<StoredRow>> {
        self.readers.read(move |connection| rows(connection, after, limit)).await
    }

    async fn nodes(&self, numbers: Vec<u64>) -> Result<Vec<Option<Vec<u8>>>> {
        self.readers
            .read(move |connection| {
                let mut find = connection.prepare_cached("SELECT hash FROM seal WHERE number = ?1")?;
                let mut node =
                    |number: &u64| find.query_row([number.cast_signed()], |row| row.get(0)).optional();
                numbers.iter().map(&mut node).collect()
            })
            .await
    }

    async fn keep_nodes(&self, sealed: u64, nodes: Vec<SealNode>) -> Result<bool> {
        self.writer()?.run(move |connection, _| keep(connection, sealed, &nodes)).await
    }

    async fn checkpoints(&self, after: u64, limit: usize) -> Result<Vec<KeptCheckpoint>> {
        const SQL: &str = "SELECT size, note FROM checkpoints WHERE size > ?1 ORDER BY size, note LIMIT ?2";
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.readers
            .read(move |connection| {
                connection.prepare_cached(SQL)?.query_map([after, limit], kept)?.collect()
            })
            .await
    }

    async fn newest_checkpoint(&self) -> Result<Option<KeptCheckpoint>> {
        const SQL: &str = "SELECT size, note FROM checkpoints ORDER BY size DESC, note DESC LIMIT 1";
        self.readers.read(|connection| connection.prepare_cached(SQL)?.query_row([], kept).optional()).await
    }

    async fn keep_checkpoint(&self, KeptCheckpoint { size, note }: KeptCheckpoint) -> Result<()> {
        const SQL: &str = "INSERT OR IGNORE INTO checkpoints (size, note) VALUES (?1, ?2)";
        let keep = move |connection: &Connection, _: &Calendar| {
            connection.execute(SQL, params![size.cast_signed(), note]).map(|_| ())
        };
        self.writer()?.run(keep).await
    }

    async fn damage(&self) -> Result<Option<String>> {
        self.readers
            .read(|connection| {
                let found: String =
                    connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
                Ok(Some(found).filter(|found| found != "ok"))
            })
            .await
    }

    /// Then the file is written anew without what was freed (`VACUUM`, which takes as much room again for a while), and the
    /// log that SQLite keeps beside it is cut off. Where that fails, because the disk is full or another process reads the
    /// old state for long, the events are erased nevertheless; asked again, it is done then.
    async fn erase(&self, events: Vec<Erased>) -> Result<u64> {
        let erase = move |connection: &Connection, calendar: &Calendar| {
            let erased = transaction(connection, |connection| erase(connection, &events, calendar))?;
            if erased.is_ok() {
                connection.execute_batch("VACUUM")?;
                cut_log(connection)?;
            }
            Ok(erased)
        };
        self.writer()?.run_and_forget(erase).await?
    }
}

fn sealed(connection: &Connection) -> Sql<u64> {
    let newest: Option<i64> =
        connection.prepare_cached("SELECT max(number) FROM seal")?.query_row([], |row| row.get(0))?;
    Ok(newest.map_or(0, |number| number.cast_unsigned() / 2 + 1))
}

fn rows(connection: &Connection, after: i64, limit: usize) -> Sql<Vec<StoredRow>> {
    const SQL: &str = "SELECT e.position, e.id, e.occurred_at, e.recorded_at, \
        COALESCE(c.case_id, CASE WHEN e.case_no IS NOT NULL THEN '' END), e.payload, \
        s.hash, s.salt, s.commitment, s.erasure \
        FROM events e LEFT JOIN cases c ON c.no = e.case_no LEFT JOIN seal s ON s.number = 2 * (e.position - 1) \
        WHERE e.position > ?1 ORDER BY e.position LIMIT ?2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    connection.prepare_cached(SQL)?.query_map([after, limit], stored)?.collect()
}

/// Bytes as they are: what was changed by hand need not be text.
fn stored(row: &Row<'_>) -> Sql<StoredRow> {
    let hash: Option<Vec<u8>> = row.get(6)?;
    let sealed = match hash {
        Some(hash) => Some(SealedRow::new(hash, row.get(7)?, row.get(8)?, row.get(9)?)),
        None => None,
    };
    let case_id = row.get_ref(4)?.as_bytes_or_null()?;
    let case_id = case_id.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let (times, payload) = ((row.get(2)?, row.get(3)?), row.get_ref(5)?.as_bytes()?.to_vec());
    Ok(StoredRow::new(row.get(0)?, row.get(1)?, times, case_id, payload).with_sealed(sealed))
}

fn kept(row: &Row<'_>) -> Sql<KeptCheckpoint> {
    let note = String::from_utf8_lossy(row.get_ref(1)?.as_bytes()?).into_owned();
    Ok(KeptCheckpoint { size: row.get::<_, i64>(0)?.cast_unsigned(), note })
}

fn keep(connection: &Connection, size: u64, nodes: &[SealNode]) -> Sql<bool> {
    if sealed(connection)? != size {
        return Ok(false);
    }
    let mut insert =
        connection.prepare_cached("INSERT INTO seal (number, hash, salt) VALUES (?1, ?2, ?3)")?;
    for SealNode { number, hash, salt } in nodes {
        insert.execute(params![number.cast_signed(), hash, salt])?;
    }
    Ok(true)
}

/// Erases events, and makes what is derived what the rest comes to. The outer result is SQLite's.
fn erase(connection: &Connection, events: &[Erased], calendar: &Calendar) -> Sql<Result<u64>> {
    let find = format!("SELECT {EVENT}, e.payload = '' FROM events e WHERE e.position = ?1");
    let mut find = connection.prepare(&find)?;
    // What is erased already has no event to be read.
    let mut at = |position: u64| {
        let row = |row: &Row<'_>| {
            let erased: bool = row.get(6)?;
            Ok(if erased { None } else { Some(recorded(row)?) })
        };
        find.query_row([position.cast_signed()], row).optional()
    };
    let size = sealed(connection)?;
    let mut targets: BTreeMap<u64, (Recorded, &Erased)> = BTreeMap::new();
    let mut records = HashSet::new();
    for event in events {
        let (position, record) = (event.position, event.record);
        if !records.contains(&record) {
            if !matches!(at(record)?, Some(Some(said)) if is_erasure(&said.event)) {
                return Ok(Err(CannotErase::NoRecord(record).into()));
            }
            records.insert(record);
        }
        match at(position)? {
            None => return Ok(Err(CannotErase::NotThere(position).into())),
            Some(None) => {}
            Some(Some(said)) if is_erasure(&said.event) => {
                return Ok(Err(CannotErase::IsRecord(position).into()));
            }
            Some(Some(_)) if position > size => return Ok(Err(CannotErase::NotSealed(position).into())),
            Some(Some(said)) => {
                targets.insert(position, (said, event));
            }
        }
    }
    drop(find);
    Erasing { connection, calendar }.erase(&targets)?;
    Ok(Ok(targets.len() as u64))
}

struct Erasing<'a> {
    connection: &'a Connection,
    calendar: &'a Calendar,
}

impl Erasing<'_> {
    fn erase(&self, targets: &BTreeMap<u64, (Recorded, &Erased)>) -> Sql<()> {
        let (connection, calendar) = (self.connection, self.calendar);
        let mut sql = Statements::prepare(connection)?;
        // Of its own: nothing of what is in memory elsewhere has to be right afterwards.
        let mut derived = Derived::new();
        let settled: i64 = connection.query_row("SELECT settled FROM head", [], |row| row.get(0))?;
        derived.read_tail(&mut sql, settled.cast_unsigned())?;
        let mut changes = Vec::new();
        let mut cases: BTreeMap<CaseId, Vec<Recorded>> = BTreeMap::new();
        let mut empty_cases = Vec::new();
        let mut actors: HashSet<ActorName> = HashSet::new();
        for (said, _) in targets.values() {
            actors.extend(said.event.actor().cloned());
            match said.event.case_id() {
                Some(case_id) => {
                    if !cases.contains_key(case_id) {
                        let before = derived.events_of(&mut sql, case_id, END, calendar)?;
                        cases.insert(case_id.clone(), before);
                    }
                }
                None => changes.extend(without_case(said, calendar).into_iter().map(Change::Remove)),
            }
        }
        self.empty(targets)?;
        for (case_id, before) in &cases {
            actors.extend(derived.holder(case_id));
            let left = |recorded: &&Recorded| !targets.contains_key(&recorded.position);
            let after: Vec<Recorded> = before.iter().filter(left).cloned().collect();
            if after.is_empty() {
                empty_cases.push(case_id);
            }
            // This has it among the cases whose clocks are written back.
            derived.case(&mut sql, case_id, END, calendar)?;
            derived.set_fold(case_id, refold(before, &after, calendar, &mut changes));
        }
        for change in changes {
            let (Change::Add(contribution) | Change::Remove(contribution)) = &change;
            actors.insert(contribution.actor.clone());
            derived.make(&mut sql, &change)?;
        }
        derived.write_back(&mut sql)?;
        self.forget_names(&empty_cases, &actors)?;
        let latest = "UPDATE head SET latest = (SELECT max(occurred_at) FROM events WHERE payload <> '')";
        connection.execute(latest, []).map(|_| ())
    }

    /// Empties the rows, and puts what is left into the seal.
    fn empty(&self, targets: &BTreeMap<u64, (Recorded, &Erased)>) -> Sql<()> {
        let mut find_case = self.connection.prepare("SELECT case_no FROM events WHERE position = ?1")?;
        let mut forget_place =
            self.connection.prepare("DELETE FROM case_events WHERE position = ?1 AND case_no = ?2")?;
        let mut empty = self
            .connection
            .prepare("UPDATE events SET payload = '', occurred_at = 0, case_no = NULL WHERE position = ?1")?;
        let mut keep = self.connection.prepare(
            "UPDATE seal SET salt = NULL, commitment = ?2, erasure = ?3 WHERE number = 2 * (?1 - 1)",
        )?;
        for (position, (_, erased)) in targets {
            let position = position.cast_signed();
            let case_no: Option<i64> = find_case.query_row([position], |row| row.get(0))?;
            forget_place.execute(params![position, case_no])?;
            empty.execute([position])?;
            keep.execute(params![position, erased.commitment, erased.record.cast_signed()])?;
        }
        Ok(())
    }

    /// Of cases without events and actors for whom nothing counts, not even the names are kept.
    fn forget_names(&self, cases: &[&CaseId], actors: &HashSet<ActorName>) -> Sql<()> {
        let mut forget_case = self.connection.prepare("DELETE FROM cases WHERE case_id = ?1")?;
        for case_id in cases {
            forget_case.execute([case_id.as_str()])?;
        }
        let mut forget_actor = self.connection.prepare(
            "DELETE FROM actors WHERE name = ?1 AND no NOT IN (SELECT actor_no FROM held) \
             AND no NOT IN (SELECT key & 4294967295 FROM days)",
        )?;
        for actor in actors {
            forget_actor.execute([actor.as_str()])?;
        }
        Ok(())
    }
}

/// Folds SQLite's own log into the file, and cuts it off: it still has what the pages held before.
fn cut_log(connection: &Connection) -> Sql<()> {
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
        let message = "the log beside the file could not be cut off: another process reads it";
        return Err(rusqlite::Error::SqliteFailure(code, Some(message.to_owned())));
    }
    Ok(())
}
