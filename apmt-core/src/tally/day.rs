//! One actor's day: its tally, and the entries that it sums up, as they are kept and as they are stored.

use std::collections::BTreeMap;

use super::{Durations, Tally};
use crate::contribution::{Contribution, Cursor, Measure};
use crate::name::Track;
use crate::time::{Timestamp, Window};

/// One contribution among an actor's day: what the event at `position` measured at `at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it counts.
    pub at: Timestamp,
    /// The position of the event that caused it.
    pub position: u64,
    /// The case's track at that instant, where it has one.
    pub track: Option<Track>,
    /// What was measured.
    pub measure: Measure,
}

impl Entry {
    /// The entry that a contribution is in its actor's day.
    pub fn of(contribution: &Contribution) -> Self {
        let Contribution { at, position, track, measure, .. } = contribution;
        Self { at: *at, position: *position, track: track.clone(), measure: *measure }
    }

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
        self.tally.add(entry.track.as_ref(), &entry.measure);
        self.entries.insert(index, entry);
    }

    /// Takes an entry out, if it is there.
    pub fn remove(&mut self, entry: &Entry) {
        if let Ok(index) = self.entries.binary_search_by_key(&entry.cursor(), Entry::cursor) {
            let removed = self.entries.remove(index);
            self.tally.remove(removed.track.as_ref(), &removed.measure);
        }
    }

    /// What those of the day's entries come to that lie in the window.
    pub fn tally_within(&self, window: &Window) -> Tally {
        tally_of(&self.entries, window)
    }

    /// The tally as it is stored.
    pub fn write_tally(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(24 + 5 * self.tally.processing.len());
        write_own(&mut out, &self.tally);
        write_varint(&mut out, self.tally.tracks.len() as u64);
        for (track, tally) in &self.tally.tracks {
            write_text(&mut out, track.as_str());
            write_own(&mut out, tally);
        }
        out
    }

    /// The entries as they are stored: the tracks' names, then the entries, each of which says its track by its place
    /// among the names, from 1, where there are any.
    pub fn write_entries(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(14 * self.entries.len());
        let tracks: Vec<&Track> = self.tally.tracks.keys().collect();
        write_varint(&mut out, tracks.len() as u64);
        for track in &tracks {
            write_text(&mut out, track.as_str());
        }
        let (mut at, mut position) = (0_i64, 0_u64);
        for entry in &self.entries {
            write_signed(&mut out, entry.at.millis() - at);
            write_signed(&mut out, entry.position.wrapping_sub(position) as i64);
            (at, position) = (entry.at.millis(), entry.position);
            out.push(tag(&entry.measure));
            if !tracks.is_empty() {
                let place = entry.track.as_ref().and_then(|track| tracks.binary_search(&track).ok());
                write_varint(&mut out, place.map_or(0, |place| place as u64 + 1));
            }
            if let Measure::Processing { counted_ms, working_day, since, .. } = entry.measure {
                write_varint(&mut out, counted_ms);
                write_varint(&mut out, working_day.into());
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
        let mut tally = read_own(&mut reader)?;
        for _ in 0..reader.varint()? {
            let track = Track::from_stored(reader.text()?);
            tally.tracks.insert(track, read_own(&mut reader)?);
        }
        reader.end()?;
        Ok(tally)
    }

    /// Reads entries as they were stored.
    ///
    /// # Errors
    /// [`StoredTallyError`] if the bytes are not what [`write_entries`](Self::write_entries) writes.
    pub fn read_entries(bytes: &[u8]) -> Result<Vec<Entry>, StoredTallyError> {
        let mut reader = Reader(bytes);
        let mut tracks: Vec<Track> = Vec::new();
        for _ in 0..reader.varint()? {
            tracks.push(Track::from_stored(reader.text()?));
        }
        // An entry takes three bytes at least, so the capacity is bounded by the bytes that are there.
        let mut entries = Vec::with_capacity(bytes.len() / 3);
        let (mut at, mut position) = (0_i64, 0_u64);
        while !reader.0.is_empty() {
            at = at.checked_add(reader.signed()?).ok_or(StoredTallyError)?;
            position = position.wrapping_add(reader.signed()? as u64);
            let tag = reader.byte()?;
            let track = match if tracks.is_empty() { 0 } else { reader.length()? } {
                0 => None,
                place => Some(tracks.get(place - 1).ok_or(StoredTallyError)?.clone()),
            };
            let measure = match tag {
                byte @ (0 | 1) => Measure::Verdict { overridden: byte == 1 },
                byte @ (2 | 3) => Measure::Recommendation { overridden: byte == 3 },
                byte @ (4 | 5) => {
                    let counted_ms = reader.varint()?;
                    let working_day = u32::try_from(reader.varint()?).map_err(|_| StoredTallyError)?;
                    let since = i64::try_from(counted_ms)
                        .ok()
                        .and_then(|counted| at.checked_sub(counted)?.checked_sub(reader.signed().ok()?))
                        .ok_or(StoredTallyError)?;
                    let since = Timestamp::from_millis(since);
                    Measure::Processing { counted_ms, working_day, since, held: byte == 5 }
                }
                byte @ 8..=11 => Measure::Appeal { reversed: byte & 1 == 1, overrode: byte & 2 == 2 },
                byte @ 17..=21 => Measure::Satisfaction { stars: byte - 16 },
                _ => return Err(StoredTallyError),
            };
            entries.push(Entry { at: Timestamp::from_millis(at), position, track, measure });
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
    for entry in entries.iter().filter(|entry| window.contains(entry.at)) {
        tally.add(entry.track.as_ref(), &entry.measure);
    }
    tally
}

/// Writes a tally without its tracks.
fn write_own(out: &mut Vec<u8>, tally: &Tally) {
    for count in counts(tally) {
        write_varint(out, count);
    }
    write_varint(out, tally.processing.short.len() as u64);
    write_varint(out, tally.processing.long.len() as u64);
    for value in &tally.processing.short {
        out.extend_from_slice(&value.to_le_bytes());
    }
    for value in &tally.processing.long {
        out.extend_from_slice(&value.to_le_bytes());
    }
    // As many as there are times, and mostly the same few: each day with how often it comes.
    let mut days = tally.working_days.values().peekable();
    while let Some(day) = days.next() {
        let mut times = 1;
        while days.next_if_eq(&day).is_some() {
            times += 1;
        }
        write_varint(out, day);
        write_varint(out, times);
    }
}

/// Reads so many working days.
fn read_working_days(reader: &mut Reader<'_>, count: usize) -> Result<Durations, StoredTallyError> {
    let mut days = Durations::default();
    while days.len() < count {
        let (day, times) = (reader.varint()?, reader.varint()?);
        let left = (count - days.len()) as u64;
        if times == 0 || times > left || days.last().is_some_and(|last| last >= day) {
            return Err(StoredTallyError);
        }
        days.push(day, times as usize);
    }
    Ok(days)
}

fn read_own(reader: &mut Reader<'_>) -> Result<Tally, StoredTallyError> {
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
    let working_days = read_working_days(reader, short.len() + long.len())?;
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
        working_days,
        tracks: BTreeMap::new(),
    })
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

fn write_text(out: &mut Vec<u8>, text: &str) {
    write_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
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

    fn text(&mut self) -> Result<&'a str, StoredTallyError> {
        let length = self.length()?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(StoredTallyError)?;
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| StoredTallyError)
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
