//! The two officers whose figures are quoted: exact, and away from the window's edges for a week and more.

use apmt_core::Timestamp;
use apmt_core::time::Day;

use super::cases::{Clerk, Handling};
use super::office::{DAY, HOUR, Office};
use super::{ANNE, BOB};

/// Verdicts within the window.
const VERDICTS: usize = 50;
/// From when to when they are given, in days before the end: clear of the window's first ten days and, with the stars
/// that follow, of its last two.
const FIRST: i64 = 80;
const LAST: i64 = 5;
/// Verdicts before the window, so that there is a past to look at: in days before the end, stars included.
const PAST_FIRST: i64 = 108;
const PAST_LAST: i64 = 99;

struct Figures {
    officer: &'static str,
    overrides: usize,
    /// The time that the cases take, all together.
    total_ms: i64,
    /// How many citizens gave one star, two, three, four, five.
    stars: [usize; 5],
    /// Cases in the past, of which one in so many is an override.
    past: usize,
    past_overrides_one_in: usize,
    /// How long ago the cases that are open came in, in hours.
    open_hours_ago: &'static [i64],
}

/// 42 %, 54.2 hours, 2.1 stars.
pub(super) fn anne(clerk: &mut Clerk<'_>) {
    featured(
        clerk,
        &Figures {
            officer: ANNE,
            overrides: 21,
            total_ms: VERDICTS as i64 * 542 * HOUR / 10,
            stars: [8, 6, 3, 2, 1],
            past: 9,
            past_overrides_one_in: 4,
            open_hours_ago: &[23 * 24, 15 * 24, 9 * 24, 6 * 24, 70, 30, 8],
        },
    );
}

/// 8 %, 12.3 hours, 4.4 stars.
pub(super) fn bob(clerk: &mut Clerk<'_>) {
    featured(
        clerk,
        &Figures {
            officer: BOB,
            overrides: 4,
            total_ms: VERDICTS as i64 * 123 * HOUR / 10,
            stars: [0, 1, 1, 7, 11],
            past: 9,
            past_overrides_one_in: 9,
            open_hours_ago: &[28, 7],
        },
    );
}

fn featured(clerk: &mut Clerk<'_>, figures: &Figures) {
    let mut overridden: Vec<bool> = (0..VERDICTS).map(|case| case < figures.overrides).collect();
    clerk.random.shuffle(&mut overridden);
    let ratings =
        (1_u8..).zip(figures.stars).flat_map(|(stars, count)| std::iter::repeat_n(Some(stars), count));
    let mut ratings: Vec<Option<u8>> = ratings.collect();
    ratings.resize(VERDICTS, None);
    clerk.random.shuffle(&mut ratings);

    let mean_ms = figures.total_ms / VERDICTS as i64;
    let verdicts = spread(clerk, VERDICTS, FIRST, LAST);
    let mut cases: Vec<Handling> = verdicts
        .into_iter()
        .zip(overridden)
        .zip(ratings)
        .map(|((verdict, overridden), stars)| Handling {
            overridden,
            stars,
            ..plain(clerk, figures.officer, verdict, mean_ms)
        })
        .collect();
    make_exact(clerk.office, &mut cases, figures.total_ms);
    for case in cases.iter_mut().step_by(8) {
        case.pause_a_day(clerk.office);
    }

    let past = spread(clerk, figures.past, PAST_FIRST, PAST_LAST);
    for (number, verdict) in past.into_iter().enumerate() {
        let overridden = number % figures.past_overrides_one_in == 0;
        cases.push(Handling { overridden, ..plain(clerk, figures.officer, verdict, mean_ms) });
    }
    for case in &cases {
        clerk.handle(case);
    }
    for hours in figures.open_hours_ago {
        let assigned = clerk.log.as_of().plus_millis(-hours * HOUR);
        let assigned = clerk.office.at_or_before(assigned, clerk.random);
        clerk.left_open(figures.officer, assigned);
    }
}

/// Verdicts spread over the open days between.
fn spread(clerk: &mut Clerk<'_>, count: usize, first: i64, last: i64) -> Vec<Timestamp> {
    let days: Vec<Day> = clerk.office.days(clerk.days_ago(first), clerk.days_ago(last)).to_vec();
    let place = |number: usize| days.get(number * days.len() / count.max(1)).copied();
    let mut verdicts: Vec<Timestamp> =
        (0..count).filter_map(place).map(|day| Office::sometime(day, clerk.random)).collect();
    verdicts.sort_unstable();
    verdicts
}

/// A case that takes less than that, mostly: what is missing from a sum can always be added, while a case that came in
/// yesterday evening cannot be made a little shorter.
fn plain(clerk: &mut Clerk<'_>, officer: &'static str, verdict: Timestamp, mean_ms: i64) -> Handling {
    let took = (mean_ms as f64 * clerk.random.normal().mul_add(0.5, -1.1).exp()) as i64;
    let assigned = if took < 8 * HOUR {
        Office::same_day_before(verdict, took, clerk.random)
    } else {
        clerk.office.at_or_before(verdict.plus_millis(-took.min(7 * DAY)), clerk.random)
    };
    Handling { officer, assigned, pause: None, verdict, overridden: false, stars: None, eventful: false }
}

/// Moves the beginnings of cases until all together take exactly that long: by whole days while that brings it nearer,
/// then all but the shortest by the same few minutes.
fn make_exact(office: &Office, cases: &mut [Handling], total_ms: i64) {
    let took = |case: &Handling| case.verdict.since(case.assigned) as i64;
    let mut missing = total_ms - cases.iter().map(took).sum::<i64>();
    loop {
        let before = missing;
        for step in 0..cases.len() {
            // Here and there, not the first ones first: 17 is prime to the number of cases.
            let place = step * 17 % cases.len();
            let Some(case) = cases.get_mut(place) else { continue };
            let moved =
                if missing > 0 { office.day_before(case.assigned) } else { office.day_after(case.assigned) };
            let Some(moved) = moved.filter(|moved| *moved < case.verdict) else { continue };
            let change = case.assigned.millis() - moved.millis();
            if (missing - change).abs() < missing.abs() {
                case.assigned = moved;
                missing -= change;
            }
        }
        if missing == before {
            break;
        }
    }
    let mut long: Vec<&mut Handling> = cases.iter_mut().filter(|case| took(case) > 4 * HOUR).collect();
    let mut left = long.len() as i64;
    for case in &mut long {
        let share = missing / left;
        case.assigned = case.assigned.plus_millis(-share);
        debug_assert!(share.abs() < 2 * HOUR, "{share} {case:?}");
        missing -= share;
        left -= 1;
    }
}
