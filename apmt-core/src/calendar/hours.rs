//! Business hours, and the builder that makes them.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::sync::OnceLock;

use chrono::{Datelike, NaiveDate, Weekday};
use chrono_tz::Tz;

use super::count::{CHANGING, Count, Unit, year_start};
use super::holidays::HolidayRule;
use super::interval::{CalendarError, Interval, Week};
use super::zone;
use crate::time::Timestamp;
use crate::yaml::sha256_hex;

/// Monday to Friday.
const WORKDAYS: [Weekday; 5] = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];

/// What a calendar says, apart from what has been worked out of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Definition {
    pub(super) name: String,
    pub(super) zone: Tz,
    pub(super) week: Week,
    pub(super) rule: HolidayRule,
    pub(super) closed: BTreeSet<NaiveDate>,
}

impl Definition {
    /// The text whose digest is the calendar's.
    fn canonical(&self) -> String {
        let mut text = String::from("business hours\nzone ");
        text += &zone::offsets(self.zone, year_start(CHANGING.start), year_start(CHANGING.end));
        // Writing to a string does not fail.
        for (weekday, intervals) in self.week.merged() {
            let _ = write!(text, "\n{weekday}");
            for interval in intervals {
                let _ = write!(text, " {interval}");
            }
        }
        let _ = write!(text, "\nholidays {}", self.rule.name());
        // A day that has no hours anyway is closed already.
        let open = |date: &&NaiveDate| {
            !self.week.on(date.weekday()).is_empty() && !self.rule.days(date.year()).contains(date)
        };
        for date in self.closed.iter().filter(open) {
            let _ = write!(text, "\nclosed {date}");
        }
        text
    }
}

/// Half-open intervals of local time for each weekday, in a time zone, but for holidays and closures; see the
/// [module](super) for how they count.
///
/// ```
/// use apmt_core::Calendar;
/// use apmt_core::calendar::{BusinessHours, HolidayRule, Weekday};
///
/// let hours = BusinessHours::builder("denver-office", "America/Denver")
///     .workdays("08:00-12:00".parse()?)
///     .workdays("13:00-17:00".parse()?)
///     .hours(Weekday::Sat, "09:00-12:00".parse()?)
///     .holidays(HolidayRule::UsFederal)
///     .closed("2026-01-05".parse()?)
///     .build()?;
/// assert!(hours.is_closed("2026-01-05".parse()?) && hours.is_closed("2026-11-26".parse()?));
/// let calendar = Calendar::from(hours);
/// assert_eq!(calendar.name(), "denver-office");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct BusinessHours {
    definition: Definition,
    count: Count,
    digest: OnceLock<String>,
}

impl BusinessHours {
    /// Begins a calendar of that name in that IANA time zone, such as `America/New_York`, as yet without hours.
    pub fn builder(name: impl Into<String>, time_zone: &str) -> BusinessHoursBuilder {
        let name = name.into();
        let made = zone::named(time_zone).and_then(|zone| {
            if name.trim().is_empty() {
                return Err(CalendarError::NoName);
            }
            let (week, rule, closed) = (Week::default(), HolidayRule::None, BTreeSet::new());
            Ok(Definition { name: name.trim().to_owned(), zone, week, rule, closed })
        });
        BusinessHoursBuilder { made }
    }

