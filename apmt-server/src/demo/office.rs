//! When people work: on the days of a federal office, within its hours in winter and in summer.

use apmt_core::time::{DAY_MS, Day, HOUR_MS};
use apmt_core::{Calendar, Timestamp};

use crate::random::Random;

pub(super) const MINUTE: i64 = 60_000;
pub(super) const HOUR: i64 = HOUR_MS as i64;
pub(super) const DAY: i64 = DAY_MS as i64;

/// 09:30 to 16:30 in summer and 08:30 to 15:30 in winter in New York: within office hours all the year.
const OPENS: i64 = 13 * HOUR + HOUR / 2;
const CLOSES: i64 = 20 * HOUR + HOUR / 2;
/// Instants drawn by chance keep this far from the ends of the day, so that they can be moved a little.
const MARGIN: i64 = 45 * MINUTE;

#[derive(Debug)]
pub(super) struct Office {
    /// The days on which the office is open, in order.
    days: Vec<Day>,
}

impl Office {
    /// The days from `days` before `as_of` to two weeks after it.
    pub(super) fn around(as_of: Timestamp, days: i64) -> Self {
        let calendar = Calendar::us_federal();
        let today = as_of.day().number();
        let open = |day: &Day| {
            let noon = day.start().plus_millis(16 * HOUR);
            calendar.counted_ms(noon, noon.plus_millis(HOUR)) > 0
        };
        let first = today.saturating_sub(i32::try_from(days).unwrap_or(i32::MAX) - 1);
        let days = (first..today.saturating_add(15)).map(Day::from_number).filter(open).collect();
        Self { days }
    }

    /// The open days from `from` to `to`, both included.
    pub(super) fn days(&self, from: Timestamp, to: Timestamp) -> &[Day] {
        let start = self.days.partition_point(|day| *day < from.day());
        let end = self.days.partition_point(|day| *day <= to.day());
        self.days.get(start..end).unwrap_or_default()
    }

    /// Some instant of that day's office hours.
    pub(super) fn sometime(day: Day, random: &mut Random) -> Timestamp {
        day.start().plus_millis(random.between(OPENS + MARGIN, CLOSES - MARGIN))
    }

    /// So long before that instant of office hours, or less, and on the same day.
    pub(super) fn same_day_before(at: Timestamp, before: i64, random: &mut Random) -> Timestamp {
        let first = at.day().start().plus_millis(OPENS + MARGIN / 2);
        let earlier = at.plus_millis(-before.max(MARGIN / 3));
        if earlier >= first { earlier } else { first.plus_millis(random.between(0, MARGIN / 4)) }
    }

    fn is_open(&self, at: Timestamp) -> bool {
        let time = at.since(at.day().start()) as i64;
        (OPENS..CLOSES).contains(&time) && self.days.binary_search(&at.day()).is_ok()
    }

    /// The instant, or if the office is closed then, one on the open day before.
    pub(super) fn at_or_before(&self, at: Timestamp, random: &mut Random) -> Timestamp {
        if self.is_open(at) {
            return at;
        }
        let today_is_over = at.since(at.day().start()) as i64 >= CLOSES;
        let end = self.days.partition_point(|day| *day < at.day() || (today_is_over && *day == at.day()));
        match end.checked_sub(1).and_then(|index| self.days.get(index)) {
            Some(day) => Self::sometime(*day, random),
            None => at,
        }
    }

    /// The instant, or if the office is closed then, one on the open day after.
    pub(super) fn at_or_after(&self, at: Timestamp, random: &mut Random) -> Timestamp {
        if self.is_open(at) {
            return at;
        }
        let today_is_to_come = (at.since(at.day().start()) as i64) < OPENS;
        let next =
            self.days.partition_point(|day| *day < at.day() || (!today_is_to_come && *day == at.day()));
        match self.days.get(next) {
            Some(day) => Self::sometime(*day, random),
            // Past the days that are known, which is past the end of the log.
            None => at.plus_millis(14 * DAY),
        }
    }

    /// The same time of day on the open day before.
    pub(super) fn day_before(&self, at: Timestamp) -> Option<Timestamp> {
        let index = self.days.partition_point(|day| *day < at.day()).checked_sub(1)?;
        let back = at.day().start().since(self.days.get(index)?.start());
        Some(at.plus_millis(-(back as i64)))
    }

    /// The same time of day on the open day after.
    pub(super) fn day_after(&self, at: Timestamp) -> Option<Timestamp> {
        let index = self.days.partition_point(|day| *day <= at.day());
        let ahead = self.days.get(index)?.start().since(at.day().start());
        Some(at.plus_millis(ahead as i64))
    }
}
