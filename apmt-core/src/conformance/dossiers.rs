//! Dossiers: made of the activity, at any `as_of`, page by page, and equal to a naive recomputation.

use super::bench::{Bench, Trial, hour, now, time};
use super::random::moved;
use super::{naive, policy_with_targets, random_events, record};
use crate::calendar::Calendar;
use crate::dossier::{Dossier, Status};
use crate::event::{Event, Outcome};
use crate::name::ActorName;
use crate::policy::Policy;
use crate::store::{AsOf, judge_here};
use crate::time::{Timestamp, Window};

const ANNE: &str = "anne@sba.gov";

/// A day in the life of a case, with all that a dossier shows.
fn busy() -> Vec<Event> {
    [
        Event::case_opened("C-1").at(hour(0)),
        Event::recommendation_of("bot", "C-1", "deny").at(hour(1)),
        Event::assigned("C-1", ANNE).at(hour(2)),
        Event::decision(ANNE).case("C-1").human_verdict("approve").at(hour(7)),
        Event::sat_score(2).case("C-1").at(hour(30)),
        Event::appeal_outcome("C-1", Outcome::Reversed).at(hour(50)),
        Event::assigned("C-2", ANNE).at(hour(60)),
    ]
    .map(|event| event.build().unwrap())
    .into()
}

/// The dossier is what [`Dossier::of`] makes of the store's activity over the policy's window.
pub async fn a_dossier_is_made_of_the_activity(bench: &Bench) {
    let trial = bench.store().await;
    trial.append(busy()).await;
    let policy = Policy::default();
    for actor in [ANNE, "bot"] {
        for as_of in [hour(7).plus_millis(-1), hour(7), hour(55), now()] {
            let activity = trial.activity(actor, Window::days_until(policy.window_days(), as_of)).await;
            let dossier = trial.dossier(actor, as_of).await;
            let made = Dossier::of(&activity, as_of, &policy).through(trial.calendar.digest());
            assert_eq!(dossier, made, "{actor} as of {as_of}");
        }
    }
    let dossier = trial.dossier(ANNE, now()).await;
    let metrics = &dossier.metrics;
    assert_eq!((metrics.decisions, metrics.overrides, metrics.override_rate), (1, 1, Some(1.0)));
    assert_eq!((metrics.avg_processing_hours, metrics.sat_score_mean), (Some(5.0), Some(2.0)));
    assert_eq!((metrics.appeals.overrides_reversed, metrics.open.count), (1, 1));
    assert_eq!((dossier.status, dossier.pip_recommended), (Status::Pip, true));
    let advice = trial.dossier("bot", now()).await.metrics;
    assert_eq!((advice.recommendations, advice.recommendations_overridden), (1, 1));
}

/// `Now` is the store's clock; `Latest` the newest instant, or now in an empty log.
pub async fn as_of_is_now_the_latest_event_or_an_instant(bench: &Bench) {
    let trial = bench.store().await;
    assert_eq!(trial.dossier(ANNE, AsOf::Latest).await.as_of, now(), "there is no event yet");
    trial.append(busy()).await;
    trial.clock.set(hour(10_000));
    assert_eq!(trial.dossier(ANNE, AsOf::Now).await.as_of, hour(10_000));
    assert_eq!(trial.dossier(ANNE, AsOf::Now).await.metrics.decisions, 0, "the window has moved on");
    let latest = trial.dossier(ANNE, AsOf::Latest).await;
    assert_eq!((latest.as_of, latest.metrics.decisions), (hour(60), 1));
    assert_eq!(trial.dossier(ANNE, hour(6)).await.metrics.decisions, 0);
    assert_eq!(trial.dossiers(AsOf::Latest).await[0], latest);
    let then = trial.dossiers(hour(6)).await;
    let names: Vec<&str> = then.iter().map(|dossier| dossier.actor.as_str()).collect();
    assert_eq!(names, [ANNE, "bot"], "Anne held the case, and the bot had disposed of it");
    assert_eq!(then[1].metrics.recommendations, 0, "nobody had decided on its advice yet");
}

/// Zeros and nulls, and good.
pub async fn an_unknown_actor_has_a_dossier_of_zeros(bench: &Bench) {
    let trial = bench.store().await;
    trial.append(busy()).await;
    let dossier = trial.dossier("unknown@sba.gov", now()).await;
    assert_eq!((dossier.actor.as_str(), dossier.actor_kind), ("unknown@sba.gov", None));
    assert_eq!((dossier.metrics.decisions, dossier.metrics.override_rate), (0, None));
    assert_eq!((dossier.metrics.avg_processing_hours, dossier.metrics.sat_score_mean), (None, None));
    assert_eq!((dossier.status, dossier.reasons.len()), (Status::Good, 0));
}

