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

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::contribution::Measure;
use crate::name::Track;

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
    /// The working day that each of them had come to, in order of their own.
    pub working_days: Durations,
    /// What counts of the cases of each track; what is of none is in the numbers above alone. A track's own tally has
    /// no tracks.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "openapi", schema(no_recursion))]
    pub tracks: BTreeMap<Track, Tally>,
}

impl Tally {
    /// Counts a measure of a case of that track.
    pub fn add(&mut self, track: Option<&Track>, measure: &Measure) {
        self.add_time(measure);
        self.count(measure, |count| *count += 1);
        if let Some(track) = track {
            self.tracks.entry(track.clone()).or_default().add(None, measure);
        }
    }

    /// Takes back a measure that was counted.
    pub fn remove(&mut self, track: Option<&Track>, measure: &Measure) {
        if let Measure::Processing { counted_ms, working_day, .. } = measure {
            self.processing.remove(*counted_ms);
            self.working_days.remove(u64::from(*working_day));
        }
        self.count(measure, |count| *count = count.saturating_sub(1));
        if let Some(track) = track {
            self.change_track(track, |tally| tally.remove(None, measure));
        }
    }

    fn add_time(&mut self, measure: &Measure) {
        if let Measure::Processing { counted_ms, working_day, .. } = measure {
            self.processing.insert(*counted_ms);
            self.working_days.insert(u64::from(*working_day));
        }
    }

    /// What counts of one track's cases, as a tally that knows their track; `None` if nothing does.
    pub fn of_track(&self, track: &Track) -> Option<Self> {
        let own = self.tracks.get(track)?;
        Some(Self { tracks: [(track.clone(), own.clone())].into(), ..own.clone() })
    }

    /// Changes a track's tally; one that is left with nothing goes.
    fn change_track(&mut self, track: &Track, change: impl FnOnce(&mut Self)) {
        if let Some(tally) = self.tracks.get_mut(track) {
            change(tally);
            if tally.is_empty() {
                self.tracks.remove(track);
            }
        }
    }

    /// Adds another tally, its tracks included; its times only where they are wanted.
    pub(crate) fn add_all(&mut self, other: &Self, with_times: bool) {
        self.add_counts(other);
        if with_times {
            self.processing.insert_all(&other.processing);
            self.working_days.insert_all(&other.working_days);
        }
        for (track, tally) in &other.tracks {
            self.tracks.entry(track.clone()).or_default().add_all(tally, with_times);
        }
    }

    /// Takes away another tally that was added so.
    pub(crate) fn take_all(&mut self, other: &Self, with_times: bool) {
        self.take_counts(other);
        if with_times {
            self.processing.remove_all(&other.processing);
            self.working_days.remove_all(&other.working_days);
        }
        for (track, tally) in &other.tracks {
            self.change_track(track, |own| own.take_all(tally, with_times));
        }
    }

    /// Adds another tally's counts, but not its times and its tracks. Counts that were damaged where they were stored may
    /// be anything: they come out wrong, and nothing panics.
    pub(crate) fn add_counts(&mut self, other: &Self) {
        self.each_count(other, u64::saturating_add);
    }

    fn take_counts(&mut self, other: &Self) {
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
