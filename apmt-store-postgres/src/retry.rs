//! Whether to try again, and when.

use std::time::{Duration, Instant};

use crate::failure::{Failure, Sql};

/// The longest wait before the second attempt.
const FIRST: Duration = Duration::from_millis(20);
/// The longest wait of all: a fail-over takes seconds, and should be noticed soon after.
const CAP: Duration = Duration::from_secs(1);

/// The attempts of one call.
#[derive(Debug)]
pub(crate) struct Attempts {
    started: Instant,
    budget: Duration,
    failed: u32,
}

impl Attempts {
    pub(crate) fn within(budget: Duration) -> Self {
        Self { started: Instant::now(), budget, failed: 0 }
    }

    /// The wait before the next attempt, or the failure if there is to be none: what does not pass, or another attempt
    /// after the budget.
    pub(crate) fn again(&mut self, failure: Failure) -> Sql<Duration> {
        self.failed += 1;
        let wait = wait(self.failed, random());
        if failure.may_pass && self.started.elapsed() + wait <= self.budget {
            tracing::debug!(?failure, failed = self.failed, ?wait, "trying again");
            Ok(wait)
        } else {
            Err(failure)
        }
    }
}

/// Doubles from 20 ms up to 1 s, less a random part of up to a half, so that servers that met do not meet again.
fn wait(failed: u32, random: u64) -> Duration {
    let longest = FIRST.saturating_mul(2_u32.saturating_pow(failed.saturating_sub(1))).min(CAP);
    let half = longest / 2;
    let share = (random >> 32) as u32;
    half + half.mul_f64(f64::from(share) / f64::from(u32::MAX))
}

/// A random number, from the seed that the standard library's maps take from the system.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use apmt_core::ErrorKind;

    use super::*;

    #[test]
    fn waits_double_up_to_the_cap() {
        let longest = |failed| wait(failed, u64::MAX).as_millis();
        assert_eq!((1..=8).map(longest).collect::<Vec<_>>(), [20, 40, 80, 160, 320, 640, 1000, 1000]);
        assert_eq!((longest(u32::MAX), wait(1, 0).as_millis()), (1000, 10));
    }

    #[test]
    fn what_does_not_pass_is_told_at_once() {
        let mut attempts = Attempts::within(Duration::from_secs(60));
        let failure = Failure::lasting(ErrorKind::Corrupt, "damaged");
        assert_eq!(attempts.again(failure).unwrap_err().kind, ErrorKind::Corrupt);
    }

    #[test]
    fn nothing_begins_after_the_budget() {
        let passing = || {
            let mut failure = Failure::lasting(ErrorKind::Locked, "");
            failure.may_pass = true;
            failure
        };
        assert!(Attempts::within(Duration::from_secs(60)).again(passing()).is_ok());
        assert!(Attempts::within(Duration::ZERO).again(passing()).is_err());
    }
}
