//! Packing the parts of days together, so that a dossier reads few rows a day.
//!
//! It takes no lock that an append waits for: it locks the parts that it packs, passes over those that somebody else has
//! locked, and writes what they come to in place of the first of them. Whoever rewrites the day meanwhile waits for those
//! rows, and finds them packed. Parts that come while it works are for the next time.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use apmt_core::Day;
use apmt_core::tally::DayTally;
use deadpool_postgres::{ClientWrapper, Object, Pool};
use lru::LruCache;
use tokio::sync::mpsc;

use super::{DayKey, columns, merged, part};
use crate::failure::Sql;
use crate::pipeline::{Pipeline, parameters};
use crate::rows::actor;

/// How many parts a server adds to a day before it has them packed.
const PARTS: u32 = 8;
/// The days whose parts are counted: those that parts have been added to last.
const COUNTED: NonZeroUsize = NonZeroUsize::new(65_536).expect("is not zero");
/// How many days are packed in one transaction.
const DAYS: usize = 64;
/// How many days may wait to be packed. One that finds no room is counted anew.
const QUEUE: usize = 4096;

/// Counts the parts that a server adds, and says which days are due.
#[derive(Debug)]
pub(crate) struct Counting {
    parts: LruCache<DayKey, u32>,
    due: mpsc::Sender<DayKey>,
}

impl Counting {
    pub(crate) fn count<'k>(&mut self, days: impl IntoIterator<Item = &'k DayKey>) {
        for day in days {
            let parts = self.parts.get_or_insert_mut(day.clone(), || 0);
            *parts += 1;
            if *parts >= PARTS {
                *parts = 0;
                // Where too many wait, or nobody packs any more, the day stays as it is for now.
                let _ = self.due.try_send(day.clone());
            }
        }
    }
}

/// Packs the days that are due.
pub(crate) struct Packing {
    pool: Pool,
    due: mpsc::Receiver<DayKey>,
}

/// What counts, and what packs.
pub(crate) fn packing(pool: Pool) -> (Counting, Packing) {
    let (sender, due) = mpsc::channel(QUEUE);
    (Counting { parts: LruCache::new(COUNTED), due: sender }, Packing { pool, due })
}

impl Packing {
    /// Packs what is due, until nobody counts any more. What fails is left for another time.
    pub(crate) async fn run(mut self) {
        let mut days = Vec::with_capacity(DAYS);
        while self.due.recv_many(&mut days, DAYS).await > 0 {
            if let Err(failure) = self.pack(days.drain(..).collect()).await {
                tracing::debug!(?failure, "the parts of some days were not packed together");
            }
        }
    }

    async fn pack(&self, days: BTreeSet<DayKey>) -> Sql<()> {
        let connection = self.pool.get().await?;
        let packed = async {
            connection.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").await?;
            pack(&connection, &days).await?;
            Ok(connection.batch_execute("COMMIT").await?)
        };
        let packed = packed.await;
        if packed.is_err() {
            // It is in the middle of a transaction, which ends with it.
            drop(Object::take(connection));
        }
        packed
    }
}

/// Packs those days' parts, in a transaction that has begun.
pub(crate) async fn pack(connection: &ClientWrapper, days: &BTreeSet<DayKey>) -> Sql<()> {
    let (actors, numbers) = columns(days);
    let lock = connection
        .prepare_cached(
            "SELECT d.actor, d.day, d.base, d.tally, d.entries FROM unnest($1::text[], $2::int[]) k (actor, day) \
             JOIN days d ON d.actor = k.actor AND d.day = k.day FOR UPDATE OF d SKIP LOCKED",
        )
        .await?;
    let mut parts: BTreeMap<DayKey, BTreeMap<i64, DayTally>> = BTreeMap::new();
    for row in &connection.query(&lock, &[&actors, &numbers]).await? {
        let key = (actor(row.try_get(0)?), Day::from_number(row.try_get(1)?));
        parts.entry(key).or_default().insert(row.try_get(2)?, part(row, [2, 3, 4])?);
    }
    parts.retain(|_, parts| parts.len() > 1);
    if parts.is_empty() {
        return Ok(());
    }
    let (mut bases, mut tallies, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    let (mut gone, mut gone_bases) = (Vec::new(), Vec::new());
    for (key, parts) in &mut parts {
        let mut parts = std::mem::take(parts).into_iter();
        // No position lies before the first part's base.
        let Some((base, first)) = parts.next() else { continue };
        let mut all = vec![first];
        for (base, part) in parts {
            gone.push(key);
            gone_bases.push(base);
            all.push(part);
        }
        let day = merged(all).with_positions_lowered(base.cast_unsigned());
        bases.push(base);
        tallies.push(day.write_tallies());
        entries.push(day.write_entries());
    }
    let (gone_actors, gone_days) = columns(gone);
    let (actors, numbers) = columns(parts.keys());
    let mut pipeline = Pipeline::on(connection);
    let remove = "DELETE FROM days d USING unnest($1::text[], $2::int[], $3::bigint[]) k (actor, day, base) \
                  WHERE d.actor = k.actor AND d.day = k.day AND d.base = k.base";
    pipeline.add(remove, parameters![gone_actors, gone_days, gone_bases]).await?;
    let replace = "UPDATE days d SET tally = k.tally, entries = k.entries \
                   FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[], $5::bytea[]) \
                   k (actor, day, base, tally, entries) \
                   WHERE d.actor = k.actor AND d.day = k.day AND d.base = k.base";
    pipeline.add(replace, parameters![actors, numbers, bases, tallies, entries]).await?;
    pipeline.run().await?;
    Ok(())
}
