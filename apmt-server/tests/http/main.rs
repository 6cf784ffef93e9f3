//! The service and the remote store, on real sockets.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and its helpers are tests too"
)]

mod audit;
mod batches;
mod board;
#[cfg(feature = "postgres")]
#[path = "../../../apmt-store-postgres/tests/postgres/cluster.rs"]
mod cluster;
mod conformance;
#[cfg(feature = "postgres")]
#[path = "../../../apmt-store-postgres/tests/postgres/database.rs"]
mod database;
mod errors;
mod exercise;
mod fair;
mod faults;
mod hostile;
mod hosts;
mod keys;
mod live;
mod metrics;
mod mounted;
mod names;
mod notify;
mod openapi;
mod packed;
mod pages;
mod plans;
mod rate;
mod raw;
mod remote;
mod schemathesis;
mod secrets;
mod serving;
mod sessions;
mod staff;
mod support;
#[cfg(feature = "tls")]
mod tls;
mod tracks;
