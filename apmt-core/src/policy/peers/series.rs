//! The members of a group, and the group that they are at each evaluation.

use std::sync::{Arc, OnceLock};

use super::Evaluation;
use super::gathering::Basis;
use super::group::Group;
use crate::name::Track;
use crate::policy::judge::day_after;
use crate::statistics::Cases;
use crate::time::Day;

/// What a member's cases were at each evaluation that is looked at.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) agent: bool,
    /// At `as_of`, by the numbers of their tracks, rising.
    pub(super) now: Vec<Cases>,
    /// What each day adds, by day.
    pub(super) days: Vec<(Day, Cases)>,
}

impl Member {
    /// The cases of the days after one up to another, by the numbers of their tracks, rising.
    fn cases_of(&self, after: Day, last: Day) -> Vec<Cases> {
        let from = self.days.partition_point(|(day, _)| *day <= after);
        let to = self.days.partition_point(|(day, _)| *day <= last);
        let mut sums: Vec<Cases> = Vec::new();
        for (_, cases) in self.days.get(from..to).unwrap_or_default() {
            match sums.binary_search_by_key(&cases.kind, |sum| sum.kind) {
                Ok(place) => {
                    if let Some(sum) = sums.get_mut(place) {
                        sum.part = sum.part.saturating_add(cases.part);
                        sum.whole = sum.whole.saturating_add(cases.whole);
                    }
                }
                Err(place) => sums.insert(place, *cases),
            }
        }
        sums
    }

    /// The same with other numbers of tracks.
    pub(super) fn renumbered(&self, number: impl Fn(u32) -> u32) -> Self {
        let renumbered = |cases: &Cases| Cases { kind: number(cases.kind), ..*cases };
        let mut now: Vec<Cases> = self.now.iter().map(renumbered).collect();
        now.sort_unstable_by_key(|cases| cases.kind);
        let days = self.days.iter().map(|(day, cases)| (*day, renumbered(cases))).collect();
        Self { agent: self.agent, now, days }
    }
}

/// One group by one rate.
///
/// The group at the end of a past day is put together when somebody asks for it: few do, for an actor is compared with
/// its peers only where it meets a rule's own conditions.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) of: Basis,
    pub(super) agents: bool,
    tracks: Arc<[Option<Track>]>,
    members: Vec<Arc<Member>>,
    window_days: i64,
    now: Option<Group>,
    first: Day,
    days: Vec<OnceLock<Group>>,
}

impl Series {
    /// The group of those members, now if it is looked at, and at the ends of so many days from the first on.
    pub(super) fn new(
        of: Basis,
        agents: bool,
        (tracks, members): (Arc<[Option<Track>]>, Vec<Arc<Member>>),
        window_days: u32,
        is_now: bool,
        (first, days): (Day, usize),
    ) -> Self {
        let now = || Group::of(&tracks, members.iter().map(|member| &*member.now), of.min_group);
        let now = is_now.then(now);
        let (window_days, days) =
            (i64::from(window_days), std::iter::repeat_with(OnceLock::new).take(days).collect());
        Self { of, agents, tracks, members, window_days, now, first, days }
    }

    pub(super) fn group(&self, at: Evaluation) -> Option<&Group> {
        match at {
            Evaluation::Now => self.now.as_ref(),
            Evaluation::EndOf(day) => {
                Some(self.days.get(place(self.first, day)?)?.get_or_init(|| self.at_end_of(day)))
            }
        }
    }

    fn at_end_of(&self, day: Day) -> Group {
        let before = day_after(day, -self.window_days);
        let cases: Vec<Vec<Cases>> = self.members.iter().map(|member| member.cases_of(before, day)).collect();
        Group::of(&self.tracks, cases.iter().map(Vec::as_slice), self.of.min_group)
    }
}

/// The place of a day among those from the first on.
pub(super) fn place(first: Day, day: Day) -> Option<usize> {
    usize::try_from(i64::from(day.number()) - i64::from(first.number())).ok()
}
