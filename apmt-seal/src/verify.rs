//! Verifying a whole log: each event against its leaf, the tree against its nodes, the root against what was signed.

mod checkpoints;
mod finding;
mod place;

use std::collections::BTreeMap;

use apmt_core::event::Event;
use apmt_core::store::SealStore;
use apmt_core::store::seal::{Hash, StoredRow, is_erasure};
use apmt_core::{ErrorKind, Result, Timestamp};
use uuid::Uuid;

use crate::checkpoint::Checkpoint;
use crate::erase::Record;
use crate::key::SealVerifier;
use crate::leaf::Leaf;
use crate::tree::{Tree, leaf_number};

use checkpoints::Checkpoints;
pub use finding::{Finding, Wrong};

/// How many rows are read at a time.
const PAGE: usize = 1000;

/// So many findings are told; the others are counted.
pub const MOST_FINDINGS: usize = 100;

/// What came out of verifying a log.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Verified {
    /// How many events there are, erased ones included.
    pub events: u64,
    /// How many of them are sealed: the rest came later.
    pub sealed: u64,
    /// How many checkpoints hold, by size: those that are kept, and those that were given.
    pub checkpoints: u64,
    /// How large the log was that the last of them signed; 0 without any.
    pub signed: u64,
    /// Whether signatures were verified: a key was given.
    pub with_key: bool,
    /// How many events are erased.
    pub erased: u64,
    /// Who erased what, and why.
    pub erasures: Vec<Record>,
    /// What is wrong, the first first; no more than [`MOST_FINDINGS`].
    pub findings: Vec<Finding>,
    /// How many things are wrong.
    pub wrong: u64,
}

impl Verified {
    /// Whether nothing was found wrong.
    pub const fn is_sound(&self) -> bool {
        self.wrong == 0
    }

    fn found(&mut self, finding: Finding) {
        self.wrong += 1;
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(finding);
        }
    }
}

/// Verifies a log against its seal: with any of these keys, and with checkpoints that were kept elsewhere.
///
/// `progress` is told how many events of how many are done.
///
/// # Errors
/// As the store meets them; what cannot be read because it is damaged is a [`Finding`].
pub async fn verify(
    store: &dyn SealStore,
    keys: &[SealVerifier],
    kept_elsewhere: &[Checkpoint],
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<Verified> {
    let mut verified = Verified { with_key: !keys.is_empty(), ..Verified::default() };
    let sealed = store.sealed().await?;
    verified.sealed = sealed;
    let checkpoints = Checkpoints::read(store, keys, kept_elsewhere, &mut verified).await?;
    let mut walk = Walk {
        store,
        verified,
        checkpoints,
        sealed,
        next: 1,
        tree: Some(Tree::default()),
        erased: BTreeMap::new(),
        records: BTreeMap::new(),
        placed: false,
    };
    walk.run(progress).await?;
    let mut verified = walk.end();
    match store.damage().await {
        Ok(None) => {}
        Ok(Some(message)) => verified.found(Finding::of_seal(Wrong::Damaged { message })),
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            verified.found(Finding::of_seal(Wrong::Damaged { message: error.to_string() }));
        }
        Err(error) => return Err(error),
    }
    // In log order; what is of the seal as a whole comes last.
    verified.findings.sort_by_key(|finding| finding.position.unwrap_or(u64::MAX));
    Ok(verified)
}

/// Going through the log.
struct Walk<'a> {
    store: &'a dyn SealStore,
    verified: Verified,
    checkpoints: Checkpoints,
    sealed: u64,
    /// The position that should come next.
    next: u64,
    /// The tree over what was read; none after a gap, for what it comes to is not known then.
    tree: Option<Tree>,
    /// The positions of erased events, by that of the event that should say why.
    erased: BTreeMap<u64, Vec<u64>>,
    records: BTreeMap<u64, Record>,
    /// Whether it was found out what happened to the first event that is wrong.
    placed: bool,
}

