//! Accountability and performance metrics for people and AI agents who decide cases: record what happens, and ask
//! for an actor's dossier.

pub mod blocking;
mod builder;
mod client;
mod global;
mod live;
mod losses;
mod pages;
mod queue;
mod report;
mod retry;
mod shutdown;
mod thread;
mod url;

pub use apmt_core;
pub use apmt_core::event::EventBuilder;
pub use apmt_core::{
    ActorKind, ActorName, AsOf, Calendar, CaseId, Clock, Contribution, Dossier, Error, ErrorKind, Event,
    EventType, IntoEvent, Invalid, Measure, MemoryStore, Metrics, Outcome, Policy, Receipt, Recorded, Result,
    Status, Store, StoreStatus, SystemClock, Timestamp, What, Window,
};

pub use builder::ClientBuilder;
pub use client::Client;
pub use global::{client, get_dossier, init, init_with, record_event};
pub use live::{BlockingDeltas, DossierDelta, FieldChange, Subscription};
pub use losses::Losses;
pub use queue::WhenFull;
pub use report::Report;
