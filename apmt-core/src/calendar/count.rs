//! Counting: a year's counted spans and the ends of its working days as sorted lists, worked out when first asked for.

use std::ops::Range;
use std::sync::OnceLock;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime};

use super::hours::Definition;
use super::zone;
use crate::time::Timestamp;

/// The years in which a zone's offset may change. The IANA database begins with the first standard times of the 1840s
/// and is compiled in to the end of 2099; before and after, each zone has one offset.
pub(super) const CHANGING: Range<i32> = 1800..2102;
/// The years that a [`Timestamp`] can be of.
const YEARS: Range<i32> = 0..10_000;
/// Days on either side of a UTC year whose local time may reach into it.
const MARGIN: u64 = 3;

/// A stretch of time that counts, in milliseconds of UTC, its end not included.
#[derive(Debug)]
struct Span {
    start: i64,
    end: i64,
    /// What counts of the year before it.
    before: u64,
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    /// Milliseconds within business hours.
    Milliseconds,
    /// Ends of working days.
    WorkingDays,
}

/// What counts in one year of UTC.
#[derive(Debug)]
struct Year {
    spans: Vec<Span>,
    /// The first instants after working days.
    day_ends: Vec<i64>,
    total_ms: u64,
}

impl Year {
    fn of(year: i32, definition: &Definition) -> Self {
        let (start, end) = (year_start(year), year_start(year + 1));
        let fixed_offset = (!CHANGING.contains(&year)).then(|| zone::offset_ms(definition.zone, start));
        let instant = |date: NaiveDate, seconds: u32| {
            // 24:00 is the midnight of the next day.
            let (days, seconds) = (seconds / 86_400, seconds % 86_400);
            let date = date.checked_add_days(Days::new(days.into())).unwrap_or(date);
            let time = NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0).unwrap_or_default();
            let local = date.and_time(time);
            match fixed_offset {
                Some(offset) => local.and_utc().timestamp_millis() - offset,
                None => zone::first_instant(definition.zone, local),
            }
        };

        // In order, as the years are.
        let by_rule: Vec<NaiveDate> =
            (year - 1..=year + 1).flat_map(|year| definition.rule.days(year)).collect();
        let mut counted = Self { spans: Vec::new(), day_ends: Vec::new(), total_ms: 0 };
        for date in local_dates(start, end) {
            let hours = definition.week.on(date.weekday());
            if hours.is_empty() || by_rule.binary_search(&date).is_ok() || definition.closed.contains(&date) {
                continue;
            }
            for interval in hours {
                let (from, to) = (instant(date, interval.start()), instant(date, interval.end()));
                counted.push(from.max(start), to.min(end));
            }
            let (day_start, day_end) = (instant(date, 0), instant(date, 86_400));
            // A date that a zone skips whole is no day.
            if day_start < day_end && (start..end).contains(&day_end) {
                counted.day_ends.push(day_end);
            }
        }
        counted
    }

    fn push(&mut self, start: i64, end: i64) {
        // Empty where the interval is of another year, or is skipped whole.
        if start < end {
            self.spans.push(Span { start, end, before: self.total_ms });
            self.total_ms += end.abs_diff(start);
        }
    }

    fn total(&self, unit: Unit) -> u64 {
        match unit {
            Unit::Milliseconds => self.total_ms,
            Unit::WorkingDays => self.day_ends.len() as u64,
        }
    }

    /// What counts of the year up to an instant: the milliseconds before it, the days that have ended by then.
    fn up_to(&self, unit: Unit, instant: i64) -> u64 {
        match unit {
            Unit::Milliseconds => self.ms_before(instant),
            Unit::WorkingDays => self.day_ends.partition_point(|end| *end <= instant) as u64,
        }
    }

    fn ms_before(&self, instant: i64) -> u64 {
        let later = self.spans.partition_point(|span| span.start < instant);
        match later.checked_sub(1).and_then(|last| self.spans.get(last)) {
            Some(span) => span.before + instant.min(span.end).abs_diff(span.start),
            None => 0,
        }
    }
}

/// What is worked out so far. It is a function of the definition alone, so it does not matter who asks for what first.
#[derive(Default)]
pub(super) struct Count {
    /// The years of [`CHANGING`], each when it is asked for.
    changing: OnceLock<Box<[OnceLock<Year>]>>,
    /// The years before [`CHANGING`], and those after it, as running sums of each unit: nobody's case is of these, but a
    /// wrong clock may say so, and then a span of ten thousand years must cost no more than another.
    past: [OnceLock<Vec<u64>>; 2],
    future: [OnceLock<Vec<u64>>; 2],
}

