//! The opportunity period: from one day to another.

use apmt_core::{Invalid, Timestamp};
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The longest period, in days.
const MAX_DAYS: i64 = 366;

/// From a day to another. In JSON the days are written like `2026-03-02`.
///
/// ```
/// use apmt_server::plan::Period;
/// let start = "2026-01-31".parse()?;
/// let period = Period::of_days(start, 30)?;
/// assert_eq!(period.end().to_string(), "2026-03-02");
/// assert_eq!(period.days_left(start), 30);
/// assert_eq!(period.days_left("2026-03-05".parse()?), -3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PlanPeriod)]
pub struct Period {
    #[schema(value_type = String, format = Date)]
    start: NaiveDate,
    #[schema(value_type = String, format = Date)]
    end: NaiveDate,
}

impl Period {
    /// So many days from the start.
    ///
    /// # Errors
    /// [`Invalid`] for less than 1 day or more than 366.
    pub fn of_days(start: NaiveDate, days: u32) -> Result<Self, Invalid> {
        let end = start.checked_add_days(Days::new(days.into()));
        end.and_then(|end| Self::checked(start, end))
            .ok_or_else(|| Invalid::new("period", days, "must be from 1 to 366 days"))
    }

    /// From a day to another.
    ///
    /// # Errors
    /// [`Invalid`] for an end that is not after the start, or over 366 days after it.
    pub fn until(start: NaiveDate, end: NaiveDate) -> Result<Self, Invalid> {
        let rule = || format!("must be from 1 to 366 days after the start, which is {start}");
        Self::checked(start, end).ok_or_else(|| Invalid::new("end", end, rule()))
    }

    fn checked(start: NaiveDate, end: NaiveDate) -> Option<Self> {
        (1..=MAX_DAYS).contains(&(end - start).num_days()).then_some(Self { start, end })
    }

    /// The first day.
    pub const fn start(&self) -> NaiveDate {
        self.start
    }

    /// The last day.
    pub const fn end(&self) -> NaiveDate {
        self.end
    }

    /// How many days it has.
    pub fn days(&self) -> i64 {
        (self.end - self.start).num_days()
    }

    /// How many days are left on that day; less than 0 once it has ended.
    pub fn days_left(&self, today: NaiveDate) -> i64 {
        (self.end - today).num_days()
    }
}

/// The day, in UTC, on which an instant falls.
pub fn today(now: Timestamp) -> NaiveDate {
    now.to_datetime().date_naive()
}

/// A day as a form or an option writes it.
pub(crate) fn read_day(field: &'static str, text: &str) -> Result<NaiveDate, Invalid> {
    // Ten characters: the reader of dates would take 2026-1-5 and years of five digits.
    Some(text.trim())
        .filter(|text| text.len() == 10)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Invalid::new(field, text, "must be a date such as 2026-03-02"))
}
