//! How a case goes, from the application to the citizen's stars.

use apmt_core::time::Day;
use apmt_core::{ActorKind, Event, Outcome, Timestamp};

use super::log::Log;
use super::office::{DAY, HOUR, MINUTE, Office};
use super::staff::{
    BEFORE_THE_PLAN, DECIDING_AGENT, DECIDING_MODELS, IMPROVED, OFFICERS, Officer, REASONS_TO_PAUSE,
    SECOND_READER, SINCE_THE_PLAN, SUPERVISOR, TRACKS, Track,
};
use crate::random::Random;

/// When the newer models went live, and when the plan began and ended, in days before the end.
const RELEASE: i64 = 45;
const PLAN: std::ops::Range<i64> = 12..72;

/// Writes cases into the log.
#[derive(Debug)]
pub(super) struct Clerk<'a> {
    pub(super) office: &'a Office,
    pub(super) log: &'a mut Log,
    pub(super) random: &'a mut Random,
    last_case: u32,
}

/// How an officer handled a case.
#[derive(Debug)]
pub(super) struct Handling {
    pub(super) officer: &'static str,
    pub(super) assigned: Timestamp,
    /// From when to when the clock stood.
    pub(super) pause: Option<(Timestamp, Timestamp)>,
    pub(super) verdict: Timestamp,
    pub(super) overridden: bool,
    pub(super) stars: Option<u8>,
    /// Whether more may happen than the plain way of a case. What happens to others then changes their figures, so
    /// the officers whose figures are fixed have none of it.
    pub(super) eventful: bool,
}

impl<'a> Clerk<'a> {
    pub(super) const fn new(office: &'a Office, log: &'a mut Log, random: &'a mut Random) -> Self {
        Self { office, log, random, last_case: 10_000 }
    }

    /// So many days before the end.
    pub(super) const fn days_ago(&self, days: i64) -> Timestamp {
        self.log.as_of().plus_millis(-days * DAY)
    }

    fn minutes_after(&mut self, at: Timestamp, from: i64, to: i64) -> Timestamp {
        at.plus_millis(self.random.between(from * MINUTE, to * MINUTE))
    }

    fn new_case(&mut self, track: &Track, opened: Timestamp) -> String {
        self.last_case += 1;
        let year = opened.to_string().chars().take(4).collect::<String>();
        let case_id = format!("{}-{year}-{:05}", track.prefix, self.last_case);
        let due = opened.plus_millis(30 * DAY);
        self.log.push(opened, Event::case_opened(&case_id).track(track.name).due(due));
        case_id
    }