impl Count {
    /// What counts from one instant up to another.
    pub(super) fn between(&self, definition: &Definition, unit: Unit, from: Timestamp, to: Timestamp) -> u64 {
        // A window may begin one millisecond before the first instant there is.
        let from = from.max(Timestamp::MIN);
        if to <= from {
            return 0;
        }
        let (first, last) = (year_of(from), year_of(to));
        let (before_from, total) =
            self.with_year(definition, first, |year| (year.up_to(unit, from.millis()), year.total(unit)));
        let before_to = self.with_year(definition, last, |year| year.up_to(unit, to.millis()));
        if first == last {
            before_to - before_from
        } else {
            total - before_from + self.whole_years(definition, unit, first + 1..last) + before_to
        }
    }

    fn with_year<T>(&self, definition: &Definition, year: i32, look: impl FnOnce(&Year) -> T) -> T {
        let changing = self.changing.get_or_init(|| CHANGING.map(|_| OnceLock::new()).collect());
        match place(CHANGING, year).and_then(|place| changing.get(place)) {
            Some(known) => look(known.get_or_init(|| Year::of(year, definition))),
            // One offset all year makes this quick, and nobody asks often: it is not kept.
            None => look(&Year::of(year, definition)),
        }
    }

    fn whole_years(&self, definition: &Definition, unit: Unit, years: Range<i32>) -> u64 {
        let past = YEARS.start..CHANGING.start;
        let future = CHANGING.end..YEARS.end;
        let changing: u64 = common(&years, &CHANGING)
            .map(|year| self.with_year(definition, year, |year| year.total(unit)))
            .sum();
        let far = |sums: &[OnceLock<Vec<u64>>; 2], all: &Range<i32>| {
            running(&sums[unit as usize], definition, unit, all, common(&years, all))
        };
        changing + far(&self.past, &past) + far(&self.future, &future)
    }
}

/// What counts in `years` of `all`, from the running sums over `all`.
fn running(
    sums: &OnceLock<Vec<u64>>,
    definition: &Definition,
    unit: Unit,
    all: &Range<i32>,
    years: Range<i32>,
) -> u64 {
    if years.is_empty() {
        return 0;
    }
    let sums = sums.get_or_init(|| running_sums(definition, unit, all.clone()));
    let until = |year: i32| place(all.start..all.end + 1, year).and_then(|place| sums.get(place));
    match (until(years.start), until(years.end)) {
        (Some(start), Some(end)) => end - start,
        _ => 0,
    }
}

/// Running sums over years in which the offset stays, one more than there are years.
fn running_sums(definition: &Definition, unit: Unit, years: Range<i32>) -> Vec<u64> {
    // The Gregorian calendar repeats every 400 years, weekdays included, and with it all that goes by rule; what is
    // closed by date does not.
    let near = |date: &NaiveDate| (years.start - 1..=years.end).contains(&date.year());
    let repeats = !definition.closed.iter().any(near);
    let mut totals: Vec<u64> = Vec::new();
    for year in years {
        let same = totals.len().checked_sub(400).filter(|_| repeats).and_then(|same| totals.get(same));
        totals.push(same.copied().unwrap_or_else(|| Year::of(year, definition).total(unit)));
    }
    let sums = totals.into_iter().scan(0, |sum, total| {
        *sum += total;
        Some(*sum)
    });
    std::iter::once(0).chain(sums).collect()
}

/// Where a year stands among others.
fn place(years: Range<i32>, year: i32) -> Option<usize> {
    years.contains(&year).then(|| year.abs_diff(years.start) as usize)
}

fn common(one: &Range<i32>, other: &Range<i32>) -> Range<i32> {
    one.start.max(other.start)..one.end.min(other.end)
}

/// The UTC year of an instant.
fn year_of(instant: Timestamp) -> i32 {
    instant.to_datetime().year()
}

/// The first instant of a UTC year.
pub(super) fn year_start(year: i32) -> i64 {
    NaiveDate::from_ymd_opt(year, 1, 1)
        .map_or(0, |date| date.and_time(NaiveTime::MIN).and_utc().timestamp_millis())
}

/// Every local date that may reach into a stretch of UTC.
fn local_dates(start: i64, end: i64) -> impl Iterator<Item = NaiveDate> {
    let date = |instant: i64| DateTime::from_timestamp_millis(instant).unwrap_or_default().date_naive();
    let first = date(start).checked_sub_days(Days::new(MARGIN)).unwrap_or(NaiveDate::MIN);
    let last = date(end).checked_add_days(Days::new(MARGIN)).unwrap_or(NaiveDate::MAX);
    first.iter_days().take_while(move |date| *date <= last)
}
