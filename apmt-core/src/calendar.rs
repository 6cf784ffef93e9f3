//! Which milliseconds count when a case stands on somebody's clock.
//!
//! Either every one does ([`Calendar::Always`], the default), or those of [`BusinessHours`]: half-open intervals of
//! local time for each weekday, in an IANA time zone, but for holidays and days closed by order.
//!
//! ```
//! use apmt_core::Calendar;
//!
//! // Friday, 16:00 in New York, to the Tuesday after Labor Day, 09:00: half an hour and an hour.
//! let (from, to) = ("2026-09-04T16:00:00-04:00".parse()?, "2026-09-08T09:00:00-04:00".parse()?);
//! assert_eq!(Calendar::us_federal().counted_ms(from, to), 90 * 60 * 1000);
//! assert_eq!(Calendar::Always.counted_ms(from, to), 89 * 60 * 60 * 1000);
//! # Ok::<(), apmt_core::time::ParseTimestampError>(())
//! ```
//!
//! # Daylight saving
//!
//! An interval is of local time, and its length of real time: `00:00-24:00` is 23 hours on the day on which clocks go
//! forward and 25 on the day on which they go back. A boundary is *the first instant at which the local clock shows
//! that time or a later one*. So a boundary in the hour that is skipped is the instant of the skip, and one in the
//! hour that comes twice is its first coming. Two intervals that meet on paper meet in time.
//!
//! Offsets are those of the IANA time zone database as compiled in. It has them to the end of 2099; later years keep
//! the last.
//!
//! # Exactness and cost
//!
//! Counting is a pure function, in whole milliseconds or working days, and adds up: what counts from *a* to *c* is what
//! counts from *a* to *b* and from *b* to *c*. A year is worked out when it is first asked for and then kept, so that counting is
//! two searches in a sorted list and an addition a year between.

mod count;
mod holidays;
mod hours;
mod interval;
mod read;
mod zone;

use std::sync::{Arc, OnceLock};

pub use chrono::{NaiveDate, Weekday};
pub use holidays::HolidayRule;
pub use hours::{BusinessHours, BusinessHoursBuilder};
pub use interval::{CalendarError, Interval};

use crate::time::Timestamp;
use crate::yaml::{self, YamlError, sha256_hex};

/// Which milliseconds count; see the [module](self). Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Calendar {
    /// Every one.
    #[default]
    Always,
    /// Those within business hours.
    BusinessHours(Arc<BusinessHours>),
}

impl Calendar {
    /// Milliseconds that count from `from` up to but not including `to`; 0 if `to` is not later.
    pub fn counted_ms(&self, from: Timestamp, to: Timestamp) -> u64 {
        match self {
            Self::Always => to.since(from),
            Self::BusinessHours(hours) => hours.counted_ms(from, to),
        }
    }

    /// How many working days end after `from` and up to `to`; 0 if `to` is not later.
    ///
    /// A working day is a local day with hours that is no holiday and not closed by order. It ends when the next day
    /// begins, whatever its hours. [`Always`](Self::Always) knows no weekend: every UTC day is one.
    ///
    /// ```
    /// use apmt_core::Calendar;
    /// // From Friday noon to Tuesday noon: Friday and Monday end in between.
    /// let (from, to) = ("2026-01-09T12:00:00-05:00".parse()?, "2026-01-13T12:00:00-05:00".parse()?);
    /// assert_eq!(Calendar::us_federal().working_days(from, to), 2);
    /// assert_eq!(Calendar::Always.working_days(from, to), 4);
    /// # Ok::<(), apmt_core::time::ParseTimestampError>(())
    /// ```
    pub fn working_days(&self, from: Timestamp, to: Timestamp) -> u64 {
        match self {
            Self::Always => u64::from(to.max(from).day().number().abs_diff(from.day().number())),
            Self::BusinessHours(hours) => hours.working_days(from, to),
        }
    }

    /// The first instant after the local day on which an instant falls; of its UTC day for [`Always`](Self::Always).
    pub fn day_end(&self, at: Timestamp) -> Timestamp {
        match self {
            Self::Always => at.day().end().plus_millis(1),
            Self::BusinessHours(hours) => hours.day_end(at),
        }
    }

