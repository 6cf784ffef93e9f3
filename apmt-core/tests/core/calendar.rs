//! Calendars: hand-computed hours, daylight saving, holidays against the published lists, and what files get wrong.

#![allow(clippy::float_cmp, reason = "quarters of an hour are exact")]

use apmt_core::calendar::{BusinessHours, HolidayRule, Interval, NaiveDate, Weekday};
use apmt_core::{Calendar, Timestamp};
use chrono::{DateTime, Datelike, NaiveTime, Offset, TimeZone};
use chrono_tz::Tz;
use proptest::prelude::*;

const HOUR: u64 = 3_600_000;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(crate) fn hours(calendar: &Calendar, from: &str, to: &str) -> f64 {
    calendar.counted_ms(at(from), at(to)) as f64 / HOUR as f64
}

/// A calendar open at that interval on every day of the week.
fn daily(zone: &str, intervals: &[&str]) -> Calendar {
    let days =
        [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
    let mut builder = BusinessHours::builder("daily", zone);
    for day in days {
        for interval in intervals {
            builder = builder.hours(day, interval.parse().unwrap());
        }
    }
    builder.build().unwrap().into()
}

#[test]
fn always_counts_everything_and_nothing_backwards() {
    let always = Calendar::default();
    assert_eq!(hours(&always, "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"), 24.0);
    assert_eq!(hours(&always, "2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z"), 0.0);
    assert_eq!(always.name(), "always");
    assert_eq!(Calendar::from_name("always"), Some(always));
    assert_eq!(Calendar::from_name("us-federal"), Some(Calendar::us_federal()));
    assert_eq!(Calendar::from_name("us-federl"), None);
}

#[test]
fn federal_hours_by_hand() {
    let federal = Calendar::us_federal();
    // A Tuesday in winter: 08:00 is 13:00Z, 16:30 is 21:30Z.
    assert_eq!(hours(&federal, "2026-01-13T00:00:00-05:00", "2026-01-14T00:00:00-05:00"), 8.5);
    assert_eq!(hours(&federal, "2026-01-13T13:00:00Z", "2026-01-13T21:30:00Z"), 8.5);
    assert_eq!(hours(&federal, "2026-01-13T12:00:00Z", "2026-01-13T13:00:00Z"), 0.0);
    assert_eq!(hours(&federal, "2026-01-13T21:30:00Z", "2026-01-14T13:00:00Z"), 0.0);
    // Friday afternoon to Monday morning, and over the weekend on which clocks go forward.
    assert_eq!(hours(&federal, "2026-01-09T16:00:00-05:00", "2026-01-12T08:30:00-05:00"), 1.0);
    assert_eq!(hours(&federal, "2026-03-06T16:00:00-05:00", "2026-03-09T08:30:00-04:00"), 1.0);
    // The interval is half-open, to the millisecond.
    assert_eq!(federal.counted_ms(at("2026-01-13T12:59:59.999Z"), at("2026-01-13T13:00:00.001Z")), 1);
    assert_eq!(federal.counted_ms(at("2026-01-13T21:29:59.999Z"), at("2026-01-13T21:30:00.001Z")), 1);
    // Backwards, and no time at all.
    assert_eq!(hours(&federal, "2026-01-14T00:00:00Z", "2026-01-13T00:00:00Z"), 0.0);
    assert_eq!(hours(&federal, "2026-01-13T15:00:00Z", "2026-01-13T15:00:00Z"), 0.0);
}

#[test]
fn whole_years_of_federal_hours() {
    let federal = Calendar::us_federal();
    // 2026 has 261 weekdays and 11 holidays, every one observed on a weekday.
    assert_eq!(hours(&federal, "2026-01-01T00:00:00-05:00", "2027-01-01T00:00:00-05:00"), 250.0 * 8.5);
    // 2021 has 261 weekdays and 12 observances, New Year's Day of 2022 among them; 2022 has 260 and 10.
    assert_eq!(hours(&federal, "2021-01-01T00:00:00-05:00", "2022-01-01T00:00:00-05:00"), 249.0 * 8.5);
    assert_eq!(hours(&federal, "2022-01-01T00:00:00-05:00", "2023-01-01T00:00:00-05:00"), 250.0 * 8.5);
    // The Gregorian calendar repeats after 400 years, which are 20,871 weeks.
    let days = 20_871.0 * 5.0 - 400.0 * 11.0;
    assert_eq!(hours(&federal, "2030-01-01T00:00:00-05:00", "2430-01-01T00:00:00-05:00"), days * 8.5);
    assert_eq!(hours(&federal, "3000-01-01T00:00:00-05:00", "9000-01-01T00:00:00-05:00"), days * 15.0 * 8.5);
}

/// Every weekday from 2011 to 2030 that is a holiday, and no other.
#[test]
fn federal_holidays_as_published() {
    let published: Vec<NaiveDate> = include_str!("../data/federal_holidays.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| date(line.split(' ').next().unwrap()))
        .collect();
    let is_weekday = |day: &NaiveDate| day.weekday().num_days_from_monday() < 5;
    let by_rule: Vec<NaiveDate> = (2010..=2030)
        .flat_map(|year| HolidayRule::UsFederal.days(year))
        .filter(|day| *day >= date("2010-12-31") && is_weekday(day))
        .collect();
    assert_eq!(by_rule, published);
    let federal = Calendar::us_federal();
    let mut working_days = 0;
    for day in date("2010-12-31").iter_days().take_while(|day| *day <= date("2030-12-31")) {
        // From midnight to midnight UTC: every office hour of the day.
        let start = at(&format!("{day}T00:00:00Z"));
        let works = is_weekday(&day) && !published.contains(&day);
        let counted = federal.counted_ms(start, start.plus_millis(24 * HOUR as i64));
        assert_eq!(counted, if works { HOUR * 17 / 2 } else { 0 }, "{day}");
        working_days += u64::from(works);
    }
    let (from, to) = (at("2010-12-31T00:00:00-05:00"), at("2031-01-01T00:00:00-05:00"));
    assert_eq!(federal.working_days(from, to), working_days);
}

/// A holiday in and around the District of Columbia alone: not by rule, but by date where it applies.
#[test]
fn inauguration_day_is_added_where_it_applies() {
    let federal = BusinessHours::us_federal().build().unwrap();
    let capital =
        BusinessHours::us_federal().closed(date("2017-01-20")).closed(date("2021-01-20")).build().unwrap();
    for day in ["2017-01-20", "2021-01-20"].map(date) {
        assert!(!federal.is_closed(day) && capital.is_closed(day), "{day}");
    }
    // On the birthday of Martin Luther King, Jr. it is a holiday everywhere.
    assert!(federal.is_closed(date("2013-01-21")) && federal.is_closed(date("2025-01-20")));
    let (from, to) = (at("2021-01-19T12:00:00-05:00"), at("2021-01-22T12:00:00-05:00"));
    assert_eq!((federal.working_days(from, to), capital.working_days(from, to)), (3, 2));
}

/// A day ends with the local midnight, whatever the clock does that night.
#[test]
fn working_days_end_at_midnight() {
    let federal = Calendar::us_federal();
    // Clocks went forward in the night to Sunday 8 March 2026, and back in that to Sunday 1 November.
    for (last_instant, end) in [
        ("2026-03-06T23:59:59.999-05:00", "2026-03-07T00:00:00-05:00"),
        ("2026-03-09T23:59:59.999-04:00", "2026-03-10T00:00:00-04:00"),
        ("2026-10-30T23:59:59.999-04:00", "2026-10-31T00:00:00-04:00"),
        ("2026-11-02T23:59:59.999-05:00", "2026-11-03T00:00:00-05:00"),
    ] {
        assert_eq!(federal.working_days(at(last_instant), at(end)), 1, "{end}");
        assert_eq!(federal.working_days(at(end), at(end).plus_millis(1)), 0, "{end}");
        assert_eq!(federal.day_end(at(last_instant)), at(end));
    }
    let sunday = (at("2026-11-01T00:00:00-04:00"), at("2026-11-02T00:00:00-05:00"));
    assert_eq!(federal.day_end(sunday.0), sunday.1, "of 25 hours");
    assert_eq!(federal.working_days(sunday.0, sunday.1), 0);
    // A closure by order, and the year's end: 24 to 26 December 2025 and New Year's Day are none.
    let closed =
        BusinessHours::us_federal().closed(date("2025-12-24")).closed(date("2025-12-26")).build().unwrap();
    let (from, to) = (at("2025-12-22T12:00:00-05:00"), at("2026-01-03T12:00:00-05:00"));
    assert_eq!(closed.working_days(from, to), 6);
    assert_eq!(federal.working_days(from, to), 8);
    // Under the calendar that knows no weekend, every UTC day is one.
    let (from, to) = (at("2026-01-02T23:59:59.999Z"), at("2026-01-05T00:00:00Z"));
    assert_eq!(Calendar::Always.working_days(from, to), 3);
    assert_eq!(Calendar::Always.working_days(to, from), 0);
    assert_eq!(Calendar::Always.day_end(from), at("2026-01-03T00:00:00Z"));
    // Midnight that is skipped, that comes twice, and a day that never was.
    let sao_paulo = daily("America/Sao_Paulo", &["09:00-17:00"]);
    assert_eq!(sao_paulo.day_end(at("2017-10-14T12:00:00-03:00")), at("2017-10-15T01:00:00-02:00"));
    assert_eq!(sao_paulo.day_end(at("2018-02-17T12:00:00-02:00")), at("2018-02-18T00:00:00-03:00"));
    let apia = daily("Pacific/Apia", &["09:00-17:00"]);
    let (from, to) = (at("2011-12-29T12:00:00-10:00"), at("2012-01-01T12:00:00+14:00"));
    assert_eq!(apia.working_days(from, to), 2, "29 and 31 December");
}

#[test]
fn holidays_that_came_with_a_law() {
    let rule = HolidayRule::UsFederal;
    assert!(!rule.days(2020).contains(&date("2020-06-19")));
    assert!(rule.days(2021).contains(&date("2021-06-18")));
    assert!(!rule.days(1985).contains(&date("1985-01-21")));
    assert!(rule.days(1986).contains(&date("1986-01-20")));
    // A holiday on a weekend closes the weekend too, for an office that has hours then.
    assert!(rule.days(2026).contains(&date("2026-07-04")));
    assert_eq!(HolidayRule::None.days(2026), []);
    // New Year's Day on a Saturday is observed in the year before, at whichever end of the calendar.
    assert!(rule.days(2027).contains(&date("2027-12-31")));
    assert!(rule.days(1999).contains(&date("1999-12-31")));
    assert!(rule.days(i32::MAX).is_empty() && rule.days(i32::MIN).is_empty());
}

#[test]
fn closures_by_order_are_added() {
    // Executive orders closed federal offices on 24 and 26 December 2025.
    let closed =
        BusinessHours::us_federal().closed(date("2025-12-24")).closed(date("2025-12-26")).build().unwrap();
    assert!(closed.is_closed(date("2025-12-24")) && closed.is_closed(date("2025-12-25")));
    assert!(!closed.is_closed(date("2025-12-23")) && closed.is_closed(date("2025-12-27")));
    let (from, to) = ("2025-12-22T00:00:00-05:00", "2025-12-29T00:00:00-05:00");
    assert_eq!(hours(&closed.into(), from, to), 17.0);
    assert_eq!(hours(&Calendar::us_federal(), from, to), 34.0);
}

#[test]
fn clocks_that_go_forward_and_back_in_new_york() {
    let whole = daily("America/New_York", &["00:00-24:00"]);
    assert_eq!(hours(&whole, "2026-03-08T00:00:00-05:00", "2026-03-09T00:00:00-04:00"), 23.0);
    assert_eq!(hours(&whole, "2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"), 25.0);
    // 02:00 to 03:00 is skipped on 8 March: a boundary there is the instant of the skip.
    let spring = ("2026-03-08T00:00:00-05:00", "2026-03-09T00:00:00-04:00");
    for (interval, expected) in [
        ("02:30-10:00", 7.0),
        ("00:00-02:30", 2.0),
        ("02:00-03:00", 0.0),
        ("02:15-02:45", 0.0),
        ("01:00-04:00", 2.0),
    ] {
        assert_eq!(
            hours(&daily("America/New_York", &[interval]), spring.0, spring.1),
            expected,
            "{interval}"
        );
    }
    // 01:00 to 02:00 comes twice on 1 November: a boundary there is its first coming.
    let autumn = ("2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00");
    for (interval, expected) in [
        ("01:30-09:00", 8.5),
        ("00:00-01:30", 1.5),
        ("01:00-02:00", 2.0),
        ("01:15-01:45", 0.5),
        ("02:00-03:00", 1.0),
    ] {
        assert_eq!(
            hours(&daily("America/New_York", &[interval]), autumn.0, autumn.1),
            expected,
            "{interval}"
        );
    }
}

#[test]
fn clocks_that_change_at_midnight() {
    // São Paulo, 15 October 2017: midnight became 01:00. 18 February 2018: midnight became 23:00 of the 17th.
    let whole = daily("America/Sao_Paulo", &["00:00-24:00"]);
    assert_eq!(hours(&whole, "2017-10-14T00:00:00-03:00", "2017-10-15T01:00:00-02:00"), 24.0);
    assert_eq!(hours(&whole, "2017-10-15T01:00:00-02:00", "2017-10-16T00:00:00-02:00"), 23.0);
    let early = daily("America/Sao_Paulo", &["00:00-02:00"]);
    assert_eq!(hours(&early, "2017-10-14T12:00:00-03:00", "2017-10-15T12:00:00-02:00"), 1.0);
    let late = daily("America/Sao_Paulo", &["23:00-24:00"]);
    assert_eq!(hours(&late, "2018-02-17T12:00:00-02:00", "2018-02-18T12:00:00-03:00"), 2.0);
    // Cairo, 28 April 2023: midnight became 01:00.
    let cairo = daily("Africa/Cairo", &["00:30-08:00"]);
    assert_eq!(hours(&cairo, "2023-04-27T12:00:00+02:00", "2023-04-28T12:00:00+03:00"), 7.0);
    // Apia had no 30 December 2011.
    let apia = daily("Pacific/Apia", &["09:00-17:00"]);
    assert_eq!(hours(&apia, "2011-12-29T00:00:00-10:00", "2012-01-01T00:00:00+14:00"), 16.0);
}

/// How far a zone's clock is ahead of UTC, in milliseconds.
fn offset_ms(zone: Tz, utc_ms: i64) -> i64 {
    let utc = DateTime::from_timestamp_millis(utc_ms).unwrap().naive_utc();
    i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()) * 1000
}

/// The definition, word for word: the first instant at which the clock shows that time or a later one, minute by
/// minute.
fn first_instant_slowly(zone: Tz, day: NaiveDate, seconds: u32) -> i64 {
    let local = day.and_time(NaiveTime::MIN).and_utc().timestamp_millis() + i64::from(seconds) * 1000;
    let mut utc = local - 30 * HOUR as i64;
    while utc + offset_ms(zone, utc) < local {
        utc += 60_000;
    }
    utc
}

#[test]
fn boundaries_are_as_defined_around_every_kind_of_change() {
    let changes = [
        ("America/New_York", "2026-03-08"),
        ("America/New_York", "2026-11-01"),
        ("America/Sao_Paulo", "2017-10-15"),
        ("America/Sao_Paulo", "2018-02-17"),
        ("Africa/Cairo", "2023-04-28"),
        ("Africa/Cairo", "2023-10-26"),
        ("Australia/Lord_Howe", "2025-10-05"),
        ("Australia/Lord_Howe", "2026-04-05"),
        ("Pacific/Apia", "2011-12-30"),
        ("Asia/Kathmandu", "2026-01-01"),
    ];
    for (name, day) in changes {
        let zone: Tz = name.parse().unwrap();
        for text in ["00:00-00:30", "00:00-01:30", "01:30-02:15", "02:10-03:00", "23:30-24:00", "08:00-16:30"]
        {
            let interval: Interval = text.parse().unwrap();
            let calendar = daily(name, &[text]);
            for day in date(day).pred_opt().unwrap().iter_days().take(3) {
                let start = first_instant_slowly(zone, day, interval.start());
                let end = first_instant_slowly(zone, day, interval.end());
                let counted = calendar.counted_ms(Timestamp::from_millis(start), Timestamp::from_millis(end));
                assert_eq!(counted, (end - start) as u64, "{name} {day} {text}");
                // Nothing counts up to the next day's start.
                let next = first_instant_slowly(zone, day.succ_opt().unwrap(), interval.start());
                assert_eq!(
                    calendar.counted_ms(Timestamp::from_millis(end), Timestamp::from_millis(next)),
                    0,
                    "{name} {day} {text}"
                );
            }
        }
    }
}

/// What the counting of far years takes for granted.
#[test]
fn no_zone_changes_its_offset_before_1800_or_after_2101() {
    for zone in chrono_tz::TZ_VARIANTS {
        let offset = |text: &str| offset_ms(zone, at(text).millis());
        let early = offset("0000-01-01T00:00:00Z");
        let late = offset("9999-12-31T00:00:00Z");
        for (first, last, expected) in [("0001", "1799", early), ("2102", "9998", late)] {
            let (first, last): (i32, i32) = (first.parse().unwrap(), last.parse().unwrap());
            for year in (first..=last).step_by(97).chain([last]) {
                for day in ["01-15", "04-15", "07-15", "10-15"] {
                    assert_eq!(offset(&format!("{year:04}-{day}T00:00:00Z")), expected, "{zone} {year}");
                }
            }
        }
    }
}

#[test]
fn intervals_that_meet_are_one() {
    let (from, to) = ("2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z");
    let (split, joined) = (
        daily("America/New_York", &["00:00-02:30", "02:30-24:00"]),
        daily("America/New_York", &["00:00-24:00"]),
    );
    assert_eq!(split.digest(), joined.digest());
    assert_eq!(hours(&split, from, to), 730.0 * 24.0);
    assert_eq!(hours(&joined, from, to), 730.0 * 24.0);
}

#[test]
fn the_widest_span_is_the_sum_of_its_parts() {
    let federal =
        BusinessHours::us_federal().closed(date("0007-03-01")).closed(date("9997-03-03")).build().unwrap();
    let cuts = [
        Timestamp::MIN,
        at("0007-03-01T18:00:00Z"),
        at("1799-12-31T23:59:59.999Z"),
        at("1800-01-01T00:00:00Z"),
        at("1999-12-31T18:00:00Z"),
        at("2101-12-31T23:59:59.999Z"),
        at("2102-01-01T00:00:00Z"),
        at("9997-03-03T18:00:00Z"),
        Timestamp::MAX,
    ];
    let parts: u64 = cuts.windows(2).map(|pair| federal.counted_ms(pair[0], pair[1])).sum();
    assert_eq!(federal.counted_ms(Timestamp::MIN, Timestamp::MAX), parts);
    let days: u64 = cuts.windows(2).map(|pair| federal.working_days(pair[0], pair[1])).sum();
    assert_eq!(federal.working_days(Timestamp::MIN, Timestamp::MAX), days);
    assert_eq!(days * (HOUR * 17 / 2), parts, "every working day is of eight hours and a half");
    // A window may begin a millisecond before the first instant.
    let before = apmt_core::Window::all_until(Timestamp::MAX).after;
    assert_eq!(federal.counted_ms(before, Timestamp::MAX), parts);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn counting_adds_up(
        which in 0..4_usize,
        mut cuts in prop::array::uniform3(prop_oneof![
            3 => 1_577_836_800_000_i64..1_893_456_000_000,
            1 => Timestamp::MIN.millis()..=Timestamp::MAX.millis(),
        ]),
    ) {
        use std::sync::LazyLock;
        static CALENDARS: LazyLock<[Calendar; 4]> = LazyLock::new(|| [
            Calendar::us_federal(),
            daily("America/Sao_Paulo", &["00:00-00:30", "01:15-02:45", "23:15-24:00"]),
            daily("Pacific/Apia", &["00:00-24:00"]),
            daily("Australia/Lord_Howe", &["01:31-01:59", "08:00-17:00:01"]),
        ]);
        cuts.sort_unstable();
        let [a, b, c] = cuts.map(Timestamp::from_millis);
        let calendar = &CALENDARS[which];
        let whole = calendar.counted_ms(a, c);
        prop_assert_eq!(whole, calendar.counted_ms(a, b) + calendar.counted_ms(b, c));
        prop_assert!(whole <= c.since(a));
        let days = calendar.working_days(a, c);
        prop_assert_eq!(days, calendar.working_days(a, b) + calendar.working_days(b, c));
        // What has been asked for before does not matter.
        prop_assert_eq!(whole, calendar.counted_ms(a, c));
    }
}

#[test]
fn digests_follow_what_counts() {
    let federal = Calendar::us_federal().digest();
    assert_eq!(federal.len(), 64);
    assert!(federal.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
    assert_ne!(federal, Calendar::Always.digest());

    let built = |name: &str, zone: &str| {
        BusinessHours::builder(name, zone)
            .workdays("08:00-16:30".parse().unwrap())
            .holidays(HolidayRule::UsFederal)
    };
    let digest = |builder: apmt_core::calendar::BusinessHoursBuilder| {
        Calendar::from(builder.build().unwrap()).digest()
    };
    // Another name, another name of the zone, and days that are closed anyway.
    assert_eq!(digest(built("mine", "US/Eastern")), federal);
    assert_eq!(digest(built("mine", "America/New_York").closed(date("2026-07-03"))), federal);
    assert_eq!(digest(built("mine", "America/New_York").closed(date("2026-07-05"))), federal);
    // Another zone, another rule, more hours, a closure.
    for changed in [
        built("mine", "America/Chicago"),
        built("mine", "America/New_York").holidays(HolidayRule::None),
        built("mine", "America/New_York").hours(Weekday::Sat, "08:00-09:00".parse().unwrap()),
        built("mine", "America/New_York").closed(date("2026-07-02")),
    ] {
        assert_ne!(digest(changed), federal);
    }
}
