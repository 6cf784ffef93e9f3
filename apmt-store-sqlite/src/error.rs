//! What SQLite reports, as APMT's errors: the kind, and what to do.

use std::path::Path;

use apmt_core::{Error, ErrorKind};
use rusqlite::ErrorCode;

/// What SQLite or a file reported about the database at `path`, as an error that says what to do.
pub fn explained(path: &Path, error: &rusqlite::Error) -> Error {
    let (kind, advice) = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => (
            ErrorKind::DiskFull,
            "the disk is full: free some space, then try again; nothing acknowledged is lost",
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            (ErrorKind::Locked, "another process holds the file's lock: wait for it to finish, or stop it")
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => (
            ErrorKind::ReadOnly,
            "the file or its folder may not be written: change its permissions, or open it read-only",
        ),
        // SQLite says no more than that, so what stands in the way is looked up.
        Some(ErrorCode::CannotOpen) if path.is_file() => (
            ErrorKind::ReadOnly,
            "the file cannot be opened: change its permissions or those of its folder, for SQLite keeps two files beside \
             it while it is in use",
        ),
        Some(ErrorCode::CannotOpen) => (
            ErrorKind::Io,
            "the file cannot be opened: check that its folder exists and may be read and written",
        ),
        Some(ErrorCode::NotADatabase) => {
            (ErrorKind::Corrupt, "the file is no SQLite database: give another path, or restore a backup")
        }
        Some(ErrorCode::DatabaseCorrupt) => {
            (ErrorKind::Corrupt, "the file is damaged: keep a copy of it and restore a backup")
        }
        Some(ErrorCode::SystemIoFailure) => {
            (ErrorKind::Io, "the disk reported an error: check it before anything else is written")
        }
        None if is_unreadable(error) => (
            ErrorKind::Corrupt,
            "what is stored cannot be read back, so something else has changed the file, or it is damaged: keep a copy \
             of it and restore a backup",
        ),
        _ => (ErrorKind::Io, "SQLite reported an error"),
    };
    Error::new(kind, format!("{}: {advice} ({error})", path.display())).with_source(Detail(error.to_string()))
}

/// Whether a row was there and was not what was written.
fn is_unreadable(error: &rusqlite::Error) -> bool {
    use rusqlite::Error as E;
    matches!(
        error,
        E::FromSqlConversionFailure(..)
            | E::IntegralValueOutOfRange(..)
            | E::InvalidColumnType(..)
            | E::QueryReturnedNoRows
            | E::Utf8Error(..)
    )
}

/// What lies under an error, in SQLite's words. An error of rusqlite's own cannot be told to several callers, and a
/// failed commit concerns many.
#[derive(Debug)]
struct Detail(String);

impl std::fmt::Display for Detail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Detail {}
