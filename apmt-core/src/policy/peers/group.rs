//! A group as it stands at one evaluation: everybody's cases, by track where tracks are told apart.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::name::Track;
use crate::statistics::{Cases, Funnel};

/// So many of so many.
pub(in crate::policy) type Parts = (u64, u64);

/// Somebody's cases, so many of so many on each track that there are any on, in the order of their names: before them
/// those without a track, which are all where tracks are not told apart.
pub(in crate::policy) type Mix<'a> = Vec<(Option<&'a Track>, Parts)>;

/// Everybody's cases at one evaluation, of the tracks on which there are enough members to compare.
#[derive(Debug)]
pub(super) struct Group {
    /// How many members it takes to compare cases of a track.
    least: u32,
    /// The tracks by number, in the order of their names.
    tracks: Arc<[Option<Track>]>,
    /// How many members have cases of each, whether they are enough or not.
    members: Vec<u32>,
    /// How many members have cases of any.
    all: usize,
    /// One member's cases after another's, in order; of members with the same, once. So the same cases come to the same
    /// numbers whosever they are, and to as few.
    cases: Vec<Cases>,
    /// Where in them each such member's end, and how many members have just these.
    ends: Vec<(u32, u64)>,
    /// How those stand who have been looked at, by their cases: whoever has the same stands the same.
    standings: Mutex<Standings>,
}

/// How somebody with such cases stands by limits that hold such a share of the others, the share by its bits.
type Standings = HashMap<(Vec<Cases>, u64), Option<Standing>>;

/// How somebody stands to the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) funnel: Funnel,
    /// The limits that hold so many of the others.
    pub(super) limits: [f64; 2],
}

impl Standing {
    fn of(funnel: Funnel, coverage: f64) -> Self {
        Self { funnel, limits: funnel.limits(coverage) }
    }

    /// Whether the rate lies outside the limits on that side.
    pub(super) fn lies_outside(&self, too_much: bool) -> bool {
        let ([low, high], rate) = (self.limits, self.funnel.rate());
        self.funnel.whole() > 0 && if too_much { rate > high } else { rate < low }
    }
}

