//! How many retries all callers of a store may make together: a pure function of what was called and when.
//!
//! A call's own budget bounds how long it goes on. This bounds how much all of them ask of a server that is in trouble:
//! a thousand callers that each try again would keep it down.

use std::time::Duration;

/// How many may be made at once, where none were made for a while.
const MOST: f64 = 100.0;
/// How many are allowed a second, however little is called.
const A_SECOND: f64 = 10.0;
/// How many are allowed a call, besides.
const A_CALL: f64 = 0.1;

/// A token bucket. A retry takes a token; one that succeeds gives it back, so that a server that has come back meets
/// those who wait as fast as it answers them.
#[derive(Debug)]
pub(crate) struct Allowance {
    tokens: f64,
    /// When it was last looked at, since the store was opened.
    at: Duration,
}

impl Allowance {
    pub(crate) const fn new() -> Self {
        Self { tokens: MOST, at: Duration::ZERO }
    }

    /// Takes note of a call.
    pub(crate) fn called(&mut self) {
        self.add(A_CALL);
    }

    /// Whether there may be a retry now, that long after the store was opened; then it is counted.
    pub(crate) fn take(&mut self, now: Duration) -> bool {
        self.add(A_SECOND * now.saturating_sub(self.at).as_secs_f64());
        self.at = self.at.max(now);
        let allowed = self.tokens >= 1.0;
        if allowed {
            self.tokens -= 1.0;
        }
        allowed
    }

    /// A retry has succeeded.
    pub(crate) fn give_back(&mut self) {
        self.add(1.0);
    }

    fn add(&mut self, tokens: f64) {
        self.tokens = (self.tokens + tokens).min(MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn exhausted(now: Duration) -> Allowance {
        let mut allowance = Allowance::new();
        while allowance.take(now) {}
        allowance
    }

    #[test]
    fn a_hundred_at_once_then_ten_a_second() {
        let mut allowance = Allowance::new();
        assert_eq!((0..1000).filter(|_| allowance.take(at(0))).count(), 100);
        // Asked a hundred times a second, for ten seconds.
        let allowed = (1..=1000).filter(|n| allowance.take(at(n * 10))).count();
        assert!((99..=100).contains(&allowed), "{allowed}");
        // Rest brings no more than the most.
        assert_eq!((0..1000).filter(|_| allowance.take(at(3_600_000))).count(), 100);
    }

    #[test]
    fn a_tenth_of_the_calls_besides() {
        let mut allowance = exhausted(at(0));
        for _ in 0..501 {
            allowance.called();
        }
        assert_eq!((0..1000).filter(|_| allowance.take(at(0))).count(), 50);
    }

    #[test]
    fn what_succeeds_costs_nothing() {
        let mut allowance = exhausted(at(0));
        assert!(!allowance.take(at(0)));
        allowance.give_back();
        for _ in 0..1000 {
            assert!(allowance.take(at(0)));
            allowance.give_back();
        }
    }

    #[test]
    fn time_that_stands_still_or_goes_back_adds_nothing() {
        let mut allowance = exhausted(at(1000));
        assert!(!allowance.take(at(1000)) && !allowance.take(at(0)) && !allowance.take(at(1000)));
        assert!(allowance.take(at(1101)));
    }
}
