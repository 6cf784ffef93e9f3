//! Dossiers made here, of what a store gives: what [`Store`]'s provided methods do.

use std::sync::Arc;

use super::{Activity, Affected, AsOf, Store, StoreStatus};
use crate::contribution::Contribution;
use crate::dossier::Dossier;
use crate::error::Result;
use crate::name::ActorName;
use crate::policy::{Gathering, PeerGroups, Policy, Reach};
use crate::time::{DAY_MS, Timestamp, Window};

/// How many actors are read at a time where everybody is.
const PAGE: usize = 2_000;

/// An actor's dossier under that policy, made here: what [`Store::dossier`] is unless a store overrides it.
///
/// Where a rule compares the actor with its peers, this reads everybody's activity.
///
/// # Errors
/// As the store meets them.
pub async fn judge_one_here<S: Store + ?Sized>(
    store: &S,
    actor: &ActorName,
    as_of: AsOf,
    policy: &Policy,
) -> Result<Dossier> {
    let status = store.status().await?;
    let as_of = as_of.resolve(&status);
    let gathered = gather(store, &status, as_of, policy, drop).await?;
    judge_one_among(store, &gathered.groups, actor, as_of, policy, &status.calendar).await
}

/// The same where it is known what everybody's activity came to.
pub(super) async fn judge_one_among<S: Store + ?Sized>(
    store: &S,
    groups: &PeerGroups,
    actor: &ActorName,
    as_of: Timestamp,
    policy: &Policy,
    calendar: &str,
) -> Result<Dossier> {
    let reach = policy.reach(as_of);
    let activity = store.activity(actor, reach.activity).await?;
    let (activity, _) = cut(store, activity, reach).await?;
    Ok(Dossier::among(groups, &activity, as_of, policy).through(calendar))
}

/// The dossiers of every actor under that policy, made here: what [`Store::dossiers`] is unless a store overrides it. A
/// store that asks a server answers that by the server's policy; this judges by any.
///
/// Where a rule compares actors with their peers, each call reads everybody's activity.
///
/// # Errors
/// As the store meets them.
pub async fn judge_here<S: Store + ?Sized>(
    store: &S,
    as_of: AsOf,
    policy: &Policy,
    after: Option<&ActorName>,
    limit: usize,
) -> Result<Vec<Dossier>> {
    let status = store.status().await?;
    let as_of = as_of.resolve(&status);
    if policy.compares_peers() {
        let (dossiers, _) = judge_and_gather(store, &status, as_of, policy, after, limit).await?;
        return Ok(dossiers);
    }
    judge_among(store, &PeerGroups::none(), as_of, policy, after, limit, &status.calendar).await
}

/// The same where it is known what everybody's activity came to.
pub(super) async fn judge_among<S: Store + ?Sized>(
    store: &S,
    groups: &PeerGroups,
    as_of: Timestamp,
    policy: &Policy,
    after: Option<&ActorName>,
    limit: usize,
    calendar: &str,
) -> Result<Vec<Dossier>> {
    let reach = policy.reach(as_of);
    let mut dossiers = Vec::new();
    let mut after = after.cloned();
    // Whoever was active only before the window is read, and left out. A page may be shorter than what was asked for.
    while dossiers.len() < limit {
        let page = store.activities(reach.activity, after.as_ref(), limit - dossiers.len()).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.actor.clone());
        for activity in page {
            let (activity, _) = cut(store, activity, reach).await?;
            if !activity.is_empty() {
                dossiers.push(Dossier::among(groups, &activity, as_of, policy).through(calendar));
            }
        }
        if reach.before.is_none() {
            break;
        }
    }
    Ok(dossiers)
}

