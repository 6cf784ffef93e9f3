//! One actor's day: its tally, and the entries that it sums up, as they are kept and as they are stored.

use super::{Durations, Tally};
use crate::contribution::{Cursor, Measure};
use crate::time::{Timestamp, Window};

/// One contribution among an actor's day: what the event at `position` measured at `at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it counts.
    pub at: Timestamp,
    /// The position of the event that caused it.
    pub position: u64,
    /// What was measured.
    pub measure: Measure,
}

impl Entry {
    /// Where it stands among the actor's contributions.
    pub const fn cursor(&self) -> Cursor {
        Cursor { at: self.at, position: self.position, ordinal: self.measure.ordinal() }
    }
}

/// One actor's day: a tally for the windows that cover it whole, and its entries for those that cut through it.
///
/// It is stored as two byte strings ([`write_tally`](Self::write_tally), [`write_entries`](Self::write_entries)), so
/// that a dossier reads the short one for the days inside its window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayTally {
    tally: Tally,
    entries: Vec<Entry>,
}

impl DayTally {
    /// What the whole day comes to.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The day's entries, by instant, then in log order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether the day holds nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds an entry; one that is there already stays as it is.
    pub fn add(&mut self, entry: Entry) {
        let index = match self.entries.last() {
            Some(last) if last.cursor() < entry.cursor() => self.entries.len(),
            _ => match self.entries.binary_search_by_key(&entry.cursor(), Entry::cursor) {
                Ok(_) => return,
                Err(index) => index,
            },
        };
        self.entries.insert(index, entry);
        self.tally.add(&entry.measure);
    }

    /// Takes an entry out, if it is there.
    pub fn remove(&mut self, entry: &Entry) {
        if let Ok(index) = self.entries.binary_search_by_key(&entry.cursor(), Entry::cursor) {
            let removed = self.entries.remove(index);
            self.tally.remove(&removed.measure);
        }
    }

    /// What those of the day's entries come to that lie in the window.
    pub fn tally_within(&self, window: &Window) -> Tally {
        tally_of(&self.entries, window)
    }

