//! Improvement plans: the notice that opens one, what it rests upon, and which plans are open.
//!
//! A plan that a policy recommends is a recommendation. This module pre-fills the notice that a supervisor may give,
//! freezes the evidence that it rests upon, and records that the plan has begun; the determination and the signature
//! are no fields of it, and stay blank on paper. The software recommends, a supervisor decides.
//!
//! # The notice
//! For a person it is the notice that 5 CFR 432.104 asks for: "the agency shall notify the employee of the critical
//! element(s) for which performance is unacceptable and inform the employee of the performance requirement(s) or
//! standard(s) that must be attained in order to demonstrate acceptable performance in his or her position", afford "a
//! reasonable opportunity to demonstrate acceptable performance", and offer assistance.
//!
//! | part | from | source |
//! |---|---|---|
//! | employee, position, organization, supervisor | the [directory](crate::directory); empty where it says nothing | |
//! | critical element | the rule | 5 CFR 432.104; 5 U.S.C. 4302(c)(1) |
//! | standard to be attained | the rule's conditions, verbatim, and in words | 5 CFR 432.104; 5 U.S.C. 4302(c)(1) |
//! | specific instances | the actor's contributions and their cases, as of one instant | 5 CFR 432.105(a)(4)(i), which asks for them where an action is proposed; 5 U.S.C. 4303(b)(1)(A) |
//! | opportunity period | a start, and 30, 60 or 90 days or another end | 5 CFR 432.104; 5 U.S.C. 4302(c)(6) |
//! | assistance, check-ins | words to be edited | 5 CFR 432.104; 5 U.S.C. 4302(c)(5) |
//! | consequences | words to be edited | 5 CFR 432.104, 432.105; 5 U.S.C. 4303 |
//!
//! Everything but the instances can be edited before the plan is started. An agency's counsel has the last word on
//! what its notices say.
//!
//! For an AI agent the same makes a machine plan: it is to be [retrained, restricted or suspended](Measure), and the
//! evidence says how its advice fared by the version of the model that gave it.
//!
//! # The evidence
//! [`gather`] reads what a rule rests upon as of an instant, and keeps the policy's and the calendar's digests and the
//! log's position beside it: the same log gives the same evidence again. What is recorded later, retractions
//! included, changes no notice that has been made. At most [`MAX_INSTANCES`] instances are kept, the gravest or newest
//! of each kind, and the rest is counted.
//!
//! # What is recorded
//! [`Notice::to_event`] makes the event `PLAN_STARTED`, with these fields beside `by` and `note`:
//!
//! | field | meaning |
//! |---|---|
//! | `notice` | the notice, whole: it is bounded so that it fits into an event |
//! | `notice_sha256` | the SHA-256 of the notice's JSON, its keys in order and without spaces |
//!
//! `PLAN_CLOSED` ends the actor's plan.
//!
//! # Which plans are open
//! [`Plans`] says so, from the events alone: the newest `PLAN_STARTED` of an actor without a `PLAN_CLOSED` after it.
//! Events of others, without a notice, count too. Stores have no index of such events, so [`PlanLog`] follows the log
//! behind a position of its own: the first look reads the whole log once, each later one only what is new. A server takes
//! the first look when it starts, in the background.

mod evidence;
mod instance;
mod log;
mod notice;
mod open;
mod page;
mod period;
mod prefill;
mod select;
#[cfg(test)]
mod tests;
mod text;

pub use evidence::{Evidence, ModelRecord, Omitted, gather};
pub use instance::{Instance, InstanceKind};
pub use log::PlanLog;
pub use notice::{Measure, Notice, PlanKind, SCHEMA, Terms, closing};
pub use open::{OpenPlan, Plans};
pub use page::notice_page;
pub(crate) use page::{RecordedAs, Shown, title};
pub(crate) use period::read_day;
pub use period::{Period, today};
pub use prefill::prefill;

/// The most instances that a notice keeps.
pub const MAX_INSTANCES: usize = 50;
