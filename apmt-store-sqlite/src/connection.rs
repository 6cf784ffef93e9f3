//! Connections: the writer's one and the readers' many, each set up for its part.

use std::path::Path;
use std::time::Duration;

use apmt_core::Result;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::explained;
use crate::file::Schema;

/// How much a commit waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Synchronous {
    /// Until the disk says that the data are on it: what was acknowledged survives a power cut. The default.
    #[default]
    Full,
    /// Until the operating system has the data: what was acknowledged survives a crash of the process, and the last
    /// of it may be lost in a power cut. The file stays whole either way.
    Normal,
}

/// A connection that writes, to a file that is made if it is not there. One of another schema, or of a newer version of
/// it, is refused before anything about it is changed.
///
/// # Errors
/// As for [`Schema::check`].
pub fn writer(path: &Path, schema: &Schema, synchronous: Synchronous, busy: Duration) -> Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags, busy)?;
    schema.check(&connection, path)?;
    let level = match synchronous {
        Synchronous::Full => "FULL",
        Synchronous::Normal => "NORMAL",
    };
    let prepared = || {
        // WAL is kept in the file itself; the others are the connection's.
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", level)?;
        // 16 MiB: the pages that today's events write, and the upper levels of the indexes.
        connection.pragma_update(None, "cache_size", -16_384)?;
        // 16 MiB of log before it is copied back into the file: a page that many commits touch is copied once.
        connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
        // A busy reader may let the log grow for a while; afterwards it is cut down again.
        connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)
    };
    prepared().map_err(|error| explained(path, &error))?;
    Ok(connection)
}

/// A connection that reads, and cannot write.
pub(crate) fn reader(path: &Path, busy: Duration) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags, busy)?;
    let prepared = connection
        .pragma_update(None, "query_only", true)
        .and_then(|()| connection.pragma_update(None, "cache_size", -16_384));
    prepared.map_err(|error| explained(path, &error))?;
    Ok(connection)
}

fn open(path: &Path, flags: OpenFlags, busy: Duration) -> Result<Connection> {
    let sql = |error: rusqlite::Error| explained(path, &error);
    let connection = Connection::open_with_flags(path, flags).map_err(sql)?;
    connection.busy_timeout(busy).map_err(sql)?;
    connection.set_prepared_statement_cache_capacity(64);
    // No table has statistics that could make another plan of what is bound to a statement: nothing is planned again.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(sql)?;
    Ok(connection)
}
