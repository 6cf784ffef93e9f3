//! What an event is, what a dossier is, and how one becomes the other: the pure core of APMT, the Accountability &
//! Performance Metrics Tracker.
//!
//! Where an AI agent recommends and a person decides, somebody must be able to say who overrides well-founded advice,
//! who sits on cases, whom citizens rate poorly and when help is due, and must be able to prove it. This crate is that
//! proof's arithmetic. It has no file, no socket and no runtime, and whatever it computes is given its `as_of`.
//! Programs link `apmt-client`, which wraps it up with a store.
//!
//! # In five minutes
//!
//! **Events come in.** An [`Event`] is one flat JSON object, checked once, when it is made. What is wrong is refused
//! with the field, the value and the rule.
//!
//! ```
//! use apmt_core::Event;
//! let event = Event::from_json(r#"{"type": "OVERRIDE", "actor": "anne@sba.gov", "case_id": "LOAN-1"}"#)?;
//! let same = Event::override_of("anne@sba.gov").case("LOAN-1").build()?;
//! assert_eq!(event, same);
//! assert!(Event::from_json(r#"{"type": "OVERIDE", "actor": "anne@sba.gov"}"#)
//!     .unwrap_err()
//!     .to_string()
//!     .ends_with("did you mean OVERRIDE?"));
//! # Ok::<(), apmt_core::Invalid>(())
//! ```
//!
//! **A store keeps them.** [`Store::append`] is durable, idempotent and all or nothing. [`MemoryStore`] is the one for
//! tests; `apmt-store-sqlite` keeps a file. All of them pass one suite, [`conformance`](store#what-every-store-promises).
//!
//! **Cases are folded into contributions.** What counts for an actor is a pure function of the *set* of a case's events
//! ([`case::fold`]): verdicts, processing times through a [`Calendar`], stars, the machine's side of each verdict,
//! appeals. The order of arrival, duplicates and late events change nothing, and a retraction takes back what it names.
//!
//! **Contributions are tallied into metrics.** A store keeps a [`Tally`](tally::Tally) an actor, a day and a track, with every
//! processing time whole, so [`Metrics`] over 90 days are exact: [quantiles](metrics) of type 7, Wilson intervals.
//!
//! **Rules judge the metrics.** A [`Policy`] is YAML; its rules compare metrics with thresholds, and each rule that holds
//! says so with its numbers.
//!
//! **A dossier says so.**
//!
//! ```
//! use apmt_core::{AsOf, Event, MemoryStore, Policy, Status, Store};
//! # futures_lite::future::block_on(async {
//! let store = MemoryStore::new();
//! let mut events = Vec::new();
//! for (case, verdict) in [("LOAN-1", "approve"), ("LOAN-2", "deny"), ("LOAN-3", "approve")] {
//!     let decision = Event::decision("anne@sba.gov").case(case).ai_recommendation("deny");
//!     events.push(decision.human_verdict(verdict).build()?);
//!     events.push(Event::sat_score(2).case(case).build()?);
//! }
//! store.append(events).await?;
//!
//! let dossier = store.dossier(&"anne@sba.gov".try_into()?, AsOf::Now, &Policy::default()).await?;
//! assert_eq!((dossier.metrics.overrides, dossier.metrics.decisions), (2, 3));
//! assert_eq!(dossier.status, Status::Pip);
//! assert_eq!(
//!     dossier.reasons[0].to_string(),
//!     "chronic-override: override_rate 0.6666666666666666 > 0.3 and sat_score_mean 2 < 3"
//! );
//! # Ok::<(), apmt_core::Error>(())
//! # }).unwrap();
//! ```
//!
//! A plan that is *recommended* is no decision: that is a supervisor's.
//!
//! **And can be made again.** An evidence [`Bundle`](evidence::Bundle) is one file from which anybody recomputes a dossier
//! to the byte.
//!
//! # Features
//! - `conformance`: the suite that every store runs, for tests of stores, one's own included.
//! - `openapi`: `utoipa::ToSchema` for all that goes over the wire, for services that describe themselves.
//!
//! # Where the numbers come from
//! | what | source |
//! |---|---|
//! | interval of a rate | E. B. Wilson, JASA 22, 1927 ([`metrics::wilson_interval`]) |
//! | one-sided bounds of rates, means and quantiles | see [`statistics`] |
//! | quantiles | R. J. Hyndman and Y. Fan, The American Statistician 50, 1996, type 7 ([`metrics`]) |
//! | federal holidays | 5 U.S.C. 6103 ([`calendar`]) |
//! | event ids | RFC 9562, version 7 ([`Event::identify`]) |
//! | instants | RFC 3339 ([`Timestamp`]) |

pub mod calendar;
pub mod case;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod contribution;
pub mod dossier;
mod error;
pub mod event;
pub mod evidence;
pub mod memory;
pub mod metrics;
mod name;
#[cfg(feature = "openapi")]
mod openapi;
pub mod overview;
pub mod policy;
pub mod statistics;
pub mod store;
pub mod tally;
pub mod time;
mod when_full;
mod wire;
pub mod yaml;

pub use calendar::{Calendar, OtherCalendar};
pub use contribution::{Change, Contribution, Measure};
pub use dossier::{Dossier, Status};
pub use error::{Error, ErrorKind, Result};
pub use event::{ActorKind, Event, EventType, IntoEvent, Invalid, Outcome, What};
pub use memory::MemoryStore;
pub use metrics::Metrics;
pub use name::{ActorName, CaseId, MAX_NAME_BYTES, Track};
pub use overview::Overview;
pub use policy::Policy;
pub use store::{Activity, AsOf, OpenCase, Receipt, Recorded, SealStore, SharedNotes, Store, StoreStatus};
pub use time::{Clock, Day, SystemClock, Timestamp, Window};
pub use when_full::WhenFull;
