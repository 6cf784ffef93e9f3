//! The agency after the demonstration's end: what goes on there while somebody looks on.

use std::collections::VecDeque;
use std::time::Duration;

use apmt_core::event::EventBuilder;
use apmt_core::{ActorKind, Event, Timestamp};

use super::staff::{OFFICERS, Officer, TRACKS};
use crate::random::Random;

/// The most cases that wait at a time.
const QUEUE: usize = 8;

/// Further events of the agency, a few at a time and without end, made up from a seed: so that whoever follows
/// [`GET /live`](crate::http::live) sees something happen. The two officers whose figures are fixed have no part in it.
///
/// ```
/// use apmt_server::demo::Life;
/// let now = "2026-03-02T15:00:00Z".parse()?;
/// let (mut life, mut same) = (Life::new(7), Life::new(7));
/// let events = life.step(now);
/// assert_eq!(events, same.step(now));
/// assert!(!events.is_empty() && life.pause().as_secs() < 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Life {
    random: Random,
    cases: VecDeque<Case>,
}

/// A case that is not done with.
#[derive(Debug)]
struct Case {
    id: String,
    officer: &'static Officer,
    advice: &'static str,
    decided: bool,
}

impl Life {
    /// What that seed comes to.
    pub const fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), cases: VecDeque::new() }
    }

    /// How long nothing happens now: a few seconds.
    pub fn pause(&mut self) -> Duration {
        Duration::from_millis(self.random.between(1000, 4000).unsigned_abs())
    }

    /// What happens now: an application comes in, a case is decided, or a citizen gives stars.
    pub fn step(&mut self, now: Timestamp) -> Vec<Event> {
        let busy = self.cases.len() >= QUEUE || self.random.happens(0.6);
        let events = match self.cases.pop_front().filter(|_| busy) {
            Some(case) if case.decided => vec![self.rated(&case)],
            Some(case) => self.decided(case),
            None => self.applied(now),
        };
        let random = &mut self.random;
        let built = events.into_iter().map(|event| event.id(random.id_at(now)).at(now).build());
        built
            .filter_map(|event| {
                debug_assert!(event.is_ok(), "{event:?}");
                event.ok()
            })
            .collect()
    }

    fn applied(&mut self, now: Timestamp) -> Vec<EventBuilder> {
        let (Some(track), Some(officer)) = (self.random.one_of(TRACKS), self.random.one_of(OFFICERS)) else {
            return Vec::new();
        };
        // By the time it came in: a server that is started anew must not open the same cases again.
        let id = format!("{}-LIVE-{}", track.prefix, now.millis());
        let advice = if self.random.happens(0.65) { "approve" } else { "deny" };
        let [_, model] = track.models;
        let events = vec![
            Event::case_opened(&id).track(track.name),
            Event::recommendation_of(track.agent, &id, advice).actor_kind(ActorKind::Agent).model(model),
            Event::assigned(&id, officer.name).actor_kind(ActorKind::Human),
        ];
        self.cases.push_back(Case { id, officer, advice, decided: false });
        events
    }

    fn decided(&mut self, case: Case) -> Vec<EventBuilder> {
        let reversed = if case.advice == "approve" { "deny" } else { "approve" };
        let verdict = if self.random.happens(case.officer.overrides) { reversed } else { case.advice };
        let events = vec![
            Event::decision(case.officer.name).case(&case.id).human_verdict(verdict),
            Event::case_closed(&case.id).actor(case.officer.name),
        ];
        self.cases.push_back(Case { decided: true, ..case });
        events
    }

    fn rated(&mut self, case: &Case) -> EventBuilder {
        let stars = (case.officer.stars + self.random.normal()).round().clamp(1.0, 5.0) as u8;
        Event::sat_score(stars).case(&case.id).channel("web")
    }
}
