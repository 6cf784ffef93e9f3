//! One actor's day: its tallies, and the entries that they sum up, as they are kept and as they are stored.

use super::{ByTrack, COUNTS, Durations, Tally, WorkingDays};
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

/// One actor's day: a tally a track for the windows that cover it whole, and its entries for those that cut through it.
///
/// It is stored as two byte strings ([`write_tallies`](Self::write_tallies), [`write_entries`](Self::write_entries)), so
/// that a dossier reads the short one for the days inside its window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayTally {
    by_track: ByTrack,
    entries: Vec<Entry>,
}

impl DayTally {
    /// What the whole day comes to, a tally a track.
    pub fn tallies(&self) -> &[Tally] {
        self.by_track.tallies()
    }

    /// The day's entries, by instant, then in log order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether the day holds nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The same day, each of its entries' positions so much higher. A store may keep entries with positions that count
    /// from somewhere in the log.
    #[must_use]
    pub fn with_positions_raised(self, by: u64) -> Self {
        self.with_positions(|position| position.saturating_add(by))
    }

    /// The same day, each of its entries' positions so much lower, which none may be less than.
    #[must_use]
    pub fn with_positions_lowered(self, by: u64) -> Self {
        self.with_positions(|position| position.saturating_sub(by))
    }

    fn with_positions(mut self, change: impl Fn(u64) -> u64) -> Self {
        for entry in &mut self.entries {
            entry.position = change(entry.position);
        }
        self
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
        self.by_track.add(entry.track.as_ref(), &entry.measure);
        self.entries.insert(index, entry);
    }

    /// Takes an entry out, if it is there.
    pub fn remove(&mut self, entry: &Entry) {
        if let Ok(index) = self.entries.binary_search_by_key(&entry.cursor(), Entry::cursor) {
            let removed = self.entries.remove(index);
            self.by_track.remove(removed.track.as_ref(), &removed.measure);
        }
    }

    /// What those of the day's entries come to that lie in the window, a tally a track.
    pub fn tallies_within(&self, window: &Window) -> Vec<Tally> {
        tallies_of(&self.entries, window)
    }

    /// The tallies as they are stored.
    pub fn write_tallies(&self) -> Vec<u8> {
        let tallies = self.tallies();
        let mut out = Vec::with_capacity(tallies.iter().map(|tally| 24 + 5 * tally.processing.len()).sum());
        write_varint(&mut out, tallies.len() as u64);
        for tally in tallies {
            write_track(&mut out, tally.track.as_ref());
            write_tally(&mut out, tally);
        }
        out
    }

