//! Accountability & Performance Metrics Tracker: record what people and AI agents do with cases, and ask how they do.
//!
//! ```
//! use apmt_client::{Client, Event};
//! # futures_lite::future::block_on(async {
//! let client = Client::open("memory:")?;
//! client.record_event(Event::recommendation_of("intake-bot", "C-1042", "deny")).await?;
//! client.record_event(Event::decision("anne@sba.gov").case("C-1042").human_verdict("approve")).await?;
//! client.record_event(Event::sat_score(2).case("C-1042")).await?;
//!
//! let dossier = client.get_dossier("anne@sba.gov").await?;
//! assert_eq!(dossier.metrics.override_rate, Some(1.0));
//! assert_eq!(dossier.metrics.sat_score_mean, Some(2.0));
//! assert!(dossier.pip_recommended);
//! println!("{}", dossier.reasons[0]); // chronic-override: override_rate 1 > 0.3 and sat_score_mean 2 < 3
//! # assert_eq!(dossier.reasons[0].to_string(), "chronic-override: override_rate 1 > 0.3 and sat_score_mean 2 < 3");
//! # Ok::<(), apmt_client::Error>(())
//! # }).unwrap();
//! ```
//!
//! # Events
//! An [`Event`] is one thing that happened: a case is opened, lands in somebody's queue, is decided; an agent
//! recommends; a citizen gives stars. Only its type is always required. It is made by a builder, from a
//! `serde_json::json!({..})`, or from JSON text, and all three pass the same checks; a bad one is refused with the
//! field, the value, the rule, and the name that was probably meant.
//!
//! ```
//! # use apmt_client::{Client, Event, Timestamp};
//! # futures_lite::future::block_on(async {
//! # let client = Client::open("memory:")?;
//! let sent_by_a_form = r#"{"type": "OVERRIDE", "actor": "Anne@SBA.gov", "case_id": "C-7", "office": "Denver"}"#;
//! client.record_event(sent_by_a_form).await?; // fields that APMT does not know are kept
//! client.record_event(serde_json::json!({"type": "SAT_SCORE", "case_id": "C-7", "value": 4})).await?;
//! let then: Timestamp = "2026-02-01T09:30:00-05:00".parse().unwrap();
//! client.record_events([Event::case_opened("C-8").at(then), Event::assigned("C-8", "anne@sba.gov").at(then)]).await?;
//!
//! let error = client.record_event(r#"{"type": "OVERIDE", "actor": "anne@sba.gov"}"#).await.unwrap_err();
//! assert!(error.to_string().ends_with("did you mean OVERRIDE?"));
//! # Ok::<(), apmt_client::Error>(())
//! # }).unwrap();
//! ```
//!
//! Every event has an id, by which it is stored once however often it is sent; the client gives one where there is
//! none. Events may come late and in any order: a dossier is a function of what happened and when, not of when it was
//! heard of. What was recorded by mistake is taken back by [`Event::retraction`]; the log keeps both.
//!
//! # Dossiers
//! A [`Dossier`] is an actor's numbers over the policy's window (90 days, unless the policy says otherwise): verdicts,
//! overrides and their rate with an interval, processing times with exact quantiles, stars, what stands on the
//! actor's clock, appeals; and the [`Status`] that the policy gives, with a reason for each rule that holds. Behind
//! each number stands the evidence: [`Client::contributions`] lists what counted, [`Client::case`] a case's events.
//! [`Client::scoreboard`] has everybody. All of them are as of now, of the newest event ([`AsOf::Latest`]), or of any
//! [`Timestamp`].
//!
//! A dossier recommends and never decides: that is a supervisor's.
//!
//! # Policies
//! Which numbers are good enough is a [`Policy`], written in YAML by whoever answers for it;
//! [`apmt_core::policy`] says how.
//!
//! ```
//! # use apmt_client::{Client, Policy};
//! let policy = Policy::from_yaml("policy.yaml", "
//! name: district-7
//! window_days: 30
//! rules:
//!   - id: chronic-override
//!     when: [override_rate > 0.30, decisions >= 20, sat_score_mean < 3]
//!     then: pip
//! ")?;
//! let client = Client::builder().url("memory:").policy(policy).build()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Stores
//! `memory:` is for tests and trials; `sqlite:apmt.db` keeps everything in one file (feature `sqlite`, on by
//! default), which several processes may use at once; `postgres://…` is a database that many machines share (feature
//! `postgres`). [`Client::open`] has the list. Anything that implements
//! [`Store`] can be given to [`ClientBuilder::store`].
//!
//! # Without waiting
//! [`Client::enqueue`] takes an event and returns at once, whatever the store does: a thread brings it there, retries
//! what fails for now, and counts what is lost, by reason ([`Losses`]). What is enqueued is durable when
//! [`Client::flush`] has come back, so end a program that enqueues with [`Client::shutdown`]:
//!
//! ```
//! # use std::time::Duration;
//! # use apmt_client::{Client, Event};
//! # futures_lite::future::block_on(async {
//! # let client = Client::open("memory:")?;
//! client.enqueue(Event::viewed("C-1042", "anne@sba.gov"))?;
//! let report = client.shutdown(Duration::from_secs(5)).await;
//! assert_eq!(report.to_string(), "1 recorded, 0 duplicates, none lost");
//! # Ok::<(), apmt_client::Error>(())
//! # }).unwrap();
//! ```
//!
//! What must survive the end of the program, and must not wait for a server, goes into an
//! [outbox](https://docs.rs/apmt-store-http/latest/apmt_store_http/outbox/) (feature `outbox`): a file on this machine
//! from which a thread delivers as the network allows.
//!
//! # Without asking again
//! [`Client::subscribe`] gives the dossiers that change as they do, with what changed:
//!
//! ```
//! # use apmt_client::{Client, Event};
//! # futures_lite::future::block_on(async {
//! # let client = Client::open("memory:")?;
//! let mut live = client.subscribe();
//! client.record_event(Event::override_of("anne@sba.gov")).await?;
//! let delta = live.next().await.unwrap()?;
//! for change in delta.changes.iter() {
//!     println!("{}: {} was {}, is {}", delta.actor, change.field, change.old, change.new);
//! }
//! # assert_eq!(delta.changes.len(), 4);
//! # Ok::<(), apmt_client::Error>(())
//! # }).unwrap();
//! ```
//!
//! # Without async
//! [`blocking`] has the same client for plain threads. The async one needs no particular executor: its threads are its
//! own, and it runs on tokio (of one thread or many), on any other, and under a plain `block_on`.
//!
//! # In one place
//! A program with one store can open it once with [`init`], and call [`record_event`] and [`get_dossier`] from
//! anywhere.
//!
//! # Features
//! | feature | | |
//! |---|---|---|
//! | `sqlite` | on by default | opens `sqlite:` URLs; brings SQLite along |
//! | `http` | | opens `http:` URLs: another machine's APMT |
//! | `postgres` | | opens `postgres:` URLs: a database that many machines share |
//! | `tls` | | opens `https:` URLs too, and reaches PostgreSQL over TLS, with rustls |
//! | `outbox` | | the durable outbox; brings SQLite along |
//!
//! Features only add. With `default-features = false` there is neither C code nor a file.

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
#[cfg(feature = "http")]
pub use apmt_store_http;
#[cfg(feature = "outbox")]
pub use apmt_store_http::outbox;
#[cfg(feature = "postgres")]
pub use apmt_store_postgres;
#[cfg(feature = "sqlite")]
pub use apmt_store_sqlite;

pub use apmt_core::event::EventBuilder;
pub use apmt_core::{
    ActorKind, ActorName, AsOf, Calendar, CaseId, Clock, Contribution, Dossier, Error, ErrorKind, Event,
    EventType, IntoEvent, Invalid, Measure, MemoryStore, Metrics, OtherCalendar, Outcome, Policy, Receipt,
    Recorded, Result, SealStore, SharedNotes, Status, Store, StoreStatus, SystemClock, Timestamp, What,
    WhenFull, Window,
};

pub use builder::ClientBuilder;
pub use client::Client;
pub use global::{client, get_dossier, init, init_with, record_event};
pub use live::{BlockingDeltas, DossierDelta, FieldChange, Subscription};
pub use losses::Losses;
pub use report::Report;

/// The README's program, compiled with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
