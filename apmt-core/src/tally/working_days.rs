//! How many times came to each working day.

use serde::{Deserialize, Serialize};

/// Which working day each of a set of processing times had come to when it ended: most come to the same few, so each day
/// is kept with how often it comes.
///
/// ```
/// use apmt_core::tally::WorkingDays;
/// let mut days = WorkingDays::default();
/// for day in [3, 1, 3, 20] {
///     days.insert(day);
/// }
/// assert_eq!(days.count_up_to(3), 3);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(u32, u64)>", into = "Vec<(u32, u64)>")]
pub struct WorkingDays(Vec<(u32, u64)>);

impl WorkingDays {
    /// How many times came to at most that working day.
    pub fn count_up_to(&self, day: u32) -> u64 {
        let up_to = self.0.iter().take_while(|(own, _)| *own <= day);
        up_to.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count_up_to(u32::MAX)
    }

    /// Each working day that any time came to, in order, with how many did.
    pub fn counts(&self) -> &[(u32, u64)] {
        &self.0
    }

    /// Adds one.
    pub fn insert(&mut self, day: u32) {
        self.add(day, 1);
    }

    /// Takes one out, if there is one.
    pub fn remove(&mut self, day: u32) {
        self.take(day, 1);
    }

    /// Adds all of another.
    pub(super) fn insert_all(&mut self, other: &Self) {
        other.0.iter().for_each(|(day, count)| self.add(*day, *count));
    }

    /// Adds so many of a day later than all that are there; whether it is one, and any.
    pub(super) fn push(&mut self, day: u32, count: u64) -> bool {
        let follows = count > 0 && self.0.last().is_none_or(|(last, _)| *last < day);
        if follows {
            self.0.push((day, count));
        }
        follows
    }

    fn add(&mut self, day: u32, more: u64) {
        match self.0.binary_search_by_key(&day, |(day, _)| *day) {
            Ok(place) => {
                if let Some((_, count)) = self.0.get_mut(place) {
                    *count = count.saturating_add(more);
                }
            }
            Err(place) => self.0.insert(place, (day, more)),
        }
    }

    fn take(&mut self, day: u32, less: u64) {
        let Ok(place) = self.0.binary_search_by_key(&day, |(day, _)| *day) else { return };
        if let Some((_, count)) = self.0.get_mut(place) {
            *count = count.saturating_sub(less);
            if *count == 0 {
                self.0.remove(place);
            }
        }
    }
}

impl From<WorkingDays> for Vec<(u32, u64)> {
    fn from(days: WorkingDays) -> Self {
        days.0
    }
}

impl TryFrom<Vec<(u32, u64)>> for WorkingDays {
    type Error = &'static str;

    fn try_from(counts: Vec<(u32, u64)>) -> Result<Self, Self::Error> {
        let mut days = Self::default();
        if counts.into_iter().all(|(day, count)| days.push(day, count)) {
            Ok(days)
        } else {
            Err("working days rise, and each comes at least once")
        }
    }
}
