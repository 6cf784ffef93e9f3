//! What PostgreSQL or the way to it reports, as the error that the caller gets and as a reason to try again.

use apmt_core::tally::StoredTallyError;
use apmt_core::{Error, ErrorKind, Invalid};
use deadpool_postgres::{HookError, PoolError};
use tokio_postgres::error::{DbError, SqlState};

/// What the function `append` fails with where what was read no longer holds.
const STALE: &str = "AP001";

/// What a query or a transaction came to.
pub(crate) type Sql<T> = Result<T, Failure>;

/// One attempt that failed. An error cannot be told to several callers, and a failed transaction concerns many.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    message: String,
    /// Whether the same attempt may succeed in a moment.
    pub(crate) may_pass: bool,
    /// Whether the connection is of no use any more, so that it is not known what the server did.
    pub(crate) disconnected: bool,
    /// Whether what was read before the lock was taken, or expected, did not hold once it was.
    pub(crate) stale: bool,
}

impl Failure {
    /// Whatever trying again does not change.
    pub(crate) fn lasting(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), may_pass: false, disconnected: false, stale: false }
    }

    fn passing(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { may_pass: true, ..Self::lasting(kind, message) }
    }

    /// The way to the server is broken, or the server is going down or coming up.
    pub(crate) fn broken(message: impl Into<String>) -> Self {
        Self { disconnected: true, ..Self::passing(ErrorKind::Unavailable, message) }
    }

    /// What the caller gets, with the server's address and the database in front.
    pub(crate) fn error(&self, place: &str) -> Error {
        Error::new(self.kind, format!("{place}: {}", self.message))
    }

    /// The same, where it is not known what became of the batch.
    pub(crate) fn in_doubt(mut self) -> Self {
        self.kind = ErrorKind::TimedOut;
        self.message.push_str(
            "; whether the batch is stored is not known: append it again with the same ids, and nothing is stored twice",
        );
        self
    }

    fn reported(error: &DbError) -> Self {
        let (kind, may_pass, advice) = judged(error);
        let code = error.code().code();
        // The detail may repeat what was stored, so it is left out.
        let message = format!("{advice} ({}, SQLSTATE {code})", error.message());
        let disconnected =
            matches!(code, "57P01" | "57P02" | "57P03" | "57P05" | "25P03") || code.starts_with("08");
        let stale = code == STALE || *error.code() == SqlState::UNIQUE_VIOLATION;
        Self { kind, message, may_pass, disconnected, stale }
    }
}

