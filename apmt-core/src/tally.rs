//! Counts and exact distributions of what counts for an actor, a day at a time.
//!
//! A [`Tally`] can be added to, taken from and read together with others, so a store keeps one an actor and a day, and
//! a dossier reads the days of its window instead of the events. Nothing in it is approximate: processing times are
//! kept whole, in order, so that a quantile over many days is found by selection among sorted runs
//! ([`Durations::nth_of`]), without a merge.

mod day;
mod durations;
mod working_days;

pub use day::{DayTally, Entry, StoredTallyError};
pub use durations::Durations;
pub use working_days::WorkingDays;

use serde::{Deserialize, Serialize};

use crate::contribution::Measure;
use crate::name::Track;

/// How many counts a tally has.
const COUNTS: usize = 13;

/// What a set of contributions comes to, all of them on cases of one track.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tally {
    /// The cases' track; absent for what is on cases without one, or on none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub track: Option<Track>,
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
    /// The working day that each of them had come to.
    pub working_days: WorkingDays,
}

impl Tally {
    /// Nothing, on cases of that track.
    pub fn of(track: Option<Track>) -> Self {
        Self { track, ..Self::default() }
    }

    /// Counts a measure.
    pub fn add(&mut self, measure: &Measure) {
        if let Measure::Processing { counted_ms, working_day, .. } = measure {
            self.processing.insert(*counted_ms);
            self.working_days.insert(*working_day);
        }
        self.count(measure, |count| *count += 1);
    }

    /// Takes back a measure that was counted.
    pub fn remove(&mut self, measure: &Measure) {
        if let Measure::Processing { counted_ms, working_day, .. } = measure {
            self.processing.remove(*counted_ms);
            self.working_days.remove(*working_day);
        }
        self.count(measure, |count| *count = count.saturating_sub(1));
    }

    /// Adds all that another tally counts: that of more of the same day's contributions, on cases of the same track.
    pub fn merge(&mut self, other: &Self) {
        self.add_counts(other);
        self.processing.insert_all(&other.processing);
        self.working_days.insert_all(&other.working_days);
    }

    /// Adds another tally's counts, but not its times. Counts that were damaged where they were stored may be anything:
    /// they come out wrong, and nothing panics.
    pub(crate) fn add_counts(&mut self, other: &Self) {
        self.each_count(other, u64::saturating_add);
    }

    /// Takes away another tally's counts, but not its times.
    pub(crate) fn take_counts(&mut self, other: &Self) {
        self.each_count(other, u64::saturating_sub);
    }

    fn each_count(&mut self, other: &Self, change: impl Fn(u64, u64) -> u64) {
        for (count, by) in self.counts_mut().into_iter().zip(other.counts()) {
            *count = change(*count, by);
        }
    }

    /// Whether nothing is counted.
    pub fn is_empty(&self) -> bool {
        self.counts().iter().all(|count| *count == 0) && self.processing.is_empty()
    }

    /// Every count, in the order in which they are stored.
    fn counts(&self) -> [u64; COUNTS] {
        let [one, two, three, four, five] = self.stars;
        [
            self.decisions,
            self.overrides,
            self.recommendations,
            self.recommendations_overridden,
            one,
            two,
            three,
            four,
            five,
            self.appeals,
            self.appeals_reversed,
            self.overrides_upheld,
            self.overrides_reversed,
        ]
    }

    /// The same, to be changed.
    fn counts_mut(&mut self) -> [&mut u64; COUNTS] {
        let [one, two, three, four, five] = &mut self.stars;
        [
            &mut self.decisions,
            &mut self.overrides,
            &mut self.recommendations,
            &mut self.recommendations_overridden,
            one,
            two,
            three,
            four,
            five,
            &mut self.appeals,
            &mut self.appeals_reversed,
            &mut self.overrides_upheld,
            &mut self.overrides_reversed,
        ]
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

/// Tallies of the same day or window, one for each track, in the order of the tracks' names; that of no track is first.
/// What counts is in one of them, so that nothing is held twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByTrack(Vec<Tally>);

impl ByTrack {
    /// The tallies, none of which is empty.
    pub fn tallies(&self) -> &[Tally] {
        &self.0
    }

    /// The tallies, none of which is empty.
    pub fn into_tallies(self) -> Vec<Tally> {
        self.0
    }

    /// Counts a measure of a case of that track.
    pub fn add(&mut self, track: Option<&Track>, measure: &Measure) {
        self.of(track).add(measure);
    }

    /// Takes back a measure that was counted.
    pub fn remove(&mut self, track: Option<&Track>, measure: &Measure) {
        self.change(track, |tally| tally.remove(measure));
    }

    fn place(&self, track: Option<&Track>) -> Result<usize, usize> {
        self.0.binary_search_by(|tally| tally.track.as_ref().cmp(&track))
    }

    /// The tally of a track, made if there is none yet.
    fn of(&mut self, track: Option<&Track>) -> &mut Tally {
        let place = self.place(track).unwrap_or_else(|place| {
            self.0.insert(place, Tally::of(track.cloned()));
            place
        });
        &mut self.0[place]
    }

    /// Changes a track's tally; one that is left with nothing goes.
    fn change(&mut self, track: Option<&Track>, change: impl FnOnce(&mut Tally)) {
        let Ok(place) = self.place(track) else { return };
        if let Some(tally) = self.0.get_mut(place) {
            change(tally);
            if tally.is_empty() {
                self.0.remove(place);
            }
        }
    }
}
