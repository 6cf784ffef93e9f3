//! Contributions: whose, in which order, in which window, page by page.

use super::bench::{Bench, Trial, hour, hours, now, said};
use crate::contribution::{Contribution, Measure};
use crate::event::{Event, Outcome};
use crate::name::ActorName;
use crate::time::{Timestamp, Window};

const ANNE: &str = "anne@sba.gov";

async fn page(trial: &Trial, after: Option<&Contribution>, limit: usize) -> Vec<Contribution> {
    let (actor, window) = (ActorName::from_stored(ANNE), Window::all_until(Timestamp::MAX));
    let after = after.map(Contribution::cursor);
    let page = trial.store.contributions(&actor, window, after, limit).await.expect("contributions are read");
    let follows = |c: &Contribution| after.is_none_or(|after| c.cursor() > after);
    assert!(page.iter().all(follows), "a page comes after its cursor");
    page
}

/// Names are compared trimmed and without case, and shown in lower case.
pub async fn actors_are_one_whatever_their_letters(bench: &Bench) {
    let trial = bench.store().await;
    let names = [
        "Officer_Anne@SBA.gov",
        " officer_anne@sba.gov ",
        "OFFICER_ANNE@SBA.GOV",
        "ÄNNE@sba.gov",
        "änne@SBA.gov",
    ];
    trial.append(names.map(|name| Event::decision(name).at(hour(1)))).await;
    assert_eq!(trial.contributions("officer_anne@sba.gov").await.len(), 3);
    assert_eq!(trial.contributions("änne@sba.gov").await.len(), 2);
    let shown: Vec<String> =
        trial.dossiers(now()).await.iter().map(|dossier| dossier.actor.to_string()).collect();
    assert_eq!(shown, ["officer_anne@sba.gov", "änne@sba.gov"]);
    // A case assigned again to its holder under other letters goes on unchanged.
    trial
        .append([
            Event::assigned("C-1", "Änne@sba.gov").at(hour(2)),
            Event::assigned("C-1", "änne@SBA.GOV").at(hour(3)),
        ])
        .await;
    assert_eq!(trial.contributions("änne@sba.gov").await.len(), 2);
    assert_eq!(trial.open("änne@sba.gov", hour(4)).await[0].since, hour(2));
}

/// By instant; at one instant, by the position of the event that caused them.
pub async fn contributions_come_by_instant_then_in_log_order(bench: &Bench) {
    let trial = bench.store().await;
    trial
        .append([
            Event::sat_score(5).actor(ANNE).at(hour(30)),
            Event::sat_score(4).actor(ANNE).at(hour(2)),
            Event::sat_score(3).actor(ANNE).at(hour(30)),
        ])
        .await;
    trial
        .append([Event::sat_score(2).actor(ANNE).at(hour(2)), Event::sat_score(1).actor(ANNE).at(hour(1))])
        .await;
    let all = trial.contributions(ANNE).await;
    assert_eq!(
        all.iter().map(said).collect::<Vec<_>>(),
        ["stars 1", "stars 4", "stars 2", "stars 5", "stars 3"]
    );
    assert_eq!(all.iter().map(|c| c.position).collect::<Vec<_>>(), [5, 2, 4, 1, 3]);
    assert!(all.iter().all(|c| c.actor.as_str() == ANNE && c.case_id.is_none()), "{all:?}");
}

/// Pages of any size, over days and within one instant, come to the whole, and a limit of 0 to nothing.
pub async fn contributions_are_paged_by_cursor(bench: &Bench) {
    let trial = bench.store().await;
    let crowd = (0..60).map(|n| Event::sat_score(1 + n % 5).actor(ANNE).at(hour(24)));
    let spread = (0..40).map(|n| Event::decision(ANNE).case("C-1").at(hour(12 + n)));
    trial.append(crowd).await;
    trial.append(spread).await;
    let whole = page(&trial, None, 1000).await;
    assert_eq!(whole.len(), 100);
    for limit in [1, 7, 60, 99, 100] {
        let mut paged: Vec<Contribution> = Vec::new();
        loop {
            let next = page(&trial, paged.last(), limit).await;
            assert!(next.len() <= limit, "a page of {limit} holds {}", next.len());
            if next.is_empty() {
                break;
            }
            paged.extend(next);
        }
        assert_eq!(paged, whole, "in pages of {limit}");
    }
    assert!(page(&trial, None, 0).await.is_empty());
    // A cursor is a place, and survives being written down.
    let written = whole[49].cursor().to_string();
    let actor = ActorName::from_stored(ANNE);
    let after = Some(written.parse().expect("a cursor reads what it writes"));
    let rest =
        trial.store.contributions(&actor, Window::all_until(Timestamp::MAX), after, 1000).await.unwrap();
    assert_eq!(rest, whole[50..]);
}