impl Walk<'_> {
    async fn run(&mut self, progress: &mut (dyn FnMut(u64, u64) + Send)) -> Result<()> {
        let mut after = i64::MIN;
        loop {
            let rows = match self.store.rows(after, PAGE).await {
                Ok(rows) => rows,
                Err(error) if error.kind() == ErrorKind::Corrupt => {
                    let Some(rows) = self.up_to_damage(after).await? else { return Ok(()) };
                    rows
                }
                Err(error) => return Err(error),
            };
            let Some(last) = rows.last() else { break };
            after = last.position;
            let mut finished = Vec::new();
            for row in &rows {
                self.take(row, &mut finished).await?;
            }
            self.compare(finished).await?;
            progress(self.next - 1, self.sealed.max(self.next - 1));
        }
        self.missing_up_to(self.sealed);
        Ok(())
    }

    /// The rows before the first that cannot be read, which is found; none if that is the next.
    async fn up_to_damage(&mut self, after: i64) -> Result<Option<Vec<StoredRow>>> {
        let mut rows = Vec::new();
        let mut last = after;
        loop {
            match self.store.rows(last, 1).await {
                Ok(row) => match row.into_iter().next() {
                    Some(row) => {
                        last = row.position;
                        rows.push(row);
                    }
                    None => return Ok(Some(rows)),
                },
                Err(error) if error.kind() == ErrorKind::Corrupt => {
                    if rows.is_empty() {
                        let message = error.to_string();
                        self.verified.found(Finding::new(self.next, Wrong::Unreadable { message }));
                        return Ok(None);
                    }
                    return Ok(Some(rows));
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn take(&mut self, row: &StoredRow, finished: &mut Vec<(u64, u64, Hash)>) -> Result<()> {
        let Ok(position @ 1..) = u64::try_from(row.position) else {
            let at = row.position;
            self.verified.found(Finding::new(1, Wrong::OutsideTheLog { at }));
            return Ok(());
        };
        self.missing_up_to(position - 1);
        self.next = position + 1;
        self.verified.events += 1;
        self.said(row, position);
        let Some(sealed) = &row.sealed else {
            if position <= self.sealed {
                self.verified.found(Finding::new(position, Wrong::SealMissing));
                self.tree = None;
            }
            return Ok(());
        };
        let leaf = Leaf::of(row, sealed);
        if let Some(record) = sealed.erasure {
            self.verified.erased += 1;
            self.erased.entry(record.cast_unsigned()).or_default().push(position);
        }
        if leaf.is_none_or(|leaf| leaf.hash()[..] != sealed.hash[..]) {
            let wrong = if std::mem::replace(&mut self.placed, true) {
                Wrong::Changed
            } else {
                place::what_happened(self.store, row, position).await?
            };
            self.verified.found(Finding::new(position, wrong));
        }
        // On from the hash that is kept: so it shows whether the event was changed, or the seal.
        if let (Some(tree), Ok(hash)) = (&mut self.tree, Hash::try_from(sealed.hash.as_slice())) {
            tree.push(hash, |number, hash| {
                if number != leaf_number(position) {
                    finished.push((position, number, hash));
                }
            });
            let root = || tree.root();
            self.checkpoints.reached(position, root, &mut self.verified);
        } else {
            self.tree = None;
        }
        Ok(())
    }

    /// Looks at what the event says of itself.
    fn said(&mut self, row: &StoredRow, position: u64) {
        if row.payload.is_empty() {
            if row.sealed.as_ref().is_none_or(|sealed| sealed.erasure.is_none()) {
                self.verified.found(Finding::new(position, Wrong::EmptiedWithoutRecord));
            }
            return;
        }
        let id = row.id.as_slice().try_into().map_or(Uuid::nil(), Uuid::from_bytes);
        match Event::from_payload(&row.payload, id, Timestamp::from_millis(row.occurred_at)) {
            Ok(event) => {
                if event.case_id().map(apmt_core::CaseId::as_str) != row.case_id.as_deref() {
                    self.verified.found(Finding::new(position, Wrong::FiledElsewhere));
                }
                if is_erasure(&event) {
                    let at = Timestamp::from_millis(row.recorded_at);
                    self.records.insert(position, Record::of(&event, position, at));
                }
            }
            Err(invalid) => {
                let message = invalid.to_string();
                self.verified.found(Finding::new(position, Wrong::Unreadable { message }));
            }
        }
    }

    fn missing_up_to(&mut self, last: u64) {
        if self.next <= last {
            let wrong = Wrong::Missing { up_to: last };
            self.verified.found(Finding::new(self.next, wrong));
            self.next = last + 1;
            self.tree = None;
        }
    }

    /// Compares what a page has finished with the nodes that are kept.
    async fn compare(&mut self, finished: Vec<(u64, u64, Hash)>) -> Result<()> {
        let kept = self.store.nodes(finished.iter().map(|(_, number, _)| *number).collect()).await?;
        for ((position, _, hash), kept) in finished.into_iter().zip(kept) {
            if kept.is_none_or(|kept| kept[..] != hash[..]) {
                self.verified.found(Finding::new(position, Wrong::NodeDiffers));
            }
        }
        Ok(())
    }

    fn end(mut self) -> Verified {
        for (record, positions) in &self.erased {
            let said = self.records.get(record);
            for position in positions {
                if said.is_none_or(|said| !said.positions.contains(position)) {
                    self.verified.found(Finding::new(*position, Wrong::EmptiedWithoutRecord));
                }
            }
        }
        self.checkpoints.not_reached(self.next - 1, self.tree.is_some(), &mut self.verified);
        // Anybody who may record may say that something was erased: only what was is told.
        let carried_out = |record: &Record| self.erased.contains_key(&record.position);
        self.verified.erasures = self.records.into_values().filter(carried_out).collect();
        self.verified
    }
}
