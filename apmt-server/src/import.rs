//! Reading a log of JSON Lines into a store: in bounded memory, the good lines stored, each bad one answered.
//!
//! - Plain or gzipped, told apart by the first two bytes and not by the name.
//! - A line has at most 64 KiB, and an exported one a little more ([`MAX_EXPORTED_BYTES`]); of a longer one no more than
//!   that is held.
//! - Blank lines are passed over, and so is a byte order mark at the beginning.
//! - Lines go to the store in batches of a thousand. If the store refuses one of a batch, that line is rejected and
//!   the rest goes again: the ids were given before the first attempt, so nothing is stored twice.
//! - A line without an `id` is a new event every time it is read. A line with one is stored once.

mod lines;

use std::fmt;
use std::io::{self, BufReader, Read};

use apmt_client::blocking::Client;
use apmt_core::event::{MAX_EVENT_BYTES, MAX_EXPORTED_BYTES};
use apmt_core::{Clock as _, Event, Invalid, SystemClock};
use flate2::bufread::MultiGzDecoder;
use serde::Serialize;

use lines::{Line, Lines};

/// How many lines go to the store at once.
const BATCH_LINES: usize = 1000;
/// How many bytes go to the store at once, and may wait in memory.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// The longest line that is held: an event, a byte order mark and a carriage return.
const LONGEST_LINE: usize = MAX_EXPORTED_BYTES + 4;
const BUFFER_BYTES: usize = 64 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// What an import came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Lines whose events are stored now and were not before.
    pub stored: u64,
    /// Lines whose events were there already, by their ids.
    pub duplicates: u64,
    /// Lines that were rejected.
    pub rejected: u64,
}

/// A line that was rejected. `Display` puts it as compilers do: `log.jsonl:17: value: 6: must be …`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Rejected {
    /// The file, as the caller named it.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The field that is wrong.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file, self.line, self.field, self.reason)
    }
}

/// Why an import stopped. What came before is stored.
#[derive(Debug)]
#[non_exhaustive]
pub enum ImportError {
    /// The log could not be read further.
    Read {
        /// The file, as the caller named it.
        file: String,
        /// The line that could not be read.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// The store could not take a batch.
    Store {
        /// The file, as the caller named it.
        file: String,
        /// The first line of the batch; all before it are stored or rejected.
        line: u64,
        /// Why.
        source: apmt_core::Error,
    },
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { file, line, source } => {
                write!(f, "{file}:{line}: cannot read on: {source}; the lines before it are done")
            }
            Self::Store { file, line, source } => {
                write!(f, "{source} ({file}: the lines before line {line} are done)")
            }
        }
    }
}

impl std::error::Error for ImportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            Self::Store { source, .. } => Some(source),
        }
    }
}

/// Brings logs into a store.
#[derive(Debug)]
pub struct Importer<'a> {
    client: &'a Client,
    counts: Counts,
}

impl<'a> Importer<'a> {
    /// An importer into that client's store.
    pub fn new(client: &'a Client) -> Self {
        Self { client, counts: Counts::default() }
    }

    /// What all logs read so far came to, whether the last one was read to its end or not.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Reads a log to its end. `file` is the name by which errors call it; `on_rejected` is told of each rejected
    /// line, in order.
    ///
    /// # Errors
    /// [`ImportError`] if the log cannot be read further or the store cannot take it. What came before is stored.
    pub fn read(
        &mut self,
        file: &str,
        log: impl Read,
        mut on_rejected: impl FnMut(&Rejected),
    ) -> Result<(), ImportError> {
        let unreadable = |line| move |source| ImportError::Read { file: file.to_owned(), line, source };
        let log = decompressed(log).map_err(unreadable(1))?;
        let mut lines = Lines::new(BufReader::with_capacity(BUFFER_BYTES, log), LONGEST_LINE);
        let mut batch = Batch::default();
        loop {
            let (number, line) = match lines.next() {
                Ok(Some(line)) => line,
                Ok(None) => return self.store(file, &mut batch, &mut on_rejected),
                Err(error) => {
                    // What was read is good, whatever became of the rest.
                    self.store(file, &mut batch, &mut on_rejected)?;
                    return Err(unreadable(lines.number() + 1)(error));
                }
            };
            match line {
                Line::Whole(json) => batch.take(number, json),
                Line::TooLong(bytes) => {
                    let rule = format!("must be at most {MAX_EVENT_BYTES} bytes of JSON, and has {bytes}");
                    batch.rejected.push((number, Invalid::missing("event", rule)));
                }
            }
            if batch.is_full() {
                self.store(file, &mut batch, &mut on_rejected)?;
            }
        }
    }

