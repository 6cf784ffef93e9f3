//! When a digest is due.

use apmt_core::{Invalid, Timestamp};
use chrono::{Days, NaiveTime, TimeDelta, TimeZone as _, Weekday};
use chrono_tz::Tz;

/// Daily or weekly, at a local time.
///
/// ```
/// use apmt_server::notify::Schedule;
/// let schedule = Schedule::daily("08:00", "America/New_York")?;
/// // Before the clocks go forward on 2026-03-08, and after.
/// assert_eq!(schedule.latest("2026-03-07T13:30:00Z".parse()?).to_string(), "2026-03-07T13:00:00Z");
/// assert_eq!(schedule.latest("2026-03-08T12:30:00Z".parse()?).to_string(), "2026-03-08T12:00:00Z");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Daily, if none.
    weekday: Option<Weekday>,
    at: NaiveTime,
    zone: Tz,
}

impl Schedule {
    /// Every day at a local time such as `08:00`, in an IANA time zone such as `America/New_York`.
    ///
    /// # Errors
    /// [`Invalid`] for a time or a zone that there is not.
    pub fn daily(at: &str, time_zone: &str) -> Result<Self, Invalid> {
        Ok(Self { weekday: None, at: read_time(at)?, zone: read_zone(time_zone)? })
    }

    /// Once a week, on that day.
    ///
    /// # Errors
    /// As [`daily`](Self::daily), and for a day of the week that there is not.
    pub fn weekly(on: &str, at: &str, time_zone: &str) -> Result<Self, Invalid> {
        let rule = "must be a day of the week, such as monday";
        let weekday = on.parse().map_err(|_| Invalid::new("on", on, rule))?;
        Ok(Self { weekday: Some(weekday), ..Self::daily(at, time_zone)? })
    }

    /// The latest instant, at or before that one, at which a digest is due. Where the clocks go forward over the time
    /// of day, it is an hour later; where they go back, it is the first of the two.
    pub fn latest(&self, now: Timestamp) -> Timestamp {
        use chrono::Datelike as _;
        let today = now.to_datetime().with_timezone(&self.zone).date_naive();
        // One week back, and the day after it where today's time is yet to come.
        let days = (0..=8).filter_map(|back| today.checked_sub_days(Days::new(back)));
        let mut due = days
            .filter(|day| self.weekday.is_none_or(|weekday| day.weekday() == weekday))
            .filter_map(|day| {
                let local = day.and_time(self.at);
                let instant = self.zone.from_local_datetime(&local).earliest();
                instant.or_else(|| self.zone.from_local_datetime(&(local + TimeDelta::hours(1))).earliest())
            })
            .map(Timestamp::from);
        due.find(|due| *due <= now).unwrap_or(Timestamp::MIN)
    }
}

fn read_time(text: &str) -> Result<NaiveTime, Invalid> {
    Some(text)
        .filter(|text| text.len() == 5)
        .and_then(|text| NaiveTime::parse_from_str(text, "%H:%M").ok())
        .ok_or_else(|| Invalid::new("at", text, "must be a time of day, such as 08:00"))
}

fn read_zone(text: &str) -> Result<Tz, Invalid> {
    text.parse()
        .map_err(|_| Invalid::new("time_zone", text, "must be an IANA time zone, such as America/New_York"))
}
