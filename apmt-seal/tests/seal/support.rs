//! Logs that are sealed, in SQLite files.

use std::path::PathBuf;

use apmt_core::store::SealStore;
use apmt_core::{Event, Store};
use apmt_seal::{Checkpoint, SealKey, Sealer, Verified, checkpoint, verify};
use apmt_store_sqlite::SqliteStore;
use futures_lite::future::block_on;

/// A file with a log, and the key that seals it.
pub(crate) struct Log {
    pub(crate) _folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
    pub(crate) key: SealKey,
}

impl Log {
    /// A log of so many events, sealed and signed.
    pub(crate) fn sealed(events: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("apmt.db");
        let log = Self { _folder: folder, path, key: SealKey::generate("test.gov/apmt").unwrap() };
        log.append(events);
        log.seal();
        log
    }

    pub(crate) fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.path).unwrap()
    }

    pub(crate) fn append(&self, events: u64) {
        let store = self.open();
        let event = |n: u64| {
            let event = Event::override_of(&format!("actor{}@test.gov", n % 7)).case(&format!("C-{}", n % 5));
            event.field("note", format!("what was said {n}")).build().unwrap()
        };
        block_on(store.append((0..events).map(event).collect())).unwrap();
    }

    /// Seals what is there, and signs it.
    pub(crate) fn seal(&self) -> Checkpoint {
        let store = self.open();
        block_on(Sealer::default().catch_up(&store, &mut |_| ())).unwrap();
        block_on(checkpoint(&store, &self.key)).unwrap().unwrap()
    }

    pub(crate) fn verify(&self) -> Verified {
        self.verify_with(&[])
    }

    pub(crate) fn verify_with(&self, kept: &[Checkpoint]) -> Verified {
        let store = self.open();
        let seal: &dyn SealStore = &store;
        block_on(verify(seal, &[self.key.verifier().clone()], kept, &mut |_, _| ())).unwrap()
    }

    /// Changes the file by hand.
    pub(crate) fn change(&self, sql: &str) -> usize {
        let connection = rusqlite::Connection::open(&self.path).unwrap();
        let before = connection.total_changes();
        connection.execute_batch(sql).unwrap();
        (connection.total_changes() - before) as usize
    }

    /// What is found, each in a line.
    pub(crate) fn findings(&self) -> Vec<String> {
        self.verify().findings.iter().map(ToString::to_string).collect()
    }
}
