//! What a store keeps of the seal of its log: salts, hashes and checkpoints, beside the log.
//!
//! A store computes none of it. The crate `apmt-seal` reads the log as it is [stored](StoredRow), works out the tree of
//! RFC 6962, and hands the store what to keep. So a store needs no cryptography, and appending none either: sealing
//! follows the log in batches of its own.
//!
//! The nodes of the tree have the numbers of RFC 9420 (appendix C): the leaf of position `p` is number 2(`p` − 1), and a
//! node above lies in the middle of what it covers. A node is kept once all that it covers is there, and never changes.

use std::fmt;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, What};

/// A SHA-256.
pub type Hash = [u8; 32];

/// The random bytes that a payload is hashed with, so that nobody can find an erased one by trying.
pub type Salt = [u8; 16];

/// The type of the events that say what was erased, by whom and why: see [`SealStore::erase`].
pub const ERASURE: &str = "X_ERASURE";

/// An event as the store has it, byte for byte, with what the seal has of it.
///
/// What stands in the file may be anything once somebody has changed it, so nothing is taken for granted here: a
/// position may be negative, an id of another length than 16.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredRow {
    /// Its place in the log, from 1.
    pub position: i64,
    /// The event's id: 16 bytes.
    pub id: Vec<u8>,
    /// When it happened, in milliseconds since 1970; 0 once it was erased.
    pub occurred_at: i64,
    /// When it was recorded, in milliseconds since 1970.
    pub recorded_at: i64,
    /// The case that the store files it under.
    pub case_id: Option<String>,
    /// [`Event::to_payload`]; empty once it was erased.
    pub payload: Vec<u8>,
    /// What the seal has of it; `None` where it is not sealed yet.
    pub sealed: Option<SealedRow>,
}

impl StoredRow {
    /// A row that is not sealed.
    pub fn new(
        position: i64,
        id: Vec<u8>,
        (occurred_at, recorded_at): (i64, i64),
        case_id: Option<String>,
        payload: Vec<u8>,
    ) -> Self {
        Self { position, id, occurred_at, recorded_at, case_id, payload, sealed: None }
    }

    /// The same row with what the seal has of it.
    #[must_use]
    pub fn with_sealed(mut self, sealed: Option<SealedRow>) -> Self {
        self.sealed = sealed;
        self
    }
}

/// What a seal keeps of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SealedRow {
    /// The leaf's hash in the tree.
    pub hash: Vec<u8>,
    /// What the payload was hashed with; `None` once it was erased.
    pub salt: Option<Vec<u8>>,
    /// What stands in the leaf for the payload, kept from when it was erased.
    pub commitment: Option<Vec<u8>>,
    /// The position of the event that says why it was erased.
    pub erasure: Option<i64>,
}

impl SealedRow {
    /// What a seal keeps of an event.
    pub const fn new(
        hash: Vec<u8>,
        salt: Option<Vec<u8>>,
        commitment: Option<Vec<u8>>,
        erasure: Option<i64>,
    ) -> Self {
        Self { hash, salt, commitment, erasure }
    }
}

/// A node of the tree, to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealNode {
    /// Its [number](self).
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
    /// The salt, where the node is a leaf.
    pub salt: Option<Salt>,
}

/// A payload to be erased, and what stands for it from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// The event's position.
    pub position: u64,
    /// What stands in its leaf for the payload.
    pub commitment: Hash,
    /// The position of the event of type [`ERASURE`] that says who erased it and why.
    pub record: u64,
}

/// A checkpoint that is kept: how large the tree was, and the signed note that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptCheckpoint {
    /// How many events it is about.
    pub size: u64,
    /// The note, as it was signed.
    pub note: String,
}

/// Keeps the seal of a log beside it. See the [module](self).
///
/// Futures and errors are as [`Store`](super::Store)'s.
#[async_trait]
pub trait SealStore: Send + Sync {
    /// How many events are sealed: those of the positions up to it.
    async fn sealed(&self) -> Result<u64>;

    /// The log as it is stored after that position, in order, at most `limit` rows, erased ones included.
    async fn rows(&self, after: i64, limit: usize) -> Result<Vec<StoredRow>>;

    /// The hashes of the nodes of those numbers, in the order asked; `None` for one that is not kept.
    async fn nodes(&self, numbers: Vec<u64>) -> Result<Vec<Option<Vec<u8>>>>;

    /// Keeps the nodes of the events after the first `sealed`, durably and all of them or none, if as many are sealed as
    /// that: false, and nothing is changed, where another has sealed meanwhile.
    async fn keep_nodes(&self, sealed: u64, nodes: Vec<SealNode>) -> Result<bool>;

    /// The checkpoints of more than `after` events, by size, at most `limit`.
    async fn checkpoints(&self, after: u64, limit: usize) -> Result<Vec<KeptCheckpoint>>;

    /// The checkpoint of most events.
    async fn newest_checkpoint(&self) -> Result<Option<KeptCheckpoint>>;

    /// Keeps a checkpoint, durably. The same one again changes nothing.
    async fn keep_checkpoint(&self, checkpoint: KeptCheckpoint) -> Result<()>;

    /// What the store finds wrong with how it keeps all this, such as a damaged page or an index that leads nowhere, in its
    /// own words: the first thing. Nothing where it has no such check.
    async fn damage(&self) -> Result<Option<String>>;

    /// Erases the payloads of sealed events, with their salts and all that was derived from them: durably, all of them or
    /// none. Where the store has a file, nothing of it is left in there either; asked to erase nothing, the store makes
    /// sure of that again.
    ///
    /// Afterwards the events are not in the log as [`events`](super::Store::events), [`event`](super::Store::event) and
    /// [`case`](super::Store::case) read it, and nothing counts that they said; but what an erased retraction took back
    /// stays taken back. Positions stay as they are, with a gap, and so does the id: appending it again is a
    /// [duplicate](super::Receipt::duplicate). Erasing again changes nothing. Returns how many were erased now.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) if one of the events is not there or not sealed, or says itself what was erased;
    /// [`Unsupported`](ErrorKind::Unsupported) if this store does not erase.
    async fn erase(&self, events: Vec<Erased>) -> Result<u64>;
}

/// Why an event cannot be erased, for stores' implementations of [`SealStore::erase`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotErase {
    /// There is none at that position.
    NotThere(u64),
    /// It is not sealed, so nothing would be left to show that it was there.
    NotSealed(u64),
    /// It says itself what was erased.
    IsRecord(u64),
    /// What is to say why does not: it is no event of type [`ERASURE`].
    NoRecord(u64),
}

impl fmt::Display for CannotErase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotThere(position) => write!(f, "there is no event at position {position}"),
            Self::NotSealed(position) => {
                write!(f, "the event at position {position} is not sealed yet: seal the log first")
            }
            Self::IsRecord(position) => {
                write!(
                    f,
                    "the event at position {position} says what was erased, and cannot be erased itself"
                )
            }
            Self::NoRecord(position) => {
                write!(f, "the event at position {position} does not say that anything is erased")
            }
        }
    }
}

impl From<CannotErase> for Error {
    fn from(cannot: CannotErase) -> Self {
        Self::new(ErrorKind::Invalid, cannot.to_string())
    }
}

/// Whether an event says what was erased.
pub fn is_erasure(event: &Event) -> bool {
    matches!(event.what(), What::Custom { name } if **name == *ERASURE)
}
