//! Logs from a seed: the same seed, the same log, on every machine.

use std::collections::HashSet;

use uuid::Uuid;

use super::bench::{hour, now};
use crate::event::{ActorKind, Event, EventBuilder, Outcome, What};
use crate::policy::{DEFAULT_POLICY_YAML, Policy};
use crate::store::Recorded;
use crate::time::Timestamp;

const ACTORS: [&str; 6] = ["anne@sba.gov", "Bob@SBA.gov", "bob@sba.gov", "triage-bot", "zoë", "eve"];
const CASES: [&str; 5] = ["C-1", "C-2", "c-2", "Ünit 3", "C-10"];
const TRACKS: [&str; 5] = ["simple", " Simple", "complex", "expedited", " "];
const VERDICTS: [&str; 4] = ["approve", "deny", " DENY ", "Approve"];

/// SplitMix64 (G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number generators", 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

/// So many valid events from a seed: few actors, few cases and few instants, so that everything collides; every type,
/// late events, retractions before and after what they retract, pauses, verdicts with and without advice.
///
/// Each event has an id and an instant, within 60 days before [`now`]. What is said of an actor's kind depends
/// on the actor and the instant alone, so that only events of one case at one instant depend on their order.
pub fn random_events(seed: u64, count: usize) -> Vec<Event> {
    let mut random = Random(seed);
    let id = |index: u64| Uuid::from_u128((u128::from(seed) << 64) | (1 << 100) | u128::from(index));
    (0..count as u64)
        .map(|index| {
            let at = instant(&mut random);
            let mut builder = event(&mut random, index, count as u64, id).id(id(index)).at(at);
            if random.one_in(4) {
                let agent = at.millis().rem_euclid(3) == 0;
                builder = builder.actor_kind(if agent { ActorKind::Agent } else { ActorKind::Human });
            }
            builder.build().expect("the generator makes valid events")
        })
        .collect()
}

/// The built-in rule, and targets of both sorts: what the dossiers of [`random_events`] are compared under.
pub fn policy_with_targets() -> Policy {
    let sla = "sla: {target: 2 working days, tracks: {simple: 1 working day, complex: 30h}}\nrules:";
    let text = DEFAULT_POLICY_YAML.replace("rules:", sla);
    Policy::from_yaml("targets", &text).expect("the policy is valid")
}

/// The same event at another instant.
pub(crate) fn moved(event: &Event, at: Timestamp) -> Event {
    let mut fields = serde_json::to_value(event).expect("an event is written as JSON");
    fields["occurred_at"] = at.to_string().into();
    Event::from_value(fields).expect("the event stays valid")
}

fn instant(random: &mut Random) -> Timestamp {
    let hours = random.below(8) as i64;
    match random.below(8) {
        // A millisecond more or less, at midnight or near it.
        0 => hour(24 * hours).plus_millis(random.below(3) as i64 - 1),
        1 => hour(random.below(72) as i64).plus_millis(random.below(3_600_000) as i64),
        2 => now().plus_millis(-(random.below(60 * 86_400_000) as i64)),
        // The same few hours again and again.
        _ => hour(hours * 5),
    }
}

fn event(random: &mut Random, index: u64, count: u64, id: impl Fn(u64) -> Uuid) -> EventBuilder {
    let actor = random.pick(&ACTORS);
    let case_id = random.pick(&CASES);
    let with_actor = random.one_in(2);
    let maybe = |builder: EventBuilder| if with_actor { builder.actor(actor) } else { builder };
    match random.below(32) {
        0..=2 => {
            let opened = maybe(Event::case_opened(case_id));
            if random.one_in(3) { opened } else { opened.track(random.pick(&TRACKS)) }
        }
        3..=8 => Event::assigned(case_id, actor),
        9 => maybe(Event::unassigned(case_id)),
        10..=12 => Event::paused(case_id).reason("papers"),
        13..=14 => Event::resumed(case_id),
        15..=17 => Event::recommendation_of(actor, case_id, random.pick(&VERDICTS)),
        18..=21 => {
            let mut verdict = Event::decision(actor);
            if !random.one_in(8) {
                verdict = verdict.case(case_id);
            }
            if random.one_in(3) {
                verdict = verdict.ai_recommendation(random.pick(&VERDICTS));
            }
            if !random.one_in(3) {
                verdict = verdict.human_verdict(random.pick(&VERDICTS));
            }
            verdict
        }
        22 => Event::override_of(actor).case(case_id).ai_recommendation("deny").human_verdict("approve"),
        23 => Event::override_of(actor),
        24 => maybe(Event::case_closed(case_id)),
        25 => maybe(Event::case_reopened(case_id)),
        26 => {
            let stars = Event::sat_score(1 + random.below(5) as u8).actor(actor);
            if random.one_in(2) { stars.case(case_id) } else { stars }
        }
        27..=28 => Event::sat_score(1 + random.below(5) as u8).case(case_id),
        29 => Event::appeal_outcome(case_id, random.pick(&[Outcome::Upheld, Outcome::Reversed])),
        30 => {
            // Of an event before, after, of itself, or of one that never comes.
            let of = (index + random.below(count / 2 + 2)).wrapping_sub(count / 4).min(count + 1);
            let retraction = Event::retraction(id(of), "by mistake");
            if random.one_in(2) { retraction.case(case_id) } else { retraction }
        }
        _ => match random.below(5) {
            0 => Event::viewed(case_id, actor),
            1 => Event::survey_sent(case_id),
            2 => Event::plan_started(actor),
            3 => Event::plan_closed(actor),
            _ => Event::custom("X_NOTE").case(case_id).actor(actor).field("note", "kept"),
        },
    }
}

/// The log that those events make when they are recorded in that order: duplicates dropped, positions given, and what
/// a retraction names marked.
pub fn record(events: &[Event]) -> Vec<Recorded> {
    let mut seen = HashSet::new();
    let mut log: Vec<Recorded> = Vec::new();
    for event in events {
        let recorded = Recorded::new(event.clone(), log.len() as u64 + 1, now());
        if seen.insert(recorded.id) {
            log.push(recorded);
        }
    }
    let retracted: HashSet<Uuid> = log
        .iter()
        .filter_map(|recorded| match recorded.event.what() {
            What::Retraction { retracts, .. } => Some(*retracts),
            _ => None,
        })
        .collect();
    log.into_iter()
        .map(|recorded| {
            let gone = retracted.contains(&recorded.id);
            recorded.with_retracted(gone)
        })
        .collect()
}
