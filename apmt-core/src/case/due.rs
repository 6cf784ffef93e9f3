//! When a case was due, or is.

use super::{Fold, HeldClock, in_order};
use crate::calendar::Calendar;
use crate::name::ActorName;
use crate::policy::Target;
use crate::store::Recorded;
use crate::time::{DAY_MS, Timestamp};

/// The last instant at which a clock of a case met a target, or will if nothing more happens to the case.
///
/// The clock is the one that started at `since`, `holder`'s or, in the pool, [nobody's](ActorName::nobody). `events` are
/// the case's. A clock that ended in time was due when it would have come to its target. `None` while the case is
/// paused, or where there is no such clock: nobody can say then.
///
/// ```
/// use apmt_core::policy::Target;
/// use apmt_core::{ActorName, Calendar, Event, Recorded, case};
///
/// let received = "2026-01-09T15:00:00-05:00".parse()?;
/// let assigned = Event::assigned("C-1", "anne@sba.gov").at(received).build()?;
/// let events = [Recorded::new(assigned, 1, received)];
/// let anne = ActorName::new("anne@sba.gov")?;
/// // Day 1 is Monday the 12th; Monday the 19th is a holiday.
/// let due = case::due(&events, &Calendar::us_federal(), received, &anne, Target::WorkingDays(6));
/// assert_eq!(due, Some("2026-01-20T23:59:59.999-05:00".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn due(
    events: &[Recorded],
    calendar: &Calendar,
    since: Timestamp,
    holder: &ActorName,
    target: Target,
) -> Option<Timestamp> {
    let mut fold = Fold::default();
    let mut changes = Vec::new();
    let mut due = None;
    let mut ordered = in_order(events).into_iter().peekable();
    while let Some(event) = ordered.next() {
        fold.step(event, calendar, &mut changes);
        changes.clear();
        let Some(clock) =
            fold.clock_or_pools().filter(|clock| clock.since == since && clock.holder == *holder)
        else {
            continue;
        };
        due = last_met(&clock, calendar, target);
        // What happens to the clock after that changes nothing.
        if due.is_some_and(|due| ordered.peek().is_none_or(|next| due < next.occurred_at)) {
            break;
        }
    }
    due
}

/// The last instant at which a running clock meets a target, if nothing more happens to it.
fn last_met(clock: &HeldClock, calendar: &Calendar, target: Target) -> Option<Timestamp> {
    let is_met =
        |at: Timestamp| target.is_met(clock.counted_at(at, calendar), clock.working_day_at(at, calendar));
    let mut met = clock.running_since?;
    let mut step = DAY_MS as i64;
    let mut missed = met.plus_millis(step);
    while is_met(missed) {
        if missed == Timestamp::MAX {
            return None;
        }
        met = missed;
        step = step.saturating_mul(2);
        missed = met.plus_millis(step);
    }
    while missed.since(met) > 1 {
        let middle = met.plus_millis((missed.since(met) / 2) as i64);
        if is_met(middle) {
            met = middle;
        } else {
            missed = middle;
        }
    }
    Some(met)
}
