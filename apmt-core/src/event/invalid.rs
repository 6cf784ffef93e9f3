//! What a bad event gets: the field, the value, the rule, and the name that was probably meant.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most characters of a bad value that an error repeats.
const SHOWN: usize = 80;

/// A value that breaks a rule: which field, which value, which rule, and where one is near, the name that was
/// probably meant.
///
/// It goes over the wire as a JSON object with the fields `field` and `rule`, and `value`, `nearest` and `index` where
/// there are any, so that whoever reads it back has the same error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invalid {
    field: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Box<str>>,
    rule: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nearest: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
}

impl Invalid {
    /// A value of a field that breaks a rule. The rule is worded to follow the value: "must not be empty".
    pub fn new(field: impl Into<Box<str>>, value: impl fmt::Display, rule: impl Into<Box<str>>) -> Self {
        Self {
            field: field.into(),
            value: Some(shown(&value)),
            rule: rule.into(),
            nearest: None,
            index: None,
        }
    }

    /// A field that must be there and is not.
    pub fn missing(field: &'static str, rule: impl Into<Box<str>>) -> Self {
        Self { field: field.into(), value: None, rule: rule.into(), nearest: None, index: None }
    }

    /// Adds the known name nearest to what was sent, if one is near.
    #[must_use]
    pub fn with_nearest(mut self, nearest: Option<&str>) -> Self {
        self.nearest = nearest.map(Into::into);
        self
    }

    /// Adds which event of a batch it was, from 0.
    #[must_use]
    pub fn at_index(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }

    /// The field's name, such as `value` or `actor`.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What was sent, shortened where it is long; `None` where the field is missing.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// The rule that it breaks.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The known name nearest to what was sent, where one is near.
    pub fn nearest(&self) -> Option<&str> {
        self.nearest.as_deref()
    }

    /// Which event of a batch it was, from 0.
    pub fn index(&self) -> Option<usize> {
        self.index
    }

    /// The value, the rule and the nearest name, without the field: what an answer that has a field of its own for
    /// the field shows.
    pub fn reason(&self) -> String {
        Reason(self).to_string()
    }
}

struct Reason<'a>(&'a Invalid);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(value) = &self.0.value {
            write!(f, "{value}: ")?;
        }
        f.write_str(&self.0.rule)?;
        match &self.0.nearest {
            Some(nearest) => write!(f, "; did you mean {nearest}?"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(index) = self.index {
            write!(f, "event {} of the batch: ", index + 1)?;
        }
        write!(f, "{}: {}", self.field, Reason(self))
    }
}

impl std::error::Error for Invalid {}

/// The value as an error may show it: short, on one line, and without control characters that a terminal would obey.
fn shown(value: &dyn fmt::Display) -> Box<str> {
    let text = value.to_string();
    let mut short: String = text
        .chars()
        .take(SHOWN)
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    if short.is_empty() {
        short.push_str("\"\"");
    }
    short.into()
}

/// The candidate nearest to what was written, if it is near enough to have been meant: for the errors of whoever reads
/// names.
///
/// Near is a Damerau–Levenshtein distance of at most a third of the longer name's length, case aside.
///
/// ```
/// use apmt_core::event::nearest;
/// assert_eq!(nearest("OVERIDE", ["DECISION", "OVERRIDE"]), Some("OVERRIDE"));
/// assert_eq!(nearest("LUNCH", ["DECISION", "OVERRIDE"]), None);
/// ```
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Edit distance is quadratic, so a hostile length is cut: a long text is near nothing.
    if written.len() > 100 {
        return None;
    }
    let lower = written.trim().to_lowercase();
    candidates
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance * 3 <= name.len().max(lower.len()))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