    /// What an agent says of a case.
    fn recommend(&mut self, agent: &str, models: [&str; 2], case_id: &str, at: Timestamp) -> &'static str {
        let verdict = match self.random.fraction() {
            chance if chance < 0.62 => "approve",
            chance if chance < 0.90 => "deny",
            _ => "refer",
        };
        let [before, since] = models;
        let model = if at < self.days_ago(RELEASE) { before } else { since };
        let confidence = (self.random.fraction().mul_add(0.44, 0.55) * 100.0).round() / 100.0;
        let event = Event::recommendation_of(agent, case_id, verdict)
            .actor_kind(ActorKind::Agent)
            .model(model)
            .confidence(confidence);
        self.log.push(at, event);
        verdict
    }

    /// A case up to the moment when it reaches an officer's queue.
    fn brought_to(&mut self, officer: &str, assigned: Timestamp) -> (String, &'static str) {
        let track = self.random.one_of(TRACKS).unwrap_or(&TRACKS[0]);
        let mut opened = assigned.plus_millis(-self.random.between(2 * HOUR, 30 * HOUR));
        // Citizens sleep, too.
        if (4..11).contains(&(opened.since(opened.day().start()) as i64 / HOUR)) {
            opened = opened.plus_millis(-7 * HOUR);
        }
        let case_id = self.new_case(track, opened);
        let read = self.minutes_after(opened, 3, 45);
        let mut advice = self.recommend(track.agent, track.models, &case_id, read);
        if self.random.happens(0.04) {
            let read_again = self.minutes_after(read, 5, 60);
            advice = self.recommend(SECOND_READER, ["fraud-7", "fraud-8"], &case_id, read_again);
        }
        self.log.push(assigned, Event::assigned(&case_id, officer).actor_kind(ActorKind::Human));
        (case_id, advice)
    }

    /// A case that somebody has in a queue and has not decided.
    pub(super) fn left_open(&mut self, officer: &str, assigned: Timestamp) {
        self.brought_to(officer, assigned);
    }

    /// A whole case.
    pub(super) fn handle(&mut self, handling: &Handling) {
        let Handling { officer, assigned, pause, verdict: at, overridden, .. } = *handling;
        let held_before =
            if handling.eventful && self.random.happens(0.06) { self.colleague() } else { None };
        let (case_id, advice) = match held_before {
            Some(colleague) => self.handed_over(colleague, officer, assigned),
            None => self.brought_to(officer, assigned),
        };
        if let Some((from, to)) = pause {
            let reason = self.random.one_of(REASONS_TO_PAUSE).copied().unwrap_or_default();
            self.log.push(from, Event::paused(&case_id).actor(officer).reason(reason));
            self.log.push(to, Event::resumed(&case_id).actor(officer));
        }
        let viewed = at.plus_millis(-self.random.between(6 * MINUTE, 50 * MINUTE));
        if viewed > pause.map_or(assigned, |(_, to)| to) {
            self.log.push(viewed, Event::viewed(&case_id, officer));
        }

        let verdict = match (overridden, advice) {
            (false, advice) => advice,
            (true, "approve") => "deny",
            (true, "deny") => "approve",
            (true, _) => self.random.one_of(&["approve", "deny"]).copied().unwrap_or("deny"),
        };
        let event = if overridden && self.random.happens(0.7) {
            Event::override_of(officer).ai_recommendation(advice)
        } else if overridden {
            // The recommendation is in the log; a form that does not repeat it says as much.
            Event::decision(officer)
        } else {
            Event::decision(officer).ai_recommendation(advice)
        };
        let event = event.case(&case_id).human_verdict(verdict).actor_kind(ActorKind::Human);
        self.log.push(at, event);
        if handling.eventful && self.random.happens(0.012) {
            self.entered_twice(officer, &case_id, verdict, at);
        }
        let closed = self.minutes_after(at, 1, 12);
        self.log.push(closed, Event::case_closed(&case_id).actor(officer));
        self.rated(&case_id, closed, handling.stars);
        if verdict == "deny" && self.random.happens(0.14) {
            self.appealed(&case_id, at, overridden);
        } else if handling.eventful && self.random.happens(0.02) {
            self.taken_up_again(&case_id, closed, verdict);
        }
    }

    fn colleague(&mut self) -> Option<&'static str> {
        self.random.one_of(OFFICERS).map(|colleague| colleague.name)
    }

    /// A case that a colleague had first, and passed on or put back.
    fn handed_over(&mut self, from: &str, to: &str, at: Timestamp) -> (String, &'static str) {
        let earlier = at.plus_millis(-self.random.between(3 * HOUR, 30 * HOUR));
        let first = self.office.at_or_before(earlier, self.random);
        let case = self.brought_to(from, first);
        if self.random.happens(0.5) {
            let back = first.plus_millis((at.since(first) / 2) as i64);
            self.log.push(back, Event::unassigned(&case.0).actor(from));
        }
        self.log.push(at, Event::assigned(&case.0, to).actor_kind(ActorKind::Human));
        case
    }

    /// The same verdict sent twice by a slip, and one of the two taken back.
    fn entered_twice(&mut self, officer: &str, case_id: &str, verdict: &str, at: Timestamp) {
        let again = at.plus_millis(self.random.between(20_000, 50_000));
        let slip = self.log.push(again, Event::decision(officer).case(case_id).human_verdict(verdict));
        let noticed = self.minutes_after(again, 15, 90);
        self.log.push(noticed, Event::retraction(slip, "entered twice").actor(officer).case(case_id));
    }

    fn rated(&mut self, case_id: &str, closed: Timestamp, stars: Option<u8>) {
        let asked = self.minutes_after(closed, 30, 90);
        self.log.push(asked, Event::survey_sent(case_id).channel("e-mail"));
        if let Some(stars) = stars {
            let answered = self.minutes_after(asked, 2 * 60, 36 * 60);
            let channel = self.random.one_of(&["web", "web", "sms"]).copied().unwrap_or("web");
            self.log.push(answered, Event::sat_score(stars).case(case_id).channel(channel));
        }
    }

    fn appealed(&mut self, case_id: &str, verdict: Timestamp, overridden: bool) {
        let heard = verdict.plus_millis(self.random.between(12 * DAY, 35 * DAY));
        let heard = self.office.at_or_after(heard, self.random);
        let reversed = self.random.happens(if overridden { 0.45 } else { 0.12 });
        let outcome = if reversed { Outcome::Reversed } else { Outcome::Upheld };
        self.log.push(heard, Event::appeal_outcome(case_id, outcome));
    }

    /// New papers come, and somebody else decides again.
    fn taken_up_again(&mut self, case_id: &str, closed: Timestamp, verdict: &str) {
        let Some(officer) = self.colleague() else { return };
        let again = closed.plus_millis(self.random.between(4 * DAY, 14 * DAY));
        let again = self.office.at_or_after(again, self.random);
        self.log.push(again, Event::case_reopened(case_id).reason("new papers"));
        let taken = self.minutes_after(again, 20, 40);
        self.log.push(taken, Event::assigned(case_id, officer).actor_kind(ActorKind::Human));
        let later = taken.plus_millis(self.random.between(2 * HOUR, 40 * HOUR));
        let decided = self.office.at_or_after(later, self.random);
        self.log.push(decided, Event::decision(officer).case(case_id).human_verdict(verdict));
        let closed = self.minutes_after(decided, 1, 12);
        self.log.push(closed, Event::case_closed(case_id).actor(officer));
    }

    fn stars_around(&mut self, mean: f64) -> u8 {
        self.random.normal().mul_add(0.8, mean).round().clamp(1.0, 5.0) as u8
    }

    /// What an officer decided on those days.
    fn work(&mut self, officer: &Officer, from: Timestamp, to: Timestamp) {
        let days: Vec<Day> = self.office.days(from, to).to_vec();
        for case in 0..officer.cases {
            let Some(day) = days.get(case * days.len() / officer.cases.max(1)) else { return };
            let verdict = Office::sometime(*day, self.random);
            let hours = officer.hours * self.random.normal().mul_add(0.6, -0.18).exp();
            let earlier = verdict.plus_millis(-((hours * HOUR as f64) as i64).clamp(HOUR, 9 * DAY));
            let mut handling = Handling {
                officer: officer.name,
                assigned: self.office.at_or_before(earlier, self.random),
                pause: None,
                verdict,
                // Evenly spread, so that a rate is what it says over any stretch of time.
                overridden: ((case + 1) as f64 * officer.overrides).floor()
                    > (case as f64 * officer.overrides).floor(),
                stars: self.random.happens(0.4).then_some(0),
                eventful: true,
            };
            handling.stars = handling.stars.map(|_| self.stars_around(officer.stars));
            if self.random.happens(0.1) {
                handling.pause_a_day(self.office);
            }
            self.handle(&handling);
        }
    }
}

