//! Local time in an IANA time zone.

use std::fmt::Write as _;

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, NaiveTime, Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::interval::{CalendarError, cut};
use crate::event::nearest;
use crate::time::DAY_MS;

/// No zone's clock is further from UTC, and no change of a clock greater, in milliseconds.
const FAR_MS: i64 = 2 * DAY_MS as i64;

/// The zone of that name.
pub(super) fn named(name: &str) -> Result<Tz, CalendarError> {
    name.parse().map_err(|_| {
        let zones = || TZ_VARIANTS.iter().map(|zone| zone.name());
        // Who writes a city's name alone means the zone that is called after it.
        let city = name.trim().replace(' ', "_");
        let nearest = nearest(name, zones()).or_else(|| {
            zones().find(|zone| zone.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(&city)))
        });
        CalendarError::UnknownTimeZone { written: cut(name), nearest }
    })
}

/// How far the zone's clock is ahead of UTC at an instant, both in milliseconds.
pub(super) fn offset_ms(zone: Tz, utc_ms: i64) -> i64 {
    let utc = DateTime::from_timestamp_millis(utc_ms).unwrap_or_default().naive_utc();
    i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()) * 1000
}

/// The first instant at which the zone's clock shows that time or a later one, in milliseconds.
pub(super) fn first_instant(zone: Tz, local: NaiveDateTime) -> i64 {
    match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(instant) => instant.timestamp_millis(),
        MappedLocalTime::Ambiguous(one, other) => one.timestamp_millis().min(other.timestamp_millis()),
        MappedLocalTime::None => {
            // The time is skipped: at the skip the clock goes from before it to after it.
            let local_ms = local.and_utc().timestamp_millis();
            let reached = |utc_ms: i64| utc_ms + offset_ms(zone, utc_ms) >= local_ms;
            first_where(local_ms - FAR_MS, local_ms + FAR_MS, reached)
        }
    }
}

/// The first instant of the local day after the one on which an instant falls, in milliseconds. A day lasts from the
/// first instant of its date to that of the next, even where the clock goes back over midnight.
pub(super) fn next_midnight(zone: Tz, utc_ms: i64) -> i64 {
    let local = DateTime::from_timestamp_millis(utc_ms + offset_ms(zone, utc_ms)).unwrap_or_default();
    let mut midnights =
        local.date_naive().iter_days().map(|date| first_instant(zone, date.and_time(NaiveTime::MIN)));
    midnights.find(|midnight| *midnight > utc_ms).unwrap_or(utc_ms)
}

/// The first number after `before` for which it is so, up to `after`, for which it is.
fn first_where(mut before: i64, mut after: i64, is_so: impl Fn(i64) -> bool) -> i64 {
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if is_so(middle) {
            after = middle;
        } else {
            before = middle;
        }
    }
    after
}

/// The zone's offset at `from` and each later one up to `to`, with the instant from which it holds: what there is to
/// know of a zone, by which two names of one zone are the same and two editions of one name may differ.
pub(super) fn offsets(zone: Tz, from: i64, to: i64) -> String {
    let mut offset = offset_ms(zone, from);
    let mut text = format!("{offset}");
    let mut at = from;
    while at < to {
        let next = at + DAY_MS as i64;
        let later = offset_ms(zone, next);
        if later != offset {
            let changed = first_where(at, next, |instant| offset_ms(zone, instant) != offset);
            // Writing to a string does not fail.
            let _ = write!(text, " {changed}:{later}");
            offset = later;
        }
        at = next;
    }
    text
}
