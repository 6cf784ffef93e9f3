//! A multiset of processing times, kept whole and in order.

/// Processing times in milliseconds, sorted.
///
/// A time under 49.7 days takes four bytes and any other eight: every long one is greater than every short one, so the
/// two runs one after the other are in order.
///
/// ```
/// use apmt_core::tally::Durations;
/// let days = [Durations::from_iter([30, 10]), Durations::from_iter([20])];
/// let runs: Vec<&Durations> = days.iter().collect();
/// assert_eq!(Durations::nth_of(&runs, 1), Some(20)); // the second of 10, 20, 30
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    pub(super) short: Vec<u32>,
    pub(super) long: Vec<u64>,
}

impl Durations {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.short.len() + self.long.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sum, in milliseconds.
    pub fn sum(&self) -> u128 {
        let short: u64 = self.short.iter().map(|value| u64::from(*value)).sum();
        u128::from(short) + self.long.iter().map(|value| u128::from(*value)).sum::<u128>()
    }

    /// How many are at most `limit`.
    pub fn count_up_to(&self, limit: u64) -> usize {
        match u32::try_from(limit) {
            Ok(limit) => self.short.partition_point(|value| *value <= limit),
            Err(_) => self.short.len() + self.long.partition_point(|value| *value <= limit),
        }
    }

    /// The value at that place of the order, from 0.
    pub fn get(&self, index: usize) -> Option<u64> {
        match self.short.get(index) {
            Some(value) => Some(u64::from(*value)),
            None => self.long.get(index - self.short.len()).copied(),
        }
    }

    /// Adds a value.
    pub fn insert(&mut self, value: u64) {
        match u32::try_from(value) {
            Ok(value) => insert_sorted(&mut self.short, value),
            Err(_) => insert_sorted(&mut self.long, value),
        }
    }

    /// Takes one such value out, if there is one.
    pub fn remove(&mut self, value: u64) {
        match u32::try_from(value) {
            Ok(value) => remove_sorted(&mut self.short, &value),
            Err(_) => remove_sorted(&mut self.long, &value),
        }
    }

    /// Adds every value of another.
    pub(super) fn insert_all(&mut self, other: &Self) {
        other.values().for_each(|value| self.insert(value));
    }

    /// The values, in order.
    pub fn values(&self) -> impl Iterator<Item = u64> {
        self.short.iter().map(|value| u64::from(*value)).chain(self.long.iter().copied())
    }

    /// The value at place `rank` (from 0) of all runs' values in one order, without merging them.
    ///
    /// Each round takes the middle of what is left of every run, weighs those middles by how much is left, and drops
    /// what lies on the wrong side of the weighted median: at least a quarter of what is left, so a rank among `n`
    /// values in `k` runs takes O(k · log n) rounds' worth of binary searches. (Frederickson and Johnson, "The
    /// complexity of selection and ranking in X+Y and matrices with sorted columns", 1982.)
    pub fn nth_of(runs: &[&Self], rank: usize) -> Option<u64> {
        // A window that slides over days is one run.
        if let [run] = runs {
            return run.get(rank);
        }
        let mut left: Vec<Left<'_>> =
            runs.iter().map(|run| Left { run, from: 0, under: 0, up_to: 0, to: run.len() }).collect();
        let mut rank = rank;
        let mut middles: Vec<(u64, usize)> = Vec::with_capacity(left.len());
        let mut before = usize::MAX;
        loop {
            left.retain(|left| left.from < left.to);
            let total: usize = left.iter().map(|left| left.to - left.from).sum();
            if rank >= total {
                return None;
            }
            // A round that dropped nothing can only mean a damaged run, out of order: that must not go on for ever.
            if total <= SMALL || total == before {
                let mut rest: Vec<u64> = Vec::with_capacity(total);
                for left in &left {
                    rest.extend((left.from..left.to).filter_map(|index| left.run.get(index)));
                }
                return (rank < rest.len()).then(|| *rest.select_nth_unstable(rank).1);
            }
            before = total;
            middles.clear();
            middles.extend(left.iter().filter_map(|left| {
                let weight = left.to - left.from;
                Some((left.run.get(left.from + weight / 2)?, weight))
            }));
            let pivot = weighted_median(&mut middles, total)?;
            // How many of what is left are under the pivot, and how many are at most it.
            let (mut under, mut up_to) = (0, 0);
            for left in &mut left {
                left.up_to = left.run.place_above(pivot, left.from, left.to);
                left.under = match pivot.checked_sub(1) {
                    Some(below) => left.run.place_above(below, left.from, left.up_to),
                    None => left.from,
                };
                under += left.under - left.from;
                up_to += left.up_to - left.from;
            }
            if rank < under {
                for left in &mut left {
                    left.to = left.under;
                }
            } else if rank < up_to {
                return Some(pivot);
            } else {
                rank -= up_to;
                for left in &mut left {
                    left.from = left.up_to;
                }
            }
        }
    }

