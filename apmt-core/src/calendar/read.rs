//! From YAML to business hours: what is expected, and where it is not found.

use chrono::{NaiveDate, Weekday};

use super::holidays::HolidayRule;
use super::hours::{BusinessHours, BusinessHoursBuilder};
use super::interval::{CalendarError, Interval, WEEKDAYS};
use crate::yaml::{Node, Wrong};

pub(super) fn business_hours(root: &Node) -> Result<BusinessHours, Wrong> {
    let fields = root.fields("a calendar", &["name", "time_zone", "hours", "holidays", "closures"])?;
    let name = fields.require("name", "the calendar's name")?.text("the calendar's name")?;
    let what = "an IANA time zone, such as America/New_York";
    let zone = fields.require("time_zone", what)?;
    let mut builder = checked(zone, BusinessHours::builder(name, zone.text(what)?))?;

    let hours_node = fields.require("hours", "intervals for each weekday")?;
    let weekdays = WEEKDAYS.map(|(name, _)| name);
    let hours = hours_node.fields("the hours", &weekdays)?;
    for (name, weekday) in WEEKDAYS {
        if let Some(node) = hours.get(name) {
            builder = intervals(builder, weekday, node)?;
        }
    }
    if let Some(node) = fields.get("holidays") {
        builder = holidays(builder, node)?;
    }
    if let Some(node) = fields.get("closures") {
        builder = dates(builder, node)?;
    }
    builder.build().map_err(|error| wrong(hours_node, &error))
}

fn intervals(
    mut builder: BusinessHoursBuilder,
    weekday: Weekday,
    node: &Node,
) -> Result<BusinessHoursBuilder, Wrong> {
    for node in node.list("a list of intervals, such as [08:00-12:00, 13:00-17:00]")? {
        let text = node.text("an interval, such as 08:00-16:30")?;
        let interval: Interval = text.parse().map_err(|error| wrong(node, &error))?;
        builder = checked(node, builder.hours(weekday, interval))?;
    }
    Ok(builder)
}

fn holidays(builder: BusinessHoursBuilder, node: &Node) -> Result<BusinessHoursBuilder, Wrong> {
    if node.as_text().is_some() {
        return Ok(builder.holidays(rule(node)?));
    }
    if !node.is_map() {
        return dates(builder, node);
    }
    let fields = node.fields("the holidays", &["rule", "dates"])?;
    let builder = match fields.get("rule") {
        Some(node) => builder.holidays(rule(node)?),
        None => builder,
    };
    match fields.get("dates") {
        Some(node) => dates(builder, node),
        None => Ok(builder),
    }
}

fn rule(node: &Node) -> Result<HolidayRule, Wrong> {
    let names = || HolidayRule::NAMES.iter().map(|(name, _)| *name);
    let written = node.as_text().unwrap_or_default();
    let rule = HolidayRule::NAMES.iter().find(|(name, _)| *name == written).map(|(_, rule)| *rule);
    rule.ok_or_else(|| {
        node.expected(format_args!("{}, or a list of dates", names().collect::<Vec<_>>().join(", ")))
            .or_nearest(written, names())
    })
}

fn dates(mut builder: BusinessHoursBuilder, node: &Node) -> Result<BusinessHoursBuilder, Wrong> {
    for node in node.list("a list of dates, such as [2026-12-24]")? {
        let what = "a date, such as 2026-12-24";
        // Ten characters: the reader of dates would take 2026-1-5 and years of five digits.
        let text = Some(node.text(what)?).filter(|text| text.len() == 10);
        let date: Option<NaiveDate> = text.and_then(|text| text.parse().ok());
        builder = builder.closed(date.ok_or_else(|| node.expected(what))?);
    }
    Ok(builder)
}

/// Says at once, and where, what the builder would say at the end.
fn checked(node: &Node, builder: BusinessHoursBuilder) -> Result<BusinessHoursBuilder, Wrong> {
    match builder.error() {
        Some(error) => Err(wrong(node, error)),
        None => Ok(builder),
    }
}

fn wrong(node: &Node, error: &CalendarError) -> Wrong {
    match error {
        CalendarError::UnknownTimeZone { written, nearest } => node
            .wrong(CalendarError::UnknownTimeZone { written: written.clone(), nearest: None }.to_string())
            .with_nearest(*nearest),
        _ => node.wrong(error.to_string()),
    }
}
