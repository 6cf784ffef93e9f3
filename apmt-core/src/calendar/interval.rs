//! Intervals of local time, the week that they make up, and what can be wrong with a calendar.

use std::fmt;
use std::str::FromStr;

use chrono::Weekday;

/// Seconds in a local day.
const DAY_S: u32 = 24 * 60 * 60;

/// Weekdays by the names that YAML and errors use.
pub(super) const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Mon),
    ("tuesday", Weekday::Tue),
    ("wednesday", Weekday::Wed),
    ("thursday", Weekday::Thu),
    ("friday", Weekday::Fri),
    ("saturday", Weekday::Sat),
    ("sunday", Weekday::Sun),
];

/// What is wrong with a calendar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CalendarError {
    /// The name is empty.
    #[error("a calendar needs a name")]
    NoName,
    /// No weekday has hours: nothing would ever count.
    #[error("no weekday has hours, so nothing would ever count; expected at least one interval")]
    NoHours,
    /// The time zone is not in the IANA database.
    #[error("\"{written}\" is no time zone of the IANA database{}", did_you_mean(*nearest))]
    UnknownTimeZone {
        /// What was given, cut where it is long.
        written: String,
        /// The zone whose name is nearest, where one is near.
        nearest: Option<&'static str>,
    },
    /// The text is no interval.
    #[error("\"{written}\" is no interval; expected one such as 08:00-16:30, at most to 24:00")]
    NotAnInterval {
        /// What was given, cut where it is long.
        written: String,
    },
    /// The interval ends before it begins, or as it begins.
    #[error("{} ends no later than it begins; split what runs past midnight between two days", Shown(*start, *end))]
    Reversed {
        /// Where it begins, in seconds after local midnight.
        start: u32,
        /// Where it ends, in seconds after local midnight.
        end: u32,
    },
    /// Two intervals of a weekday overlap.
    #[error("{second} overlaps {first} on {}", weekday_name(*weekday))]
    Overlap {
        /// The weekday.
        weekday: Weekday,
        /// The interval that was there.
        first: Interval,
        /// The one that came to it.
        second: Interval,
    },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default()
}

fn weekday_name(weekday: Weekday) -> &'static str {
    WEEKDAYS.iter().find(|(_, day)| *day == weekday).map_or("", |(name, _)| name)
}

/// What was given, as an error may show it.
pub(super) fn cut(written: &str) -> String {
    written.chars().take(80).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// An interval of local time within a day: its start is in it, its end is not.
///
/// ```
/// use apmt_core::calendar::Interval;
/// let morning: Interval = "08:00-12:00".parse()?;
/// assert_eq!((morning.start(), morning.end()), (8 * 3600, 12 * 3600));
/// assert!("00:00-24:00".parse::<Interval>().is_ok());
/// assert!("17:00-08:00".parse::<Interval>().is_err());
/// # Ok::<(), apmt_core::calendar::CalendarError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    start: u32,
    end: u32,
}

impl Interval {
    /// 08:00 to 16:30.
    pub(super) const US_FEDERAL: Self = Self { start: 8 * 3600, end: 16 * 3600 + 1800 };

    /// The interval between two times, in seconds after local midnight, the end at most 86,400 (24:00).
    ///
    /// # Errors
    /// [`CalendarError::Reversed`] unless it ends later than it begins, [`CalendarError::NotAnInterval`] if it ends
    /// after 24:00.
    pub fn of_seconds(start: u32, end: u32) -> Result<Self, CalendarError> {
        if end > DAY_S {
            return Err(CalendarError::NotAnInterval { written: Shown(start, end).to_string() });
        }
        if end <= start {
            return Err(CalendarError::Reversed { start, end });
        }
        Ok(Self { start, end })
    }

    /// Where it begins, in seconds after local midnight.
    pub const fn start(self) -> u32 {
        self.start
    }

    /// Where it ends, in seconds after local midnight; 86,400 is the midnight that ends the day.
    pub const fn end(self) -> u32 {
        self.end
    }
}

impl FromStr for Interval {
    type Err = CalendarError;

    /// Reads `HH:MM-HH:MM`, with seconds if need be.
    fn from_str(text: &str) -> Result<Self, CalendarError> {
        let (start, end) = text
            .split_once('-')
            .and_then(|(start, end)| Some((seconds(start.trim())?, seconds(end.trim())?)))
            .ok_or_else(|| CalendarError::NotAnInterval { written: cut(text) })?;
        Self::of_seconds(start, end)
    }
}

/// Seconds after midnight of `HH:MM` or `HH:MM:SS`, at most 24:00.
fn seconds(text: &str) -> Option<u32> {
    let mut sum = 0;
    let mut parts = 0;
    for (part, (unit, limit)) in text.split(':').zip([(3600, 25), (60, 60), (1, 60)]) {
        let digits = matches!(part.len(), 1..=2) && part.bytes().all(|byte| byte.is_ascii_digit());
        let number: u32 = part.parse().ok().filter(|number| digits && *number < limit)?;
        sum += number * unit;
        parts += 1;
    }
    (parts >= 2 && parts == text.split(':').count() && sum <= DAY_S).then_some(sum)
}

struct Shown(u32, u32);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (separator, seconds) in [("", self.0), ("-", self.1)] {
            write!(f, "{separator}{:02}:{:02}", seconds / 3600, seconds / 60 % 60)?;
            if seconds % 60 != 0 {
                write!(f, ":{:02}", seconds % 60)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(self.start, self.end).fmt(f)
    }
}

/// The intervals of each weekday, in order and apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Week([Vec<Interval>; 7]);

impl Week {
    /// The intervals of that weekday.
    pub(super) fn on(&self, weekday: Weekday) -> &[Interval] {
        self.0.get(weekday.num_days_from_monday() as usize).map_or(&[], Vec::as_slice)
    }

    /// Adds an interval, unless it overlaps one that is there.
    pub(super) fn add(&mut self, weekday: Weekday, second: Interval) -> Result<(), CalendarError> {
        let Some(day) = self.0.get_mut(weekday.num_days_from_monday() as usize) else { return Ok(()) };
        if let Some(&first) = day.iter().find(|first| first.start < second.end && second.start < first.end) {
            return Err(CalendarError::Overlap { weekday, first, second });
        }
        let at = day.partition_point(|first| first.start < second.start);
        day.insert(at, second);
        Ok(())
    }

    /// Whether no weekday has hours.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(Vec::is_empty)
    }

    /// Each weekday's intervals, those that meet made one: what counts, however it is written.
    pub(super) fn merged(&self) -> impl Iterator<Item = (&'static str, Vec<Interval>)> {
        WEEKDAYS.iter().map(|(name, weekday)| {
            let mut merged: Vec<Interval> = Vec::new();
            for interval in self.on(*weekday) {
                match merged.last_mut() {
                    Some(last) if last.end == interval.start => last.end = interval.end,
                    _ => merged.push(*interval),
                }
            }
            (*name, merged)
        })
    }
}
