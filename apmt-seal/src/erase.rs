//! Erasing what events say, so that the tree over them still verifies, and who, when and why is left.

use apmt_core::event::Event;
use apmt_core::store::seal::{ERASURE, Erased, is_erasure};
use apmt_core::store::{SealStore, Store};
use apmt_core::{Error, ErrorKind, Invalid, Result, Timestamp};
use serde::Serialize;
use serde_json::Value;

use crate::leaf::Leaf;
use crate::sealer::Sealer;

/// So many positions are in one record: it is an event, whose size has a limit.
const IN_A_RECORD: usize = 1000;

/// What an event of type `X_ERASURE` says: who erased what, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Record {
    /// The record's own position.
    pub position: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// Who erased.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The positions of what was erased.
    pub positions: Vec<u64>,
}

impl Record {
    pub(crate) fn of(event: &Event, position: u64, at: Timestamp) -> Self {
        let text =
            |name: &str| event.extra().get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let positions = event.extra().get("positions").and_then(Value::as_array).into_iter().flatten();
        let positions = positions.filter_map(Value::as_u64).collect();
        Self { position, at, by: text("by"), reason: text("reason"), positions }
    }
}

/// What erasing came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Erasure {
    /// How many events were erased now; those that had been erased before are not counted.
    pub erased: u64,
    /// How many events say why.
    pub records: u64,
}

/// Erases the events of these positions, in a store that keeps a seal.
///
/// First an event of type `X_ERASURE` is recorded, which says who, when, why and which positions, and is sealed with all
/// before it; then what the events say is erased. If this is broken off in between, the record is there and the rest is
/// done by asking again.
///
/// # Errors
/// [`Unsupported`](ErrorKind::Unsupported) if the store keeps no seal; [`Invalid`](ErrorKind::Invalid) if nobody or no
/// reason is named, or an event is not there or a record of an erasure itself: then nothing is recorded.
///
/// ```
/// use apmt_core::{Event, MemoryStore, Store};
/// # futures_lite::future::block_on(async {
/// let store = MemoryStore::new();
/// store.append(vec![Event::override_of("anne@sba.gov").build()?]).await?;
/// apmt_seal::erase(&store, &[1], "records@sba.gov", "5 U.S.C. 4303(d)").await?;
/// assert_eq!(store.events(0, 10).await?.len(), 1, "the record of it");
///
/// let verified = apmt_seal::verify(store.seal().unwrap(), &[], &[], &mut |_, _| ()).await?;
/// assert!(verified.is_sound());
/// assert_eq!((verified.erased, &*verified.erasures[0].by), (1, "records@sba.gov"));
/// # Ok::<(), apmt_core::Error>(())
/// # }).unwrap();
/// ```
pub async fn erase(store: &dyn Store, positions: &[u64], by: &str, reason: &str) -> Result<Erasure> {
    let seal = seal_of(store)?;
    for (field, text) in [("by", by), ("reason", reason)] {
        if text.trim().is_empty() {
            return Err(Invalid::missing(field, "must be said: it stays in place of what is erased").into());
        }
    }
    let mut sealer = Sealer::default();
    sealer.catch_up(seal, &mut |_| ()).await?;
    // A store that does not erase says so before anything is recorded.
    seal.erase(Vec::new()).await?;
    let mut positions = positions.to_vec();
    positions.sort_unstable();
    positions.dedup();
    let mut left = Vec::with_capacity(positions.len());
    for position in positions {
        left.extend(commitment_of(seal, position).await?);
    }
    let mut records = 0;
    for part in left.chunks_mut(IN_A_RECORD) {
        let named: Vec<u64> = part.iter().map(|erased| erased.position).collect();
        let record = Event::custom(ERASURE)
            .field("by", by.trim())
            .field("reason", reason.trim())
            .field("positions", named);
        let receipts = store.append(vec![record.build()?]).await?;
        let receipt = receipts.first().ok_or_else(|| Error::new(ErrorKind::Corrupt, "no receipt came"))?;
        for erased in part {
            erased.record = receipt.position;
        }
        records += 1;
    }
    // What says why is sealed before anything is gone.
    sealer.catch_up(seal, &mut |_| ()).await?;
    // With nothing left too: it may be that all was erased, and the file not yet cleared of it.
    Ok(Erasure { erased: seal.erase(left).await?, records })
}

/// Where the seal of a store is kept.
///
/// # Errors
/// [`Unsupported`](ErrorKind::Unsupported) if the store keeps none, such as one that asks a server.
pub fn seal_of(store: &dyn Store) -> Result<&dyn SealStore> {
    store.seal().ok_or_else(|| {
        let message = "the seal is kept where the log is: give the URL of that store, not a server's";
        Error::new(ErrorKind::Unsupported, message)
    })
}

/// What stands for the event from now on; `None` where it is erased already.
async fn commitment_of(seal: &dyn SealStore, position: u64) -> Result<Option<Erased>> {
    let rows = seal.rows(position.cast_signed().saturating_sub(1), 1).await?;
    let row = rows.first().filter(|row| row.position == position.cast_signed());
    let row = row
        .ok_or_else(|| Error::new(ErrorKind::Invalid, format!("there is no event at position {position}")))?;
    let sealed = row.sealed.as_ref();
    if sealed.is_some_and(|sealed| sealed.erasure.is_some()) {
        return Ok(None);
    }
    let leaf =
        sealed.and_then(|sealed| Leaf::of(row, sealed).filter(|leaf| leaf.hash()[..] == sealed.hash[..]));
    let leaf = leaf.ok_or_else(|| {
        let message = format!("the event at position {position} is not as it was sealed: see apmt verify");
        Error::new(ErrorKind::Corrupt, message)
    })?;
    let event =
        Event::from_payload(&row.payload, uuid::Uuid::from_bytes(leaf.id), Timestamp::from_millis(0))?;
    if is_erasure(&event) {
        let message =
            format!("the event at position {position} says what was erased, and cannot be erased itself");
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    Ok(Some(Erased { position, commitment: leaf.commitment, record: 0 }))
}
