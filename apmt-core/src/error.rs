//! The one error of every store: what kind it is, whether waiting helps, and what lies under it.

use std::fmt;

use crate::event::Invalid;

/// What kind of thing went wrong: what a caller can decide by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was given breaks a rule; [`Error::invalid`] says which.
    Invalid,
    /// The store was closed, by [`Store::close`](crate::Store::close) or by its last owner.
    Closed,
    /// Another process holds what is needed, and did not let go in time.
    Locked,
    /// The disk is full.
    DiskFull,
    /// The file or its folder may not be written.
    ReadOnly,
    /// The data are not what was written: damaged, or no data of APMT's.
    Corrupt,
    /// The data were written by a newer version than this one, or under another calendar.
    Mismatch,
    /// The other side cannot be reached, or cannot serve now.
    Unavailable,
    /// An answer did not come in time. Whether the work was done is not known; appending again is safe.
    TimedOut,
    /// The other side does not let this caller in.
    Unauthorized,
    /// This build or this store does not do that.
    Unsupported,
    /// Anything else that a disk or an operating system reports.
    Io,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Invalid,
        Self::Closed,
        Self::Locked,
        Self::DiskFull,
        Self::ReadOnly,
        Self::Corrupt,
        Self::Mismatch,
        Self::Unavailable,
        Self::TimedOut,
        Self::Unauthorized,
        Self::Unsupported,
        Self::Io,
    ];

    /// The kind of that [name](Self::name), as another APMT's answer gives it.
    ///
    /// ```
    /// use apmt_core::ErrorKind;
    /// assert_eq!(ErrorKind::from_name("disk_full"), Some(ErrorKind::DiskFull));
    /// assert_eq!(ErrorKind::from_name("unheard of"), None);
    /// ```
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// A short name, such as `disk_full`: for logs and counts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Closed => "closed",
            Self::Locked => "locked",
            Self::DiskFull => "disk_full",
            Self::ReadOnly => "read_only",
            Self::Corrupt => "corrupt",
            Self::Mismatch => "mismatch",
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed_out",
            Self::Unauthorized => "unauthorized",
            Self::Unsupported => "unsupported",
            Self::Io => "io",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a store or a client answers when it cannot do what it was asked.
///
/// ```
/// use apmt_core::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::DiskFull, "the disk that holds apmt.db is full: free some space, then try again");
/// assert_eq!(error.kind(), ErrorKind::DiskFull);
/// assert!(error.is_temporary());
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    invalid: Option<Invalid>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of that kind. The message says what happened and what to do.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), invalid: None, source: None }))
    }

    /// The same error with what lies under it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed later, unchanged. Appending the same events again is always safe.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Locked | ErrorKind::DiskFull | ErrorKind::Unavailable | ErrorKind::TimedOut
        )
    }

    /// Which field, which value and which rule, where the kind is [`ErrorKind::Invalid`].
    pub fn invalid(&self) -> Option<&Invalid> {
        self.0.invalid.as_ref()
    }

    /// The error for a store that has been closed.
    pub fn closed() -> Self {
        Self::new(ErrorKind::Closed, "the store has been closed: open it again to go on")
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        let mut error = Self::new(ErrorKind::Invalid, invalid.to_string());
        error.0.invalid = Some(invalid);
        error
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0.kind).field("message", &self.0.message);
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

/// A result whose error is [`Error`](struct@Error).
pub type Result<T, E = Error> = std::result::Result<T, E>;
