//! How long to wait before the next attempt: a pure function.

use std::time::Duration;

/// The longest wait before the first attempt but one.
const FIRST: Duration = Duration::from_millis(50);
/// The longest wait of all.
const CAP: Duration = Duration::from_secs(5);

/// The wait before attempt `attempt` (the first retry is 0): it doubles from 50 ms up to 5 s, less a random part of
/// up to a half, so that clients that failed together do not come back together. `random` is any number.
pub(crate) fn delay(attempt: u32, random: u64) -> Duration {
    let longest = FIRST.saturating_mul(2_u32.saturating_pow(attempt)).min(CAP);
    let half = longest / 2;
    let share = (random >> 32) as u32;
    half + half.mul_f64(f64::from(share) / f64::from(u32::MAX))
}

/// A random number, from the seed that the standard library's maps take from the system.
pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_cap() {
        let longest: Vec<u128> = (0..9).map(|attempt| delay(attempt, u64::MAX).as_millis()).collect();
        assert_eq!(longest, [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(delay(u32::MAX, u64::MAX), CAP);
    }

    #[test]
    fn takes_off_half_at_most() {
        assert_eq!(delay(0, 0), FIRST / 2);
        assert_eq!(delay(u32::MAX, 0), CAP / 2);
        for _ in 0..100 {
            let delay = delay(3, random());
            assert!((200..=400).contains(&delay.as_millis()), "{delay:?}");
        }
    }
}
