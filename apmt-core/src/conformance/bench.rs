//! Where a store is tried: a fresh one each time, with the time in the test's hands.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::calendar::Calendar;
use crate::contribution::Contribution;
use crate::dossier::Dossier;
use crate::event::{Event, IntoEvent};
use crate::name::{ActorName, CaseId};
use crate::policy::Policy;
use crate::store::{Activity, AsOf, OpenCase, Receipt, Recorded, Store, judge_here};
use crate::time::{ManualClock, Timestamp, Window};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What waits for a future on the calling thread.
pub type BlockOn = for<'a> fn(BoxFuture<'a, ()>);

/// What a fresh store must be made with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The store's clock.
    pub clock: Arc<ManualClock>,
    /// The calendar that processing times are measured through.
    pub calendar: Calendar,
}

/// A fresh store, with whatever has to live as long as it does.
pub struct Fresh {
    store: Arc<dyn Store>,
    kept: Option<Box<dyn Any + Send + Sync>>,
}

impl Fresh {
    /// A fresh store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, kept: None }
    }

    /// Keeps something, such as a temporary folder, until the store has been dropped.
    #[must_use]
    pub fn keeping(mut self, kept: impl Any + Send + Sync) -> Self {
        self.kept = Some(Box::new(kept));
        self
    }
}

impl fmt::Debug for Fresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

impl<S: Store + 'static> From<S> for Fresh {
    fn from(store: S) -> Self {
        Self::new(Arc::new(store))
    }
}

impl From<Arc<dyn Store>> for Fresh {
    fn from(store: Arc<dyn Store>) -> Self {
        Self::new(store)
    }
}

/// Makes fresh stores, and waits for futures.
pub struct Bench {
    fresh: Box<dyn Fn(Setup) -> BoxFuture<'static, Fresh> + Send + Sync>,
    block_on: BlockOn,
}

impl fmt::Debug for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bench").finish_non_exhaustive()
    }
}

impl Bench {
    /// A bench that waits with `block_on` and tries the stores that `fresh` makes.
    pub fn new<Make, Made>(block_on: BlockOn, fresh: Make) -> Self
    where
        Make: Fn(Setup) -> Made + Send + Sync + 'static,
        Made: Future + Send + 'static,
        Made::Output: Into<Fresh>,
    {
        let fresh = Box::new(move |setup| {
            let made = fresh(setup);
            Box::pin(async move { made.await.into() }) as BoxFuture<'static, Fresh>
        });
        Self { fresh, block_on }
    }

    /// A fresh store whose clock shows [`now`] and whose calendar counts every hour.
    pub async fn store(&self) -> Trial {
        self.store_with(Calendar::Always).await
    }

    /// A fresh store whose clock shows [`now`], with that calendar.
    pub async fn store_with(&self, calendar: Calendar) -> Trial {
        let clock = Arc::new(ManualClock::at(now()));
        let setup = Setup { clock: Arc::clone(&clock), calendar: calendar.clone() };
        let Fresh { store, kept } = (self.fresh)(setup).await;
        Trial { store, clock, calendar, _kept: kept }
    }

    /// What waits for a future on the calling thread: for tests with threads of their own.
    pub fn block_on(&self) -> BlockOn {
        self.block_on
    }
}

/// A store on trial, with shorthands that fail the test where the store fails.
pub struct Trial {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Its clock.
    pub clock: Arc<ManualClock>,
    /// Its calendar.
    pub calendar: Calendar,
    // Dropped last: a folder goes after the store that lives in it.
    _kept: Option<Box<dyn Any + Send + Sync>>,
}

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

impl Trial {
    /// Appends one batch.
    pub async fn append<E: IntoEvent>(&self, events: impl IntoIterator<Item = E>) -> Vec<Receipt> {
        let batch: Vec<Event> = events
            .into_iter()
            .map(|event| event.into_event().expect("the suite's events are valid"))
            .collect();
        let sent = batch.len();
        let receipts = self.store.append(batch).await.expect("a valid batch is stored");
        assert_eq!(receipts.len(), sent, "a receipt an event");
        receipts
    }

    /// Appends each event in a batch of its own.
    pub async fn append_each<E: IntoEvent>(&self, events: impl IntoIterator<Item = E>) -> Vec<Receipt> {
        let mut receipts = Vec::new();
        for event in events {
            receipts.extend(self.append([event]).await);
        }
        receipts
    }

    /// The whole log, read page by page.
    pub async fn log(&self) -> Vec<Recorded> {
        let mut log: Vec<Recorded> = Vec::new();
        loop {
            let after = log.last().map_or(0, |last| last.position);
            let page = self.store.events(after, 1000).await.expect("the log is read");
            if page.is_empty() {
                return log;
            }
            assert!(page.iter().all(|recorded| recorded.position > after), "a page comes after its position");
            log.extend(page);
        }
    }

