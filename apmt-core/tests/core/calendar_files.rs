//! Calendars as builders and files make them, and what gets refused.

#![allow(clippy::float_cmp, reason = "quarters of an hour are exact")]

use apmt_core::Calendar;
use apmt_core::calendar::{BusinessHours, CalendarError, HolidayRule, Interval, Weekday};

use crate::calendar::{date, hours};

#[test]
fn intervals_are_read_strictly() {
    for (text, shown) in [
        ("8:00-9:05", "08:00-09:05"),
        ("00:00 - 24:00", "00:00-24:00"),
        ("01:02:03-04:05:06", "01:02:03-04:05:06"),
    ] {
        assert_eq!(text.parse::<Interval>().unwrap().to_string(), shown);
    }
    for text in [
        "",
        "-",
        "08:00",
        "8-9",
        "08:00-24:01",
        "25:00-26:00",
        "08:60-09:00",
        "+8:00-09:00",
        "08:00:00:00-09:00",
        "08:00-",
        "١٢:00-13:00",
    ] {
        assert!(matches!(text.parse::<Interval>(), Err(CalendarError::NotAnInterval { .. })), "{text}");
    }
    assert_eq!(
        "22:00-06:00".parse::<Interval>().unwrap_err().to_string(),
        "22:00-06:00 ends no later than it begins; split what runs past midnight between two days"
    );
    assert!(Interval::of_seconds(0, 0).is_err() && Interval::of_seconds(0, u32::MAX).is_err());
}

#[test]
fn builders_say_what_is_wrong() {
    let open = |zone: &str| BusinessHours::builder("x", zone).workdays("08:00-16:00".parse().unwrap());
    assert_eq!(
        open("America/NewYork").build().unwrap_err().to_string(),
        "\"America/NewYork\" is no time zone of the IANA database; did you mean America/New_York?"
    );
    assert_eq!(
        open("new york").build().unwrap_err().to_string(),
        "\"new york\" is no time zone of the IANA database; did you mean America/New_York?"
    );
    assert_eq!(
        open("UTC").hours(Weekday::Tue, "15:59-17:00".parse().unwrap()).build().unwrap_err().to_string(),
        "15:59-17:00 overlaps 08:00-16:00 on tuesday"
    );
    assert!(open("UTC").hours(Weekday::Tue, "16:00-17:00".parse().unwrap()).build().is_ok());
    assert_eq!(BusinessHours::builder(" ", "UTC").build().unwrap_err(), CalendarError::NoName);
    assert_eq!(BusinessHours::builder("x", "UTC").build().unwrap_err(), CalendarError::NoHours);
}

const DENVER: &str = "\
name: denver-office
time_zone: America/Denver
hours:
  monday: [08:00-12:00, 13:00-17:00]
  friday: [08:00-12:00]
holidays: {rule: us-federal, dates: [2026-12-24]}
closures: [2026-01-05]    # closed by order
";

#[test]
fn yaml_makes_what_the_builder_makes() {
    let interval = |text: &str| text.parse::<Interval>().unwrap();
    let built = BusinessHours::builder("denver-office", "America/Denver")
        .hours(Weekday::Mon, interval("13:00-17:00"))
        .hours(Weekday::Mon, interval("08:00-12:00"))
        .hours(Weekday::Fri, interval("08:00-12:00"))
        .holidays(HolidayRule::UsFederal)
        .closed(date("2026-12-24"))
        .closed(date("2026-01-05"))
        .build()
        .unwrap();
    let read = Calendar::from_yaml("denver.yaml", DENVER).unwrap();
    assert_eq!(read, built.into());
    assert_eq!(read.name(), "denver-office");
    // The first Monday of the year is closed by order; Friday the 9th has four hours.
    assert_eq!(hours(&read, "2026-01-05T00:00:00-07:00", "2026-01-10T00:00:00-07:00"), 4.0);

    let listed =
        Calendar::from_yaml("x", &DENVER.replace("{rule: us-federal, dates: [2026-12-24]}", "[2026-01-09]"));
    assert_eq!(hours(&listed.unwrap(), "2026-01-05T00:00:00-07:00", "2026-01-10T00:00:00-07:00"), 0.0);
    let anchored = "name: x\ntime_zone: UTC\nhours:\n  monday: &day [08:00-12:00]\n  tuesday: *day\n";
    let anchored = Calendar::from_yaml("x", anchored).unwrap();
    assert_eq!(hours(&anchored, "2026-01-05T00:00:00Z", "2026-01-12T00:00:00Z"), 8.0);
}

#[test]
fn wrong_yaml_gets_place_expectation_and_nearest_name() {
    let cases = [
        (
            "",
            "",
            "denver.yaml:1:1: expected a calendar with the fields name, time_zone, hours, holidays, closures, found nothing",
        ),
        (
            "name: denver-office\n",
            "",
            "denver.yaml:1:1: a calendar has no \"name\"; expected the calendar's name",
        ),
        (
            "denver-office",
            "7",
            "denver.yaml:1:7: expected the calendar's name (in quotes, if that is what it is), found the number 7",
        ),
        (
            "closures",
            "closure",
            "denver.yaml:7:1: \"closure\" is no field of a calendar; expected name, time_zone, hours, holidays or closures; did you mean closures?",
        ),
        (
            "America/Denver",
            "America/Denvr",
            "denver.yaml:2:12: \"America/Denvr\" is no time zone of the IANA database; did you mean America/Denver?",
        ),
        (
            "monday",
            "Monday",
            "denver.yaml:4:3: \"Monday\" is no field of the hours; expected monday, tuesday, wednesday, thursday, friday, saturday or sunday; did you mean monday?",
        ),
        ("13:00-17:00", "11:00-17:00", "denver.yaml:4:25: 11:00-17:00 overlaps 08:00-12:00 on monday"),
        (
            "13:00-17:00",
            "13:00",
            "denver.yaml:4:25: \"13:00\" is no interval; expected one such as 08:00-16:30, at most to 24:00",
        ),
        (
            "13:00-17:00",
            "17:00-13:00",
            "denver.yaml:4:25: 17:00-13:00 ends no later than it begins; split what runs past midnight between two days",
        ),
        (
            "[08:00-12:00]",
            "08:00-12:00",
            "denver.yaml:5:11: expected a list of intervals, such as [08:00-12:00, 13:00-17:00], found \"08:00-12:00\"",
        ),
        (
            "rule: us-federal",
            "rule: us-fedral",
            "denver.yaml:6:18: expected none, us-federal, or a list of dates, found \"us-fedral\"; did you mean us-federal?",
        ),
        (
            "2026-12-24",
            "2026-12-32",
            "denver.yaml:6:38: expected a date, such as 2026-12-24, found \"2026-12-32\"",
        ),
        (
            "2026-01-05",
            "2026-1-5",
            "denver.yaml:7:12: expected a date, such as 2026-12-24, found \"2026-1-5\"",
        ),
        (
            "closures:",
            "closures: [2026-02-02]\nclosures:",
            "denver.yaml:8:1: \"closures\" is written twice; expected each name once",
        ),
    ];
    for (find, put, expected) in cases {
        let text = if find.is_empty() { String::new() } else { DENVER.replacen(find, put, 1) };
        assert_eq!(Calendar::from_yaml("denver.yaml", &text).unwrap_err().to_string(), expected);
    }
    let error = Calendar::from_yaml("x.yaml", "name: x\ntime_zone: UTC\nhours: {}\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "x.yaml:3:8: no weekday has hours, so nothing would ever count; expected at least one interval"
    );
}
