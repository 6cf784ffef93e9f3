//! The client from outside: every executor, every loss, every delta.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by a panic")]

#[cfg(feature = "postgres")]
#[path = "../../../apmt-store-postgres/tests/postgres/cluster.rs"]
mod cluster;
mod events;
mod executors;
mod global;
mod live;
#[cfg(feature = "postgres")]
mod postgres;
mod queue;
mod shutdown;
#[cfg(feature = "sqlite")]
mod sqlite;
mod support;
mod url;
