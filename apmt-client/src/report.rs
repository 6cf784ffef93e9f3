//! What a shutdown came to.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::losses::Losses;

/// What became of every event that was given to [`Client::enqueue`](crate::Client::enqueue), and of the store.
///
/// The calls of `enqueue` up to the shutdown number exactly `recorded + duplicates + losses.total()`.
#[must_use = "it says whether events were lost"]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// Events that the queue brought to the store and that are recorded there.
    pub recorded: u64,
    /// Events that the store had already.
    pub duplicates: u64,
    /// Events that were lost, by reason.
    pub losses: Losses,
    /// Whether the time ran out before the queue was empty.
    pub timed_out: bool,
    /// Whether the store has been closed; if not, [`close_error`](Self::close_error) says why.
    pub store_closed: bool,
    /// Why the store could not be closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close_error: Option<String>,
}

impl Report {
    /// Whether nothing was lost and the store is closed.
    pub const fn is_clean(&self) -> bool {
        self.losses.total() == 0 && self.store_closed
    }
}

impl fmt::Display for Report {
    /// For a log, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} recorded, {} duplicates, {}", self.recorded, self.duplicates, self.losses)?;
        if self.timed_out {
            f.write_str("; time ran out")?;
        }
        match (&self.close_error, self.store_closed) {
            (Some(error), _) => write!(f, "; the store was not closed: {error}"),
            (None, false) => f.write_str("; the store was not closed in time"),
            (None, true) => Ok(()),
        }
    }
}
