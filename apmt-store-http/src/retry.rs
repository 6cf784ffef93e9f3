//! Whether to try again, and when: pure functions.

use std::time::Duration;

use apmt_core::{Error, ErrorKind};
use chrono::{DateTime, Utc};

/// The longest wait before the second attempt.
const FIRST: Duration = Duration::from_millis(50);
/// The longest wait of all, unless the server asks for a longer one.
const CAP: Duration = Duration::from_secs(5);

/// For how long a call goes on trying.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retry {
    budget: Duration,
}

impl Retry {
    pub(crate) const fn within(budget: Duration) -> Self {
        Self { budget }
    }

    /// Whether an attempt after that wait would begin after the budget of a call that began `elapsed` ago.
    pub(crate) fn is_over(&self, elapsed: Duration, wait: Duration) -> bool {
        elapsed.checked_add(wait).is_none_or(|then| then > self.budget)
    }
}

/// The wait before the next attempt. `failed` attempts have been made, at least 1; the server may have `asked` for a
/// wait; `random` is any number.
///
/// The wait doubles from 50 ms up to 5 s, less a random part of up to a half, so that clients that failed together do
/// not come back together. What the server asks for is the least.
pub(crate) fn wait(failed: u32, asked: Option<Duration>, random: u64) -> Duration {
    wait_up_to(CAP, failed, asked, random)
}

/// As [`wait`], up to another longest wait than 5 s.
pub(crate) fn wait_up_to(cap: Duration, failed: u32, asked: Option<Duration>, random: u64) -> Duration {
    let longest = FIRST.saturating_mul(2_u32.saturating_pow(failed.saturating_sub(1))).min(cap);
    let half = longest / 2;
    let share = (random >> 32) as u32;
    let wait = half + half.mul_f64(f64::from(share) / f64::from(u32::MAX));
    asked.map_or(wait, |asked| wait.max(asked))
}

/// Whether an answer of that status may be another one later. `said` is the kind of error that an APMT named; where
/// there is none, something between has answered.
///
/// Every call may be sent again: reading changes nothing, and an append is stored once.
pub(crate) fn may_pass(status: u16, said: Option<ErrorKind>) -> bool {
    match said {
        Some(kind) => Error::new(kind, "").is_temporary(),
        None => matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504),
    }
}

/// What `Retry-After` asks for: seconds, or a date.
pub(crate) fn retry_after(header: &str, now: DateTime<Utc>) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(header).ok()?;
    // A date that has passed asks for no wait.
    Some(date.signed_duration_since(now).to_std().unwrap_or(Duration::ZERO))
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
    fn waits_double_up_to_the_cap() {
        let longest = |failed| wait(failed, None, u64::MAX).as_millis();
        assert_eq!(
            (1..=9).map(longest).collect::<Vec<_>>(),
            [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]
        );
        assert_eq!(longest(u32::MAX), 5000);
        assert_eq!(wait_up_to(Duration::from_secs(60), u32::MAX, None, u64::MAX), Duration::from_secs(60));
    }

    #[test]
    fn chance_takes_off_half_at_most() {
        assert_eq!(wait(1, None, 0), FIRST / 2);
        for _ in 0..100 {
            let wait = wait(4, None, random());
            assert!((200..=400).contains(&wait.as_millis()), "{wait:?}");
        }
    }

    #[test]
    fn what_the_server_asks_for_is_the_least() {
        let wait = |asked| wait(7, Some(Duration::from_millis(asked)), 0);
        assert_eq!((wait(10).as_millis(), wait(7000).as_millis()), (1600, 7000));
    }

    #[test]
    fn nothing_begins_after_the_budget() {
        let minute = Retry::within(Duration::from_secs(60));
        let almost = Duration::from_millis(60_000 - 50);
        assert!(!minute.is_over(almost, FIRST));
        assert!(minute.is_over(almost + Duration::from_millis(1), FIRST));
        assert!(minute.is_over(Duration::ZERO, Duration::from_secs(61)));
        assert!(minute.is_over(Duration::MAX, FIRST));
        assert!(Retry::within(Duration::ZERO).is_over(Duration::ZERO, FIRST / 2));
    }

    #[test]
    fn an_apmt_says_itself_what_may_pass() {
        assert!(may_pass(503, Some(ErrorKind::Unavailable)) && may_pass(503, Some(ErrorKind::DiskFull)));
        assert!(!may_pass(500, Some(ErrorKind::Corrupt)) && !may_pass(400, Some(ErrorKind::Invalid)));
    }

    #[test]
    fn what_stands_between_is_judged_by_its_status() {
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(may_pass(status, None), "{status}");
        }
        for status in [301, 400, 401, 403, 404, 405, 413, 415, 501] {
            assert!(!may_pass(status, None), "{status}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: DateTime<Utc> = "2026-03-02T08:00:00Z".parse().unwrap();
        assert_eq!(retry_after(" 120", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("Mon, 02 Mar 2026 08:00:30 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("Mon, 02 Mar 2026 07:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!((retry_after("soon", now), retry_after("-1", now)), (None, None));
    }
}
