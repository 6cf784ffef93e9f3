//! Whether to go ahead without the lock. Where other servers change the same cases, that fails often, and what was done
//! is done again; so after failures the lock is taken first for a while, for longer the more of them there were.

/// For how many groups the lock is taken first, at most.
const LONGEST: u32 = 64;

#[derive(Debug, Default)]
pub(super) struct Wary {
    /// For how many groups to come the lock is taken first.
    left: u32,
    /// For how many it was after the last failure.
    last: u32,
}

impl Wary {
    /// Whether to go ahead with the next group.
    pub(super) const fn dares(&mut self) -> bool {
        if self.left == 0 {
            return true;
        }
        self.left -= 1;
        false
    }

    pub(super) const fn went_well(&mut self) {
        self.last /= 2;
    }

    pub(super) fn was_stale(&mut self) {
        self.last = (2 * self.last).clamp(1, LONGEST);
        // The group that failed is not counted.
        self.left = self.last - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many groups take the lock first before one goes ahead.
    fn pause(wary: &mut Wary) -> u32 {
        let mut pause = 0;
        while !wary.dares() {
            pause += 1;
        }
        pause
    }

    #[test]
    fn whoever_meets_others_often_goes_ahead_seldom() {
        let mut wary = Wary::default();
        assert_eq!(pause(&mut wary), 0);
        let mut pauses = || {
            wary.was_stale();
            pause(&mut wary)
        };
        assert_eq!([(); 9].map(|()| pauses()), [0, 1, 3, 7, 15, 31, 63, 63, 63]);
        for _ in 0..3 {
            wary.went_well();
        }
        wary.was_stale();
        assert_eq!(pause(&mut wary), 15);
    }
}
