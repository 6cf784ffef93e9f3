//! What is older than the law has it kept.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use apmt_core::event::EventType;
use apmt_core::store::seal::is_erasure;
use apmt_core::{ActorName, CaseId, Invalid, Recorded, Result, Store, Timestamp};
use chrono::{DateTime, Days, Months};
use futures_lite::future::block_on;

/// How many events are read at a time.
const PAGE: usize = 1000;

/// How long something is kept: whole years, months, weeks or days, as the calendar has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    Months(u32),
    Days(u32),
}

impl Age {
    /// The instant so long before that one.
    pub(crate) fn before(self, now: Timestamp) -> Timestamp {
        let before = DateTime::from_timestamp_millis(now.millis()).and_then(|now| match self {
            Self::Months(months) => now.checked_sub_months(Months::new(months)),
            Self::Days(days) => now.checked_sub_days(Days::new(days.into())),
        });
        before.map_or(Timestamp::MIN, |before| Timestamp::from_millis(before.timestamp_millis()))
    }
}

impl FromStr for Age {
    type Err = Invalid;

    fn from_str(text: &str) -> std::result::Result<Self, Invalid> {
        let text = text.trim();
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let number: Option<u32> = number.parse().ok().filter(|number| *number > 0);
        let age = match unit {
            "y" => number.and_then(|years| years.checked_mul(12)).map(Self::Months),
            "mo" => number.map(Self::Months),
            "w" => number.and_then(|weeks| weeks.checked_mul(7)).map(Self::Days),
            "d" => number.map(Self::Days),
            _ => None,
        };
        age.ok_or_else(|| {
            Invalid::new("age", text, "must be whole years (6y), months (18mo), weeks (52w) or days (400d)")
        })
    }
}

/// What may be erased.
#[derive(Debug, Default)]
pub(crate) struct Expired {
    /// Where the events are.
    pub(crate) positions: Vec<u64>,
    /// How many cases that is the whole of.
    pub(crate) cases: u64,
}

/// What is known of a case so far.
#[derive(Default)]
struct Case {
    positions: Vec<u64>,
    newest: Option<Timestamp>,
    /// The last event, by instant and place, that made a clock run or end, and whether it runs.
    clock: Option<((Timestamp, u64), bool)>,
}

/// What happened and was recorded before an instant: whole cases that have ended, and events without a case.
pub(crate) fn expired(store: &dyn Store, before: Timestamp) -> Result<Expired> {
    let mut cases: HashMap<CaseId, Case> = HashMap::new();
    let mut expired = Expired::default();
    // Plans by whom they are for: those that were started and are not closed.
    let mut open_plans: HashMap<ActorName, u64> = HashMap::new();
    each_event(store, |recorded| {
        let event = &recorded.event;
        let newest = recorded.occurred_at.max(recorded.recorded_at);
        if is_erasure(event) {
            return;
        }
        let Some(case_id) = event.case_id() else {
            if let Some(actor) = event.actor() {
                match event.event_type() {
                    EventType::PlanStarted => drop(open_plans.insert(actor.clone(), recorded.position)),
                    EventType::PlanClosed => drop(open_plans.remove(actor)),
                    _ => {}
                }
            }
            if newest < before {
                expired.positions.push(recorded.position);
            }
            return;
        };
        let case = cases.entry(case_id.clone()).or_default();
        case.positions.push(recorded.position);
        case.newest = case.newest.max(Some(newest));
        if let Some(runs) = clock_runs(event.event_type()).filter(|_| !recorded.retracted)
            && case.clock.is_none_or(|(last, _)| last < recorded.order())
        {
            case.clock = Some((recorded.order(), runs));
        }
    })?;
    let kept: HashSet<u64> = open_plans.into_values().collect();
    expired.positions.retain(|position| !kept.contains(position));
    for case in cases.into_values() {
        let waits = case.clock.is_some_and(|(_, runs)| runs);
        if !waits && case.newest.is_some_and(|newest| newest < before) {
            expired.cases += 1;
            expired.positions.extend(case.positions);
        }
    }
    expired.positions.sort_unstable();
    Ok(expired)
}

/// Whether somebody has to do something about a case after an event of that type; `None` where it says nothing of that.
const fn clock_runs(event_type: EventType) -> Option<bool> {
    match event_type {
        EventType::CaseOpened
        | EventType::CaseReopened
        | EventType::Assigned
        | EventType::Unassigned
        | EventType::AiRecommendation => Some(true),
        EventType::Decision | EventType::Override | EventType::CaseClosed => Some(false),
        _ => None,
    }
}

/// Goes through the log.
pub(crate) fn each_event(store: &dyn Store, mut visit: impl FnMut(&Recorded)) -> Result<()> {
    let mut after = 0;
    loop {
        let page = block_on(store.events(after, PAGE))?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.position;
        page.iter().for_each(&mut visit);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use apmt_core::time::ManualClock;
    use apmt_core::{Calendar, Event, MemoryStore};

    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn ages_are_counted_by_the_calendar() {
        let before = |age: &str, now| age.parse::<Age>().unwrap().before(time(now)).to_string();
        assert_eq!(before("6y", "2026-02-28T12:00:00Z"), "2020-02-28T12:00:00Z");
        assert_eq!(before("1y", "2024-02-29T12:00:00Z"), "2023-02-28T12:00:00Z");
        assert_eq!(before("18mo", "2026-03-31T00:00:00Z"), "2024-09-30T00:00:00Z");
        assert_eq!(before("2w", "2026-03-15T00:00:00Z"), before("14d", "2026-03-15T00:00:00Z"));
        for wrong in ["", "6", "y", "0d", "-1y", "6 y", "6m", "99999999999y", "400000000y"] {
            assert!(wrong.parse::<Age>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn whole_cases_that_have_ended_expire_and_nothing_that_waits() {
        let clock = Arc::new(ManualClock::at(time("2019-01-10T00:00:00Z")));
        let store = MemoryStore::with(Arc::clone(&clock) as Arc<dyn apmt_core::Clock>, Calendar::Always);
        let old = |hour: i64| time("2019-01-02T00:00:00Z").plus_millis(hour * 3_600_000);
        let append = |events: Vec<apmt_core::event::EventBuilder>| {
            let events = events.into_iter().map(|event| event.build().unwrap()).collect();
            block_on(store.append(events)).unwrap();
        };
        append(vec![
            Event::case_opened("ended").at(old(1)),                   // 1
            Event::decision("anne").case("ended").at(old(2)),         // 2
            Event::case_opened("waits").at(old(1)),                   // 3
            Event::decision("anne").case("lives on").at(old(1)),      // 4
            Event::sat_score(3).case("only stars").at(old(1)),        // 5
            Event::override_of("anne").at(old(1)),                    // 6
            Event::plan_started("anne").at(old(3)),                   // 7
            Event::plan_started("bob").at(old(3)),                    // 8
            Event::plan_closed("bob").at(old(4)),                     // 9
            Event::case_opened("reopened late").at(old(9)),           // 10
            Event::decision("anne").case("reopened late").at(old(3)), // 11: before its opening
        ]);
        clock.set(time("2026-01-10T00:00:00Z"));
        append(vec![
            Event::sat_score(3).case("lives on"),                 // 12
            Event::decision("anne").case("told late").at(old(1)), // 13
        ]);
        let expired = expired(&store, time("2020-01-10T00:00:00Z")).unwrap();
        assert_eq!((expired.positions, expired.cases), (vec![1, 2, 5, 6, 8, 9], 2));
    }
}
