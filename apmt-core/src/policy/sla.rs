//! What the agency has promised for processing times.

use std::collections::BTreeMap;
use std::fmt;

use crate::name::Track;
use crate::tally::Tally;
use crate::time::HOUR_MS;

/// What the agency has promised for processing times: a target, and others for some tracks.
///
/// The time is that on the holder's clock, pauses taken out: nobody answers for the time before a case came to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sla {
    target: Target,
    tracks: BTreeMap<Track, Target>,
}

impl Sla {
    pub(super) const fn new(target: Target, tracks: BTreeMap<Track, Target>) -> Self {
        Self { target, tracks }
    }

    /// The target of cases without a track, and of tracks that have none of their own.
    pub const fn target(&self) -> Target {
        self.target
    }

    /// The tracks that have a target of their own.
    pub const fn tracks(&self) -> &BTreeMap<Track, Target> {
        &self.tracks
    }

    /// Whether any target is in working days, which [`Calendar::Always`](crate::Calendar::Always) takes every day for.
    pub fn has_working_days(&self) -> bool {
        self.tracks.values().chain([&self.target]).any(|target| matches!(target, Target::WorkingDays(_)))
    }

    /// The target of a case of that track.
    pub fn target_of(&self, track: Option<&Track>) -> Target {
        track.and_then(|track| self.tracks.get(track)).copied().unwrap_or(self.target)
    }

    /// How many of a tally's times meet the target of its track.
    pub(crate) fn met(&self, tally: &Tally) -> u64 {
        self.target_of(tally.track.as_ref()).met(tally)
    }
}

impl fmt::Display for Sla {
    /// `20 working days; simple: 10 working days`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.target)?;
        self.tracks.iter().try_for_each(|(track, target)| write!(f, "; {track}: {target}"))
    }
}

/// How long a case may take. A time equal to it meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// So much counted time: in a policy minutes (`90m`), hours (`72h`) or days of 24 hours (`3d`), at most 3660 days.
    Counted {
        /// Milliseconds through the store's calendar, pauses taken out.
        ms: u64,
    },
    /// So many working days (`20 working days`), at most 3660: counted as FOIA does (5 U.S.C. 552(a)(6)(A)(i)). The
    /// working day after the day on which the clock started is day 1, and the case is due at the end of the last one.
    /// Which days are working days, and when they end, says the store's calendar.
    WorkingDays(u32),
}

impl Target {
    /// Whether a clock meets the target that has come to so many counted milliseconds, and to that working day.
    ///
    /// ```
    /// use apmt_core::policy::Target;
    /// assert!(Target::WorkingDays(20).is_met(u64::MAX, 20) && !Target::WorkingDays(20).is_met(0, 21));
    /// assert!(Target::Counted { ms: 3_600_000 }.is_met(3_600_000, 9));
    /// ```
    pub const fn is_met(self, counted_ms: u64, working_day: u32) -> bool {
        match self {
            Self::Counted { ms } => counted_ms <= ms,
            Self::WorkingDays(days) => working_day <= days,
        }
    }

    /// How many of a tally's times meet it.
    pub(crate) fn met(self, tally: &Tally) -> u64 {
        match self {
            Self::Counted { ms } => tally.processing.count_up_to(ms) as u64,
            Self::WorkingDays(days) => tally.working_days.count_up_to(days),
        }
    }
}

impl fmt::Display for Target {
    /// As a policy writes it: `20 working days`, `72h`, `90m`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WorkingDays(1) => f.write_str("1 working day"),
            Self::WorkingDays(days) => write!(f, "{days} working days"),
            Self::Counted { ms } if ms % HOUR_MS == 0 => write!(f, "{}h", ms / HOUR_MS),
            Self::Counted { ms } => write!(f, "{}m", ms / (HOUR_MS / 60)),
        }
    }
}
