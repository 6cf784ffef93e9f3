//! What a rule came to at the evaluations before `as_of`, as far back as they can decide anything.

use super::day_after;
use super::watch::Watch;
use crate::policy::rule::Rule;
use crate::time::{DAY_MS, Day, Timestamp};

/// The evaluations of one rule, made one after the other from `as_of` backwards.
///
/// It ends where the rule looks no further back, or before: at the beginning of a time of `clear_after` over which the
/// rule has not held at all. By the end of that it was raised no longer, and ran no longer, whatever was before.
#[derive(Debug)]
pub(super) struct History<'a> {
    watch: Watch<'a>,
    as_of: Timestamp,
    holds_now: bool,
    /// Whether it held at the end of each day before `as_of`'s, the last first.
    held: Vec<bool>,
    /// The last of the evaluations in a row, up to the earliest one that was made, at which it did not hold.
    gap_until: Option<Timestamp>,
    /// How many ends of days may have to be looked at.
    reach: usize,
    /// Whether its conditions were met at the last evaluation that was made.
    pub(super) met: bool,
}

impl<'a> History<'a> {
    /// A rule of which is known whether it holds at `as_of`.
    pub(super) fn new(rule: &'a Rule, window_days: u32, as_of: Timestamp, holds_now: bool) -> Self {
        let watch = Watch::new(rule, window_days, as_of);
        let reach = if watch.look_back_days > 0 { watch.look_back_days as usize + 1 } else { 0 };
        let gap_until = (!holds_now).then_some(as_of);
        let mut history = Self { watch, as_of, holds_now, held: Vec::new(), gap_until, reach, met: false };
        history.end_after_gap(as_of);
        history
    }

    pub(super) const fn rule(&self) -> &'a Rule {
        self.watch.rule
    }

    /// The day at whose end the next evaluation is to be made; `None` once nothing earlier matters.
    pub(super) fn next(&self) -> Option<Day> {
        (self.held.len() < self.reach).then(|| self.day(self.held.len()))
    }

    /// Notes whether the rule held at the end of [that day](Self::next).
    pub(super) fn add(&mut self, holds: bool) {
        let at = self.day(self.held.len()).end();
        self.held.push(holds);
        if holds {
            self.gap_until = None;
        } else {
            self.gap_until.get_or_insert(at);
            self.end_after_gap(at);
        }
    }

    /// Ends if the rule has not held from then on for long enough to clear.
    fn end_after_gap(&mut self, from: Timestamp) {
        let clears_after = u64::from(self.rule().clear_after_days()) * DAY_MS;
        if self.gap_until.is_some_and(|until| until.since(from) >= clears_after) {
            self.reach = self.held.len();
        }
    }

    fn day(&self, place: usize) -> Day {
        day_after(self.as_of.day(), -1 - i64::try_from(place).unwrap_or(i64::MAX - 1))
    }

    /// How the rule stands at `as_of` after all of that.
    pub(super) fn into_watch(self) -> Watch<'a> {
        let mut watch = self.watch.clone();
        for (place, held) in self.held.iter().enumerate().rev() {
            watch.step(self.day(place).end(), *held);
        }
        watch.step(self.as_of, self.holds_now);
        watch
    }
}