impl Group {
    /// The group of those members, of each the cases by the numbers of their tracks, rising.
    pub(super) fn of<'a>(
        tracks: &Arc<[Option<Track>]>,
        everybody: impl Iterator<Item = &'a [Cases]> + Clone,
        least: u32,
    ) -> Self {
        let mut members = vec![0_u32; tracks.len()];
        let mut all = 0;
        for cases in everybody.clone() {
            let mut has_any = false;
            for Cases { kind, .. } in cases.iter().filter(|cases| cases.whole > 0) {
                if let Some(members) = members.get_mut(*kind as usize) {
                    *members += 1;
                }
                has_any = true;
            }
            all += usize::from(has_any);
        }
        let enough = |cases: &&Cases| {
            cases.whole > 0 && members.get(cases.kind as usize).is_some_and(|members| *members >= least)
        };
        let mut compared: Vec<Cow<'a, [Cases]>> = everybody
            .map(|cases| {
                // Mostly there are enough members on every track, and nothing has to be copied.
                if cases.iter().all(|cases| enough(&cases)) {
                    Cow::Borrowed(cases)
                } else {
                    cases.iter().filter(enough).copied().collect()
                }
            })
            .filter(|cases| !cases.is_empty())
            .collect();
        compared.sort_unstable();
        let (mut cases, mut ends) = (Vec::new(), Vec::new());
        for alike in compared.chunk_by(|one, other| one == other) {
            cases.extend(alike.iter().take(1).flat_map(|cases| cases.iter()));
            ends.push((cases.len() as u32, alike.len() as u64));
        }
        Self { least, tracks: Arc::clone(tracks), members, all, cases, ends, standings: Mutex::default() }
    }

    /// Whether there are enough members with cases of that number's track.
    fn is_compared(&self, number: usize) -> bool {
        self.members.get(number).is_some_and(|members| *members >= self.least)
    }

    /// How many members have any cases, enough to compare or not.
    pub(super) const fn all(&self) -> usize {
        self.all
    }

    /// How many members have cases on that track.
    pub(super) fn members_on(&self, track: Option<&Track>) -> u64 {
        let members = self.number(track).and_then(|number| self.members.get(number));
        members.copied().map_or(0, u64::from)
    }

    /// Whether there are enough members on any track that somebody has cases on: all the same which, if it has none.
    pub(super) fn has_peers_of(&self, own: &Mix<'_>) -> bool {
        let mut own = own.iter().filter(|(_, (_, whole))| *whole > 0).peekable();
        match own.peek() {
            None => !self.cases.is_empty(),
            Some(_) => {
                own.any(|(track, _)| self.number(*track).is_some_and(|number| self.is_compared(number)))
            }
        }
    }

    /// How somebody with other cases would stand to all but the member whose cases are these. `None` where there is nobody
    /// to compare with.
    pub(super) fn other_standing(
        &self,
        somebody: &Mix<'_>,
        member: &Mix<'_>,
        coverage: f64,
    ) -> Option<Standing> {
        let others = self.others_than(&self.cases_of(member)).into_iter();
        Some(Standing::of(Funnel::among(&self.cases_of(somebody), others)?, coverage))
    }

    /// How a member stands to all others.
    pub(super) fn standing(&self, member: &Mix<'_>, coverage: f64) -> Option<Standing> {
        let key = (self.cases_of(member), coverage.to_bits());
        // Whoever panicked with it has left nothing unfinished in it.
        let known = || self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(standing) = known().get(&key) {
            return *standing;
        }
        let others = self.others_than(&key.0).into_iter();
        let standing = Funnel::among(&key.0, others).map(|funnel| Standing::of(funnel, coverage));
        known().insert(key, standing);
        standing
    }

    /// How a member stands to all others on one track.
    pub(super) fn standing_on(
        &self,
        track: Option<&Track>,
        member: &Mix<'_>,
        coverage: f64,
    ) -> Option<Standing> {
        let kind = self.number(track)? as u32;
        let of_kind = |cases: &[Cases]| cases.iter().find(|cases| cases.kind == kind).copied();
        let member = self.cases_of(member);
        let others = self.others_than(&member).into_iter();
        let others: Vec<(Cases, u64)> =
            others.filter_map(|(cases, count)| Some((of_kind(cases)?, count))).collect();
        let own: Vec<Cases> = of_kind(&member).into_iter().collect();
        let others = others.iter().map(|(cases, count)| (std::slice::from_ref(cases), *count));
        Some(Standing::of(Funnel::among(&own, others)?, coverage))
    }

    /// Everybody else's cases, and how many have just these. Whoever has the same cases is as good to leave out: what is
    /// left is the same then.
    fn others_than(&self, member: &[Cases]) -> Vec<(&[Cases], u64)> {
        let others = |(cases, count): (_, u64)| (cases, count.saturating_sub(u64::from(cases == member)));
        self.each().map(others).filter(|(_, count)| *count > 0).collect()
    }

    fn each(&self) -> impl Iterator<Item = (&[Cases], u64)> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(end, _)| *end));
        starts.zip(&self.ends).filter_map(|(start, (end, count))| {
            Some((self.cases.get(start as usize..*end as usize)?, *count))
        })
    }

    fn number(&self, track: Option<&Track>) -> Option<usize> {
        self.tracks.binary_search_by(|known| known.as_ref().cmp(&track)).ok()
    }

    /// Those of somebody's cases that are compared.
    fn cases_of(&self, mix: &Mix<'_>) -> Vec<Cases> {
        let compared = |(track, (part, whole)): &(Option<&Track>, Parts)| {
            let number = self.number(*track)?;
            let cases = Cases { kind: number as u32, part: *part, whole: *whole };
            (*whole > 0 && self.is_compared(number)).then_some(cases)
        };
        mix.iter().filter_map(compared).collect()
    }
}
