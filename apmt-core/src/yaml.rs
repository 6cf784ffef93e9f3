//! The one way in which APMT reads YAML ([`read`]), and [`YamlError`], what a wrong file gets: the file, the line, the
//! column, what was expected, and the name that was probably meant.
//!
//! A file is read into nodes that know their place, and whoever reads them says what is wrong and where. Names that
//! nobody knows are refused, for a misspelt rule that silently does nothing is worse than an error. What a file may
//! cost is bounded: 1 MiB of text, 10 levels, 50,000 nodes with those that aliases repeat, 4 KiB a value.

mod node;

use std::fmt::{self, Write as _};

use serde_saphyr::options::MergeKeyPolicy;
use sha2::{Digest, Sha256};

pub use node::{Fields, Node};

use crate::event::nearest;

/// The most bytes of YAML that are read.
const MAX_BYTES: usize = 1024 * 1024;
/// The deepest nesting that is read. Each level takes some tens of kilobytes of stack in an unoptimised build.
const MAX_DEPTH: usize = 10;
/// The most parser events that are read.
const MAX_EVENTS: usize = 50_000;
/// The most characters of a wrong value that an error repeats.
const SHOWN: usize = 80;

/// What is wrong in a YAML file, and where.
///
/// ```
/// use apmt_core::Policy;
/// let error = Policy::from_yaml("policy.yaml", "
/// name: strict
/// rules:
///   - id: overrides
///     when: [overide_rate > 0.2]
///     then: pip
/// ").unwrap_err();
/// assert_eq!((error.file(), error.line(), error.column()), ("policy.yaml", Some(5), Some(12)));
/// assert_eq!(error.nearest(), Some("override_rate"));
/// assert_eq!(
///     error.to_string(),
///     "policy.yaml:5:12: \"overide_rate\" is no metric; did you mean override_rate?"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlError {
    file: Box<str>,
    wrong: Wrong,
}

impl YamlError {
    /// The file, as the caller named it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, from 1; `None` where the file as a whole is wrong.
    pub fn line(&self) -> Option<u32> {
        self.wrong.place.map(|place| place.line)
    }

    /// The column in characters, from 1; `None` where the file as a whole is wrong.
    pub fn column(&self) -> Option<u32> {
        self.wrong.place.map(|place| place.column)
    }

    /// What is wrong and what was expected, without the place and the nearest name.
    pub fn message(&self) -> &str {
        &self.wrong.message
    }

    /// The known name nearest to the one that is written, where one is near.
    pub fn nearest(&self) -> Option<&str> {
        self.wrong.nearest.as_deref()
    }
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(Place { line, column }) = self.wrong.place {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.wrong.message)?;
        match &self.wrong.nearest {
            Some(nearest) => write!(f, "; did you mean {nearest}?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for YamlError {}

/// Line and column, each from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    line: u32,
    column: u32,
}

impl Place {
    /// `None` where the reader does not know.
    fn of(location: serde_saphyr::Location) -> Option<Self> {
        let (line, column) = (u32::try_from(location.line()).ok()?, u32::try_from(location.column()).ok()?);
        (line > 0).then_some(Self { line, column })
    }
}

/// What is wrong, before the file's name is put to it: made by [`Node::wrong`] and [`Node::expected`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    place: Option<Place>,
    message: Box<str>,
    nearest: Option<Box<str>>,
}

impl Wrong {
    fn new(place: Option<Place>, message: impl Into<Box<str>>) -> Self {
        Self { place, message: message.into(), nearest: None }
    }

    /// Adds the known name nearest to what is written, if one is near.
    #[must_use]
    pub fn or_nearest<'a>(self, written: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Self { nearest: nearest(written, known).map(Into::into), ..self }
    }

    /// Adds the known name that is nearest.
    pub(crate) fn with_nearest(self, nearest: Option<&str>) -> Self {
        Self { nearest: nearest.map(Into::into), ..self }
    }
}

impl From<serde_saphyr::Error> for Wrong {
    fn from(error: serde_saphyr::Error) -> Self {
        let place = error.location().and_then(Place::of);
        let message = match &error {
            serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => written_twice(key),
            serde_saphyr::Error::MultipleDocuments { .. } => {
                "a second document begins here; expected one document a file".to_owned()
            }
            serde_saphyr::Error::NonFiniteFloat { .. } => "expected a finite number".to_owned(),
            _ => {
                // The place has a field of its own.
                let text = error.to_string();
                let text = text.split_once(" at line ").map_or(text.as_str(), |(text, _)| text);
                if text.starts_with("budget breached") {
                    return Self::new(
                        place,
                        format!("too much YAML; expected at most {MAX_DEPTH} levels and {MAX_EVENTS} values"),
                    );
                }
                format!("wrong YAML: {}", one_line(text))
            }
        };
        Self::new(place, message)
    }
}

/// Reads one document, and makes of it what `make` makes of its root: for files of one's own, with errors such as these.
/// `file` is the name by which errors call it; nothing is opened.
///
/// # Errors
/// For text that is no YAML or too much of it, and whatever `make` finds wrong.
///
/// ```
/// use apmt_core::yaml;
/// let port = |text| yaml::read("server.yaml", text, |root| {
///     let port = root.fields("a server", &["port"])?.require("port", "a port")?;
///     port.as_whole::<u16>().ok_or_else(|| port.expected("a port from 0 to 65535"))
/// });
/// assert_eq!(port("port: 9300"), Ok(9300));
/// assert_eq!(port("port: 93000").unwrap_err().to_string(),
///     "server.yaml:1:7: expected a port from 0 to 65535, found the number 93000");
/// assert_eq!(port("prot: 9300").unwrap_err().nearest(), Some("port"));
/// ```
pub fn read<T>(file: &str, text: &str, make: impl FnOnce(&Node) -> Result<T, Wrong>) -> Result<T, YamlError> {
    parse(text).and_then(|root| make(&root)).map_err(|wrong| YamlError { file: file.into(), wrong })
}

fn parse(text: &str) -> Result<Node, Wrong> {
    if text.len() > MAX_BYTES {
        return Err(Wrong::new(None, format!("{} bytes; expected at most {MAX_BYTES}", text.len())));
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_events: MAX_EVENTS,
            max_nodes: MAX_EVENTS,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_EVENTS },
        merge_keys: MergeKeyPolicy::AsOrdinary,
        strict_booleans: true,
        with_snippet: false,
    };
    Ok(serde_saphyr::from_str_with_options(text, options)?)
}

/// The value as an error may show it: in quotes, short, and without control characters that a terminal would obey.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", one_line(text))
}

fn one_line(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(SHOWN)
        .map(|c| match c {
            '\n' | '\t' => ' ',
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    short
}

fn written_twice(name: &str) -> String {
    format!("{} is written twice; expected each name once", quoted(name))
}

/// "a, b or c".
pub(crate) fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.into_iter().collect();
    match names.pop() {
        Some(last) if !names.is_empty() => format!("{} or {last}", names.join(", ")),
        last => last.unwrap_or_default().to_owned(),
    }
}

/// The SHA-256 (FIPS 180-4) of a canonical text, in lower-case hex: what a file means has a digest, not how it is laid
/// out.
pub(crate) fn sha256_hex(canonical: &str) -> String {
    Sha256::digest(canonical.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
