//! What one APMT reads of another's answers: the JSON of contributions, of days and of processing times.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::contribution::{Contribution, Measure};
use crate::name::{ActorName, CaseId, Track};
use crate::tally::Durations;
use crate::time::{Day, Timestamp};

impl Serialize for Day {
    /// The date, such as `2026-03-02`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.start().to_datetime().date_naive())
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let date = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let start: Result<Timestamp, _> = format!("{date}T00:00:00Z").parse();
        start.map(Timestamp::day).map_err(|_| D::Error::custom(format!("{date}: no date such as 2026-03-02")))
    }
}

impl Serialize for Durations {
    /// The times in milliseconds, in order.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.values())
    }
}

impl<'de> Deserialize<'de> for Durations {
    /// In any order: they are sorted on the way in.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<u64>::deserialize(deserializer)?.into_iter().collect())
    }
}

/// The days of an [`Activity`](crate::Activity), each as an object.
pub(crate) mod days {
    use serde::ser::SerializeSeq;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::tally::Tally;
    use crate::time::Day;

    #[derive(Serialize)]
    struct Written<'a> {
        day: Day,
        tally: &'a Tally,
    }

    #[derive(Deserialize)]
    struct Read {
        day: Day,
        tally: Tally,
    }

    pub(crate) fn serialize<S: Serializer>(days: &[(Day, Tally)], serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(days.len()))?;
        for (day, tally) in days {
            list.serialize_element(&Written { day: *day, tally })?;
        }
        list.end()
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(Day, Tally)>, D::Error> {
        let days = Vec::<Read>::deserialize(deserializer)?;
        Ok(days.into_iter().map(|read| (read.day, read.tally)).collect())
    }
}

/// A contribution's fields, before its measure says which of them it needs.
#[derive(Deserialize)]
struct Fields {
    actor: ActorName,
    at: Timestamp,
    position: u64,
    case_id: Option<CaseId>,
    track: Option<Track>,
    measure: Box<str>,
    overridden: Option<bool>,
    counted_ms: Option<u64>,
    working_day: Option<u32>,
    since: Option<Timestamp>,
    held: Option<bool>,
    stars: Option<u8>,
    reversed: Option<bool>,
    overrode: Option<bool>,
}

impl Fields {
    /// What was measured; else the field that is missing.
    fn measure(&self) -> Result<Measure, &'static str> {
        Ok(match &*self.measure {
            "verdict" => Measure::Verdict { overridden: self.overridden.ok_or("overridden")? },
            "recommendation" => Measure::Recommendation { overridden: self.overridden.ok_or("overridden")? },
            "processing" => Measure::Processing {
                counted_ms: self.counted_ms.ok_or("counted_ms")?,
                working_day: self.working_day.ok_or("working_day")?,
                since: self.since.ok_or("since")?,
                held: self.held.ok_or("held")?,
            },
            "satisfaction" => Measure::Satisfaction { stars: self.stars.ok_or("stars")? },
            "appeal" => Measure::Appeal {
                reversed: self.reversed.ok_or("reversed")?,
                overrode: self.overrode.ok_or("overrode")?,
            },
            _ => return Err("measure"),
        })
    }
}

impl<'de> Deserialize<'de> for Contribution {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Fields::deserialize(deserializer)?;
        let measure = fields.measure().map_err(D::Error::missing_field)?;
        let Fields { actor, at, position, case_id, track, .. } = fields;
        Ok(Self { actor, at, position, case_id, track, measure })
    }
}
