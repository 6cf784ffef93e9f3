//! The fold against hand-computed cases: one test for each sentence of the contract's second section.

mod attribution;
mod clock;
mod order;

use std::collections::BTreeMap;

use apmt_core::case::{self, Fold, HeldClock};
use apmt_core::event::EventBuilder;
use apmt_core::{ActorName, Calendar, CaseId, Change, Contribution, Event, Measure, Recorded, Timestamp};

/// So many hours after 2026-03-02T00:00:00Z.
fn h(hours: i64) -> Timestamp {
    "2026-03-02T00:00:00Z".parse::<Timestamp>().unwrap().plus_millis(hours * 3_600_000)
}

fn opened(at: i64) -> EventBuilder {
    Event::case_opened("C").at(h(at))
}

fn reopened(at: i64) -> EventBuilder {
    Event::case_reopened("C").at(h(at))
}

fn assigned(at: i64, actor: &str) -> EventBuilder {
    Event::assigned("C", actor).at(h(at))
}

fn unassigned(at: i64) -> EventBuilder {
    Event::unassigned("C").at(h(at))
}

fn paused(at: i64) -> EventBuilder {
    Event::paused("C").at(h(at))
}

fn resumed(at: i64) -> EventBuilder {
    Event::resumed("C").at(h(at))
}

fn advised(at: i64, agent: &str, advice: &str) -> EventBuilder {
    Event::recommendation_of(agent, "C", advice).at(h(at))
}

/// A verdict that says nothing of any advice.
fn decided(at: i64, actor: &str) -> EventBuilder {
    Event::decision(actor).case("C").at(h(at))
}

fn overrode(at: i64, actor: &str) -> EventBuilder {
    Event::override_of(actor).case("C").at(h(at))
}

/// Closed, by nobody who is named.
fn closed(at: i64) -> EventBuilder {
    Event::case_closed("C").at(h(at))
}

fn stars(at: i64, stars: u8) -> EventBuilder {
    Event::sat_score(stars).case("C").at(h(at))
}

/// The log of those events, in the order given.
fn log(events: impl IntoIterator<Item = EventBuilder>) -> Vec<Recorded> {
    events
        .into_iter()
        .zip(1..)
        .map(|(event, position)| Recorded::new(event.build().unwrap(), position, h(10_000)))
        .collect()
}

/// A contribution in a few words: `anne 5: held 3h`.
fn said(contribution: &Contribution) -> String {
    let hours = |ms: u64| ms as f64 / 3_600_000.0;
    let what = match contribution.measure {
        Measure::Verdict { overridden: false } => "verdict".to_owned(),
        Measure::Verdict { overridden: true } => "override".to_owned(),
        Measure::Processing { counted_ms, held: true, .. } => format!("held {}h", hours(counted_ms)),
        Measure::Processing { counted_ms, held: false, .. } => format!("pool {}h", hours(counted_ms)),
        Measure::Satisfaction { stars } => format!("{stars} stars"),
        Measure::Recommendation { overridden: false } => "advice taken".to_owned(),
        Measure::Recommendation { overridden: true } => "advice overridden".to_owned(),
        Measure::Appeal { reversed, overrode } => format!(
            "{} {}",
            if overrode { "override" } else { "verdict" },
            if reversed { "reversed" } else { "upheld" }
        ),
    };
    let actor = if contribution.actor.is_nobody() { "nobody" } else { contribution.actor.as_str() };
    format!("{actor} {}: {what}", hours(contribution.at.since(h(0))))
}

/// What the machine, one step at a time, comes to: what stands after all changes are made, and the clock.
fn step_by_step(events: &[Recorded], calendar: &Calendar) -> (Vec<Contribution>, Option<HeldClock>) {
    let mut ordered = events.to_vec();
    ordered.sort_by_key(Recorded::order);
    let mut fold = Fold::default();
    let mut standing = BTreeMap::new();
    for event in &ordered {
        let mut changes = Vec::new();
        assert!(fold.take(event, calendar, &mut changes), "an event in order is taken");
        for change in changes {
            match change {
                Change::Add(new) => {
                    assert!(standing.insert(new.cursor(), new).is_none(), "nothing is added over another");
                }
                Change::Remove(old) => assert_eq!(standing.remove(&old.cursor()), Some(old)),
            }
        }
    }
    (standing.into_values().collect(), fold.clock())
}

/// Folds the events, whole and step by step, and compares what counts.
#[track_caller]
fn check(events: impl IntoIterator<Item = EventBuilder>, expected: &[&str]) {
    check_log(&log(events), expected);
}

#[track_caller]
fn check_log(log: &[Recorded], expected: &[&str]) {
    let folded = case::fold(log, &Calendar::Always);
    assert_eq!(folded.contributions.iter().map(said).collect::<Vec<_>>(), expected);
    let (contributions, clock) = step_by_step(log, &Calendar::Always);
    assert_eq!(contributions, folded.contributions, "step by step");
    assert_eq!(clock, folded.clock, "step by step");
}

/// Who holds the case at that hour, and for how many hours it has stood there.
fn open_at(events: impl IntoIterator<Item = EventBuilder>, hour: i64) -> Option<(String, f64)> {
    let clock = case::clock_at(&log(events), &Calendar::Always, h(hour))?;
    let ms = clock.counted_at(h(hour), &Calendar::Always);
    Some((clock.holder.to_string(), ms as f64 / 3_600_000.0))
}

fn anne() -> ActorName {
    ActorName::new("anne").unwrap()
}

fn case_id() -> CaseId {
    CaseId::new("C").unwrap()
}
