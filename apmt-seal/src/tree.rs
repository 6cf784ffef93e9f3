//! The tree of RFC 6962, grown a leaf at a time, and read from the nodes that a store keeps.
//!
//! Proofs are checked by `ct-merkle`, which also says what nodes a proof is made of; here is what it leaves to whoever
//! keeps the nodes: which of them are there, and what the unfinished ones at the right edge come to.

use std::collections::HashMap;

use apmt_core::store::SealStore;
use apmt_core::store::seal::Hash;
use apmt_core::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};

/// The hash of a node with these two below it.
pub(crate) fn parent(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The number of the leaf of that position.
pub(crate) const fn leaf_number(position: u64) -> u64 {
    2 * (position - 1)
}

/// The number of the node that covers the `2^level` leaves from the `index`-th such group.
const fn number(level: u32, index: u64) -> u64 {
    (index << (level + 1)) + (1 << level) - 1
}

/// The largest complete subtrees that cover these leaves, from the left: the level and the number of each. `from` must be
/// where one begins that is at least as large as all.
fn complete(from: u64, until: u64) -> Vec<(u32, u64)> {
    let (mut start, mut parts) = (from, Vec::new());
    while start < until {
        let level = (until - start).ilog2();
        parts.push((level, number(level, start >> level)));
        start += 1 << level;
    }
    parts
}

/// The complete subtrees that make up a node of a tree of `size` leaves, which may be unfinished.
fn parts(node: u64, size: u64) -> Vec<u64> {
    let level = node.trailing_ones();
    let from = (node >> (level + 1)) << level;
    let until = from.saturating_add(1 << level).min(size);
    complete(from, until).into_iter().map(|(_, number)| number).collect()
}

/// The hash over complete subtrees side by side, each smaller than the one before it.
fn joined(hashes: impl DoubleEndedIterator<Item = Hash>) -> Option<Hash> {
    hashes.rev().reduce(|right, left| parent(&left, &right))
}

/// A tree as far as it is needed to go on: its complete subtrees, the largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    subtrees: Vec<Hash>,
}

impl Tree {
    /// How many leaves it has.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Its root: the Merkle Tree Hash of RFC 6962, section 2.1.
    pub fn root(&self) -> Hash {
        // Of no leaves it is the hash of nothing.
        joined(self.subtrees.iter().copied()).unwrap_or_else(|| Sha256::digest([]).into())
    }

    /// Adds a leaf, and tells the nodes that are finished by it: their numbers and hashes.
    pub fn push(&mut self, leaf: Hash, mut finished: impl FnMut(u64, Hash)) {
        finished(2 * self.size, leaf);
        let (mut hash, mut level) = (leaf, 0);
        while (self.size >> level) & 1 == 1 {
            let Some(left) = self.subtrees.pop() else { break };
            hash = parent(&left, &hash);
            level += 1;
            finished(number(level, self.size >> level), hash);
        }
        self.subtrees.push(hash);
        self.size += 1;
    }

    /// The tree of the first `size` leaves, from the nodes that a store keeps.
    ///
    /// # Errors
    /// [`Corrupt`](ErrorKind::Corrupt) if one is not there; and as the store meets them.
    pub async fn read(store: &dyn SealStore, size: u64) -> Result<Self> {
        let numbers: Vec<u64> = complete(0, size).into_iter().map(|(_, number)| number).collect();
        let nodes = read(store, numbers.clone()).await?;
        Ok(Self { size, subtrees: numbers.iter().filter_map(|number| nodes.get(number).copied()).collect() })
    }
}

/// The hashes of nodes of a tree of `size` leaves, unfinished ones included, in the order asked.
pub(crate) async fn hashes(store: &dyn SealStore, nodes: &[u64], size: u64) -> Result<Vec<Hash>> {
    let all = nodes.iter().flat_map(|node| parts(*node, size)).collect();
    let read = read(store, all).await?;
    let hash = |node: &u64| joined(parts(*node, size).iter().filter_map(|part| read.get(part).copied()));
    nodes.iter().map(|node| hash(node).ok_or_else(|| gone(*node))).collect()
}

async fn read(store: &dyn SealStore, numbers: Vec<u64>) -> Result<HashMap<u64, Hash>> {
    let kept = store.nodes(numbers.clone()).await?;
    let node = |(number, hash): (u64, Option<Vec<u8>>)| {
        let hash = hash.and_then(|hash| Hash::try_from(hash).ok()).ok_or_else(|| gone(number))?;
        Ok((number, hash))
    };
    numbers.into_iter().zip(kept).map(node).collect()
}

fn gone(number: u64) -> Error {
    let message = format!("node {number} of the seal's tree is gone or damaged: see apmt verify");
    Error::new(ErrorKind::Corrupt, message)
}
