//! Files that APMT keeps in SQLite, whatever they hold: how one is opened, told from other programs' and brought up to
//! date, and what its errors mean.
//!
//! The store's file is one; the outbox of `apmt-store-http` is another. Applications need none of this.

use std::path::Path;

use apmt_core::{Error, ErrorKind, Result};
use rusqlite::{Connection, TransactionBehavior};

pub use crate::connection::writer;
pub use crate::error::explained;

/// What marks a kind of file, and the tables in it.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    application_id: i32,
    what: &'static str,
    migrations: &'static [&'static str],
}

impl Schema {
    /// A schema of files that SQLite's `application_id` marks as that, which errors call APMT's `what`. There is one SQL
    /// script a version; the place in the list, from 1, is the version that it makes. Scripts that have been released
    /// are never changed.
    pub const fn new(application_id: i32, what: &'static str, migrations: &'static [&'static str]) -> Self {
        Self { application_id, what, migrations }
    }

    /// Brings the file to the newest version.
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn migrate(&self, connection: &mut Connection, path: &Path) -> Result<()> {
        let sql = |error: rusqlite::Error| explained(path, &error);
        // Two processes may open a new file at once: the version is read under the lock that the change is made under.
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
        let from = version(&transaction).map_err(sql)?;
        for (number, script) in self.migrations.iter().enumerate().skip(from) {
            transaction.execute_batch(script).map_err(sql)?;
            transaction.pragma_update(None, "user_version", number as i64 + 1).map_err(sql)?;
        }
        transaction.pragma_update(None, "application_id", self.application_id).map_err(sql)?;
        transaction.commit().map_err(sql)
    }

    /// Refuses a file that is another's, or that a newer version wrote.
    ///
    /// # Errors
    /// [`Corrupt`](ErrorKind::Corrupt) for another's file, [`Mismatch`](ErrorKind::Mismatch) for a newer one, and what
    /// SQLite reports.
    pub fn check(&self, connection: &Connection, path: &Path) -> Result<()> {
        let sql = |error: rusqlite::Error| explained(path, &error);
        let number =
            |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(sql);
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(sql)?;
        let (application, version) = (number("application_id")?, number("user_version")?);
        if tables > 0 && application != i64::from(self.application_id) {
            let message = format!(
                "{}: this is an SQLite database of another program, or no {} of APMT's: give another path",
                path.display(),
                self.what
            );
            return Err(Error::new(ErrorKind::Corrupt, message));
        }
        if version > self.migrations.len() as i64 {
            let message = format!(
                "{}: a newer APMT wrote this file (schema version {version}, and this one knows {}): update APMT",
                path.display(),
                self.migrations.len()
            );
            return Err(Error::new(ErrorKind::Mismatch, message));
        }
        Ok(())
    }

    /// Whether the file has the newest version: a reader cannot bring it there.
    pub(crate) fn is_current(&self, connection: &Connection) -> rusqlite::Result<bool> {
        Ok(version(connection)? == self.migrations.len())
    }
}

fn version(connection: &Connection) -> rusqlite::Result<usize> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(usize::try_from(version).unwrap_or(0))
}
