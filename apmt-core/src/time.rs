//! Instants in whole milliseconds, days, windows, and the clock that a store is handed.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds in an hour, the unit in which processing times are shown.
pub const HOUR_MS: u64 = 3_600_000;
/// Milliseconds in a day of 24 hours.
pub const DAY_MS: u64 = 24 * HOUR_MS;

/// A UTC instant in whole milliseconds since 1970-01-01T00:00:00Z, the precision of every time in APMT.
///
/// It reads and writes RFC 3339. A time without an offset is refused, for nobody can say which instant it names.
///
/// ```
/// use apmt_core::Timestamp;
/// let noon: Timestamp = "2026-03-01T12:00:00+02:00".parse()?;
/// assert_eq!(noon.to_string(), "2026-03-01T10:00:00Z");
/// assert!("2026-03-01T12:00:00".parse::<Timestamp>().is_err());
/// # Ok::<(), apmt_core::time::ParseTimestampError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest instant that RFC 3339 can write: 0000-01-01T00:00:00Z.
    pub const MIN: Self = Self(-62_167_219_200_000);
    /// The last instant that RFC 3339 can write: 9999-12-31T23:59:59.999Z.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// The instant that many milliseconds after (or before) 1970-01-01T00:00:00Z, held within
    /// [`MIN`](Self::MIN) and [`MAX`](Self::MAX).
    pub const fn from_millis(millis: i64) -> Self {
        if millis < Self::MIN.0 {
            Self::MIN
        } else if millis > Self::MAX.0 {
            Self::MAX
        } else {
            Self(millis)
        }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This instant moved by so many milliseconds, held within [`MIN`](Self::MIN) and [`MAX`](Self::MAX).
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this instant; 0 if `earlier` is later.
    pub const fn since(self, earlier: Self) -> u64 {
        if self.0 > earlier.0 { self.0.abs_diff(earlier.0) } else { 0 }
    }

    /// The UTC day on which this instant falls.
    pub const fn day(self) -> Day {
        Day(self.0.div_euclid(DAY_MS as i64) as i32)
    }

    /// The same instant for `chrono`.
    pub fn to_datetime(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

impl<Tz: chrono::TimeZone> From<DateTime<Tz>> for Timestamp {
    /// Cuts off what is finer than a millisecond.
    fn from(time: DateTime<Tz>) -> Self {
        Self::from_millis(time.timestamp_millis())
    }
}

/// A text that is no RFC 3339 time with an offset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an RFC 3339 time with offset, such as 2026-03-01T09:30:00Z or 2026-03-01T09:30:00-05:00")]
pub struct ParseTimestampError(());

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        DateTime::parse_from_rfc3339(text.trim()).map(Self::from).map_err(|_| ParseTimestampError(()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_datetime().to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A UTC day, counted from 1970-01-01: the grain at which stores keep tallies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

impl Day {
    /// The day that many days after (or before) 1970-01-01.
    pub const fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// Days since 1970-01-01.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// The first instant of the day.
    pub const fn start(self) -> Timestamp {
        Timestamp::from_millis(self.0 as i64 * DAY_MS as i64)
    }

    /// The last instant of the day.
    pub const fn end(self) -> Timestamp {
        Timestamp::from_millis(self.0 as i64 * DAY_MS as i64 + (DAY_MS as i64 - 1))
    }
}

/// The span over which contributions count: after `after`, up to and including `until`.
///
/// ```
/// use apmt_core::{Timestamp, Window};
/// let until: Timestamp = "2026-03-31T00:00:00Z".parse()?;
/// let window = Window::days_until(90, until);
/// assert!(window.contains(until));
/// assert!(!window.contains("2025-12-31T00:00:00Z".parse()?));
/// # Ok::<(), apmt_core::time::ParseTimestampError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The instant before the first that counts.
    pub after: Timestamp,
    /// The last instant that counts.
    pub until: Timestamp,
}

impl Window {
    /// The window of so many times 24 hours that ends with `until`.
    pub const fn days_until(days: u32, until: Timestamp) -> Self {
        Self { after: until.plus_millis(-(days as i64 * DAY_MS as i64)), until }
    }

    /// Every instant up to and including `until`.
    pub const fn all_until(until: Timestamp) -> Self {
        Self { after: Timestamp(Timestamp::MIN.0 - 1), until }
    }

    /// Whether a contribution at that instant counts.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.after < at && at <= self.until
    }

    /// Whether every instant of that day counts.
    pub fn covers(&self, day: Day) -> bool {
        self.after < day.start() && day.end() <= self.until
    }

    /// The days that the window touches, first and last.
    pub const fn days(&self) -> (Day, Day) {
        // The first instant inside the window is a millisecond past `after`.
        (Timestamp(self.after.0.saturating_add(1)).day(), self.until.day())
    }
}

/// Where a store takes the time of recording from.
///
/// Nothing else in this crate reads a clock: whatever is computed is given its `as_of`.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The instant it is now.
    fn now(&self) -> Timestamp;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(past) => Timestamp::from_millis(i64::try_from(past.as_millis()).unwrap_or(i64::MAX)),
            Err(before) => {
                Timestamp::from_millis(-i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX))
            }
        }
    }
}

/// A clock that stands still until it is told otherwise: for tests, demonstrations and replays.
///
/// ```
/// use apmt_core::time::{Clock, ManualClock};
/// let clock = ManualClock::at("2026-03-01T00:00:00Z".parse()?);
/// clock.advance(std::time::Duration::from_secs(3600));
/// assert_eq!(clock.now().to_string(), "2026-03-01T01:00:00Z");
/// # Ok::<(), apmt_core::time::ParseTimestampError>(())
/// ```
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows that instant.
    pub const fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Sets the clock, forwards or back.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.set(self.now().plus_millis(by));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}
