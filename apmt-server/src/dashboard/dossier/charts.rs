//! How the figures of a dossier came to be: drawings, each with the same as a table.

use apmt_core::policy::{Condition, Metric, Policy, Rule};
use apmt_core::tally::Tally;
use apmt_core::time::Day;
use apmt_core::{Activity, Dossier, Status, Window};

use crate::dashboard::chart::{self, ages::Age, hours::Bin, weeks::Week};
use crate::dashboard::words::{NOTHING, advises, day, duration, grouped, hours, percent};

/// A drawing, and the same as a table.
pub(super) struct Chart {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) svg: String,
    /// What is said instead of an empty chart.
    pub(super) empty: &'static str,
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
}

pub(super) fn charts(
    dossier: &Dossier,
    activity: &Activity,
    policy: &Policy,
    window: Window,
    target: Option<f64>,
) -> Vec<Chart> {
    let metrics = &dossier.metrics;
    let mut charts = Vec::new();
    if advises(metrics) {
        let weeks =
            weeks(activity, window, |tally| (tally.recommendations_overridden, tally.recommendations));
        let line = threshold(policy, Metric::OverriddenRate);
        charts.push(rate_chart("advice-weeks", "Advice overridden, week by week", &weeks, line));
    }
    if metrics.decisions > 0 || !advises(metrics) {
        let weeks = weeks(activity, window, |tally| (tally.overrides, tally.decisions));
        let line = threshold(policy, Metric::OverrideRate);
        charts.push(rate_chart("weeks", "Override rate, week by week", &weeks, line));
    }
    let times = activity.days.iter().flat_map(|(_, tally)| {
        let times = &tally.processing;
        (0..times.len()).filter_map(|index| times.get(index))
    });
    let bins = chart::hours::bins(times);
    charts.push(Chart {
        id: "times",
        title: "How long cases took",
        svg: if bins.is_empty() {
            String::new()
        } else {
            chart::hours::chart("times-chart", &bins, metrics, target)
        },
        empty: "No case was finished in this window.",
        head: vec!["Time", "Cases"],
        rows: bins.iter().map(|bin: &Bin| vec![bin.label(), grouped(bin.count)]).collect(),
    });
    charts.push(Chart {
        id: "stars-chart",
        title: "Citizens’ stars",
        svg: if metrics.sat.count == 0 {
            String::new()
        } else {
            chart::stars::chart("stars-svg", &metrics.sat.histogram)
        },
        empty: "No citizen has rated in this window.",
        head: vec!["Stars", "Ratings"],
        rows: [5, 4, 3, 2, 1]
            .into_iter()
            .zip(metrics.sat.histogram.into_iter().rev())
            .map(|(stars, count)| vec![format!("{stars} ★"), grouped(count)])
            .collect(),
    });
    charts.push(open_chart(activity, target));
    charts
}

fn open_chart(activity: &Activity, target: Option<f64>) -> Chart {
    let mut ages: Vec<Age> = activity
        .open
        .iter()
        .map(|open| Age { case_id: open.case_id.to_string(), hours: hours(open.counted_ms) })
        .collect();
    ages.sort_by(|a, b| b.hours.total_cmp(&a.hours));
    Chart {
        id: "ages",
        title: "How long open cases have stood",
        svg: if ages.is_empty() { String::new() } else { chart::ages::chart("ages-svg", &ages, target) },
        empty: "Nothing is open.",
        head: vec!["Case", "On this clock for"],
        rows: ages.iter().take(200).map(|age| vec![age.case_id.clone(), duration(age.hours)]).collect(),
    }
}

fn rate_chart(id: &'static str, title: &'static str, weeks: &[Week], line: Option<f64>) -> Chart {
    let any = weeks.iter().any(|week| week.whole > 0);
    let row = |week: &Week| {
        let interval = apmt_core::metrics::wilson_interval(week.part, week.whole);
        let between = interval.map_or_else(
            || NOTHING.to_owned(),
            |[low, high]| format!("{} to {}", percent(low), percent(high)),
        );
        vec![
            day(week.start),
            grouped(week.part),
            grouped(week.whole),
            week.rate().map_or_else(|| NOTHING.to_owned(), percent),
            between,
        ]
    };
    Chart {
        id,
        title,
        svg: if any { chart::weeks::chart(&format!("{id}-svg"), title, weeks, line) } else { String::new() },
        empty: "Nothing was decided in this window.",
        head: vec!["Week from", "Overridden", "Of", "Rate", "95 % interval"],
        rows: weeks.iter().map(row).collect(),
    }
}

/// The window in weeks, counted back from its end, so that the last is whole.
fn weeks(activity: &Activity, window: Window, of: impl Fn(&Tally) -> (u64, u64)) -> Vec<Week> {
    let (first, last) = window.days();
    let week_of = |day: Day| (last.number() - day.number()).max(0) / 7;
    let mut weeks: Vec<Week> = (0..=week_of(first))
        .map(|week| {
            let start = Day::from_number((last.number() - week * 7 - 6).max(first.number()));
            Week { start: start.start(), part: 0, whole: 0 }
        })
        .collect();
    for (day, tally) in &activity.days {
        let (part, whole) = of(tally);
        if let Some(week) = usize::try_from(week_of(*day)).ok().and_then(|week| weeks.get_mut(week)) {
            week.part += part;
            week.whole += whole;
        }
    }
    weeks.reverse();
    weeks
}

/// Where a rule draws a line through a rate's chart.
fn threshold(policy: &Policy, metric: Metric) -> Option<f64> {
    let conditions = policy.rules().iter().filter(|rule| rule.then() == Status::Pip).flat_map(Rule::when);
    conditions
        .filter(|condition| condition.metric() == metric && condition.bound().is_none())
        .map(Condition::threshold)
        .find(|threshold| (0.0..=1.0).contains(threshold))
}

#[cfg(test)]
mod tests {
    use apmt_core::ActorName;

    use super::*;

    #[test]
    fn weeks_cover_the_window_and_the_last_is_whole() {
        let until = "2026-03-31T12:00:00Z".parse().unwrap();
        let window = Window::days_until(90, until);
        let (first, last) = window.days();
        let tally = Tally { decisions: 2, overrides: 1, ..Tally::default() };
        let days = (first.number()..=last.number()).map(|day| (Day::from_number(day), tally.clone()));
        let mut activity = Activity::none(ActorName::new("anne").unwrap());
        activity.days = days.collect();
        let weeks = weeks(&activity, window, |tally| (tally.overrides, tally.decisions));
        assert_eq!(weeks.len(), 13);
        assert_eq!(weeks.iter().map(|week| week.whole).sum::<u64>(), 182);
        assert_eq!(weeks.last().map(|week| (week.part, week.whole)), Some((7, 14)));
        assert_eq!(weeks[0].start, first.start());
    }

    #[test]
    fn a_line_is_drawn_where_a_rule_has_its_threshold() {
        assert_eq!(threshold(&Policy::default(), Metric::OverrideRate), Some(0.3));
        assert_eq!(threshold(&Policy::default(), Metric::OverriddenRate), None);
    }
}