    /// Begins with [`Calendar::us_federal`](super::Calendar::us_federal), to which days can be added that an executive
    /// order closes.
    ///
    /// ```
    /// use apmt_core::Calendar;
    /// use apmt_core::calendar::BusinessHours;
    /// let hours = BusinessHours::us_federal().closed("2025-12-26".parse()?).build()?;
    /// assert_ne!(Calendar::from(hours).digest(), Calendar::us_federal().digest());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn us_federal() -> BusinessHoursBuilder {
        BusinessHoursBuilder { made: Ok(Self::of_us_federal().definition) }
    }

    pub(super) fn of_us_federal() -> Self {
        let mut week = Week::default();
        for weekday in WORKDAYS {
            // The only interval of its day.
            let _ = week.add(weekday, Interval::US_FEDERAL);
        }
        Self::of(Definition {
            name: "us-federal".to_owned(),
            zone: Tz::America__New_York,
            week,
            rule: HolidayRule::UsFederal,
            closed: BTreeSet::new(),
        })
    }

    fn of(definition: Definition) -> Self {
        Self { definition, count: Count::default(), digest: OnceLock::new() }
    }

    /// Milliseconds that count from `from` up to but not including `to`; 0 if `to` is not later.
    pub fn counted_ms(&self, from: Timestamp, to: Timestamp) -> u64 {
        self.count.between(&self.definition, Unit::Milliseconds, from, to)
    }

    /// As [`Calendar::working_days`](super::Calendar::working_days): a day on which nothing counts
    /// ([`is_closed`](Self::is_closed)) is none.
    pub fn working_days(&self, from: Timestamp, to: Timestamp) -> u64 {
        self.count.between(&self.definition, Unit::WorkingDays, from, to)
    }

    /// As [`Calendar::day_end`](super::Calendar::day_end).
    pub fn day_end(&self, at: Timestamp) -> Timestamp {
        Timestamp::from_millis(zone::next_midnight(self.definition.zone, at.millis()))
    }

    /// The calendar's name.
    pub fn name(&self) -> &str {
        &self.definition.name
    }

    /// The IANA time zone's name.
    pub fn time_zone(&self) -> &'static str {
        self.definition.zone.name()
    }

    /// The intervals of a weekday, in order.
    pub fn hours(&self, weekday: Weekday) -> &[Interval] {
        self.definition.week.on(weekday)
    }

    /// The holidays kept by rule.
    pub fn holidays(&self) -> HolidayRule {
        self.definition.rule
    }

    /// Whether nothing counts on that local date: a weekday without hours, a holiday, or a day closed by order.
    pub fn is_closed(&self, date: NaiveDate) -> bool {
        let Definition { week, rule, closed, .. } = &self.definition;
        week.on(date.weekday()).is_empty() || closed.contains(&date) || rule.days(date.year()).contains(&date)
    }

    /// As [`Calendar::digest`](super::Calendar::digest).
    pub fn digest(&self) -> &str {
        self.digest.get_or_init(|| sha256_hex(&self.definition.canonical()))
    }
}

impl fmt::Debug for BusinessHours {
    /// What the calendar says, without what has been worked out of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BusinessHours").field(&self.definition).finish()
    }
}

impl PartialEq for BusinessHours {
    /// Whether both say the same, name included.
    fn eq(&self, other: &Self) -> bool {
        self.definition == other.definition
    }
}

/// Makes [`BusinessHours`]. The first thing that is wrong is what [`build`](Self::build) answers.
#[derive(Clone, Debug)]
#[must_use = "a builder makes nothing until it is built"]
pub struct BusinessHoursBuilder {
    made: Result<Definition, CalendarError>,
}

impl BusinessHoursBuilder {
    fn and(mut self, step: impl FnOnce(&mut Definition) -> Result<(), CalendarError>) -> Self {
        if let Ok(definition) = &mut self.made
            && let Err(error) = step(definition)
        {
            self.made = Err(error);
        }
        self
    }

    /// What is wrong so far.
    pub(super) fn error(&self) -> Option<&CalendarError> {
        self.made.as_ref().err()
    }

    /// Adds an interval to a weekday.
    pub fn hours(self, weekday: Weekday, interval: Interval) -> Self {
        self.and(|definition| definition.week.add(weekday, interval))
    }

    /// Adds an interval to each weekday from Monday to Friday.
    pub fn workdays(self, interval: Interval) -> Self {
        WORKDAYS.into_iter().fold(self, |builder, weekday| builder.hours(weekday, interval))
    }

    /// Keeps the holidays of that rule, in place of another rule's.
    pub fn holidays(self, rule: HolidayRule) -> Self {
        self.and(|definition| {
            definition.rule = rule;
            Ok(())
        })
    }

    /// Closes one local date: a holiday that no rule knows, or a day closed by order.
    pub fn closed(self, date: NaiveDate) -> Self {
        self.and(|definition| {
            definition.closed.insert(date);
            Ok(())
        })
    }

    /// The calendar.
    ///
    /// # Errors
    /// The first thing that was wrong: an empty name, an unknown time zone, an interval that overlaps another of its
    /// weekday; or that there are no hours at all.
    pub fn build(self) -> Result<BusinessHours, CalendarError> {
        let definition = self.made?;
        if definition.week.is_empty() {
            return Err(CalendarError::NoHours);
        }
        Ok(BusinessHours::of(definition))
    }
}
