//! A demonstration agency: some forty people and agents, 120 days of cases, the same every time.
//!
//! Everything about it is made up, and made from a fixed seed: the same `as_of` gives the same events, ids included, so
//! that storing them twice stores nothing twice. Two officers stand at figures that documentation and tests can quote,
//! under the default policy and the calendar that counts every hour, at `as_of` and for a week after it:
//!
//! | officer | overrides | mean processing time | stars | status |
//! |---|---|---|---|---|
//! | [`ANNE`] | 42 % (21 of 50) | 54.2 h | 2.1 | `pip` |
//! | [`BOB`] | 8 % (4 of 50) | 12.3 h | 4.4 | `good` |
//!
//! ```
//! use apmt_core::{MemoryStore, Policy, Store};
//!
//! let as_of = "2026-03-02T15:00:00Z".parse()?;
//! let store = MemoryStore::new();
//! let anne = apmt_core::ActorName::new(apmt_server::demo::ANNE)?;
//! let dossier = futures_lite::future::block_on(async {
//!     for batch in apmt_server::demo::events(as_of).chunks(1000) {
//!         store.append(batch.to_vec()).await?;
//!     }
//!     store.dossier(&anne, as_of.into(), &Policy::default()).await
//! })?;
//! assert_eq!(dossier.metrics.override_rate, Some(0.42));
//! assert!(dossier.pip_recommended);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cases;
mod featured;
mod life;
mod log;
mod office;
mod staff;

use apmt_core::{Event, Timestamp};

pub use life::Life;

use apmt_core::yaml::YamlError;

use crate::directory::Directory;
use crate::random::Random;
use log::Log;
use office::Office;

/// The officer who reverses too much, and is not liked for it.
pub const ANNE: &str = "officer_anne@sba.gov";
/// The officer who does well.
pub const BOB: &str = "officer_bob@sba.gov";
/// The type of the demonstration's first event, which says what the rest is: its field `as_of` is the end of the 120
/// days.
pub const MARKER: &str = "X_DEMO_AGENCY";

/// The length of the demonstration, in days of 24 hours.
const DAYS: i64 = 120;
/// What people and agents do is drawn from this; any other number would give an agency as good.
const SEED: u64 = 0x5ba_1953;

/// The agency's events over the 120 days up to `as_of`, in the order of their instants: some 20,000.
pub fn events(as_of: Timestamp) -> Vec<Event> {
    events_at_scale(as_of, 1)
}

/// The same agency with so many times the cases: for benches. The two officers keep their figures.
pub fn events_at_scale(as_of: Timestamp, scale: usize) -> Vec<Event> {
    let office = Office::around(as_of, DAYS);
    let mut log = Log::new(as_of, SEED);
    log.mark();
    let mut random = Random::new(SEED);
    let mut clerk = cases::Clerk::new(&office, &mut log, &mut random);
    featured::anne(&mut clerk);
    featured::bob(&mut clerk);
    for _ in 0..scale {
        cases::of_the_staff(&mut clerk);
        cases::decided_by_an_agent(&mut clerk);
    }
    cases::beside_the_cases(&mut clerk);
    log.into_events()
}

/// Who works there, and to whom they report.
///
/// # Errors
/// As [`Directory::from_yaml`], which does not happen.
pub fn directory() -> Result<Directory, YamlError> {
    Directory::from_yaml("the directory of the demonstration", include_str!("demo/directory.yaml"))
}

#[cfg(test)]
mod tests;
