//! The checkpoints that a log is held against.

use std::collections::BTreeMap;

use apmt_core::Result;
use apmt_core::store::SealStore;
use apmt_core::store::seal::Hash;

use super::{Finding, Verified, Wrong};
use crate::checkpoint::Checkpoint;
use crate::key::SealVerifier;

/// How many are read at a time.
const PAGE: usize = 1000;

/// The roots that were signed, by the number of events.
pub(super) struct Checkpoints(BTreeMap<u64, Vec<Hash>>);

impl Checkpoints {
    pub(super) async fn read(
        store: &dyn SealStore,
        keys: &[SealVerifier],
        kept_elsewhere: &[Checkpoint],
        verified: &mut Verified,
    ) -> Result<Self> {
        let mut all = Self(BTreeMap::new());
        let mut after = 0;
        loop {
            // Several of one size may be kept, and a page ends between sizes.
            let page = store.checkpoints(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            let whole = if page.len() < PAGE { u64::MAX } else { last.size };
            after = page.iter().map(|kept| kept.size).filter(|size| *size < whole).max().unwrap_or(last.size);
            for kept in page.iter().filter(|kept| kept.size <= after) {
                match Checkpoint::parse(&kept.note) {
                    Ok(checkpoint) if checkpoint.size == kept.size && kept.note == checkpoint.to_string() => {
                        all.take(&checkpoint, keys, verified);
                    }
                    _ => verified.found(Finding::of_seal(Wrong::NoCheckpoint { signed: kept.size })),
                }
            }
        }
        for checkpoint in kept_elsewhere {
            all.take(checkpoint, keys, verified);
        }
        Ok(all)
    }

    fn take(&mut self, checkpoint: &Checkpoint, keys: &[SealVerifier], verified: &mut Verified) {
        if !keys.is_empty() && !keys.iter().any(|key| checkpoint.is_signed_by(key)) {
            verified.found(Finding::of_seal(Wrong::NotSigned { signed: checkpoint.size }));
            return;
        }
        self.0.entry(checkpoint.size).or_default().push(checkpoint.root);
    }

    /// Compares what was signed of so many events with what they come to.
    pub(super) fn reached(&mut self, size: u64, root: impl FnOnce() -> Hash, verified: &mut Verified) {
        let Some(signed) = self.0.remove(&size) else { return };
        let root = root();
        for one in signed {
            if one == root {
                verified.checkpoints += 1;
                verified.signed = size;
            } else {
                verified.found(Finding::of_seal(Wrong::RootDiffers { signed: size }));
            }
        }
    }

    /// What is left was signed of more events than there are, or could not be compared after a gap.
    pub(super) fn not_reached(self, events: u64, whole: bool, verified: &mut Verified) {
        for signed in self.0.into_keys() {
            if signed > events {
                verified.found(Finding::new(events + 1, Wrong::Shorter { signed }));
            } else if whole {
                verified.found(Finding::of_seal(Wrong::RootDiffers { signed }));
            }
        }
    }
}
