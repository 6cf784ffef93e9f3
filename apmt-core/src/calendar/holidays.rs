//! Holidays by rule.

use chrono::{Datelike, Days, NaiveDate, Weekday};

/// Which holidays a calendar keeps by rule, for any year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HolidayRule {
    /// None but those given by date.
    #[default]
    None,
    /// The legal public holidays of 5 U.S.C. 6103(a): New Year's Day, Birthday of Martin Luther King, Jr. (from 1986,
    /// Pub. L. 98-144), Washington's Birthday, Memorial Day, Juneteenth National Independence Day (from 2021, Pub. L.
    /// 117-17), Independence Day, Labor Day, Columbus Day, Veterans Day, Thanksgiving Day, Christmas Day.
    ///
    /// One that falls on a Saturday is observed on the Friday before (5 U.S.C. 6103(b)(1)), which for New Year's Day is
    /// in the year before; one that falls on a Sunday on the Monday after (Executive Order 11582). The day itself stays
    /// a holiday too, which matters only to an office with hours on a weekend.
    ///
    /// Inauguration Day is a holiday in and around the District of Columbia alone (6103(c)) and is left out: add it by
    /// date where it applies. But for the two dates above, today's statute is applied to the past as it stands.
    UsFederal,
}

impl HolidayRule {
    /// Every rule with the name under which YAML knows it.
    pub(super) const NAMES: &'static [(&'static str, Self)] =
        &[("none", Self::None), ("us-federal", Self::UsFederal)];

    /// The name under which YAML knows the rule: `none` or `us-federal`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::UsFederal => "us-federal",
        }
    }

    /// The days of that year without hours, in order: holidays, and the days on which one is observed that falls on a
    /// weekend.
    ///
    /// ```
    /// use apmt_core::calendar::{HolidayRule, NaiveDate};
    /// let days = HolidayRule::UsFederal.days(2021);
    /// // Juneteenth was a Saturday, and so was New Year's Day of 2022.
    /// for observed in ["2021-06-18", "2021-12-31"] {
    ///     assert!(days.contains(&observed.parse::<NaiveDate>()?));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn days(self, year: i32) -> Vec<NaiveDate> {
        match self {
            Self::None => Vec::new(),
            Self::UsFederal => us_federal(year),
        }
    }
}

fn us_federal(year: i32) -> Vec<NaiveDate> {
    let next_new_year = NaiveDate::from_ymd_opt(year.saturating_add(1), 1, 1);
    let mut days: Vec<NaiveDate> = statutory(year)
        .into_iter()
        .chain([next_new_year])
        .flatten()
        .flat_map(|day| [Some(day), observed(day)])
        .flatten()
        .filter(|day| day.year() == year)
        .collect();
    days.sort_unstable();
    days.dedup();
    days
}

/// The holidays of the statute, on their own days.
fn statutory(year: i32) -> [Option<NaiveDate>; 11] {
    let date = |month, day| NaiveDate::from_ymd_opt(year, month, day);
    let nth = |month, weekday, nth| NaiveDate::from_weekday_of_month_opt(year, month, weekday, nth);
    [
        date(1, 1),
        nth(1, Weekday::Mon, 3).filter(|_| year >= 1986),
        nth(2, Weekday::Mon, 3),
        // The last Monday in May.
        nth(5, Weekday::Mon, 5).or_else(|| nth(5, Weekday::Mon, 4)),
        date(6, 19).filter(|_| year >= 2021),
        date(7, 4),
        nth(9, Weekday::Mon, 1),
        nth(10, Weekday::Mon, 2),
        date(11, 11),
        nth(11, Weekday::Thu, 4),
        date(12, 25),
    ]
}

fn observed(day: NaiveDate) -> Option<NaiveDate> {
    match day.weekday() {
        Weekday::Sat => day.checked_sub_days(Days::new(1)),
        Weekday::Sun => day.checked_add_days(Days::new(1)),
        _ => None,
    }
}
