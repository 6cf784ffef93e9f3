//! The clocks that run, as rows of `held`.

use apmt_core::Timestamp;
use apmt_core::case::HeldClock;

use crate::failure::Sql;
use crate::pipeline::{Pipeline, parameters};
use crate::rows::stored;

/// Clocks as they are stored, column by column.
#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) actors: Vec<String>,
    pub(crate) cases: Vec<String>,
    pub(crate) since: Vec<i64>,
    pub(crate) counted: Vec<i64>,
    pub(crate) running: Vec<Option<i64>>,
    pub(crate) changed: Vec<i64>,
    pub(crate) working_days: Vec<i64>,
    pub(crate) tracks: Vec<Option<String>>,
}

impl Columns {
    pub(crate) fn of(clocks: &[HeldClock]) -> Self {
        let (actors, cases) = holders(clocks);
        Self {
            actors,
            cases,
            since: clocks.iter().map(|clock| clock.since.millis()).collect(),
            counted: clocks.iter().map(|clock| clock.counted_ms.cast_signed()).collect(),
            running: clocks.iter().map(|clock| clock.running_since.map(Timestamp::millis)).collect(),
            changed: clocks.iter().map(|clock| clock.changed_at.millis()).collect(),
            working_days: clocks.iter().map(|clock| i64::from(clock.working_days)).collect(),
            tracks: clocks
                .iter()
                .map(|clock| clock.track.as_ref().map(|track| stored(track.as_str())))
                .collect(),
        }
    }
}

/// The keys of clocks.
pub(crate) fn holders(clocks: &[HeldClock]) -> (Vec<String>, Vec<String>) {
    clocks.iter().map(|clock| (stored(clock.holder.as_str()), stored(clock.case_id.as_str()))).unzip()
}

/// Inserts clocks where there are none.
pub(crate) async fn insert(pipeline: &mut Pipeline<'_>, clocks: &[HeldClock]) -> Sql<()> {
    if clocks.is_empty() {
        return Ok(());
    }
    let Columns { actors, cases, since, counted, running, changed, working_days, tracks } =
        Columns::of(clocks);
    let insert = "INSERT INTO held (actor, case_id, since, counted_ms, running_since, changed_at, working_days, track) \
                  SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], \
                  $7::bigint[], $8::text[])";
    pipeline
        .add(insert, parameters![actors, cases, since, counted, running, changed, working_days, tracks])
        .await
}