impl Handling {
    /// Puts a pause into the case and moves its beginning back by as much, so that the time that counts stays.
    pub(super) fn pause_a_day(&mut self, office: &Office) {
        let into = (self.verdict.since(self.assigned) as i64 / 2).min(40 * MINUTE);
        if let Some(earlier) = office.day_before(self.assigned) {
            self.pause = Some((earlier.plus_millis(into), self.assigned.plus_millis(into)));
            self.assigned = earlier;
        }
    }
}

/// What the officers decide, over the whole of the demonstration and past its end, so that cases are open at the end.
pub(super) fn of_the_staff(clerk: &mut Clerk<'_>) {
    let (first, last) = (clerk.days_ago(106), clerk.days_ago(-6));
    for officer in OFFICERS {
        clerk.work(officer, first, last);
        for _ in 0..clerk.random.between(0, 4) {
            let long_ago = clerk.log.as_of().plus_millis(-clerk.random.between(2 * DAY, 30 * DAY));
            let assigned = clerk.office.at_or_before(long_ago, clerk.random);
            clerk.left_open(officer.name, assigned);
        }
    }
    clerk.work(&BEFORE_THE_PLAN, first, clerk.days_ago(PLAN.end + 1));
    clerk.work(&SINCE_THE_PLAN, clerk.days_ago(PLAN.end), last);
}

