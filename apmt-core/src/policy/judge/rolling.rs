//! A window that slides from day to day by adding a tally and taking one away.

use super::{day_after, is_met};
use crate::metrics::Metrics;
use crate::policy::bound::Sample;
use crate::policy::peers::{Among, Evaluation};
use crate::policy::rule::Rule;
use crate::policy::{Policy, Sla};
use crate::tally::{ByTrack, Durations, Tally};
use crate::time::Day;

/// The tallies of a window that slides over whole days.
pub(super) struct Rolling<'a> {
    days: &'a [(Day, &'a Tally)],
    window_days: i64,
    /// Whether processing times are kept: only rules that look at them need them.
    with_times: bool,
    sum: ByTrack,
    entered: usize,
    left: usize,
}

impl<'a> Rolling<'a> {
    pub(super) fn new(days: &'a [(Day, &'a Tally)], policy: &Policy, with_times: bool) -> Self {
        let window_days = i64::from(policy.window_days());
        Self { days, window_days, with_times, sum: ByTrack::default(), entered: 0, left: 0 }
    }

    /// Moves the window's end to the end of a day, which must not lie before the last one; whether anything changed.
    pub(super) fn move_to(&mut self, day: Day) -> bool {
        let gone = day_after(day, -self.window_days);
        let before = (self.entered, self.left);
        while let Some((_, tally)) = self.days.get(self.entered).filter(|(entering, _)| *entering <= day) {
            self.sum.add_all(tally, self.with_times);
            self.entered += 1;
        }
        while let Some((_, tally)) = self.days.get(self.left).filter(|(leaving, _)| *leaving <= gone) {
            self.sum.take_all(tally, self.with_times);
            self.left += 1;
        }
        before != (self.entered, self.left)
    }

    pub(super) fn metrics(&self, sla: Option<&Sla>) -> Metrics {
        Metrics::of(self.sum.tallies(), &[], sla)
    }

    /// The window's processing times, where they are kept.
    pub(super) fn times(&self) -> Vec<&Durations> {
        self.sum.tallies().iter().map(|tally| &tally.processing).collect()
    }

    /// Whether a rule is met by what the window holds, of which these are the metrics.
    pub(super) fn is_met(&self, rule: &Rule, metrics: &Metrics) -> bool {
        is_met(rule, &Sample { metrics, times: &self.times() })
    }

    /// Whether that puts the actor outside of what its peers had come to at the end of that day.
    pub(super) fn stands_out(&self, rule: &Rule, metrics: &Metrics, among: Among<'_>, day: Day) -> bool {
        let sample = Sample { metrics, times: &self.times() };
        among.stands_out(rule, &sample, Evaluation::EndOf(day))
    }
}