/// The same where that is not known: everybody is read once, and the page's activities are kept until all of them are
/// known.
pub(super) async fn judge_and_gather<S: Store + ?Sized>(
    store: &S,
    status: &StoreStatus,
    as_of: Timestamp,
    policy: &Policy,
    after: Option<&ActorName>,
    limit: usize,
) -> Result<(Vec<Dossier>, Option<Gathered>)> {
    let reach = policy.reach(as_of);
    // At the end of the scoreboard there is nobody left to judge, and no need to read everybody.
    if limit == 0 || after.is_some() && store.activities(reach.activity, after, 1).await?.is_empty() {
        return Ok((Vec::new(), None));
    }
    let mut page = Page { after, limit, activities: Vec::new() };
    let gathered = gather(store, status, as_of, policy, |activity| page.keep(activity)).await?;
    let dossiers = page.judge(&gathered.groups, as_of, policy, &status.calendar);
    Ok((dossiers, Some(gathered)))
}

/// The activities that a page of dossiers is made of, while everybody's are read.
#[derive(Debug)]
struct Page<'a> {
    after: Option<&'a ActorName>,
    limit: usize,
    activities: Vec<Activity>,
}

impl Page<'_> {
    fn keep(&mut self, activity: Activity) {
        let is_next = self.after.is_none_or(|after| activity.actor > *after);
        if is_next && self.activities.len() < self.limit && !activity.is_empty() {
            self.activities.push(activity);
        }
    }

    fn judge(&self, groups: &PeerGroups, as_of: Timestamp, policy: &Policy, calendar: &str) -> Vec<Dossier> {
        let dossier = |activity| Dossier::among(groups, activity, as_of, policy).through(calendar);
        self.activities.iter().map(dossier).collect()
    }
}

/// Everybody's activities on their way to a page of dossiers: for a store that reads them all at one instant of its own.
///
/// ```
/// use apmt_core::store::Board;
/// use apmt_core::{Activity, Policy};
/// let (policy, as_of) = (Policy::default(), "2026-03-01T00:00:00Z".parse()?);
/// let mut board = Board::new(&policy, as_of, None, 50);
/// board.add(Activity::none("anne@sba.gov".try_into()?)); // who has done nothing, and so has no dossier on the board
/// assert!(board.finish("the calendar's digest").is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Board<'a> {
    policy: &'a Policy,
    as_of: Timestamp,
    gathering: Gathering,
    page: Page<'a>,
}

impl<'a> Board<'a> {
    /// A page of at most `limit` dossiers of actors after that name.
    pub fn new(policy: &'a Policy, as_of: Timestamp, after: Option<&'a ActorName>, limit: usize) -> Self {
        let page = Page { after, limit, activities: Vec::new() };
        Self { policy, as_of, gathering: policy.gathering(as_of), page }
    }

    /// Adds an actor, in the order of the names: everybody is to be added, each once, as [`Policy::reach`] asks for it.
    pub fn add(&mut self, activity: Activity) {
        self.gathering.add(&activity);
        self.page.keep(activity);
    }

    /// The page, measured through the calendar of that digest.
    pub fn finish(self, calendar: &str) -> Vec<Dossier> {
        self.page.judge(&self.gathering.finish(), self.as_of, self.policy, calendar)
    }
}

/// What everybody's activity came to.
#[derive(Clone, Debug)]
pub(super) struct Gathered {
    pub(super) groups: Arc<PeerGroups>,
    /// What it was made of, to be brought up to date.
    pub(super) gathering: Arc<Gathering>,
    /// The last instant as of which it comes to the same, from the one that was asked for on, while the log has nothing
    /// more.
    pub(super) until: Timestamp,
}

