//! A rule's state from one evaluation to the next.

use crate::policy::rule::Rule;
use crate::time::{DAY_MS, Timestamp};

/// One rule on its way through the evaluations, in order.
#[derive(Clone, Debug)]
pub(super) struct Watch<'a> {
    pub(super) rule: &'a Rule,
    pub(super) look_back_days: u32,
    window_ms: u64,
    /// The first of the evaluations in a row, up to the last one, at which it held.
    pub(super) run_since: Option<Timestamp>,
    /// The first of those at which it did not.
    pub(super) gap_since: Option<Timestamp>,
    pub(super) raised: bool,
    /// The last evaluation at which it had held for long enough.
    last_proven: Timestamp,
}

impl<'a> Watch<'a> {
    pub(super) fn new(rule: &'a Rule, window_days: u32, as_of: Timestamp) -> Self {
        Self {
            rule,
            look_back_days: rule.look_back_days(window_days),
            window_ms: u64::from(window_days) * DAY_MS,
            run_since: None,
            gap_since: None,
            raised: false,
            last_proven: as_of,
        }
    }

    pub(super) fn step(&mut self, at: Timestamp, holds: bool) {
        let lasted = |since: Timestamp, days: u32| at.since(since) >= u64::from(days) * DAY_MS;
        if holds {
            self.gap_since = None;
            if lasted(*self.run_since.get_or_insert(at), self.rule.for_days()) {
                self.raised = true;
                self.last_proven = at;
            }
        } else {
            self.run_since = None;
            if lasted(*self.gap_since.get_or_insert(at), self.rule.clear_after_days()) {
                self.raised = false;
            }
        }
        if at.since(self.last_proven) > self.window_ms {
            self.raised = false;
        }
    }
}
