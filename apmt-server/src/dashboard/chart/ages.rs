//! How long open cases have stood: a dot each.

use super::{Anchor, Drawing, LEFT, RIGHT, WIDTH};
use crate::dashboard::words::{counted, duration};

const TOP: f64 = 18.0;
const BOTTOM: f64 = 46.0;
const RADIUS: f64 = 5.5;
/// So many dots above one another and no more: the table has them all.
const STACK: usize = 8;

/// An open case: its id, and the hours on its clock.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::dashboard) struct Age {
    pub(in crate::dashboard) case_id: String,
    pub(in crate::dashboard) hours: f64,
}

/// The chart. `target` is the policy's, in hours: what lies beyond it is overdue.
pub(in crate::dashboard) fn chart(id: &str, ages: &[Age], target: Option<f64>) -> String {
    let oldest = ages.iter().map(|age| age.hours).fold(0.0, f64::max);
    let mut description = counted(ages.len() as u64, "open case", "open cases");
    if !ages.is_empty() {
        description = format!("{description}; the oldest has stood for {}", duration(oldest));
    }
    if let Some(target) = target {
        let overdue = ages.iter().filter(|age| age.hours > target).count();
        description = format!("{description}; {overdue} past the target of {}", duration(target));
    }
    let (step, unit, name) = axis(oldest.max(target.unwrap_or(0.0)));
    let end = (oldest.max(target.unwrap_or(0.0)) / step).ceil().max(1.0) * step;
    let left = LEFT / 2.0;
    let x = |hours: f64| left + (hours / end).clamp(0.0, 1.0) * (WIDTH - left - RIGHT - 8.0);
    let dots = stacked(ages, x);
    let highest = dots.iter().map(|(_, _, level)| *level).max().unwrap_or(0);
    let floor = TOP + (highest + 1) as f64 * 2.0 * RADIUS;
    let title = "How long open cases have stood";
    let mut drawing = Drawing::new(id, "ages", floor + BOTTOM, title, &format!("{description}."));
    let axis = floor + RADIUS + 3.0;
    drawing.line("axis", [left, axis], [WIDTH - RIGHT, axis]);
    let mut at = 0.0;
    while at <= end {
        drawing.text("tick", Anchor::Middle, [x(at), axis + 17.0], format!("{:.0}", at / unit));
        at += step;
    }
    drawing.text("tick small", Anchor::End, [WIDTH - RIGHT, axis + 32.0], name);
    if let Some(target) = target {
        drawing.line("threshold", [x(target), 4.0], [x(target), axis]);
        let (anchor, aside) =
            if x(target) > WIDTH * 0.6 { (Anchor::End, -5.0) } else { (Anchor::Start, 5.0) };
        let text = format!("target {}", duration(target));
        drawing.text("tick on-threshold", anchor, [x(target) + aside, 14.0], text);
    }
    for (age, place, level) in dots {
        let class = if target.is_some_and(|target| age.hours > target) { "dot overdue" } else { "dot" };
        let told = format!("{}: {}", age.case_id, duration(age.hours));
        drawing.dot(class, [place, floor - level as f64 * 2.0 * RADIUS], RADIUS, &told);
    }
    drawing.finish()
}

/// Each case's place on the axis, and its level above it: dots that would hide one another stand above one another.
fn stacked(ages: &[Age], x: impl Fn(f64) -> f64) -> Vec<(&Age, f64, usize)> {
    let mut stacks: Vec<(f64, usize)> = Vec::new();
    let mut dots = Vec::new();
    for age in ages {
        let place = x(age.hours);
        let near = stacks.iter_mut().find(|(stack, _)| (stack - place).abs() < 2.0 * RADIUS);
        let level = near.map(|(_, height)| {
            *height += 1;
            *height
        });
        let level = level.unwrap_or_else(|| {
            stacks.push((place, 0));
            0
        });
        if level < STACK {
            dots.push((age, place, level));
        }
    }
    dots
}

/// How far apart the axis has its numbers, in hours, the unit of the numbers, and its name.
fn axis(most: f64) -> (f64, f64, &'static str) {
    let days = 24.0;
    if most <= 48.0 {
        (if most <= 12.0 { 2.0 } else { 8.0 }, 1.0, "hours")
    } else {
        let step = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0]
            .into_iter()
            .find(|step| most / days / step <= 8.0)
            .unwrap_or(most / days / 8.0);
        (step * days, days, "days")
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    fn ages(hours: &[f64]) -> Vec<Age> {
        hours.iter().map(|hours| Age { case_id: format!("C-{hours}"), hours: *hours }).collect()
    }

    #[test]
    fn a_dot_a_case_and_the_overdue_marked() {
        let svg = chart("a", &ages(&[3.0, 30.0, 31.0, 500.0]), Some(72.0));
        check(&svg);
        assert_eq!(svg.matches("<circle").count(), 4);
        assert_eq!(svg.matches("dot overdue").count(), 1);
        assert!(
            svg.contains("4 open cases; the oldest has stood for 20\u{a0}days; 1 past the target"),
            "{svg}"
        );
    }

    #[test]
    fn extremes_are_charts_too() {
        for hours in [&[][..], &[0.0], &[1e9], &[0.0, 1e12], &[7.0; 100]] {
            check(&chart("a", &ages(hours), None));
        }
    }
}
