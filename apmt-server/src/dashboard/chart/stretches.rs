//! Whose clock a case stood on, and when it stood still: a bar over time.

use apmt_core::Timestamp;

use super::{Drawing, WIDTH};
use crate::dashboard::words::{duration, hours};

const HEIGHT: f64 = 52.0;
const TOP: f64 = 8.0;
const BAR: f64 = 36.0;
const SIDE: f64 = 2.0;

/// With whom a case was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::dashboard) enum With {
    /// In the common pool: nobody's yet.
    Pool,
    /// In somebody's queue: who, and their number in the order in which the case met them.
    Holder(String, usize),
    /// Decided or closed: no clock runs.
    Nobody,
}

/// A stretch of time in which nothing of that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::dashboard) struct Stretch {
    pub(in crate::dashboard) from: Timestamp,
    pub(in crate::dashboard) to: Timestamp,
    pub(in crate::dashboard) with: With,
    pub(in crate::dashboard) paused: bool,
}

impl Stretch {
    pub(in crate::dashboard) fn who(&self) -> &str {
        match &self.with {
            With::Pool => "Common pool",
            With::Holder(name, _) => name,
            With::Nobody => "Decided or closed",
        }
    }

    pub(in crate::dashboard) fn lasted(&self) -> String {
        duration(hours(self.to.since(self.from)))
    }

    /// The class that colours it.
    pub(in crate::dashboard) fn class(&self) -> &'static str {
        match self.with {
            With::Pool => "pool",
            With::Nobody => "done",
            With::Holder(_, number) => ["holder-0", "holder-1", "holder-2", "holder-3"][number % 4],
        }
    }
}

/// The chart: a coloured stretch for each time with somebody, hatched where the clock was paused, and a mark at each
/// verdict.
pub(in crate::dashboard) fn chart(id: &str, stretches: &[Stretch], verdicts: &[Timestamp]) -> String {
    let told = |stretch: &Stretch| {
        let paused = if stretch.paused { ", clock paused" } else { "" };
        format!("{}: {}{paused}", stretch.who(), stretch.lasted())
    };
    let all: Vec<String> = stretches.iter().take(50).map(told).collect();
    let description = format!("{}. The list below has every event.", all.join("; "));
    let mut drawing =
        Drawing::stretched(id, "stretches", HEIGHT, "Who held the case, and when", &description);
    let from = stretches.first().map_or(0, |stretch| stretch.from.millis());
    let to = stretches.last().map_or(0, |stretch| stretch.to.millis());
    let span = (to.saturating_sub(from)).max(1) as f64;
    let x = |at: Timestamp| SIDE + (at.millis() - from) as f64 / span * (WIDTH - 2.0 * SIDE);
    drawing.out.push_str(
        "<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
         <rect class=\"hatch-ground\" width=\"6\" height=\"6\"></rect>\
         <rect class=\"hatch-line\" width=\"2.5\" height=\"6\"></rect></pattern></defs>",
    );
    for stretch in stretches {
        let (left, width) = (x(stretch.from), (x(stretch.to) - x(stretch.from)).max(0.8));
        drawing.rect(stretch.class(), [left, TOP], [width, BAR], &told(stretch));
        if stretch.paused {
            drawing.rect("paused", [left, TOP], [width, BAR], &told(stretch));
        }
    }
    for verdict in verdicts {
        drawing.line("verdict", [x(*verdict), 0.0], [x(*verdict), HEIGHT]);
    }
    drawing.finish()
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    #[test]
    fn stretches_are_drawn_and_pauses_hatched() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let stretch = |from, to, with, paused| Stretch { from: at(from), to: at(to), with, paused };
        let stretches = [
            stretch("2026-03-01T08:00:00Z", "2026-03-01T09:00:00Z", With::Pool, false),
            stretch("2026-03-01T09:00:00Z", "2026-03-01T10:00:00Z", With::Holder("<b>anne".into(), 0), false),
            stretch("2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z", With::Holder("<b>anne".into(), 0), true),
        ];
        let svg = chart("s", &stretches, &[at("2026-03-02T10:00:00Z")]);
        check(&svg.replace("<defs>", "").replace("</defs>", ""));
        assert_eq!(svg.matches("class=\"paused\"").count(), 1);
        assert!(svg.contains("&lt;b&gt;anne: 24\u{a0}h, clock paused") && !svg.contains("<b>"), "{svg}");
        check(&chart("s", &[], &[]));
    }
}
