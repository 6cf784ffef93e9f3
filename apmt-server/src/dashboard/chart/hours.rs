//! How long cases took, from minutes to months on one axis.

use apmt_core::Metrics;
use apmt_core::time::HOUR_MS;

use super::{Anchor, Drawing, LEFT, RIGHT, WIDTH, steps};
use crate::dashboard::words::{duration, grouped};

const HEIGHT: f64 = 230.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 36.0;

/// Where bins end, in hours, each about twice the one before: as people say durations.
const EDGES: [(f64, &str); 15] = [
    (0.0, "0"),
    (0.25, "15 min"),
    (0.5, "30 min"),
    (1.0, "1 h"),
    (2.0, "2 h"),
    (4.0, "4 h"),
    (8.0, "8 h"),
    (16.0, "16 h"),
    (24.0, "1 day"),
    (48.0, "2 d"),
    (96.0, "4 d"),
    (192.0, "8 d"),
    (384.0, "16 d"),
    (768.0, "32 d"),
    (f64::INFINITY, "longer"),
];

/// A bin: times over `from`, up to and including `to`, in hours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::dashboard) struct Bin {
    pub(in crate::dashboard) from: (f64, &'static str),
    pub(in crate::dashboard) to: (f64, &'static str),
    pub(in crate::dashboard) count: u64,
}

impl Bin {
    /// Such as `2 h to 4 h`.
    pub(in crate::dashboard) fn label(&self) -> String {
        if self.to.0.is_finite() {
            format!("{} to {}", self.from.1, self.to.1)
        } else {
            format!("over {}", self.from.1)
        }
    }
}

/// Times in milliseconds, counted into bins: those from the first with any to the last.
pub(in crate::dashboard) fn bins(times: impl Iterator<Item = u64>) -> Vec<Bin> {
    let mut counts = [0_u64; EDGES.len() - 1];
    for ms in times {
        let hours = ms as f64 / HOUR_MS as f64;
        let bin = EDGES.iter().skip(1).position(|(edge, _)| hours <= *edge).unwrap_or(counts.len() - 1);
        if let Some(count) = counts.get_mut(bin) {
            *count += 1;
        }
    }
    let first = counts.iter().position(|count| *count > 0);
    let last = counts.iter().rposition(|count| *count > 0);
    let (Some(first), Some(last)) = (first, last) else { return Vec::new() };
    let bins = EDGES.iter().zip(EDGES.iter().skip(1)).zip(counts);
    let bins = bins.map(|((from, to), count)| Bin { from: *from, to: *to, count });
    bins.skip(first).take(last - first + 1).collect()
}

/// Where a time lies on the axis of those bins: whole numbers are edges.
fn place(bins: &[Bin], hours: f64) -> Option<f64> {
    let index = bins.iter().position(|bin| bin.from.0 < hours && hours <= bin.to.0)?;
    let bin = bins.get(index)?;
    let within = if bin.from.0 == 0.0 || bin.to.0.is_infinite() {
        // There is no logarithm of these ends: along the straight line, or in the middle.
        if bin.to.0.is_infinite() { 0.5 } else { hours / bin.to.0 }
    } else {
        (hours / bin.from.0).ln() / (bin.to.0 / bin.from.0).ln()
    };
    Some(index as f64 + within)
}

/// The chart: a bar a bin; lines at the median, at the 90th percentile, and at the policy's target, where it has one.
pub(in crate::dashboard) fn chart(id: &str, bins: &[Bin], metrics: &Metrics, target: Option<f64>) -> String {
    let times = &metrics.processing_hours;
    let mut description = format!("{} cases.", grouped(times.count));
    if let (Some(median), Some(p90)) = (times.median, times.p90) {
        description = format!(
            "{} cases; half took up to {}, nine in ten up to {}. The table below has every bar.",
            grouped(times.count),
            duration(median),
            duration(p90),
        );
    }
    let mut drawing = Drawing::new(id, "hours", HEIGHT, "How long cases took", &description);
    let (floor, span) = (HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP);
    let steps = steps(bins.iter().map(|bin| bin.count).max().unwrap_or(0));
    let most = steps.last().copied().unwrap_or(1).max(1);
    let y = |count: u64| floor - count as f64 / most as f64 * span;
    for step in &steps {
        drawing.line("grid", [LEFT, y(*step)], [WIDTH - RIGHT, y(*step)]);
        drawing.text("tick", Anchor::End, [LEFT - 6.0, y(*step) + 4.0], grouped(*step));
    }
    let width = (WIDTH - LEFT - RIGHT) / bins.len().max(1) as f64;
    let x = |place: f64| LEFT + width * place;
    for (index, bin) in bins.iter().enumerate() {
        let told = format!("{}: {}", bin.label(), grouped(bin.count));
        let left = x(index as f64) + 1.0;
        drawing.rect("bar", [left, y(bin.count)], [(width - 2.0).max(1.0), floor - y(bin.count)], &told);
        // Labels at every edge would run into one another where there are many.
        if bin.to.0.is_finite() && (bins.len() <= 7 || index % 2 == 0) {
            let end = index + 1 == bins.len();
            let anchor = if end { Anchor::End } else { Anchor::Middle };
            drawing.text("tick", anchor, [x(index as f64 + 1.0), floor + 18.0], bin.to.1);
        }
    }
    // The two stand in rows of their own, and away from one another where there is room.
    let marks = [
        (times.median, "mark", "median", TOP - 12.0, Anchor::End),
        (times.p90, "mark", "p90", TOP - 26.0, Anchor::Start),
        (target, "threshold", "target", TOP + 4.0, Anchor::Start),
    ];
    for (hours, class, name, top, anchor) in marks {
        let Some((hours, place)) = hours.and_then(|hours| Some((hours, place(bins, hours)?))) else {
            continue;
        };
        mark(&mut drawing, class, x(place), [top, floor], anchor, &format!("{name} {}", duration(hours)));
    }
    drawing.finish()
}

/// A line down to the axis, with its name beside its top: on that side, if there is room.
fn mark(drawing: &mut Drawing, class: &str, x: f64, [top, floor]: [f64; 2], anchor: Anchor, text: &str) {
    const ROOM: f64 = 100.0;
    drawing.line(class, [x, top], [x, floor]);
    let left = match anchor {
        Anchor::Start => WIDTH - x < ROOM,
        _ => x - LEFT > ROOM,
    };
    let (anchor, x) = if left { (Anchor::End, x - 4.0) } else { (Anchor::Start, x + 4.0) };
    drawing.text("tick strong", anchor, [x, top + 9.0], text);
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    const MINUTE: u64 = HOUR_MS / 60;

    #[test]
    fn every_time_is_in_one_bin() {
        let times = [0, 15 * MINUTE, 15 * MINUTE + 1, 60 * MINUTE, 48 * HOUR_MS, u64::MAX];
        let bins = bins(times.into_iter());
        assert_eq!(bins.iter().map(|bin| bin.count).sum::<u64>(), times.len() as u64);
        assert_eq!((bins[0].label(), bins[0].count), ("0 to 15 min".to_owned(), 2));
        assert_eq!((bins[1].label(), bins[1].count), ("15 min to 30 min".to_owned(), 1));
        assert_eq!(bins.last().unwrap().label(), "over 32 d");
    }

    #[test]
    fn only_bins_from_the_first_to_the_last_are_shown() {
        let bins = bins([3 * HOUR_MS, 20 * HOUR_MS].into_iter());
        let labels: Vec<String> = bins.iter().map(Bin::label).collect();
        assert_eq!(labels, ["2 h to 4 h", "4 h to 8 h", "8 h to 16 h", "16 h to 1 day"]);
        assert_eq!(place(&bins, 4.0), Some(1.0));
        assert_eq!(place(&bins, 100.0), None);
    }

    #[test]
    fn the_chart_marks_median_and_target() {
        let mut tally = apmt_core::tally::Tally::default();
        for hours in [1, 2, 3, 30] {
            tally.processing.insert(hours * HOUR_MS);
        }
        let metrics = Metrics::of([&tally], &[], None);
        let bins = bins([1, 2, 3, 30].into_iter().map(|hours| hours * HOUR_MS));
        let svg = chart("h", &bins, &metrics, Some(24.0));
        check(&svg);
        assert!(svg.contains("median 2.5\u{a0}h") && svg.contains("target 24\u{a0}h"), "{svg}");
        check(&chart("h", &[], &Metrics::of([], &[], None), None));
    }
}
