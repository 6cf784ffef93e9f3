//! Lines of bounded length, from input of any.

use std::io::{self, BufRead};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A line without its end, and without the blanks around it; never empty.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Whole(&'a [u8]),
    /// So many bytes long, of which none are kept.
    TooLong(usize),
}

#[derive(Debug)]
pub(super) struct Lines<R> {
    input: R,
    longest: usize,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Lines of at most `longest` bytes.
    pub(super) const fn new(input: R, longest: usize) -> Self {
        Self { input, longest, line: Vec::new(), number: 0 }
    }

    /// How many lines have been read, blank ones included: the number of the last one.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// The next line that is not blank, with its number.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Line<'_>)>> {
        loop {
            let Some(bytes) = self.read_line()? else { return Ok(None) };
            if bytes > self.longest {
                return Ok(Some((self.number, Line::TooLong(bytes))));
            }
            // Not by `trimmed()` itself: a borrow that is returned from a loop would last for the whole of it.
            if !self.trimmed().is_empty() {
                return Ok(Some((self.number, Line::Whole(self.trimmed()))));
            }
        }
    }

    fn trimmed(&self) -> &[u8] {
        let line = match self.line.strip_prefix(BYTE_ORDER_MARK) {
            Some(rest) if self.number == 1 => rest,
            _ => &self.line,
        };
        line.trim_ascii()
    }

    /// Reads a line into the buffer, as much as it may hold, and says how long the line is.
    fn read_line(&mut self) -> io::Result<Option<usize>> {
        self.line.clear();
        let mut bytes = 0;
        loop {
            let part = match self.input.fill_buf() {
                Ok(part) => part,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if part.is_empty() {
                if bytes == 0 {
                    return Ok(None);
                }
                self.number += 1;
                return Ok(Some(bytes));
            }
            let end = part.iter().position(|byte| *byte == b'\n');
            let content = part.get(..end.unwrap_or(part.len())).unwrap_or_default();
            bytes += content.len();
            if bytes <= self.longest {
                self.line.extend_from_slice(content);
            }
            let used = content.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                self.number += 1;
                return Ok(Some(bytes));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn lines(input: &[u8], longest: usize, buffer: usize) -> Vec<(u64, Result<String, usize>)> {
        let mut lines = Lines::new(BufReader::with_capacity(buffer, input), longest);
        let mut all = Vec::new();
        while let Some((number, line)) = lines.next().unwrap() {
            let line = match line {
                Line::Whole(bytes) => Ok(String::from_utf8(bytes.to_vec()).unwrap()),
                Line::TooLong(bytes) => Err(bytes),
            };
            all.push((number, line));
        }
        all
    }

    #[test]
    fn lines_are_numbered_trimmed_and_bounded_whatever_the_buffer() {
        let input = b"\xef\xbb\xbfone\n\n  two \r\n\t\r\n0123456789\n01234567890\nlast";
        for buffer in 1..20 {
            let whole = |text: &str| Ok(text.to_owned());
            let expected = [
                (1, whole("one")),
                (3, whole("two")),
                (5, whole("0123456789")),
                (6, Err(11)),
                (7, whole("last")),
            ];
            assert_eq!(lines(input, 10, buffer), expected, "{buffer}");
        }
    }

    #[test]
    fn nothing_gives_no_lines() {
        assert!(lines(b"", 10, 8).is_empty());
        assert!(lines(b"\n\n", 10, 8).is_empty());
        assert!(lines(b"\xef\xbb\xbf", 10, 8).is_empty());
    }
}
