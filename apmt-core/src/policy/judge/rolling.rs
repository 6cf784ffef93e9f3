//! A window that slides from day to day by adding a tally and taking one away.

use super::{day_after, is_met};
use crate::metrics::{Detail, Metrics};
use crate::policy::bound::Sample;
use crate::policy::condition::Condition;
use crate::policy::metric::Metric;
use crate::policy::peers::{Among, Evaluation, Peers};
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
    detail: Detail,
    sum: ByTrack,
    entered: usize,
    left: usize,
}

impl<'a> Rolling<'a> {
    /// A window before the first of these days, for whoever looks at all of the metrics.
    pub(super) fn new(days: &'a [(Day, &'a Tally)], policy: &Policy) -> Self {
        let window_days = i64::from(policy.window_days());
        let detail = Detail { quantiles: true, tracks: true };
        Self { days, window_days, with_times: true, detail, sum: ByTrack::default(), entered: 0, left: 0 }
    }

    /// The same, for these rules' conditions and comparisons with peers alone.
    #[must_use]
    pub(super) fn only_for(self, rules: &[&Rule]) -> Self {
        let with_times = rules.iter().any(|rule| rule.metrics().any(Metric::is_of_processing));
        // A bound of a quantile is found among the times themselves.
        let looks_at =
            |condition: &Condition| condition.bound().is_none() && condition.metric().is_of_order();
        let quantiles = rules.iter().any(|rule| rule.when().iter().any(looks_at));
        let tracks = rules.iter().any(|rule| rule.peers().is_some_and(Peers::tells_tracks_apart));
        Self { with_times, detail: Detail { quantiles, tracks }, ..self }
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
        Metrics::in_detail(self.sum.tallies(), &[], sla, self.detail)
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
