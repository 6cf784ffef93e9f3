//! The command.
pub mod demo;
