//! What counts for an actor: one thing, at one instant, caused by one event.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::name::{ActorName, CaseId, Track};
use crate::time::{HOUR_MS, Timestamp};

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// The actor gave a verdict.
    Verdict {
        /// Whether it reversed the recommendation.
        overridden: bool,
    },
    /// A case stood on the actor's clock, and that clock ended.
    Processing {
        /// How long, in milliseconds: through the store's calendar, pauses taken out.
        counted_ms: u64,
        /// The working day that the clock had come to when it ended, from 1, as FOIA counts (5 U.S.C. 552(a)(6)(A)(i)):
        /// the working day after the day on which the clock started is day 1, and what ends sooner, ends on it. Time
        /// that no working day covers belongs to the next one, and a day at whose end the case is paused is not
        /// counted. So a target of so many working days is met if it is not less than this.
        working_day: u32,
        /// When the clock started.
        since: Timestamp,
        /// Whether the actor held the case; if not, it stood in the pool and the actor disposed of it.
        held: bool,
    },
    /// A citizen rated the actor.
    Satisfaction {
        /// From 1 to 5.
        stars: u8,
    },
    /// A verdict was given on the agent's advice.
    Recommendation {
        /// Whether the verdict reversed it.
        overridden: bool,
    },
    /// The actor's verdict was appealed.
    Appeal {
        /// Whether the appeal reversed it.
        reversed: bool,
        /// Whether the verdict had been an override.
        overrode: bool,
    },
}

impl Measure {
    /// The name in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Verdict { .. } => "verdict",
            Self::Processing { .. } => "processing",
            Self::Satisfaction { .. } => "satisfaction",
            Self::Recommendation { .. } => "recommendation",
            Self::Appeal { .. } => "appeal",
        }
    }

    /// Tells apart the measures that one event may cause: it causes at most one of each kind.
    pub(crate) const fn ordinal(&self) -> u8 {
        match self {
            Self::Verdict { .. } => 0,
            Self::Processing { .. } => 1,
            Self::Satisfaction { .. } => 2,
            Self::Recommendation { .. } => 3,
            Self::Appeal { .. } => 4,
        }
    }
}

/// One thing that counts for one actor at one instant: the evidence behind a metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// For whom it counts; [`ActorName::nobody`] where nobody can be named.
    pub actor: ActorName,
    /// When it counts.
    pub at: Timestamp,
    /// The position of the event that caused it.
    pub position: u64,
    /// The case, where there is one.
    pub case_id: Option<CaseId>,
    /// The case's track at that instant, where its opening has said one.
    pub track: Option<Track>,
    /// What was measured.
    pub measure: Measure,
}

impl Contribution {
    /// Where this stands among an actor's contributions: by instant, then in log order.
    pub const fn cursor(&self) -> Cursor {
        Cursor { at: self.at, position: self.position, ordinal: self.measure.ordinal() }
    }
}

impl Serialize for Contribution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("actor", &self.actor)?;
        map.serialize_entry("at", &self.at)?;
        map.serialize_entry("position", &self.position)?;
        if let Some(case_id) = &self.case_id {
            map.serialize_entry("case_id", case_id)?;
        }
        if let Some(track) = &self.track {
            map.serialize_entry("track", track)?;
        }
        map.serialize_entry("measure", self.measure.name())?;
        match self.measure {
            Measure::Verdict { overridden } | Measure::Recommendation { overridden } => {
                map.serialize_entry("overridden", &overridden)?;
            }
            Measure::Processing { counted_ms, working_day, since, held } => {
                map.serialize_entry("hours", &(counted_ms as f64 / HOUR_MS as f64))?;
                map.serialize_entry("counted_ms", &counted_ms)?;
                map.serialize_entry("working_day", &working_day)?;
                map.serialize_entry("since", &since)?;
                map.serialize_entry("held", &held)?;
            }
            Measure::Satisfaction { stars } => map.serialize_entry("stars", &stars)?,
            Measure::Appeal { reversed, overrode } => {
                map.serialize_entry("reversed", &reversed)?;
                map.serialize_entry("overrode", &overrode)?;
            }
        }
        map.end()
    }
}

/// A place among an actor's contributions, to go on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    pub(crate) at: Timestamp,
    pub(crate) position: u64,
    pub(crate) ordinal: u8,
}

impl Cursor {
    /// The instant of the contribution that the cursor stands at.
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.at.millis(), self.position, self.ordinal)
    }
}

impl std::str::FromStr for Cursor {
    type Err = crate::event::Invalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '.');
        let cursor = (|| {
            Some(Self {
                at: Timestamp::from_millis(parts.next()?.parse().ok()?),
                position: parts.next()?.parse().ok()?,
                ordinal: parts.next()?.parse().ok()?,
            })
        })();
        cursor.ok_or_else(|| {
            crate::event::Invalid::new("after", text, "must be the cursor that the page before ended with")
        })
    }
}

/// A change to what counts: what a store does to its derived tables when a case is folded again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This counts now.
    Add(Contribution),
    /// This counts no longer.
    Remove(Contribution),
}
