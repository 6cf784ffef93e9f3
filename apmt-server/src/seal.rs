//! Sealing while a server runs, and the file of the key that signs: what the crate [`apmt_seal`] needs around it.

mod file;
mod follow;

use std::sync::Arc;
use std::time::Duration;

use apmt_seal::SealKey;

pub(crate) use file::{make_key, read_key};
pub(crate) use follow::follow;

/// How often a server seals and signs if nothing is said.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);

/// How a server seals its log.
///
/// Each interval, what has been recorded since is sealed, and a checkpoint is signed where there is more than in the one
/// before; once more when the server ends. Of several servers on one store, each may seal: they give way to each other.
#[derive(Clone, Debug)]
#[must_use = "options do nothing until a server runs with them"]
pub struct SealOptions {
    key: Arc<SealKey>,
    every: Duration,
}

impl SealOptions {
    /// Seals with that key, at [`DEFAULT_INTERVAL`].
    pub fn new(key: SealKey) -> Self {
        Self { key: Arc::new(key), every: DEFAULT_INTERVAL }
    }

    /// Seals and signs so often, at most once a second.
    pub fn with_interval(mut self, every: Duration) -> Self {
        self.every = every.max(Duration::from_secs(1));
        self
    }

    /// The key that signs.
    pub fn key(&self) -> &SealKey {
        &self.key
    }

    /// How often it is sealed and signed.
    pub const fn interval(&self) -> Duration {
        self.every
    }
}