    /// The values at several places of all runs' values in one order; `ranks` must rise and lie among the values,
    /// or they are left out.
    ///
    /// Few values are gathered once, and each rank is selected among those above the one before.
    pub fn nths_of(runs: &[&Self], ranks: &[usize]) -> Vec<u64> {
        let total: usize = runs.iter().map(|run| run.len()).sum();
        if total > GATHERED {
            return Self::nths_of_many(runs, total, ranks);
        }
        let mut values: Vec<u64> = Vec::with_capacity(total);
        for run in runs {
            values.extend(run.short.iter().map(|value| u64::from(*value)));
            values.extend(&run.long);
        }
        let (mut found, mut rest, mut passed) = (Vec::with_capacity(ranks.len()), &mut values[..], 0);
        for rank in ranks {
            let Some(place) = rank.checked_sub(passed).filter(|place| *place < rest.len()) else { continue };
            found.push(*rest.select_nth_unstable(place).1);
            rest = &mut rest[place + 1..];
            passed = rank + 1;
        }
        found
    }

    /// As [`nths_of`](Self::nths_of), by searching the runs. The ends are at hand, and so is the neighbour of a value
    /// that was found, which is what quantiles ask for.
    fn nths_of_many(runs: &[&Self], total: usize, ranks: &[usize]) -> Vec<u64> {
        let mut found = Vec::with_capacity(ranks.len());
        // How many values are at most the one found last.
        let mut passed = 0;
        for rank in ranks {
            let value = match found.last() {
                Some(last) if *rank < passed => Some(*last),
                Some(last) if *rank == passed => {
                    runs.iter().filter_map(|run| run.get(run.count_up_to(*last))).min()
                }
                None if *rank == 0 => runs.iter().filter_map(|run| run.get(0)).min(),
                _ if *rank + 1 == total => {
                    runs.iter().filter_map(|run| run.get(run.len().checked_sub(1)?)).max()
                }
                _ => Self::nth_of(runs, *rank),
            };
            let Some(value) = value else { continue };
            if found.last() != Some(&value) {
                passed = runs.iter().map(|run| run.count_up_to(value)).sum();
            }
            found.push(value);
        }
        found
    }

    /// The first place of `from..to` that holds more than `limit`; `to` if none does.
    fn place_above(&self, limit: u64, from: usize, to: usize) -> usize {
        let short = self.short.len();
        // What is long is more than any limit that is short.
        if let Ok(limit) = u32::try_from(limit) {
            let values = self.short.get(from..to.min(short)).unwrap_or_default();
            return from + values.partition_point(|value| *value <= limit);
        }
        let from = from.max(short).min(to);
        let values = self.long.get(from.saturating_sub(short)..to.saturating_sub(short)).unwrap_or_default();
        from + values.partition_point(|value| *value <= limit)
    }
}

/// What is left of a run while a rank is searched for: `from..to`, in which the places under the pivot and up to it end
/// at `under` and `up_to`.
struct Left<'a> {
    run: &'a Durations,
    from: usize,
    under: usize,
    up_to: usize,
    to: usize,
}

/// Under so many values, gathering them is faster than another round.
const SMALL: usize = 512;

/// Up to so many values, gathering them all costs less than searching the runs for each rank.
const GATHERED: usize = 16_384;

fn weighted_median(middles: &mut [(u64, usize)], total: usize) -> Option<u64> {
    middles.sort_unstable();
    let mut weight = 0;
    middles.iter().find_map(|(value, left)| {
        weight += left;
        (weight * 2 >= total).then_some(*value)
    })
}

impl FromIterator<u64> for Durations {
    fn from_iter<I: IntoIterator<Item = u64>>(values: I) -> Self {
        let mut durations = Self::default();
        for value in values {
            match u32::try_from(value) {
                Ok(value) => durations.short.push(value),
                Err(_) => durations.long.push(value),
            }
        }
        durations.short.sort_unstable();
        durations.long.sort_unstable();
        durations
    }
}

fn insert_sorted<T: Ord>(values: &mut Vec<T>, value: T) {
    let index = values.partition_point(|present| *present <= value);
    values.insert(index, value);
}

fn remove_sorted<T: Ord>(values: &mut Vec<T>, value: &T) {
    if let Ok(index) = values.binary_search(value) {
        values.remove(index);
    }
}
