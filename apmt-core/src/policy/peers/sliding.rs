//! Groups at the ends of days, from windows that slide.

use std::sync::Arc;

use super::super::Policy;
use super::super::judge::day_after;
use super::gathering::{Basis, Member};
use super::group::Group;
use crate::name::Track;
use crate::statistics::Cases;
use crate::time::Day;

/// The group at the end of each of those days.
pub(super) fn each_day(
    members: &[&Member],
    tracks: &Arc<[Option<Track>]>,
    of: Basis,
    first: Day,
    last: Day,
    policy: &Policy,
) -> Vec<Arc<Group>> {
    let window_days = i64::from(policy.window_days());
    let mut sums = vec![Sliding::default(); members.len()];
    let group =
        |sums: &[Sliding]| Arc::new(Group::of(tracks, sums.iter().map(|sum| &*sum.cases), of.min_group));
    let mut now = group(&sums);
    (first.number()..=last.number())
        .map(|number| {
            let day = Day::from_number(number);
            let gone = day_after(day, -window_days);
            let mut moved = false;
            for (sum, member) in sums.iter_mut().zip(members) {
                moved |= sum.move_to(day, gone, &member.days);
            }
            if moved {
                now = group(&sums);
            }
            Arc::clone(&now)
        })
        .collect()
}

/// One member's cases over a window that slides.
#[derive(Clone, Debug, Default)]
struct Sliding {
    /// By the tracks' numbers, rising; of a track on which there are none any more, none of none.
    cases: Vec<Cases>,
    entered: usize,
    left: usize,
}

impl Sliding {
    fn move_to(&mut self, day: Day, gone: Day, days: &[(Day, Cases)]) -> bool {
        let before = (self.entered, self.left);
        while let Some((_, cases)) = days.get(self.entered).filter(|(entering, _)| *entering <= day) {
            self.change(cases, u64::saturating_add);
            self.entered += 1;
        }
        while let Some((_, cases)) = days.get(self.left).filter(|(leaving, _)| *leaving <= gone) {
            self.change(cases, u64::saturating_sub);
            self.left += 1;
        }
        before != (self.entered, self.left)
    }

    fn change(&mut self, by: &Cases, change: impl Fn(u64, u64) -> u64) {
        let place = self.cases.binary_search_by_key(&by.kind, |cases| cases.kind).unwrap_or_else(|place| {
            self.cases.insert(place, Cases { kind: by.kind, part: 0, whole: 0 });
            place
        });
        if let Some(cases) = self.cases.get_mut(place) {
            (cases.part, cases.whole) = (change(cases.part, by.part), change(cases.whole, by.whole));
        }
    }
}
