//! The notes that servers keep in common, each a row that one of them holds until some time.
//!
//! Whether that time is over is for the database's clock to say, so that the servers' own need not agree. A statement
//! each, which may be sent again: no lock outlives it, so that neither a connection that breaks nor a server that is gone
//! leaves one behind.

use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use uuid::Uuid;

use crate::failure::Sql;

pub(crate) async fn hold(
    connection: &ClientWrapper,
    note: &str,
    holder: Uuid,
    time: Duration,
) -> Sql<Option<String>> {
    let hold = connection
        .prepare_cached(
            "INSERT INTO notes AS n (name, text, holder, held_until) \
             VALUES ($1, '', $2, clock_timestamp() + $3 * interval '1 millisecond') \
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until \
             WHERE n.holder = excluded.holder OR n.held_until <= clock_timestamp() RETURNING n.text",
        )
        .await?;
    let held = connection.query_opt(&hold, &[&note, &holder, &millis(time)]).await?;
    Ok(held.map(|row| row.try_get(0)).transpose()?)
}

pub(crate) async fn write(
    connection: &ClientWrapper,
    note: &str,
    holder: Uuid,
    time: Duration,
    text: &str,
) -> Sql<bool> {
    // One that nobody else has taken since is its holder's, even where the time is over.
    let write = connection
        .prepare_cached(
            "UPDATE notes SET text = $4, held_until = clock_timestamp() + $3 * interval '1 millisecond' \
             WHERE name = $1 AND holder = $2",
        )
        .await?;
    Ok(connection.execute(&write, &[&note, &holder, &millis(time), &text]).await? == 1)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
