//! The core's tests, one module for each of its own.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test's helpers fail by a panic, as tests do")]

mod calendar;
mod calendar_files;
mod event;
mod evidence;
mod fold;
mod memory;
mod metrics;
mod overview;
mod policy;
mod properties;
mod remember;
mod statistics;
mod tally;
mod wire;
