//! A store that remembers what everybody's activity came to says what it would say without, and reads nobody twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use apmt_core::contribution::Cursor;
use apmt_core::store::{RememberPeers, SharedNotes, judge_here, judge_one_here};
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
    trial.record("bob", true, noon(-1));
    assert!(trial.ask(AsOf::Now, &policy) > 0, "the log has more");
    assert!(trial.ask(AsOf::Now, &self::policy("other", "")) > 0, "another policy");
    assert_eq!(trial.ask(AsOf::Now, &policy), 0, "and both are remembered");
    trial.clock.set(noon(2));
    assert!(trial.ask(AsOf::Now, &policy) > 0, "another day, on which all leaves the window");
    assert_eq!(trial.ask(AsOf::Now, &policy), 0);
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
    Record { actor: usize, overridden: bool, hours_ago: i64 },
    Wait { minutes: i64 },
    Ask { hours_ago: Option<i64>, lasting: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let record = (0..NAMES.len(), any::<bool>(), -20..100_i64)
        .prop_map(|(actor, overridden, hours_ago)| Step::Record { actor, overridden, hours_ago });
    let wait = (1..2000_i64).prop_map(|minutes| Step::Wait { minutes });
    let ask = (proptest::option::of(0..100_i64), any::<bool>())
        .prop_map(|(hours_ago, lasting)| Step::Ask { hours_ago, lasting });
    proptest::collection::vec(prop_oneof![3 => record, 2 => wait, 2 => ask], 20..60)
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
