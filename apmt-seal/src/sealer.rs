//! Sealing: the log's new events become leaves, in batches, after they were recorded.

use apmt_core::store::SealStore;
use apmt_core::store::seal::{Hash, Salt, SealNode, StoredRow};
use apmt_core::{Error, ErrorKind, Result};

use crate::key::no_random;
use crate::leaf::{Leaf, commitment};
use crate::tree::Tree;

/// How many events are sealed at a time: small enough that whoever appends waits for no more than some milliseconds.
const BATCH: usize = 1000;

/// Seals a log, and remembers where it was.
///
/// Several may seal one log, on several servers too: each batch is the work of whoever was first, and the others go on
/// after it.
///
/// ```
/// use apmt_core::{Event, MemoryStore, Store};
/// use apmt_seal::{SealKey, Sealer, checkpoint};
/// # futures_lite::future::block_on(async {
/// let store = MemoryStore::new();
/// store.append(vec![Event::override_of("anne@sba.gov").build()?]).await?;
/// let kept = store.seal().expect("this store keeps a seal");
///
/// assert_eq!(Sealer::default().catch_up(kept, &mut |_| ()).await?, 1);
/// let key = SealKey::generate("sba.gov/apmt")?;
/// let note = checkpoint(kept, &key).await?.expect("there is something to sign");
/// assert!(note.to_string().starts_with("sba.gov/apmt\n1\n"));
/// assert!(note.is_signed_by(key.verifier()));
/// # Ok::<(), apmt_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Default)]
pub struct Sealer {
    tree: Option<Tree>,
}

impl Sealer {
    /// Seals all that has been recorded, and says how many events are sealed now. `progress` is told how many are, after
    /// each batch.
    ///
    /// # Errors
    /// [`Corrupt`](ErrorKind::Corrupt) if an event is missing from the log, or is not as it was written; and as the store
    /// meets them.
    pub async fn catch_up(
        &mut self,
        store: &dyn SealStore,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<u64> {
        loop {
            let size = store.sealed().await?;
            let mut tree = match self.tree.take() {
                Some(tree) if tree.size() == size => tree,
                _ => Tree::read(store, size).await?,
            };
            let rows = store.rows(size.cast_signed(), BATCH).await?;
            if rows.is_empty() {
                self.tree = Some(tree);
                return Ok(size);
            }
            let nodes = nodes(&rows, &mut tree)?;
            // Where another was first, the next round begins after what that one has sealed.
            if store.keep_nodes(size, nodes).await? {
                progress(tree.size());
                self.tree = Some(tree);
            }
        }
    }
}

/// The nodes that these events finish.
fn nodes(rows: &[StoredRow], tree: &mut Tree) -> Result<Vec<SealNode>> {
    const SALT: usize = size_of::<Salt>();
    let mut random = vec![0; rows.len() * SALT];
    getrandom::fill(&mut random).map_err(no_random)?;
    let (salts, _) = random.as_chunks::<SALT>();
    let mut nodes = Vec::with_capacity(rows.len() * 2 + 1);
    for (row, salt) in rows.iter().zip(salts) {
        let hash = leaf_hash(row, salt, tree.size() + 1)?;
        let mut salt = Some(*salt);
        tree.push(hash, |number, hash| nodes.push(SealNode { number, hash, salt: salt.take() }));
    }
    Ok(nodes)
}

fn leaf_hash(row: &StoredRow, salt: &Salt, position: u64) -> Result<Hash> {
    if row.position != position.cast_signed() {
        let message = format!(
            "there is no event at position {position}: a log can be sealed only while all of it is there"
        );
        return Err(Error::new(ErrorKind::Corrupt, message));
    }
    let commitment = commitment(salt, row.occurred_at, &row.payload);
    let leaf = Leaf::committed(row, commitment).filter(|_| !row.payload.is_empty() && row.sealed.is_none());
    leaf.map(|leaf| leaf.hash()).ok_or_else(|| {
        let message = format!("the event at position {position} is not as it was written: see apmt verify");
        Error::new(ErrorKind::Corrupt, message)
    })
}
