//! The outbox: what it delivers, what it keeps, and what it survives.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and its helpers are tests too"
)]

mod child;
mod crash;
mod dead;
mod delivery;
mod files;
mod gate;
mod limits;
mod processes;
