//! Judging every day of a span at once.

use super::rolling::Rolling;
use super::watch::Watch;
use super::{Metric, day_after};
use crate::dossier::Status;
use crate::event::ActorKind;
use crate::policy::Policy;
use crate::tally::Tally;
use crate::time::{Day, Timestamp, Window};

/// Consecutive days at whose ends the same rules were raised.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stretch {
    /// The first of those days.
    pub from: Day,
    /// The first day after them; `None` if they last to the end of the span.
    pub until: Option<Day>,
    /// The gravest outcome among the rules.
    pub status: Status,
    /// The ids of the rules that were raised, in the order of the policy.
    pub rules: Vec<String>,
}

impl Policy {
    /// The window whose days [`replay`](Self::replay) needs: from as far back as the first evaluation looks, to the end
    /// of the last day.
    pub fn replay_reach(&self, from: Day, to: Day) -> Window {
        let days = i64::from(self.look_back_days()) + i64::from(self.window_days());
        Window { after: day_after(from, -days).start().plus_millis(-1), until: to.end() }
    }

    /// When an actor would have been flagged: the stretches of days, among those from `from` to `to`, at whose ends any
    /// rule was raised. It is what a dossier as of each of these ends says, at the cost of one walk over the days.
    ///
    /// `days` are the actor's, whole and in order, over [`replay_reach`](Self::replay_reach). Cases that were open are
    /// not in them: rules on `open.*` are not raised here.
    pub fn replay(&self, kind: Option<ActorKind>, days: &[(Day, Tally)], from: Day, to: Day) -> Vec<Stretch> {
        let days: Vec<(Day, &Tally)> = days.iter().map(|(day, tally)| (*day, tally)).collect();
        let mut watches: Vec<Watch<'_>> = self
            .rules()
            .iter()
            .filter(|rule| rule.is_for(kind) && !rule.metrics().any(Metric::is_of_open_cases))
            .map(|rule| Watch::new(rule, self.window_days(), Timestamp::MAX))
            .collect();
        let with_times = watches.iter().any(|watch| watch.rule.metrics().any(Metric::is_of_processing));
        let mut rolling = Rolling::new(&days, self, with_times);
        let mut stretches = Stretches::default();
        let first = day_after(from, -i64::from(self.look_back_days()) - 1);
        for day in (first.number()..=to.number()).map(Day::from_number) {
            if rolling.move_to(day) || day == first {
                let metrics = rolling.metrics(self.sla());
                for watch in &mut watches {
                    watch.met = rolling.is_met(watch.rule, &metrics);
                }
            }
            for watch in &mut watches {
                watch.step(day.end(), watch.met);
            }
            if day >= from {
                stretches.add(day, &watches);
            }
        }
        stretches.done
    }
}

#[derive(Default)]
struct Stretches {
    done: Vec<Stretch>,
    /// Which of the watches were raised at the end of the day before.
    raised: Vec<bool>,
}

impl Stretches {
    fn add(&mut self, day: Day, watches: &[Watch<'_>]) {
        if watches.iter().map(|watch| watch.raised).eq(self.raised.iter().copied()) {
            return;
        }
        if self.raised.contains(&true)
            && let Some(last) = self.done.last_mut()
        {
            last.until = Some(day);
        }
        self.raised = watches.iter().map(|watch| watch.raised).collect();
        let raised = || watches.iter().filter(|watch| watch.raised).map(|watch| watch.rule);
        if let Some(status) = raised().map(crate::policy::Rule::then).max() {
            let rules = raised().map(|rule| rule.id().to_owned()).collect();
            self.done.push(Stretch { from: day, until: None, status, rules });
        }
    }
}
