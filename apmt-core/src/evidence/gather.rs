//! Gathering from a store what one dossier is made of.

use std::collections::HashSet;

use uuid::Uuid;

use super::{About, Bundle, Difference, Stated, calendar};
use crate::calendar::Calendar;
use crate::case::FOLD_VERSION;
use crate::error::{Error, ErrorKind, Result};
use crate::event::What;
use crate::name::{ActorName, CaseId};
use crate::policy::{Policy, Reach};
use crate::store::{Activity, AsOf, OpenCase, Recorded, Store, cut, judge_one_here};
use crate::time::Timestamp;
use crate::yaml::YamlError;

/// How many events of the log, or actors, are read at a time.
const PAGE: usize = 1000;

/// How often a log that grows meanwhile is read again.
const ATTEMPTS: usize = 3;

impl Bundle {
    /// Reads from a store what the actor's dossier is made of, judges by that policy, and makes sure that the bundle
    /// comes to the very dossier.
    ///
    /// `policy` is YAML; `calendar` is the store's, as YAML or as the name of one that ships. The log is read once from
    /// its beginning: `progress` is told how many of how many positions are done.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) for a policy or a calendar that cannot be read; [`Mismatch`](ErrorKind::Mismatch)
    /// where the store measures through another calendar, or where what is left of the log comes to another dossier,
    /// because its oldest part has been dropped; otherwise as the store meets them.
    pub async fn gather<S: Store + ?Sized>(
        store: &S,
        actor: &ActorName,
        as_of: AsOf,
        policy: &str,
        calendar: &str,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Self> {
        let rules = Rules::read(policy, calendar)?;
        let status = store.status().await?;
        if status.calendar != rules.calendar.digest() {
            return Err(Error::new(
                ErrorKind::Mismatch,
                format!(
                    "the store measures through the calendar of digest {}, and {} has the digest {}: give the store's",
                    status.calendar,
                    rules.calendar.name(),
                    rules.calendar.digest()
                ),
            ));
        }
        let as_of = as_of.resolve(&status);
        let mut attempt = 1;
        loop {
            let bundle = rules.gather(store, actor, as_of, &mut progress).await?;
            let recomputed = bundle.recompute(&rules.policy, rules.calendar.clone()).await?;
            let Some(difference) = Difference::between(&bundle.dossier, &recomputed.to_json()) else {
                return Ok(bundle);
            };
            let grown = store.status().await?.position != bundle.about.log_position;
            if !grown || attempt == ATTEMPTS {
                let why = if grown {
                    "events are being recorded: try again"
                } else {
                    "either the oldest part of the log has been dropped, or this is a bug"
                };
                return Err(Error::new(
                    ErrorKind::Mismatch,
                    format!("the dossier of {actor} cannot be made again, for it {difference}: {why}"),
                ));
            }
            attempt += 1;
        }
    }
}

/// What a dossier is judged and measured by, and the texts that say so.
struct Rules<'a> {
    policy: Policy,
    policy_text: &'a str,
    calendar: Calendar,
    calendar_text: &'a str,
}

impl<'a> Rules<'a> {
    fn read(policy_text: &'a str, calendar_text: &'a str) -> Result<Self> {
        let invalid = |error: YamlError| Error::new(ErrorKind::Invalid, error.to_string()).with_source(error);
        Ok(Self {
            policy: Policy::from_yaml("policy", policy_text).map_err(invalid)?,
            policy_text,
            calendar: calendar(calendar_text).map_err(invalid)?,
            calendar_text,
        })
    }

    async fn gather<S: Store + ?Sized>(
        &self,
        store: &S,
        actor: &ActorName,
        as_of: Timestamp,
        progress: &mut (impl FnMut(u64, u64) + Send),
    ) -> Result<Bundle> {
        let log_position = store.status().await?.position;
        let dossier = judge_one_here(store, actor, AsOf::At(as_of), &self.policy).await?.to_json();
        let reach = self.policy.reach(as_of);
        let events = Selection::of(store, actor, reach).await?.read(store, log_position, progress).await?;
        let peers = self.peers(store, actor, as_of).await?;
        let about = About {
            actor: actor.clone(),
            as_of,
            log_position,
            apmt: env!("CARGO_PKG_VERSION").to_owned(),
            fold: FOLD_VERSION,
            policy: Stated {
                name: self.policy.name().to_owned(),
                digest: self.policy.digest().to_owned(),
                text: self.policy_text.to_owned(),
            },
            calendar: Stated {
                name: self.calendar.name().to_owned(),
                digest: self.calendar.digest(),
                text: self.calendar_text.to_owned(),
            },
        };
        Ok(Bundle { about, dossier, events, peers })
    }

