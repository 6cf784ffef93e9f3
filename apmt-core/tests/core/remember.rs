//! A store that remembers what everybody's activity came to says what it would say without, and reads nobody twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use apmt_core::contribution::Cursor;
use apmt_core::store::{RememberPeers, SealStore, SharedNotes, judge_here, judge_one_here};
use apmt_core::time::{Clock as _, DAY_MS, ManualClock};
use apmt_core::{
    Activity, ActorName, AsOf, Calendar, CaseId, Contribution, Dossier, Event, MemoryStore, Policy, Receipt,
    Recorded, Result, Store, StoreStatus, Timestamp, Window,
};
use async_trait::async_trait;
use futures_lite::future::block_on;
use proptest::prelude::*;
use uuid::Uuid;

/// Counts how often everybody is read.
#[derive(Debug)]
struct Counting {
    inner: MemoryStore,
    pages: AtomicUsize,
}

#[async_trait]
impl Store for Counting {
    async fn append(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        self.inner.append(events).await
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Recorded>> {
        self.inner.events(after, limit).await
    }

    async fn event(&self, id: Uuid) -> Result<Option<Recorded>> {
        self.inner.event(id).await
    }

    async fn case(&self, case_id: &CaseId) -> Result<Vec<Recorded>> {
        self.inner.case(case_id).await
    }

    async fn contributions(
        &self,
        actor: &ActorName,
        window: Window,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<Contribution>> {
        self.inner.contributions(actor, window, after, limit).await
    }

    async fn activity(&self, actor: &ActorName, window: Window) -> Result<Activity> {
        self.inner.activity(actor, window).await
    }

    async fn activities(
        &self,
        window: Window,
        after: Option<&ActorName>,
        limit: usize,
    ) -> Result<Vec<Activity>> {
        self.pages.fetch_add(1, Ordering::SeqCst);
        self.inner.activities(window, after, limit).await
    }

    async fn status(&self) -> Result<StoreStatus> {
        self.inner.status().await
    }

    fn notes(&self) -> Option<&dyn SharedNotes> {
        None
    }

    fn seal(&self) -> Option<&dyn SealStore> {
        self.inner.seal()
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}

struct Trial {
    clock: Arc<ManualClock>,
    counting: Arc<Counting>,
    remembering: RememberPeers,
}

fn noon(day: i64) -> Timestamp {
    let start: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    start.plus_millis(day * DAY_MS as i64)
}

fn trial() -> Trial {
    let clock = Arc::new(ManualClock::at(noon(0)));
    let inner = MemoryStore::with(Arc::<ManualClock>::clone(&clock), Calendar::Always);
    let counting = Arc::new(Counting { inner, pages: AtomicUsize::new(0) });
    let remembering = RememberPeers::new(Arc::<Counting>::clone(&counting));
    Trial { clock, counting, remembering }
}

const NAMES: [&str; 5] = ["anne", "bob", "carl", "dora", "erik"];

impl Trial {
    fn record(&self, actor: &str, overridden: bool, at: Timestamp) {
        let event = if overridden { Event::override_of(actor) } else { Event::decision(actor) };
        block_on(self.remembering.append(vec![event.at(at).build().unwrap()])).unwrap();
    }

    /// How many pages of everybody's activities an answer takes.
    fn pages<T>(&self, answer: impl FnOnce(&RememberPeers) -> T) -> usize {
        let before = self.counting.pages.load(Ordering::SeqCst);
        answer(&self.remembering);
        self.counting.pages.load(Ordering::SeqCst) - before
    }

    /// Asks for a dossier of each, and for how many pages that takes; each is what it is without remembering.
    fn ask(&self, as_of: AsOf, policy: &Policy) -> usize {
        let mut pages = 0;
        for name in NAMES {
            let actor = name.try_into().unwrap();
            pages += self.pages(|store| {
                let found = block_on(store.dossier(&actor, as_of, policy)).unwrap();
                let inner = &self.counting.inner;
                assert_eq!(found, block_on(judge_one_here(inner, &actor, as_of, policy)).unwrap());
            });
        }
        pages
    }

    fn board(&self, as_of: AsOf, policy: &Policy) -> Vec<Dossier> {
        let found = block_on(self.remembering.dossiers(as_of, policy, None, 100)).unwrap();
        let inner = &self.counting.inner;
        assert_eq!(found, block_on(judge_here(inner, as_of, policy, None, 100)).unwrap());
        found
    }
}

fn policy(name: &str, more: &str) -> Policy {
    let rule = format!(
        "{{id: r, when: [override_rate > 0.3], peers: {{by: [track, kind], min_group: 3}}, {more} then: pip}}"
    );
    Policy::from_yaml("p", &format!("{{name: {name}, window_days: 3, rules: [{rule}]}}")).unwrap()
}

#[test]
fn everybody_is_read_once_while_the_log_stands_still_and_now_moves_on() {
    let trial = trial();
    for (n, name) in NAMES.into_iter().enumerate() {
        trial.record(name, n == 0, noon(-1));
    }
    for more in ["", "for: 2d,"] {
        let policy = policy("p", more);
        assert!(trial.ask(AsOf::Now, &policy) > 0);
        for _ in 0..3 {
            trial.clock.set(trial.clock.now().plus_millis(60_000));
            assert_eq!(trial.ask(AsOf::Now, &policy), 0, "everybody's is known {more}");
        }
        let board = trial.pages(|_| trial.board(AsOf::Now, &policy));
        assert!(board <= 2, "the page itself, and that there is no other: {board}");
    }
    let policy = policy("p", "");
    assert!(trial.ask(AsOf::Now, &self::policy("other", "")) > 0, "another policy");
    assert_eq!(trial.ask(AsOf::Now, &policy), 0, "and both are remembered");
    trial.clock.set(noon(2));
    assert!(trial.ask(AsOf::Now, &policy) > 0, "another day, on which all leaves the window");
    assert_eq!(trial.ask(AsOf::Now, &policy), 0);
}

#[test]
fn after_more_of_the_log_only_those_are_read_again_whom_it_can_have_changed() {
    let trial = trial();
    for (n, name) in NAMES.into_iter().enumerate() {
        trial.record(name, n == 0, noon(-1));
    }
    for more in ["", "for: 2d,"] {
        let policy = policy("p", more);
        trial.ask(AsOf::Now, &policy);
        let before = trial.board(AsOf::Now, &policy);
        // A rating of a case is whoever's decided it; and what is taken back counts no longer.
        let decided = Event::override_of("bob").case("C-1").at(noon(-1)).build().unwrap();
        let id = Uuid::from_u128(more.len() as u128 + 1);
        let taken_back = Event::override_of("carl").id(id).at(noon(-1)).build().unwrap();
        block_on(trial.remembering.append(vec![decided, taken_back])).unwrap();
        assert_eq!(trial.ask(AsOf::Now, &policy), 0, "only bob and carl are read");
        let retraction = Event::retraction(id, "a slip").build().unwrap();
        block_on(trial.remembering.append(vec![retraction])).unwrap();
        assert_eq!(trial.ask(AsOf::Now, &policy), 0);
        assert_ne!(trial.board(AsOf::Now, &policy), before);
        let many = (0..1001).map(|n| Event::decision(&format!("new-{n}")).build().unwrap()).collect();
        block_on(trial.remembering.append(many)).unwrap();
        assert!(trial.ask(AsOf::Now, &policy) > 0, "of so many events, most concern somebody new");
    }
}

#[test]
fn what_compares_no_peers_goes_straight_to_the_store() {
    let trial = trial();
    trial.record("anne", true, noon(-1));
    assert_eq!(trial.ask(AsOf::Now, &Policy::default()), 0);
    assert_eq!(trial.board(AsOf::Now, &Policy::default()).len(), 1);
}

/// What a trial goes through.
#[derive(Clone, Debug)]
enum Step {
    Record {
        actor: usize,
        overridden: bool,
        hours_ago: i64,
    },
    /// A case of a track, on which one advises and another decides.
    Decide {
        agent: usize,
        actor: usize,
        case: usize,
        overridden: bool,
        hours_ago: i64,
    },
    TakeBack {
        nth: usize,
    },
    Wait {
        minutes: i64,
    },
    Ask {
        hours_ago: Option<i64>,
        lasting: bool,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let record = (0..NAMES.len(), any::<bool>(), -20..100_i64)
        .prop_map(|(actor, overridden, hours_ago)| Step::Record { actor, overridden, hours_ago });
    let decide = (0..NAMES.len(), 0..NAMES.len(), 0..3_usize, any::<bool>(), 0..100_i64).prop_map(
        |(agent, actor, case, overridden, hours_ago)| Step::Decide {
            agent,
            actor,
            case,
            overridden,
            hours_ago,
        },
    );
    let take_back = (0..60_usize).prop_map(|nth| Step::TakeBack { nth });
    let wait = (1..2000_i64).prop_map(|minutes| Step::Wait { minutes });
    let ask = (proptest::option::of(0..100_i64), any::<bool>())
        .prop_map(|(hours_ago, lasting)| Step::Ask { hours_ago, lasting });
    proptest::collection::vec(
        prop_oneof![3 => record, 2 => decide, 1 => take_back, 2 => wait, 3 => ask],
        20..60,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever happened before, and whenever it is asked for.
    #[test]
    fn it_says_what_the_store_says(steps in steps()) {
        let trial = trial();
        let (at_once, lasting) = (policy("p", ""), policy("q", "for: 2d, clear_after: 1d,"));
        for step in steps {
            let now = trial.clock.now();
            match step {
                Step::Record { actor, overridden, hours_ago } => {
                    trial.record(NAMES[actor], overridden, now.plus_millis(-hours_ago * 3_600_000));
                }
                Step::Decide { agent, actor, case, overridden, hours_ago } => {
                    let (id, at) = (format!("C-{case}"), now.plus_millis(-hours_ago * 3_600_000));
                    let track = ["simple", "complex"][case % 2];
                    let verdict = if overridden { "deny" } else { "grant" };
                    let batch = [
                        Event::case_opened(&id).track(track),
                        Event::recommendation_of(NAMES[agent], &id, "grant"),
                        Event::decision(NAMES[actor]).case(&id).human_verdict(verdict),
                    ];
                    let batch = batch.map(|event| event.at(at).build().unwrap());
                    block_on(trial.remembering.append(batch.into())).unwrap();
                }
                Step::TakeBack { nth } => {
                    let log = block_on(trial.counting.events(nth as u64, 1)).unwrap();
                    let retractions = log.iter().map(|recorded| Event::retraction(recorded.id, "a slip"));
                    let retractions = retractions.map(|event| event.build().unwrap()).collect();
                    block_on(trial.remembering.append(retractions)).unwrap();
                }
                Step::Wait { minutes } => trial.clock.set(now.plus_millis(minutes * 60_000)),
                Step::Ask { hours_ago, lasting: is_lasting } => {
                    let policy = if is_lasting { &lasting } else { &at_once };
                    let as_of = hours_ago.map_or(AsOf::Now, |hours| now.plus_millis(-hours * 3_600_000).into());
                    trial.ask(as_of, policy);
                    trial.board(as_of, policy);
                    trial.ask(AsOf::Latest, policy);
                }
            }
        }
    }
}
