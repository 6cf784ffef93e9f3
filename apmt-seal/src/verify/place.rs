//! What happened to the first event that is wrong: changed, moved, removed, or another put before it.

use apmt_core::Result;
use apmt_core::store::SealStore;
use apmt_core::store::seal::{SealedRow, StoredRow};

use super::{PAGE, Wrong};
use crate::leaf::Leaf;

/// Looks for the place at which a row was sealed.
pub(super) async fn what_happened(store: &dyn SealStore, row: &StoredRow, position: u64) -> Result<Wrong> {
    if let Some(next) = store.rows(row.position, 1).await?.first()
        && row.sealed.as_ref().is_some_and(|sealed| fits(next, sealed, position))
    {
        return Ok(Wrong::Inserted);
    }
    let mut after = 0;
    loop {
        let rows = store.rows(after, PAGE).await?;
        let Some(last) = rows.last() else { return Ok(Wrong::Changed) };
        after = last.position;
        for other in &rows {
            let (Some(sealed), Ok(from)) = (&other.sealed, u64::try_from(other.position)) else { continue };
            if from != position && fits(row, sealed, from) {
                return Ok(if from == position + 1 { Wrong::Removed } else { Wrong::Moved { from } });
            }
        }
    }
}

/// Whether a row is what was sealed at a position.
fn fits(row: &StoredRow, sealed: &SealedRow, position: u64) -> bool {
    let leaf = Leaf::of(row, sealed).map(|leaf| Leaf { position, ..leaf });
    leaf.is_some_and(|leaf| leaf.hash()[..] == sealed.hash[..])
}