/// As activities are paged: after a name, at most `limit`.
pub async fn dossiers_are_paged(bench: &Bench) {
    let trial = bench.store().await;
    trial.append((0..15).map(|n| Event::decision(&format!("officer_{n:02}")).at(hour(n)))).await;
    let policy = Policy::default();
    let whole = trial.dossiers(now()).await;
    assert_eq!(whole.len(), 15);
    let mut paged: Vec<Dossier> = Vec::new();
    loop {
        let after = paged.last().map(|dossier| dossier.actor.clone());
        let page = trial.store.dossiers(AsOf::At(now()), &policy, after.as_ref(), 4).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 4);
        assert!(after.is_none_or(|after| page[0].actor > after), "a page comes after its name");
        paged.extend(page);
    }
    assert_eq!(paged, whole);
    for dossier in whole {
        assert_eq!(dossier, trial.dossier(dossier.actor.as_str(), now()).await);
    }
    let last = ActorName::from_stored("zz");
    assert!(trial.store.dossiers(AsOf::Now, &policy, Some(&last), 4).await.unwrap().is_empty());
    assert!(trial.store.dossiers(AsOf::Now, &policy, None, 0).await.unwrap().is_empty());
}

/// Rules that look back and compare with peers, on what the random logs hold.
const AMONG_PEERS: &str = "
name: among-peers
window_days: 4
sla: {target: 30h}
rules:
  - id: lasting
    when: [{metric: override_rate, above: 0.2}, {metric: processing_hours.median, above: 0.5, bound: order_lower}]
    peers: {by: [track, kind], limit: 0.6, min_group: 2}
    for: 2d
    clear_after: 1d
    then: pip
  - id: queue
    when: [sla.compliance < 0.9, open.count >= 1]
    peers: {limit: 0.6, min_group: 2}
    then: watch
";

/// However a store reads them for that, verdicts among peers are what its activities and contributions come to, and a
/// page of them is a part of the whole.
pub async fn verdicts_among_peers_are_made_of_the_activities(bench: &Bench) {
    let policy = Policy::from_yaml("among-peers", AMONG_PEERS).expect("the policy is valid");
    for seed in 40..44 {
        let trial = bench.store().await;
        trial.append(random_events(seed, 150)).await;
        for as_of in instants().into_iter().map(AsOf::At) {
            let whole = trial.dossiers_under(&policy, as_of).await;
            let made = judge_here(&*trial.store, as_of, &policy, None, usize::MAX).await;
            assert_eq!(whole, made.expect("activities are read"), "seed {seed}, {as_of:?}");
            let mut paged: Vec<Dossier> = Vec::new();
            loop {
                let after = paged.last().map(|dossier| dossier.actor.clone());
                let page = trial.store.dossiers(as_of, &policy, after.as_ref(), 2).await.unwrap();
                if page.iter().any(|dossier| dossier.policy.digest != policy.digest()) {
                    // A server judges, by its own policy.
                    return;
                }
                if page.is_empty() {
                    break;
                }
                paged.extend(page);
            }
            assert_eq!(paged, whole, "seed {seed}, {as_of:?}");
        }
    }
}

/// Instants at which random logs are looked at: in the midst of cases, on their edges, and long after.
fn instants() -> Vec<Timestamp> {
    vec![
        hour(5),
        hour(10).plus_millis(-1),
        hour(15).plus_millis(1),
        hour(24),
        hour(33).plus_millis(1_234_567),
        hour(170),
        now(),
        // Some 70 days later, the window cuts through the log.
        time("2026-05-31T05:00:00Z"),
    ]
}

async fn agrees(trial: &Trial, seed: u64) {
    let log = trial.log().await;
    let policy = policy_with_targets();
    for as_of in instants() {
        let naive = naive::dossiers(&log, as_of, &policy, &trial.calendar);
        if let Some(difference) = naive::difference(&trial.dossiers_under(&policy, as_of).await, &naive) {
            panic!("seed {seed}, as of {as_of}: {difference}");
        }
    }
}

/// Random logs, in batches of random sizes, at many instants, under two calendars.
pub async fn random_logs_come_to_what_a_naive_recomputation_says(bench: &Bench) {
    for seed in 0..12 {
        let calendar = if seed % 4 == 3 { Calendar::us_federal() } else { Calendar::Always };
        let trial = bench.store_with(calendar).await;
        let events = random_events(seed, 120);
        for batch in events.chunks(1 + seed as usize * 11) {
            trial.append(batch.iter().cloned()).await;
        }
        assert_eq!(trial.log().await, record(&events), "the log is what was sent");
        agrees(&trial, seed).await;
    }
}

/// The same events at once, one by one, twice, and backwards come to the same dossiers.
pub async fn order_and_batching_change_no_dossier(bench: &Bench) {
    // Events of one case at one instant keep their order, for there log order decides: here each has its own instant.
    let events: Vec<Event> = random_events(77, 90)
        .into_iter()
        .zip(0..)
        .map(|(event, n)| {
            let at = event.occurred_at().unwrap_or(now()).plus_millis(n);
            moved(&event, at)
        })
        .collect();
    let at_once = bench.store().await;
    at_once.append(events.clone()).await;
    agrees(&at_once, 77).await;
    let one_by_one = bench.store().await;
    one_by_one.append_each(events.clone()).await;
    let twice = bench.store().await;
    twice.append(events[..60].to_vec()).await;
    twice.append(events[20..].to_vec()).await;
    twice.append(events.clone()).await;
    let backwards = bench.store().await;
    for batch in events.chunks(13).rev() {
        backwards.append(batch.iter().rev().cloned()).await;
    }
    for as_of in instants() {
        let expected = at_once.dossiers(as_of).await;
        for (how, trial) in [("one by one", &one_by_one), ("twice", &twice), ("backwards", &backwards)] {
            assert_eq!(trial.dossiers(as_of).await, expected, "{how}, as of {as_of}");
        }
    }
}