    /// The entries as they are stored: the day's tracks, then the entries, each of which says its track by its place
    /// among them where there are several.
    pub fn write_entries(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(14 * self.entries.len());
        let tallies = self.tallies();
        write_varint(&mut out, tallies.len() as u64);
        for tally in tallies {
            write_track(&mut out, tally.track.as_ref());
        }
        let (mut at, mut position) = (0_i64, 0_u64);
        for entry in &self.entries {
            write_signed(&mut out, entry.at.millis() - at);
            write_signed(&mut out, entry.position.wrapping_sub(position) as i64);
            (at, position) = (entry.at.millis(), entry.position);
            out.push(tag(&entry.measure));
            if tallies.len() > 1 {
                let place = tallies.iter().position(|tally| tally.track == entry.track);
                write_varint(&mut out, place.unwrap_or(0) as u64);
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

    /// Reads tallies as they were stored, one after the other.
    ///
    /// # Errors
    /// [`StoredTallyError`] in place of a tally if the bytes are not what [`write_tallies`](Self::write_tallies) writes.
    pub fn read_tallies(bytes: &[u8]) -> impl Iterator<Item = Result<Tally, StoredTallyError>> {
        let mut reader = Reader(bytes);
        let mut left = reader.varint();
        std::iter::from_fn(move || {
            let tally = match left {
                Ok(0) if reader.0.is_empty() => return None,
                Ok(0) => Err(StoredTallyError),
                Ok(_) => read_tally(&mut reader),
                Err(error) => Err(error),
            };
            if tally.is_ok() {
                left = left.map(|left| left - 1);
            } else {
                // Nothing follows an error.
                (left, reader) = (Ok(0), Reader(&[]));
            }
            Some(tally)
        })
    }

    /// Reads entries as they were stored.
    ///
    /// # Errors
    /// [`StoredTallyError`] if the bytes are not what [`write_entries`](Self::write_entries) writes.
    pub fn read_entries(bytes: &[u8]) -> Result<Vec<Entry>, StoredTallyError> {
        let mut reader = Reader(bytes);
        let mut tracks: Vec<Option<Track>> = Vec::new();
        for _ in 0..reader.varint()? {
            tracks.push(reader.track()?);
        }
        // An entry takes three bytes at least, so the capacity is bounded by the bytes that are there.
        let mut entries = Vec::with_capacity(bytes.len() / 3);
        let (mut at, mut position) = (0_i64, 0_u64);
        while !reader.0.is_empty() {
            at = at.checked_add(reader.signed()?).ok_or(StoredTallyError)?;
            position = position.wrapping_add(reader.signed()? as u64);
            let tag = reader.byte()?;
            let place = if tracks.len() > 1 { reader.length()? } else { 0 };
            let track = tracks.get(place).ok_or(StoredTallyError)?.clone();
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
    pub fn read(tallies: &[u8], entries: &[u8]) -> Result<Self, StoredTallyError> {
        let tallies = Self::read_tallies(tallies).collect::<Result<Vec<Tally>, _>>()?;
        if !tallies.is_sorted_by(|one, next| one.track < next.track) {
            return Err(StoredTallyError);
        }
        Ok(Self { by_track: ByTrack(tallies), entries: Self::read_entries(entries)? })
    }

    /// What those of a day's stored entries come to that lie in the window, a tally a track.
    ///
    /// # Errors
    /// [`StoredTallyError`] if the bytes are not what [`write_entries`](Self::write_entries) writes.
    pub fn read_tallies_within(entries: &[u8], window: &Window) -> Result<Vec<Tally>, StoredTallyError> {
        Ok(tallies_of(&Self::read_entries(entries)?, window))
    }
}

/// Bytes that are no stored tally: the derived table that held them is damaged, and has to be folded again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored tally is damaged")]
pub struct StoredTallyError;

fn tallies_of(entries: &[Entry], window: &Window) -> Vec<Tally> {
    let mut tallies = ByTrack::default();
    for entry in entries.iter().filter(|entry| window.contains(entry.at)) {
        tallies.add(entry.track.as_ref(), &entry.measure);
    }
    tallies.into_tallies()
}

/// Writes a tally but for its track.
fn write_tally(out: &mut Vec<u8>, tally: &Tally) {
    for count in tally.counts() {
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
    // As many as there are times in all, so that how many pairs there are need not be said.
    for (day, count) in tally.working_days.counts() {
        write_varint(out, u64::from(*day));
        write_varint(out, *count);
    }
}

fn read_tally(reader: &mut Reader<'_>) -> Result<Tally, StoredTallyError> {
    let mut tally = Tally::of(reader.track()?);
    let mut counts = [0; COUNTS];
    for count in &mut counts {
        *count = reader.varint()?;
    }
    for (count, read) in tally.counts_mut().into_iter().zip(counts) {
        *count = read;
    }
    let (short, long) = (reader.length()?, reader.length()?);
    let short = reader.fixed(short)?;
    let long = reader.fixed(long)?;
    tally.processing = Durations {
        short: short.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect(),
        long: long.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect(),
    };
    tally.working_days = read_working_days(reader, tally.processing.len() as u64)?;
    Ok(tally)
}

/// Reads the working days of so many times.
fn read_working_days(reader: &mut Reader<'_>, times: u64) -> Result<WorkingDays, StoredTallyError> {
    let mut days = WorkingDays::default();
    let mut left = times;
    while left > 0 {
        let day = u32::try_from(reader.varint()?).map_err(|_| StoredTallyError)?;
        let count = reader.varint()?;
        left = left.checked_sub(count).ok_or(StoredTallyError)?;
        if !days.push(day, count) {
            return Err(StoredTallyError);
        }
    }
    Ok(days)
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

/// A track's name; no name where there is no track.
fn write_track(out: &mut Vec<u8>, track: Option<&Track>) {
    let text = track.map_or("", Track::as_str);
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

    fn track(&mut self) -> Result<Option<Track>, StoredTallyError> {
        let length = self.length()?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(StoredTallyError)?;
        self.0 = rest;
        let text = std::str::from_utf8(text).map_err(|_| StoredTallyError)?;
        Ok((!text.is_empty()).then(|| Track::from_stored(text)))
    }

    /// That many values of `SIZE` bytes each.
    fn fixed<const SIZE: usize>(&mut self, length: usize) -> Result<&'a [[u8; SIZE]], StoredTallyError> {
        let bytes = length.checked_mul(SIZE).ok_or(StoredTallyError)?;
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(StoredTallyError)?;
        self.0 = rest;
        Ok(taken.as_chunks().0)
    }
}
