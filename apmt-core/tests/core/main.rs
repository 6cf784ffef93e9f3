//! The core's tests, one module for each of its own.

mod event;
mod fold;
mod memory;
mod metrics;
mod properties;
mod tally;