    /// `always`, `us-federal`, or the name that its YAML or its builder gave it.
    pub fn name(&self) -> &str {
        match self {
            Self::Always => "always",
            Self::BusinessHours(hours) => hours.name(),
        }
    }

    /// The SHA-256, in lower-case hex, of what decides which milliseconds count. Names, comments, layout and days that
    /// are closed twice over do not change it; hours, holidays, closures and the zone's offsets do, those that a newer
    /// time zone database corrects included.
    pub fn digest(&self) -> String {
        match self {
            Self::Always => sha256_hex("always"),
            Self::BusinessHours(hours) => hours.digest().to_owned(),
        }
    }

    /// The calendar of a United States federal office: Monday to Friday, 08:00 to 16:30, America/New_York, but for the
    /// holidays of 5 U.S.C. 6103 ([`HolidayRule::UsFederal`]).
    ///
    /// To add days closed by executive order, start from [`BusinessHours::us_federal`].
    pub fn us_federal() -> Self {
        static US_FEDERAL: OnceLock<Arc<BusinessHours>> = OnceLock::new();
        // One for all, so that each year is worked out once a process.
        Self::BusinessHours(Arc::clone(US_FEDERAL.get_or_init(|| Arc::new(BusinessHours::of_us_federal()))))
    }

    /// The calendar that ships under that name: `always` or `us-federal`. `None` if none does.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "always" => Some(Self::Always),
            "us-federal" => Some(Self::us_federal()),
            _ => None,
        }
    }

    /// Reads business hours from YAML. `file` is the name by which errors call it; nothing is opened.
    ///
    /// `name`, `time_zone` and `hours` are required; a weekday that is absent has no hours. Times are `HH:MM` or
    /// `HH:MM:SS`, and an interval may end at `24:00`. `holidays` is a rule (`none` or `us-federal`), a list of dates,
    /// or both, as `{rule: us-federal, dates: [2026-12-24]}`; `closures` is a list of dates.
    ///
    /// ```
    /// use apmt_core::Calendar;
    ///
    /// let denver = Calendar::from_yaml("denver.yaml", "
    /// name: denver-office
    /// time_zone: America/Denver
    /// hours:
    ///   monday: [08:00-12:00, 13:00-17:00]
    ///   tuesday: [08:00-12:00, 13:00-17:00]
    /// holidays: us-federal
    /// closures: [2026-01-05]    # closed by order
    /// ")?;
    /// let (monday, wednesday) = ("2026-01-12T00:00:00-07:00".parse()?, "2026-01-14T00:00:00-07:00".parse()?);
    /// assert_eq!(denver.counted_ms(monday, wednesday), 16 * 60 * 60 * 1000);
    ///
    /// let wrong = Calendar::from_yaml("denver.yaml", "name: denver\ntime_zone: America/Denvr").unwrap_err();
    /// assert_eq!(
    ///     wrong.to_string(),
    ///     "denver.yaml:2:12: \"America/Denvr\" is no time zone of the IANA database; did you mean America/Denver?"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Whatever is wrong, with line and column, what was expected, and the nearest name: text that is no YAML, an
    /// unknown field, weekday, rule or time zone, an interval that is malformed, ends before it begins or overlaps
    /// another, a malformed date, and a calendar without any hours.
    pub fn from_yaml(file: &str, text: &str) -> Result<Self, YamlError> {
        yaml::read(file, text, read::business_hours).map(Self::from)
    }
}

impl From<BusinessHours> for Calendar {
    fn from(hours: BusinessHours) -> Self {
        Self::BusinessHours(Arc::new(hours))
    }
}

/// What a store does when it is opened with another calendar than the one that its processing times were measured
/// through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OtherCalendar {
    /// It refuses, with [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch). The default: a calendar given by mistake
    /// changes nothing.
    #[default]
    Refuse,
    /// It measures every case again through the calendar given.
    Refold,
}
