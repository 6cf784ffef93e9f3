//! The service and the remote store, on real sockets.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and its helpers are tests too"
)]

mod batches;
mod conformance;
mod errors;
mod exercise;
mod faults;
mod hostile;
mod metrics;
mod mounted;
mod names;
mod openapi;
mod packed;
mod pages;
mod raw;
mod remote;
mod schemathesis;
mod serving;
mod support;
