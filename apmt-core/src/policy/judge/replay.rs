//! Judging every day of a span at once.

use super::rolling::Rolling;
use super::watch::Watch;
use super::{Metric, day_after, is_met};
use crate::dossier::Status;
use crate::event::ActorKind;
use crate::policy::Policy;
use crate::policy::peers::{Among, Evaluation, PeerGroups};
use crate::policy::sample::Sample;
use crate::tally::Tally;
use crate::time::{Day, Timestamp, Window};

/// Consecutive days at whose ends the same rules were raised, with the same outcomes.
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
    /// not in them: rules on `open.*` are not raised here. `groups` are what [`replay_gathering`](Self::replay_gathering)
    /// made of everybody's days; under a policy that [compares no peers](Self::compares_peers), [`PeerGroups::none`].
    pub fn replay(
        &self,
        kind: Option<ActorKind>,
        days: &[(Day, Tally)],
        groups: &PeerGroups,
        from: Day,
        to: Day,
    ) -> Vec<Stretch> {
        let among = Among::new(groups, kind);
        let days: Vec<(Day, &Tally)> = days.iter().map(|(day, tally)| (*day, tally)).collect();
        let mut watches: Vec<Watch<'_>> = self
            .rules()
            .iter()
            .filter(|rule| rule.is_for(kind) && !rule.metrics().any(Metric::is_of_open_cases))
            .map(|rule| Watch::new(rule, self.window_days(), Timestamp::MAX))
            .collect();
        let first = day_after(from, -i64::from(self.look_back_days()) - 1);
        let mut met = vec![false; watches.len()];
        let mut rolling = Rolling::new(&days, self, first);
        let mut stretches = Stretches::default();
        for day in (first.number()..=to.number()).map(Day::from_number) {
            let changed = rolling.move_to(day) || day == first;
            let sample = rolling.sample();
            for (watch, met) in watches.iter_mut().zip(&mut met) {
                if changed {
                    *met = is_met(watch.rule, &sample);
                }
                let holds = *met && among.stands_out(watch.rule, &sample, Evaluation::EndOf(day));
                watch.step(day.end(), holds);
            }
            if day >= from {
                stretches.add(day, &watches, among);
            }
        }
        stretches.done
    }
}

#[derive(Default)]
struct Stretches {
    done: Vec<Stretch>,
    /// The outcome of each of the watches that was raised at the end of the day before.
    raised: Vec<Option<Status>>,
}

impl Stretches {
    fn add(&mut self, day: Day, watches: &[Watch<'_>], among: Among<'_>) {
        let outcome =
            |watch: &Watch<'_>| watch.raised.then(|| among.outcome(watch.rule, Evaluation::EndOf(day)));
        if watches.iter().map(outcome).eq(self.raised.iter().copied()) {
            return;
        }
        if self.raised.iter().any(Option::is_some)
            && let Some(last) = self.done.last_mut()
        {
            last.until = Some(day);
        }
        self.raised = watches.iter().map(outcome).collect();
        if let Some(status) = self.raised.iter().copied().flatten().max() {
            let raised = watches.iter().filter(|watch| watch.raised);
            let rules = raised.map(|watch| watch.rule.id().to_owned()).collect();
            self.done.push(Stretch { from: day, until: None, status, rules });
        }
    }
}

/// What an actor's window came to at the end of each of those days on which it changed, and on the first: as
/// [`Policy::replay`] sees it.
pub(in crate::policy) fn each_change(
    policy: &Policy,
    days: &[(Day, &Tally)],
    first: Day,
    last: Day,
    mut look: impl FnMut(Day, &Sample<'_>),
) {
    let mut rolling = Rolling::new(days, policy, first);
    for day in (first.number()..=last.number()).map(Day::from_number) {
        if rolling.move_to(day) || day == first {
            look(day, &rolling.sample());
        }
    }
}
