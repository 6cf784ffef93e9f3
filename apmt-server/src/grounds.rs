//! What a dossier's raised rules rest upon, read from the store.

use apmt_client::Client;
use apmt_core::contribution::Cursor;
use apmt_core::policy::Grounds;
use apmt_core::{ActorName, Contribution, Dossier, OpenCase, Result, Window};
use serde::Serialize;
use utoipa::ToSchema;

/// How many contributions are read at a time.
const PAGE: usize = 1000;

/// A dossier, and what its raised rules rest upon where that is asked for.
#[derive(Serialize, ToSchema)]
#[schema(as = DossierWithGrounds)]
pub(crate) struct DossierWithGrounds {
    #[serde(flatten)]
    pub(crate) dossier: Dossier,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) grounds: Option<Vec<Grounds>>,
}

/// Everything that counts for an actor in a window, the newest first.
pub(crate) async fn contributions(
    client: &Client,
    actor: &ActorName,
    window: Window,
) -> Result<Vec<Contribution>> {
    let mut all = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = client.store().contributions(actor, window, after, PAGE).await?;
        // A store may give less than it is asked for: only nothing is the end.
        let Some(last) = page.last() else { break };
        after = Some(last.cursor());
        all.extend(page);
    }
    all.reverse();
    Ok(all)
}

/// What each condition of each raised rule rests upon.
pub(crate) async fn of(client: &Client, dossier: &Dossier) -> Result<Vec<Grounds>> {
    if !dossier.status.is_raised() {
        return Ok(Vec::new());
    }
    let window = Window::days_until(dossier.window_days, dossier.as_of);
    let contributions = contributions(client, &dossier.actor, window).await?;
    let open = client.store().activity(&dossier.actor, window).await?.open;
    Ok(among(client, dossier, &contributions, &open))
}

/// The same where they have been read.
pub(crate) fn among(
    client: &Client,
    dossier: &Dossier,
    contributions: &[Contribution],
    open: &[OpenCase],
) -> Vec<Grounds> {
    let sla = client.policy().sla();
    let of = |explanation| Grounds::of(explanation, contributions, open, sla, dossier.as_of);
    dossier.explanations.iter().flat_map(of).collect()
}