    fn store(
        &mut self,
        file: &str,
        batch: &mut Batch,
        on_rejected: &mut impl FnMut(&Rejected),
    ) -> Result<(), ImportError> {
        let mut batch = std::mem::take(batch);
        let stored = self.append(&mut batch);
        batch.rejected.sort_by_key(|(line, _)| *line);
        let first = batch.lines.first().copied().unwrap_or_default();
        for (line, invalid) in batch.rejected {
            if stored.is_err() && line > first {
                break;
            }
            self.counts.rejected += 1;
            on_rejected(&Rejected {
                file: file.to_owned(),
                line,
                field: invalid.field().to_owned(),
                reason: invalid.reason(),
            });
        }
        stored.map_err(|source| ImportError::Store { file: file.to_owned(), line: first, source })
    }

    /// Appends the batch, without the events that the store refuses.
    fn append(&mut self, batch: &mut Batch) -> apmt_core::Result<()> {
        while !batch.events.is_empty() {
            match self.client.record_events(batch.events.iter().cloned()) {
                Ok(receipts) => {
                    for receipt in receipts {
                        let count = if receipt.duplicate {
                            &mut self.counts.duplicates
                        } else {
                            &mut self.counts.stored
                        };
                        *count += 1;
                    }
                    return Ok(());
                }
                Err(error) => {
                    let refused =
                        error.invalid().and_then(|invalid| Some((invalid.index()?, invalid.clone())));
                    match refused {
                        Some((index, invalid)) if index < batch.events.len() => {
                            batch.events.remove(index);
                            batch.rejected.push((batch.lines.remove(index), invalid));
                        }
                        _ => return Err(error),
                    }
                }
            }
        }
        Ok(())
    }
}

/// Lines on their way to the store.
#[derive(Default)]
struct Batch {
    events: Vec<Event>,
    /// The line of each event.
    lines: Vec<u64>,
    rejected: Vec<(u64, Invalid)>,
    bytes: usize,
}

impl Batch {
    fn take(&mut self, line: u64, json: &[u8]) {
        let event = match std::str::from_utf8(json) {
            Ok(json) => Event::from_json(json),
            Err(error) => {
                let rule = format!("must be UTF-8, and is not from byte {} on", error.valid_up_to() + 1);
                Err(Invalid::missing("event", rule))
            }
        };
        match event {
            Ok(mut event) => {
                // Before the first attempt, so that every attempt brings the same events.
                event.identify(SystemClock.now());
                self.bytes += json.len();
                self.events.push(event);
                self.lines.push(line);
            }
            Err(invalid) => self.rejected.push((line, invalid)),
        }
    }

    fn is_full(&self) -> bool {
        self.events.len() >= BATCH_LINES || self.rejected.len() >= BATCH_LINES || self.bytes >= BATCH_BYTES
    }
}

/// The log itself, whether it was compressed or not.
fn decompressed<'a>(mut log: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut start = Vec::with_capacity(GZIP_MAGIC.len());
    log.by_ref().take(GZIP_MAGIC.len() as u64).read_to_end(&mut start)?;
    let compressed = start == GZIP_MAGIC;
    let whole = io::Cursor::new(start).chain(log);
    Ok(if compressed {
        Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, whole)))
    } else {
        Box::new(whole)
    })
}
