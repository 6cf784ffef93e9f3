//! The keys of a running service.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use apmt_core::time::{Clock, SystemClock};
use apmt_core::{Result, Timestamp};

use super::secret::{Digest, split};
use super::{KeyEntry, file};
use crate::watched::Watched;

/// The keys that a service lets in: those of a [file](super::KeyFile), as it is now.
///
/// The file is looked at when a key is checked, once a second at most: a key that was revoked is refused within a
/// second, without a restart. A file that has become unreadable or damaged while the service runs is warned of, and the
/// keys that were read last stay in force until it is mended: a slip of the pen must not turn away every form at once,
/// for what they would have recorded would be lost. `apmt key` replaces the file as a whole, so that a revocation is
/// never half written.
///
/// Cheap to clone: the clones share one view of the file.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    path: PathBuf,
    table: Watched<Table>,
    clock: Arc<dyn Clock>,
}

type Table = HashMap<Box<str>, Arc<KeyEntry>>;

/// Why a key is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such key.
    #[error("there is no such key")]
    Unknown,
    /// It was revoked.
    #[error("this key was revoked")]
    Revoked,
    /// Its time is over.
    #[error("this key has expired")]
    Expired,
}

impl Keys {
    /// The keys in that file.
    ///
    /// # Errors
    /// For a file that cannot be read, or that holds no keys: with the place in the file, and what was expected there.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        Self::open_with_clock(path, Arc::new(SystemClock))
    }

    /// As [`open`](Self::open), with a clock that says when keys and sessions expire.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_clock(path: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Result<Self> {
        let path = path.into();
        let read = |paths: &[PathBuf]| -> Result<Table> {
            let mut table = Table::new();
            for path in paths {
                let entries = file::read(path)?;
                table.extend(entries.into_iter().map(|entry| (entry.id.clone(), Arc::new(entry))));
            }
            Ok(table)
        };
        let table = Watched::open([path.clone()], read)?;
        Ok(Self(Arc::new(Inner { path, table, clock })))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// What is known of a key, from its text.
    ///
    /// # Errors
    /// [`Refusal::Unknown`], and for a key that is right but not let in any more, why.
    pub fn check(&self, key: &str) -> Result<Arc<KeyEntry>, Refusal> {
        let (id, secret) = split(key).unwrap_or_default();
        let entry = self.entry(id);
        // Whether or not there is such an id, a secret is hashed and compared.
        let expected = entry.as_ref().map_or(Digest::NONE, |entry| entry.sha256);
        let right = Digest::of(secret).is(&expected);
        let entry = entry.filter(|_| right).ok_or(Refusal::Unknown)?;
        entry.usable_at(self.now())?;
        Ok(entry)
    }

    /// Whether a key that was let in still would be: not revoked, expired, taken out of the file, or changed since.
    pub fn holds(&self, entry: &KeyEntry) -> bool {
        self.entry(entry.id()).is_some_and(|now| {
            now.sha256 == entry.sha256 && now.scope == entry.scope && now.usable_at(self.now()).is_ok()
        })
    }

    /// Looks at the file now, instead of within a second.
    pub fn refresh(&self) {
        self.0.table.refresh();
    }

    fn entry(&self, id: &str) -> Option<Arc<KeyEntry>> {
        self.0.table.current().get(id).cloned()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("path", &self.0.path).finish_non_exhaustive()
    }
}
