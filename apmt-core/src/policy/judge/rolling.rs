//! A window that slides from day to day by adding a tally and taking one away.

use super::day_after;
use crate::metrics::{Metrics, Sums};
use crate::policy::sample::Sample;
use crate::policy::{Policy, Sla};
use crate::tally::Tally;
use crate::time::Day;

/// What a window over whole days comes to that slides to and fro.
pub(super) struct Rolling<'a> {
    days: &'a [(Day, &'a Tally)],
    window_days: i64,
    sla: Option<&'a Sla>,
    sums: Sums,
    metrics: Metrics,
    /// Which of the days the window holds: `from..to`.
    from: usize,
    to: usize,
}

impl<'a> Rolling<'a> {
    /// A window that ends with that day.
    pub(super) fn new(days: &'a [(Day, &'a Tally)], policy: &'a Policy, day: Day) -> Self {
        let (window_days, sla) = (i64::from(policy.window_days()), policy.sla());
        let from = days.partition_point(|(before, _)| *before <= day_after(day, -window_days));
        let sums = Sums::default();
        let metrics = sums.metrics(sla);
        let mut rolling = Self { days, window_days, sla, sums, metrics, from, to: from };
        rolling.move_to(day);
        rolling
    }

    /// Moves the window's end to the end of a day; whether anything changed.
    pub(super) fn move_to(&mut self, day: Day) -> bool {
        let (days, gone) = (self.days, day_after(day, -self.window_days));
        let before = (self.from, self.to);
        let at = |place: usize| days.get(place).copied();
        // What enters first, so that on neither way more is taken away than is there.
        while let Some((_, tally)) = at(self.to).filter(|(entering, _)| *entering <= day) {
            self.sums.add(tally, self.sla);
            self.to += 1;
        }
        while let Some((_, tally)) =
            self.from.checked_sub(1).and_then(at).filter(|(entering, _)| *entering > gone)
        {
            self.sums.add(tally, self.sla);
            self.from -= 1;
        }
        while let Some((_, tally)) = at(self.from).filter(|(leaving, _)| *leaving <= gone) {
            self.sums.take(tally, self.sla);
            self.from += 1;
        }
        while let Some((_, tally)) = self.to.checked_sub(1).and_then(at).filter(|(leaving, _)| *leaving > day)
        {
            self.sums.take(tally, self.sla);
            self.to -= 1;
        }
        let moved = before != (self.from, self.to);
        if moved {
            self.metrics = self.sums.metrics(self.sla);
        }
        moved
    }

    /// What the window holds.
    pub(super) fn sample(&self) -> Sample<'_> {
        let days = self.days.get(self.from..self.to).unwrap_or_default();
        Sample { metrics: &self.metrics, days, sla: self.sla }
    }
}
