//! Proofs: that an event is in the log, and that a longer log has grown out of a shorter one.

use apmt_core::store::SealStore;
use apmt_core::store::seal::Hash;
use apmt_core::{Error, ErrorKind, Invalid, Result, Timestamp};
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

use crate::checkpoint::Checkpoint;
use crate::leaf::{Leaf, commitment};
use crate::tree::hashes;

/// What shows that an event is in a log of so many events. Hashes are in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Inclusion {
    /// The event's place in the log, from 1.
    pub position: u64,
    /// Of how many events the tree is that this leads to.
    pub size: u64,
    /// The event's id.
    pub id: Uuid,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// What stands in its leaf for what it says.
    pub commitment: String,
    /// What it says; absent once it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub event: Option<Opening>,
    /// The hashes beside the way from the leaf to the root: `PATH` of RFC 6962, section 2.1.1.
    pub path: Vec<String>,
}

/// What a commitment was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Opening {
    /// The salt, in hexadecimal.
    pub salt: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The event's JSON without `id` and `occurred_at`, byte for byte as it was sealed.
    pub payload: String,
}

/// What shows that a log has only grown. Hashes are in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Consistency {
    /// How many events the shorter one has.
    pub from: u64,
    /// How many the longer one has.
    pub to: u64,
    /// `PROOF` of RFC 6962, section 2.1.2.
    pub path: Vec<String>,
}

/// Shows that the event of that position is in the log as it was when it had `size` events.
///
/// # Errors
/// [`Invalid`](ErrorKind::Invalid) if so many are not sealed, or the position is not among them.
pub async fn prove_inclusion(store: &dyn SealStore, position: u64, size: u64) -> Result<Inclusion> {
    within("size", size, store.sealed().await?)?;
    within("position", position, size)?;
    let numbers = ct_merkle::indices_for_inclusion_proof(size, position - 1);
    let path = hashes(store, &numbers, size).await?;
    let rows = store.rows(position.cast_signed() - 1, 1).await?;
    let damaged = || {
        let message = format!("the event at position {position} is not as it was sealed: see apmt verify");
        Error::new(ErrorKind::Corrupt, message)
    };
    let row = rows.first().filter(|row| row.position == position.cast_signed()).ok_or_else(damaged)?;
    let sealed = row.sealed.as_ref().ok_or_else(damaged)?;
    let leaf = Leaf::of(row, sealed).filter(|leaf| leaf.hash()[..] == sealed.hash[..]).ok_or_else(damaged)?;
    let event = match &sealed.salt {
        Some(salt) => Some(Opening {
            salt: HEXLOWER.encode(salt),
            occurred_at: Timestamp::from_millis(row.occurred_at),
            payload: String::from_utf8(row.payload.clone()).map_err(|_| damaged())?,
        }),
        None => None,
    };
    Ok(Inclusion {
        position,
        size,
        id: Uuid::from_bytes(leaf.id),
        recorded_at: Timestamp::from_millis(leaf.recorded_at),
        commitment: HEXLOWER.encode(&leaf.commitment),
        event,
        path: written(&path),
    })
}

/// Shows that the log of `to` events has grown out of the one of `from`.
///
/// # Errors
/// [`Invalid`](ErrorKind::Invalid) if so many are not sealed, or `from` is 0 or more than `to`.
pub async fn prove_consistency(store: &dyn SealStore, from: u64, to: u64) -> Result<Consistency> {
    within("to", to, store.sealed().await?)?;
    within("from", from, to)?;
    let numbers = ct_merkle::indices_for_consistency_proof(from, to - from);
    Ok(Consistency { from, to, path: written(&hashes(store, &numbers, to).await?) })
}

/// A number of events, or a place among them: from 1 to what there is.
fn within(field: &str, number: u64, most: u64) -> Result<()> {
    if (1..=most).contains(&number) {
        return Ok(());
    }
    let rule = if most == 0 {
        "cannot be proved: nothing is sealed yet".to_owned()
    } else {
        format!("must be from 1 to {most}")
    };
    Err(Invalid::new(field, number, rule).into())
}

impl Inclusion {
    /// Whether the proof holds under a checkpoint, whose signature is verified apart: the event, as the proof has it, is in
    /// that log.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid), with what does not fit.
    pub fn check(&self, checkpoint: &Checkpoint) -> Result<()> {
        of_size("size", self.size, checkpoint)?;
        let committed: Hash = hash(&self.commitment).ok_or_else(|| unreadable("commitment"))?;
        if let Some(Opening { salt, occurred_at, payload }) = &self.event {
            let salt = HEXLOWER.decode(salt.as_bytes()).ok().and_then(|salt| salt.try_into().ok());
            let salt = salt.ok_or_else(|| unreadable("salt"))?;
            if commitment(&salt, occurred_at.millis(), payload.as_bytes()) != committed {
                return Err(failed("what the event says is not what was sealed"));
            }
        }
        let leaf = Leaf {
            position: self.position,
            id: *self.id.as_bytes(),
            recorded_at: self.recorded_at.millis(),
            commitment: committed,
        };
        let path = path(&self.path)?;
        let proof = InclusionProof::<Sha256>::try_from_bytes(path).map_err(|_| unreadable("path"))?;
        let index = self.position.checked_sub(1).ok_or_else(|| unreadable("position"))?;
        root(checkpoint)
            .verify_inclusion(&leaf.bytes(), index, &proof)
            .map_err(|_| failed("the event is not in the log of that checkpoint"))
    }
}

impl Consistency {
    /// Whether the proof holds under two checkpoints, whose signatures are verified apart: the later log has all that the
    /// earlier one had, in the same order, and has only grown.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid), with what does not fit.
    pub fn check(&self, earlier: &Checkpoint, later: &Checkpoint) -> Result<()> {
        of_size("from", self.from, earlier)?;
        of_size("to", self.to, later)?;
        if earlier.origin != later.origin {
            return Err(failed("the two checkpoints are of two logs"));
        }
        let proof = ConsistencyProof::<Sha256>::try_from_bytes(path(&self.path)?);
        let proof = proof.map_err(|_| unreadable("path"))?;
        root(later)
            .verify_consistency(&root(earlier), &proof)
            .map_err(|_| failed("the later log has not grown out of the earlier one"))
    }
}

fn of_size(field: &str, size: u64, checkpoint: &Checkpoint) -> Result<()> {
    if size == checkpoint.size {
        return Ok(());
    }
    let rule = format!("is of another log than the checkpoint's, which has {} events", checkpoint.size);
    Err(Invalid::new(field, size, rule).into())
}

fn root(checkpoint: &Checkpoint) -> RootHash<Sha256> {
    RootHash::new(checkpoint.root.into(), checkpoint.size)
}

fn written(path: &[Hash]) -> Vec<String> {
    path.iter().map(|hash| HEXLOWER.encode(hash)).collect()
}

fn hash(text: &str) -> Option<Hash> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

fn path(hashes: &[String]) -> Result<Vec<u8>> {
    let all = hashes.iter().map(|text| hash(text)).collect::<Option<Vec<Hash>>>();
    all.map(|all| all.concat()).ok_or_else(|| unreadable("path"))
}

fn unreadable(field: &'static str) -> Error {
    Invalid::missing(field, "is not as a proof has it").into()
}

fn failed(why: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("the proof fails: {why}"))
}
