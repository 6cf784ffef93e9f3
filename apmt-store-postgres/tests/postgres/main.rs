//! The PostgreSQL store: the conformance suite, and what only a shared database can do.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by a panic")]

mod cluster;
mod database;
mod executors;
mod failing;
mod incoming;
mod notes;
mod opening;
mod packing;
mod partitions;
mod properties;
mod proxy;
mod round_trips;
mod support;
#[cfg(feature = "tls")]
mod tls;
mod writers;

use apmt_core::conformance::Setup;

use database::Database;

apmt_core::conformance!(futures_lite::future::block_on, |setup: Setup| async {
    Database::with_tables().builder().clock(setup.clock).calendar(setup.calendar).open().unwrap()
});
