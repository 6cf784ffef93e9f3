//! Whole answers from a store that gives pages.

use apmt_core::{ActorName, AsOf, Contribution, Dossier, Policy, Result, Store, Timestamp, Window};

/// How much is asked for at a time. A store may give less; an empty page is the end.
const PAGE: usize = 1000;

/// Everybody's dossier at one instant, in the order of their names.
pub(crate) async fn scoreboard(store: &dyn Store, policy: &Policy, as_of: Timestamp) -> Result<Vec<Dossier>> {
    let mut all: Vec<Dossier> = Vec::new();
    loop {
        let after = all.last().map(|dossier| dossier.actor.clone());
        let page = store.dossiers(AsOf::At(as_of), policy, after.as_ref(), PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// All that counts for an actor in a window.
pub(crate) async fn contributions(
    store: &dyn Store,
    actor: &ActorName,
    window: Window,
) -> Result<Vec<Contribution>> {
    let mut all: Vec<Contribution> = Vec::new();
    loop {
        let after = all.last().map(Contribution::cursor);
        let page = store.contributions(actor, window, after, PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}
