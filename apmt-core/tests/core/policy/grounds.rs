//! What a rule that is raised rests upon.

use apmt_core::conformance::now;
use apmt_core::event::Outcome;
use apmt_core::policy::{Grounds, Metric, Policy};
use apmt_core::{ActorName, AsOf, CaseId, Event, MemoryStore, Store as _, Timestamp, Window};
use futures_lite::future::block_on;

const HOUR_MS: i64 = 3_600_000;

fn at(hour: i64) -> Timestamp {
    now().plus_millis((hour - 100) * HOUR_MS)
}

/// Anne's: three overrides and two verdicts that follow, one without a case; a case that took three hours with one of
/// them paused; stars; an appeal; and a case that is open.
fn store() -> MemoryStore {
    let clock = std::sync::Arc::new(apmt_core::time::ManualClock::at(now()));
    let store = MemoryStore::with(clock, apmt_core::Calendar::Always);
    let events = [
        Event::case_opened("C-1").track("simple").at(at(0)),
        Event::assigned("C-1", "anne").at(at(0)),
        Event::paused("C-1").at(at(1)),
        Event::resumed("C-1").at(at(2)),
        Event::override_of("anne").case("C-1").at(at(3)),
        Event::assigned("C-2", "anne").at(at(3)),
        Event::override_of("anne").case("C-2").at(at(4)),
        Event::override_of("anne").at(at(5)),
        Event::decision("anne").case("C-3").at(at(6)),
        Event::decision("anne").case("C-4").at(at(7)),
        Event::sat_score(1).case("C-1").at(at(8)),
        Event::sat_score(5).case("C-2").at(at(9)),
        Event::sat_score(2).case("C-3").at(at(10)),
        Event::appeal_outcome("C-2", Outcome::Reversed).at(at(11)),
        Event::assigned("C-5", "anne").at(at(90)),
        Event::assigned("C-6", "anne").at(at(80)),
    ];
    block_on(store.append(events.map(|event| event.build().unwrap()).into())).unwrap();
    store
}

fn grounds(when: &str) -> Vec<Grounds> {
    let text = format!(
        "{{name: x, sla: {{target: 90m, tracks: {{simple: 1h}}}}, rules: [{{id: r, when: [{when}], then: pip}}]}}"
    );
    let policy = Policy::from_yaml("x", &text).unwrap();
    let (store, anne) = (store(), ActorName::new("anne").unwrap());
    let dossier = block_on(store.dossier(&anne, AsOf::At(now()), &policy)).unwrap();
    let window = Window::days_until(90, now());
    let contributions = block_on(store.contributions(&anne, window, None, usize::MAX)).unwrap();
    let open = block_on(store.activity(&anne, window)).unwrap().open;
    let explanation = &dossier.explanations[0];
    Grounds::of(explanation, &contributions, &open, policy.sla(), dossier.as_of)
}

#[track_caller]
fn rests_upon(when: &str, expected: &[Option<&str>]) -> Grounds {
    let mut all = grounds(when);
    assert_eq!(all.len(), 1, "{when}");
    let one = all.remove(0);
    let cases: Vec<Option<&str>> =
        one.cases.iter().map(|ground| ground.case_id.as_ref().map(CaseId::as_str)).collect();
    assert_eq!(cases, expected, "{when}");
    assert_eq!((one.count, &*one.rule), (expected.len() as u64, "r"), "{when}");
    one
}

#[test]
fn every_condition_rests_upon_what_made_it_so() {
    rests_upon("override_rate > 0.3", &[None, Some("C-2"), Some("C-1")]);
    rests_upon("override_rate < 0.9", &[Some("C-4"), Some("C-3")]);
    rests_upon("decisions >= 5", &[Some("C-4"), Some("C-3"), None, Some("C-2"), Some("C-1")]);
    rests_upon("sat_score_mean < 3", &[Some("C-1"), Some("C-3")]);
    rests_upon("sat.count > 2", &[Some("C-2"), Some("C-3"), Some("C-1")]);
    rests_upon("appeals.overrides_reversed >= 1", &[Some("C-2")]);
    rests_upon("open.count > 1", &[Some("C-6"), Some("C-5")]);
    rests_upon("open.overdue > 1", &[Some("C-6"), Some("C-5")]);
    rests_upon("processing_hours.max > 1.5", &[Some("C-1")]);
    rests_upon("processing_hours.min < 1.5", &[Some("C-2")]);
    // Two hours on a track with a target of one, and one hour of 90 minutes.
    rests_upon("sla.compliance < 0.9", &[Some("C-1")]);
    rests_upon("sla.met > 0", &[Some("C-2")]);
}

#[test]
fn time_that_does_not_count_is_said_and_so_is_what_is_without_a_case() {
    let times = rests_upon("processing_hours.count > 1", &[Some("C-1"), Some("C-2")]);
    let hours: Vec<_> = times.cases.iter().map(|ground| (ground.value, ground.excluded_hours)).collect();
    assert_eq!(hours, [(Some(2.0), Some(1.0)), (Some(1.0), Some(0.0))]);
    assert_eq!(times.excluded_hours, Some(1.0));
    assert_eq!(times.cases[0].track.as_ref().unwrap().as_str(), "simple");
    assert_eq!(
        times.sentence(),
        "Behind the number of processing times are 2 entries: C-1, C-2. Not counted on their clocks: 1 h, paused or \
         outside of the calendar's hours."
    );
    let overrides = rests_upon("override_rate > 0.3", &[None, Some("C-2"), Some("C-1")]);
    assert_eq!(overrides.excluded_hours, None);
    assert_eq!(overrides.sentence(), "Behind the override rate are 3 entries: C-2, C-1; 1 without a case.");
    let text = serde_json::to_string(&times).unwrap();
    assert_eq!(serde_json::from_str::<Grounds>(&text).unwrap(), times);
    assert_eq!(times.metric, Metric::ProcessingHoursCount);
}

#[test]
fn what_is_not_raised_rests_upon_nothing() {
    assert_eq!(grounds("override_rate > 0.9"), []);
    let both = grounds("override_rate > 0.3, sat_score_mean < 3");
    assert_eq!(
        both.iter().map(|one| one.metric).collect::<Vec<_>>(),
        [Metric::OverrideRate, Metric::SatScoreMean]
    );
    assert_eq!(grounds("override_rate > 0.3, sat_score_mean < 1"), [], "all must hold");
}
