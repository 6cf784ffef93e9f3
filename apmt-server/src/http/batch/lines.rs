//! A batch's text, taken apart into the texts of its events.

use std::fmt;

use apmt_core::Invalid;
use apmt_core::event::MAX_BATCH_EVENTS;
use bytes::Bytes;
use serde::de::{Deserializer as _, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::http::problem::Problem;

/// One event's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its line, or its place in the array, from 1.
    pub(super) number: usize,
    /// A part of the batch's text, which it shares with the others.
    pub(super) json: Bytes,
}

/// The events' texts: the elements if the text is a JSON array, else the lines that are not blank.
pub(super) fn split(batch: &Bytes) -> Result<Vec<Line>, Problem> {
    // Some editors begin a file with this mark, which says nothing.
    let text = batch.strip_prefix("\u{feff}".as_bytes()).unwrap_or(batch);
    if text.trim_ascii_start().first() == Some(&b'[') { elements(batch, text) } else { lines(batch, text) }
}

fn lines(batch: &Bytes, text: &[u8]) -> Result<Vec<Line>, Problem> {
    let lines: Vec<Line> = text
        .split(|byte| *byte == b'\n')
        .zip(1..)
        .map(|(line, number)| (line.trim_ascii(), number))
        .filter(|(line, _)| !line.is_empty())
        .map(|(line, number)| Line { number, json: batch.slice_ref(line) })
        // One more than there may be, to know it.
        .take(MAX_BATCH_EVENTS + 1)
        .collect();
    if lines.len() > MAX_BATCH_EVENTS { Err(too_many()) } else { Ok(lines) }
}

fn elements(batch: &Bytes, text: &[u8]) -> Result<Vec<Line>, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let mut over = false;
    let read = reader.deserialize_seq(Elements { batch, over: &mut over });
    match read.and_then(|elements| reader.end().map(|()| elements)) {
        Ok(elements) => Ok(elements),
        Err(_) if over => Err(too_many()),
        Err(error) => Err(Invalid::missing("batch", format!("is no JSON array: {error}")).into()),
    }
}

fn too_many() -> Problem {
    let rule = format!("must have at most {MAX_BATCH_EVENTS} events: send it in parts");
    Problem::too_large(Invalid::missing("batch", rule))
}

/// Reads an array's elements without looking into them, and stops where there are too many.
struct Elements<'a> {
    batch: &'a Bytes,
    over: &'a mut bool,
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = Vec<Line>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = array.next_element::<&'de RawValue>()? {
            if elements.len() == MAX_BATCH_EVENTS {
                *self.over = true;
                return Err(A::Error::custom("too many elements"));
            }
            elements.push(Line {
                number: elements.len() + 1,
                json: self.batch.slice_ref(element.get().as_bytes()),
            });
        }
        Ok(elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<(usize, String)> {
        let lines = split(&Bytes::copy_from_slice(text.as_bytes())).unwrap();
        lines.iter().map(|line| (line.number, String::from_utf8(line.json.to_vec()).unwrap())).collect()
    }

    #[test]
    fn lines_are_counted_and_blank_ones_passed_over() {
        let lines = [(1, "{}".to_owned()), (3, "no JSON".to_owned()), (4, "{ }".to_owned())];
        assert_eq!(shown("{}\r\n\r\nno JSON\n { }  "), lines);
        assert_eq!(shown("\u{feff}{}\n\nno JSON\n{ }\n"), lines);
        assert!(shown("").is_empty() && shown(" \n\r\n").is_empty());
    }

    #[test]
    fn an_array_has_elements_whatever_they_are() {
        let elements = [(1, "{\"a\":\n[1]}".to_owned()), (2, "7".to_owned()), (3, "null".to_owned())];
        assert_eq!(shown(" [ {\"a\":\n[1]} ,7,\nnull]\n"), elements);
        assert!(shown("[]").is_empty());
        for broken in ["[", "[{}", "[{},]", "[] []", "[{}]x"] {
            assert!(split(&Bytes::from_static(broken.as_bytes())).is_err(), "{broken}");
        }
    }

    #[test]
    fn over_10_000_are_refused() {
        let line = "{}\n";
        assert_eq!(split(&line.repeat(MAX_BATCH_EVENTS).into()).unwrap().len(), MAX_BATCH_EVENTS);
        assert!(split(&line.repeat(MAX_BATCH_EVENTS + 1).into()).is_err());
        let array = |length| format!("[{}]", vec!["{}"; length].join(","));
        assert_eq!(split(&array(MAX_BATCH_EVENTS).into()).unwrap().len(), MAX_BATCH_EVENTS);
        assert!(split(&array(MAX_BATCH_EVENTS + 1).into()).is_err());
    }
}
