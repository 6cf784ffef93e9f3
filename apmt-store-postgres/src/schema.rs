//! The tables, and how a database of an earlier version becomes one of this.
//!
//! The scripts lie in `schema/`, one a version; those that have been released are never changed.

use apmt_core::ErrorKind;
use deadpool_postgres::ClientWrapper;

use crate::failure::{Failure, Sql};

/// One SQL script a version; the place in the list is the version that it makes.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
    include_str!("schema/0005.sql"),
];

/// `APMT` in ASCII: the first half of the advisory lock's number. The second is made of the schema's name.
const LOCK: i32 = 0x4150_4d54;

/// The oldest PostgreSQL that the statements are written for.
const OLDEST: i32 = 13;

/// Brings the schema to the newest version, or refuses it. `read_only` changes nothing.
pub(crate) async fn migrate(connection: &ClientWrapper, schema: &str, read_only: bool) -> Sql<()> {
    check_server(connection, read_only).await?;
    // Where nothing is to be done, no lock is taken, and no right but that to read is needed.
    let from = version(connection, schema).await?;
    if from == MIGRATIONS.len() {
        return Ok(());
    }
    if read_only {
        return Err(Failure::lasting(
            ErrorKind::Mismatch,
            format!(
                "the schema {schema} is not there, or an older APMT made it: open it once to be written, and it is \
                 brought up to date"
            ),
        ));
    }
    connection.batch_execute("BEGIN").await?;
    let migrated = migrate_in_transaction(connection, schema).await;
    let end = if migrated.is_ok() { "COMMIT" } else { "ROLLBACK" };
    connection.batch_execute(end).await?;
    migrated
}

async fn migrate_in_transaction(connection: &ClientWrapper, schema: &str) -> Sql<()> {
    // Servers that start at once come one after the other from here on, and find what the first has done.
    connection.query_one("SELECT pg_advisory_xact_lock($1, hashtext($2))", &[&LOCK, &schema]).await?;
    let there = connection.query_one("SELECT to_regnamespace($1) IS NOT NULL", &[&schema]).await?;
    if !there.try_get::<_, bool>(0)? {
        connection.batch_execute(&format!("CREATE SCHEMA {schema}")).await?;
    }
    connection
        .batch_execute(
            "CREATE TABLE IF NOT EXISTS migrations \
             (version integer PRIMARY KEY, made_at timestamptz NOT NULL DEFAULT now())",
        )
        .await?;
    let from = version(connection, schema).await?;
    for (number, script) in (1_i32..).zip(MIGRATIONS).skip(from) {
        connection.batch_execute(script).await?;
        connection.execute("INSERT INTO migrations (version) VALUES ($1)", &[&number]).await?;
        tracing::info!(schema, version = number, "the schema has been brought to a new version");
    }
    Ok(())
}

/// The version that the schema has: 0 if it is not there.
async fn version(connection: &ClientWrapper, schema: &str) -> Sql<usize> {
    let table = format!("{schema}.migrations");
    let there = connection.query_one("SELECT to_regclass($1) IS NOT NULL", &[&table]).await?;
    if !there.try_get::<_, bool>(0)? {
        return Ok(0);
    }
    let newest = connection.query_one("SELECT max(version) FROM migrations", &[]).await?;
    let version = usize::try_from(newest.try_get::<_, Option<i32>>(0)?.unwrap_or(0)).unwrap_or(0);
    if version > MIGRATIONS.len() {
        let message = format!(
            "a newer APMT made the schema {schema} (version {version}, and this one knows {}): update APMT",
            MIGRATIONS.len()
        );
        return Err(Failure::lasting(ErrorKind::Mismatch, message));
    }
    Ok(version)
}

/// Refuses a server that is too old, that cannot keep every text, or that may only be read.
async fn check_server(connection: &ClientWrapper, read_only: bool) -> Sql<()> {
    let about = connection
        .query_one(
            "SELECT current_setting('server_version_num')::int / 10000, current_setting('server_encoding'), \
             pg_is_in_recovery()",
            &[],
        )
        .await?;
    let version: i32 = about.try_get(0)?;
    if version < OLDEST {
        let message = format!("the server is PostgreSQL {version}: this store needs {OLDEST} or newer");
        return Err(Failure::lasting(ErrorKind::Unsupported, message));
    }
    let encoding: &str = about.try_get(1)?;
    if encoding != "UTF8" {
        let message = format!(
            "the database's encoding is {encoding}, which cannot keep every text: make one with UTF8"
        );
        return Err(Failure::lasting(ErrorKind::Unsupported, message));
    }
    if about.try_get(2)? && !read_only {
        let message = "the server is a standby, which may only be read: name the primary, or every host with \
            target_session_attrs=read-write";
        return Err(Failure::lasting(ErrorKind::ReadOnly, message));
    }
    Ok(())
}
