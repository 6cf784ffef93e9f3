//! A rate week by week, with how much each week can say.

use apmt_core::Timestamp;
use apmt_core::metrics::wilson_interval;

use super::{Anchor, Drawing, LEFT, RIGHT, WIDTH};
use crate::dashboard::words::{day, percent};

const HEIGHT: f64 = 230.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 46.0;

/// A week: so many out of so many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::dashboard) struct Week {
    pub(in crate::dashboard) start: Timestamp,
    pub(in crate::dashboard) part: u64,
    pub(in crate::dashboard) whole: u64,
}

impl Week {
    pub(in crate::dashboard) fn rate(&self) -> Option<f64> {
        (self.whole > 0).then(|| self.part as f64 / self.whole as f64)
    }
}

/// The chart: a dot a week, a whisker for its 95 % interval, a bar below for how many there were. `threshold` is where a
/// rule of the policy draws its line.
pub(in crate::dashboard) fn chart(id: &str, title: &str, weeks: &[Week], threshold: Option<f64>) -> String {
    let description = describe(weeks, threshold);
    let mut drawing = Drawing::new(id, "weeks", HEIGHT, title, &description);
    let (floor, span) = (HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP);
    let y = |rate: f64| floor - rate.clamp(0.0, 1.0) * span;
    for quarter in 0..=4_u8 {
        let rate = f64::from(quarter) / 4.0;
        drawing.line("grid", [LEFT, y(rate)], [WIDTH - RIGHT, y(rate)]);
        drawing.text("tick", Anchor::End, [LEFT - 6.0, y(rate) + 4.0], format!("{}\u{a0}%", 25 * quarter));
    }
    let width = (WIDTH - LEFT - RIGHT) / weeks.len().max(1) as f64;
    let x = |index: usize| LEFT + width * (index as f64 + 0.5);
    let mut last: Option<[f64; 2]> = None;
    for (index, week) in weeks.iter().enumerate() {
        let Some(rate) = week.rate() else {
            last = None;
            continue;
        };
        if let Some(last) = last {
            drawing.line("path", last, [x(index), y(rate)]);
        }
        last = Some([x(index), y(rate)]);
    }
    for (index, week) in weeks.iter().enumerate() {
        if let (Some(rate), Some([low, high])) = (week.rate(), wilson_interval(week.part, week.whole)) {
            drawing.line("whisker", [x(index), y(low)], [x(index), y(high)]);
            let told = format!(
                "Week from {}: {} of {}, {}, between {} and {} with 95 % confidence",
                day(week.start),
                week.part,
                week.whole,
                percent(rate),
                percent(low),
                percent(high),
            );
            drawing.dot("dot", [x(index), y(rate)], 4.0, &told);
        }
        drawing.text("tick small", Anchor::Middle, [x(index), floor + 19.0], week.whole);
        // Every label would run into the next.
        if (weeks.len() - 1 - index).is_multiple_of(4) {
            drawing.text("tick", Anchor::Middle, [x(index), floor + 36.0], day(week.start));
        }
    }
    drawing.text("tick small", Anchor::End, [LEFT - 6.0, floor + 19.0], "n");
    if let Some(threshold) = threshold.filter(|threshold| (0.0..=1.0).contains(threshold)) {
        drawing.line("threshold", [LEFT, y(threshold)], [WIDTH - RIGHT, y(threshold)]);
        let text = format!("rule: {}", percent(threshold).replace(".0", ""));
        drawing.text("tick on-threshold", Anchor::End, [WIDTH - RIGHT, y(threshold) - 5.0], text);
    }
    drawing.finish()
}

fn describe(weeks: &[Week], threshold: Option<f64>) -> String {
    let rates: Vec<f64> = weeks.iter().filter_map(Week::rate).collect();
    let (Some(first), Some(last)) = (rates.first(), rates.last()) else {
        return "No week has any.".to_owned();
    };
    let most = rates.iter().copied().fold(f64::MIN, f64::max);
    let least = rates.iter().copied().fold(f64::MAX, f64::min);
    let line =
        threshold.map_or_else(String::new, |line| format!(" A rule draws the line at {}.", percent(line)));
    format!(
        "Over {} weeks, from {} in the first to {} in the last; between {} and {}.{line} The table below has every week.",
        weeks.len(),
        percent(*first),
        percent(*last),
        percent(least),
        percent(most),
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    fn week(part: u64, whole: u64) -> Week {
        Week { start: "2026-03-02T00:00:00Z".parse().unwrap(), part, whole }
    }

    #[test]
    fn every_week_with_a_rate_has_a_dot_and_a_whisker() {
        let svg = chart("w", "Override rate", &[week(0, 0), week(1, 4), week(5, 5), week(0, 0)], Some(0.3));
        check(&svg);
        assert_eq!((svg.matches("<circle").count(), svg.matches("class=\"whisker\"").count()), (2, 2));
        assert_eq!(svg.matches("class=\"path\"").count(), 1);
        assert!(svg.contains("1 of 4, 25.0\u{a0}%, between 4.6\u{a0}% and 69.9\u{a0}%"), "{svg}");
        assert!(svg.contains("rule: 30\u{a0}%"), "{svg}");
    }

    #[test]
    fn nothing_is_a_chart_too() {
        check(&chart("w", "Override rate", &[], None));
        check(&chart("w", "Override rate", &[week(0, 0)], Some(f64::MAX)));
    }
}
