//! Charts: pure functions from numbers to SVG. Colours and letters come from the style sheet, by class, so that a chart
//! is dark where the page is; every chart has a title and a description, and a table beside it on the page.

pub(super) mod ages;
pub(super) mod hours;
pub(super) mod stars;
pub(super) mod stretches;
pub(super) mod weeks;

use std::fmt::{self, Display, Write as _};

/// A chart's width in its own units; the page scales it.
const WIDTH: f64 = 440.0;
/// What lies left of the axis, and right of it.
const LEFT: f64 = 44.0;
const RIGHT: f64 = 12.0;

/// An SVG that is being drawn.
#[derive(Debug)]
struct Drawing {
    out: String,
}

impl Drawing {
    /// `id` is the chart's own on its page.
    fn new(id: &str, class: &str, height: f64, title: &str, description: &str) -> Self {
        let mut out = String::with_capacity(4096);
        // Writing to a string does not fail.
        let _ = write!(
            out,
            "<svg class=\"chart {}\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
             <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>",
            Escaped(class),
            Escaped(title),
            Escaped(description),
            id = Escaped(id),
        );
        Self { out }
    }

    /// One that a page stretches to whatever width there is: for shapes without letters.
    fn stretched(id: &str, class: &str, height: f64, title: &str, description: &str) -> Self {
        let mut drawing = Self::new(id, class, height, title, description);
        drawing.out = drawing.out.replacen("<svg ", "<svg preserveAspectRatio=\"none\" ", 1);
        drawing
    }

    /// An element with nothing in it.
    fn element(&mut self, name: &str, class: &str, attributes: &[(&str, &dyn Display)]) {
        self.open(name, class, attributes);
        let _ = write!(self.out, "</{name}>");
    }

    /// An element that a pointer is told about.
    fn told(&mut self, name: &str, class: &str, attributes: &[(&str, &dyn Display)], told: &str) {
        self.open(name, class, attributes);
        let _ = write!(self.out, "<title>{}</title></{name}>", Escaped(told));
    }

    fn open(&mut self, name: &str, class: &str, attributes: &[(&str, &dyn Display)]) {
        let _ = write!(self.out, "<{name} class=\"{}\"", Escaped(class));
        for (attribute, value) in attributes {
            let _ = write!(self.out, " {attribute}=\"{}\"", Escaped(value));
        }
        self.out.push('>');
    }

    fn line(&mut self, class: &str, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) {
        let ends: [(&str, &dyn Display); 4] =
            [("x1", &Unit(x1)), ("y1", &Unit(y1)), ("x2", &Unit(x2)), ("y2", &Unit(y2))];
        self.element("line", class, &ends);
    }

    fn rect(&mut self, class: &str, [x, y]: [f64; 2], [width, height]: [f64; 2], told: &str) {
        let place: [(&str, &dyn Display); 4] =
            [("x", &Unit(x)), ("y", &Unit(y)), ("width", &Unit(width)), ("height", &Unit(height))];
        if told.is_empty() {
            self.element("rect", class, &place);
        } else {
            self.told("rect", class, &place, told);
        }
    }

    fn dot(&mut self, class: &str, [x, y]: [f64; 2], radius: f64, told: &str) {
        let place: [(&str, &dyn Display); 3] = [("cx", &Unit(x)), ("cy", &Unit(y)), ("r", &Unit(radius))];
        self.told("circle", class, &place, told);
    }

    /// Text that begins, ends or stands in the middle of that place.
    fn text(&mut self, class: &str, anchor: Anchor, [x, y]: [f64; 2], text: impl Display) {
        let place: [(&str, &dyn Display); 3] =
            [("x", &Unit(x)), ("y", &Unit(y)), ("text-anchor", &anchor.name())];
        self.open("text", class, &place);
        let _ = write!(self.out, "{}</text>", Escaped(text));
    }

    fn finish(mut self) -> String {
        self.out.push_str("</svg>");
        self.out
    }
}

#[derive(Clone, Copy, Debug)]
enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

/// A length to a tenth of a unit: finer is not seen.
struct Unit(f64);

impl Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round();
        if tenths % 10.0 == 0.0 {
            write!(f, "{:.0}", tenths / 10.0)
        } else {
            write!(f, "{:.1}", tenths / 10.0)
        }
    }
}

/// Text as XML has it.
struct Escaped<T>(T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);
        impl fmt::Write for Escaping<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                for c in text.chars() {
                    match c {
                        '&' => self.0.write_str("&amp;")?,
                        '<' => self.0.write_str("&lt;")?,
                        '>' => self.0.write_str("&gt;")?,
                        '"' => self.0.write_str("&quot;")?,
                        '\'' => self.0.write_str("&#39;")?,
                        c => self.0.write_char(c)?,
                    }
                }
                Ok(())
            }
        }
        write!(Escaping(f), "{}", self.0)
    }
}

/// Steps for a count's axis, from 0 up to at least the most: 1, 2 or 5 times a power of ten apart, at most five.
fn steps(most: u64) -> Vec<u64> {
    let most = most.max(1);
    let step = (0..19_u32)
        .flat_map(|power| [1, 2, 5].map(|digit: u64| digit.saturating_mul(10_u64.saturating_pow(power))))
        .find(|step| most.div_ceil(*step) <= 4)
        .unwrap_or(most);
    (0..=most.div_ceil(step)).map(|steps| steps.saturating_mul(step)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a chart must be whatever it shows: one SVG with a title, a description, no style and no script.
    pub(super) fn check(svg: &str) {
        assert!(
            svg.starts_with("<svg ") && svg.contains("class=\"chart ") && svg.ends_with("</svg>"),
            "{svg}"
        );
        assert_eq!(svg.matches("<svg").count(), 1, "{svg}");
        assert!(svg.contains("<desc id=") && svg.contains("role=\"img\""), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf") && !svg.contains("style="), "{svg}");
        for name in ["rect", "text", "circle", "line", "title", "path"] {
            let opened =
                svg.matches(&format!("<{name} ")).count() + svg.matches(&format!("<{name}>")).count();
            assert_eq!(opened, svg.matches(&format!("</{name}>")).count(), "{name}: {svg}");
        }
    }

    #[test]
    fn text_is_escaped() {
        let mut drawing = Drawing::new("a", "b", 10.0, "<script>alert(1)</script>", "\"&'");
        drawing.text("label", Anchor::Start, [1.0, 2.04], "</text><script>");
        let svg = drawing.finish();
        assert!(!svg.contains("<script"), "{svg}");
        assert!(svg.contains("&lt;script&gt;alert(1)") && svg.contains("&quot;&amp;&#39;"), "{svg}");
        assert!(svg.contains("x=\"1\" y=\"2\""), "{svg}");
    }

    #[test]
    fn axes_have_round_steps() {
        assert_eq!(steps(0), [0, 1]);
        assert_eq!(steps(3), [0, 1, 2, 3]);
        assert_eq!(steps(7), [0, 2, 4, 6, 8]);
        assert_eq!(steps(41), [0, 20, 40, 60]);
        assert_eq!(steps(u64::MAX).first(), Some(&0));
    }
}
