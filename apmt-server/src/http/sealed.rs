//! The seal of the log: the newest checkpoint, proofs, and receipts that carry one.

use apmt_core::store::SealStore;
use apmt_core::store::seal::KeptCheckpoint;
use apmt_core::{Error, ErrorKind, Invalid};
use apmt_seal::{Consistency, Inclusion, prove_consistency, prove_inclusion, seal_of};
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::openapi::parameters::{EventId, ProofFrom, ProofPosition, ProofSize, ProofTo};
use super::params::{Name, Params};
use super::problem::{NotFound, Problem};
use super::{App, json};

impl App {
    fn seal(&self) -> Result<&dyn SealStore, Problem> {
        Ok(seal_of(&**self.client.store())?)
    }
}

async fn newest(seal: &dyn SealStore) -> Result<KeptCheckpoint, Problem> {
    let newest = seal.newest_checkpoint().await?;
    newest.ok_or_else(|| Problem::missing("checkpoint", "no checkpoint has been signed yet"))
}

/// The newest checkpoint of the log: its name, how many events it has, the root of the tree over them, and the signature,
/// as a signed note of C2SP's tlog-checkpoint.
///
/// It says nothing of what is recorded but how much. Keep it, and give it to others.
#[utoipa::path(
    get, path = "/log/checkpoint", operation_id = "get_checkpoint", tag = "seal",
    responses(
        (status = 200, description = "The signed note.", content_type = "text/plain", body = String),
        NotFound,
    ),
)]
pub(crate) async fn checkpoint(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    let note = newest(app.seal()?).await?.note;
    Ok(([("content-type", "text/plain; charset=utf-8")], note).into_response())
}

/// Proves that an event is in the log.
///
/// The proof holds what the event says, with the salt that it was sealed with.
#[utoipa::path(
    get, path = "/log/proof", operation_id = "get_proof", tag = "seal",
    params(ProofPosition, ProofSize),
    responses((status = 200, description = "The proof.", body = Inclusion), NotFound),
)]
pub(crate) async fn proof(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["position", "size"])?;
    let position = place(&params, "position")?;
    let seal = app.seal()?;
    let size = size_or_newest(seal, params.number("size")?).await?;
    json(&prove_inclusion(seal, position, size).await.map_err(no_proof)?)
}

/// Proves that the log has only grown since it had so many events.
#[utoipa::path(
    get, path = "/log/consistency", operation_id = "get_consistency", tag = "seal",
    params(ProofFrom, ProofTo),
    responses((status = 200, description = "The proof.", body = Consistency), NotFound),
)]
pub(crate) async fn consistency(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["from", "to"])?;
    let from = place(&params, "from")?;
    let seal = app.seal()?;
    let to = size_or_newest(seal, params.number("to")?).await?;
    json(&prove_consistency(seal, from, to).await.map_err(no_proof)?)
}

fn place(params: &Params, name: &'static str) -> Result<u64, Problem> {
    params.number(name)?.ok_or_else(|| Invalid::missing(name, "is missing: the query must say it").into())
}

async fn size_or_newest(seal: &dyn SealStore, size: Option<u64>) -> Result<u64, Problem> {
    match size {
        Some(size) => Ok(size),
        None => newest(seal).await.map(|newest| newest.size),
    }
}

/// What is not sealed, or not yet, has no proof.
fn no_proof(error: Error) -> Problem {
    match error.kind() {
        ErrorKind::Invalid => Problem::missing("proof", error.to_string()),
        _ => error.into(),
    }
}

/// What the log has of an event.
#[derive(Serialize, ToSchema)]
#[schema(as = SealedReceipt)]
struct Receipt {
    /// The event's id.
    stored_id: Uuid,
    /// Its place in the log.
    position: u64,
    /// Whether a checkpoint covers it. Sealing follows the log: ask again where none does yet.
    sealed: bool,
    /// That checkpoint, the newest, as a signed note; absent where none covers the event yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    checkpoint: Option<String>,
    /// That the event is in the checkpoint's log; absent where none covers it yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    proof: Option<Inclusion>,
}

/// The receipt of an event: its place in the log, and once a checkpoint covers it, that checkpoint and the proof that the
/// event is in its log.
#[utoipa::path(
    get, path = "/events/{id}/receipt", operation_id = "get_receipt", tag = "seal",
    params(EventId),
    responses((status = 200, description = "The receipt.", body = Receipt), NotFound),
)]
pub(crate) async fn receipt(State(app): State<App>, Name(id): Name, uri: Uri) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    let recorded = super::evidence::find(&app, &id).await?;
    let (stored_id, position) = (recorded.id, recorded.position);
    let seal = app.seal()?;
    let newest = seal.newest_checkpoint().await?.filter(|newest| newest.size >= position);
    let (checkpoint, proof) = match newest {
        Some(KeptCheckpoint { size, note }) => {
            (Some(note), Some(prove_inclusion(seal, position, size).await?))
        }
        None => (None, None),
    };
    json(&Receipt { stored_id, position, sealed: proof.is_some(), checkpoint, proof })
}
