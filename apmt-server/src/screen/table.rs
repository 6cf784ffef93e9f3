//! Columns that line up, in any script.

use std::fmt::Write as _;

use anstyle::Style;
use unicode_width::UnicodeWidthStr as _;

use super::{BOLD, PLAIN, printable};

#[derive(Clone, Copy)]
pub(super) enum Align {
    Left,
    Right,
}

pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(super) fn new(text: &str) -> Self {
        Self { text: printable(text).into_owned(), style: PLAIN }
    }

    pub(super) fn styled(text: &str, style: Style) -> Self {
        Self { style, ..Self::new(text) }
    }
}

pub(super) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(super) fn new(columns: impl IntoIterator<Item = (&'static str, Align)>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    pub(super) fn write(&self, out: &mut String) {
        let headings: Vec<Cell> =
            self.columns.iter().map(|(heading, _)| Cell::styled(heading, BOLD)).collect();
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|column| {
                let cells = self.rows.iter().chain([&headings]).filter_map(|row| row.get(column));
                cells.map(|cell| cell.text.width()).max().unwrap_or(0)
            })
            .collect();
        for row in [&headings].into_iter().chain(&self.rows) {
            self.write_row(row, &widths, out);
        }
    }

    fn write_row(&self, row: &[Cell], widths: &[usize], out: &mut String) {
        for (place, ((cell, width), (_, align))) in row.iter().zip(widths).zip(&self.columns).enumerate() {
            let blanks = width.saturating_sub(cell.text.width());
            let (before, after) = match align {
                Align::Left if place + 1 == self.columns.len() => (0, 0),
                Align::Left => (0, blanks),
                Align::Right => (blanks, 0),
            };
            let gap = if place == 0 { 0 } else { 2 };
            let style = cell.style;
            // Writing to a string does not fail.
            let _ = write!(out, "{0:1$}{style}{2}{style:#}{0:3$}", "", gap + before, cell.text, after);
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_with_wide_characters() {
        let mut table = Table::new([("Who", Align::Left), ("n", Align::Right), ("What", Align::Left)]);
        table.row(vec![Cell::new("田中"), Cell::new("7"), Cell::new("a")]);
        table.row(vec![Cell::new("é\u{7}"), Cell::new("1234"), Cell::new("bcd")]);
        let mut out = String::new();
        table.write(&mut out);
        let plain = anstream::adapter::strip_str(&out).to_string();
        assert_eq!(plain, "Who      n  What\n田中     7  a\né\u{fffd}    1234  bcd\n");
    }
}