    /// Everybody else's tallies, without names, and in an order that tells none.
    async fn peers<S: Store + ?Sized>(
        &self,
        store: &S,
        actor: &ActorName,
        as_of: Timestamp,
    ) -> Result<Vec<Activity>> {
        let mut peers: Vec<Activity> = Vec::new();
        if !self.policy.compares_peers() {
            return Ok(peers);
        }
        let (reach, with_open) = (self.policy.reach(as_of), self.policy.compares_open_cases());
        // Of an open case, what its clock has come to: not which it is, nor since when.
        let open = |case: OpenCase| OpenCase { case_id: CaseId::from_stored(""), since: as_of, ..case };
        let mut after = None;
        loop {
            let page = store.activities(reach.activity, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.actor.clone());
            for activity in page.into_iter().filter(|activity| activity.actor != *actor) {
                let (mut activity, _) = cut(store, activity, reach).await?;
                activity.actor = ActorName::nobody();
                activity.open = activity.open.into_iter().filter(|_| with_open).map(open).collect();
                activity
                    .open
                    .sort_unstable_by(|a, b| (a.counted_ms, &a.track).cmp(&(b.counted_ms, &b.track)));
                peers.push(activity);
            }
        }
        peers.sort_by_cached_key(|peer| serde_json::to_string(peer).unwrap_or_default());
        Ok(peers)
    }
}

/// Which events of a log one dossier is made of.
struct Selection<'a> {
    actor: &'a ActorName,
    cases: HashSet<CaseId>,
    /// What counts without a case.
    positions: HashSet<u64>,
    picked: Vec<Recorded>,
    /// Those of what has not been picked, or not yet.
    retractions: Vec<Recorded>,
    /// The event that says last whether the actor is a person or a machine, retracted or not.
    kind: Option<Recorded>,
}

impl<'a> Selection<'a> {
    async fn of<S: Store + ?Sized>(store: &S, actor: &'a ActorName, reach: Reach) -> Result<Self> {
        let (mut cases, mut positions) = (HashSet::new(), HashSet::new());
        for contribution in store.contributions(actor, reach.activity, None, usize::MAX).await? {
            match contribution.case_id {
                Some(case_id) => drop(cases.insert(case_id)),
                None => drop(positions.insert(contribution.position)),
            }
        }
        let open = store.activity(actor, reach.window).await?.open;
        cases.extend(open.into_iter().map(|open| open.case_id));
        Ok(Self { actor, cases, positions, picked: Vec::new(), retractions: Vec::new(), kind: None })
    }

    /// Reads the log up to a position, and picks from it.
    async fn read<S: Store + ?Sized>(
        mut self,
        store: &S,
        until: u64,
        progress: &mut (impl FnMut(u64, u64) + Send),
    ) -> Result<Vec<Recorded>> {
        let mut after = 0;
        while after < until {
            let page = store.events(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.position;
            page.into_iter()
                .filter(|recorded| recorded.position <= until)
                .for_each(|recorded| self.take(recorded));
            progress(after.min(until), until);
        }
        self.pick_kind(store, until).await?;
        let ids: HashSet<Uuid> = self.picked.iter().map(|recorded| recorded.id).collect();
        let of_picked = |recorded: &Recorded| match recorded.event.what() {
            What::Retraction { retracts, .. } => ids.contains(retracts),
            _ => false,
        };
        self.picked.extend(self.retractions.into_iter().filter(of_picked));
        self.picked.sort_unstable_by_key(|recorded| recorded.position);
        self.picked.dedup_by_key(|recorded| recorded.position);
        Ok(self.picked)
    }

    fn take(&mut self, recorded: Recorded) {
        let event = &recorded.event;
        let says_kind = event.actor() == Some(self.actor) && event.actor_kind().is_some();
        if says_kind && self.kind.as_ref().is_none_or(|known| known.order() < recorded.order()) {
            self.kind = Some(recorded.clone());
        }
        let of_case = event.case_id().is_some_and(|case_id| self.cases.contains(case_id));
        if of_case || self.positions.contains(&recorded.position) {
            self.picked.push(recorded);
        } else if matches!(event.what(), What::Retraction { .. }) {
            self.retractions.push(recorded);
        }
    }

    /// The event that says the actor's kind comes with its whole case, for alone it could count for something else.
    async fn pick_kind<S: Store + ?Sized>(&mut self, store: &S, until: u64) -> Result<()> {
        let Some(kind) = self.kind.take() else { return Ok(()) };
        match kind.event.case_id() {
            Some(case_id) if self.cases.contains(case_id) => {}
            Some(case_id) => {
                let case = store.case(case_id).await?;
                self.picked.extend(case.into_iter().filter(|recorded| recorded.position <= until));
            }
            None => self.picked.push(kind),
        }
        Ok(())
    }
}
