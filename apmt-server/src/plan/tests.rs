use apmt_core::{ActorName, Event, Recorded, Timestamp};
use uuid::Uuid;

use super::*;

fn recorded(position: u64, hour: i64, event: apmt_core::event::EventBuilder) -> Recorded {
    let at = Timestamp::from_millis(1_774_000_000_000 + hour * 3_600_000);
    let event = event.at(at).id(Uuid::from_u128(u128::from(position))).build().unwrap();
    Recorded::new(event, position, at)
}

fn open(events: &[Recorded]) -> Option<u64> {
    let mut plans = Plans::default();
    for event in events {
        plans.apply(event);
    }
    plans.of(&ActorName::new("anne").unwrap()).map(|plan| plan.id.as_u128() as u64)
}

#[test]
fn a_plan_is_open_from_its_start_to_its_close() {
    let started = |position, hour| recorded(position, hour, Event::plan_started("Anne"));
    let closed = |position, hour| recorded(position, hour, Event::plan_closed("anne"));
    assert_eq!(open(&[]), None);
    assert_eq!(open(&[started(1, 1)]), Some(1));
    assert_eq!(open(&[started(1, 1), closed(2, 2)]), None);
    assert_eq!(open(&[closed(1, 2), started(2, 1)]), None, "by instant, not by arrival");
    assert_eq!(open(&[started(1, 1), closed(2, 2), started(3, 3)]), Some(3));
    assert_eq!(open(&[started(1, 1), started(2, 2)]), Some(2), "the newer takes the older's place");
    assert_eq!(open(&[started(1, 1), recorded(2, 2, Event::plan_started("bob"))]), Some(1));
}

#[test]
fn what_is_retracted_has_not_happened() {
    let started = recorded(1, 1, Event::plan_started("anne"));
    let closed = recorded(2, 2, Event::plan_closed("anne"));
    let retraction = |of: &Recorded| recorded(9, 9, Event::retraction(of.id, "a slip"));
    assert_eq!(open(&[started.clone(), closed.clone(), retraction(&closed)]), Some(1));
    assert_eq!(open(&[started.clone(), retraction(&started)]), None);
    assert_eq!(open(&[started.clone(), closed.with_retracted(true)]), Some(1));
    assert_eq!(open(&[started.with_retracted(true)]), None);
}

#[test]
fn days_left_in_words() {
    let period = Period::of_days("2026-03-01".parse().unwrap(), 30).unwrap();
    let mut plans = Plans::default();
    plans.apply(&recorded(1, 1, Event::plan_started("anne")));
    let mut plan = plans.open()[0].clone();
    let words = |plan: &OpenPlan, day: &str| plan.words(format!("{day}T12:00:00Z").parse().unwrap());
    assert_eq!(words(&plan, "2026-03-01"), "open", "without a notice nobody knows its end");
    plan.period = Some(period);
    assert_eq!(words(&plan, "2026-03-01"), "30 days left");
    assert_eq!(words(&plan, "2026-03-30"), "1 day left");
    assert_eq!(words(&plan, "2026-03-31"), "last day");
    assert_eq!(words(&plan, "2026-04-02"), "ended 2 days ago");
}

#[test]
fn periods_have_limits() {
    let day: chrono::NaiveDate = "2026-03-01".parse().unwrap();
    assert_eq!(Period::of_days(day, 90).unwrap().end().to_string(), "2026-05-30");
    for days in [0, 367, u32::MAX] {
        assert!(Period::of_days(day, days).is_err(), "{days}");
    }
    assert!(Period::of_days(chrono::NaiveDate::MAX, 30).is_err());
    assert!(Period::until(day, day).is_err());
    assert!(Period::until(day, "2027-03-03".parse().unwrap()).is_err());
    for wrong in ["2026-3-1", "12026-03-01", "2026-02-30", "", "today"] {
        assert!(read_day("start", wrong).is_err(), "{wrong}");
    }
}

/// Whichever way the same events arrive, the same plans are open.
#[test]
fn the_order_of_arrival_changes_nothing() {
    let mut events: Vec<Recorded> = [(true, 5), (false, 9), (true, 7), (true, 7), (false, 6), (true, 12)]
        .into_iter()
        .enumerate()
        .map(|(index, (starts, hour))| {
            let event = if starts { Event::plan_started("anne") } else { Event::plan_closed("anne") };
            recorded(index as u64 + 1, hour, event)
        })
        .collect();
    for _ in 0..events.len() {
        events.rotate_left(1);
        assert_eq!(open(&events), Some(6));
        let reversed: Vec<Recorded> = events.iter().rev().cloned().collect();
        assert_eq!(open(&reversed), Some(6));
    }
}
