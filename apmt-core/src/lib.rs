//! The pure core of APMT.

pub mod calendar;
pub mod case;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod contribution;
pub mod dossier;
mod error;
pub mod event;
pub mod memory;
pub mod metrics;
mod name;
pub mod policy;
pub mod store;
pub mod tally;
pub mod time;
pub mod yaml;

pub use calendar::Calendar;
pub use contribution::{Change, Contribution, Measure};
pub use dossier::{Dossier, Status};
pub use error::{Error, ErrorKind, Result};
pub use event::{ActorKind, Event, EventType, IntoEvent, Invalid, Outcome, What};
pub use memory::MemoryStore;
pub use metrics::Metrics;
pub use name::{ActorName, CaseId, MAX_NAME_BYTES};
pub use policy::Policy;
pub use store::{Activity, AsOf, OpenCase, Receipt, Recorded, Store, StoreStatus};
pub use time::{Clock, Day, SystemClock, Timestamp, Window};