    /// The tally as it is stored.
    pub fn write_tally(&self) -> Vec<u8> {
        let tally = &self.tally;
        let mut out = Vec::with_capacity(24 + 4 * tally.processing.len());
        for count in counts(tally) {
            write_varint(&mut out, count);
        }
        write_varint(&mut out, tally.processing.short.len() as u64);
        write_varint(&mut out, tally.processing.long.len() as u64);
        for value in &tally.processing.short {
            out.extend_from_slice(&value.to_le_bytes());
        }
        for value in &tally.processing.long {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out
    }

    /// The entries as they are stored.
    pub fn write_entries(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(12 * self.entries.len());
        let (mut at, mut position) = (0_i64, 0_u64);
        for entry in &self.entries {
            write_signed(&mut out, entry.at.millis() - at);
            write_signed(&mut out, entry.position.wrapping_sub(position) as i64);
            (at, position) = (entry.at.millis(), entry.position);
            out.push(tag(&entry.measure));
            if let Measure::Processing { counted_ms, since, .. } = entry.measure {
                write_varint(&mut out, counted_ms);
                // Where every hour counts and nothing was paused, the clock started just so long before its end.
                write_signed(&mut out, entry.at.millis() - since.millis() - counted_ms as i64);
            }
        }
        out
    }

    /// Reads a tally as it was stored.
    ///
    /// # Errors
    /// [`StoredTallyError`] if the bytes are not what [`write_tally`](Self::write_tally) writes.
    pub fn read_tally(bytes: &[u8]) -> Result<Tally, StoredTallyError> {
        let mut reader = Reader(bytes);
        let mut counts = [0; COUNTS];
        for count in &mut counts {
            *count = reader.varint()?;
        }
        let [
            decisions,
            overrides,
            recommendations,
            overridden,
            one,
            two,
            three,
            four,
            five,
            appeals,
            reversed,
            up,
            down,
        ] = counts;
        let (short, long) = (reader.length()?, reader.length()?);
        let short = reader.fixed(short)?;
        let long = reader.fixed(long)?;
        reader.end()?;
        Ok(Tally {
            decisions,
            overrides,
            recommendations,
            recommendations_overridden: overridden,
            stars: [one, two, three, four, five],
            appeals,
            appeals_reversed: reversed,
            overrides_upheld: up,
            overrides_reversed: down,
            processing: Durations {
                short: short.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect(),
                long: long.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect(),
            },
        })
    }

    /// Reads entries as they were stored.
    ///
    /// # Errors
    /// [`StoredTallyError`] if the bytes are not what [`write_entries`](Self::write_entries) writes.
    pub fn read_entries(bytes: &[u8]) -> Result<Vec<Entry>, StoredTallyError> {
        let mut reader = Reader(bytes);
        // An entry takes three bytes at least, so the capacity is bounded by the bytes that are there.
        let mut entries = Vec::with_capacity(bytes.len() / 3);
        let (mut at, mut position) = (0_i64, 0_u64);
        while !reader.0.is_empty() {
            at = at.checked_add(reader.signed()?).ok_or(StoredTallyError)?;
            position = position.wrapping_add(reader.signed()? as u64);
            let measure = match reader.byte()? {
                byte @ (0 | 1) => Measure::Verdict { overridden: byte == 1 },
                byte @ (2 | 3) => Measure::Recommendation { overridden: byte == 3 },
                byte @ (4 | 5) => {
                    let counted_ms = reader.varint()?;
                    let since = i64::try_from(counted_ms)
                        .ok()
                        .and_then(|counted| at.checked_sub(counted)?.checked_sub(reader.signed().ok()?))
                        .ok_or(StoredTallyError)?;
                    Measure::Processing { counted_ms, since: Timestamp::from_millis(since), held: byte == 5 }
                }
                byte @ 8..=11 => Measure::Appeal { reversed: byte & 1 == 1, overrode: byte & 2 == 2 },
                byte @ 17..=21 => Measure::Satisfaction { stars: byte - 16 },
                _ => return Err(StoredTallyError),
            };
            entries.push(Entry { at: Timestamp::from_millis(at), position, measure });
        }
        Ok(entries)
    }

    /// Reads a day as it was stored.
    ///
    /// # Errors
    /// [`StoredTallyError`] if the bytes are not what was written.
    pub fn read(tally: &[u8], entries: &[u8]) -> Result<Self, StoredTallyError> {
        Ok(Self { tally: Self::read_tally(tally)?, entries: Self::read_entries(entries)? })
    }

    /// What those of a day's stored entries come to that lie in the window.
    ///
    /// # Errors
    /// [`StoredTallyError`] if the bytes are not what [`write_entries`](Self::write_entries) writes.
    pub fn read_tally_within(entries: &[u8], window: &Window) -> Result<Tally, StoredTallyError> {
        Ok(tally_of(&Self::read_entries(entries)?, window))
    }
}

/// Bytes that are no stored tally: the derived table that held them is damaged, and has to be folded again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored tally is damaged")]
pub struct StoredTallyError;

fn tally_of(entries: &[Entry], window: &Window) -> Tally {
    let mut tally = Tally::default();
    let inside = entries.iter().filter(|entry| window.contains(entry.at));
    let mut processing = Vec::new();
    for entry in inside {
        match entry.measure {
            // Sorting all at once is faster than keeping them sorted one by one.
            Measure::Processing { counted_ms, .. } => processing.push(counted_ms),
            ref other => tally.add(other),
        }
    }
    tally.processing = processing.into_iter().collect();
    tally
}

const COUNTS: usize = 13;

fn counts(tally: &Tally) -> [u64; COUNTS] {
    let [one, two, three, four, five] = tally.stars;
    [
        tally.decisions,
        tally.overrides,
        tally.recommendations,
        tally.recommendations_overridden,
        one,
        two,
        three,
        four,
        five,
        tally.appeals,
        tally.appeals_reversed,
        tally.overrides_upheld,
        tally.overrides_reversed,
    ]
}

fn tag(measure: &Measure) -> u8 {
    match *measure {
        Measure::Verdict { overridden } => u8::from(overridden),
        Measure::Recommendation { overridden } => 2 + u8::from(overridden),
        Measure::Processing { held, .. } => 4 + u8::from(held),
        Measure::Appeal { reversed, overrode } => 8 + u8::from(reversed) + 2 * u8::from(overrode),
        Measure::Satisfaction { stars } => 16 + stars,
    }
}

/// Seven bits a byte, the lowest first (LEB128).
fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Zigzag: small numbers of either sign take few bytes.
fn write_signed(out: &mut Vec<u8>, value: i64) {
    write_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, StoredTallyError> {
        let (first, rest) = self.0.split_first().ok_or(StoredTallyError)?;
        self.0 = rest;
        Ok(*first)
    }

    fn varint(&mut self) -> Result<u64, StoredTallyError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(StoredTallyError)
    }

    fn signed(&mut self) -> Result<i64, StoredTallyError> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn length(&mut self) -> Result<usize, StoredTallyError> {
        usize::try_from(self.varint()?).map_err(|_| StoredTallyError)
    }

    /// That many values of `SIZE` bytes each.
    fn fixed<const SIZE: usize>(&mut self, length: usize) -> Result<&'a [[u8; SIZE]], StoredTallyError> {
        let bytes = length.checked_mul(SIZE).ok_or(StoredTallyError)?;
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(StoredTallyError)?;
        self.0 = rest;
        Ok(taken.as_chunks().0)
    }

    fn end(&self) -> Result<(), StoredTallyError> {
        if self.0.is_empty() { Ok(()) } else { Err(StoredTallyError) }
    }
}
