//! What an event is in the tree: a commitment to what may be erased, in a leaf with what stays.

use apmt_core::store::seal::{Hash, Salt, SealedRow, StoredRow};
use sha2::{Digest, Sha256};

/// What a leaf is hashed from: see the [crate's page](crate#the-bytes) for its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The event's place in the log, from 1.
    pub position: u64,
    /// The event's id.
    pub id: [u8; 16],
    /// When it was recorded, in milliseconds since 1970.
    pub recorded_at: i64,
    /// What stands for all else that the event says: see [`commitment`].
    pub commitment: Hash,
}

/// How many bytes a leaf has.
pub const LEAF_BYTES: usize = 65;

/// What the first byte of a leaf says: how the others are to be read.
const VERSION: u8 = 1;

impl Leaf {
    /// The leaf's bytes, as the tree hashes them.
    pub fn bytes(&self) -> [u8; LEAF_BYTES] {
        let mut bytes = [0; LEAF_BYTES];
        bytes[0] = VERSION;
        bytes[1..9].copy_from_slice(&self.position.to_be_bytes());
        bytes[9..25].copy_from_slice(&self.id);
        bytes[25..33].copy_from_slice(&self.recorded_at.to_be_bytes());
        bytes[33..].copy_from_slice(&self.commitment);
        bytes
    }

    /// The leaf's hash in a tree of RFC 6962.
    pub fn hash(&self) -> Hash {
        Sha256::new().chain_update([0]).chain_update(self.bytes()).finalize().into()
    }

    /// The leaf of a row as it is stored, with what the seal has of it. `None` where the two are no event that was sealed
    /// or erased: an id or a salt of another length, an erased event with a payload.
    pub fn of(row: &StoredRow, sealed: &SealedRow) -> Option<Self> {
        let commitment = match (&sealed.salt, &sealed.commitment, sealed.erasure) {
            (Some(salt), None, None) if !row.payload.is_empty() => {
                commitment(&salt.as_slice().try_into().ok()?, row.occurred_at, &row.payload)
            }
            (None, Some(commitment), Some(_))
                if row.payload.is_empty() && row.occurred_at == 0 && row.case_id.is_none() =>
            {
                commitment.as_slice().try_into().ok()?
            }
            _ => return None,
        };
        Self::committed(row, commitment)
    }

    /// The leaf of a row, with that commitment.
    pub(crate) fn committed(row: &StoredRow, commitment: Hash) -> Option<Self> {
        Some(Self {
            position: u64::try_from(row.position).ok()?,
            id: row.id.as_slice().try_into().ok()?,
            recorded_at: row.recorded_at,
            commitment,
        })
    }
}

/// What stands in the leaf for the payload and the instant: SHA-256 of the salt, the instant in milliseconds since 1970
/// (8 bytes, the highest first), and the payload.
pub fn commitment(salt: &Salt, occurred_at: i64, payload: &[u8]) -> Hash {
    let hasher = Sha256::new().chain_update(salt).chain_update(occurred_at.to_be_bytes());
    hasher.chain_update(payload).finalize().into()
}