/// Small cases that an agent decides within minutes, at any hour.
pub(super) fn decided_by_an_agent(clerk: &mut Clerk<'_>) {
    let Some(track) = TRACKS.iter().find(|track| track.agent == DECIDING_AGENT) else { return };
    for _ in 0..180 {
        let opened = clerk.log.as_of().plus_millis(-clerk.random.between(HOUR, 118 * DAY));
        let case_id = clerk.new_case(track, opened);
        let decided = clerk.minutes_after(opened, 2, 15);
        let verdict = if clerk.random.happens(0.8) { "approve" } else { "deny" };
        let [before, since] = DECIDING_MODELS;
        let model = if decided < clerk.days_ago(RELEASE) { before } else { since };
        let event = Event::decision(DECIDING_AGENT).actor_kind(ActorKind::Agent).case(&case_id);
        clerk.log.push(decided, event.human_verdict(verdict).field("model", model));
        clerk.log.push(decided, Event::case_closed(&case_id).actor(DECIDING_AGENT));
        let stars = clerk.random.happens(0.35).then(|| clerk.stars_around(4.0));
        clerk.rated(&case_id, decided, stars);
        if verdict == "deny" && clerk.random.happens(0.2) {
            clerk.appealed(&case_id, decided, false);
        }
    }
}

/// What belongs to no case: the plan, trainings, thanks by telephone.
pub(super) fn beside_the_cases(clerk: &mut Clerk<'_>) {
    let (begun, ended) = (clerk.days_ago(PLAN.end), clerk.days_ago(PLAN.start));
    let begun = clerk.office.at_or_after(begun, clerk.random);
    let plan = Event::plan_started(IMPROVED).by(SUPERVISOR);
    clerk.log.push(begun, plan.note("a second reader on every override, for 60 days"));
    let ended = clerk.office.at_or_after(ended, clerk.random);
    let plan = Event::plan_closed(IMPROVED).by(SUPERVISOR);
    clerk.log.push(ended, plan.note("met: overrides below 10 %, stars above 4"));
    for officer in OFFICERS.iter().step_by(3) {
        let sometime = clerk.log.as_of().plus_millis(-clerk.random.between(DAY, 110 * DAY));
        let trained = clerk.office.at_or_before(sometime, clerk.random);
        let training = Event::custom("X_TRAINING_COMPLETED").actor(officer.name);
        clerk.log.push(trained, training.field("course", "Reading a model's confidence"));
        let stars = clerk.stars_around(officer.stars);
        let called = clerk.minutes_after(trained, 30, 60 * 5);
        clerk.log.push(called, Event::sat_score(stars).actor(officer.name).channel("telephone"));
    }
}