/// The kind of what the server reported, whether it may pass, and what to do.
fn judged(error: &DbError) -> (ErrorKind, bool, &'static str) {
    let state = error.code();
    let code = state.code();
    let lasting = |kind, advice| (kind, false, advice);
    let passing = |kind, advice| (kind, true, advice);
    match *state {
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => {
            passing(ErrorKind::Locked, "the database undid the transaction in favour of another: try again")
        }
        SqlState::LOCK_NOT_AVAILABLE => passing(
            ErrorKind::Locked,
            "another server holds what is needed: wait for it to finish, or stop it",
        ),
        SqlState::QUERY_CANCELED => lasting(
            ErrorKind::TimedOut,
            "the statement took too long: try again, or raise the statement timeout",
        ),
        SqlState::DISK_FULL => lasting(
            ErrorKind::DiskFull,
            "the server's disk is full: free some space there, then try again; nothing acknowledged is lost",
        ),
        SqlState::TOO_MANY_CONNECTIONS | SqlState::OUT_OF_MEMORY => {
            passing(ErrorKind::Unavailable, "the server has no room for this connection now: try again later")
        }
        SqlState::READ_ONLY_SQL_TRANSACTION => passing(
            ErrorKind::ReadOnly,
            "the server may only be read, as a standby is: name the primary, or every host with target_session_attrs=read-write",
        ),
        SqlState::INSUFFICIENT_PRIVILEGE => lasting(
            ErrorKind::Unauthorized,
            "this role may not do that: grant it what the documentation of apmt-store-postgres lists",
        ),
        SqlState::INVALID_CATALOG_NAME => {
            lasting(ErrorKind::Io, "there is no such database: make it with createdb, or correct the URL")
        }
        SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => {
            lasting(ErrorKind::Corrupt, "the database is damaged: restore a backup")
        }
        SqlState::UNDEFINED_TABLE
        | SqlState::UNDEFINED_COLUMN
        | SqlState::UNDEFINED_FUNCTION
        | SqlState::INVALID_SCHEMA_NAME => lasting(
            ErrorKind::Mismatch,
            "the tables are not those of this version: has something else changed the schema?",
        ),
        // A table was changed while the connection was open, as by a newer version's migration.
        SqlState::FEATURE_NOT_SUPPORTED if error.message().contains("cached plan") => {
            (ErrorKind::Unavailable, true, "the tables have just changed: try again")
        }
        // Under the lock nothing is written that is there already, so this takes somebody who does not heed it.
        SqlState::UNIQUE_VIOLATION => passing(ErrorKind::Io, "something else writes to the tables"),
        _ if code == STALE => {
            passing(ErrorKind::Locked, "other servers change the same cases all the time: try again")
        }
        _ if code.starts_with("28") => lasting(
            ErrorKind::Unauthorized,
            "the server does not let this role in: check the user, the password and pg_hba.conf",
        ),
        _ if code.starts_with("08") || code.starts_with("57P") || matches!(code, "25P03" | "57P05") => {
            passing(ErrorKind::Unavailable, "the server ended the connection, or is starting")
        }
        _ if code.starts_with("53") => passing(ErrorKind::Unavailable, "the server lacks the means"),
        _ => lasting(ErrorKind::Io, "the server reported an error"),
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(reported) = error.as_db_error() {
            return Self::reported(reported);
        }
        if error.is_closed() {
            return Self::broken("the connection broke");
        }
        let lowest = lowest(&error);
        if lowest.is::<tokio_postgres::types::WasNull>() || error.to_string().contains("deserializing column")
        {
            return unreadable(&lowest.to_string());
        }
        #[cfg(feature = "tls")]
        if let Some(rustls::Error::InvalidCertificate(why)) = crate::tls::of_tls(&error) {
            let message = format!(
                "the server's certificate is not trusted ({why:?}): give its authority's with sslrootcert=FILE"
            );
            return Self::lasting(ErrorKind::Unauthorized, message);
        }
        let said = error.to_string();
        if said.contains("TLS") || said.contains("password missing") || said.contains("authentication") {
            return Self::lasting(
                ErrorKind::Unauthorized,
                format!("no connection is made: {said}: {lowest}"),
            );
        }
        if said.starts_with("error connecting") {
            return Self::broken(format!("the server cannot be reached: {lowest}"));
        }
        if said == lowest.to_string() {
            return Self::broken(said);
        }
        Self::broken(format!("{said}: {lowest}"))
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => error.into(),
            PoolError::Timeout(deadpool_postgres::TimeoutType::Wait) => Self::lasting(
                ErrorKind::TimedOut,
                "every connection was in use for too long: allow more connections",
            ),
            PoolError::Timeout(_) => Self::broken("no connection was made in time"),
            PoolError::Closed => Self::lasting(ErrorKind::Closed, Error::closed().to_string()),
            other => Self::broken(other.to_string()),
        }
    }
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        unreadable(&invalid.to_string())
    }
}

impl From<StoredTallyError> for Failure {
    fn from(error: StoredTallyError) -> Self {
        unreadable(&error.to_string())
    }
}

/// A row that is there and is not what was written.
fn unreadable(why: &str) -> Failure {
    let message = format!(
        "what is stored cannot be read back, so something else has changed the tables, or they are damaged: restore a \
         backup ({why})"
    );
    Failure::lasting(ErrorKind::Corrupt, message)
}

/// What lies at the bottom of an error.
fn lowest<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error
}
