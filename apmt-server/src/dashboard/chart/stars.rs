//! Citizens' stars: five bars.

use super::{Anchor, Drawing, RIGHT, WIDTH};
use crate::dashboard::words::{counted, grouped};

const HEIGHT: f64 = 190.0;
const LEFT: f64 = 84.0;
const TOP: f64 = 8.0;
const ROW: f64 = 36.0;

/// The chart: the best first. `histogram` has how many gave one star, two, three, four, five.
pub(in crate::dashboard) fn chart(id: &str, histogram: &[u64; 5]) -> String {
    let ratings: u64 = histogram.iter().fold(0, |sum: u64, count| sum.saturating_add(*count));
    let each: Vec<String> = (1..=5_usize)
        .zip(histogram)
        .map(|(stars, count)| format!("{}: {count}", counted(stars as u64, "star", "stars")))
        .collect();
    let description = format!("{}. {}.", counted(ratings, "rating", "ratings"), each.join(", "));
    let mut drawing = Drawing::new(id, "stars", HEIGHT, "Citizens' stars", &description);
    let most = histogram.iter().copied().max().unwrap_or(0).max(1);
    let span = WIDTH - LEFT - RIGHT - 40.0;
    for (row, (stars, count)) in [5, 4, 3, 2, 1_usize].into_iter().zip(histogram.iter().rev()).enumerate() {
        let y = TOP + ROW * row as f64;
        let label = format!("{}{}", "★".repeat(stars), "☆".repeat(5 - stars));
        drawing.text("tick", Anchor::End, [LEFT - 8.0, y + 17.0], label);
        let width = *count as f64 / most as f64 * span;
        let class = if stars < 3 { "bar low" } else { "bar" };
        drawing.rect(class, [LEFT, y], [width.max(1.0), ROW - 12.0], "");
        drawing.text("tick strong", Anchor::Start, [LEFT + width + 8.0, y + 17.0], grouped(*count));
    }
    drawing.finish()
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    #[test]
    fn five_bars_the_best_first() {
        let svg = chart("s", &[8, 6, 3, 2, 1]);
        check(&svg);
        assert_eq!(svg.matches("<rect").count(), 5);
        assert!(svg.find("★★★★★").unwrap() < svg.find("★☆☆☆☆").unwrap());
        assert!(svg.contains("20 ratings. 1 star: 8, 2 stars: 6"), "{svg}");
        check(&chart("s", &[0; 5]));
        check(&chart("s", &[u64::MAX; 5]));
    }
}
