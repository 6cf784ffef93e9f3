//! Whose dossiers events can have changed.

use apmt_core::store::Affected;
use apmt_core::{ActorName, Result, Store};

/// How many events are read at a time.
const PAGE: usize = 1000;

/// Everybody whose dossier an event after that position can have changed; `None` if there are more than `most` such
/// events, or the log ends before it.
pub(crate) async fn changed_since(
    store: &dyn Store,
    cursor: u64,
    most: u64,
) -> Result<Option<Vec<ActorName>>> {
    let end = store.status().await?.position;
    if end.checked_sub(cursor).is_none_or(|events| events > most) {
        return Ok(None);
    }
    let mut affected = Affected::default();
    let mut after = cursor;
    // What is recorded meanwhile may be among it, and need not be.
    while after < end {
        let events = store.events(after, PAGE).await?;
        let Some(last) = events.last() else { break };
        after = last.position;
        affected.take(store, &events).await?;
    }
    Ok(Some(affected.into_actors(store).await?.into_keys().collect()))
}