/// One verdict is a verdict, the end of a clock, and an agent's advice taken or not; a page may end between them.
pub async fn one_event_may_cause_three_contributions(bench: &Bench) {
    let trial = bench.store().await;
    trial
        .append([
            // Anne is her own adviser here, so that all three are hers.
            Event::recommendation_of(ANNE, "C-1", "deny").at(hour(1)),
            Event::assigned("C-1", ANNE).at(hour(2)),
            Event::decision(ANNE).case("C-1").human_verdict("approve").at(hour(4)),
            Event::appeal_outcome("C-1", Outcome::Reversed).at(hour(5)),
        ])
        .await;
    let all = trial.contributions(ANNE).await;
    let held = format!("held {}", hours(2));
    let mut told: Vec<String> = all.iter().map(said).collect();
    told[..3].sort_unstable();
    assert_eq!(told, ["advice overridden", held.as_str(), "override", "appeal reversed"]);
    assert!(all.iter().all(|c| c.case_id.as_ref().is_some_and(|case| case.as_str() == "C-1")), "{all:?}");
    let since = all.iter().find_map(|c| match c.measure {
        Measure::Processing { since, held, .. } => Some((since, held)),
        _ => None,
    });
    assert_eq!(since, Some((hour(2), true)));
    let mut paged = Vec::new();
    while let [next] = &page(&trial, paged.last(), 1).await[..] {
        paged.push(next.clone());
    }
    assert_eq!(paged, all);
}

/// (`after`, `until`]: to the millisecond, at midnight too.
pub async fn a_window_starts_after_its_start_and_includes_its_end(bench: &Bench) {
    let trial = bench.store().await;
    let (start, end) = (hour(24), hour(72));
    let instants = [
        start.plus_millis(-1),
        start,
        start.plus_millis(1),
        hour(40),
        end.plus_millis(-1),
        end,
        end.plus_millis(1),
    ];
    trial.append(instants.map(|at| Event::decision(ANNE).at(at))).await;
    let window = Window { after: start, until: end };
    let inside: Vec<Timestamp> = trial.contributions_in(ANNE, window).await.iter().map(|c| c.at).collect();
    assert_eq!(inside, instants[2..6]);
    let days = trial.activity(ANNE, window).await.days;
    assert_eq!(days.iter().map(|(_, tally)| tally.decisions).sum::<u64>(), 4);
    let moment = Window { after: start, until: start.plus_millis(1) };
    assert_eq!(trial.contributions_in(ANNE, moment).await.len(), 1);
    let none = Window { after: start, until: start };
    assert!(trial.contributions_in(ANNE, none).await.is_empty());
}

/// Stars, appeals and pool time that nobody can be named for are counted, as nobody's.
pub async fn what_nobody_can_be_named_for_is_nobodys(bench: &Bench) {
    let trial = bench.store().await;
    trial
        .append([
            Event::sat_score(3).case("C-1").at(hour(1)),
            Event::appeal_outcome("C-2", Outcome::Upheld).at(hour(2)),
            Event::case_opened("C-3").at(hour(0)),
            Event::case_closed("C-3").at(hour(3)),
        ])
        .await;
    let nobody = trial.contributions(ActorName::nobody().as_str()).await;
    let told: Vec<String> = nobody.iter().map(said).collect();
    assert_eq!(told, ["stars 3".to_owned(), "appeal upheld".to_owned(), format!("pool {}", hours(3))]);
    assert!(nobody.iter().all(|c| c.actor.is_nobody()));
    let activity = trial.activity("", Window::all_until(now())).await;
    assert_eq!(activity.days.iter().map(|(_, tally)| tally.stars[2]).sum::<u64>(), 1);
}

/// No error: nothing counts for whom nobody knows.
pub async fn contributions_of_an_unknown_actor_are_none(bench: &Bench) {
    let trial = bench.store().await;
    trial.append([Event::decision(ANNE).at(hour(1)), Event::viewed("C-1", "idle@sba.gov").at(hour(1))]).await;
    assert!(trial.contributions("unknown@sba.gov").await.is_empty());
    assert!(trial.contributions("idle@sba.gov").await.is_empty());
    assert!(trial.contributions("").await.is_empty());
}
