//! What the servers of a shared store keep in common besides the log.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use crate::error::Result;

/// Notes that the servers of a store keep in common besides the log, such as what has been mailed. Each is held by one
/// server at a time, for as long as it goes on taking it: one that is gone holds it up for a while only.
#[async_trait]
pub trait SharedNotes: Send + Sync {
    /// Takes a note, or goes on holding it, and reads it: empty, if it was never written. From then on nobody else can
    /// hold it for so long, by the store's clock; with a zero `time` it is let go of. `None` if another holds it now.
    ///
    /// # Errors
    /// As the store meets them.
    async fn hold(&self, note: &str, holder: Uuid, time: Duration) -> Result<Option<String>>;

    /// Replaces a note, and goes on holding it for so long. False, and nothing is changed, if it is no longer held by
    /// that holder.
    ///
    /// # Errors
    /// As the store meets them.
    async fn write(&self, note: &str, holder: Uuid, time: Duration, text: &str) -> Result<bool>;
}
