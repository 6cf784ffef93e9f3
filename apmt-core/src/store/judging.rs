//! Dossiers made here, of what a store gives: what [`Store`]'s provided methods do.

use super::{Activity, AsOf, Store};
use crate::dossier::Dossier;
use crate::error::Result;
use crate::name::ActorName;
use crate::policy::{PeerGroups, Policy, Reach};
use crate::time::Timestamp;

/// How many actors are read at a time where everybody is.
const PAGE: usize = 500;

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
    let reach = policy.reach(as_of);
    let activity = store.activity(actor, reach.activity).await?;
    let activity = cut(store, activity, reach).await?;
    let groups = gather(store, as_of, policy, drop).await?;
    Ok(Dossier::among(&groups, &activity, as_of, policy).through(status.calendar))
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
    let reach = policy.reach(as_of);
    if policy.compares_peers() {
        return judge_among(store, as_of, policy, after, limit, &status.calendar).await;
    }
    let mut dossiers = Vec::new();
    let mut after = after.cloned();
    // Whoever was active only before the window is read, and left out. A page may be shorter than what was asked for.
    while dossiers.len() < limit {
        let page = store.activities(reach.activity, after.as_ref(), limit - dossiers.len()).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.actor.clone());
        for activity in page {
            let activity = cut(store, activity, reach).await?;
            if !activity.is_empty() {
                dossiers.push(Dossier::of(&activity, as_of, policy).through(&*status.calendar));
            }
        }
        if reach.before.is_none() {
            break;
        }
    }
    Ok(dossiers)
}

/// The same among peers: everybody is read once, and the page's activities are kept until all of them are known.
async fn judge_among<S: Store + ?Sized>(
    store: &S,
    as_of: Timestamp,
    policy: &Policy,
    after: Option<&ActorName>,
    limit: usize,
    calendar: &str,
) -> Result<Vec<Dossier>> {
    let reach = policy.reach(as_of);
    // At the end of the scoreboard there is nobody left to judge, and no need to read everybody.
    if limit == 0 || after.is_some() && store.activities(reach.activity, after, 1).await?.is_empty() {
        return Ok(Vec::new());
    }
    let mut page: Vec<Activity> = Vec::new();
    let groups = gather(store, as_of, policy, |activity| {
        let is_next = after.is_none_or(|after| activity.actor > *after);
        if is_next && page.len() < limit && !activity.is_empty() {
            page.push(activity);
        }
    })
    .await?;
    let dossier = |activity| Dossier::among(&groups, activity, as_of, policy).through(calendar);
    Ok(page.iter().map(dossier).collect())
}

/// What everybody's activity came to, each of which is given away after that; nothing is read where no rule compares
/// peers.
async fn gather<S: Store + ?Sized>(
    store: &S,
    as_of: Timestamp,
    policy: &Policy,
    mut take: impl FnMut(Activity) + Send,
) -> Result<PeerGroups> {
    if !policy.compares_peers() {
        return Ok(PeerGroups::none());
    }
    let reach = policy.reach(as_of);
    let mut gathering = policy.gathering(as_of);
    let mut after = None;
    loop {
        let page = store.activities(reach.activity, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.actor.clone());
        for activity in page {
            let activity = cut(store, activity, reach).await?;
            gathering.add(&activity);
            take(activity);
        }
    }
    Ok(gathering.finish())
}

/// The activity as a judgement needs it: that of the dossier's window, and whole days before it.
pub(crate) async fn cut<S: Store + ?Sized>(store: &S, activity: Activity, reach: Reach) -> Result<Activity> {
    let Some(before) = reach.before else { return Ok(activity) };
    // Whoever did nothing on the day that the window cuts through has nothing on either side of it.
    let (first, _) = reach.window.days();
    let before = if activity.days.iter().any(|(day, _)| *day == first) {
        store.contributions(&activity.actor, before, None, usize::MAX).await?
    } else {
        Vec::new()
    };
    Ok(activity.split(reach.window, &before))
}
