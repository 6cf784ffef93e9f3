//! One case by brute force: who held it when, for how long, and what of it counts for whom.

use super::{Counted, Kind, actor, differ};
use crate::calendar::Calendar;
use crate::event::{Outcome, What};
use crate::store::Recorded;
use crate::time::Timestamp;

/// One case's events in order, retracted ones dropped.
pub(super) struct Case<'a> {
    pub(super) events: Vec<&'a Recorded>,
    pub(super) calendar: &'a Calendar,
}

/// Whose clock (nobody's in the pool), and the index of the event that started it.
pub(super) type ClockOf = (Option<String>, usize);

impl Case<'_> {
    fn what(&self, index: usize) -> &What {
        self.events[index].event.what()
    }

    fn at(&self, index: usize) -> Timestamp {
        self.events[index].occurred_at
    }

    fn actor(&self, index: usize) -> String {
        actor(self.events[index])
    }

    fn clock_before(&self, index: usize) -> Option<ClockOf> {
        self.clock_after(index.checked_sub(1)?)
    }

    /// The clock that runs after the event at that index: looked for backwards, from the events that set it.
    pub(super) fn clock_after(&self, index: usize) -> Option<ClockOf> {
        match self.what(index) {
            What::CaseOpened { .. } | What::CaseReopened | What::Unassigned => Some((None, index)),
            What::Assigned => match self.clock_before(index) {
                Some((Some(holder), since)) if holder == self.actor(index) => Some((Some(holder), since)),
                _ => Some((Some(self.actor(index)), index)),
            },
            What::AiRecommendation { .. } => match self.clock_before(index) {
                Some((Some(holder), since)) if holder != self.actor(index) => Some((Some(holder), since)),
                _ => Some((None, index)),
            },
            What::Decision { .. } | What::Override { .. } | What::CaseClosed => None,
            _ => self.clock_before(index),
        }
    }

    fn disposes(&self, index: usize) -> bool {
        match self.what(index) {
            What::Decision { .. } | What::Override { .. } | What::CaseClosed => true,
            What::AiRecommendation { .. } => match self.clock_before(index) {
                Some((Some(holder), _)) => holder == self.actor(index),
                _ => true,
            },
            _ => false,
        }
    }

    /// Whether the case is paused after that event: what did the last event say that had a say in it?
    pub(super) fn paused_after(&self, index: usize) -> bool {
        for index in (0..=index).rev() {
            match self.what(index) {
                What::Paused { .. } => return true,
                What::Resumed { .. } | What::CaseOpened { .. } | What::CaseReopened => return false,
                _ if self.disposes(index) => return false,
                _ => {}
            }
        }
        false
    }

    /// What counts between two events: the sum over the gaps between neighbours that no pause covers.
    pub(super) fn ran(&self, from: usize, to: usize) -> u64 {
        (from..to)
            .filter(|index| !self.paused_after(*index))
            .map(|index| self.calendar.counted_ms(self.at(index), self.at(index + 1)))
            .sum()
    }

    /// The working day that a clock has come to at an instant that is not before the event at `to`: day by day, those
    /// with hours that end while no pause covers their end, from the day after the one on which the clock started.
    pub(super) fn working_day(&self, since: usize, to: usize, until: Timestamp) -> u32 {
        let mut day = 1;
        let mut start = self.calendar.day_end(self.at(since));
        loop {
            let end = self.calendar.day_end(start);
            if end > until {
                return day;
            }
            let before_end = (since..=to).rev().find(|index| self.at(*index) < end).unwrap_or(since);
            if self.calendar.counted_ms(start, end) > 0 && !self.paused_after(before_end) {
                day += 1;
            }
            start = end;
        }
    }

    /// What the latest opening that named a track said.
    pub(super) fn track_after(&self, index: usize) -> Option<String> {
        (0..=index).rev().find_map(|index| match self.what(index) {
            What::CaseOpened { track: Some(track), .. } => {
                Some(track.trim().to_lowercase()).filter(|track| !track.is_empty())
            }
            _ => None,
        })
    }

    fn is_verdict(&self, index: usize) -> bool {
        matches!(self.what(index), What::Decision { .. } | What::Override { .. })
    }

    fn overrode(&self, index: usize) -> bool {
        match self.what(index) {
            What::Override { .. } => true,
            What::Decision { ai_recommendation, human_verdict } => {
                let advised = self.advice_before(index).and_then(|advice| match self.what(advice) {
                    What::AiRecommendation { ai_recommendation, .. } => Some(&**ai_recommendation),
                    _ => None,
                });
                differ(ai_recommendation.as_deref().or(advised), human_verdict.as_deref())
            }
            _ => false,
        }
    }

    fn advice_before(&self, index: usize) -> Option<usize> {
        (0..index).rev().find(|index| matches!(self.what(*index), What::AiRecommendation { .. }))
    }

    /// To whom the stars at that index go.
    fn rated(&self, index: usize) -> String {
        let all = 0..self.events.len();
        let verdict = |index: &usize| self.is_verdict(*index);
        let closing = |index: &usize| {
            matches!(self.what(*index), What::CaseClosed) && self.events[*index].event.actor().is_some()
        };
        if self.events[index].event.actor().is_some() {
            return self.actor(index);
        }
        let before = || (0..index).rev();
        let after = || all.clone().skip(index + 1);
        let whose = before()
            .find(verdict)
            .or_else(|| after().find(verdict))
            .or_else(|| before().find(closing))
            .or_else(|| after().find(closing));
        match whose {
            Some(index) => self.actor(index),
            None => self.clock_before(index).and_then(|(holder, _)| holder).unwrap_or_default(),
        }
    }

    pub(super) fn contributions(&self) -> Vec<Counted> {
        let mut counted = Vec::new();
        for index in 0..self.events.len() {
            // A clock that an opening ends is of the track that the case had until then.
            let mut count = |actor: String, kind| {
                let before = match kind {
                    Kind::Processing { .. } => index.checked_sub(1),
                    _ => Some(index),
                };
                let track = before.and_then(|before| self.track_after(before));
                counted.push(Counted { actor, at: self.at(index), track, kind });
            };
            if self.is_verdict(index) {
                let overrode = self.overrode(index);
                count(self.actor(index), Kind::Verdict { overrode });
                if let Some(advice) = self.advice_before(index) {
                    count(self.actor(advice), Kind::Advice { overrode });
                }
            }
            if let Some((holder, since)) = self.clock_before(index)
                && self.clock_after(index).is_none_or(|(_, started)| started != since)
            {
                let ms = self.ran(since, index);
                let working_day = self.working_day(since, index - 1, self.at(index));
                let kind = Kind::Processing { ms, working_day };
                match holder {
                    Some(holder) => count(holder, kind),
                    None if self.disposes(index) => count(self.actor(index), kind),
                    None => {}
                }
            }
            match self.what(index) {
                What::SatScore { value, .. } => count(self.rated(index), Kind::Stars(*value)),
                What::AppealOutcome { outcome } => {
                    let verdict = (0..index).rev().find(|index| self.is_verdict(*index));
                    let overrode = verdict.is_some_and(|verdict| self.overrode(verdict));
                    let whose = verdict.map(|verdict| self.actor(verdict)).unwrap_or_default();
                    count(whose, Kind::Appeal { reversed: *outcome == Outcome::Reversed, overrode });
                }
                _ => {}
            }
        }
        counted
    }
}