/// What everybody's activity came to, each of which is given away after that; nothing is read where no rule compares
/// peers.
pub(super) async fn gather<S: Store + ?Sized>(
    store: &S,
    status: &StoreStatus,
    as_of: Timestamp,
    policy: &Policy,
    mut take: impl FnMut(Activity) + Send,
) -> Result<Gathered> {
    if !policy.compares_peers() {
        let gathering = Arc::new(policy.gathering(as_of));
        return Ok(Gathered { groups: Arc::new(PeerGroups::none()), gathering, until: as_of });
    }
    let reach = policy.reach(as_of);
    let mut gathering = policy.gathering(as_of);
    let mut after = None;
    let mut first_to_leave: Option<Timestamp> = None;
    loop {
        let page = store.activities(reach.activity, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.actor.clone());
        for activity in page {
            let (activity, leaves) = cut(store, activity, reach).await?;
            first_to_leave = first_to_leave.into_iter().chain(leaves).min();
            gathering.add(&activity);
            take(activity);
        }
    }
    // Past the day's end, evaluations at the ends of days are others.
    Ok(Gathered::of(gathering, first_to_leave, as_of.day().end(), status, as_of, policy))
}

impl Gathered {
    /// The same until that instant, or until something leaves the window; and nothing may be about to enter it, nor any
    /// clock matter that runs.
    fn of(
        gathering: Gathering,
        first_to_leave: Option<Timestamp>,
        until: Timestamp,
        status: &StoreStatus,
        as_of: Timestamp,
        policy: &Policy,
    ) -> Self {
        let window_ms = u64::from(policy.window_days()) * DAY_MS;
        let leaves = first_to_leave.map(|at| at.plus_millis(window_ms as i64 - 1));
        let nothing_enters = status.latest.is_none_or(|latest| latest <= as_of);
        let stands_still = nothing_enters && !policy.compares_open_cases();
        let until = if stands_still { leaves.into_iter().fold(until, Ord::min) } else { as_of };
        Self { groups: Arc::new(gathering.finish()), gathering: Arc::new(gathering), until }
    }

    /// What everybody's activity comes to after more of the log: only those are read again whom it can have changed.
    ///
    /// `as_of` lies between the instant that this was gathered as of and [`until`](Self::until), and `after` is the
    /// position that it was gathered at.
    pub(super) async fn renewed(
        &self,
        store: &dyn Store,
        status: &StoreStatus,
        after: u64,
        as_of: Timestamp,
        policy: &Policy,
    ) -> Result<Self> {
        let mut affected = Affected::default();
        let mut position = after;
        while position < status.position {
            let events = store.events(position, PAGE).await?;
            let Some(last) = events.last() else { break };
            position = last.position;
            affected.take(store, &events).await?;
        }
        let reach = policy.reach(as_of);
        let mut gathering = Gathering::clone(&self.gathering);
        let mut first_to_leave: Option<Timestamp> = None;
        for actor in affected.into_actors(store).await?.into_keys() {
            let activity = store.activity(&actor, reach.activity).await?;
            let (activity, leaves) = cut(store, activity, reach).await?;
            first_to_leave = first_to_leave.into_iter().chain(leaves).min();
            gathering.add(&activity);
        }
        Ok(Self::of(gathering, first_to_leave, self.until, status, as_of, policy))
    }
}

/// The activity as a judgement needs it, that of the dossier's window and whole days before it; and when the first of
/// what counts on the window's first day counts.
pub(crate) async fn cut<S: Store + ?Sized>(
    store: &S,
    activity: Activity,
    reach: Reach,
) -> Result<(Activity, Option<Timestamp>)> {
    let (first, _) = reach.window.days();
    // Whoever did nothing on the day that the window cuts through has nothing on either side of it.
    let day: Vec<Contribution> = if activity.days.iter().any(|(day, _)| *day == first) {
        let after = reach.before.map_or(reach.window.after, |before| before.after);
        store.contributions(&activity.actor, Window { after, until: first.end() }, None, usize::MAX).await?
    } else {
        Vec::new()
    };
    let before = day.partition_point(|contribution| contribution.at <= reach.window.after);
    let (before, inside) = day.split_at(before);
    let leaves = inside.first().map(|contribution| contribution.at);
    let activity = if reach.before.is_some() { activity.split(reach.window, before) } else { activity };
    Ok((activity, leaves))
}