    /// Everything that counts for an actor, up to the end of time.
    pub async fn contributions(&self, actor: &str) -> Vec<Contribution> {
        self.contributions_in(actor, Window::all_until(Timestamp::MAX)).await
    }

    /// What counts for an actor in a window.
    pub async fn contributions_in(&self, actor: &str, window: Window) -> Vec<Contribution> {
        let actor = ActorName::from_stored(actor);
        let mut all: Vec<Contribution> = Vec::new();
        loop {
            let after = all.last().map(Contribution::cursor);
            let page =
                self.store.contributions(&actor, window, after, 500).await.expect("contributions are read");
            if page.is_empty() {
                return all;
            }
            let follows = |c: &Contribution| after.is_none_or(|after| c.cursor() > after);
            assert!(page.iter().all(follows), "a page comes after its cursor");
            all.extend(page);
        }
    }

    /// An actor's activity over the days before `until`.
    pub async fn activity(&self, actor: &str, window: Window) -> Activity {
        let actor = ActorName::from_stored(actor);
        self.store.activity(&actor, window).await.expect("an activity is read")
    }

    /// The cases open on an actor's clock at `as_of`.
    pub async fn open(&self, actor: &str, as_of: Timestamp) -> Vec<OpenCase> {
        self.activity(actor, Window::days_until(90, as_of)).await.open
    }

    /// An actor's dossier under the built-in policy.
    pub async fn dossier(&self, actor: &str, as_of: impl Into<AsOf>) -> Dossier {
        let actor = ActorName::from_stored(actor);
        self.store.dossier(&actor, as_of.into(), &Policy::default()).await.expect("a dossier is made")
    }

    /// Every dossier under the built-in policy.
    pub async fn dossiers(&self, as_of: impl Into<AsOf>) -> Vec<Dossier> {
        self.dossiers_under(&Policy::default(), as_of).await
    }

    /// Every dossier under a policy.
    pub async fn dossiers_under(&self, policy: &Policy, as_of: impl Into<AsOf>) -> Vec<Dossier> {
        let as_of = as_of.into();
        let dossiers = self.store.dossiers(as_of, policy, None, usize::MAX).await.expect("dossiers are made");
        if dossiers.iter().all(|dossier| dossier.policy.digest == policy.digest()) {
            return dossiers;
        }
        // A server judged, by its own policy.
        judge_here(&*self.store, as_of, policy, None, usize::MAX).await.expect("dossiers are made")
    }

    /// One case's events.
    pub async fn case(&self, case_id: &str) -> Vec<Recorded> {
        self.store.case(&CaseId::from_stored(case_id)).await.expect("a case is read")
    }
}

/// What a fresh store's clock shows: 2026-03-31T12:00:00Z, a Tuesday.
pub fn now() -> Timestamp {
    time("2026-03-31T12:00:00Z")
}

/// The instant that a text names.
pub fn time(text: &str) -> Timestamp {
    text.parse().expect("the suite's times are RFC 3339")
}

/// 2026-03-02T00:00:00Z, a Monday, and so many hours: where most of the suite's cases begin.
pub(crate) fn hour(hours: i64) -> Timestamp {
    time("2026-03-02T00:00:00Z").plus_millis(hours * 3_600_000)
}

/// Whole hours in milliseconds.
pub(crate) const fn hours(hours: u64) -> u64 {
    hours * 3_600_000
}

/// A measure in a few words, for comparisons that a person can read: `verdict`, `override`, `held 3600000`,
/// `pool 3600000`, `stars 4`, `advice followed`, `advice overridden`, `appeal upheld`, …
pub(crate) fn said(contribution: &Contribution) -> String {
    use crate::contribution::Measure;
    match contribution.measure {
        Measure::Verdict { overridden: false } => "verdict".to_owned(),
        Measure::Verdict { overridden: true } => "override".to_owned(),
        Measure::Processing { counted_ms, held: true, .. } => format!("held {counted_ms}"),
        Measure::Processing { counted_ms, held: false, .. } => format!("pool {counted_ms}"),
        Measure::Satisfaction { stars } => format!("stars {stars}"),
        Measure::Recommendation { overridden: false } => "advice followed".to_owned(),
        Measure::Recommendation { overridden: true } => "advice overridden".to_owned(),
        Measure::Appeal { reversed: false, .. } => "appeal upheld".to_owned(),
        Measure::Appeal { reversed: true, .. } => "appeal reversed".to_owned(),
    }
}
