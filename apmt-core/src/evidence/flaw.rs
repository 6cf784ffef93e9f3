//! What can be wrong with a bundle.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::VERSION;
use crate::case::FOLD_VERSION;
use crate::error::Error;
use crate::yaml::YamlError;

/// Why a bundle is not verified: the first thing that is wrong with it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// The file is no bundle, or is broken off.
    #[error("this is no evidence bundle: {0}")]
    NoBundle(String),
    /// The format is of a version that this APMT does not read.
    #[error(
        "the bundle is of version {found}, and this apmt reads version {VERSION}: verify it with the apmt that wrote it"
    )]
    Version {
        /// The bundle's.
        found: u64,
    },
    /// Cases are folded by other rules than those by which the dossier was made.
    #[error(
        "apmt {apmt} made the bundle by version {found} of the fold, and this apmt has version {FOLD_VERSION}: verify it with that apmt"
    )]
    Fold {
        /// The bundle's.
        found: i64,
        /// The version of APMT that wrote it.
        apmt: String,
    },
    /// An event is not what was sealed.
    #[error("event {number} of {of}{} is not what was sealed: it was changed, or one before it was left out, added or moved", named(*.id))]
    Event {
        /// Which of the bundle's events, from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// Its id, where it still has one.
        id: Option<Uuid>,
    },
    /// A peer's tallies are not what was sealed.
    #[error(
        "the tallies of peer {number} of {of} are not what was sealed: they were changed, or some before them were left out, added or moved"
    )]
    Peer {
        /// Which of the bundle's peers, from 1.
        number: usize,
        /// How many there are.
        of: usize,
    },
    /// The policy is not the one whose digest the bundle gives.
    #[error(
        "the policy in the bundle has the digest {found}, and the bundle gives it as {stated}: one of them was changed"
    )]
    Policy {
        /// The digest in the bundle.
        stated: String,
        /// That of the policy in the bundle.
        found: String,
    },
    /// The policy or the calendar cannot be read.
    #[error("the bundle cannot be judged by: {0}")]
    Rules(#[from] YamlError),
    /// The calendar is not the one whose digest the bundle gives.
    #[error(
        "the calendar in the bundle has the digest {found}, and the bundle gives it as {stated}: one of them was changed, or \
         this apmt has another time zone database"
    )]
    Calendar {
        /// The digest in the bundle.
        stated: String,
        /// That of the calendar in the bundle.
        found: String,
    },
    /// The events come to another dossier.
    #[error("the dossier {0}")]
    Dossier(Difference),
    /// Everything above is right, and the seal is another: the seal, or what the bundle says about itself, was changed.
    #[error(
        "the seal is {stated} in the file, and what is sealed comes to {found}: the seal was changed, or what the bundle says about itself"
    )]
    Seal {
        /// The seal in the file.
        stated: String,
        /// What the file comes to.
        found: String,
    },
    /// The events cannot be recorded.
    #[error("the bundle's events cannot be recorded: {0}")]
    Store(#[from] Error),
}

impl Flaw {
    /// Whether the bundle was verified and found wrong. If not, it could not be verified: it is none, or of a version that
    /// this APMT does not know.
    pub const fn is_found(&self) -> bool {
        !matches!(self, Self::NoBundle(_) | Self::Version { .. } | Self::Fold { .. })
    }

    /// A short name, for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NoBundle(_) => "no_bundle",
            Self::Version { .. } => "version",
            Self::Fold { .. } => "fold",
            Self::Event { .. } => "event",
            Self::Peer { .. } => "peer",
            Self::Policy { .. } => "policy",
            Self::Rules(_) => "rules",
            Self::Calendar { .. } => "calendar",
            Self::Dossier(_) => "dossier",
            Self::Seal { .. } => "seal",
            Self::Store(_) => "store",
        }
    }

    /// Where the dossiers differ, if that is what is wrong.
    pub const fn difference(&self) -> Option<&Difference> {
        match self {
            Self::Dossier(difference) => Some(difference),
            _ => None,
        }
    }
}

fn named(id: Option<Uuid>) -> String {
    id.map(|id| format!(" ({id})")).unwrap_or_default()
}

/// The first place where two dossiers differ, by the names of their fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// The path to it, such as `explanations[0].conditions[1].value`; empty where both say the same and one is written in
    /// another way than APMT writes.
    pub path: String,
    /// What the file says there; `None` if nothing.
    pub stated: Option<Value>,
    /// What the events come to there; `None` if to nothing.
    pub recomputed: Option<Value>,
}

impl Difference {
    /// How the dossier in a file differs from what was recomputed; `None` if they are the same to the byte.
    pub(super) fn between(stated: &str, recomputed: &str) -> Option<Self> {
        if stated == recomputed {
            return None;
        }
        let read = |text: &str| serde_json::from_str::<Value>(text).ok();
        let found = first(String::new(), read(stated).as_ref(), read(recomputed).as_ref());
        Some(found.unwrap_or(Self { path: String::new(), stated: None, recomputed: None }))
    }
}

fn first(path: String, stated: Option<&Value>, recomputed: Option<&Value>) -> Option<Difference> {
    match (stated, recomputed) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let mut names: Vec<&String> = one.keys().chain(other.keys()).collect();
            names.sort_unstable();
            names.dedup();
            let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            names.into_iter().find_map(|name| first(below(name), one.get(name), other.get(name)))
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => (0..one.len().max(other.len()))
            .find_map(|index| first(format!("{path}[{index}]"), one.get(index), other.get(index))),
        _ if stated == recomputed => None,
        _ => Some(Difference { path, stated: stated.cloned(), recomputed: recomputed.cloned() }),
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str(
                "says the same as its events, and is written in another way: the file was written again",
            );
        }
        let said =
            |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string);
        let (stated, recomputed) = (said(&self.stated), said(&self.recomputed));
        write!(f, "differs at {}: the file says {stated}, and its events come to {recomputed}", self.path)
    }
}
