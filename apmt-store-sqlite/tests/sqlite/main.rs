//! The SQLite store: the conformance suite, and what only a file can do.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by a panic")]

mod child;
mod crash;
mod executors;
mod files;
mod looking_back;
mod processes;
mod refolding;
mod settling;

use apmt_core::conformance::{Fresh, Setup};
use apmt_store_sqlite::SqliteStore;

apmt_core::conformance!(futures_lite::future::block_on, |setup: Setup| async {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("apmt.db");
    let store = SqliteStore::builder(path).clock(setup.clock).calendar(setup.calendar).open().unwrap();
    Fresh::new(std::sync::Arc::new(store)).keeping(folder)
});
