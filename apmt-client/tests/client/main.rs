//! The client from outside: every executor, every loss, every delta.

mod events;
mod executors;
mod global;
mod live;
mod queue;
mod shutdown;
#[cfg(feature = "sqlite")]
mod sqlite;
mod support;
mod url;
