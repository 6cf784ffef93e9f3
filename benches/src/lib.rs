//! What the benchmarks share: an agency's events in the order of time, servers, load, a median, and a line a figure.

pub mod child;
pub mod follow;
pub mod load;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use apmt_core::{ActorKind, Event, Timestamp};

/// The last instant of every agency's log.
pub const UNTIL: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// The span of an agency's log, in days, unless another is asked for.
pub const DAYS: u32 = 120;

const DAY_MS: i64 = 86_400_000;

/// An agency's events, in the order of time: cases are opened, an agent recommends, an officer takes the case and
/// decides, it is closed, and some citizens give stars.
#[derive(Debug)]
pub struct Agency {
    random: fastrand::Rng,
    officers: usize,
    next_case: u64,
    opened_at: i64,
    between_cases: i64,
    to_come: BinaryHeap<Reverse<(i64, u64, Step)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Open,
    Recommend,
    Assign,
    Decide,
    Close,
    Rate,
}

impl Agency {
    /// An agency of so many officers whose log holds about so many events over [`DAYS`].
    pub fn new(officers: usize, events: u64) -> Self {
        // A case has five events and a half on average.
        Self::over(DAYS, officers, events * 2 / 11)
    }

    /// An agency of so many officers to whom so many cases come over so many days.
    pub fn over(days: u32, officers: usize, cases: u64) -> Self {
        let cases = cases.max(1);
        let span = i64::from(days) * DAY_MS;
        let start = UNTIL.millis() - span;
        Self {
            random: fastrand::Rng::with_seed(20_260_301),
            officers,
            next_case: 0,
            opened_at: start,
            between_cases: (span / cases as i64).max(1),
            to_come: BinaryHeap::new(),
        }
    }

    /// The name of an officer.
    pub fn officer(number: usize) -> String {
        format!("officer{number:05}@agency.gov")
    }

    fn event(&mut self, at: i64, case: u64, step: Step) -> Event {
        let officer = Self::officer(fastrand::Rng::with_seed(case).usize(..self.officers));
        let case_id = format!("2026-{case:08}");
        let hours =
            |random: &mut fastrand::Rng, low: i64, high: i64| random.i64(low * 3_600_000..high * 3_600_000);
        let random = &mut self.random;
        let (builder, next) = match step {
            Step::Open => (
                Event::case_opened(&case_id).track("disaster-loan").field("office", "Denver"),
                Some((Step::Recommend, random.i64(1_000..600_000))),
            ),
            Step::Recommend => (
                Event::recommendation_of("triage-model", &case_id, "deny")
                    .actor_kind(ActorKind::Agent)
                    .model("triage-4.2.1")
                    .confidence(random.f64()),
                Some((Step::Assign, hours(random, 1, 24))),
            ),
            Step::Assign => {
                (Event::assigned(&case_id, &officer), Some((Step::Decide, hours(random, 1, 120))))
            }
            Step::Decide => {
                let verdict = if random.u8(..4) == 0 { "approve" } else { "deny" };
                let builder = Event::decision(&officer)
                    .case(&case_id)
                    .ai_recommendation("deny")
                    .human_verdict(verdict)
                    .actor_kind(ActorKind::Human);
                (builder, Some((Step::Close, random.i64(1_000..600_000))))
            }
            Step::Close => (
                Event::case_closed(&case_id).actor(&officer),
                random.bool().then(|| (Step::Rate, hours(random, 1, 72))),
            ),
            Step::Rate => (Event::sat_score(random.u8(1..=5)).case(&case_id).channel("e-mail"), None),
        };
        if let Some((step, after)) = next {
            self.to_come.push(Reverse((at + after, case, step)));
        }
        match builder.at(Timestamp::from_millis(at)).build() {
            Ok(event) => event,
            Err(invalid) => unreachable!("the agency's events are valid: {invalid}"),
        }
    }
}

impl Iterator for Agency {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let due = self.to_come.peek().is_some_and(|Reverse((at, _, _))| *at <= self.opened_at);
        let (at, case, step) = if due {
            self.to_come.pop()?.0
        } else {
            let case = self.next_case;
            let at = self.opened_at;
            self.next_case += 1;
            self.opened_at += self.between_cases;
            (at, case, Step::Open)
        };
        (at <= UNTIL.millis()).then(|| self.event(at, case, step))
    }
}

/// The events of a log in batches of `size`.
pub fn batches(events: impl Iterator<Item = Event>, size: usize) -> Vec<Vec<Event>> {
    let mut events = events.peekable();
    let mut batches = Vec::new();
    while events.peek().is_some() {
        batches.push(events.by_ref().take(size).collect());
    }
    batches
}

/// How long it takes.
pub fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// The middle of several measurements.
pub fn median(mut measured: Vec<f64>) -> f64 {
    measured.sort_by(f64::total_cmp);
    measured.get(measured.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Prints a figure beside what it is held against, and whether it is met.
pub fn report(what: &str, figure: &str, value: f64, target: Target) {
    let (met, bar) = match target {
        Target::AtLeast(bar) => (value >= bar, format!("at least {bar}")),
        Target::AtMost(bar) => (value <= bar, format!("at most {bar}")),
    };
    let verdict = if met { "met" } else { "MISSED" };
    println!("{what:<62} {figure:>34}   {bar:<16} {verdict}");
}

/// Prints a figure that has no bar: what another is to be read beside.
pub fn beside(what: &str, figure: &str) {
    println!("{what:<62} {figure:>34}");
}

/// Prints the median of the ratios of rates that were taken in turn.
pub fn against(what: &str, ours: &[f64], ceiling: &[f64], bar: f64) {
    let ratio = median(ours.iter().zip(ceiling).map(|(ours, ceiling)| ours / ceiling).collect());
    let [of_ours, of_ceiling] = [ours, ceiling].map(|rates| thousands(median(rates.to_vec())));
    report(what, &format!("{of_ours} of {of_ceiling} = {ratio:.2}"), ratio, Target::AtLeast(bar));
}

/// A rate, in thousands a second.
pub fn thousands(rate: f64) -> String {
    format!("{:.1}k/s", rate / 1e3)
}

/// The median and the 99th percentile, in milliseconds.
pub fn percentiles(mut measured: Vec<Duration>) -> (f64, f64) {
    measured.sort_unstable();
    let at = |share: f64| {
        let place = (measured.len() as f64 * share) as usize;
        measured.get(place).map_or(f64::NAN, |took| took.as_secs_f64() * 1e3)
    };
    (at(0.5), at(0.99))
}

/// What a figure has to be.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// No less than this.
    AtLeast(f64),
    /// No more than this.
    AtMost(f64),
}
