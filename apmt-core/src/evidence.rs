//! Evidence: one file from which whoever doubts a dossier recomputes it, to the byte, offline.
//!
//! [`Bundle::gather`] reads from a store what one actor's dossier is made of, and [`Bundle::write`] writes it. On the
//! other side's machine [`verify`] puts the events into a [`MemoryStore`], judges as every store
//! does, and compares.
//!
//! # What is in it
//! | field | what |
//! |---|---|
//! | `apmt_evidence` | the version of this format: [`VERSION`] |
//! | `about` | whose dossier, as of when, how far the log went, which version of APMT wrote it; the policy and the calendar, each with its digest and as a text that reads back to it |
//! | `dossier` | the dossier, byte for byte as [`Dossier::to_json`] writes it |
//! | `events` | one a line, in log order, as the log has them: every event of each case that counts for the actor or stands on the actor's clock, whoever caused it; the actor's events without a case; retractions of any of these; and the case on which it was last said whether the actor is a person or a machine |
//! | `peers` | where a rule compares with peers: a tally a day of everybody else, without names, cases or events, as an [`Activity`]; where such a rule looks at open cases too, what their clocks have come to, but not which they are, nor since when they run |
//! | `seal` | what all of it comes to: see below |
//!
//! A dossier is a function of the log as it stood, so a case's events after `as_of` are there too: stars go to a verdict
//! that may follow them, and a retraction may come late. Events that count for others alone are not, nor are old cases
//! that no rule looks back to. Names of others on the actor's cases are, for these events are the evidence itself.
//!
//! What peers came to is taken on trust: their tallies cannot be recomputed without everybody's events. Whoever may see
//! those asks for the whole log, `apmt export`, and imports it.
//!
//! # Links and the seal
//! Each event and each peer has a `link`: the SHA-256, in lower-case hex, of the link before (nothing for the first)
//! followed by its JSON as it stands in the file. The seal is the last link, that of `dossier` after `about`. So a change
//! is found where it was made, and so is what was left out, added or moved.
//!
//! Whoever rewrites the events, the links and the seal makes another bundle that is whole in itself: nothing in a file can
//! prevent that. Compare the seal with the one that was printed when the bundle was made, or a few events with the
//! records.
//!
//! ```
//! use apmt_core::evidence::{Bundle, verify};
//! use apmt_core::policy::DEFAULT_POLICY_YAML;
//! use apmt_core::{AsOf, Event, MemoryStore, Store};
//! # futures_lite::future::block_on(async {
//! let store = MemoryStore::new();
//! store.append(vec![Event::override_of("anne@sba.gov").case("C-1").build()?]).await?;
//!
//! let anne = "anne@sba.gov".try_into()?;
//! let bundle = Bundle::gather(&store, &anne, AsOf::Now, DEFAULT_POLICY_YAML, "always", |_, _| ()).await?;
//! let mut file = Vec::new();
//! let seal = bundle.write(&mut file).unwrap();
//!
//! let file = String::from_utf8(file).unwrap();
//! let verified = verify(&file).await.unwrap();
//! assert_eq!((verified.dossier.metrics.overrides, verified.seal), (1, seal));
//!
//! let flaw = verify(&file.replace(r#""overrides":1"#, r#""overrides":2"#)).await.unwrap_err();
//! assert_eq!(flaw.to_string(), "the dossier differs at overrides: the file says 2, and its events come to 1");
//! # Ok::<(), apmt_core::Error>(())
//! # }).unwrap();
//! ```

mod file;
mod flaw;
mod gather;

pub use file::{VERSION, Verified, verify};
pub use flaw::{Difference, Flaw};

use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::dossier::Dossier;
use crate::error::Result;
use crate::memory::MemoryStore;
use crate::name::ActorName;
use crate::policy::Policy;
use crate::store::{Activity, Recorded, Store, cut};
use crate::time::{ManualClock, Timestamp};
use crate::yaml::YamlError;

/// What one actor's dossier is made of, and the dossier; see the [module](self).
#[derive(Clone, Debug)]
pub struct Bundle {
    about: About,
    dossier: String,
    events: Vec<Recorded>,
    peers: Vec<Activity>,
}

/// What a bundle says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    actor: ActorName,
    as_of: Timestamp,
    /// The position of the log's newest event when the bundle was made.
    log_position: u64,
    /// The version of APMT that wrote it.
    apmt: String,
    /// By which version of the fold.
    fold: i64,
    policy: Stated,
    calendar: Stated,
}

/// What dossiers are judged or measured by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stated {
    name: String,
    digest: String,
    /// What reads back to it: YAML, or the name of a calendar that ships.
    text: String,
}

impl Bundle {
    /// How many events are in it.
    pub fn events(&self) -> usize {
        self.events.len()
    }

    /// Of how many peers there are tallies in it.
    pub fn peers(&self) -> usize {
        self.peers.len()
    }

    /// The end of the dossier's window.
    pub const fn as_of(&self) -> Timestamp {
        self.about.as_of
    }

    /// The dossier that its events come to.
    async fn recompute(&self, policy: &Policy, calendar: Calendar) -> Result<Dossier> {
        // How much of a batch a store takes of the largest events.
        const BATCH: usize = 200;
        // When each was recorded does not count, but none may lie ahead of the clock.
        let store = MemoryStore::with(std::sync::Arc::new(ManualClock::at(Timestamp::MAX)), calendar);
        for batch in self.events.chunks(BATCH) {
            store.append(batch.iter().map(|recorded| recorded.event.clone()).collect()).await?;
        }
        let About { actor, as_of, .. } = &self.about;
        let reach = policy.reach(*as_of);
        let (activity, _) = cut(&store, store.activity(actor, reach.activity).await?, reach).await?;
        let mut gathering = policy.gathering(*as_of);
        gathering.add(&activity);
        for (number, peer) in self.peers.iter().enumerate() {
            // Peers have no names here; capitals are in nobody's name, so that each is somebody else.
            let actor = ActorName::from_stored(&format!("PEER {number}"));
            gathering.add(&Activity { actor, ..peer.clone() });
        }
        let dossier = Dossier::among(&gathering.finish(), &activity, *as_of, policy);
        Ok(dossier.through(store.status().await?.calendar))
    }
}

/// The calendar of that name, or in that YAML.
fn calendar(text: &str) -> Result<Calendar, YamlError> {
    Calendar::from_name(text).map_or_else(|| Calendar::from_yaml("calendar", text), Ok)
}
