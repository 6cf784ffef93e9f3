//! Counts and exact distributions of what counts for an actor, a day at a time.
//!
//! A [`Tally`] can be added to, taken from and read together with others, so a store keeps one an actor and a day, and
//! a dossier reads the days of its window instead of the events. Nothing in it is approximate: processing times are
//! kept whole, in order, so that a quantile over many days is found by selection among sorted runs
//! ([`Durations::nth_of`]), without a merge.

mod day;
mod durations;

pub use day::{DayTally, Entry, StoredTallyError};
pub use durations::Durations;

use serde::{Deserialize, Serialize};

use crate::contribution::Measure;

/// What a set of contributions comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tally {
    /// Verdicts, overrides included.
    pub decisions: u64,
    /// Verdicts that reversed the recommendation.
    pub overrides: u64,
    /// Verdicts on the actor's advice.
    pub recommendations: u64,
    /// Verdicts that reversed the actor's advice.
    pub recommendations_overridden: u64,
    /// How many citizens gave one star, two, three, four, five.
    #[cfg_attr(feature = "openapi", schema(min_items = 5, max_items = 5))]
    pub stars: [u64; 5],
    /// Appeals against the actor's verdicts.
    pub appeals: u64,
    /// Appeals that reversed the verdict.
    pub appeals_reversed: u64,
    /// Appeals against overrides that let them stand.
    pub overrides_upheld: u64,
    /// Appeals that reversed an override.
    pub overrides_reversed: u64,
    /// Processing times, in milliseconds.
    pub processing: Durations,
}

impl Tally {
    /// Counts a measure.
    pub fn add(&mut self, measure: &Measure) {
        if let Measure::Processing { counted_ms, .. } = measure {
            self.processing.insert(*counted_ms);
        }
        self.count(measure, |count| *count += 1);
    }

    /// Takes back a measure that was counted.
    pub fn remove(&mut self, measure: &Measure) {
        if let Measure::Processing { counted_ms, .. } = measure {
            self.processing.remove(*counted_ms);
        }
        self.count(measure, |count| *count = count.saturating_sub(1));
    }

    /// Adds another tally's counts, but not its processing times. Counts that were damaged where they were stored may
    /// be anything: they come out wrong, and nothing panics.
    pub(crate) fn add_counts(&mut self, other: &Self) {
        self.each_count(other, u64::saturating_add);
    }

    /// Takes away another tally's counts, but not its processing times.
    pub(crate) fn take_counts(&mut self, other: &Self) {
        self.each_count(other, u64::saturating_sub);
    }

    fn each_count(&mut self, other: &Self, change: impl Fn(u64, u64) -> u64) {
        for (count, by) in [
            (&mut self.decisions, other.decisions),
            (&mut self.overrides, other.overrides),
            (&mut self.recommendations, other.recommendations),
            (&mut self.recommendations_overridden, other.recommendations_overridden),
            (&mut self.appeals, other.appeals),
            (&mut self.appeals_reversed, other.appeals_reversed),
            (&mut self.overrides_upheld, other.overrides_upheld),
            (&mut self.overrides_reversed, other.overrides_reversed),
        ] {
            *count = change(*count, by);
        }
        for (count, by) in self.stars.iter_mut().zip(other.stars) {
            *count = change(*count, by);
        }
    }

    /// Whether nothing is counted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn count(&mut self, measure: &Measure, change: impl Fn(&mut u64)) {
        let also = |count: &mut u64, holds: bool| {
            if holds {
                change(count);
            }
        };
        match *measure {
            Measure::Verdict { overridden } => {
                also(&mut self.decisions, true);
                also(&mut self.overrides, overridden);
            }
            Measure::Processing { .. } => {}
            Measure::Satisfaction { stars } => {
                if let Some(count) = self.stars.get_mut(usize::from(stars).wrapping_sub(1)) {
                    also(count, true);
                }
            }
            Measure::Recommendation { overridden } => {
                also(&mut self.recommendations, true);
                also(&mut self.recommendations_overridden, overridden);
            }
            Measure::Appeal { reversed, overrode } => {
                also(&mut self.appeals, true);
                also(&mut self.appeals_reversed, reversed);
                also(&mut self.overrides_upheld, overrode && !reversed);
                also(&mut self.overrides_reversed, overrode && reversed);
            }
        }
    }
}
