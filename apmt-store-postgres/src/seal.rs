//! The seal of the log, in a table beside it.

use apmt_core::ErrorKind;
use apmt_core::store::seal::{KeptCheckpoint, SealNode, SealedRow, StoredRow};
use deadpool_postgres::ClientWrapper;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::failure::{Failure, Sql};
use crate::rows::name;

/// How many events are sealed.
const SEALED: &str = "SELECT coalesce(max(number) / 2 + 1, 0) FROM seal";

pub(crate) async fn sealed(connection: &ClientWrapper) -> Sql<u64> {
    let find = connection.prepare_cached(SEALED).await?;
    Ok(connection.query_one(&find, &[]).await?.try_get::<_, i64>(0)?.cast_unsigned())
}

pub(crate) async fn rows(connection: &ClientWrapper, after: i64, limit: usize) -> Sql<Vec<StoredRow>> {
    const SQL: &str = "SELECT e.position, e.id, e.occurred_at, e.recorded_at, \
        CASE WHEN e.has_case THEN e.shard_key END, e.payload, s.hash, s.salt, s.commitment, s.erasure \
        FROM events e LEFT JOIN seal s ON s.number = 2 * (e.position - 1) \
        WHERE e.position > $1 ORDER BY e.position LIMIT $2";
    let find = connection.prepare_cached(SQL).await?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    connection.query(&find, &[&after, &limit]).await?.iter().map(stored).collect()
}

fn stored(row: &Row) -> Sql<StoredRow> {
    let hash: Option<Vec<u8>> = row.try_get(6)?;
    let sealed = match hash {
        Some(hash) => Some(SealedRow::new(hash, row.try_get(7)?, row.try_get(8)?, row.try_get(9)?)),
        None => None,
    };
    let id: Uuid = row.try_get(1)?;
    let case_id = row.try_get::<_, Option<&str>>(4)?.map(|key| name(key).into_owned());
    let payload = row.try_get::<_, String>(5)?.into_bytes();
    let times = (row.try_get(2)?, row.try_get(3)?);
    Ok(StoredRow::new(row.try_get(0)?, id.as_bytes().to_vec(), times, case_id, payload).with_sealed(sealed))
}

pub(crate) async fn nodes(connection: &ClientWrapper, numbers: &[u64]) -> Sql<Vec<Option<Vec<u8>>>> {
    const SQL: &str = "SELECT s.hash FROM unnest($1::bigint[]) WITH ORDINALITY n (number, place) \
        LEFT JOIN seal s ON s.number = n.number ORDER BY n.place";
    let find = connection.prepare_cached(SQL).await?;
    let numbers: Vec<i64> = numbers.iter().map(|number| number.cast_signed()).collect();
    connection.query(&find, &[&numbers]).await?.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// One statement: of two that keep the same nodes, the second finds them there, or that there are more than it thought.
pub(crate) async fn keep_nodes(connection: &ClientWrapper, size: u64, nodes: &[SealNode]) -> Sql<bool> {
    let sql = format!(
        "INSERT INTO seal (number, hash, salt) SELECT * FROM unnest($2::bigint[], $3::bytea[], $4::bytea[]) \
         WHERE ({SEALED}) = $1"
    );
    let insert = connection.prepare_cached(&sql).await?;
    let numbers: Vec<i64> = nodes.iter().map(|node| node.number.cast_signed()).collect();
    let hashes: Vec<&[u8]> = nodes.iter().map(|node| &node.hash[..]).collect();
    let salts: Vec<Option<&[u8]>> =
        nodes.iter().map(|node| node.salt.as_ref().map(|salt| &salt[..])).collect();
    let kept = connection.execute(&insert, &[&size.cast_signed(), &numbers, &hashes, &salts]).await?;
    Ok(kept == nodes.len() as u64 && !nodes.is_empty())
}

pub(crate) async fn checkpoints(
    connection: &ClientWrapper,
    after: u64,
    limit: usize,
) -> Sql<Vec<KeptCheckpoint>> {
    let sql = "SELECT size, note FROM checkpoints WHERE size > $1 ORDER BY size, note LIMIT $2";
    let find = connection.prepare_cached(sql).await?;
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    connection.query(&find, &[&after, &limit]).await?.iter().map(kept).collect()
}

pub(crate) async fn newest_checkpoint(connection: &ClientWrapper) -> Sql<Option<KeptCheckpoint>> {
    let sql = "SELECT size, note FROM checkpoints ORDER BY size DESC, note DESC LIMIT 1";
    let find = connection.prepare_cached(sql).await?;
    connection.query_opt(&find, &[]).await?.as_ref().map(kept).transpose()
}

pub(crate) async fn keep_checkpoint(connection: &ClientWrapper, checkpoint: &KeptCheckpoint) -> Sql<()> {
    let sql = "INSERT INTO checkpoints (size, note) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    let insert = connection.prepare_cached(sql).await?;
    connection.execute(&insert, &[&checkpoint.size.cast_signed(), &checkpoint.note]).await?;
    Ok(())
}

fn kept(row: &Row) -> Sql<KeptCheckpoint> {
    Ok(KeptCheckpoint { size: row.try_get::<_, i64>(0)?.cast_unsigned(), note: row.try_get(1)? })
}

/// Where a store is read only.
pub(crate) fn read_only() -> Failure {
    Failure::lasting(ErrorKind::ReadOnly, "this store was opened to be read only: open it again to write")
}
